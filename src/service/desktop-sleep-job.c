// SPDX-License-Identifier: Apache-2.0
// Sleeping desktops: the jobs desktop-pause, desktop-save, desktop-wake, and desktop-warm (a spare
// starts and is paused). A desktop with a session, or with a ticket that may become one, is left
// awake. A saved image that is gone or does not fit costs what was in memory, not the desktop: it
// starts from its disk.
#include "service/desktop-private.h"

#include <string.h>

#include "base/id.h"
#include "base/secret.h"
#include "service/connect.h"
#include "service/first-boot.h"
#include "service/monitor.h"
#include "store/store-desktops.h"

#define FIRST_SECONDS 2 // the first word to an agent after a pause may be lost
#define AGENT_SECONDS 5
#define ACCOUNT_SECONDS 30 // a few processes in a guest that may be busy
#define LOOK_MS 500

// --- the guest after its sleep ---

static gboolean
run_in_guest(YdHypervisor *hv, const char *uuid, const char *script, guint timeout, GError **error)
{
    int status = 0;
    g_autofree char *output = NULL;
    if (!yd_hypervisor_agent_shell(hv, uuid, script, timeout, &status, &output, error))
        return FALSE;
    if (status == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "the person's account could not be made in the guest (status %d): %s", status,
                output);
    return FALSE;
}

gboolean
yd_desk_make_account(YdHypervisor *hv, const char *uuid, const YdDeskAccount *account,
                     GError **error)
{
    g_autofree char *plain =
        yd_first_boot_account_script(account->username, account->uid, account->hash, error);
    if (!plain)
        return FALSE;
    g_autofree char *script = account->clock ? g_strdup_printf("date -u -s @%" G_GINT64_FORMAT
                                                               " >/dev/null 2>&1 || :\n%s",
                                                               yd_now_ms() / 1000, plain)
                                             : g_steal_pointer(&plain);
    return run_in_guest(hv, uuid, script, account->timeout, error);
}

// One look at the guest after its sleep: its clock is right, and a floating desktop's person has
// their account, with that password when hash is not NULL: one call of the agent instead of two,
// for which a person waits.
static gboolean
greet(YdStore *store, YdHypervisor *hv, const YdDesktop *desktop, const char *hash,
      gboolean *ret_hashed, guint timeout, GError **error)
{
    g_autofree char *username = NULL;
    gint64 uid = 0;
    *ret_hashed = FALSE;
    g_autoptr(GError) why = NULL;
    if (desktop->taken > 0 && !yd_desk_account(store, desktop, &username, &uid, error))
        return FALSE;
    if (username && g_strcmp0(desktop->os, "windows") != 0) {
        const YdDeskAccount account = {username, uid, hash, TRUE, timeout};
        *ret_hashed = hash != NULL;
        return yd_desk_make_account(hv, desktop->uuid, &account, error);
    }
    if (yd_hypervisor_agent_set_time(hv, desktop->uuid, timeout, &why))
        return TRUE;
    if (why->code == YD_ERROR_INTERNAL || why->code == YD_ERROR_INVALID) {
        g_message("%s: its clock could not be set: %s, ignoring", desktop->id, why->message);
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

static gboolean
set_ready(YdStore *store, const char *id, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, id, &tx, error);
    if (!desktop || !yd_desk_is(desktop, YD_DESKTOP_PAUSED))
        return desktop != NULL;
    yd_set_string(&desktop->wanted, "on");
    desktop->ready_at = yd_now_ms();
    return yd_desk_commit(store, &tx, desktop, YD_DESKTOP_READY, error);
}

static gboolean
note_off(YdStore *store, const char *id, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, id, &tx, error);
    if (!desktop)
        return FALSE;
    yd_set_string(&desktop->wanted, "off");
    gboolean on = yd_desktop_state_runs(desktop->state) || yd_desk_is(desktop, YD_DESKTOP_SAVED);
    return yd_desk_commit(store, &tx, desktop, on ? YD_DESKTOP_OFF : NULL, error);
}

// Whether the machine really ended, after a verb on it failed: its host was restarted, say. What it
// cannot be asked for counts as there; the reconciler looks again.
static gboolean
has_ended(YdService *service, const YdDesktop *desktop)
{
    YdMachineState state;
    return yd_desk_machine(service, desktop, &state, NULL) && yd_machine_is_off(state);
}

// A machine that runs, whose guest cannot be used: it sleeps on, as its row says.
static void
back_to_sleep(YdStore *store, YdHypervisor *hv, const YdDesktop *desktop)
{
    g_autoptr(GError) why = NULL;
    if (yd_hypervisor_pause(hv, desktop->uuid, &why))
        return;
    g_message("%s: %s, it stays awake", desktop->id, why->message);
    set_ready(store, desktop->id, NULL);
}

gboolean
yd_desk_wake(YdService *service, YdStore *store, const char *id, const char *hash,
             gboolean *ret_hashed, GError **error)
{
    gboolean hashed = FALSE;
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, id, error);
    YdHypervisor *hv = desktop ? yd_service_hypervisor(service, desktop->host_id, error) : NULL;
    GError *why = NULL;
    if (!hv)
        return FALSE;
    if (!yd_hypervisor_resume(hv, desktop->uuid, &why)) {
        if (has_ended(service, desktop))
            note_off(store, id, NULL);
        g_propagate_error(error, why);
        return FALSE;
    }
    gboolean good = greet(store, hv, desktop, hash, &hashed, FIRST_SECONDS, &why);
    if (!good && g_error_matches(why, YD_ERROR, YD_ERROR_TIMEOUT)) {
        g_clear_error(&why);
        good = greet(store, hv, desktop, hash, &hashed, ACCOUNT_SECONDS, &why);
    }
    if (ret_hashed)
        *ret_hashed = good && hashed;
    if (good)
        return set_ready(store, id, error);
    back_to_sleep(store, hv, desktop);
    g_propagate_error(error, why);
    return FALSE;
}

// --- pause ---

// Whether it may sleep now: nobody is connected, or about to be. A warm spare that was given to
// somebody meanwhile is awake.
static gboolean
may_sleep(YdJobRun *run, YdStore *store, const YdDesktop *desktop, gboolean *ret_may,
          GError **error)
{
    g_autoptr(GPtrArray) live = yd_store_live_connections(store, desktop->id, NULL, NULL, error);
    if (!live)
        return FALSE;
    gboolean warm = strcmp(yd_job_run_job(run)->kind, "desktop-warm") == 0;
    *ret_may = live->len == 0 && !(warm && (desktop->user_id || desktop->taken > 0));
    return TRUE;
}

// The row first: who connects from now on wakes it.
static gboolean
row_pauses(YdJobRun *run, YdDesktop **ret_desktop, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    gboolean may = FALSE;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop || !may_sleep(run, store, desktop, &may, error))
        return FALSE;
    if (!yd_desk_is(desktop, YD_DESKTOP_PAUSED) && !(may && yd_desk_is(desktop, YD_DESKTOP_READY)))
        return TRUE;
    if (!yd_desk_commit(store, &tx, desktop, YD_DESKTOP_PAUSED, error))
        return FALSE;
    *ret_desktop = g_steal_pointer(&desktop);
    return TRUE;
}

static gboolean
pause_held(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop = NULL;
    if (!row_pauses(run, &desktop, error))
        return FALSE;
    if (!desktop) {
        json_object_set_new(yd_job_run_result(run), "in_use", json_true());
        return TRUE;
    }
    YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
    GError *why = NULL;
    if (!hv)
        return FALSE;
    if (yd_hypervisor_pause(hv, desktop->uuid, &why))
        return TRUE;
    if (has_ended(service, desktop))
        note_off(store, desktop->id, NULL);
    else
        set_ready(store, desktop->id, NULL);
    g_propagate_error(error, why);
    return FALSE;
}

gboolean
yd_desk_step_pause(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    g_autoptr(GError) busy = NULL;
    if (!yd_connect_hold(service, yd_job_run_object(run), &busy)) {
        yd_job_run_again(run, LOOK_MS);
        return TRUE;
    }
    gboolean good = pause_held(run, error);
    yd_connect_let_go(service, yd_job_run_object(run));
    return good;
}

// --- save ---

static gboolean
step_save(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) before =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    if (!before || !yd_desk_is(before, YD_DESKTOP_PAUSED)) // somebody came
        return before != NULL;
    YdService *service = yd_job_run_service(run);
    YdHypervisor *hv = yd_service_hypervisor(service, before->host_id, error);
    GError *why = NULL;
    if (!hv)
        return FALSE;
    // What cannot be saved stays paused, with all that is open in it.
    if (!yd_hypervisor_save(hv, before->uuid, &why)) {
        if (has_ended(service, before))
            note_off(store, before->id, NULL);
        g_propagate_error(error, why);
        return FALSE;
    }
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    yd_set_string(&desktop->wanted, "off");
    return yd_desk_commit(store, &tx, desktop, YD_DESKTOP_SAVED, error);
}

// --- wake ---

static gboolean
has_room(YdService *service, const YdDesktop *desktop, GError **error)
{
    gint64 memory, memory_free, time;
    if (!yd_monitor_host(service, desktop->host_id, &memory, &memory_free, &time) ||
        memory_free >= desktop->memory_mib)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_ROOM,
                "\"%s\" was saved on a host that has %" G_GINT64_FORMAT
                " MiB of free memory now; it needs %" G_GINT64_FORMAT
                ". Wait, or power it off: it then starts elsewhere without what was open",
                desktop->name, memory_free, desktop->memory_mib);
    return FALSE;
}

static gboolean
note_restored(YdStore *store, const char *id, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, id, &tx, error);
    if (!desktop || !yd_desk_is(desktop, YD_DESKTOP_SAVED))
        return desktop != NULL;
    yd_set_string(&desktop->wanted, "on");
    desktop->started = yd_now_ms(); // the policy's time to be ready counts from here
    return yd_desk_commit(store, &tx, desktop, YD_DESKTOP_PREPARING, error);
}

// A restore that fails leaves the desktop off; the steps of a start follow.
static gboolean
restore(YdJobRun *run, const YdDesktop *desktop, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    YdHypervisor *hv = yd_service_hypervisor(yd_job_run_service(run), desktop->host_id, error);
    g_autoptr(GError) why = NULL;
    gboolean restored = FALSE;
    if (!hv)
        return FALSE;
    if (yd_hypervisor_restore(hv, desktop->uuid, &restored, &why)) {
        if (!restored)
            json_object_set_new(yd_job_run_result(run), "cold", json_string("unusable"));
        return note_restored(store, desktop->id, error);
    }
    if (why->code == YD_ERROR_UNAVAILABLE || why->code == YD_ERROR_LIMIT) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    g_message("%s: its saved image is of no use: %s; it starts from its disk", desktop->id,
              why->message);
    json_object_set_new(yd_job_run_result(run), "cold", json_string(why->message));
    return yd_hypervisor_discard_saved(hv, desktop->uuid, error) &&
           note_off(store, desktop->id, error);
}

static gboolean
wake_held(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    GError *why = NULL;
    if (!desktop)
        return FALSE;
    if (yd_desk_is(desktop, YD_DESKTOP_SAVED))
        return has_room(service, desktop, error) && restore(run, desktop, error);
    if (!yd_desk_is(desktop, YD_DESKTOP_PAUSED) ||
        yd_desk_wake(service, store, desktop->id, NULL, NULL, &why))
        return TRUE;
    g_autoptr(YdDesktop) after =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), NULL);
    if (after && yd_desk_is(after, YD_DESKTOP_OFF)) {
        g_error_free(why);
        return TRUE;
    }
    g_propagate_error(error, why);
    return FALSE;
}

static gboolean
step_wake(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    g_autoptr(GError) busy = NULL;
    if (!yd_connect_hold(service, yd_job_run_object(run), &busy)) {
        yd_job_run_again(run, LOOK_MS);
        return TRUE;
    }
    gboolean good = wake_held(run, error);
    yd_connect_let_go(service, yd_job_run_object(run));
    return good;
}

// After a restore; a desktop that came from its disk has the right time.
static gboolean
step_clock(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    YdHypervisor *hv =
        desktop ? yd_service_hypervisor(yd_job_run_service(run), desktop->host_id, error) : NULL;
    g_autoptr(GError) why = NULL;
    gboolean hashed = FALSE;
    if (!hv)
        return FALSE;
    if (!desktop->template_id && !greet(store, hv, desktop, NULL, &hashed, AGENT_SECONDS, &why))
        g_message("%s: %s, ignoring", desktop->id, why->message);
    return TRUE;
}

// A wake that fails leaves the desktop asleep; only a start that fails powers off.
static gboolean
step_begin(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    return desktop && (yd_desk_is(desktop, YD_DESKTOP_READY) || yd_desk_step_place(run, error));
}

static gboolean
step_ready(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    return desktop && (yd_desk_is(desktop, YD_DESKTOP_READY) || yd_desk_step_ready(run, error));
}

// So that a sleeping desktop ends in order, with what its programs had to write. What cannot be
// woken is off: nothing is left to ask.
gboolean
yd_desk_step_rouse(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GError) why = NULL;
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    if (!desktop)
        return FALSE;
    if (yd_desk_is(desktop, YD_DESKTOP_SAVED)) {
        if (!restore(run, desktop, error))
            return FALSE;
    } else if (yd_desk_is(desktop, YD_DESKTOP_PAUSED)) {
        YdService *service = yd_job_run_service(run);
        YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
        if (!hv)
            return FALSE;
        if (yd_hypervisor_resume(hv, desktop->uuid, &why))
            return set_ready(store, desktop->id, error);
        if (has_ended(service, desktop))
            return note_off(store, desktop->id, error);
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    return TRUE;
}

static const YdJobStep pause_steps[] = {{"pause", yd_desk_step_pause, NULL, FALSE, 1}};

static const YdJobStep save_steps[] = {{"pause", yd_desk_step_pause, NULL, FALSE, 1},
                                       {"save", step_save, NULL, FALSE, 5}};

static const YdJobStep wake_steps[] = {
    {"wake", step_wake, NULL, TRUE, 3},
    {"place", step_begin, yd_desk_undo_place, TRUE, 1},
    {"network", yd_desk_step_network, NULL, TRUE, 1},
    {"disk", yd_desk_step_disk, NULL, TRUE, 1},
    {"launch", yd_desk_step_launch, yd_desk_undo_launch, TRUE, 3},
    {"agent", yd_desk_step_agent, NULL, TRUE, 5},
    {"clock", step_clock, NULL, TRUE, 1},
    {"first-boot", yd_desk_step_first_boot, NULL, TRUE, 2},
    {"access", yd_desk_step_access, NULL, TRUE, 2},
    {"ready", step_ready, NULL, FALSE, 1},
};

static const YdJobStep warm_steps[] = {
    {"place", yd_desk_step_place, yd_desk_undo_place, TRUE, 1},
    {"network", yd_desk_step_network, NULL, TRUE, 1},
    {"disk", yd_desk_step_disk, NULL, TRUE, 1},
    {"launch", yd_desk_step_launch, yd_desk_undo_launch, TRUE, 3},
    {"agent", yd_desk_step_agent, NULL, TRUE, 20},
    {"first-boot", yd_desk_step_first_boot, NULL, TRUE, 4},
    {"access", yd_desk_step_access, NULL, TRUE, 6},
    {"ready", yd_desk_step_ready, NULL, FALSE, 1},
    {"pause", yd_desk_step_pause, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_desktop_pause = {
    "desktop-pause", "desktop", TRUE, pause_steps, G_N_ELEMENTS(pause_steps), NULL};
const YdJobKind yd_job_kind_desktop_save = {"desktop-save",           "desktop", TRUE, save_steps,
                                            G_N_ELEMENTS(save_steps), NULL};
const YdJobKind yd_job_kind_desktop_wake = {
    "desktop-wake", "desktop", TRUE, wake_steps, G_N_ELEMENTS(wake_steps), yd_desk_note_failure};
const YdJobKind yd_job_kind_desktop_warm = {
    "desktop-warm", "desktop", TRUE, warm_steps, G_N_ELEMENTS(warm_steps), yd_desk_note_failure};
