// SPDX-License-Identifier: Apache-2.0
// Throw-away desktops for the doctor and for the check of new versions.
#include "service/trial.h"

#include <string.h>

#include "service/desktop-private.h"

#define LOOK_MS 1000

static const char *
text_of(YdJobRun *run, const char *name)
{
    return json_string_value(json_object_get(yd_job_run_result(run), name));
}

static void
remember(YdJobRun *run, const char *name, const char *id)
{
    json_object_set_new(yd_job_run_result(run), name, json_string(id));
}

// By its parent, when a kill came before its id was stored.
static void
find_lost(YdJobRun *run)
{
    if (text_of(run, "desktop_id"))
        return;
    g_autoptr(GPtrArray) children = yd_store_all(yd_job_run_store(run), &yd_job_type, "parent_id",
                                                 yd_job_run_job(run)->id, NULL);
    for (guint i = 0; children && i < children->len; i++) {
        const YdJob *child = g_ptr_array_index(children, i);
        if (strcmp(child->kind, "desktop-create") != 0)
            continue;
        remember(run, "desktop_id", child->object_id);
        remember(run, "create_job", child->id);
    }
}

static gboolean
make(YdJobRun *run, const YdTrial *trial, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdTemplateVersion) version =
        tx ? yd_store_get(store, &yd_template_version_type, trial->version_id, error) : NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    if (!version)
        return FALSE;
    g_autoptr(YdJob) job = yd_desk_create(yd_job_run_service(run), store, yd_job_run_actor(run),
                                          NULL, version, trial->network_id, NULL, trial->name,
                                          yd_job_run_job(run)->id, &desktop, error);
    if (!job)
        return FALSE;
    desktop->vcpus = trial->vcpus;
    desktop->memory_mib = trial->memory_mib;
    if (!yd_store_update(store, &yd_desktop_type, desktop, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    remember(run, "desktop_id", desktop->id);
    remember(run, "create_job", job->id);
    return TRUE;
}

gboolean
yd_trial_create(YdJobRun *run, const YdTrial *trial, GError **error)
{
    find_lost(run);
    return text_of(run, "desktop_id") || make(run, trial, error);
}

static YdDesktop *
desktop_of(YdJobRun *run, GError **error)
{
    const char *id = text_of(run, "desktop_id");
    return yd_store_get(yd_job_run_store(run), &yd_desktop_type, id ? id : "", error);
}

// Under that name in the result, unless it is there.
static gboolean
submit(YdJobRun *run, const char *kind, const char *name, GError **error)
{
    if (text_of(run, name))
        return TRUE;
    g_autoptr(YdDesktop) desktop = desktop_of(run, error);
    g_autoptr(YdJob) job =
        desktop ? yd_job_submit(yd_job_run_service(run), yd_job_run_actor(run), kind, desktop->id,
                                desktop->name, NULL, yd_job_run_job(run)->id, error)
                : NULL;
    if (!job)
        return FALSE;
    remember(run, name, job->id);
    return TRUE;
}

gboolean
yd_trial_start(YdJobRun *run, GError **error)
{
    return submit(run, "desktop-start", "start_job", error);
}

static gboolean
is_gone(YdJobRun *run)
{
    g_autoptr(GError) error = NULL;
    G_GNUC_UNUSED g_autoptr(YdDesktop) desktop = desktop_of(run, &error);
    return g_error_matches(error, YD_ERROR, YD_ERROR_NOT_FOUND);
}

gboolean
yd_trial_delete(YdJobRun *run, gboolean *ret_gone, GError **error)
{
    find_lost(run);
    *ret_gone = !text_of(run, "delete_job") && is_gone(run);
    return *ret_gone || submit(run, "desktop-delete", "delete_job", error);
}

gboolean
yd_trial_undo(YdJobRun *run, GError **error)
{
    static const char *const kinds[] = {"desktop-create", "desktop-start", NULL};
    gboolean gone = FALSE;
    if (!yd_trial_delete(run, &gone, error))
        return FALSE;
    for (gsize i = 0; !gone && kinds[i]; i++)
        yd_job_cancel_object(yd_job_run_service(run), text_of(run, "desktop_id"), kinds[i]);
    return TRUE;
}

YdJob *
yd_trial_ended(YdJobRun *run, const char *name, GError **error)
{
    g_autoptr(YdJob) job =
        yd_store_get(yd_job_run_store(run), &yd_job_type, text_of(run, name), error);
    if (!job)
        return NULL;
    if (job->ended == 0) {
        yd_job_run_again(run, LOOK_MS);
        return NULL;
    }
    return g_steal_pointer(&job);
}

GError *
yd_trial_error(const YdJob *job)
{
    YdErrorCode code = YD_ERROR_INTERNAL;
    if (strcmp(job->state, "done") == 0)
        return NULL;
    if (job->error_code)
        yd_error_code_from_name(job->error_code, &code);
    return g_error_new_literal(YD_ERROR, (int)code, job->error ? job->error : job->state);
}

gboolean
yd_trial_clean(YdJobRun *run, GError **error)
{
    gboolean gone = FALSE;
    if (!yd_trial_delete(run, &gone, error) || gone)
        return gone;
    g_autoptr(GError) local = NULL;
    g_autoptr(YdJob) job = yd_trial_ended(run, "delete_job", &local);
    g_autoptr(GError) why = job ? yd_trial_error(job) : NULL;
    if (local || why)
        g_warning("the throw-away desktop %s is left: %s; delete it by hand",
                  text_of(run, "desktop_id"), (local ? local : why)->message);
    return TRUE;
}
