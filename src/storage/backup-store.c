// SPDX-License-Identifier: Apache-2.0
// The folder of backups: contents under their own SHA-256, manifests as JSON. What is new is
// collected in part/ID and gets its final place when all of it is durable, so that whatever has a
// final name is whole also after a power failure.
#include "storage/backup-private.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/id.h"

#define MARK "yundesk-backup.json"
#define MANIFEST_MAX ((gsize)1 << 30)

gboolean
yd_backup_fail(GError **error, const char *what, const char *name)
{
    return yd_local_fail(error, errno, what, name);
}

void
yd_backup_set_place(YdStorage *storage, const char *directory, const char *state_dir,
                    const char *config_file)
{
    LocalStorage *local = (LocalStorage *)storage;
    g_free(local->backup_dir);
    g_free(local->state_dir);
    g_free(local->config_file);
    local->backup_dir = directory ? g_canonicalize_filename(directory, NULL) : NULL;
    local->state_dir = g_canonicalize_filename(state_dir, NULL);
    local->config_file = g_strdup(config_file);
}

char *
yd_backup_path(YdStorage *storage, const char *part, const char *name)
{
    return g_build_filename(((LocalStorage *)storage)->backup_dir, part, name, NULL);
}

char *
yd_backup_hash(const void *bytes, gsize n)
{
    guint8 digest[EVP_MAX_MD_SIZE];
    guint length = 0;
    EVP_Digest(bytes, n, digest, &length, EVP_sha256(), NULL);
    return yd_hex(digest, length);
}

// --- the folder ---

static gboolean
make_folders(YdStorage *storage, GError **error)
{
    static const char *const parts[] = {"chunks", "disks", "images", "product", "part"};
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *path = yd_backup_path(storage, parts[i], NULL);
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return yd_backup_fail(error, "cannot make", path);
    }
    for (guint i = 0; i < 256; i++) {
        g_autofree char *name = g_strdup_printf("%02x", i);
        g_autofree char *path = yd_backup_path(storage, "chunks", name);
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return yd_backup_fail(error, "cannot make", path);
    }
    return TRUE;
}

// The folder of a disk that is not mounted is empty: what should have backups and has none is
// refused, so that nothing is written to the wrong place.
static gboolean
prepare(YdStorage *storage, gboolean known, GError **error)
{
    const char *directory = ((LocalStorage *)storage)->backup_dir;
    g_autofree char *mark = yd_backup_path(storage, MARK, NULL);
    struct stat st;
    if (access(mark, F_OK) == 0)
        return TRUE;
    if (known) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "the folder for backups '%s' has none of the backups that there should be; is "
                    "its disk mounted?",
                    directory);
        return FALSE;
    }
    g_autoptr(json_t) text =
        json_pack("{s:i, s:s}", "format", 1, "what",
                  "Backups of Yundesk. Put everything back with: deskhost --restore-all");
    return stat(directory, &st) == 0 && make_folders(storage, error) &&
           yd_backup_write_json(storage, NULL, MARK, text, NULL, error);
}

gboolean
yd_backup_open(YdStorage *storage, YdBackupLock lock, gboolean known, YdBackupHold *ret_hold,
               GError **error)
{
    const char *directory = ((LocalStorage *)storage)->backup_dir;
    struct stat st;
    if (!directory) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "no folder for backups is configured; set backup_dir in [deskhost]");
        return FALSE;
    }
    if (lstat(directory, &st) != 0 || !S_ISDIR(st.st_mode)) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "the folder for backups '%s' is not there; make it, or mount its disk",
                    directory);
        return FALSE;
    }
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return yd_backup_fail(error, "cannot open the folder for backups", directory);
    if (flock(fd, (lock == YD_BACKUP_ALONE ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
        close(fd);
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                    "another backup is being made or deleted; try again later");
        return FALSE;
    }
    if (lock != YD_BACKUP_LOOK && !prepare(storage, known, error)) {
        close(fd);
        return FALSE;
    }
    *ret_hold = fd;
    return TRUE;
}

void
yd_backup_close(YdBackupHold hold)
{
    close(hold);
}

gboolean
yd_backup_check_free(YdStorage *storage, gint64 need, GError **error)
{
    const char *directory = ((LocalStorage *)storage)->backup_dir;
    struct statvfs fs;
    if (statvfs(directory, &fs) != 0)
        return yd_backup_fail(error, "cannot read the space of", directory);
    gint64 left = (gint64)(fs.f_bavail * fs.f_frsize);
    if (left >= need + YD_BACKUP_RESERVE)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE,
                "the folder for backups has %" G_GINT64_FORMAT " MiB free, %" G_GINT64_FORMAT
                " are needed; delete backups that nobody needs, keep fewer, or give it more room",
                left >> 20, (need + YD_BACKUP_RESERVE) >> 20);
    return FALSE;
}

gboolean
yd_backup_sync(YdStorage *storage, GError **error)
{
    const char *directory = ((LocalStorage *)storage)->backup_dir;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    gboolean good = fd >= 0 && syncfs(fd) == 0;
    if (!good)
        yd_backup_fail(error, "cannot make durable", directory);
    if (fd >= 0)
        close(fd);
    return good;
}

// --- contents ---

char *
yd_backup_chunk_path(YdStorage *storage, const char *hash)
{
    char folder[3] = {hash[0], hash[0] ? hash[1] : 0, 0};
    return g_build_filename(((LocalStorage *)storage)->backup_dir, "chunks", folder, hash, NULL);
}

gboolean
yd_backup_has_chunk(YdStorage *storage, const char *hash)
{
    g_autofree char *path = yd_backup_chunk_path(storage, hash);
    struct stat st;
    return strcmp(hash, YD_BACKUP_ZEROS) == 0 ||
           (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0);
}

gboolean
yd_backup_read_chunk(YdStorage *storage, const char *hash, guint8 *into, gsize n, GError **error)
{
    g_autofree char *path = yd_backup_chunk_path(storage, hash), *bytes = NULL, *sum = NULL;
    gsize length = 0;
    if (strcmp(hash, YD_BACKUP_ZEROS) == 0) {
        memset(into, 0, n);
        return TRUE;
    }
    if (g_file_get_contents(path, &bytes, &length, NULL))
        sum = yd_backup_hash(bytes, length);
    if (!sum || length != n || strcmp(sum, hash) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                    "the backup is damaged: its content %s is %s", hash,
                    sum ? "not what it was" : "missing");
        return FALSE;
    }
    memcpy(into, bytes, n);
    return TRUE;
}

static gboolean
is_zeros(const guint8 *bytes, gsize n)
{
    return n == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, n - 1) == 0);
}

void
yd_backup_remove_folder(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir)) {
        g_autofree char *file = g_build_filename(path, name, NULL);
        if (unlink(file) != 0 && (errno == EISDIR || errno == EPERM))
            yd_backup_remove_folder(file);
    }
    rmdir(path);
}

gboolean
yd_backup_intake_begin(YdStorage *storage, const char *id, YdBackupIntake *ret, GError **error)
{
    g_autofree char *folder = yd_backup_path(storage, "part", id);
    yd_backup_remove_folder(
        folder); // of one that was cut off: how much of it is durable is not known
    if (mkdir(folder, 0700) != 0)
        return yd_backup_fail(error, "cannot make", folder);
    ret->storage = storage;
    ret->folder = g_steal_pointer(&folder);
    ret->made = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return TRUE;
}

gboolean
yd_backup_write_all(int fd, const guint8 *bytes, gsize n)
{
    while (n > 0) {
        ssize_t got = write(fd, bytes, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return FALSE;
        bytes += got;
        n -= (gsize)got;
    }
    return TRUE;
}

static gboolean
write_file(const char *path, const guint8 *bytes, gsize n, GError **error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return yd_backup_fail(error, "cannot make", path);
    if (!yd_backup_write_all(fd, bytes, n)) {
        yd_backup_fail(error, "cannot write", path);
        close(fd);
        return FALSE;
    }
    return close(fd) == 0 || yd_backup_fail(error, "cannot write", path);
}

gboolean
yd_backup_intake_add(YdBackupIntake *intake, const guint8 *bytes, gsize n, char **ret_hash,
                     GError **error)
{
    if (is_zeros(bytes, n)) {
        *ret_hash = g_strdup(YD_BACKUP_ZEROS);
        return TRUE;
    }
    g_autofree char *hash = yd_backup_hash(bytes, n);
    if (!g_hash_table_contains(intake->made, hash) && !yd_backup_has_chunk(intake->storage, hash)) {
        g_autofree char *path = g_build_filename(intake->folder, hash, NULL);
        if ((g_hash_table_size(intake->made) % 64 == 0 &&
             !yd_backup_check_free(intake->storage, 64 * YD_BACKUP_CHUNK, error)) ||
            !write_file(path, bytes, n, error))
            return FALSE;
        g_hash_table_add(intake->made, g_strdup(hash));
        intake->stored += (gint64)n;
    }
    *ret_hash = g_steal_pointer(&hash);
    return TRUE;
}

gboolean
yd_backup_intake_finish(YdBackupIntake *intake, GError **error)
{
    GHashTableIter each;
    gpointer hash;
    if (g_hash_table_size(intake->made) == 0)
        return TRUE;
    if (!yd_backup_sync(intake->storage, error))
        return FALSE;
    g_hash_table_iter_init(&each, intake->made);
    while (g_hash_table_iter_next(&each, &hash, NULL)) {
        g_autofree char *from = g_build_filename(intake->folder, hash, NULL);
        g_autofree char *to = yd_backup_chunk_path(intake->storage, hash);
        if (rename(from, to) != 0)
            return yd_backup_fail(error, "cannot put in place", to);
    }
    return yd_backup_sync(intake->storage, error);
}

void
yd_backup_intake_clear(YdBackupIntake *intake)
{
    if (intake->folder)
        yd_backup_remove_folder(intake->folder);
    g_clear_pointer(&intake->folder, g_free);
    g_clear_pointer(&intake->made, g_hash_table_unref);
}

// --- manifests ---

static gboolean
sync_path(const char *path, int flags)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | flags);
    gboolean good = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

gboolean
yd_backup_write_json(YdStorage *storage, const char *part, const char *name, const json_t *json,
                     char **ret_checksum, GError **error)
{
    g_autofree char *text = yd_json_text(json);
    g_autofree char *folder = yd_backup_path(storage, part, NULL);
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autofree char *half = g_strconcat(path, ".part", NULL);
    unlink(half);
    if (!write_file(half, (const guint8 *)text, strlen(text), error))
        return FALSE;
    if (!sync_path(half, 0) || rename(half, path) != 0 || !sync_path(folder, O_DIRECTORY))
        return yd_backup_fail(error, "cannot put in place", path);
    if (ret_checksum)
        *ret_checksum = yd_backup_hash(text, strlen(text));
    return TRUE;
}

json_t *
yd_backup_read_json(YdStorage *storage, const char *part, const char *name, const char *checksum,
                    char **ret_checksum, GError **error)
{
    g_autofree char *path =
        g_build_filename(((LocalStorage *)storage)->backup_dir, part, name, NULL);
    g_autofree char *text = NULL, *sum = NULL;
    gsize n = 0;
    struct stat st;
    if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode) || (gsize)st.st_size > MANIFEST_MAX ||
        !g_file_get_contents(path, &text, &n, NULL)) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                    "the backup's list '%s' is missing or cannot be read", name);
        return NULL;
    }
    sum = yd_backup_hash(text, n);
    if (checksum && strcmp(checksum, sum) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                    "the backup is damaged: its list '%s' is not what it was", name);
        return NULL;
    }
    json_t *json = yd_json_parse(text, n, error);
    if (json && ret_checksum)
        *ret_checksum = g_steal_pointer(&sum);
    return json;
}

static gboolean
is_hash(const char *text)
{
    return text && (strcmp(text, YD_BACKUP_ZEROS) == 0 ||
                    (strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64));
}

const char **
yd_backup_chunks(const json_t *manifest, gint64 *ret_bytes, gsize *ret_n, GError **error)
{
    const json_t *list = json_object_get(manifest, "chunks");
    gint64 bytes = json_integer_value(json_object_get(manifest, "bytes"));
    json_int_t chunk = json_integer_value(json_object_get(manifest, "chunk"));
    gsize n = (gsize)((bytes + YD_BACKUP_CHUNK - 1) / YD_BACKUP_CHUNK), i;
    const json_t *pair;
    if (!json_is_array(list) || bytes <= 0 || bytes > (gint64)1 << 46 || chunk != YD_BACKUP_CHUNK) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "the backup's list makes no sense");
        return NULL;
    }
    g_autofree const char **chunks = g_new0(const char *, n + 1);
    json_array_foreach(list, i, pair)
    {
        json_int_t at = json_integer_value(json_array_get(pair, 0));
        const char *hash = json_string_value(json_array_get(pair, 1));
        if (at < 0 || (gsize)at >= n || !is_hash(hash)) {
            g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "the backup's list makes no sense");
            return NULL;
        }
        chunks[at] = hash;
    }
    *ret_bytes = bytes;
    *ret_n = n;
    return g_steal_pointer(&chunks);
}
