// SPDX-License-Identifier: Apache-2.0
// The jobs desktop-rebuild (a fresh overlay), desktop-resize (hardware) and desktop-delete (all of
// it). A rebuild or a deletion that fails leaves the state "failed" and can be asked for again.
#include "service/desktop-private.h"

#include <string.h>

#include "service/connection.h"
#include "service/rollout.h"
#include "store/store-connect.h"
#include "store/store-desktops.h"

// --- rebuild and delete: stop ---

// The state by which a desktop gets to where it is going; NULL: it is there.
static gboolean
enter(YdStore *store, YdDesktop *desktop, const char *target, GError **error)
{
    if (yd_desk_is(desktop, target))
        return TRUE;
    if ((yd_desktop_state_runs(desktop->state) || yd_desk_is(desktop, YD_DESKTOP_SAVED)) &&
        !yd_desk_to_off(store, desktop, error))
        return FALSE;
    if (yd_desk_is(desktop, YD_DESKTOP_FAILED) && strcmp(target, YD_DESKTOP_REBUILDING) == 0)
        return yd_store_desktop_move(store, desktop, YD_DESKTOP_DERIVING, error);
    if (yd_desk_is(desktop, YD_DESKTOP_DERIVING) && strcmp(target, YD_DESKTOP_REBUILDING) == 0)
        return TRUE;
    if (!yd_desktop_state_may(desktop->state, target) &&
        !yd_store_desktop_move(store, desktop, YD_DESKTOP_FAILED, error))
        return FALSE;
    return yd_store_desktop_move(store, desktop, target, error);
}

static gboolean
stop_for(YdJobRun *run, const char *target, const char *reason, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop || !yd_connection_cut_desktop(service, desktop->id, reason, NULL, error))
        return FALSE;
    yd_set_string(&desktop->wanted, "off");
    yd_set_string(&desktop->error, NULL);
    if (!yd_store_update(store, &yd_desktop_type, desktop, error) ||
        !enter(store, desktop, target, error) || !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (!desktop->host_id)
        return TRUE;
    YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
    return hv && yd_hypervisor_remove(hv, desktop->uuid, error);
}

static gboolean
delete_disk(YdJobRun *run, GError **error)
{
    g_autoptr(YdDesktop) desktop =
        yd_store_get(yd_job_run_store(run), &yd_desktop_type, yd_job_run_object(run), error);
    return desktop &&
           yd_storage_delete(yd_service_storage(yd_job_run_service(run)), desktop->image, error);
}

// --- rebuild ---

static gboolean
rebuild_stop(YdJobRun *run, GError **error)
{
    return stop_for(run, YD_DESKTOP_REBUILDING, "the desktop is being rebuilt", error);
}

// The version is the pool's present one; said in the row before the disk is made of it.
static gboolean
rebuild_version(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    if (desktop->pool_id) {
        g_autoptr(YdPool) pool = yd_store_get(store, &yd_pool_type, desktop->pool_id, error);
        GError *local = NULL;
        g_autoptr(YdTemplateVersion) early =
            pool ? yd_rollout_version_for(store, pool, desktop->user_id, &local) : NULL;
        if (local)
            g_propagate_error(error, local);
        if (!pool || local)
            return FALSE;
        yd_set_string(&desktop->template_version_id, early ? early->id : pool->template_version_id);
        yd_set_string(&desktop->target_version_id, NULL);
    }
    desktop->prepared = FALSE;
    yd_set_string(&desktop->ram_image, NULL);
    yd_set_string(&desktop->certificate, NULL);
    yd_set_string(&desktop->certificate_name, NULL);
    desktop->certificate_expires = 0;
    if (desktop->next_disk_gib)
        desktop->disk_gib = desktop->next_disk_gib;
    desktop->next_disk_gib = 0;
    if (desktop->taken > 0) // floating: from here on nobody's
        yd_set_string(&desktop->user_id, NULL);
    return yd_store_secret_delete(store, desktop->id, error) &&
           yd_desk_commit(store, &tx, desktop, NULL, error);
}

static gboolean
rebuild_derive(YdJobRun *run, GError **error)
{
    g_auto(YdDesk) desk = {0};
    return yd_desk_load(yd_job_run_store(run), yd_job_run_object(run), &desk, error) &&
           yd_desk_derive(yd_job_run_service(run), desk.desktop, desk.version, error);
}

// Only here does a floating desktop become a spare again: its disk was deleted and made afresh.
static gboolean
rebuild_off(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (desktop)
        desktop->taken = 0;
    return desktop && yd_desk_commit(store, &tx, desktop, YD_DESKTOP_OFF, error);
}

static const YdJobStep rebuild_steps[] = {
    {"stop", rebuild_stop, NULL, FALSE, 2},
    {"version", rebuild_version, NULL, FALSE, 1},
    {"points", yd_desk_step_fresh_points, NULL, FALSE, 1},
    {"delete", delete_disk, NULL, FALSE, 1},
    {"derive", rebuild_derive, NULL, FALSE, 2},
    {"off", rebuild_off, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_desktop_rebuild = {
    "desktop-rebuild",           "desktop",     FALSE, rebuild_steps,
    G_N_ELEMENTS(rebuild_steps), yd_desk_failed};

// --- delete ---

// A killed deletion whose row is gone already has nothing left to do.
static gboolean
is_gone(YdJobRun *run)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop =
        yd_store_get(yd_job_run_store(run), &yd_desktop_type, yd_job_run_object(run), &error);
    return !desktop && g_error_matches(error, YD_ERROR, YD_ERROR_NOT_FOUND);
}

static gboolean
delete_stop(YdJobRun *run, GError **error)
{
    // Cancelling its creation may have taken it away.
    return is_gone(run) ||
           stop_for(run, YD_DESKTOP_DELETING, "the desktop is being deleted", error);
}

static gboolean
delete_disk_if_there(YdJobRun *run, GError **error)
{
    return is_gone(run) || delete_disk(run, error);
}

gboolean
yd_desk_step_delete_address(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_auto(YdDesk) desk = {0};
    if (is_gone(run))
        return TRUE;
    if (!yd_desk_load(store, yd_job_run_object(run), &desk, error))
        return FALSE;
    yd_desk_dhcp_clear_all(yd_job_run_service(run), store, &desk);
    return TRUE;
}

// A workbench that is discarded takes its template with it, unless that has a version by now.
static gboolean
drop_unborn(YdStore *store, const char *template_id, GError **error)
{
    if (!template_id)
        return TRUE;
    g_autoptr(YdTemplate) template = yd_store_get(store, &yd_template_type, template_id, error);
    if (!template)
        return FALSE;
    return template->versions > 0 ||
           yd_store_delete(store, &yd_template_type, template_id, 0, error);
}

gboolean
yd_desk_step_delete_row(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    if (!tx)
        return FALSE;
    if (is_gone(run))
        return TRUE;
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    return desktop && yd_store_secret_delete(store, yd_job_run_object(run), error) &&
           yd_store_release_addresses(store, yd_job_run_object(run), error) &&
           yd_store_delete(store, &yd_desktop_type, yd_job_run_object(run), 0, error) &&
           drop_unborn(store, desktop->template_id, error) && yd_store_tx_commit(&tx, error);
}

static const YdJobStep delete_steps[] = {
    {"stop", delete_stop, NULL, FALSE, 2},
    {"disk", delete_disk_if_there, NULL, FALSE, 1},
    {"points", yd_desk_step_delete_points, NULL, FALSE, 1},
    {"personal", yd_desk_step_delete_personal, NULL, FALSE, 1},
    {"address", yd_desk_step_delete_address, NULL, FALSE, 1},
    {"row", yd_desk_step_delete_row, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_desktop_delete = {
    "desktop-delete", "desktop", FALSE, delete_steps, G_N_ELEMENTS(delete_steps), yd_desk_failed};

// --- resize ---

static gint64
wanted(YdJobRun *run, const char *name)
{
    return json_integer_value(json_object_get(yd_job_run_args(run), name));
}

// Live when the guest allows it; FALSE with an error only when the host cannot be asked.
static gboolean
try_live(YdHypervisor *hv, const YdDesktop *desktop, gint64 vcpus, gint64 memory_mib,
         gboolean *ret_live, GError **error)
{
    GError *local = NULL;
    *ret_live = yd_hypervisor_resize(hv, desktop->uuid, vcpus, memory_mib, &local);
    if (*ret_live)
        return TRUE;
    if (g_error_matches(local, YD_ERROR, YD_ERROR_UNAVAILABLE)) {
        g_propagate_error(error, local);
        return FALSE;
    }
    g_debug("%s: no live change: %s, kept for the next start", desktop->id, local->message);
    g_error_free(local);
    return TRUE;
}

static void
set_hardware(YdDesktop *desktop, gint64 vcpus, gint64 memory_mib, gboolean now)
{
    if (vcpus) {
        desktop->next_vcpus = now ? 0 : vcpus;
        desktop->vcpus = now ? vcpus : desktop->vcpus;
    }
    if (memory_mib) {
        desktop->next_memory_mib = now ? 0 : memory_mib;
        desktop->memory_mib = now ? memory_mib : desktop->memory_mib;
    }
}

static gboolean
resize_hardware(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) before =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    gint64 vcpus = wanted(run, "vcpus"), memory = wanted(run, "memory_mib");
    YdMachineState state = YD_MACHINE_OFF;
    if (!before || !yd_desk_machine(service, before, &state, error))
        return FALSE;
    gboolean off = yd_machine_is_off(state);
    gboolean live_vcpus = off, live_memory = off;
    YdHypervisor *hv = off ? NULL : yd_service_hypervisor(service, before->host_id, error);
    if (!off && (!hv || (vcpus && !try_live(hv, before, vcpus, 0, &live_vcpus, error)) ||
                 (memory && !try_live(hv, before, 0, memory, &live_memory, error))))
        return FALSE;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    set_hardware(desktop, vcpus, 0, live_vcpus);
    set_hardware(desktop, 0, memory, live_memory);
    gboolean later = (vcpus && !live_vcpus) || (memory && !live_memory);
    json_object_set_new(yd_job_run_result(run), "at_next_start", json_boolean(later));
    return yd_desk_commit(store, &tx, desktop, NULL, error);
}

static gboolean
resize_disk(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    gint64 gib = wanted(run, "disk_gib");
    g_autoptr(YdDesktop) before =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    YdMachineState state = YD_MACHINE_OFF;
    if (!gib)
        return before != NULL;
    if (!before || !yd_desk_machine(service, before, &state, error))
        return FALSE;
    if (yd_machine_is_off(state)) {
        if (!yd_storage_grow(yd_service_storage(service), before->image, gib << 30, error))
            return FALSE;
    } else {
        YdHypervisor *hv = yd_service_hypervisor(service, before->host_id, error);
        g_autofree char *path = yd_storage_path(yd_service_storage(service), before->image);
        if (!hv || !yd_hypervisor_resize_disk(hv, before->uuid, path, gib << 30, error))
            return FALSE;
    }
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    desktop->disk_gib = gib;
    desktop->next_disk_gib = 0;
    return yd_desk_commit(store, &tx, desktop, NULL, error);
}

static const YdJobStep resize_steps[] = {
    {"hardware", resize_hardware, NULL, FALSE, 1},
    {"disk", resize_disk, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_desktop_resize = {
    "desktop-resize", "desktop", TRUE, resize_steps, G_N_ELEMENTS(resize_steps), NULL};
