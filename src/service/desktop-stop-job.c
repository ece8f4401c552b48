// SPDX-License-Identifier: Apache-2.0
// The jobs desktop-shutdown, desktop-reboot and desktop-power-off. A shut-down asks the guest by
// its agent, after a third of the policy's time by ACPI, and at its end cuts the power. A reboot is
// a shut-down and a start, so that changed hardware counts and the same checks are made.
#include "service/desktop-private.h"

#include <string.h>

#include "service/connection.h"
#include "store/store-desktops.h"

#define LOOK_MS 500

gboolean
yd_desk_step_ask(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    if (!yd_desktop_state_runs(desktop->state))
        return TRUE; // ended meanwhile
    yd_set_string(&desktop->wanted, "off");
    const char *to = strcmp(desktop->state, YD_DESKTOP_STARTING) == 0 ? NULL : YD_DESKTOP_STOPPING;
    if (!yd_desk_commit(store, &tx, desktop, to, error))
        return FALSE;
    YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
    g_autoptr(GError) ignored = NULL;
    if (!hv)
        return FALSE;
    if (!yd_hypervisor_shutdown(hv, desktop->uuid, TRUE, &ignored)) {
        g_debug("%s: no shut-down by its agent: %s, asking by ACPI", desktop->id, ignored->message);
        json_object_set_new(yd_job_run_result(run), "acpi", json_true());
        yd_hypervisor_shutdown(hv, desktop->uuid, FALSE, NULL);
    }
    return TRUE;
}

// Taken back: what still runs is as it was.
gboolean
yd_desk_undo_ask(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) before =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    YdMachineState state;
    if (!before || !yd_desk_machine(yd_job_run_service(run), before, &state, error))
        return FALSE;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    if (strcmp(desktop->state, YD_DESKTOP_STOPPING) != 0)
        return TRUE;
    gboolean runs = state == YD_MACHINE_RUNNING || state == YD_MACHINE_SHUTTING_DOWN;
    yd_set_string(&desktop->wanted, runs ? "on" : "off");
    return yd_desk_commit(store, &tx, desktop, runs ? YD_DESKTOP_READY : YD_DESKTOP_OFF, error);
}

static void
ask_by_acpi(YdJobRun *run, const YdDesktop *desktop)
{
    if (json_object_get(yd_job_run_result(run), "acpi"))
        return;
    YdHypervisor *hv = yd_service_hypervisor(yd_job_run_service(run), desktop->host_id, NULL);
    if (hv)
        yd_hypervisor_shutdown(hv, desktop->uuid, FALSE, NULL);
    json_object_set_new(yd_job_run_result(run), "acpi", json_true());
}

gboolean
yd_desk_step_wait(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    YdPolicy policy;
    YdMachineState state;
    if (!desktop || !yd_desk_policy(store, desktop, &policy, error) ||
        !yd_desk_machine(service, desktop, &state, error))
        return FALSE;
    if (state == YD_MACHINE_OFF || state == YD_MACHINE_CRASHED)
        return TRUE;
    gint64 ms = yd_job_run_step_ms(run);
    if (ms >= policy.shutdown_seconds * 1000) {
        json_object_set_new(yd_job_run_result(run), "power_cut", json_true());
        return yd_desk_power_off(service, desktop, error);
    }
    if (ms >= policy.shutdown_seconds * 1000 / 3)
        ask_by_acpi(run, desktop);
    yd_job_run_again(run, LOOK_MS);
    return yd_job_run_progress(run, 0.1 * (double)ms / (double)policy.shutdown_seconds, error);
}

gboolean
yd_desk_step_off(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) before =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    if (!before || !yd_desk_power_off(service, before, error))
        return FALSE;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop || !yd_connection_cut_desktop(service, desktop->id, "the desktop was switched off",
                                               NULL, error))
        return FALSE;
    yd_set_string(&desktop->wanted, "off");
    gboolean on =
        yd_desktop_state_runs(desktop->state) || strcmp(desktop->state, YD_DESKTOP_SAVED) == 0;
    return yd_desk_commit(store, &tx, desktop, on ? YD_DESKTOP_OFF : NULL, error);
}

static const YdJobStep shutdown_steps[] = {
    {"rouse", yd_desk_step_rouse, NULL, FALSE, 1},
    {"ask", yd_desk_step_ask, yd_desk_undo_ask, FALSE, 1},
    {"wait", yd_desk_step_wait, NULL, FALSE, 8},
    {"off", yd_desk_step_off, NULL, FALSE, 1},
};

static const YdJobStep reboot_steps[] = {
    {"rouse", yd_desk_step_rouse, NULL, FALSE, 1},
    {"ask", yd_desk_step_ask, yd_desk_undo_ask, FALSE, 1},
    {"wait", yd_desk_step_wait, NULL, FALSE, 8},
    {"off", yd_desk_step_off, NULL, FALSE, 1},
    YD_DESK_START_STEPS,
};

static const YdJobStep power_off_steps[] = {{"off", yd_desk_step_off, NULL, FALSE, 1}};

const YdJobKind yd_job_kind_desktop_shutdown = {
    "desktop-shutdown",           "desktop",           TRUE, shutdown_steps,
    G_N_ELEMENTS(shutdown_steps), yd_desk_note_failure};

const YdJobKind yd_job_kind_desktop_reboot = {
    "desktop-reboot",           "desktop",           TRUE, reboot_steps,
    G_N_ELEMENTS(reboot_steps), yd_desk_note_failure};

const YdJobKind yd_job_kind_desktop_power_off = {
    "desktop-power-off",           "desktop",           FALSE, power_off_steps,
    G_N_ELEMENTS(power_off_steps), yd_desk_note_failure};
