// SPDX-License-Identifier: Apache-2.0
// Whole files into the folder of backups: sealed images, each once, and the product's own: the
// database that deskd has copied, the plan of what belongs to it, the keys, the configuration.
#include "storage/backup-private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <openssl/evp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/config.h"
#include "base/id.h"

#define BUFFER (1024 * 1024)

typedef struct {
    int in, out; // out -1: only the checksum
    const char *name;
    YdProgress progress;
    gpointer data;
    gint64 size, bytes;
} Pump;

static gboolean
pump(Pump *pump, EVP_MD_CTX *sum, GError **error)
{
    g_autofree guint8 *buffer = g_malloc(BUFFER);
    for (;;) {
        ssize_t n = read(pump->in, buffer, BUFFER);
        if (n < 0 && errno == EINTR)
            continue;
        if (n == 0)
            return TRUE;
        if (n < 0)
            return yd_backup_fail(error, "cannot read", pump->name);
        EVP_DigestUpdate(sum, buffer, (size_t)n);
        if (pump->out >= 0 && !yd_backup_write_all(pump->out, buffer, (gsize)n))
            return yd_backup_fail(error, "cannot write the copy of", pump->name);
        pump->bytes += n;
        if (pump->progress &&
            !pump->progress(100.0 * (double)pump->bytes / (double)MAX(pump->size, pump->bytes),
                            pump->data)) {
            g_set_error(error, YD_ERROR, YD_ERROR_CANCELLED, "copying '%s' was cancelled",
                        pump->name);
            return FALSE;
        }
    }
}

gboolean
yd_backup_copy_file(const char *from, const char *to, mode_t mode, YdProgress progress,
                    gpointer data, gint64 *ret_bytes, char **ret_checksum, GError **error)
{
    guint8 digest[EVP_MAX_MD_SIZE];
    guint length = 0;
    struct stat st;
    Pump state = {.out = -1, .name = from, .progress = progress, .data = data};
    state.in = open(from, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (state.in < 0 || fstat(state.in, &st) != 0 || !S_ISREG(st.st_mode)) {
        yd_backup_fail(error, "cannot read the file", from);
        if (state.in >= 0)
            close(state.in);
        return FALSE;
    }
    state.size = st.st_size;
    if (to) {
        unlink(to);
        state.out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
        if (state.out < 0) {
            yd_backup_fail(error, "cannot make", to);
            close(state.in);
            return FALSE;
        }
    }
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    EVP_DigestInit_ex(sum, EVP_sha256(), NULL);
    gboolean good = pump(&state, sum, error);
    EVP_DigestFinal_ex(sum, digest, &length);
    EVP_MD_CTX_free(sum);
    if (good && to && (fsync(state.out) != 0 || fchmod(state.out, mode) != 0))
        good = yd_backup_fail(error, "cannot make durable", to);
    close(state.in);
    if (state.out >= 0)
        close(state.out);
    if (!good)
        return FALSE;
    *ret_bytes = state.bytes;
    *ret_checksum = yd_hex(digest, length);
    return TRUE;
}

// --- sealed images ---

static const char *
text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static json_t *
image_there(YdStorage *storage, const char *image, const char *list)
{
    g_autofree char *path = yd_backup_path(storage, "images", image);
    g_autoptr(json_t) facts = yd_backup_read_json(storage, "images", list, NULL, NULL, NULL);
    struct stat st;
    if (!facts || lstat(path, &st) != 0 ||
        st.st_size != json_integer_value(json_object_get(facts, "bytes")))
        return NULL;
    return json_pack("{s:I, s:I, s:s}", "bytes", (json_int_t)st.st_size, "stored_bytes",
                     (json_int_t)0, "checksum", text(facts, "checksum"));
}

static json_t *
copy_image(YdStorage *storage, const char *image, const char *list, YdProgress progress,
           gpointer data, GError **error)
{
    g_autofree char *from = yd_local_path(storage, image), *sum = NULL, *again = NULL;
    g_autofree char *half = yd_backup_path(storage, "part", image);
    g_autofree char *to = yd_backup_path(storage, "images", image);
    struct stat st;
    gint64 bytes = 0, read = 0;
    if (lstat(from, &st) != 0) {
        yd_backup_fail(error, "cannot look at the image", image);
        return NULL;
    }
    if (!yd_local_is_sealed(from)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "'%s' is not sealed, it may still change",
                    image);
        return NULL;
    }
    g_autoptr(YdImageInfo) info = yd_local_look(storage, image, error);
    if (!info || !yd_backup_check_free(storage, st.st_size, error) ||
        !yd_backup_copy_file(from, half, 0400, progress, data, &bytes, &sum, error) ||
        !yd_backup_copy_file(half, NULL, 0, NULL, NULL, &read, &again, error))
        return NULL;
    if (strcmp(sum, again) != 0) {
        unlink(half);
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL,
                    "the copy of '%s' is not what was written; is the disk of the folder for "
                    "backups in order?",
                    image);
        return NULL;
    }
    g_autofree char *base = info->backing ? g_path_get_basename(info->backing) : NULL;
    g_autoptr(json_t) facts = json_pack("{s:i, s:s, s:s*, s:I, s:s}", "format", 1, "image", image,
                                        "base", base, "bytes", (json_int_t)bytes, "checksum", sum);
    if (rename(half, to) != 0) {
        yd_backup_fail(error, "cannot put in place", to);
        return NULL;
    }
    if (!yd_backup_sync(storage, error) ||
        !yd_backup_write_json(storage, "images", list, facts, NULL, error))
        return NULL;
    return json_pack("{s:I, s:I, s:s}", "bytes", (json_int_t)bytes, "stored_bytes",
                     (json_int_t)bytes, "checksum", sum);
}

json_t *
yd_backup_do_image(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
                   GError **error)
{
    g_auto(YdBackupHold) hold = -1;
    const char *image = text(request, "image");
    g_autofree char *list = g_strconcat(image, ".json", NULL);
    gboolean known = json_is_true(json_object_get(request, "known"));
    if (!yd_backup_open(storage, YD_BACKUP_SHARED, known, &hold, error))
        return NULL;
    json_t *there = image_there(storage, image, list);
    return there ? there : copy_image(storage, image, list, progress, data, error);
}

// --- the product ---

typedef struct {
    YdStorage *storage;
    char *folder; // part/ID
    json_t *files;
    gint64 bytes;
} Take;

// One file; name: below the backup's folder.
static gboolean
take(Take *take, const char *from, const char *name, GError **error)
{
    g_autofree char *to = g_build_filename(take->folder, name, NULL), *sum = NULL;
    struct stat st = {0};
    gint64 bytes = 0;
    if (!yd_backup_copy_file(from, to, 0600, NULL, NULL, &bytes, &sum, error))
        return FALSE;
    if (lstat(from, &st) != 0)
        return yd_backup_fail(error, "cannot look at", from);
    const struct passwd *user = getpwuid(st.st_uid);
    const struct group *group = getgrgid(st.st_gid);
    take->bytes += bytes;
    json_array_append_new(take->files,
                          json_pack("{s:s, s:I, s:s, s:i, s:s*, s:s*}", "name", name, "bytes",
                                    (json_int_t)bytes, "checksum", sum, "mode",
                                    (int)(st.st_mode & 0777), "user", user ? user->pw_name : NULL,
                                    "group", group ? group->gr_name : NULL));
    return TRUE;
}

// All regular files of a folder, not of folders in it.
static gboolean
take_folder(Take *from, const char *folder, const char *into, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    g_autofree char *to = g_build_filename(from->folder, into, NULL);
    if (dir && mkdir(to, 0700) != 0)
        return yd_backup_fail(error, "cannot make", to);
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir)) {
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autofree char *as = g_build_filename(into, name, NULL);
        struct stat st;
        if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && !take(from, path, as, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
take_all(Take *from, const char *id, GError **error)
{
    const LocalStorage *local = (LocalStorage *)from->storage;
    const char *config = local->config_file ? local->config_file : YD_CONFIG_FILE;
    g_autofree char *staged = g_build_filename(local->state_dir, "backup", id, NULL);
    g_autofree char *database = g_build_filename(staged, "yundesk.db", NULL);
    g_autofree char *plan = g_build_filename(staged, "plan.json", NULL);
    g_autofree char *keys = g_build_filename(local->state_dir, "keys", NULL);
    g_autofree char *drop_ins = g_strconcat(config, ".d", NULL);
    return take(from, database, "yundesk.db", error) && take(from, plan, "plan.json", error) &&
           take_folder(from, keys, "keys", error) &&
           (!g_file_test(config, G_FILE_TEST_IS_REGULAR) ||
            take(from, config, "yundesk.conf", error)) &&
           take_folder(from, drop_ins, "yundesk.conf.d", error);
}

json_t *
yd_backup_do_product(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
                     GError **error)
{
    g_auto(YdBackupHold) hold = -1;
    g_auto(YdBackupIntake) intake = {0};
    const char *id = text(request, "id");
    g_autofree char *to = NULL, *checksum = NULL;
    gboolean known = json_is_true(json_object_get(request, "known"));
    if (!yd_backup_open(storage, YD_BACKUP_SHARED, known, &hold, error) ||
        !yd_backup_check_free(storage, 0, error) ||
        !yd_backup_intake_begin(storage, id, &intake, error))
        return NULL;
    g_autoptr(json_t) files = json_array();
    Take from = {.storage = storage, .folder = intake.folder, .files = files};
    if (!take_all(&from, id, error))
        return NULL;
    g_autofree char *part = g_build_filename("part", id, NULL);
    g_autoptr(json_t) list =
        json_pack("{s:i, s:s, s:s, s:s, s:O}", "format", 1, "id", id, "program", YD_VERSION,
                  "state_dir", ((LocalStorage *)storage)->state_dir, "files", files);
    to = yd_backup_path(storage, "product", id);
    if (!yd_backup_write_json(storage, part, "list.json", list, &checksum, error) ||
        !yd_backup_sync(storage, error))
        return NULL;
    yd_backup_remove_folder(to); // of an earlier try that nobody heard of
    if (rename(intake.folder, to) != 0) {
        yd_backup_fail(error, "cannot put in place", to);
        return NULL;
    }
    if (!yd_backup_sync(storage, error))
        return NULL;
    return json_pack("{s:I, s:s}", "bytes", (json_int_t)from.bytes, "checksum", checksum);
}
