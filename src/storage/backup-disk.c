// SPDX-License-Identifier: Apache-2.0
// One moment of a disk into the folder of backups. The image's own tables tell where something is
// and what changed (qcow2-map.h), QEMU tells what. Each list names all contents of its disk, so no
// backup needs another one.
#include "storage/backup-private.h"
#include "storage/qcow2-map.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define NVRAM_MAX ((gsize)64 << 20)
#define DEEPEST 8

typedef struct {
    YdStorage *storage;
    const char *image, *point;
    YdQcow2Map map;
    char *base;  // image of ours that it is built on; NULL: none
    json_t *old; // list of the earlier backup; NULL: a full one
    const char **old_chunks;
    YdProgress progress;
    gpointer data;
    gint64 held;
} Copy;

static void
copy_clear(Copy *copy)
{
    yd_qcow2_map_clear(&copy->map);
    g_free(copy->base);
    g_free(copy->old_chunks);
    json_decref(copy->old);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Copy, copy_clear)

static const char *
text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

// What an image between ours and the disk (the frozen disk of a RAM image) holds itself.
static gboolean
add_between(const char *path, guint8 *held, gsize n, char **ret_backing, GError **error)
{
    g_auto(YdQcow2Map) map = {0};
    YdImageProbe probe = {0};
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return yd_backup_fail(error, "cannot open the base", path);
    gboolean good = yd_qcow2_map(fd, NULL, NULL, YD_BACKUP_CHUNK, &map, error) &&
                    yd_image_probe(fd, path, TRUE, &probe, error);
    close(fd);
    for (gsize i = 0; good && held && i < MIN(n, map.n); i++)
        held[i] |= map.held[i];
    *ret_backing = probe.backing;
    return good;
}

gboolean
yd_backup_base(YdStorage *storage, const char *image, guint8 *held, gsize n, char **ret_base,
               GError **error)
{
    g_autoptr(YdImageInfo) info = yd_local_look(storage, image, error);
    if (!info)
        return FALSE;
    g_autofree char *backing = g_strdup(info->backing);
    for (guint depth = 0; backing && depth < DEEPEST; depth++) {
        g_autofree char *name = g_path_get_basename(backing);
        g_autofree char *path = yd_local_path(storage, name);
        char *next = NULL;
        if (strcmp(path, backing) == 0 && yd_image_name_check(name, NULL)) {
            *ret_base = g_steal_pointer(&name);
            return TRUE;
        }
        if (!add_between(backing, held, n, &next, error))
            return FALSE;
        g_free(backing);
        backing = next;
    }
    *ret_base = NULL;
    return TRUE;
}

// The earlier list counts only when it is what it was, of that image, and on the same base.
static void
load_old(Copy *copy, const json_t *request)
{
    const char *previous = text(request, "previous");
    gint64 bytes = 0;
    gsize n = 0;
    if (!previous || !copy->map.changed)
        return;
    g_autofree char *name = g_strconcat(previous, ".json", NULL);
    g_autoptr(json_t) old = yd_backup_read_json(copy->storage, "disks", name, NULL, NULL, NULL);
    g_autofree const char **chunks = old ? yd_backup_chunks(old, &bytes, &n, NULL) : NULL;
    if (!chunks || g_strcmp0(text(old, "image"), copy->image) != 0 || bytes > copy->map.bytes ||
        g_strcmp0(text(old, "base"), copy->base) != 0)
        return;
    copy->old = g_steal_pointer(&old);
    copy->old_chunks = g_renew(const char *, g_steal_pointer(&chunks), copy->map.n + 1);
    for (gsize i = n; i <= copy->map.n; i++)
        copy->old_chunks[i] = NULL;
}

// What the earlier backup has of a chunk and need not be read again.
static const char *
kept(const Copy *copy, gsize i)
{
    const char *hash = copy->old && !copy->map.changed[i] ? copy->old_chunks[i] : NULL;
    return hash && yd_backup_has_chunk(copy->storage, hash) ? hash : NULL;
}

static gsize
length_of(const Copy *copy, gsize i)
{
    return (gsize)MIN((gint64)YD_BACKUP_CHUNK, copy->map.bytes - (gint64)i * YD_BACKUP_CHUNK);
}

// A full copy needs room for all of it; later ones are watched as they grow.
static gboolean
check_room(const Copy *copy, GError **error)
{
    gint64 need = 0;
    for (gsize i = 0; i < copy->map.n; i++)
        if (copy->map.held[i] && (!copy->old || copy->map.changed[i]))
            need += YD_BACKUP_CHUNK;
    return yd_backup_check_free(copy->storage, need, error);
}

static gboolean
go_on(const Copy *copy, gsize i, GError **error)
{
    if (!copy->progress || i % 32 != 0 ||
        copy->progress(100.0 * (double)i / (double)copy->map.n, copy->data))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_CANCELLED, "the backup of '%s' was cancelled",
                copy->image);
    return FALSE;
}

static json_t *
copy_chunks(Copy *copy, YdBackupIntake *intake, GError **error)
{
    g_autofree guint8 *buffer = g_malloc(YD_BACKUP_CHUNK);
    g_autofree char *path = yd_local_path(copy->storage, copy->image);
    g_autoptr(YdBackupNbd) nbd = NULL;
    g_autoptr(json_t) list = json_array();
    for (gsize i = 0; i < copy->map.n; i++) {
        g_autofree char *hash = NULL;
        gsize n = length_of(copy, i);
        if (!go_on(copy, i, error))
            return NULL;
        if (!copy->map.held[i])
            continue;
        copy->held += (gint64)n;
        hash = g_strdup(kept(copy, i));
        if (!hash && !nbd && !(nbd = yd_backup_nbd(path, copy->point, FALSE, error)))
            return NULL;
        if (!hash && (!yd_backup_nbd_read(nbd, buffer, n, (gint64)i * YD_BACKUP_CHUNK, error) ||
                      !yd_backup_intake_add(intake, buffer, n, &hash, error)))
            return NULL;
        json_array_append_new(list, json_pack("[I, s]", (json_int_t)i, hash));
    }
    return g_steal_pointer(&list);
}

// The firmware's memory, where it has one: as it is now, it is small and changes hardly ever.
static json_t *
copy_nvram(Copy *copy, YdBackupIntake *intake, GError **error)
{
    g_autofree char *stem = g_strndup(copy->image, strlen(copy->image) - strlen(".qcow2"));
    g_autofree char *name = g_strconcat(stem, ".fd", NULL), *bytes = NULL;
    g_autofree char *path =
        g_build_filename(((LocalStorage *)copy->storage)->directory, "nvram", name, NULL);
    gsize n = 0;
    g_autoptr(json_t) list = json_array();
    if (!g_file_get_contents(path, &bytes, &n, NULL) || n > NVRAM_MAX)
        return g_steal_pointer(&list);
    for (gsize at = 0; at < n; at += YD_BACKUP_CHUNK) {
        g_autofree char *hash = NULL;
        gsize some = MIN(n - at, YD_BACKUP_CHUNK);
        if (!yd_backup_intake_add(intake, (const guint8 *)bytes + at, some, &hash, error))
            return NULL;
        json_array_append_new(list, json_pack("[I, s]", (json_int_t)some, hash));
    }
    return g_steal_pointer(&list);
}

static gboolean
look(Copy *copy, const json_t *request, GError **error)
{
    int fd = yd_local_open(copy->storage, copy->image, error);
    if (fd < 0)
        return FALSE;
    gboolean good = yd_qcow2_map(fd, copy->point, text(request, "previous"), YD_BACKUP_CHUNK,
                                 &copy->map, error);
    close(fd);
    if (!good || !yd_backup_base(copy->storage, copy->image, copy->map.held, copy->map.n,
                                 &copy->base, error))
        return FALSE;
    load_old(copy, request);
    return check_room(copy, error);
}

static json_t *
manifest_of(const Copy *copy, const json_t *request, json_t *chunks, json_t *nvram)
{
    return json_pack("{s:i, s:s, s:s, s:s, s:s*, s:s*, s:I, s:i, s:O*, s:o, s:o}", "format", 1,
                     "id", text(request, "id"), "image", copy->image, "point", copy->point, "base",
                     copy->base, "previous", copy->old ? text(request, "previous") : NULL, "bytes",
                     (json_int_t)copy->map.bytes, "chunk", YD_BACKUP_CHUNK, "about",
                     json_object_get(request, "about"), "nvram", nvram, "chunks", chunks);
}

json_t *
yd_backup_do_disk(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
                  GError **error)
{
    g_auto(YdBackupHold) hold = -1;
    g_auto(YdBackupIntake) intake = {0};
    g_auto(Copy) copy = {.storage = storage,
                         .image = text(request, "image"),
                         .point = text(request, "point"),
                         .progress = progress,
                         .data = data};
    g_autofree char *name = g_strconcat(text(request, "id"), ".json", NULL), *checksum = NULL;
    gboolean known = json_is_true(json_object_get(request, "known"));
    if (!yd_backup_open(storage, YD_BACKUP_SHARED, known, &hold, error) ||
        !yd_backup_intake_begin(storage, text(request, "id"), &intake, error) ||
        !look(&copy, request, error))
        return NULL;
    json_t *chunks = copy_chunks(&copy, &intake, error);
    json_t *nvram = chunks ? copy_nvram(&copy, &intake, error) : NULL;
    if (!nvram) {
        json_decref(chunks);
        return NULL;
    }
    g_autoptr(json_t) manifest = manifest_of(&copy, request, chunks, nvram);
    if (!yd_backup_intake_finish(&intake, error) ||
        !yd_backup_write_json(storage, "disks", name, manifest, &checksum, error))
        return NULL;
    return json_pack("{s:I, s:I, s:I, s:b, s:s*, s:s}", "bytes", (json_int_t)copy.map.bytes,
                     "held_bytes", (json_int_t)copy.held, "stored_bytes", (json_int_t)intake.stored,
                     "full", copy.old == NULL, "base", copy.base, "checksum", checksum);
}
