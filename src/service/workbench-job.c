// SPDX-License-Identifier: Apache-2.0
// Publishing a workbench: its guest is asked to shut down, its machine goes (and with it the
// medium), its disk is sealed under the version's name by renaming it, the version is "checking",
// and the workbench's row goes. A job that fails before the disk has its new name leaves the
// workbench as it was. Reading the disk and booting it once is template-check-job.c.

#include <string.h>

#include "service/desktop-private.h"
#include "service/template-check.h"
#include "service/template-image.h"
#include "store/store-desktops.h"

static const char *
version_id(YdJobRun *run)
{
    const char *id = json_string_value(json_object_get(yd_job_run_args(run), "version_id"));
    return id ? id : "";
}

static YdDesktop *
desktop_of(YdJobRun *run, GError **error)
{
    return yd_store_get(yd_job_run_store(run), &yd_desktop_type, yd_job_run_object(run), error);
}

// --- shutting down, when that was asked for ---

static gboolean
shuts_down(YdJobRun *run)
{
    return json_is_true(json_object_get(yd_job_run_args(run), "shutdown"));
}

static gboolean
step_ask(YdJobRun *run, GError **error)
{
    return !shuts_down(run) || yd_desk_step_ask(run, error);
}

static gboolean
undo_ask(YdJobRun *run, GError **error)
{
    return !shuts_down(run) || yd_desk_undo_ask(run, error);
}

// Its power is never cut: what a guest had not written by then would be missing in the version.
static gboolean
step_wait(YdJobRun *run, GError **error)
{
    gint64 late = 0;
    if (!yd_desk_wait_off(run, &late, error))
        return FALSE;
    if (late == 0)
        return TRUE;
    g_autoptr(YdDesktop) desktop = desktop_of(run, error);
    if (desktop)
        g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT,
                    "the system of “%s” did not shut down within %" G_GINT64_FORMAT
                    " s; shut it down on its screen, then publish again",
                    desktop->name, late);
    return FALSE;
}

static gboolean
step_off(YdJobRun *run, GError **error)
{
    return !shuts_down(run) || yd_desk_step_off(run, error);
}

static gboolean
step_machine(YdJobRun *run, GError **error)
{
    g_autoptr(YdDesktop) desktop = desktop_of(run, error);
    if (!desktop)
        return FALSE;
    if (!desktop->host_id) // never started
        return TRUE;
    YdHypervisor *hv = yd_service_hypervisor(yd_job_run_service(run), desktop->host_id, error);
    return hv && yd_hypervisor_remove(hv, desktop->uuid, error);
}

// --- sealing ---

// The sealed file that the workbench's disk is built on: the version's, or the one that it had when
// the workbench was opened. *ret_base NULL: the disk was installed from a medium.
static gboolean
find_base(YdJobRun *run, const YdDesktop *desktop, char **ret_base, GError **error)
{
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    GError *local = NULL;
    *ret_base = NULL;
    if (!desktop->template_version_id)
        return TRUE;
    g_autoptr(GPtrArray) chain = yd_storage_chain(storage, desktop->image, &local);
    if (!chain && g_error_matches(local, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        g_error_free(local); // renamed before a kill
        return TRUE;
    }
    if (!chain) {
        g_propagate_error(error, local);
        return FALSE;
    }
    *ret_base = g_strdup(((YdImageFacts *)chain->pdata[0])->base);
    g_autoptr(YdSealedImage) row =
        *ret_base ? yd_store_sealed_image(yd_job_run_store(run), *ret_base, error) : NULL;
    if (row && g_strcmp0(row->version_id, desktop->template_version_id) == 0)
        return TRUE;
    if (!error || !*error)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the disk of “%s” is not built on its version, but on “%s”; discard it",
                    desktop->name, *ret_base ? *ret_base : "nothing");
    g_clear_pointer(ret_base, g_free);
    return FALSE;
}

static gboolean
step_seal(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop = desktop_of(run, error);
    g_autoptr(YdTemplateVersion) version =
        desktop ? yd_store_get(store, &yd_template_version_type, version_id(run), error) : NULL;
    g_autofree char *base = NULL;
    if (!version || !find_base(run, desktop, &base, error) ||
        !yd_storage_seal(yd_service_storage(yd_job_run_service(run)), desktop->image, base,
                         version->image, error))
        return FALSE;
    json_object_set_new(yd_job_run_result(run), "sealed", json_true());
    return TRUE;
}

static void
take_facts(YdTemplateVersion *version, const GPtrArray *chain)
{
    const YdImageFacts *facts = chain->pdata[0];
    yd_set_string(&version->format, "qcow2");
    version->size_bytes = facts->size_bytes;
    version->virtual_bytes = facts->virtual_bytes;
    version->depth = chain->len;
    yd_set_string(&version->state, "checking");
}

static gboolean
step_version(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdTemplateVersion) before =
        yd_store_get(store, &yd_template_version_type, version_id(run), error);
    if (!before || strcmp(before->state, "importing") != 0)
        return before != NULL; // told before a kill
    g_autoptr(GPtrArray) chain = yd_template_image_look(service, before->image, error);
    g_autoptr(YdDesktop) desktop = chain ? desktop_of(run, error) : NULL;
    g_autoptr(YdStoreTx) tx = desktop ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdTemplateVersion) version =
        tx ? yd_store_get(store, &yd_template_version_type, version_id(run), error) : NULL;
    if (!version)
        return FALSE;
    take_facts(version, chain);
    if (!yd_store_update(store, &yd_template_version_type, version, error) ||
        !yd_template_image_note(store, version, chain, NULL, error))
        return FALSE;
    const YdTemplateCheck check = {
        .network_id = desktop->network_id,
        .vcpus = desktop->vcpus,
        .memory_mib = desktop->memory_mib,
        .trial = json_is_true(json_object_get(yd_job_run_args(run), "trial")),
    };
    g_autoptr(YdJob) job =
        yd_template_check_submit(service, yd_job_run_actor(run), version, &check, error);
    if (!job || !yd_store_tx_commit(&tx, error))
        return FALSE;
    json_object_set_new(yd_job_run_result(run), "check_job", json_string(job->id));
    return TRUE;
}

// --- what is left of a failure ---

static void
finish_failed(YdJobRun *run, const GError *why)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GError) error = NULL;
    g_autoptr(YdTemplateVersion) version =
        yd_store_get(store, &yd_template_version_type, version_id(run), &error);
    gboolean sealed = json_is_true(json_object_get(yd_job_run_result(run), "sealed"));
    if (version && strcmp(version->state, "importing") == 0 && sealed) {
        yd_set_string(&version->state, "failed"); // the disk is the version's already
        yd_set_string(&version->error, why->message);
        yd_store_update(store, &yd_template_version_type, version, &error);
    } else if (version && strcmp(version->state, "importing") == 0) {
        yd_store_delete(store, &yd_template_version_type, version->id, 0, &error);
    }
    yd_desk_note_failure(run, why);
    if (error)
        g_debug("template version %s: %s, ignoring", version_id(run), error->message);
}

static const YdJobStep finish_steps[] = {
    {"ask", step_ask, undo_ask, FALSE, 1},
    {"wait", step_wait, NULL, FALSE, 8},
    {"off", step_off, NULL, FALSE, 1},
    {"machine", step_machine, NULL, FALSE, 1},
    {"seal", step_seal, NULL, FALSE, 1},
    {"version", step_version, NULL, FALSE, 1},
    {"address", yd_desk_step_delete_address, NULL, FALSE, 1},
    {"row", yd_desk_step_delete_row, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_workbench_finish = {
    "workbench-finish", "desktop", FALSE, finish_steps, G_N_ELEMENTS(finish_steps), finish_failed};
