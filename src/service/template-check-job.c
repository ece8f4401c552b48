// SPDX-License-Identifier: Apache-2.0
// The job template-check. Each step may be repeated; the throw-away desktop goes in any case.

#include <string.h>

#include "service/desktop-private.h"
#include "service/template-check.h"
#include "service/template-image.h"
#include "service/template-version.h"
#include "service/trial.h"

static const char *
arg(YdJobRun *run, const char *name)
{
    return json_string_value(json_object_get(yd_job_run_args(run), name));
}

static gboolean
has_trial(YdJobRun *run)
{
    return json_is_true(json_object_get(yd_job_run_args(run), "trial"));
}

// --- reading it ---

static gboolean
step_checksum(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    json_t *result = yd_job_run_result(run);
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);
    if (!version)
        return FALSE;
    if (json_object_get(result, "checksum"))
        return TRUE;
    g_autoptr(YdImageInfo) info = yd_storage_verify(yd_service_storage(service), version->image,
                                                    yd_job_run_on_progress, run, error);
    g_autoptr(GPtrArray) chain =
        info ? yd_template_image_look(service, version->image, error) : NULL;
    if (!chain ||
        !yd_template_image_note(yd_job_run_store(run), version, chain, info->checksum, error))
        return FALSE;
    json_object_set_new(result, "checksum", json_string(info->checksum));
    json_object_set_new(result, "size_bytes", json_integer(info->size_bytes));
    json_object_set_new(result, "virtual_bytes", json_integer(info->virtual_bytes));
    return TRUE;
}

// --- the throw-away desktop ---

static gboolean
step_trial(YdJobRun *run, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);
    if (!version || !has_trial(run))
        return version != NULL;
    g_autofree char *name =
        g_strdup_printf("%s-%" G_GINT64_FORMAT "-trial", version->template_name, version->number);
    const YdTrial trial = {
        .version_id = version->id,
        .network_id = arg(run, "network_id"),
        .name = name,
        .vcpus = json_integer_value(json_object_get(yd_job_run_args(run), "vcpus")),
        .memory_mib = json_integer_value(json_object_get(yd_job_run_args(run), "memory_mib")),
    };
    return yd_trial_create(run, &trial, error);
}

// TRUE too while it runs; why it failed is the job's own error.
static gboolean
child_ended(YdJobRun *run, const char *name, gboolean *ret_ended, GError **error)
{
    GError *local = NULL;
    g_autoptr(YdJob) job = yd_trial_ended(run, name, &local);
    *ret_ended = job != NULL;
    if (job)
        local = yd_trial_error(job);
    if (local)
        g_propagate_prefixed_error(error, local, "the trial boot failed: ");
    return local == NULL;
}

static gboolean
step_boot(YdJobRun *run, GError **error)
{
    gboolean ended = FALSE;
    if (!has_trial(run))
        return TRUE;
    if (!child_ended(run, "create_job", &ended, error) || !ended)
        return !error || !*error;
    if (!yd_trial_start(run, error))
        return FALSE;
    return child_ended(run, "start_job", &ended, error);
}

static gboolean
step_clean(YdJobRun *run, GError **error)
{
    return !has_trial(run) || yd_trial_clean(run, error);
}

// --- the end ---

static gboolean
step_ready(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);
    if (!version)
        return FALSE;
    if (strcmp(version->state, "checking") == 0 &&
        !yd_template_version_ready(store, version->id, yd_job_run_result(run), error))
        return FALSE;
    return yd_template_flatten_if_deep(yd_job_run_service(run), store, yd_job_run_actor(run),
                                       version->id, error);
}

static void
check_failed(YdJobRun *run, const GError *why)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, &error);
    if (version && strcmp(version->state, "checking") == 0) {
        yd_set_string(&version->state, "failed");
        yd_set_string(&version->error, why->message);
        yd_store_update(yd_job_run_store(run), &yd_template_version_type, version, &error);
    }
    if (error)
        g_debug("template version %s: %s, ignoring", yd_job_run_object(run), error->message);
}

static const YdJobStep check_steps[] = {
    {"checksum", step_checksum, NULL, FALSE, 6}, {"trial", step_trial, yd_trial_undo, FALSE, 1},
    {"boot", step_boot, NULL, FALSE, 12},        {"clean", step_clean, NULL, FALSE, 1},
    {"ready", step_ready, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_template_check = {
    "template-check", "template-version",        TRUE,
    check_steps,      G_N_ELEMENTS(check_steps), check_failed};
