// SPDX-License-Identifier: Apache-2.0
// The moments of which backups are made: internal snapshots under the backup's id, as restore
// points are. A job of the desktop takes and drops them, so that no start or restore comes between;
// the copy itself needs no such care. The newest backup's moment stays in the image: the next one
// reads only what changed since.
#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/backup-private.h"
#include "service/restore-point-private.h"

#define WAIT_MS 1000

static gboolean
is(const char *text, const char *word)
{
    return g_strcmp0(text, word) == 0;
}

static gboolean
set_point(YdStore *store, const char *id, gboolean point, gboolean frozen, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdBackup) backup = tx ? yd_store_get(store, &yd_backup_type, id, error) : NULL;
    if (!backup)
        return FALSE;
    backup->point = point;
    if (point) {
        backup->frozen = frozen;
        backup->taken = yd_now_ms();
    }
    return yd_store_update(store, &yd_backup_type, backup, error) && yd_store_tx_commit(&tx, error);
}

// A disk that no desktop has; QEMU's lock refuses when one has it all the same.
static gboolean
take_alone(YdJobRun *run, const YdBackup *backup, GError **error)
{
    return yd_storage_point(yd_service_storage(yd_job_run_service(run)), backup->image, backup->id,
                            YD_POINT_MAKE, error) &&
           set_point(yd_job_run_store(run), backup->id, TRUE, TRUE, error);
}

// --- backup-take: a job of the desktop ---

static gboolean
step_take(YdJobRun *run, GError **error)
{
    const char *id = json_string_value(json_object_get(yd_job_run_args(run), "backup"));
    YdStore *store = yd_job_run_store(run);
    gboolean has = FALSE, frozen = FALSE;
    g_autoptr(YdBackup) backup = yd_store_get(store, &yd_backup_type, id ? id : "", error);
    if (!backup)
        return FALSE;
    if (backup->point)
        return TRUE;
    if (!yd_restore_point_moment(run, is(backup->what, "desktop"), backup->id, &has, &frozen,
                                 error))
        return FALSE;
    return has ? set_point(store, id, TRUE, frozen, error) : take_alone(run, backup, error);
}

static const YdJobStep take_steps[] = {
    {"take", step_take, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_backup_take = {
    "backup-take", "desktop", FALSE, take_steps, G_N_ELEMENTS(take_steps), NULL};

// What the child says; TRUE with *ret_done FALSE: it is still at work.
static gboolean
look_at_child(YdStore *store, const char *id, gboolean *ret_done, GError **error)
{
    g_autoptr(YdJob) child = yd_store_get(store, &yd_job_type, id, error);
    if (!child)
        return FALSE;
    *ret_done = is(child->state, "done");
    if (*ret_done || is(child->state, "queued") || is(child->state, "running"))
        return TRUE;
    YdErrorCode code = YD_ERROR_STATE;
    if (child->error_code)
        yd_error_code_from_name(child->error_code, &code);
    g_set_error(error, YD_ERROR, code, "no moment of the disk could be taken: %s",
                child->error ? child->error : child->state);
    return FALSE;
}

static gboolean
submit_take(YdJobRun *run, const YdDesktop *desktop, const char *backup_id, GError **error)
{
    g_autoptr(json_t) args = json_pack("{s:s}", "backup", backup_id);
    g_autoptr(YdJob) child =
        yd_job_submit(yd_job_run_service(run), yd_job_run_actor(run), "backup-take", desktop->id,
                      desktop->name, args, yd_job_run_job(run)->id, error);
    if (!child)
        return FALSE;
    // Another backup's, of the other disk of that desktop: after it.
    g_autoptr(json_t) given = child->args ? yd_json_parse_object(child->args, NULL) : NULL;
    if (is(json_string_value(json_object_get(given, "backup")), backup_id))
        json_object_set_new(yd_job_run_result(run), "take", json_string(child->id));
    return TRUE;
}

gboolean
yd_backup_take_moment(YdJobRun *run, YdBackup *backup, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    const char *child = json_string_value(json_object_get(yd_job_run_result(run), "take"));
    gboolean done = FALSE;
    if (backup->point)
        return TRUE;
    if (!backup->desktop_id)
        return take_alone(run, backup, error);
    if (child && !look_at_child(store, child, &done, error))
        return FALSE;
    if (!child) {
        g_autoptr(YdDesktop) desktop =
            yd_store_get(store, &yd_desktop_type, backup->desktop_id, error);
        if (!desktop || !submit_take(run, desktop, backup->id, error))
            return FALSE;
    }
    yd_job_run_again(run, WAIT_MS);
    return TRUE;
}

// --- dropping ---

YdBackup *
yd_backup_newest(YdStore *store, const YdBackup *but, gboolean with_point, GError **error)
{
    g_autoptr(GPtrArray) all =
        yd_store_all(store, &yd_backup_type, "object_id", but->object_id, error);
    for (guint i = all ? all->len : 0; i-- > 0;) {
        const YdBackup *backup = g_ptr_array_index(all, i);
        if (is(backup->state, "ready") && !is(backup->id, but->id) && is(backup->what, but->what) &&
            (!with_point || backup->point))
            return yd_backup_copy(backup);
    }
    return NULL;
}

// Whether its moment is inside its image for nothing.
static gboolean
is_spare(const YdBackup *backup, const char *newest)
{
    return backup->point && !is(backup->state, "making") && !is(backup->id, newest);
}

static gboolean
drop_one(YdJobRun *run, const YdBackup *backup, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) by =
        backup->desktop_id ? yd_store_get(store, &yd_desktop_type, backup->desktop_id, NULL) : NULL;
    if (by && is(backup->what, "desktop") && !is(by->image, backup->image))
        g_clear_pointer(&by, yd_desktop_free);
    return yd_restore_point_drop_from(run, backup->image, by, backup->id, error) &&
           set_point(store, backup->id, FALSE, FALSE, error);
}

// Of one object: all but the newest ready one's. Rows are sorted by time.
static gboolean
drop_spare(YdJobRun *run, const char *object_id, GError **error)
{
    g_autoptr(GPtrArray) all =
        yd_store_all(yd_job_run_store(run), &yd_backup_type, "object_id", object_id, error);
    const char *newest = NULL;
    for (guint i = 0; all && i < all->len; i++) {
        const YdBackup *backup = g_ptr_array_index(all, i);
        if (is(backup->state, "ready"))
            newest = backup->id;
    }
    for (guint i = 0; all && i < all->len; i++) {
        const YdBackup *backup = g_ptr_array_index(all, i);
        if (is_spare(backup, newest) && !drop_one(run, backup, error))
            return FALSE;
    }
    return all != NULL;
}

// Both disks of the desktop that the job is of.
static gboolean
step_drop(YdJobRun *run, GError **error)
{
    g_autoptr(GPtrArray) all = yd_store_all(yd_job_run_store(run), &yd_backup_type, "desktop_id",
                                            yd_job_run_object(run), error);
    for (guint i = 0; all && i < all->len; i++) {
        const YdBackup *backup = g_ptr_array_index(all, i);
        if (backup->point && !drop_spare(run, backup->object_id, error))
            return FALSE;
    }
    return all != NULL;
}

static const YdJobStep drop_steps[] = {
    {"drop", step_drop, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_backup_drop = {
    "backup-drop", "desktop", FALSE, drop_steps, G_N_ELEMENTS(drop_steps), NULL};

gboolean
yd_backup_drop_moments(YdJobRun *run, const YdBackup *backup, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop =
        backup->desktop_id ? yd_store_get(store, &yd_desktop_type, backup->desktop_id, NULL) : NULL;
    if (!desktop)
        return drop_spare(run, backup->object_id, error);
    g_autoptr(YdJob) job =
        yd_job_submit(yd_job_run_service(run), yd_job_run_actor(run), "backup-drop", desktop->id,
                      desktop->name, NULL, NULL, error);
    return job != NULL;
}
