// SPDX-License-Identifier: Apache-2.0
// Reading backups again, forgetting them, and removing what none of them needs any more. A list
// that cannot be read keeps everything: nobody knows what it needs.
#include "storage/backup-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEEPEST 64

static const char *
text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static gboolean
tell(YdProgress progress, gpointer data, double percent, GError **error)
{
    if (!progress || progress(percent, data))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_CANCELLED, "reading the backup was cancelled");
    return FALSE;
}

// --- reading again ---

static gboolean
verify_file(YdStorage *storage, const char *part, const char *name, const json_t *facts,
            GError **error)
{
    g_autofree char *path = yd_backup_path(storage, part, name), *sum = NULL;
    gint64 bytes = 0;
    if (!yd_backup_copy_file(path, NULL, 0, NULL, NULL, &bytes, &sum, error))
        return FALSE;
    if (bytes == json_integer_value(json_object_get(facts, "bytes")) &&
        g_strcmp0(sum, text(facts, "checksum")) == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                "the backup is damaged: its file '%s' is not what it was", name);
    return FALSE;
}

// An image with all that it is built on.
static gboolean
verify_images(YdStorage *storage, const char *image, GError **error)
{
    g_autofree char *next = g_strdup(image);
    for (guint depth = 0; next && depth < DEEPEST; depth++) {
        g_autofree char *list = g_strconcat(next, ".json", NULL);
        g_autoptr(json_t) facts = yd_backup_read_json(storage, "images", list, NULL, NULL, error);
        if (!facts || !verify_file(storage, "images", next, facts, error))
            return FALSE;
        g_free(next);
        next = g_strdup(text(facts, "base"));
    }
    return TRUE;
}

static gboolean
verify_disk(YdStorage *storage, const json_t *list, YdProgress progress, gpointer data,
            GError **error)
{
    gint64 bytes = 0;
    gsize n = 0;
    g_autofree const char **chunks = yd_backup_chunks(list, &bytes, &n, error);
    g_autofree guint8 *buffer = g_malloc(YD_BACKUP_CHUNK);
    for (gsize i = 0; chunks && i < n; i++) {
        gsize some = (gsize)MIN((gint64)YD_BACKUP_CHUNK, bytes - (gint64)i * YD_BACKUP_CHUNK);
        if ((i % 32 == 0 && !tell(progress, data, 100.0 * (double)i / (double)n, error)) ||
            (chunks[i] && !yd_backup_read_chunk(storage, chunks[i], buffer, some, error)))
            return FALSE;
    }
    return chunks && verify_images(storage, text(list, "base"), error);
}

static gboolean
verify_product(YdStorage *storage, const char *part, const json_t *list, GError **error)
{
    size_t i;
    json_t *file;
    json_array_foreach(json_object_get(list, "files"), i, file)
    {
        const char *name = text(file, "name");
        if (!name || strstr(name, "..") || !verify_file(storage, part, name, file, error))
            return FALSE;
    }
    return TRUE;
}

json_t *
yd_backup_do_verify(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
                    GError **error)
{
    g_auto(YdBackupHold) hold = -1;
    const char *id = text(request, "id"), *checksum = text(request, "checksum");
    g_autofree char *name = g_strconcat(id, ".json", NULL);
    g_autofree char *folder = g_build_filename("product", id, NULL);
    g_autofree char *product = yd_backup_path(storage, folder, NULL);
    if (!yd_backup_open(storage, YD_BACKUP_SHARED, TRUE, &hold, error))
        return NULL;
    gboolean is_product = g_file_test(product, G_FILE_TEST_IS_DIR);
    g_autoptr(json_t) list =
        is_product ? yd_backup_read_json(storage, folder, "list.json", checksum, NULL, error)
                   : yd_backup_read_json(storage, "disks", name, checksum, NULL, error);
    gboolean good = list && (is_product ? verify_product(storage, folder, list, error)
                                        : verify_disk(storage, list, progress, data, error));
    return good ? json_object() : NULL;
}

// --- forgetting ---

json_t *
yd_backup_do_drop(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
                  GError **error)
{
    g_auto(YdBackupHold) hold = -1;
    const char *id = text(request, "id");
    g_autofree char *name = g_strconcat(id, ".json", NULL);
    g_autofree char *list = yd_backup_path(storage, "disks", name);
    g_autofree char *product = yd_backup_path(storage, "product", id);
    g_autofree char *half = yd_backup_path(storage, "part", id);
    if (!yd_backup_open(storage, YD_BACKUP_SHARED, TRUE, &hold, error))
        return NULL;
    if (unlink(list) != 0 && errno != ENOENT) {
        yd_backup_fail(error, "cannot remove", list);
        return NULL;
    }
    yd_backup_remove_folder(product);
    yd_backup_remove_folder(half);
    return json_object();
}

// --- what nobody needs ---

typedef struct {
    YdStorage *storage;
    GHashTable *chunks, *images; // that are needed
    gint64 freed;
} Sweep;

static gboolean
need_images(Sweep *sweep, const char *image, GError **error)
{
    g_autofree char *next = g_strdup(image);
    while (next && !g_hash_table_contains(sweep->images, next)) {
        g_autofree char *name = g_strconcat(next, ".json", NULL);
        g_autoptr(json_t) facts =
            yd_backup_read_json(sweep->storage, "images", name, NULL, NULL, error);
        g_hash_table_add(sweep->images, g_steal_pointer(&next));
        if (!facts)
            return FALSE;
        next = g_strdup(text(facts, "base"));
    }
    return TRUE;
}

static void
need_chunks(Sweep *sweep, const json_t *list)
{
    size_t i;
    json_t *pair;
    json_array_foreach(list, i, pair)
    {
        const char *hash = json_string_value(json_array_get(pair, 1));
        if (hash)
            g_hash_table_add(sweep->chunks, g_strdup(hash));
    }
}

static gboolean
need_disk(Sweep *sweep, const char *name, GError **error)
{
    g_autoptr(json_t) list = yd_backup_read_json(sweep->storage, "disks", name, NULL, NULL, error);
    if (!list)
        return FALSE;
    need_chunks(sweep, json_object_get(list, "chunks"));
    need_chunks(sweep, json_object_get(list, "nvram"));
    return need_images(sweep, text(list, "base"), error);
}

static gboolean
need_product(Sweep *sweep, const char *id, GError **error)
{
    g_autofree char *folder = g_build_filename("product", id, NULL);
    g_autoptr(json_t) plan =
        yd_backup_read_json(sweep->storage, folder, "plan.json", NULL, NULL, error);
    size_t i;
    json_t *image;
    if (!plan)
        return FALSE;
    json_array_foreach(json_object_get(plan, "images"), i,
                       image) if (text(image, "image") &&
                                  !need_images(sweep, text(image, "image"), error)) return FALSE;
    return TRUE;
}

typedef gboolean (*Each)(Sweep *sweep, const char *name, GError **error);

static gboolean
each_in(Sweep *sweep, const char *part, Each each, GError **error)
{
    g_autofree char *path = yd_backup_path(sweep->storage, part, NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, error);
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir))
        if (!each(sweep, name, error))
            return FALSE;
    return dir != NULL;
}

static gboolean
drop_file(Sweep *sweep, const char *path, GError **error)
{
    struct stat st;
    if (lstat(path, &st) != 0 || unlink(path) != 0)
        return errno == ENOENT || yd_backup_fail(error, "cannot remove", path);
    sweep->freed += (gint64)st.st_size;
    return TRUE;
}

static gboolean
drop_image(Sweep *sweep, const char *name, GError **error)
{
    g_autofree char *image = g_str_has_suffix(name, ".json")
                                 ? g_strndup(name, strlen(name) - strlen(".json"))
                                 : g_strdup(name);
    g_autofree char *path = yd_backup_path(sweep->storage, "images", name);
    return g_hash_table_contains(sweep->images, image) || drop_file(sweep, path, error);
}

static gboolean
drop_half(Sweep *sweep, const char *name, GError **error)
{
    g_autofree char *path = yd_backup_path(sweep->storage, "part", name);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        yd_backup_remove_folder(path);
    else if (!drop_file(sweep, path, error))
        return FALSE;
    return TRUE;
}

static gboolean
drop_chunks(Sweep *sweep, GError **error)
{
    for (guint i = 0; i < 256; i++) {
        g_autofree char *part = g_strdup_printf("%02x", i);
        g_autofree char *path = yd_backup_path(sweep->storage, "chunks", part);
        g_autoptr(GDir) dir = g_dir_open(path, 0, error);
        if (!dir)
            return FALSE;
        for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
            g_autofree char *file = g_build_filename(path, name, NULL);
            if (!g_hash_table_contains(sweep->chunks, name) && !drop_file(sweep, file, error))
                return FALSE;
        }
    }
    return TRUE;
}

static gboolean
need_listed(Sweep *sweep, const char *name, GError **error)
{
    return !g_str_has_suffix(name, ".json") || need_disk(sweep, name, error);
}

json_t *
yd_backup_do_sweep(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
                   GError **error)
{
    g_auto(YdBackupHold) hold = -1;
    Sweep sweep = {.storage = storage};
    if (!yd_backup_open(storage, YD_BACKUP_ALONE, TRUE, &hold, error))
        return NULL;
    sweep.chunks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    sweep.images = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    gboolean good = each_in(&sweep, "disks", need_listed, error) &&
                    each_in(&sweep, "product", need_product, error) && drop_chunks(&sweep, error) &&
                    each_in(&sweep, "images", drop_image, error) &&
                    each_in(&sweep, "part", drop_half, error);
    g_hash_table_unref(sweep.chunks);
    g_hash_table_unref(sweep.images);
    return good ? json_pack("{s:I}", "freed_bytes", (json_int_t)sweep.freed) : NULL;
}
