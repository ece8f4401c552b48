// SPDX-License-Identifier: Apache-2.0
// The job personal-disk-restore: a personal disk that no desktop has just now (of a floating pool,
// or of somebody whose desktop is gone) goes back to what a backup has. There is no restore point
// without a desktop: its present state becomes a backup of its own first.
#include <string.h>

#include "base/json-util.h"
#include "service/backup-private.h"
#include "service/personal-disk.h"
#include "storage/backup.h"

#define WAIT_MS 1000

static YdPersonalDisk *
free_disk(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    GError *local = NULL;
    g_autoptr(YdPersonalDisk) disk =
        yd_store_get(store, &yd_personal_disk_type, yd_job_run_object(run), error);
    if (!disk)
        return NULL;
    g_autoptr(YdDesktop) holder =
        yd_personal_disk_holder(yd_job_run_service(run), store, disk, &local);
    if (holder)
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                    "“%s” is used by the desktop “%s”; shut that down first", disk->name,
                    holder->name);
    if (local)
        g_propagate_error(error, local);
    return holder || local ? NULL : g_steal_pointer(&disk);
}

static gboolean
begin_before(YdJobRun *run, const YdPersonalDisk *disk, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdBackup) backup = yd_backup_new();
    yd_set_string(&backup->origin, "before-restore");
    if (!tx || !yd_backup_describe(store, "personal-disk", disk->id, backup, error))
        return FALSE;
    g_autoptr(YdJob) job =
        yd_backup_begin(yd_job_run_service(run), store, yd_job_run_actor(run), backup, error);
    if (!job || !yd_store_tx_commit(&tx, error))
        return FALSE;
    json_object_set_new(yd_job_run_result(run), "before", json_string(job->id));
    return TRUE;
}

static gboolean
step_before(YdJobRun *run, GError **error)
{
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    const char *before = json_string_value(json_object_get(yd_job_run_result(run), "before"));
    g_autoptr(GError) gone = NULL;
    g_autoptr(YdPersonalDisk) disk = free_disk(run, error);
    if (!disk)
        return FALSE;
    g_autoptr(YdImageInfo) info = yd_storage_look(storage, disk->image, &gone);
    if (!info && g_error_matches(gone, YD_ERROR, YD_ERROR_NOT_FOUND))
        return TRUE; // lost: there is no present state
    if (!before && !begin_before(run, disk, error))
        return FALSE;
    g_autoptr(YdJob) job =
        before ? yd_store_get(yd_job_run_store(run), &yd_job_type, before, error) : NULL;
    if (before && !job)
        return FALSE;
    if (job && strcmp(job->state, "done") == 0)
        return TRUE;
    if (job && strcmp(job->state, "queued") != 0 && strcmp(job->state, "running") != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the present state of “%s” could not be saved first: %s; nothing was changed",
                    disk->name, job->error ? job->error : job->state);
        return FALSE;
    }
    yd_job_run_again(run, WAIT_MS);
    return TRUE;
}

static gboolean
step_fill(YdJobRun *run, GError **error)
{
    const char *id = json_string_value(json_object_get(yd_job_run_args(run), "backup"));
    g_autoptr(YdPersonalDisk) disk = free_disk(run, error);
    g_autoptr(YdBackup) backup =
        disk ? yd_store_get(yd_job_run_store(run), &yd_backup_type, id ? id : "", error) : NULL;
    g_autoptr(json_t) done =
        backup ? yd_backup_fill(yd_service_storage(yd_job_run_service(run)), backup->id,
                                backup->checksum, disk->image, yd_job_run_on_progress, run, error)
               : NULL;
    return done && json_object_update(yd_job_run_result(run), done) == 0;
}

static const YdJobStep restore_steps[] = {
    {"before", step_before, NULL, FALSE, 1},
    {"fill", step_fill, NULL, FALSE, 4},
};

const YdJobKind yd_job_kind_personal_disk_restore = {"personal-disk-restore",
                                                     "personal-disk",
                                                     FALSE,
                                                     restore_steps,
                                                     G_N_ELEMENTS(restore_steps),
                                                     NULL};
