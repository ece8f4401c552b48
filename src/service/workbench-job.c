// SPDX-License-Identifier: Apache-2.0
// Finishing a workbench: its machine goes (and with it the medium), its disk is summed up and
// sealed under the version's name, the version becomes ready, and the workbench's row goes. A job
// that fails before the disk has its new name leaves the workbench as it was.

#include "service/desktop-private.h"
#include "service/template-version.h"
#include "store/store-desktops.h"

static const char *
object_id(YdJobRun *run)
{
    return yd_job_run_job(run)->object_id;
}

static const char *
version_id(YdJobRun *run)
{
    const char *id = json_string_value(json_object_get(yd_job_run_args(run), "version_id"));
    return id ? id : "";
}

static gboolean
step_machine(YdJobRun *run, GError **error)
{
    g_autoptr(YdDesktop) desktop =
        yd_store_get(yd_job_run_store(run), &yd_desktop_type, object_id(run), error);
    if (!desktop)
        return FALSE;
    if (!desktop->host_id) // never started
        return TRUE;
    YdHypervisor *hv = yd_service_hypervisor(yd_job_run_service(run), desktop->host_id, error);
    return hv && yd_hypervisor_remove(hv, desktop->uuid, error);
}

static gboolean
progress(double percent, gpointer data)
{
    return yd_job_run_progress(data, percent, NULL);
}

static gboolean
step_seal(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    json_t *result = yd_job_run_result(run);
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, object_id(run), error);
    g_autoptr(YdTemplateVersion) version =
        desktop ? yd_store_get(store, &yd_template_version_type, version_id(run), error) : NULL;
    if (!version)
        return FALSE;
    g_autoptr(YdImageInfo) info =
        yd_storage_seal(yd_service_storage(yd_job_run_service(run)), desktop->image, version->image,
                        progress, run, error);
    if (!info)
        return FALSE;
    json_object_set_new(result, "checksum", json_string(info->checksum));
    json_object_set_new(result, "size_bytes", json_integer(info->size_bytes));
    json_object_set_new(result, "virtual_bytes", json_integer(info->virtual_bytes));
    return TRUE;
}

static gboolean
step_version(YdJobRun *run, GError **error)
{
    return yd_template_version_ready(yd_job_run_store(run), version_id(run), yd_job_run_result(run),
                                     error);
}

static void
fail_version(YdStore *store, YdTemplateVersion *version, const char *message, GError **error)
{
    yd_set_string(&version->state, "failed");
    yd_set_string(&version->error, message);
    yd_store_update(store, &yd_template_version_type, version, error);
}

static void
finish_failed(YdJobRun *run, const GError *why)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GError) error = NULL;
    g_autoptr(YdTemplateVersion) version =
        yd_store_get(store, &yd_template_version_type, version_id(run), &error);
    if (version && json_object_get(yd_job_run_result(run), "checksum"))
        fail_version(store, version, why->message, &error); // the disk is its own already
    else if (version)
        yd_store_delete(store, &yd_template_version_type, version->id, 0, &error);
    yd_desk_note_failure(run, why);
    if (error)
        g_debug("template version %s: %s, ignoring", version_id(run), error->message);
}

static const YdJobStep finish_steps[] = {
    {"machine", step_machine, NULL, FALSE, 1},
    {"seal", step_seal, NULL, FALSE, 20},
    {"version", step_version, NULL, FALSE, 1},
    {"address", yd_desk_step_delete_address, NULL, FALSE, 1},
    {"row", yd_desk_step_delete_row, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_workbench_finish = {
    "workbench-finish", "desktop", FALSE, finish_steps, G_N_ELEMENTS(finish_steps), finish_failed};
