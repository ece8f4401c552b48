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

// Once for each part of the time: a system that was not up yet did not hear it. The second time by
// ACPI in any case.
static void
ask_again(YdJobRun *run, const YdDesktop *desktop, gint64 part)
{
    json_t *result = yd_job_run_result(run);
    if (json_integer_value(json_object_get(result, "asked_again")) >= part)
        return;
    json_object_set_new(result, "asked_again", json_integer(part));
    YdHypervisor *hv = yd_service_hypervisor(yd_job_run_service(run), desktop->host_id, NULL);
    if (!hv ||
        (yd_hypervisor_shutdown(hv, desktop->uuid, TRUE, NULL) && json_object_get(result, "acpi")))
        return;
    yd_hypervisor_shutdown(hv, desktop->uuid, FALSE, NULL);
    json_object_set_new(result, "acpi", json_true());
}

gboolean
yd_desk_wait_off(YdJobRun *run, gint64 *ret_late_seconds, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    YdPolicy policy;
    YdMachineState state;
    *ret_late_seconds = 0;
    if (!desktop || !yd_desk_policy(store, desktop, &policy, error) ||
        !yd_desk_machine(service, desktop, &state, error))
        return FALSE;
    if (yd_machine_is_off(state))
        return TRUE;
    gint64 ms = yd_job_run_step_ms(run), part = ms * 3 / (policy.shutdown_seconds * 1000);
    if (part >= 3) {
        *ret_late_seconds = policy.shutdown_seconds;
        return TRUE;
    }
    if (part > 0)
        ask_again(run, desktop, part);
    yd_job_run_again(run, LOOK_MS);
    return yd_job_run_progress(run, 0.1 * (double)ms / (double)policy.shutdown_seconds, error);
}

gboolean
yd_desk_step_wait(YdJobRun *run, GError **error)
{
    gint64 late = 0;
    if (!yd_desk_wait_off(run, &late, error))
        return FALSE;
    if (late == 0)
        return TRUE;
    json_object_set_new(yd_job_run_result(run), "power_cut", json_true());
    g_autoptr(YdDesktop) desktop =
        yd_store_get(yd_job_run_store(run), &yd_desktop_type, yd_job_run_object(run), error);
    return desktop && yd_desk_power_off(yd_job_run_service(run), desktop, error);
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
