// SPDX-License-Identifier: Apache-2.0
// Makes an image hold what a backup has. First all is compared, which reads and checks everything
// that will be written; only then is anything written, and only what differs. Restore points inside
// the image stay; killed on the way, it is done again.
#include "storage/backup-private.h"
#include "storage/qcow2-map.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    YdStorage *storage;
    const char *image;
    json_t *list;
    const char **chunks;
    gint64 bytes; // of the disk in the backup
    gsize n;
    YdQcow2Map map; // of the image as it is
    char *base;
    gint64 base_bytes;
    YdBackupNbd *disk, *below; // below NULL: built on nothing
    guint8 *differs;
    gint64 write_bytes;
    YdProgress progress;
    gpointer data;
    gboolean fresh;
} Fill;

static void
fill_clear(Fill *fill)
{
    g_clear_pointer(&fill->disk, yd_backup_nbd_free);
    g_clear_pointer(&fill->below, yd_backup_nbd_free);
    yd_qcow2_map_clear(&fill->map);
    g_free(fill->chunks);
    g_free(fill->base);
    g_free(fill->differs);
    json_decref(fill->list);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Fill, fill_clear)

static const char *
text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static gboolean
load(Fill *fill, const json_t *request, GError **error)
{
    g_autofree char *name = g_strconcat(text(request, "id"), ".json", NULL);
    fill->list =
        yd_backup_read_json(fill->storage, "disks", name, text(request, "checksum"), NULL, error);
    fill->chunks = fill->list ? yd_backup_chunks(fill->list, &fill->bytes, &fill->n, error) : NULL;
    return fill->chunks != NULL;
}

// A disk that is missing is made, as large as it was; a smaller one grows.
static gboolean
make_room(Fill *fill, GError **error)
{
    g_autofree char *path = yd_local_path(fill->storage, fill->image);
    const char *base = text(fill->list, "base");
    struct stat st;
    if (lstat(path, &st) != 0) {
        fill->fresh = TRUE;
        return yd_storage_derive(fill->storage, base, fill->image, fill->bytes, error);
    }
    g_autoptr(YdImageInfo) info = yd_local_look(fill->storage, fill->image, error);
    if (!info)
        return FALSE;
    if (yd_local_is_sealed(path)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "'%s' is sealed and cannot be written to",
                    fill->image);
        return FALSE;
    }
    return info->virtual_bytes >= fill->bytes ||
           yd_storage_grow(fill->storage, fill->image, fill->bytes, error);
}

static gboolean
look(Fill *fill, GError **error)
{
    const char *wanted = text(fill->list, "base");
    int fd = yd_local_open(fill->storage, fill->image, error);
    if (fd < 0)
        return FALSE;
    gboolean good = yd_qcow2_map(fd, NULL, NULL, YD_BACKUP_CHUNK, &fill->map, error);
    close(fd);
    if (!good || !yd_backup_base(fill->storage, fill->image, fill->map.held, fill->map.n,
                                 &fill->base, error))
        return FALSE;
    if (g_strcmp0(fill->base, wanted) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the disk '%s' is on '%s' now, the backup is of one on '%s'; move the desktop "
                    "back to that version first",
                    fill->image, fill->base ? fill->base : "nothing", wanted ? wanted : "nothing");
        return FALSE;
    }
    return TRUE;
}

static gboolean
open_disks(Fill *fill, GError **error)
{
    g_autofree char *path = yd_local_path(fill->storage, fill->image);
    if (yd_local_has_writer(fill->storage, fill->image)) {
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE, "image '%s' is in use by a machine",
                    fill->image);
        return FALSE;
    }
    if (!(fill->disk = yd_backup_nbd(path, NULL, TRUE, error)))
        return FALSE;
    if (!fill->base)
        return TRUE;
    g_autofree char *below = yd_local_path(fill->storage, fill->base);
    g_autoptr(YdImageInfo) info = yd_local_look(fill->storage, fill->base, error);
    fill->base_bytes = info ? info->virtual_bytes : 0;
    return info && (fill->below = yd_backup_nbd(below, NULL, FALSE, error));
}

static gsize
length_of(const Fill *fill, gsize i)
{
    return (gsize)MIN((gint64)YD_BACKUP_CHUNK, fill->map.bytes - (gint64)i * YD_BACKUP_CHUNK);
}

// What the chunk shall be. A disk that grew since has zeros behind its old end.
static gboolean
wanted(Fill *fill, gsize i, guint8 *into, GError **error)
{
    const gint64 at = (gint64)i * YD_BACKUP_CHUNK;
    memset(into, 0, YD_BACKUP_CHUNK);
    if (i < fill->n && fill->chunks[i])
        return yd_backup_read_chunk(fill->storage, fill->chunks[i], into,
                                    (gsize)MIN((gint64)YD_BACKUP_CHUNK, fill->bytes - at), error);
    gint64 n = MIN((gint64)YD_BACKUP_CHUNK, fill->base_bytes - at);
    return !fill->below || n <= 0 || yd_backup_nbd_read(fill->below, into, (gsize)n, at, error);
}

static gboolean
go_on(const Fill *fill, gsize i, double from, GError **error)
{
    if (!fill->progress || i % 32 != 0 ||
        fill->progress(from + 50.0 * (double)i / (double)fill->map.n, fill->data))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_CANCELLED, "putting '%s' back was cancelled",
                fill->image);
    return FALSE;
}

static gboolean
compare(Fill *fill, GError **error)
{
    g_autofree guint8 *want = g_malloc(YD_BACKUP_CHUNK), *have = g_malloc(YD_BACKUP_CHUNK);
    fill->differs = g_malloc0(fill->map.n + 1);
    for (gsize i = 0; i < fill->map.n; i++) {
        gsize n = length_of(fill, i);
        if (!go_on(fill, i, 0, error))
            return FALSE;
        if (!fill->map.held[i] && (i >= fill->n || !fill->chunks[i]))
            continue;
        if (!wanted(fill, i, want, error) ||
            !yd_backup_nbd_read(fill->disk, have, n, (gint64)i * YD_BACKUP_CHUNK, error))
            return FALSE;
        fill->differs[i] = memcmp(want, have, n) != 0;
        fill->write_bytes += fill->differs[i] ? (gint64)n : 0;
    }
    return TRUE;
}

static gboolean
check_room(const Fill *fill, GError **error)
{
    gint64 bytes = 0, left = 0;
    if (!yd_storage_space(fill->storage, &bytes, &left, error))
        return FALSE;
    if (left >= fill->write_bytes + YD_BACKUP_RESERVE)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE,
                "%" G_GINT64_FORMAT " MiB are free where images lie, %" G_GINT64_FORMAT
                " are needed; nothing was changed",
                left >> 20, (fill->write_bytes + YD_BACKUP_RESERVE) >> 20);
    return FALSE;
}

static gboolean
write_back(Fill *fill, GError **error)
{
    g_autofree guint8 *want = g_malloc(YD_BACKUP_CHUNK);
    for (gsize i = 0; i < fill->map.n; i++) {
        if (!go_on(fill, i, 50, error))
            return FALSE;
        if (fill->differs[i] && (!wanted(fill, i, want, error) ||
                                 !yd_backup_nbd_write(fill->disk, want, length_of(fill, i),
                                                      (gint64)i * YD_BACKUP_CHUNK, error)))
            return FALSE;
    }
    return yd_backup_nbd_flush(fill->disk, error);
}

// The firmware's memory of a disk that was made anew.
static gboolean
put_nvram(const Fill *fill, GError **error)
{
    const json_t *list = json_object_get(fill->list, "nvram"), *pair;
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_autofree guint8 *buffer = g_malloc(YD_BACKUP_CHUNK);
    gsize i;
    json_array_foreach(list, i, pair)
    {
        gsize n = (gsize)json_integer_value(json_array_get(pair, 0));
        const char *hash = json_string_value(json_array_get(pair, 1));
        if (n > YD_BACKUP_CHUNK || !hash ||
            !yd_backup_read_chunk(fill->storage, hash, buffer, n, error))
            return FALSE;
        g_byte_array_append(all, buffer, (guint)n);
    }
    if (all->len == 0)
        return TRUE;
    g_autofree char *stem = g_strndup(fill->image, strlen(fill->image) - strlen(".qcow2"));
    g_autofree char *name = g_strconcat(stem, ".fd", NULL);
    g_autofree char *path =
        g_build_filename(((LocalStorage *)fill->storage)->directory, "nvram", name, NULL);
    return g_file_set_contents_full(path, (const char *)all->data, (gssize)all->len,
                                    G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                    0600, error);
}

json_t *
yd_backup_do_fill(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
                  GError **error)
{
    g_auto(YdBackupHold) hold = -1;
    g_auto(Fill) fill = {
        .storage = storage, .image = text(request, "image"), .progress = progress, .data = data};
    if (!yd_backup_open(storage, YD_BACKUP_SHARED, TRUE, &hold, error) ||
        !load(&fill, request, error) || !make_room(&fill, error) ||
        !yd_local_enter(storage, fill.image, error))
        return NULL;
    gboolean good = look(&fill, error) && open_disks(&fill, error) && compare(&fill, error) &&
                    check_room(&fill, error) && write_back(&fill, error) &&
                    (!fill.fresh || put_nvram(&fill, error));
    yd_local_leave(storage, fill.image);
    return good ? json_pack("{s:I}", "written_bytes", (json_int_t)fill.write_bytes) : NULL;
}
