// SPDX-License-Identifier: Apache-2.0
// Checks requests and hands them on: to deskhost, or to the files of this room that do the work.
#include "storage/backup-private.h"

#include <string.h>
#include <sys/statvfs.h>

#define ID_MAX 64

static const char *
text(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

// Ids and moments are of our own making: they become file names.
static gboolean
check_id(const json_t *request, const char *name, gboolean needed, GError **error)
{
    const char *id = text(request, name);
    if (!id && !needed && !json_object_get(request, name))
        return TRUE;
    for (const char *at = id; at && *at; at++)
        if (!g_ascii_islower(*at) && !g_ascii_isdigit(*at) && *at != '-')
            return yd_error_invalid(error, name, "\"%s\" is no id", id);
    return (id && *id && *id != '-' && strlen(id) <= ID_MAX) ||
           yd_error_invalid(error, name, "must be an id");
}

static gboolean
check_checksum(const json_t *request, GError **error)
{
    const char *sum = text(request, "checksum");
    return (sum && strlen(sum) == 64 && strspn(sum, "0123456789abcdef") == 64) ||
           yd_error_invalid(error, "checksum", "must be a SHA-256 in hex digits");
}

static gboolean
check_image(const json_t *request, GError **error)
{
    const char *image = text(request, "image");
    return image ? yd_image_name_check(image, error)
                 : yd_error_invalid(error, "image", "must be the name of an image");
}

static json_t *
do_space(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
         GError **error)
{
    g_auto(YdBackupHold) hold = -1;
    const char *directory = ((LocalStorage *)storage)->backup_dir;
    struct statvfs fs;
    gboolean known = json_is_true(json_object_get(request, "known"));
    if (!yd_backup_open(storage, known ? YD_BACKUP_SHARED : YD_BACKUP_LOOK, known, &hold, error))
        return NULL;
    if (statvfs(directory, &fs) != 0) {
        yd_backup_fail(error, "cannot read the space of", directory);
        return NULL;
    }
    return json_pack("{s:s, s:I, s:I}", "directory", directory, "bytes",
                     (json_int_t)fs.f_blocks * (json_int_t)fs.f_frsize, "free",
                     (json_int_t)fs.f_bavail * (json_int_t)fs.f_frsize);
}

static const struct {
    const char *verb;
    json_t *(*run)(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
                   GError **error);
    gboolean id, image, checksum, point;
} verbs[] = {
    {"backup-space", do_space, FALSE, FALSE, FALSE, FALSE},
    {"backup-disk", yd_backup_do_disk, TRUE, TRUE, FALSE, TRUE},
    {"backup-image", yd_backup_do_image, FALSE, TRUE, FALSE, FALSE},
    {"backup-product", yd_backup_do_product, TRUE, FALSE, FALSE, FALSE},
    {"backup-verify", yd_backup_do_verify, TRUE, FALSE, TRUE, FALSE},
    {"backup-fill", yd_backup_do_fill, TRUE, TRUE, TRUE, FALSE},
    {"backup-drop", yd_backup_do_drop, TRUE, FALSE, FALSE, FALSE},
    {"backup-sweep", yd_backup_do_sweep, FALSE, FALSE, FALSE, FALSE},
};

json_t *
yd_local_backup(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
                GError **error)
{
    const char *verb = text(request, "verb");
    for (guint i = 0; verb && i < G_N_ELEMENTS(verbs); i++)
        if (strcmp(verbs[i].verb, verb) == 0)
            return verbs[i].run(storage, request, progress, data, error);
    yd_error_invalid(error, "verb", "'%s' is not known", verb ? verb : "");
    return NULL;
}

json_t *
yd_backup_call(YdStorage *storage, const json_t *request, YdProgress progress, gpointer data,
               GError **error)
{
    const char *verb = text(request, "verb");
    for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (g_strcmp0(verbs[i].verb, verb) != 0)
            continue;
        if ((verbs[i].id && !check_id(request, "id", TRUE, error)) ||
            (verbs[i].image && !check_image(request, error)) ||
            (verbs[i].checksum && !check_checksum(request, error)) ||
            (verbs[i].point && (!check_id(request, "point", TRUE, error) ||
                                !check_id(request, "previous", FALSE, error))))
            return NULL;
    }
    return storage->family->backup(storage, request, progress, data, error);
}

// Takes request.
static json_t *
call(YdStorage *storage, json_t *request, YdProgress progress, gpointer data, GError **error)
{
    json_t *answer = yd_backup_call(storage, request, progress, data, error);
    json_decref(request);
    return answer;
}

json_t *
yd_backup_space(YdStorage *storage, gboolean known, GError **error)
{
    json_t *request = json_pack("{s:s, s:b}", "verb", "backup-space", "known", known);
    return call(storage, request, NULL, NULL, error);
}

json_t *
yd_backup_disk(YdStorage *storage, const YdBackupDisk *what, YdProgress progress, gpointer data,
               GError **error)
{
    json_t *request =
        json_pack("{s:s, s:s, s:s, s:s, s:s*, s:O*, s:b}", "verb", "backup-disk", "id", what->id,
                  "image", what->image, "point", what->point, "previous", what->previous, "about",
                  what->about, "known", what->known);
    return call(storage, request, progress, data, error);
}

json_t *
yd_backup_image(YdStorage *storage, const char *image, gboolean known, YdProgress progress,
                gpointer data, GError **error)
{
    json_t *request =
        json_pack("{s:s, s:s, s:b}", "verb", "backup-image", "image", image, "known", known);
    return call(storage, request, progress, data, error);
}

json_t *
yd_backup_product(YdStorage *storage, const char *id, gboolean known, GError **error)
{
    json_t *request =
        json_pack("{s:s, s:s, s:b}", "verb", "backup-product", "id", id, "known", known);
    return call(storage, request, NULL, NULL, error);
}

gboolean
yd_backup_verify(YdStorage *storage, const char *id, const char *checksum, YdProgress progress,
                 gpointer data, GError **error)
{
    json_t *request =
        json_pack("{s:s, s:s, s:s}", "verb", "backup-verify", "id", id, "checksum", checksum);
    g_autoptr(json_t) answer = call(storage, request, progress, data, error);
    return answer != NULL;
}

json_t *
yd_backup_fill(YdStorage *storage, const char *id, const char *checksum, const char *image,
               YdProgress progress, gpointer data, GError **error)
{
    json_t *request = json_pack("{s:s, s:s, s:s, s:s}", "verb", "backup-fill", "id", id, "checksum",
                                checksum, "image", image);
    return call(storage, request, progress, data, error);
}

gboolean
yd_backup_drop(YdStorage *storage, const char *id, GError **error)
{
    json_t *request = json_pack("{s:s, s:s}", "verb", "backup-drop", "id", id);
    g_autoptr(json_t) answer = call(storage, request, NULL, NULL, error);
    return answer != NULL;
}

json_t *
yd_backup_sweep(YdStorage *storage, GError **error)
{
    return call(storage, json_pack("{s:s}", "verb", "backup-sweep"), NULL, NULL, error);
}
