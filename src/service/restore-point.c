// SPDX-License-Identifier: Apache-2.0
// Restore points as people ask for them. The work is restore-point-job.c.
#include "service/restore-point.h"

#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/change.h"
#include "service/check.h"
#include "service/restore-point-private.h"
#include "store/store-desktops.h"

#define FREE_BYTES ((gint64)512 << 20) // what is written from now on needs room beside what is kept

static gboolean
is(const char *text, const char *word)
{
    return g_strcmp0(text, word) == 0;
}

// People need the policy's leave besides their right.
static gboolean
check_leave(YdStore *store, const YdActor *actor, const YdDesktop *desktop, GError **error)
{
    YdPolicy policy;
    if (yd_access_scope(actor->role, YD_RIGHT_DESKTOPS_POWER) != YD_SCOPE_OWN)
        return TRUE;
    if (!yd_desk_policy(store, desktop, &policy, error))
        return FALSE;
    if (policy.restore_by_person)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_FORBIDDEN,
                "in the pool “%s” only administrators make restore points and go back to them; ask "
                "one (policy restore_by_person)",
                desktop->pool_name ? desktop->pool_name : "");
    return FALSE;
}

static gboolean
refuse(const YdDesktop *desktop, const char *why, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "“%s” can have no restore point now: %s",
                desktop->name, why);
    return FALSE;
}

gboolean
yd_restore_point_check(YdStore *store, const YdDesktop *desktop, GError **error)
{
    static const char *const good[] = {
        YD_DESKTOP_OFF,    YD_DESKTOP_STARTING, YD_DESKTOP_PREPARING, YD_DESKTOP_READY,
        YD_DESKTOP_PAUSED, YD_DESKTOP_SAVED,    YD_DESKTOP_STOPPING,  NULL};
    if (!desktop->pool_id)
        return refuse(desktop, "it is a workbench, and a template must not carry any", error);
    if (!g_strv_contains(good, desktop->state))
        return refuse(desktop, "it is being made, rebuilt or deleted, or has failed", error);
    g_autoptr(YdPool) pool = yd_store_get(store, &yd_pool_type, desktop->pool_id, error);
    if (!pool)
        return FALSE;
    if (is(pool->kind, "floating"))
        return refuse(desktop, "desktops of floating pools are made afresh after each use", error);
    if (!desktop->prepared && !desktop->personal_disk_id)
        return refuse(desktop, "it was never started, there is nothing to keep", error);
    return TRUE;
}

static gboolean
check_space(YdService *service, GError **error)
{
    gint64 bytes = 0, left = 0;
    if (!yd_storage_space(yd_service_storage(service), &bytes, &left, error))
        return FALSE;
    if (left >= FREE_BYTES)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE,
                "%" G_GINT64_FORMAT
                " MiB are free where images lie; a restore point needs %" G_GINT64_FORMAT
                ". Delete restore points or desktops that nobody needs",
                left >> 20, FREE_BYTES >> 20);
    return FALSE;
}

static gboolean
check_count(YdStore *store, const YdDesktop *desktop, GError **error)
{
    g_autoptr(GPtrArray) points =
        yd_store_all(store, &yd_restore_point_type, "desktop_id", desktop->id, error);
    if (!points || points->len < YD_RESTORE_POINTS_MAX)
        return points != NULL;
    g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                "“%s” has %u restore points, that is the most; delete some that nobody needs",
                desktop->name, points->len);
    return FALSE;
}

// The row of a new point, in the transaction under way. What it has is found out when it is taken.
static YdRestorePoint *
insert(YdStore *store, const YdDesktop *desktop, const char *kind, const char *note, GError **error)
{
    g_autoptr(YdRestorePoint) point = yd_restore_point_new();
    if (!check_count(store, desktop, error))
        return NULL;
    point->id = yd_id_new("rpt");
    point->desktop_id = g_strdup(desktop->id);
    point->kind = g_strdup(kind);
    point->state = g_strdup("making");
    point->note = g_strdup(note);
    return yd_store_insert(store, &yd_restore_point_type, point, error) ? g_steal_pointer(&point)
                                                                        : NULL;
}

YdJob *
yd_restore_point_begin(YdService *service, YdStore *store, const YdActor *actor,
                       const YdDesktop *desktop, const char *kind, const char *note, GError **error)
{
    g_autoptr(YdRestorePoint) point = insert(store, desktop, kind, note, error);
    if (!point)
        return NULL;
    g_autoptr(json_t) args = json_pack("{s:s}", "point", point->id);
    g_autofree char *details = yd_json_text(args);
    g_autoptr(YdJob) job = yd_job_submit(service, actor, "restore-point-create", desktop->id,
                                         desktop->name, args, NULL, error);
    return job && yd_service_audit(service, actor, "restore-point.create", "desktop", desktop->id,
                                   desktop->name, details, error)
               ? g_steal_pointer(&job)
               : NULL;
}

YdJob *
yd_restore_point_create(YdService *service, const YdActor *actor, const char *desktop_id,
                        const char *note, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autofree char *text = g_strdup(note);
    GError *local = NULL;
    if (!store ||
        !yd_service_may(service, actor, YD_RIGHT_DESKTOPS_POWER, &yd_desktop_type, desktop_id,
                        error) ||
        !yd_check_text("note", &text, FALSE, 200, FALSE, error) || !check_space(service, error))
        return NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, desktop_id, &tx, error);
    if (!desktop || !check_leave(store, actor, desktop, error) ||
        !yd_restore_point_check(store, desktop, error))
        return NULL;
    g_autoptr(YdJob) live = yd_store_job_live(store, desktop_id, "restore-point-create", &local);
    if (local)
        g_propagate_error(error, local);
    if (live || local)
        return g_steal_pointer(&live);
    g_autoptr(YdJob) job =
        yd_restore_point_begin(service, store, actor, desktop, "manual", text, error);
    return job && yd_store_tx_commit(&tx, error) ? g_steal_pointer(&job) : NULL;
}

// --- of one that there is ---

// The point and its desktop, in a transaction; nobody goes back just now.
static YdRestorePoint *
begin(YdService *service, const YdActor *actor, const char *id, YdStoreTx **ret_tx,
      YdDesktop **ret_desktop, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    GError *local = NULL;
    if (!store ||
        !yd_service_may(service, actor, YD_RIGHT_DESKTOPS_POWER, &yd_restore_point_type, id, error))
        return NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdRestorePoint) point =
        tx ? yd_store_get(store, &yd_restore_point_type, id, error) : NULL;
    *ret_desktop = point ? yd_store_get(store, &yd_desktop_type, point->desktop_id, error) : NULL;
    if (!*ret_desktop || !check_leave(store, actor, *ret_desktop, error))
        return NULL;
    g_autoptr(YdJob) live = yd_store_job_live(store, point->desktop_id, "desktop-restore", &local);
    if (live)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "“%s” is going back to a restore point; try again when that has ended",
                    (*ret_desktop)->name);
    if (local)
        g_propagate_error(error, local);
    if (live || local)
        return NULL;
    *ret_tx = g_steal_pointer(&tx);
    return g_steal_pointer(&point);
}

static gboolean
check_parts(const YdRestorePoint *point, const YdDesktop *desktop, gboolean system,
            gboolean personal, GError **error)
{
    if (!is(point->state, "ready")) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the restore point is %s, not ready",
                    point->state);
        return FALSE;
    }
    if (!system && !personal)
        return yd_error_invalid(error, "system",
                                "choose what goes back: system, personal, or both");
    if (system && !point->system)
        return yd_error_invalid(
            error, "system",
            point->image || point->personal_disk_id
                ? "the system disk is another one since (the desktop was rebuilt, or moved to "
                  "another version of its template); only the personal disk can go back"
                : "the restore point has no system disk");
    if (personal && !point->personal_disk_id)
        return yd_error_invalid(error, "personal", "the restore point has no personal disk");
    if (personal && !is(point->personal_disk_id, desktop->personal_disk_id))
        return yd_error_invalid(error, "personal",
                                "that personal disk was moved to another pool since; move it back "
                                "first");
    return TRUE;
}

static gboolean
runs(const YdDesktop *desktop)
{
    return yd_desktop_state_runs(desktop->state) && !yd_desk_is(desktop, YD_DESKTOP_PAUSED) &&
           !yd_desk_is(desktop, YD_DESKTOP_STOPPING);
}

YdJob *
yd_restore_point_restore(YdService *service, const YdActor *actor, const char *id, gboolean system,
                         gboolean personal, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdRestorePoint) point = begin(service, actor, id, &tx, &desktop, error);
    YdStore *store = yd_service_store(service, NULL);
    if (!point || !check_space(service, error) || !yd_restore_point_check(store, desktop, error) ||
        !check_parts(point, desktop, system, personal, error))
        return NULL;
    g_autoptr(YdRestorePoint) now = insert(store, desktop, "before-restore", NULL, error);
    if (!now)
        return NULL;
    g_autoptr(json_t) args =
        json_pack("{s:s, s:s, s:b, s:b, s:b}", "point", id, "before", now->id, "system", system,
                  "personal", personal, "start", runs(desktop));
    g_autofree char *details = yd_json_text(args);
    g_autoptr(YdJob) job = yd_job_submit(service, actor, "desktop-restore", desktop->id,
                                         desktop->name, args, NULL, error);
    if (!job ||
        !yd_service_audit(service, actor, "restore-point.restore", "desktop", desktop->id,
                          desktop->name, details, error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&job);
}

YdJob *
yd_restore_point_begin_backup(YdService *service, YdStore *store, const YdActor *actor,
                              const YdDesktop *desktop, const char *backup_id, gboolean system,
                              GError **error)
{
    if (!check_space(service, error) || !yd_restore_point_check(store, desktop, error))
        return NULL;
    g_autoptr(YdRestorePoint) now = insert(store, desktop, "before-restore", NULL, error);
    if (!now)
        return NULL;
    g_autoptr(json_t) args =
        json_pack("{s:s, s:s, s:b, s:b, s:b}", "backup", backup_id, "before", now->id, "system",
                  system, "personal", !system, "start", runs(desktop));
    return yd_job_submit(service, actor, "desktop-restore", desktop->id, desktop->name, args, NULL,
                         error);
}

YdJob *
yd_restore_point_begin_delete(YdService *service, YdStore *store, const YdActor *actor,
                              const YdDesktop *desktop, YdRestorePoint *point, GError **error)
{
    g_autofree char *details = yd_change_note("point", point->id);
    yd_set_string(&point->state, "deleting");
    if (!yd_store_update(store, &yd_restore_point_type, point, error))
        return NULL;
    g_autoptr(YdJob) job = yd_job_submit(service, actor, "restore-point-delete", desktop->id,
                                         desktop->name, NULL, NULL, error);
    return job && yd_service_audit(service, actor, "restore-point.delete", "desktop", desktop->id,
                                   desktop->name, details, error)
               ? g_steal_pointer(&job)
               : NULL;
}

YdJob *
yd_restore_point_delete(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdRestorePoint) point = begin(service, actor, id, &tx, &desktop, error);
    if (!point)
        return NULL;
    if (is(point->state, "making")) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the restore point is being made; delete it when it is ready");
        return NULL;
    }
    YdStore *store = yd_service_store(service, NULL);
    g_autoptr(YdJob) job =
        yd_restore_point_begin_delete(service, store, actor, desktop, point, error);
    return job && yd_store_tx_commit(&tx, error) ? g_steal_pointer(&job) : NULL;
}
