// SPDX-License-Identifier: Apache-2.0
// The reconciler: one thread with a queue of what hypervisors report and a timer. Repairs only what
// is surely ours; says what it leaves alone.
#include "service/reconcile.h"

#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "service/backup.h"
#include "service/connection.h"
#include "service/desktop-private.h"
#include "service/host-balance.h"
#include "service/host-clean.h"
#include "service/host.h"
#include "service/login.h"
#include "service/media.h"
#include "service/network-keeper.h"
#include "service/pool-keeper.h"
#include "service/restore-point.h"
#include "service/rollout.h"
#include "service/template.h"
#include "service/template-image.h"
#include "service/workbench.h"
#include "store/store-connect.h"
#include "store/store-desktops.h"

#define SWEEP_US (2 * G_USEC_PER_SEC)
#define PASS_US (60 * G_USEC_PER_SEC)
#define PRUNE_US (3600 * (gint64)G_USEC_PER_SEC)
#define DAY_MS (24 * 3600 * (gint64)1000)
#define EVENTS_DAYS 7 // how long what is over is kept; the audit log is kept for ever
#define JOBS_DAYS 30
#define CONNECTIONS_DAYS 90

typedef struct {
    char *uuid; // NULL: the whole host
    gboolean crashed, stop;
} Event;

typedef struct {
    YdService *service;
    GThread *thread;
    GAsyncQueue *queue; // of Event
    gboolean hooked;
} Reconciler;

static void
event_free(gpointer data)
{
    Event *event = data;
    g_free(event->uuid);
    g_free(event);
}

static void
stop(Reconciler *reconciler)
{
    if (!reconciler->thread)
        return;
    Event *event = g_new0(Event, 1);
    event->stop = TRUE;
    g_async_queue_push_front(reconciler->queue, event);
    g_thread_join(reconciler->thread);
    reconciler->thread = NULL;
}

static void
reconciler_free(gpointer data)
{
    Reconciler *reconciler = data;
    stop(reconciler);
    g_async_queue_unref(reconciler->queue);
    g_free(reconciler);
}

static Reconciler *
reconciler_of(YdService *service)
{
    Reconciler *reconciler = yd_service_part(service, "reconciler");
    if (reconciler)
        return reconciler;
    reconciler = g_new0(Reconciler, 1);
    reconciler->service = service;
    reconciler->queue = g_async_queue_new_full(event_free);
    return yd_service_set_part(service, "reconciler", reconciler, reconciler_free);
}

// --- one desktop ---

static gboolean
has_job(YdStore *store, const char *desktop_id, gboolean *ret_has, GError **error)
{
    GError *local = NULL;
    g_autoptr(YdJob) job = yd_store_job_live(store, desktop_id, NULL, &local);
    *ret_has = job != NULL;
    if (local)
        g_propagate_error(error, local);
    return local == NULL;
}

static gboolean
runs(YdMachineState state)
{
    return !yd_machine_is_off(state);
}

// The row, where it is still the one that was compared with the machine and no job works on it.
// Else *ret_desktop is NULL: what was seen is old, a job that has ended since may have moved the
// machine to another host, say.
static gboolean
begin_if_same(YdStore *store, const YdDesktop *seen, YdStoreTx **ret_tx, YdDesktop **ret_desktop,
              GError **error)
{
    gboolean busy = FALSE;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, seen->id, &tx, error);
    if (!desktop || !has_job(store, seen->id, &busy, error))
        return FALSE;
    if (busy || desktop->version != seen->version)
        return TRUE;
    *ret_tx = g_steal_pointer(&tx);
    *ret_desktop = g_steal_pointer(&desktop);
    return TRUE;
}

// Its machine is off and nobody is about to change that.
static gboolean
note_end(YdService *service, YdStore *store, const YdDesktop *seen, gboolean crashed,
         GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    if (!begin_if_same(store, seen, &tx, &desktop, error))
        return FALSE;
    if (!desktop || !yd_desktop_state_runs(desktop->state))
        return TRUE;
    const char *reason =
        crashed ? "the machine ended unexpectedly" : "the desktop was switched off";
    yd_set_string(&desktop->wanted, "off");
    if (crashed)
        yd_set_string(&desktop->error, "the machine ended unexpectedly; see the host's "
                                       "/var/log/libvirt/qemu");
    const YdLogFields fields = {.desktop = seen->id};
    yd_log(G_LOG_LEVEL_MESSAGE, &fields, "%s: %s", desktop->name, reason);
    return yd_connection_cut_desktop(service, seen->id, reason, NULL, error) &&
           yd_desk_commit(store, &tx, desktop, YD_DESKTOP_OFF, error);
}

// Its machine runs although the row says otherwise.
static gboolean
note_running(YdService *service, YdStore *store, const YdDesktop *seen, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    if (!begin_if_same(store, seen, &tx, &desktop, error))
        return FALSE;
    if (!desktop)
        return TRUE;
    if (strcmp(desktop->state, YD_DESKTOP_STOPPING) == 0 ||
        strcmp(desktop->state, YD_DESKTOP_PAUSED) == 0 ||
        strcmp(desktop->state, YD_DESKTOP_SAVED) == 0 ||
        (strcmp(desktop->state, YD_DESKTOP_OFF) == 0 && desktop->prepared)) {
        yd_set_string(&desktop->wanted, "on");
        return yd_desk_commit(store, &tx, desktop, YD_DESKTOP_READY, error);
    }
    if (strcmp(desktop->state, YD_DESKTOP_STARTING) == 0 ||
        strcmp(desktop->state, YD_DESKTOP_PREPARING) == 0) { // its job was lost
        g_autoptr(YdJob) job = yd_job_submit(service, &yd_actor_system, "desktop-start", seen->id,
                                             desktop->name, NULL, NULL, error);
        return job && yd_store_tx_commit(&tx, error);
    }
    yd_store_tx_abort(g_steal_pointer(&tx));
    if (strcmp(desktop->state, YD_DESKTOP_OFF) == 0) { // never prepared: nobody may use it
        g_warning("%s runs although it was never prepared; powering it off", desktop->name);
        return yd_desk_power_off(service, desktop, error);
    }
    return TRUE;
}

// Its machine was paused by somebody else, or by its host (no space is left, say): who connects
// wakes it.
static gboolean
note_paused(YdStore *store, const YdDesktop *seen, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    if (!begin_if_same(store, seen, &tx, &desktop, error))
        return FALSE;
    return !desktop || strcmp(desktop->state, YD_DESKTOP_READY) != 0 ||
           yd_desk_commit(store, &tx, desktop, YD_DESKTOP_PAUSED, error);
}

// Looks at the machine itself: the event may be old. Twice, since the row may change meanwhile.
static gboolean
machine_ended(YdService *service, const char *uuid, gboolean crashed, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    for (guint look = 0; store && look < 2; look++) {
        g_autoptr(GError) local = NULL;
        g_autoptr(YdDesktop) desktop = yd_store_find(store, &yd_desktop_type, "uuid", uuid, &local);
        YdMachineState state;
        if (!desktop || !yd_desktop_state_runs(desktop->state))
            return TRUE; // being deleted, or noted already
        if (!yd_desk_machine(service, desktop, &state, error))
            return FALSE;
        if (runs(state))
            return TRUE;
        if (!note_end(service, store, desktop, crashed || state == YD_MACHINE_CRASHED, error))
            return FALSE;
    }
    return store != NULL;
}

// --- a pass ---

static gboolean
compare(YdService *service, YdStore *store, const YdDesktop *desktop, const YdMachineInfo *machine,
        YdReconcileReport *report, GError **error)
{
    YdMachineState state = machine ? machine->state : YD_MACHINE_OFF;
    gboolean row_runs = yd_desktop_state_runs(desktop->state);
    gboolean busy = FALSE;
    gboolean paused = state == YD_MACHINE_PAUSED;
    gboolean row_paused = strcmp(desktop->state, YD_DESKTOP_PAUSED) == 0;
    if (runs(state) == row_runs && paused == row_paused &&
        (row_paused || strcmp(desktop->state, YD_DESKTOP_READY) == 0))
        return TRUE;
    if (!runs(state) && !row_runs)
        return TRUE;
    if (!has_job(store, desktop->id, &busy, error))
        return FALSE;
    if (busy)
        return TRUE;
    if (paused && strcmp(desktop->state, YD_DESKTOP_READY) == 0)
        return note_paused(store, desktop, error);
    report->moved++;
    return runs(state) ? note_running(service, store, desktop, error)
                       : note_end(service, store, desktop, state == YD_MACHINE_CRASHED, error);
}

// A machine with our mark, but no row. It is surely ours only when this store has had jobs for it:
// another installation may use the same libvirt.
static gboolean
stray_machine(YdStore *store, YdHypervisor *hv, const YdMachineInfo *machine,
              YdReconcileReport *report, GError **error)
{
    g_autoptr(GPtrArray) jobs =
        yd_store_all(store, &yd_job_type, "object_id", machine->desktop_id, error);
    if (!jobs)
        return FALSE;
    if (jobs->len == 0) {
        g_info("machine %s carries our mark but is unknown here; leaving it alone", machine->name);
        return TRUE;
    }
    for (guint i = 0; i < jobs->len; i++) {
        if (((YdJob *)g_ptr_array_index(jobs, i))->ended == 0)
            return TRUE;
    }
    g_message("removing machine %s: its desktop is gone", machine->name);
    report->machines++;
    return yd_hypervisor_remove(hv, machine->uuid, error);
}

// A machine that no row of this host names.
static gboolean
unnamed_machine(YdService *service, YdStore *store, YdHypervisor *hv, const char *host_id,
                const YdMachineInfo *machine, YdReconcileReport *report, GError **error)
{
    g_autoptr(GError) why = NULL;
    gboolean removed = FALSE;
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, machine->desktop_id, &why);
    if (!desktop && g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND))
        return stray_machine(store, hv, machine, report, error);
    if (desktop &&
        !yd_host_clean_machine(service, host_id, machine, desktop, FALSE, &removed, error))
        return FALSE;
    report->machines += removed;
    return TRUE;
}

static gboolean
pass_host(YdService *service, YdStore *store, const YdHost *host, YdReconcileReport *report,
          GError **error)
{
    YdHypervisor *hv = yd_service_hypervisor(service, host->id, NULL);
    if (!hv || !yd_hypervisor_alive(hv) || yd_host_is_away(host))
        return TRUE; // one that comes back is cleaned first
    // Rows first: a desktop that starts between both looks has a job.
    g_autoptr(GPtrArray) desktops =
        yd_store_all(store, &yd_desktop_type, "host_id", host->id, error);
    g_autoptr(GError) local = NULL;
    g_autoptr(GPtrArray) machines = desktops ? yd_hypervisor_machines(hv, &local) : NULL;
    if (!desktops)
        return FALSE;
    if (!machines) {
        g_debug("host %s is left out: %s", host->name, local->message);
        return TRUE;
    }
    g_autoptr(GHashTable) by_uuid = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < machines->len; i++) {
        YdMachineInfo *machine = g_ptr_array_index(machines, i);
        g_hash_table_insert(by_uuid, machine->uuid, machine);
    }
    for (guint i = 0; i < desktops->len; i++) {
        const YdDesktop *desktop = g_ptr_array_index(desktops, i);
        const YdMachineInfo *machine = g_hash_table_lookup(by_uuid, desktop->uuid);
        if (!compare(service, store, desktop, machine, report, error))
            return FALSE;
        g_hash_table_remove(by_uuid, desktop->uuid); // its row named this host: it belongs here
    }
    GHashTableIter iter;
    gpointer machine;
    g_hash_table_iter_init(&iter, by_uuid);
    while (g_hash_table_iter_next(&iter, NULL, &machine)) {
        if (!unnamed_machine(service, store, hv, host->id, machine, report, error))
            return FALSE;
    }
    return TRUE;
}

// Desktops in a state that only a job may leave, without one.
static gboolean
pass_lost_jobs(YdService *service, YdStore *store, YdReconcileReport *report, GError **error)
{
    static const struct {
        const char *state, *kind;
    } lost[] = {{YD_DESKTOP_NEW, "desktop-create"},
                {YD_DESKTOP_DERIVING, "desktop-create"},
                {YD_DESKTOP_REBUILDING, "desktop-rebuild"},
                {YD_DESKTOP_DELETING, "desktop-delete"}};
    for (gsize i = 0; i < G_N_ELEMENTS(lost); i++) {
        g_autoptr(GPtrArray) ids = yd_store_idle_desktops(store, lost[i].state, error);
        for (guint j = 0; ids && j < ids->len; j++) {
            const char *id = g_ptr_array_index(ids, j);
            g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, id, error);
            if (!desktop)
                return FALSE;
            // The doctor's are not worth making again.
            const char *kind = !desktop->pool_id ? "desktop-delete" : lost[i].kind;
            g_autofree char *network =
                desktop->pool_id
                    ? yd_store_network_for(store, desktop->pool_id, desktop->user_id, error)
                    : g_strdup("");
            if (!network)
                return FALSE;
            json_t *args = json_pack("{s:s}", "network_id", network);
            g_autoptr(YdJob) job = yd_job_submit(service, &yd_actor_system, kind, id, desktop->name,
                                                 args, NULL, error);
            json_decref(args);
            if (!job)
                return FALSE;
            report->moved++;
        }
        if (!ids)
            return FALSE;
    }
    return TRUE;
}

// Overlays in our own folder whose desktop is gone. A desktop's row is there before its overlay is
// made and goes after it, so what has no row is left over.
static gboolean
pass_images(YdService *service, YdStore *store, YdReconcileReport *report, GError **error)
{
    YdStorage *storage = yd_service_storage(service);
    g_autoptr(GError) local = NULL;
    g_autoptr(GPtrArray) images = yd_storage_list(storage, &local);
    if (!images) {
        g_debug("images are left out: %s", local->message);
        return TRUE;
    }
    for (guint i = 0; i < images->len; i++) {
        const char *image = g_ptr_array_index(images, i);
        if (!g_str_has_prefix(image, "dsk-") || !g_str_has_suffix(image, ".qcow2"))
            continue;
        g_autofree char *id = g_strndup(image, strlen(image) - strlen(".qcow2"));
        g_autoptr(GError) why = NULL;
        G_GNUC_UNUSED g_autoptr(YdDesktop) desktop =
            yd_id_valid(id, "dsk") ? yd_store_get(store, &yd_desktop_type, id, &why) : NULL;
        if (!g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND) &&
            !yd_rollout_is_stray(store, image))
            continue;
        g_clear_error(&why);
        g_message("removing overlay %s: its desktop is gone", image);
        if (yd_storage_delete(storage, image, &why))
            report->images++;
        else
            g_warning("cannot remove overlay %s: %s, ignoring", image, why->message);
    }
    return TRUE;
}

gboolean
yd_reconcile_now(YdService *service, YdReconcileReport *ret_report, GError **error)
{
    YdReconcileReport report = {0};
    YdStore *store = yd_service_store(service, error);
    const YdQuery query = {0};
    g_autoptr(YdPage) hosts = store ? yd_store_list(store, &yd_host_type, &query, error) : NULL;
    if (!hosts)
        return FALSE;
    for (guint i = 0; i < hosts->records->len; i++) {
        const YdHost *host = g_ptr_array_index(hosts->records, i);
        g_autoptr(GError) local = NULL;
        if (!pass_host(service, store, host, &report, &local))
            g_warning("host %s: %s, going on", host->name, local->message);
    }
    if (!pass_lost_jobs(service, store, &report, error) ||
        !pass_images(service, store, &report, error) ||
        !yd_connection_sweep(service, yd_now_ms(), error))
        return FALSE;
    if (ret_report)
        *ret_report = report;
    return TRUE;
}

// --- the thread ---

typedef struct {
    gint64 sweep, pass, prune; // when next, monotonic µs
} Timers;

static void
prune(YdService *service)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(service, &error);
    gint64 now = yd_now_ms();
    if (!store || !yd_store_prune(store, now - EVENTS_DAYS * DAY_MS, now - JOBS_DAYS * DAY_MS,
                                  now - CONNECTIONS_DAYS * DAY_MS, &error))
        g_warning("cannot prune old events, jobs and sessions: %s, ignoring", error->message);
    yd_upload_prune(service, now);
}

static void
prune_logins(YdService *service)
{
    g_autoptr(GError) error = NULL;
    if (!yd_login_prune(service, yd_now_ms(), &error))
        g_warning("cannot end old log-ins: %s, trying again later", error->message);
}

static void
run_timers(YdService *service, Timers *timers)
{
    gint64 now = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    if (now >= timers->pass) {
        timers->pass = now + PASS_US;
        timers->sweep = now + SWEEP_US;
        if (!yd_reconcile_now(service, NULL, &error))
            g_warning("reconciling: %s, trying again later", error->message);
        prune_logins(service);
        yd_media_tidy(service, yd_now_ms());
        yd_pool_keep(service, yd_now_ms());
        yd_rollout_tidy(service, yd_now_ms());
        yd_template_image_tidy(service, yd_now_ms());
        yd_restore_points_tidy(service, yd_now_ms());
        yd_backups_tidy(service, yd_now_ms());
        yd_balance_tidy(service, yd_now_ms());
    } else if (now >= timers->sweep) {
        timers->sweep = now + SWEEP_US;
        YdStore *store = yd_service_store(service, &error);
        if (!store || !yd_connection_sweep(service, yd_now_ms(), &error))
            g_warning("ending old connections: %s, trying again later", error->message);
        yd_workbench_watch(service);
        yd_pool_keep(service, yd_now_ms());
        yd_rollout_watch(service);
    }
    if (now >= timers->prune) {
        timers->prune = now + PRUNE_US;
        prune(service);
    }
}

// Events may have been missed, and its networks may be gone.
static void
host_came(YdService *service, Timers *timers)
{
    timers->pass = 0;
    yd_network_keeper_kick(service);
}

// Takes the event. FALSE: the thread is to end.
static gboolean
handle(YdService *service, Event *event, Timers *timers)
{
    g_autoptr(GError) error = NULL;
    gboolean go_on = !event->stop;
    if (go_on && !event->uuid)
        host_came(service, timers);
    else if (go_on && !machine_ended(service, event->uuid, event->crashed, &error))
        g_warning("machine %s: %s, left to the next pass", event->uuid, error->message);
    event_free(event);
    return go_on;
}

// All that waits is taken before the next pass: a hundred hosts that connect at once need one pass,
// not a hundred, and ended machines do not wait for it.
static gpointer
reconcile_thread(gpointer data)
{
    Reconciler *reconciler = data;
    Timers timers = {0};
    for (;;) {
        run_timers(reconciler->service, &timers);
        gint64 wait = MAX(1000, MIN(timers.sweep, timers.pass) - g_get_monotonic_time());
        Event *event = g_async_queue_timeout_pop(reconciler->queue, (guint64)wait);
        gint more = g_async_queue_length(reconciler->queue); // negative: none, somebody waits
        for (; event; event = more-- > 0 ? g_async_queue_try_pop(reconciler->queue) : NULL)
            if (!handle(reconciler->service, event, &timers))
                return NULL;
    }
}

// On the hypervisor's thread: only queues.
static void
machine_event(YdHypervisor *hv, const char *uuid, const char *name, gpointer data)
{
    Reconciler *reconciler = data;
    gboolean crashed = strcmp(name, "crashed") == 0;
    if (!crashed && strcmp(name, "stopped") != 0 && strcmp(name, "connected") != 0)
        return;
    Event *event = g_new0(Event, 1);
    event->uuid = g_strdup(uuid);
    event->crashed = crashed;
    g_async_queue_push(reconciler->queue, event);
}

static void
host_opened(YdService *service, const char *host_id, YdHypervisor *hv, gpointer data)
{
    yd_hypervisor_on_event(hv, machine_event, data);
}

gboolean
yd_reconcile_start(YdService *service, GError **error)
{
    Reconciler *reconciler = reconciler_of(service);
    if (!reconciler->hooked)
        yd_service_on_host_opened(service, host_opened, reconciler);
    reconciler->hooked = TRUE;
    if (!reconciler->thread)
        reconciler->thread = g_thread_new("reconcile", reconcile_thread, reconciler);
    return TRUE;
}

void
yd_reconcile_stop(YdService *service)
{
    stop(reconciler_of(service));
}
