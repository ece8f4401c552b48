// SPDX-License-Identifier: Apache-2.0
// How restore points go: by the job restore-point-delete, and with a desktop that is rebuilt or
// deleted. What is gone already counts as taken away, so each step may be repeated.
#include <string.h>

#include "service/restore-point-private.h"

gboolean
yd_restore_point_drop_from(YdJobRun *run, const char *image, const YdDesktop *by, const char *name,
                           GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStorage *storage = yd_service_storage(service);
    YdMachineState state = YD_MACHINE_OFF;
    GError *why = NULL;
    if (by && !yd_desk_machine(service, by, &state, error))
        return FALSE;
    if (by && !yd_machine_is_off(state)) {
        YdHypervisor *hv = yd_service_hypervisor(service, by->host_id, error);
        g_autofree char *path = yd_storage_path(storage, image);
        const char *const disks[] = {path, NULL};
        if (!hv)
            return FALSE;
        if (yd_hypervisor_point(hv, by->uuid, disks, name, TRUE, &why))
            return TRUE;
        if (!g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND) &&
            (!yd_desk_machine(service, by, &state, NULL) || !yd_machine_is_off(state))) {
            g_propagate_error(error, why);
            return FALSE;
        }
        g_clear_error(&why); // it does not have that disk, or has just ended
    }
    if (yd_storage_point(storage, image, name, YD_POINT_DROP, &why))
        return TRUE;
    if (g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)) { // the file is gone, and all in it
        g_error_free(why);
        return TRUE;
    }
    g_propagate_error(error, why);
    return FALSE;
}

static gboolean
drop_from_personal(YdJobRun *run, const YdRestorePoint *point, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    if (!point->personal_disk_id)
        return TRUE;
    g_autoptr(GError) gone = NULL;
    g_autoptr(YdPersonalDisk) disk =
        yd_store_get(store, &yd_personal_disk_type, point->personal_disk_id, &gone);
    if (!disk && g_error_matches(gone, YD_ERROR, YD_ERROR_NOT_FOUND))
        return TRUE;
    if (!disk) {
        g_propagate_error(error, g_steal_pointer(&gone));
        return FALSE;
    }
    g_autoptr(YdDesktop) by =
        disk->desktop_id ? yd_store_get(store, &yd_desktop_type, disk->desktop_id, NULL) : NULL;
    return strcmp(disk->state, "ready") != 0 ||
           yd_restore_point_drop_from(run, disk->image, by, point->id, error);
}

static gboolean
drop(YdJobRun *run, const YdRestorePoint *point, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, point->desktop_id, error);
    if (!desktop)
        return FALSE;
    const YdDesktop *by = g_strcmp0(point->image, desktop->image) == 0 ? desktop : NULL;
    return (!point->image || yd_restore_point_drop_from(run, point->image, by, point->id, error)) &&
           drop_from_personal(run, point, error) &&
           yd_store_delete(store, &yd_restore_point_type, point->id, 0, error);
}

// All that are to go: whoever asked while the job ran already got the same one.
static gboolean
delete_drop(YdJobRun *run, GError **error)
{
    g_autoptr(GPtrArray) points = yd_store_all(yd_job_run_store(run), &yd_restore_point_type,
                                               "desktop_id", yd_job_run_object(run), error);
    for (guint i = 0; points && i < points->len; i++) {
        const YdRestorePoint *point = g_ptr_array_index(points, i);
        if (strcmp(point->state, "deleting") != 0)
            continue;
        if (!drop(run, point, error))
            return FALSE;
        yd_job_run_again(run, 0); // look once more
        return yd_job_run_progress(run, 100.0 * i / points->len, error);
    }
    return points != NULL;
}

// Said in their rows; the reconciler tries again.
static void
delete_failed(YdJobRun *run, const GError *why)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) points = store ? yd_store_all(store, &yd_restore_point_type, "desktop_id",
                                                       yd_job_run_object(run), &error)
                                        : NULL;
    for (guint i = 0; points && i < points->len && !error; i++) {
        YdRestorePoint *point = g_ptr_array_index(points, i);
        if (strcmp(point->state, "deleting") != 0)
            continue;
        yd_set_string(&point->error, why->message);
        yd_store_update(store, &yd_restore_point_type, point, &error);
    }
    if (error)
        g_warning("restore points of %s: %s, ignoring", yd_job_run_object(run), error->message);
}

static const YdJobStep delete_steps[] = {
    {"drop", delete_drop, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_restore_point_delete = {
    "restore-point-delete",     "desktop",    FALSE, delete_steps,
    G_N_ELEMENTS(delete_steps), delete_failed};

// --- of rebuilding and deleting a desktop ---

// A fresh system disk has none of the old one's; those of the personal disk stay.
gboolean
yd_desk_step_fresh_points(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GPtrArray) points =
        yd_store_all(store, &yd_restore_point_type, "desktop_id", yd_job_run_object(run), error);
    for (guint i = 0; points && i < points->len; i++) {
        YdRestorePoint *point = g_ptr_array_index(points, i);
        if (!point->system)
            continue;
        yd_set_string(&point->image, NULL);
        if (!(point->personal_disk_id
                  ? yd_store_update(store, &yd_restore_point_type, point, error)
                  : yd_store_delete(store, &yd_restore_point_type, point->id, 0, error)))
            return FALSE;
    }
    return points != NULL;
}

// All go, also from a personal disk that stays: nobody would know of them any more.
gboolean
yd_desk_step_delete_points(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GPtrArray) points =
        yd_store_all(store, &yd_restore_point_type, "desktop_id", yd_job_run_object(run), error);
    for (guint i = 0; points && i < points->len; i++) {
        const YdRestorePoint *point = g_ptr_array_index(points, i);
        g_autoptr(GError) why = NULL;
        if (!drop_from_personal(run, point, &why))
            g_warning("restore point %s stays in a personal disk: %s, ignoring", point->id,
                      why ? why->message : "its row cannot be read");
        if (!yd_store_delete(store, &yd_restore_point_type, point->id, 0, error))
            return FALSE;
    }
    return points != NULL;
}
