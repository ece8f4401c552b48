// SPDX-License-Identifier: Apache-2.0
// The job host-fence: a host that died is made sure to be off, by [deskd] fence_command or by a
// person's word; then what ran there starts elsewhere, connected people first. Nothing is started
// before, however long that takes: two machines on one disk destroy it.
#include "service/host-fence.h"

#include <gio/gio.h>
#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "model/host-state.h"
#include "service/connection.h"
#include "service/desktop-private.h"
#include "service/host.h"
#include "store/store-desktops.h"

#define COMMAND_SECONDS 120
#define COMMAND_LOOK_MS 100
#define COMMAND_TRIES 5
#define COMMAND_AGAIN_MS 10000

// ---- the verb ----

YdJob *
yd_host_fence_submit(YdService *service, const YdActor *actor, const YdHost *host,
                     gboolean confirmed, GError **error)
{
    g_autoptr(json_t) args = json_pack("{s:b}", "confirmed", confirmed);
    return yd_job_submit(service, actor, "host-fence", host->id, host->name, args, NULL, error);
}

static gboolean
must_be_away(const YdHost *host, GError **error)
{
    if (strcmp(host->state, YD_HOST_DOWN) == 0 || strcmp(host->state, YD_HOST_SUSPECT) == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "host “%s” is %s: only one that does not answer can be fenced", host->name,
                host->state);
    return FALSE;
}

// A person may be wrong; a gate that speaks is on.
static gboolean
may_be_off(YdService *service, const YdHost *host, GError **error)
{
    if (!yd_host_gate_lives(service, host))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "host “%s” is not off: its gate was heard of just now; its machines may run. Start "
                "its libvirtd, or cut its power and try again in 20 s",
                host->name);
    return FALSE;
}

YdJob *
yd_host_fence(YdService *service, const YdActor *actor, const char *host_id, gboolean confirmed,
              GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdHost) host = NULL;
    g_autoptr(YdJob) job = NULL;
    if (!store || !yd_service_allowed(actor, YD_RIGHT_HOSTS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(host = yd_store_get(store, &yd_host_type, host_id, error)) || !must_be_away(host, error))
        return NULL;
    if (!confirmed && !yd_service_config(service)->fence_command) {
        yd_error_invalid(error, "confirmed",
                         "there is no [deskd] fence_command: see for yourself that the host is "
                         "off, and say so (confirmed); a host that still runs its machines would "
                         "destroy their disks");
        return NULL;
    }
    if (confirmed && !may_be_off(service, host, error))
        return NULL;
    g_autoptr(json_t) said = json_pack("{s:b}", "confirmed", confirmed);
    g_autofree char *details = yd_json_text(said);
    if (!(job = yd_host_fence_submit(service, actor, host, confirmed, error)) ||
        !yd_service_audit(service, actor, "host.fence", "host", host->id, host->name, details,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&job);
}

// ---- steps ----

static YdHost *
host_of(YdJobRun *run, GError **error)
{
    return yd_store_get(yd_job_run_store(run), &yd_host_type, yd_job_run_object(run), error);
}

// Runs the command with the host's name and waits for it.
static gboolean
run_command(YdJobRun *run, const char *command, const char *host, GError **error)
{
    const char *const argv[] = {command, host, NULL};
    g_autoptr(GSubprocess) process = g_subprocess_newv(
        argv, G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, error);
    if (!process)
        return FALSE;
    gint64 until = g_get_monotonic_time() + COMMAND_SECONDS * G_USEC_PER_SEC;
    while (g_subprocess_get_identifier(process)) {
        if (yd_job_run_cancelled(run) || g_get_monotonic_time() > until) {
            g_subprocess_force_exit(process);
            g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT, "“%s %s” does not end", command, host);
            return FALSE;
        }
        g_usleep(COMMAND_LOOK_MS * 1000);
    }
    return g_subprocess_wait_check(process, NULL, error);
}

static gboolean
step_fence(YdJobRun *run, GError **error)
{
    gboolean confirmed = FALSE;
    const char *command = yd_service_config(yd_job_run_service(run))->fence_command;
    g_autoptr(YdHost) host = host_of(run, error);
    if (!host || !yd_json_bool(yd_job_run_args(run), "confirmed", &confirmed, error))
        return FALSE;
    if (confirmed || strcmp(host->state, YD_HOST_FENCED) == 0)
        return TRUE;
    if (!must_be_away(host, error))
        return FALSE;
    if (!command) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "there is no [deskd] fence_command any more");
        return FALSE;
    }
    g_autoptr(GError) why = NULL;
    if (run_command(run, command, host->name, &why))
        return TRUE;
    json_t *result = yd_job_run_result(run);
    json_int_t tries = json_integer_value(json_object_get(result, "tries")) + 1;
    json_object_set_new(result, "tries", json_integer(tries));
    g_warning("host %s cannot be fenced (try %d): %s", host->name, (int)tries, why->message);
    if (tries < COMMAND_TRIES) {
        yd_job_run_again(run, COMMAND_AGAIN_MS);
        return TRUE;
    }
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "host “%s” cannot be fenced by “%s”: %s; see for yourself that it is off, and say "
                "so (deskctl host fence %s --confirmed)",
                host->name, command, why->message, host->name);
    return FALSE;
}

static gboolean
step_mark(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdHost) host = tx ? host_of(run, error) : NULL;
    if (!host)
        return FALSE;
    if (strcmp(host->state, YD_HOST_FENCED) == 0)
        return TRUE;
    if (!must_be_away(host, error)) // it came back meanwhile, with its machines
        return FALSE;
    yd_set_string(&host->state, YD_HOST_FENCED);
    host->since = yd_now_ms();
    return yd_store_update(store, &yd_host_type, host, error) && yd_store_tx_commit(&tx, error);
}

// ---- evacuate ----

// Connected ones first, then those that came up last.
static int
by_need(gconstpointer a, gconstpointer b)
{
    const YdDesktop *one = *(YdDesktop *const *)a, *two = *(YdDesktop *const *)b;
    gboolean one_used = one->open_sessions > 0, two_used = two->open_sessions > 0;
    if (one_used != two_used)
        return two_used - one_used;
    return one->ready_at == two->ready_at ? g_strcmp0(one->id, two->id)
                                          : (one->ready_at > two->ready_at ? -1 : 1);
}

static gboolean
is_stranded(const YdDesktop *desktop)
{
    return yd_desktop_state_runs(desktop->state) || yd_desk_is(desktop, YD_DESKTOP_SAVED);
}

// What it did before its host died goes on elsewhere: who had it running gets it back. Spares and
// sleeping ones are only off.
static gboolean
must_start(const YdDesktop *desktop)
{
    return (yd_desk_is(desktop, YD_DESKTOP_READY) || yd_desk_is(desktop, YD_DESKTOP_PREPARING) ||
            yd_desk_is(desktop, YD_DESKTOP_STARTING)) &&
           (desktop->user_id || desktop->template_id);
}

// One desktop in one transaction: off, its sessions ended with the reason, its start submitted. Its
// own jobs end first, they can do nothing any more.
static gboolean
rescue(YdJobRun *run, const YdHost *host, const char *desktop_id, gboolean *ret_busy,
       GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    GError *why = NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, desktop_id, &tx, error);
    g_autoptr(YdJob) busy = desktop ? yd_store_job_live(store, desktop_id, NULL, &why) : NULL;
    if (why)
        g_propagate_error(error, why);
    if (!desktop || why)
        return FALSE;
    *ret_busy = busy != NULL;
    if (busy || g_strcmp0(desktop->host_id, host->id) != 0 || !is_stranded(desktop))
        return TRUE;
    gboolean start = must_start(desktop);
    g_autofree char *reason = g_strdup_printf(
        start ? "its host “%s” has failed; it starts on another host" : "its host “%s” has failed",
        host->name);
    yd_set_string(&desktop->wanted, start ? "on" : "off");
    yd_set_string(&desktop->error, reason);
    if (!yd_connection_cut_desktop(service, desktop_id, reason, NULL, error))
        return FALSE;
    if (start) {
        g_autoptr(YdJob) job = yd_job_submit(service, &yd_actor_system, "desktop-start", desktop_id,
                                             desktop->name, NULL, NULL, error);
        if (!job)
            return FALSE;
    }
    if (!yd_desk_commit(store, &tx, desktop, YD_DESKTOP_OFF, error))
        return FALSE;
    json_t *result = yd_job_run_result(run);
    const char *count = start ? "started" : "off";
    json_int_t n = json_integer_value(json_object_get(result, count)) + 1;
    json_object_set_new(result, count, json_integer(n));
    return TRUE;
}

static gboolean
step_evacuate(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    gboolean again = FALSE;
    g_autoptr(YdHost) host = host_of(run, error);
    g_autoptr(GPtrArray) list =
        host ? yd_store_all(yd_job_run_store(run), &yd_desktop_type, "host_id", host->id, error)
             : NULL;
    if (list)
        g_ptr_array_sort(list, by_need);
    for (guint i = 0; list && i < list->len; i++) {
        const YdDesktop *desktop = list->pdata[i];
        gboolean busy = FALSE;
        if (!yd_job_run_progress(run, 100.0 * i / list->len, error) ||
            (is_stranded(desktop) && !rescue(run, host, desktop->id, &busy, error)))
            return FALSE;
        if (busy) // what cannot be cancelled fails by itself, its host does not answer
            yd_job_cancel_object(service, desktop->id, NULL);
        again = again || busy;
    }
    if (again)
        yd_job_run_again(run, 500);
    return list != NULL;
}

static const YdJobStep steps[] = {
    {.name = "fence", .run = step_fence, .weight = 5},
    {.name = "mark", .run = step_mark},
    {.name = "evacuate", .run = step_evacuate, .weight = 5},
};

const YdJobKind yd_job_kind_host_fence = {
    .kind = "host-fence",
    .object_kind = "host",
    .steps = steps,
    .n_steps = G_N_ELEMENTS(steps),
};
