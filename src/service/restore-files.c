// SPDX-License-Identifier: Apache-2.0
// Looks into restore points. The bytes come from deskhost (storage/point-files.h); here it is found
// out who may, which image, and it is written down.
#include "service/restore-files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/json-util.h"
#include "model/desktop-state.h"
#include "store/store-desktops.h"

#define READERS 4 // at once; others are told to come again

static gint readers;

static gboolean
enter(GError **error)
{
    if (g_atomic_int_add(&readers, 1) < READERS)
        return TRUE;
    g_atomic_int_add(&readers, -1);
    g_set_error(error, YD_ERROR, YD_ERROR_THROTTLED,
                "%d restore points are being read already; try again in some seconds", READERS);
    return FALSE;
}

static void
leave(void)
{
    g_atomic_int_add(&readers, -1);
}

static char *
personal_image(YdStore *store, const YdRestorePoint *point, GError **error)
{
    if (!point->personal_disk_id) {
        yd_error_invalid(error, "disk", "the restore point has no personal disk");
        return NULL;
    }
    g_autoptr(YdPersonalDisk) own =
        yd_store_get(store, &yd_personal_disk_type, point->personal_disk_id, error);
    return own ? g_strdup(own->image) : NULL;
}

char *
yd_restore_files_image(YdStore *store, const char *id, const char *disk, const char **ret_from,
                       GError **error)
{
    g_autoptr(YdRestorePoint) point = yd_store_get(store, &yd_restore_point_type, id, error);
    if (!point)
        return NULL;
    if (strcmp(point->state, "ready") != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the restore point is not ready, so there is nothing to look into");
        return NULL;
    }
    *ret_from = strcmp(disk, "personal") == 0 ? "/home" : "";
    if (**ret_from)
        return personal_image(store, point, error);
    if (strcmp(disk, "system") != 0)
        yd_error_invalid(error, "disk", "must be \"personal\" or \"system\"");
    else if (!point->image)
        yd_error_invalid(error, "disk",
                         "the system disk that has the restore point is gone; only the personal "
                         "disk can be looked into");
    else
        return g_strdup(point->image);
    return NULL;
}

gboolean
yd_restore_files_still(YdStore *store, const char *id, const char *disk, const char *image,
                       GError **error)
{
    const char *from = "";
    g_autoptr(GError) why = NULL;
    g_autofree char *now = yd_restore_files_image(store, id, disk, &from, &why);
    if (g_strcmp0(now, image) == 0)
        return TRUE;
    g_set_error_literal(error, YD_ERROR, YD_ERROR_STATE,
                        "the restore point was deleted while it was read; nothing of that is used");
    return FALSE;
}

// May they, and which image is it? Owned; *ret_path: where it is on that image, owned.
static char *
begin(YdService *service, const YdActor *actor, const char *id, const char *disk, const char *path,
      char **ret_path, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    const char *from = "";
    if (!store ||
        !yd_service_may(service, actor, YD_RIGHT_DESKTOPS_FILES, &yd_restore_point_type, id, error))
        return NULL;
    g_autofree char *image = yd_restore_files_image(store, id, disk, &from, error);
    if (image && *path != '/') {
        yd_error_invalid(error, "path", "must begin with \"/\"");
        return NULL;
    }
    *ret_path = image ? g_strconcat(from, path, NULL) : NULL;
    return g_steal_pointer(&image);
}

// A row of the audit log, in the transaction under way.
static gboolean
note(YdService *service, const YdActor *actor, const char *act, const char *id, const char *disk,
     const char *path, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdRestorePoint) point =
        store ? yd_store_get(store, &yd_restore_point_type, id, error) : NULL;
    g_autoptr(json_t) said = json_pack("{s:s, s:s, s:s}", "point", id, "disk", disk, "path", path);
    g_autofree char *details = said ? yd_json_text(said) : NULL;
    return point && yd_service_audit(service, actor, act, "desktop", point->desktop_id,
                                     point->desktop_name, details, error);
}

static gboolean
note_alone(YdService *service, const YdActor *actor, const char *act, const char *id,
           const char *disk, const char *path, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(yd_service_store(service, NULL), error);
    return tx && note(service, actor, act, id, disk, path, error) && yd_store_tx_commit(&tx, error);
}

json_t *
yd_restore_files_list(YdService *service, const YdActor *actor, const char *id, const char *disk,
                      const char *path, gint64 cursor, guint limit, GError **error)
{
    g_autofree char *place = NULL;
    g_autofree char *image = begin(service, actor, id, disk, path, &place, error);
    if (!image || !enter(error))
        return NULL;
    g_autoptr(json_t) list =
        yd_point_files_list(yd_service_storage(service), image, id, place, cursor, limit, error);
    leave();
    return list &&
                   yd_restore_files_still(yd_service_store(service, NULL), id, disk, image,
                                          error) &&
                   note_alone(service, actor, "restore-point.list", id, disk, path, error)
               ? g_steal_pointer(&list)
               : NULL;
}

// --- files ---

static gboolean
into_file(gpointer data, const void *bytes, gsize n, GError **error)
{
    const guint8 *at = bytes;
    for (gsize done = 0; done < n;) {
        ssize_t some = write(*(int *)data, at + done, n - done);
        if (some < 0 && errno == EINTR)
            continue;
        if (some < 0) {
            g_set_error(error, YD_ERROR, errno == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                        "the file cannot be kept on the way: %s", g_strerror(errno));
            return FALSE;
        }
        done += (gsize)some;
    }
    return TRUE;
}

static GBytes *
mapped(int fd, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GMappedFile) map = g_mapped_file_new_from_fd(fd, FALSE, &why);
    if (map)
        return g_mapped_file_get_bytes(map);
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "the file cannot be kept on the way: %s",
                why->message);
    return NULL;
}

GBytes *
yd_restore_files_fetch(YdService *service, const char *image, const char *id, const char *path,
                       gint64 most, YdPointFile *ret_file, GError **error)
{
    int fd = open(yd_service_config(service)->state_dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    GBytes *bytes = NULL;
    if (fd < 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "the file cannot be kept on the way: %s",
                    g_strerror(errno));
        return NULL;
    }
    if (enter(error)) {
        if (yd_point_files_read(yd_service_storage(service), image, id, path, most, into_file, &fd,
                                ret_file, error))
            bytes = mapped(fd, error);
        leave();
    }
    close(fd);
    return bytes;
}

GBytes *
yd_restore_files_get(YdService *service, const YdActor *actor, const char *id, const char *disk,
                     const char *path, char **ret_name, GError **error)
{
    YdPointFile file;
    g_autofree char *place = NULL;
    g_autofree char *image = begin(service, actor, id, disk, path, &place, error);
    g_autoptr(GBytes) bytes =
        image ? yd_restore_files_fetch(service, image, id, place, YD_RESTORE_FILE_MAX, &file, error)
              : NULL;
    if (!bytes ||
        !yd_restore_files_still(yd_service_store(service, NULL), id, disk, image, error) ||
        !note_alone(service, actor, "restore-point.get", id, disk, path, error))
        return NULL;
    *ret_name = g_path_get_basename(path);
    return g_steal_pointer(&bytes);
}

// --- into the desktop ---

// One at a time: a second job would be the first one again.
static gboolean
check_free(YdStore *store, const YdDesktop *desktop, GError **error)
{
    GError *local = NULL;
    g_autoptr(YdJob) live =
        yd_store_job_live(store, desktop->id, "restore-point-give-back", &local);
    if (local)
        g_propagate_error(error, local);
    if (live)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "another file is being put into “%s”; try again when that has ended",
                    desktop->name);
    return !live && !local;
}

static gboolean
check_desktop(YdStore *store, const char *point_id, YdDesktop **ret_desktop, GError **error)
{
    g_autoptr(YdRestorePoint) point = yd_store_get(store, &yd_restore_point_type, point_id, error);
    g_autoptr(YdDesktop) desktop =
        point ? yd_store_get(store, &yd_desktop_type, point->desktop_id, error) : NULL;
    if (!desktop)
        return FALSE;
    if (g_strcmp0(desktop->state, YD_DESKTOP_READY) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "“%s” is not running; start it first, or take the file with get",
                    desktop->name);
        return FALSE;
    }
    if (g_strcmp0(desktop->os, "linux") != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "files are put into Linux desktops only; take the file with get");
        return FALSE;
    }
    *ret_desktop = g_steal_pointer(&desktop);
    return TRUE;
}

YdJob *
yd_restore_files_give(YdService *service, const YdActor *actor, const char *id, const char *disk,
                      const char *path, GError **error)
{
    g_autofree char *place = NULL;
    g_autofree char *image = begin(service, actor, id, disk, path, &place, error);
    g_autoptr(YdDesktop) desktop = NULL;
    YdStore *store = yd_service_store(service, NULL);
    if (!image || !check_desktop(store, id, &desktop, error))
        return NULL;
    g_autoptr(json_t) args = json_pack("{s:s, s:s, s:s}", "point", id, "disk", disk, "path", path);
    if (!args) {
        yd_error_invalid(error, "path", "is not UTF-8");
        return NULL;
    }
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdJob) job = tx && check_free(store, desktop, error)
                               ? yd_job_submit(service, actor, "restore-point-give-back",
                                               desktop->id, desktop->name, args, NULL, error)
                               : NULL;
    if (!job || !note(service, actor, "restore-point.give-back", id, disk, path, error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&job);
}
