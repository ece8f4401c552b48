// SPDX-License-Identifier: Apache-2.0
// The job desktop-start: from off to ready. A start that fails powers the machine off again and
// says why in the desktop's row; its disk is untouched, so the next start may go better.
#include "service/desktop-private.h"

#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "base/secret.h"
#include "service/clone.h"
#include "service/first-boot.h"
#include "service/guest-home.h"
#include "service/guest-policy.h"
#include "service/rollout.h"
#include "store/store-connect.h"
#include "store/store-desktops.h"

#define PING_SECONDS 3
#define LOOK_MS 500
#define CLONE_LOOK_MS 50
#define SCRIPT_SECONDS 60
#define CHECK_SECONDS 10

// Usable as soon as it runs: whoever installs a system looks at its screen.
static gboolean
is_workbench(const YdDesktop *desktop)
{
    return desktop->template_id != NULL;
}

// --- place ---

static gboolean
runs_there(const YdDesktop *desktop)
{
    return yd_desk_is(desktop, YD_DESKTOP_STARTING) || yd_desk_is(desktop, YD_DESKTOP_PREPARING) ||
           yd_desk_is(desktop, YD_DESKTOP_READY);
}

static void
take_next_hardware(YdDesktop *desktop)
{
    if (desktop->next_vcpus)
        desktop->vcpus = desktop->next_vcpus;
    if (desktop->next_memory_mib)
        desktop->memory_mib = desktop->next_memory_mib;
    desktop->next_vcpus = desktop->next_memory_mib = 0;
}

// A definition left on the host where it ran last would be a second machine on one disk.
static void
leave_host(YdService *service, const YdDesktop *desktop, const char *host_id)
{
    g_autoptr(GError) error = NULL;
    YdHypervisor *hv = yd_service_hypervisor(service, host_id, &error);
    if (!hv || !yd_hypervisor_remove(hv, desktop->uuid, &error))
        g_warning("cannot take the definition of %s from its former host: %s, ignoring",
                  desktop->id, error->message);
}

// The explanation of a refusal is worth keeping although nothing else is changed.
static gboolean
keep_refusal(YdStore *store, YdDesktop *desktop, YdStoreTx **tx, GError *why, GError **error)
{
    g_autoptr(GError) ignored = NULL;
    if (!yd_desk_commit(store, tx, desktop, NULL, &ignored))
        g_debug("cannot keep the placement: %s, ignoring", ignored->message);
    g_propagate_error(error, why);
    return FALSE;
}

gboolean
yd_desk_step_place(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    gint64 bytes = 0, free_bytes = 0;
    GError *local = NULL;
    if (!yd_storage_space(yd_service_storage(service), &bytes, &free_bytes, error))
        return FALSE;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    if (runs_there(desktop))
        return TRUE;
    g_autofree char *former = g_strdup(desktop->host_id);
    take_next_hardware(desktop);
    yd_set_string(&desktop->wanted, "on");
    if (!yd_desk_place(service, store, desktop, free_bytes, &local)) {
        yd_set_string(&desktop->wanted, "off");
        yd_set_string(&desktop->host_id, former);
        return keep_refusal(store, desktop, &tx, local, error);
    }
    yd_set_string(&desktop->error, NULL);
    if (!yd_desk_commit(store, &tx, desktop, YD_DESKTOP_STARTING, error))
        return FALSE;
    if (former && strcmp(former, desktop->host_id) != 0)
        leave_host(service, desktop, former);
    return TRUE;
}

gboolean
yd_desk_undo_place(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    yd_set_string(&desktop->wanted, "off");
    return yd_desk_commit(store, &tx, desktop,
                          yd_desktop_state_runs(desktop->state) ? YD_DESKTOP_OFF : NULL, error);
}

// --- network, disk, launch ---

gboolean
yd_desk_step_network(YdJobRun *run, GError **error)
{
    g_auto(YdDesk) desk = {0};
    return yd_desk_load(yd_job_run_store(run), yd_job_run_object(run), &desk, error) &&
           yd_desk_dhcp_set(yd_job_run_service(run), desk.desktop->host_id, &desk, error);
}

// A new version of its template waits for it. One that cannot be taken keeps nobody from working.
static gboolean
take_update(YdService *service, YdStore *store, YdDesk *desk, GError **error)
{
    g_autofree char *id = g_strdup(desk->desktop->id);
    g_autoptr(GError) local = NULL;
    if (!yd_rollout_settle(service, store, id, &local))
        g_message("%s starts without its update: %s", desk->desktop->name, local->message);
    yd_desk_clear(desk);
    return yd_desk_load(store, id, desk, error);
}

// There already unless somebody removed it; grows when that was asked for while it ran.
gboolean
yd_desk_step_disk(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_auto(YdDesk) desk = {0};
    if (!yd_desk_load(store, yd_job_run_object(run), &desk, error))
        return FALSE;
    YdMachineState state = YD_MACHINE_OFF;
    if (!yd_desk_machine(service, desk.desktop, &state, error))
        return FALSE;
    if (!yd_machine_is_off(state))
        return TRUE; // launched before a restart
    if (desk.desktop->target_version_id && !take_update(service, store, &desk, error))
        return FALSE;
    gint64 grow = desk.desktop->next_disk_gib;
    if (grow > 0) {
        if (!yd_storage_grow(yd_service_storage(service), desk.desktop->image, grow << 30, error))
            return FALSE;
        g_autoptr(YdStoreTx) tx = NULL;
        g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
        if (!desktop)
            return FALSE;
        desktop->disk_gib = grow;
        desktop->next_disk_gib = 0;
        return yd_desk_commit(store, &tx, desktop, NULL, error);
    }
    return yd_clone_disk(run, &desk, error);
}

gboolean
yd_desk_step_launch(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_auto(YdDesk) desk = {0};
    if (!yd_desk_load(store, yd_job_run_object(run), &desk, error))
        return FALSE;
    if (!yd_desk_is(desk.desktop, YD_DESKTOP_STARTING))
        return TRUE;
    if (!yd_clone_launch(run, &desk, error))
        return FALSE;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    desktop->started = yd_now_ms();
    return yd_desk_commit(store, &tx, desktop, YD_DESKTOP_PREPARING, error);
}

gboolean
yd_desk_undo_launch(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    return desktop && yd_desk_power_off(yd_job_run_service(run), desktop, error);
}

// --- preparing ---

// Whether the machine still runs and there is time left. what: who does not answer.
static gboolean
still_worth_it(YdJobRun *run, const YdDesktop *desktop, const char *what, const GError *last,
               GError **error)
{
    YdMachineState state;
    YdPolicy policy;
    if (!yd_desk_machine(yd_job_run_service(run), desktop, &state, error) ||
        !yd_desk_policy(yd_job_run_store(run), desktop, &policy, error))
        return FALSE;
    if (yd_machine_is_off(state)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the machine of \"%s\" ended by itself while it started; look at its console "
                    "and at the host's /var/log/libvirt/qemu/yd-%s.log",
                    desktop->name, desktop->id);
        return FALSE;
    }
    gint64 seconds = (yd_now_ms() - desktop->started) / 1000;
    if (seconds < policy.ready_seconds)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT,
                "\"%s\" was not ready within %" G_GINT64_FORMAT " s (policy ready_seconds): %s: "
                "%s",
                desktop->name, policy.ready_seconds, what, last ? last->message : "no answer");
    return FALSE;
}

// TRUE with "again" set, or the error that ends the start.
static gboolean
look_again(YdJobRun *run, const YdDesktop *desktop, const char *what, const GError *last,
           GError **error)
{
    if (!still_worth_it(run, desktop, what, last, error))
        return FALSE;
    yd_job_run_again(run, yd_clone_is(run, desktop) ? CLONE_LOOK_MS : LOOK_MS);
    return yd_job_run_progress(run, MIN(90, (double)yd_job_run_step_ms(run) / 1000), error);
}

gboolean
yd_desk_step_agent(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    g_autoptr(YdDesktop) desktop =
        yd_store_get(yd_job_run_store(run), &yd_desktop_type, yd_job_run_object(run), error);
    YdHypervisor *hv = desktop ? yd_service_hypervisor(service, desktop->host_id, error) : NULL;
    g_autoptr(GError) local = NULL;
    if (!hv)
        return FALSE;
    gboolean again = FALSE;
    gboolean good =
        is_workbench(desktop) || yd_hypervisor_agent_ping(hv, desktop->uuid, PING_SECONDS, &local);
    if (!yd_clone_awake(run, desktop, local, &again, error))
        return FALSE;
    if (good && !again)
        return TRUE;
    return look_again(run, desktop, "the guest agent does not answer", local, error);
}

static gboolean
run_script(YdHypervisor *hv, const YdDesktop *desktop, const char *script, guint timeout,
           char **ret_output, GError **error)
{
    int status = -1;
    g_autofree char *output = NULL;
    if (!yd_hypervisor_agent_shell(hv, desktop->uuid, script, timeout, &status, &output, error))
        return FALSE;
    if (status != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the first boot of \"%s\" failed in the guest (status %d): %s", desktop->name,
                    status, output);
        return FALSE;
    }
    if (ret_output)
        *ret_output = g_steal_pointer(&output);
    return TRUE;
}

// before: a script that the guest runs first.
static gboolean
prepare_guest(YdJobRun *run, YdHypervisor *hv, const YdDesktop *desktop, const char *before,
              YdDeskCertificate *ret, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autofree char *hostname = yd_first_boot_hostname(desktop->name, desktop->id);
    g_autofree char *username = NULL;
    gint64 uid = 0;
    g_autoptr(YdHost) host = yd_store_get(store, &yd_host_type, desktop->host_id, error);
    if (!host || !yd_desk_account(store, desktop, &username, &uid, error) ||
        !yd_desk_certificate_issue(service, desktop, ret, error))
        return FALSE;
    const YdFirstBoot what = {.desktop_id = desktop->id,
                              .hostname = hostname,
                              .username = username,
                              .uid = uid,
                              .certificate = ret->pem,
                              .key = ret->key,
                              .session = g_strcmp0(host->accel, "kvm") == 0 ? "xfce" : "light"};
    char *script = yd_first_boot_script(&what, error);
    char *all = script ? g_strconcat(before, script, NULL) : NULL;
    gboolean good = all && run_script(hv, desktop, all, SCRIPT_SECONDS, NULL, error);
    yd_secret_wipe(&script);
    yd_secret_wipe(&all);
    return good;
}

// One call of the agent does both: the policy may be another one than at the last start, and the
// answer is for whom the guest was prepared. A guest that never was is not asked: it is told the
// policy and prepared in one call, since each call costs a person's time.
static gboolean
look_at_guest(YdJobRun *run, YdHypervisor *hv, const YdDesktop *desktop, gboolean *ret_prepared,
              YdDeskCertificate *ret, GError **error)
{
    YdPolicy policy;
    if (!yd_desk_policy(yd_job_run_store(run), desktop, &policy, error))
        return FALSE;
    g_autofree char *told = yd_guest_policy_script(&policy);
    const char *home = desktop->personal_disk_id ? "" : yd_guest_home_none();
    g_autofree char *before = g_strconcat(told, home, NULL);
    g_autofree char *script = g_strconcat(before, yd_first_boot_check(), NULL);
    g_autofree char *mark = NULL;
    gboolean never = !desktop->prepared || !desktop->certificate;
    if (never ? !prepare_guest(run, hv, desktop, before, ret, error)
              : !run_script(hv, desktop, script, CHECK_SECONDS, &mark, error))
        return FALSE;
    yd_desk_policy_told(yd_job_run_service(run), desktop->id, told);
    *ret_prepared = !never && strcmp(mark, desktop->id) == 0;
    return never || *ret_prepared || prepare_guest(run, hv, desktop, "", ret, error);
}

// A floating desktop may have been prepared for nobody.
static gboolean
ensure_account(YdStore *store, YdHypervisor *hv, const YdDesktop *desktop, GError **error)
{
    g_autofree char *username = NULL;
    gint64 uid = 0;
    if (desktop->taken == 0)
        return TRUE;
    return yd_desk_account(store, desktop, &username, &uid, error) &&
           (!username ||
            yd_desk_make_account(
                hv, desktop->uuid,
                &(YdDeskAccount){.username = username, .uid = uid, .timeout = SCRIPT_SECONDS},
                error));
}

static gboolean
note_prepared(YdStore *store, const char *id, const YdDeskCertificate *certificate, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) fresh = yd_desk_begin(store, id, &tx, error);
    if (!fresh)
        return FALSE;
    fresh->prepared = TRUE;
    yd_desk_certificate_note(fresh, certificate);
    // A guest that forgot its account forgot the password too.
    return yd_store_secret_delete(store, fresh->id, error) &&
           yd_desk_commit(store, &tx, fresh, NULL, error);
}

// Guests that keep nothing (the small test guest) are prepared at each boot, others once.
gboolean
yd_desk_step_first_boot(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    YdHypervisor *hv = desktop ? yd_service_hypervisor(service, desktop->host_id, error) : NULL;
    g_auto(YdDeskCertificate) certificate = {0};
    gboolean was_prepared = FALSE;
    GError *local = NULL;
    if (!hv)
        return FALSE;
    if (is_workbench(desktop) || g_strcmp0(desktop->os, "windows") == 0)
        return TRUE; // sysprep and the template's own answers do it there
    gboolean good = look_at_guest(run, hv, desktop, &was_prepared, &certificate, &local);
    if (good && was_prepared)
        good = ensure_account(store, hv, desktop, &local) &&
               (!yd_desk_certificate_is_due(desktop->dns_name, desktop->certificate_name,
                                            desktop->certificate_expires, yd_now_ms()) ||
                yd_desk_certificate_renew(service, hv, desktop->id, CHECK_SECONDS, &local));
    if (!good && g_error_matches(local, YD_ERROR, YD_ERROR_TIMEOUT)) {
        g_autoptr(GError) last = local;
        return look_again(run, desktop, "first boot", last, error);
    }
    if (!good) {
        g_propagate_error(error, local);
        return FALSE;
    }
    return was_prepared || note_prepared(store, desktop->id, &certificate, error);
}

gboolean
yd_desk_step_home(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_auto(YdDesk) desk = {0};
    gboolean busy = FALSE;
    GError *local = NULL;
    if (!yd_desk_load(store, yd_job_run_object(run), &desk, error))
        return FALSE;
    if (!yd_desk_has_home(&desk))
        return TRUE;
    gboolean good = yd_desk_mount_personal(yd_job_run_service(run), store, desk.desktop,
                                           desk.personal, SCRIPT_SECONDS, &busy, &local);
    if (good ? busy : g_error_matches(local, YD_ERROR, YD_ERROR_TIMEOUT)) {
        g_autoptr(GError) last = local;
        return look_again(run, desk.desktop, "its personal disk", last, error);
    }
    if (!good)
        g_propagate_error(error, local);
    return good;
}

gboolean
yd_desk_step_access(YdJobRun *run, GError **error)
{
    g_autoptr(YdDesktop) desktop =
        yd_store_get(yd_job_run_store(run), &yd_desktop_type, yd_job_run_object(run), error);
    g_autoptr(GError) local = NULL;
    if (!desktop)
        return FALSE;
    if (is_workbench(desktop) || yd_desk_answers(yd_job_run_service(run), desktop, &local))
        return TRUE;
    return look_again(run, desktop, "its way in does not answer", local, error);
}

gboolean
yd_desk_step_ready(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, yd_job_run_object(run), &tx, error);
    if (!desktop)
        return FALSE;
    if (yd_desk_is(desktop, YD_DESKTOP_OFF)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the machine of \"%s\" ended while it was being prepared", desktop->name);
        return FALSE;
    }
    desktop->ready_at = yd_now_ms();
    yd_set_string(&desktop->error, NULL);
    return yd_desk_commit(store, &tx, desktop, YD_DESKTOP_READY, error);
}

static const YdJobStep steps[] = {YD_DESK_START_STEPS};

const YdJobKind yd_job_kind_desktop_start = {"desktop-start",     "desktop",           TRUE, steps,
                                             G_N_ELEMENTS(steps), yd_desk_note_failure};
