// SPDX-License-Identifier: Apache-2.0
// Walks both moments' two levels of tables side by side. A second-level table that both share is
// read once: it cannot differ.
#include "storage/qcow2-map.h"

#include <string.h>

#include "storage/qcow2-bytes.h"
#include "storage/qcow2-points.h"

#define HEADER 104
#define L1_MAX (32 * 1024 * 1024) // bytes, as QEMU takes
#define DISK_MAX ((gint64)1 << 46)
#define OFFSET_MASK G_GUINT64_CONSTANT(0x00fffffffffffe00)
#define COPIED (G_GUINT64_CONSTANT(1) << 63)
#define EXTERNAL_DATA 4
#define EXTENDED_L2 16

typedef struct {
    int fd;
    guint cluster_bits;
    gboolean extended;
    guint64 size, l1_at, l1_size; // of the file as it is
} Head;

typedef struct {
    guint64 size, l1_at, l1_size;
    guint8 *l1;
} Moment;

static void
moment_clear(Moment *moment)
{
    g_free(moment->l1);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Moment, moment_clear)

void
yd_qcow2_map_clear(YdQcow2Map *map)
{
    g_clear_pointer(&map->held, g_free);
    g_clear_pointer(&map->changed, g_free);
}

static gboolean
damaged(GError **error, const char *what)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "the image cannot be read for a backup: %s",
                what);
    return FALSE;
}

static gboolean
read_at(int fd, guint8 *buffer, gsize n, guint64 offset, GError **error)
{
    return yd_qcow2_read(fd, buffer, n, offset) ||
           damaged(error, "its tables end before they should");
}

static gboolean
read_head(int fd, Head *head, GError **error)
{
    guint8 bytes[HEADER];
    if (!read_at(fd, bytes, sizeof bytes, 0, error))
        return FALSE;
    guint64 version = yd_qcow2_number(bytes + 4, 4),
            features = version >= 3 ? yd_qcow2_number(bytes + 72, 8) : 0;
    *head = (Head){.fd = fd,
                   .cluster_bits = (guint)yd_qcow2_number(bytes + 20, 4),
                   .size = yd_qcow2_number(bytes + 24, 8),
                   .l1_size = yd_qcow2_number(bytes + 36, 4),
                   .l1_at = yd_qcow2_number(bytes + 40, 8),
                   .extended = (features & EXTENDED_L2) != 0};
    if (memcmp(bytes, "QFI\xfb", 4) != 0 || version < 2 || version > 3)
        return damaged(error, "it is no qcow2 file");
    if (yd_qcow2_number(bytes + 32, 4) != 0 || (features & EXTERNAL_DATA))
        return damaged(error, "it is encrypted or has its data elsewhere");
    if (head->cluster_bits < 9 || head->cluster_bits > 21 ||
        yd_qcow2_number(bytes + 60, 4) > YD_QCOW2_POINTS_MAX)
        return damaged(error, "its header makes no sense");
    return TRUE;
}

static gboolean
find(const Head *head, const char *name, Moment *moment, gboolean *ret_is, GError **error)
{
    YdQcow2Point point = {.l1_at = head->l1_at, .l1_size = head->l1_size};
    *ret_is = TRUE;
    g_autoptr(GError) why = NULL;
    if (name && !yd_qcow2_find_point(head->fd, name, &point, ret_is, &why))
        return damaged(error, why->message);
    if (*ret_is)
        *moment = (Moment){.size = point.size ? point.size : head->size,
                           .l1_at = point.l1_at,
                           .l1_size = point.l1_size};
    return TRUE;
}

static gboolean
read_l1(const Head *head, Moment *moment, GError **error)
{
    gsize bytes = moment->l1_size * 8;
    if (bytes > L1_MAX || moment->size > DISK_MAX)
        return damaged(error, "its tables are absurdly large");
    moment->l1 = g_malloc(bytes + 8);
    return read_at(head->fd, moment->l1, bytes, moment->l1_at, error);
}

static guint64
l2_of(const Moment *moment, guint64 i)
{
    return moment->l1 && i < moment->l1_size ? yd_qcow2_number(moment->l1 + 8 * i, 8) & OFFSET_MASK
                                             : 0;
}

// A second-level table; one that is not there is all zeros.
static gboolean
read_l2(const Head *head, guint64 at, guint8 *into, GError **error)
{
    gsize bytes = (gsize)1 << head->cluster_bits;
    if (at)
        return read_at(head->fd, into, bytes, at, error);
    memset(into, 0, bytes);
    return TRUE;
}

static void
mark(guint8 *marks, const YdQcow2Map *map, guint64 first, guint64 bytes)
{
    if (first >= (guint64)map->bytes)
        return;
    guint64 last = MIN(first + bytes, (guint64)map->bytes) - 1;
    for (guint64 i = first / (guint64)map->chunk; i <= last / (guint64)map->chunk; i++)
        marks[i] = 1;
}

static void
compare(const Head *head, guint64 table, const guint8 *now, const guint8 *then, YdQcow2Map *map)
{
    const guint width = head->extended ? 16 : 8;
    const guint64 cluster = (guint64)1 << head->cluster_bits, per = cluster / width;
    for (guint64 i = 0; i < per; i++) {
        guint64 first = (table * per + i) * cluster;
        guint64 entry = yd_qcow2_number(now + i * width, 8) & ~COPIED, more = 0, old_more = 0;
        if (head->extended) {
            more = yd_qcow2_number(now + i * width + 8, 8);
            old_more = yd_qcow2_number(then + i * width + 8, 8);
        }
        if (entry || more)
            mark(map->held, map, first, cluster);
        if (map->changed &&
            ((yd_qcow2_number(then + i * width, 8) & ~COPIED) != entry || more != old_more))
            mark(map->changed, map, first, cluster);
    }
}

static gboolean
walk(const Head *head, const Moment *now, const Moment *then, YdQcow2Map *map, GError **error)
{
    const gsize bytes = (gsize)1 << head->cluster_bits;
    g_autofree guint8 *one = g_malloc(bytes), *two = g_malloc(bytes);
    for (guint64 i = 0; i < MAX(now->l1_size, then->l1_size); i++) {
        guint64 at = l2_of(now, i), was = l2_of(then, i);
        if (!at && !was)
            continue;
        gboolean other = map->changed && was != at;
        if (!read_l2(head, at, one, error) || (other && !read_l2(head, was, two, error)))
            return FALSE;
        compare(head, i, one, other ? two : one, map);
    }
    return TRUE;
}

// What is beyond the end that it had then.
static void
mark_grown(YdQcow2Map *map, const Moment *then)
{
    if (map->changed && then->size < (guint64)map->bytes)
        mark(map->changed, map, then->size, (guint64)map->bytes - then->size);
}

gboolean
yd_qcow2_map(int fd, const char *point, const char *before, gint64 chunk, YdQcow2Map *ret_map,
             GError **error)
{
    Head head;
    g_auto(Moment) now = {0}, then = {0};
    gboolean is = FALSE, was = FALSE;
    g_return_val_if_fail(chunk > 0, FALSE);
    if (!read_head(fd, &head, error) || !find(&head, point, &now, &is, error) ||
        (before && !find(&head, before, &then, &was, error)))
        return FALSE;
    if (!is) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "the image has no moment '%s'", point);
        return FALSE;
    }
    if (!read_l1(&head, &now, error) || (was && !read_l1(&head, &then, error)))
        return FALSE;
    ret_map->bytes = (gint64)now.size;
    ret_map->chunk = chunk;
    ret_map->n = (gsize)((ret_map->bytes + chunk - 1) / chunk);
    ret_map->held = g_malloc0(ret_map->n + 1);
    ret_map->changed = was ? g_malloc0(ret_map->n + 1) : NULL;
    if (!walk(&head, &now, &then, ret_map, error))
        return FALSE;
    mark_grown(ret_map, &then);
    return TRUE;
}
