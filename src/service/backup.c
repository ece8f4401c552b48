// SPDX-License-Identifier: Apache-2.0
// Backups as people ask for them. The work is backup-job.c.
#include "service/backup.h"

#include <string.h>

#include "base/json-util.h"
#include "service/backup-private.h"
#include "service/change.h"
#include "service/personal-disk.h"
#include "service/restore-point-private.h"
#include "service/settings.h"
#include "storage/backup.h"
#include "store/store-desktops.h"

static gboolean
is(const char *text, const char *word)
{
    return g_strcmp0(text, word) == 0;
}

static gboolean
check_configured(YdService *service, GError **error)
{
    if (yd_service_config(service)->backups)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "no folder for backups is configured; set backup_dir in [deskhost] of yundesk.conf "
                "to a folder on another disk, and restart deskhost and deskd");
    return FALSE;
}

gboolean
yd_backup_any(YdStore *store, gboolean *ret_any, GError **error)
{
    const char *const ready[] = {"ready", NULL};
    const YdCondition condition = {"state", "=", ready};
    const YdQuery query = {.conditions = &condition, .n_conditions = 1, .limit = 1};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_backup_type, &query, error);
    *ret_any = page && page->records->len > 0;
    return page != NULL;
}

// --- what one is of ---

static gboolean
describe_desktop(YdStore *store, const char *id, YdBackup *ret, GError **error)
{
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, id, error);
    if (!desktop)
        return FALSE;
    if (!desktop->pool_id || !desktop->prepared) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    desktop->pool_id ? "“%s” was never started, there is nothing to save"
                                     : "“%s” is a workbench; publish it, and its version is saved",
                    desktop->name);
        return FALSE;
    }
    ret->object_name = g_strdup(desktop->name);
    ret->desktop_id = g_strdup(desktop->id);
    ret->pool_id = g_strdup(desktop->pool_id);
    ret->image = g_strdup(desktop->image);
    return TRUE;
}

static gboolean
describe_personal(YdStore *store, const char *id, YdBackup *ret, GError **error)
{
    g_autoptr(YdPersonalDisk) disk = yd_store_get(store, &yd_personal_disk_type, id, error);
    if (!disk)
        return FALSE;
    if (!is(disk->state, "ready")) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the personal disk “%s” was never used, there is nothing to save", disk->name);
        return FALSE;
    }
    g_autoptr(YdDesktop) holder =
        disk->desktop_id ? yd_store_get(store, &yd_desktop_type, disk->desktop_id, NULL) : NULL;
    ret->object_name = g_strdup(disk->name);
    ret->desktop_id = holder ? g_strdup(holder->id) : NULL;
    ret->pool_id = g_strdup(disk->pool_id);
    ret->image = g_strdup(disk->image);
    return TRUE;
}

gboolean
yd_backup_describe(YdStore *store, const char *what, const char *object_id, YdBackup *ret,
                   GError **error)
{
    ret->what = g_strdup(what);
    ret->object_id = g_strdup(object_id);
    if (is(what, "desktop"))
        return describe_desktop(store, object_id, ret, error);
    if (is(what, "personal-disk"))
        return describe_personal(store, object_id, ret, error);
    ret->object_name = g_strdup("yundesk");
    return TRUE;
}

// --- making ---

// One of that object that is being made; NULL without an error: none.
static YdJob *
under_way(YdStore *store, const YdBackup *of, GError **error)
{
    g_autoptr(GPtrArray) all = yd_store_all(store, &yd_backup_type, "state", "making", error);
    for (guint i = 0; all && i < all->len; i++) {
        const YdBackup *backup = all->pdata[i];
        if (is(backup->what, of->what) && is(backup->object_id, of->object_id))
            return yd_store_job_live(store, backup->id, "backup-make", error);
    }
    return NULL;
}

YdJob *
yd_backup_begin(YdService *service, YdStore *store, const YdActor *actor, const YdBackup *what,
                GError **error)
{
    GError *local = NULL;
    g_autoptr(YdJob) live = under_way(store, what, &local);
    if (local)
        g_propagate_error(error, local);
    if (live || local)
        return g_steal_pointer(&live);
    g_autoptr(YdBackup) backup = yd_backup_copy(what);
    yd_set_string(&backup->state, "making");
    yd_set_string(&backup->kind, "full");
    if (!yd_store_insert(store, &yd_backup_type, backup, error))
        return NULL;
    g_autoptr(YdJob) job = yd_job_submit(service, actor, "backup-make", backup->id,
                                         backup->object_name, NULL, NULL, error);
    g_autofree char *details = yd_change_note("what", backup->what);
    return job && yd_service_audit(service, actor, "backup.make", "backup", backup->id,
                                   backup->object_name, details, error)
               ? g_steal_pointer(&job)
               : NULL;
}

YdJob *
yd_backup_make(YdService *service, const YdActor *actor, const char *what, const char *object_id,
               GError **error)
{
    static const char *const kinds[] = {"product", "desktop", "personal-disk", NULL};
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_allowed(actor, YD_RIGHT_BACKUPS, error) ||
        !check_configured(service, error))
        return NULL;
    if (!g_strv_contains(kinds, what)) {
        yd_error_invalid(error, "what", "must be product, desktop or personal-disk");
        return NULL;
    }
    if (is(what, "product") != (object_id == NULL)) {
        yd_error_invalid(error, "object_id",
                         object_id ? "the product has none" : "must say of which one");
        return NULL;
    }
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdBackup) backup = yd_backup_new();
    yd_set_string(&backup->origin, "manual");
    if (!tx || !yd_backup_describe(store, what, object_id, backup, error))
        return NULL;
    g_autoptr(YdJob) job = yd_backup_begin(service, store, actor, backup, error);
    return job && yd_store_tx_commit(&tx, error) ? g_steal_pointer(&job) : NULL;
}

// --- of one that there is ---

static YdBackup *
begin(YdService *service, const YdActor *actor, const char *id, YdStoreTx **ret_tx, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_allowed(actor, YD_RIGHT_BACKUPS, error))
        return NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdBackup) backup = tx ? yd_store_get(store, &yd_backup_type, id, error) : NULL;
    if (!backup || !check_configured(service, error))
        return NULL;
    *ret_tx = g_steal_pointer(&tx);
    return g_steal_pointer(&backup);
}

static gboolean
check_state(const YdBackup *backup, gboolean damaged_too, GError **error)
{
    if (is(backup->state, "ready") || (damaged_too && is(backup->state, "damaged")))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the backup is “%s”%s%s", backup->state,
                backup->error ? ": " : "", backup->error ? backup->error : "");
    return FALSE;
}

static YdJob *
submit(YdService *service, const YdActor *actor, const YdBackup *backup, const char *kind,
       const char *act, YdStoreTx **tx, GError **error)
{
    g_autofree char *details = yd_change_note("what", backup->what);
    g_autoptr(YdJob) job =
        yd_job_submit(service, actor, kind, backup->id, backup->object_name, NULL, NULL, error);
    return job &&
                   yd_service_audit(service, actor, act, "backup", backup->id, backup->object_name,
                                    details, error) &&
                   yd_store_tx_commit(tx, error)
               ? g_steal_pointer(&job)
               : NULL;
}

YdJob *
yd_backup_recheck(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdBackup) backup = begin(service, actor, id, &tx, error);
    return backup && check_state(backup, TRUE, error)
               ? submit(service, actor, backup, "backup-verify", "backup.verify", &tx, error)
               : NULL;
}

YdJob *
yd_backup_delete(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdBackup) backup = begin(service, actor, id, &tx, error);
    if (!backup)
        return NULL;
    if (is(backup->state, "making")) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the backup is being made; cancel its job, or wait for its end");
        return NULL;
    }
    yd_set_string(&backup->state, "deleting");
    return yd_store_update(yd_service_store(service, NULL), &yd_backup_type, backup, error)
               ? submit(service, actor, backup, "backup-delete", "backup.delete", &tx, error)
               : NULL;
}

// --- putting back ---

// The desktop whose disk it is; *ret_desktop NULL: none that stays somebody's.
static gboolean
desktop_of(YdStore *store, const YdBackup *backup, YdDesktop **ret_desktop, GError **error)
{
    if (is(backup->what, "desktop"))
        return (*ret_desktop = yd_store_get(store, &yd_desktop_type, backup->object_id, error)) !=
               NULL;
    g_autoptr(YdPersonalDisk) disk =
        yd_store_get(store, &yd_personal_disk_type, backup->object_id, error);
    g_autoptr(YdPool) pool = disk ? yd_store_get(store, &yd_pool_type, disk->pool_id, error) : NULL;
    if (!pool)
        return FALSE;
    if (disk->desktop_id && !is(pool->kind, "floating"))
        *ret_desktop = yd_store_get(store, &yd_desktop_type, disk->desktop_id, NULL);
    return TRUE;
}

// Nobody's desktop is going back already.
static gboolean
check_idle(YdStore *store, const YdDesktop *desktop, GError **error)
{
    GError *local = NULL;
    g_autoptr(YdJob) live = yd_store_job_live(store, desktop->id, "desktop-restore", &local);
    if (live)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "“%s” is going back already; try again when that has ended", desktop->name);
    if (local)
        g_propagate_error(error, local);
    return !live && !local;
}

static YdJob *
begin_restore(YdService *service, YdStore *store, const YdActor *actor, const YdBackup *backup,
              const YdDesktop *desktop, GError **error)
{
    if (desktop)
        return check_idle(store, desktop, error)
                   ? yd_restore_point_begin_backup(service, store, actor, desktop, backup->id,
                                                   is(backup->what, "desktop"), error)
                   : NULL;
    g_autoptr(json_t) args = json_pack("{s:s}", "backup", backup->id);
    return yd_job_submit(service, actor, "personal-disk-restore", backup->object_id,
                         backup->object_name, args, NULL, error);
}

YdJob *
yd_backup_restore(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdBackup) backup = begin(service, actor, id, &tx, error);
    YdStore *store = yd_service_store(service, NULL);
    if (!backup || !check_state(backup, FALSE, error))
        return NULL;
    if (is(backup->what, "product")) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the product is put back onto a new machine, before its first start, by: "
                    "deskhost --restore-all --backup %s",
                    backup->id);
        return NULL;
    }
    g_autoptr(YdDesktop) desktop = NULL;
    if (!desktop_of(store, backup, &desktop, error))
        return NULL;
    g_autofree char *details = yd_change_note("backup", backup->id);
    g_autoptr(YdJob) job = begin_restore(service, store, actor, backup, desktop, error);
    return job &&
                   yd_service_audit(service, actor, "backup.restore", backup->what,
                                    backup->object_id, backup->object_name, details, error) &&
                   yd_store_tx_commit(&tx, error)
               ? g_steal_pointer(&job)
               : NULL;
}
