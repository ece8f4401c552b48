// SPDX-License-Identifier: Apache-2.0
// Walks the entries; every length in them is checked before it is believed.
#include "storage/qcow2-points.h"

#include <string.h>

#include "storage/qcow2-bytes.h"

#define HEADER 72
#define ENTRY 40
#define ENTRY_SIZE 16 // of what follows an entry: up to the size of its disk
#define NAME_MAX_BYTES 1024
#define EXTRA_MAX 1024 // as QEMU takes

static gboolean
damaged(GError **error, const char *what)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "the image's table of restore points %s", what);
    return FALSE;
}

static gboolean
read_at(int fd, guint8 *buffer, gsize n, guint64 offset, GError **error)
{
    return yd_qcow2_read(fd, buffer, n, offset) || damaged(error, "ends before it should");
}

// One entry: whether it is the one, and where the next begins.
static gboolean
look(int fd, const char *name, guint64 *offset, YdQcow2Point *point, gboolean *ret_is,
     GError **error)
{
    guint8 entry[ENTRY + ENTRY_SIZE];
    char found[NAME_MAX_BYTES];
    if (!read_at(fd, entry, ENTRY, *offset, error))
        return FALSE;
    gsize id_bytes = yd_qcow2_number(entry + 12, 2), name_bytes = yd_qcow2_number(entry + 14, 2),
          extra = yd_qcow2_number(entry + 36, 4);
    if (extra > EXTRA_MAX)
        return damaged(error, "has an absurd entry");
    guint64 name_at = *offset + ENTRY + extra + id_bytes;
    *ret_is = FALSE;
    if (name_bytes > 0 && name_bytes <= NAME_MAX_BYTES) {
        if (!read_at(fd, (guint8 *)found, name_bytes, name_at, error))
            return FALSE;
        *ret_is = name_bytes == strlen(name) && memcmp(found, name, name_bytes) == 0;
    }
    gboolean sized = extra >= ENTRY_SIZE;
    if (*ret_is && sized && !read_at(fd, entry + ENTRY, ENTRY_SIZE, *offset + ENTRY, error))
        return FALSE;
    *point = (YdQcow2Point){.l1_at = yd_qcow2_number(entry, 8),
                            .l1_size = yd_qcow2_number(entry + 8, 4),
                            .size = *ret_is && sized ? yd_qcow2_number(entry + ENTRY + 8, 8) : 0};
    *offset = (name_at + name_bytes + 7) & ~(guint64)7;
    return TRUE;
}

static gboolean
read_header(int fd, guint64 *ret_points, guint64 *ret_offset, GError **error)
{
    guint8 header[HEADER];
    if (!read_at(fd, header, sizeof header, 0, error))
        return FALSE;
    *ret_points = yd_qcow2_number(header + 60, 4);
    *ret_offset = yd_qcow2_number(header + 64, 8);
    if (memcmp(header, "QFI\xfb", 4) != 0)
        return damaged(error, "cannot be found: it is no qcow2 file");
    return *ret_points <= YD_QCOW2_POINTS_MAX || damaged(error, "has too many entries");
}

gboolean
yd_qcow2_find_point(int fd, const char *name, YdQcow2Point *ret_point, gboolean *ret_has,
                    GError **error)
{
    guint64 points = 0, offset = 0;
    YdQcow2Point point = {0};
    gboolean is = FALSE;
    if (!read_header(fd, &points, &offset, error))
        return FALSE;
    for (guint64 i = 0; i < points && !is; i++)
        if (offset > G_MAXINT64 / 2 ? !damaged(error, "lies nowhere")
                                    : !look(fd, name, &offset, &point, &is, error))
            return FALSE;
    if (is && ret_point)
        *ret_point = point;
    *ret_has = is;
    return TRUE;
}

gboolean
yd_qcow2_has_point(int fd, const char *name, gboolean *ret_has, GError **error)
{
    return yd_qcow2_find_point(fd, name, NULL, ret_has, error);
}

gboolean
yd_qcow2_count_points(int fd, guint *ret_points, GError **error)
{
    guint64 points = 0, offset = 0;
    if (!read_header(fd, &points, &offset, error))
        return FALSE;
    *ret_points = (guint)points;
    return TRUE;
}
