// SPDX-License-Identifier: Apache-2.0
// A new machine: what the newest backup of the product lists is put back where it was. The database
// comes last, so a restore that was cut off leaves nothing that deskd would start with; asked
// again, it goes on. The backups themselves are only read.
#include "storage/backup-private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    YdStorage *storage;
    const LocalStorage *local;
    char *id, *folder, *checksum; // folder: product/ID; checksum: of its list
    json_t *list, *plan, *failed;
    const char *owner;
    void (*tell)(const char *text);
} Return;

static void
return_clear(Return *back)
{
    g_free(back->id);
    g_free(back->folder);
    g_free(back->checksum);
    json_decref(back->list);
    json_decref(back->plan);
    json_decref(back->failed);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Return, return_clear)

static const char *
text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void G_GNUC_PRINTF(2, 3) say(const Return *back, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *line = g_strdup_vprintf(format, args);
    va_end(args);
    back->tell(line);
}

// Ids are ordered by time.
static char *
newest(YdStorage *storage, GError **error)
{
    g_autofree char *path = yd_backup_path(storage, "product", NULL), *found = NULL;
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    for (const char *name = dir ? g_dir_read_name(dir) : NULL; name; name = g_dir_read_name(dir))
        if (!found || strcmp(name, found) > 0) {
            g_free(found);
            found = g_strdup(name);
        }
    if (!found)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                    "'%s' has no backup of the product itself; is it the right folder?", path);
    return g_steal_pointer(&found);
}

static gboolean
check_machine(const Return *back, GError **error)
{
    const char *was = text(back->list, "state_dir");
    g_autofree char *database = g_build_filename(back->local->state_dir, "yundesk.db", NULL);
    if (g_strcmp0(was, back->local->state_dir) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the backup is of a machine with state in '%s', here it is '%s'; disks name "
                    "each other by their paths, so set [paths] state as it was",
                    was ? was : "", back->local->state_dir);
        return FALSE;
    }
    if (g_file_test(database, G_FILE_TEST_EXISTS)) {
        g_set_error(error, YD_ERROR, YD_ERROR_EXISTS,
                    "'%s' is there already; everything is put back onto a machine that has nothing "
                    "yet. Move that file away if it is not needed",
                    database);
        return FALSE;
    }
    return TRUE;
}

static gboolean
load(Return *back, GError **error)
{
    back->folder = g_build_filename("product", back->id, NULL);
    back->list =
        yd_backup_read_json(back->storage, back->folder, "list.json", NULL, &back->checksum, error);
    back->plan = back->list ? yd_backup_read_json(back->storage, back->folder, "plan.json", NULL,
                                                  NULL, error)
                            : NULL;
    back->failed = json_array();
    return back->plan && check_machine(back, error);
}

// --- files of the product ---

static uid_t
user_of(const json_t *file, const char *owner)
{
    const char *name = text(file, "user") ? text(file, "user") : owner;
    const struct passwd *user = name ? getpwnam(name) : NULL;
    return user ? user->pw_uid : (uid_t)-1;
}

static gid_t
group_of(const json_t *file, const char *owner)
{
    const struct group *group = text(file, "group") ? getgrnam(text(file, "group")) : NULL;
    const struct passwd *user = group || !owner ? NULL : getpwnam(owner);
    return group ? group->gr_gid : user ? user->pw_gid : (gid_t)-1;
}

// Copies one file of the list to where it belongs, checked against the list.
static gboolean
put(const Return *back, const json_t *file, const char *to, GError **error)
{
    g_autofree char *from = yd_backup_path(back->storage, back->folder, text(file, "name"));
    g_autofree char *half = g_strconcat(to, ".part", NULL), *sum = NULL;
    mode_t mode = (mode_t)json_integer_value(json_object_get(file, "mode")) & 0777;
    gint64 bytes = 0;
    if (!yd_backup_copy_file(from, half, mode, NULL, NULL, &bytes, &sum, error))
        return FALSE;
    if (g_strcmp0(sum, text(file, "checksum")) != 0) {
        unlink(half);
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                    "the backup %s is damaged: its file '%s' is not what it was; name an older one",
                    back->id, text(file, "name"));
        return FALSE;
    }
    if (geteuid() == 0 && chown(half, user_of(file, back->owner), group_of(file, back->owner)) != 0)
        return yd_backup_fail(error, "cannot give away", half);
    return rename(half, to) == 0 || yd_backup_fail(error, "cannot put in place", to);
}

static gboolean
folder_for(const Return *back, const char *path, mode_t mode, GError **error)
{
    if (g_mkdir_with_parents(path, mode) != 0)
        return yd_backup_fail(error, "cannot make", path);
    if (geteuid() == 0 && chown(path, user_of(NULL, back->owner), group_of(NULL, back->owner)) != 0)
        return yd_backup_fail(error, "cannot give away", path);
    return TRUE;
}

// keys/… to state/keys; the configuration beside, since this machine has one of its own.
static gboolean
put_files(const Return *back, gboolean database, GError **error)
{
    g_autofree char *keys = g_build_filename(back->local->state_dir, "keys", NULL);
    g_autofree char *config = g_build_filename(back->local->state_dir, "restored-config", NULL);
    size_t i;
    json_t *file;
    if (!database &&
        (!folder_for(back, keys, 0700, error) || !folder_for(back, config, 0700, error)))
        return FALSE;
    json_array_foreach(json_object_get(back->list, "files"), i, file)
    {
        const char *name = text(file, "name");
        gboolean is_database = g_strcmp0(name, "yundesk.db") == 0;
        gboolean is_key = name && g_str_has_prefix(name, "keys/");
        if (!name || strstr(name, "..") || is_database != database ||
            strcmp(name, "plan.json") == 0)
            continue;
        g_autofree char *last = g_path_get_basename(name);
        g_autofree char *to = g_build_filename(is_database ? back->local->state_dir
                                               : is_key    ? keys
                                                           : config,
                                               last, NULL);
        if (!put(back, file, to, error))
            return FALSE;
        say(back, "%s", to);
    }
    return TRUE;
}

// --- images ---

// Whether a sealed file is still what it was is told by its time first.
static gboolean
set_time(const char *path, gint64 ms, GError **error)
{
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT},
                                     {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}};
    return ms <= 0 || utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW) == 0 ||
           yd_backup_fail(error, "cannot set the time of", path);
}

static gboolean
put_image(const Return *back, const json_t *what, GError **error)
{
    const char *image = text(what, "image"), *checksum = text(what, "checksum");
    g_autofree char *from = yd_backup_path(back->storage, "images", image), *sum = NULL;
    g_autofree char *to = yd_local_path(back->storage, image);
    g_autofree char *half = yd_local_part(back->storage, image);
    gint64 bytes = 0;
    if (access(to, F_OK) == 0)
        return yd_backup_copy_file(to, NULL, 0, NULL, NULL, &bytes, &sum, error) &&
               (g_strcmp0(sum, checksum) == 0 ||
                yd_error_invalid(error, image, "is there already and is another file"));
    if (!yd_backup_copy_file(from, half, 0444, NULL, NULL, &bytes, &sum, error))
        return FALSE;
    if (g_strcmp0(sum, checksum) != 0) {
        unlink(half);
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "the copy of '%s' is damaged", image);
        return FALSE;
    }
    return set_time(half, json_integer_value(json_object_get(what, "mtime")), error) &&
           yd_local_publish(back->storage, image, 0444, error);
}

static void
note_failure(const Return *back, const json_t *what, const GError *why)
{
    say(back, "FAILED: %s: %s", text(what, "image"), why->message);
    g_autoptr(json_t) entry = json_deep_copy(what);
    json_object_set_new(entry, "error", json_string(why->message));
    json_array_append(back->failed, entry);
}

// One that is damaged does not keep the others from coming back.
static void
put_images(const Return *back)
{
    size_t i;
    json_t *what;
    json_array_foreach(json_object_get(back->plan, "images"), i, what)
    {
        g_autoptr(GError) why = NULL;
        const char *image = text(what, "image"), *sum = text(what, "checksum");
        if (!image || !yd_image_name_check(image, NULL) || !sum)
            continue;
        if (put_image(back, what, &why))
            say(back, "%s", image);
        else
            note_failure(back, what, why);
    }
}

static void
put_disks(const Return *back)
{
    size_t i;
    json_t *what;
    json_array_foreach(json_object_get(back->plan, "disks"), i, what)
    {
        g_autoptr(GError) why = NULL;
        const char *image = text(what, "image"), *id = text(what, "backup");
        if (!image || !yd_image_name_check(image, NULL) || !id || !text(what, "checksum"))
            continue;
        g_autoptr(json_t) done =
            yd_backup_fill(back->storage, id, text(what, "checksum"), image, NULL, NULL, &why);
        if (done)
            say(back, "%s (%s)", image, text(what, "name") ? text(what, "name") : "");
        else
            note_failure(back, what, why);
    }
}

// What deskd has to know at its first start.
static gboolean
write_note(const Return *back, GError **error)
{
    g_autofree char *path = g_build_filename(back->local->state_dir, "restored.json", NULL);
    g_autoptr(json_t) note =
        json_pack("{s:s, s:s*, s:O, s:O*}", "backup", back->id, "checksum", back->checksum,
                  "failed", back->failed, "missing", json_object_get(back->plan, "missing"));
    g_autofree char *words = yd_json_text(note);
    if (!g_file_set_contents_full(path, words, -1,
                                  G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
                                  0600, error))
        return FALSE;
    if (geteuid() == 0 && chown(path, user_of(NULL, back->owner), group_of(NULL, back->owner)) != 0)
        return yd_backup_fail(error, "cannot give away", path);
    return TRUE;
}

gboolean
yd_backup_restore_all(YdStorage *storage, const char *id, const char *owner,
                      void (*tell)(const char *text), GError **error)
{
    g_auto(YdBackupHold) hold = -1;
    g_auto(Return)
        back = {.storage = storage, .local = (LocalStorage *)storage, .owner = owner, .tell = tell};
    if (!yd_backup_open(storage, YD_BACKUP_SHARED, TRUE, &hold, error))
        return FALSE;
    back.id = id ? g_strdup(id) : newest(storage, error);
    if (!back.id || !load(&back, error) || !put_files(&back, FALSE, error))
        return FALSE;
    put_images(&back);
    put_disks(&back);
    if (!write_note(&back, error) || !put_files(&back, TRUE, error))
        return FALSE;
    size_t failed = json_array_size(back.failed);
    size_t missing = json_array_size(json_object_get(back.plan, "missing"));
    say(&back, "Put back from %s. %zu could not be put back; %zu disks were never in a backup.",
        back.id, failed, missing);
    return TRUE;
}
