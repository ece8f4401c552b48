// SPDX-License-Identifier: Apache-2.0
// The job desktop-migrate: a running desktop moves to another host with all that it does. The hosts
// do it between themselves, so a deskd that dies meanwhile finds the machine on one of both and
// notes where.
#include "service/desktop-private.h"

#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/connection.h"
#include "service/monitor.h"
#include "store/store-desktops.h"

// Emulated guests (TCG) that write memory while they are copied were seen broken afterwards; so
// they stand still for as long as it takes, unless they idle.
#define LIGHT_PERCENT 15

// ---- the verb ----

static gboolean
may_move(const YdDesktop *desktop, GError **error)
{
    if (yd_desk_is(desktop, YD_DESKTOP_READY) || yd_desk_is(desktop, YD_DESKTOP_PAUSED))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "\"%s\" is %s: only one that is ready or paused moves; one that is off finds a "
                "host when it starts",
                desktop->name, desktop->state);
    return FALSE;
}

YdJob *
yd_desktop_migrate(YdService *service, const YdActor *actor, const char *id, const char *host_id,
                   GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdHost) host = NULL;
    if (!store || !yd_service_allowed(actor, YD_RIGHT_HOSTS_WRITE, error))
        return NULL;
    desktop = yd_desk_begin(store, id, &tx, error);
    if (!desktop || !may_move(desktop, error) ||
        (host_id && !(host = yd_store_get(store, &yd_host_type, host_id, error))))
        return NULL;
    if (host_id && g_strcmp0(desktop->host_id, host_id) == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "\"%s\" is on host “%s” already",
                    desktop->name, host->name);
        return NULL;
    }
    g_autoptr(json_t) args = json_pack("{s:s?}", "host_id", host_id);
    g_autoptr(YdJob) job =
        yd_job_submit(service, actor, "desktop-migrate", id, desktop->name, args, NULL, error);
    if (!job ||
        !yd_service_audit(service, actor, "desktop.migrate", "desktop", id, desktop->name, NULL,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&job);
}

// ---- steps ----

static const char *
word(json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

// Decides where from and where to, once.
static gboolean
step_place(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    json_t *result = yd_job_run_result(run);
    gint64 bytes = 0, free_bytes = 0;
    if (word(result, "to_id"))
        return TRUE;
    g_autoptr(YdDesktop) desktop =
        yd_store_get(store, &yd_desktop_type, yd_job_run_object(run), error);
    if (!desktop || !may_move(desktop, error) ||
        !yd_storage_space(yd_service_storage(service), &bytes, &free_bytes, error))
        return FALSE;
    g_autofree char *from = g_strdup(desktop->host_id);
    g_autofree char *from_name = g_strdup(desktop->host_name);
    if (!yd_desk_place_among(service, store, desktop, free_bytes,
                             word(yd_job_run_args(run), "host_id"), from, error))
        return FALSE;
    g_autoptr(YdHost) to = yd_store_get(store, &yd_host_type, desktop->host_id, error);
    if (!to)
        return FALSE;
    json_object_set_new(result, "from_id", json_string(from));
    json_object_set_new(result, "from", json_string(from_name));
    json_object_set_new(result, "to_id", json_string(to->id));
    json_object_set_new(result, "to", json_string(to->name));
    json_object_set_new(result, "placement", json_string(desktop->placement));
    return TRUE;
}

static gboolean
step_network(YdJobRun *run, GError **error)
{
    g_auto(YdDesk) desk = {0};
    return yd_desk_load(yd_job_run_store(run), yd_job_run_object(run), &desk, error) &&
           yd_desk_dhcp_set(yd_job_run_service(run), word(yd_job_run_result(run), "to_id"), &desk,
                            error);
}

// Whether it runs there; NOT_FOUND is no error.
static gboolean
runs_on(YdHypervisor *hv, const char *uuid, gboolean *ret_runs, GError **error)
{
    YdMachineState state = YD_MACHINE_OFF;
    GError *why = NULL;
    *ret_runs = FALSE;
    if (!yd_hypervisor_machine_state(hv, uuid, &state, &why)) {
        if (!g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)) {
            g_propagate_error(error, why);
            return FALSE;
        }
        g_error_free(why);
        return TRUE;
    }
    *ret_runs = state == YD_MACHINE_RUNNING || state == YD_MACHINE_PAUSED;
    return TRUE;
}

static gboolean
is_light(YdService *service, YdStore *store, const YdDesktop *desktop)
{
    YdDesktopStats stats = {0};
    g_autoptr(YdHost) host = yd_store_get(store, &yd_host_type, desktop->host_id, NULL);
    if (host && g_strcmp0(host->accel, "kvm") == 0)
        return TRUE;
    return yd_monitor_machine(service, desktop->uuid, &stats) && stats.cpu_percent >= 0 &&
           stats.cpu_percent < LIGHT_PERCENT;
}

static gboolean
move(YdJobRun *run, YdHypervisor *from, YdHypervisor *to, const YdDesktop *desktop, GError **error)
{
    gint64 pause_ms = -1, begun = g_get_monotonic_time();
    gboolean live = is_light(yd_job_run_service(run), yd_job_run_store(run), desktop);
    if (!yd_hypervisor_migrate(from, to, desktop->uuid, live, yd_job_run_on_progress, run,
                               &pause_ms, error))
        return FALSE;
    json_t *result = yd_job_run_result(run);
    gint64 took_ms = (g_get_monotonic_time() - begun) / 1000;
    json_object_set_new(result, "live", json_boolean(live));
    json_object_set_new(result, "took_ms", json_integer((json_int_t)took_ms));
    if (pause_ms >= 0)
        json_object_set_new(result, "pause_ms", json_integer((json_int_t)pause_ms));
    return TRUE;
}

// A machine that somebody moves already (deskd was killed) is found on the target in the end: until
// then it is on both, there paused.
static gboolean
step_migrate(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    json_t *result = yd_job_run_result(run);
    gboolean here = FALSE, there = FALSE;
    g_autoptr(YdDesktop) desktop =
        yd_store_get(yd_job_run_store(run), &yd_desktop_type, yd_job_run_object(run), error);
    YdHypervisor *from =
        desktop ? yd_service_hypervisor(service, word(result, "from_id"), error) : NULL;
    YdHypervisor *to = from ? yd_service_hypervisor(service, word(result, "to_id"), error) : NULL;
    if (!to || !runs_on(to, desktop->uuid, &there, error))
        return FALSE;
    g_autoptr(GError) silent = NULL;
    if (!runs_on(from, desktop->uuid, &here, &silent) && !there) {
        g_propagate_error(error, g_steal_pointer(&silent));
        return FALSE;
    }
    g_clear_error(&silent);
    if (there && here) {
        yd_job_run_again(run, 500);
        return TRUE;
    }
    if (there)
        return TRUE;
    if (!here) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the machine of \"%s\" ended meanwhile",
                    desktop->name);
        return FALSE;
    }
    if (move(run, from, to, desktop, &silent))
        return TRUE;
    if (runs_on(to, desktop->uuid, &there, NULL) && there &&
        runs_on(from, desktop->uuid, &here, NULL) && !here)
        return TRUE; // only the answer was lost
    g_propagate_error(error, g_steal_pointer(&silent));
    return FALSE;
}

// The gate's own connections to it do not follow: what is open ends with the reason, and leads
// to the new host when it is opened again.
static gboolean
step_arrive(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    json_t *result = yd_job_run_result(run);
    const char *id = yd_job_run_object(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, id, &tx, error);
    if (!desktop)
        return FALSE;
    if (g_strcmp0(desktop->host_id, word(result, "to_id")) == 0)
        return TRUE;
    yd_set_string(&desktop->host_id, word(result, "to_id"));
    yd_set_string(&desktop->placement, word(result, "placement"));
    yd_set_string(&desktop->error, NULL);
    return yd_connection_cut_desktop(yd_job_run_service(run), id,
                                     "the desktop moved to another "
                                     "host; connect again",
                                     NULL, error) &&
           yd_desk_commit(store, &tx, desktop, NULL, error);
}

static const YdJobStep steps[] = {
    {.name = "place", .run = step_place},
    {.name = "network", .run = step_network},
    {.name = "migrate", .run = step_migrate, .weight = 10},
    {.name = "arrive", .run = step_arrive},
};

const YdJobKind yd_job_kind_desktop_migrate = {
    .kind = "desktop-migrate",
    .object_kind = "desktop",
    .cancellable = TRUE,
    .steps = steps,
    .n_steps = G_N_ELEMENTS(steps),
};
