// SPDX-License-Identifier: Apache-2.0
// The job host-drain: what runs on a host moves to others, a few at a time, those first whom nobody
// uses now. What cannot be moved stays, and the job's result names it.
#include "service/host-fence.h"

#include <string.h>

#include "base/json-util.h"
#include "model/host-state.h"
#include "service/desktop-private.h"
#include "service/host-moves.h"
#include "service/host.h"
#include "store/store-desktops.h"

#define PARALLEL 2
#define PARALLEL_MAX 8
#define LOOK_MS 500

YdJob *
yd_host_drain(YdService *service, const YdActor *actor, const char *host_id, gint64 parallel,
              GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdHost) host = NULL;
    if (parallel < 0 || parallel > PARALLEL_MAX) {
        yd_error_invalid(error, "parallel", "%" G_GINT64_FORMAT " is outside of 1 to %d", parallel,
                         PARALLEL_MAX);
        return NULL;
    }
    if (!store || !yd_service_allowed(actor, YD_RIGHT_HOSTS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(host = yd_store_get(store, &yd_host_type, host_id, error)))
        return NULL;
    if (strcmp(host->state, YD_HOST_UP) != 0 && strcmp(host->state, YD_HOST_MAINTENANCE) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "host “%s” is %s: nothing can be moved from it; fence it, then its desktops "
                    "start elsewhere",
                    host->name, host->state);
        return NULL;
    }
    yd_set_string(&host->state, YD_HOST_MAINTENANCE);
    yd_set_string(&host->wanted, YD_HOST_MAINTENANCE);
    g_autoptr(json_t) args =
        json_pack("{s:I}", "parallel", (json_int_t)(parallel ? parallel : PARALLEL));
    g_autoptr(YdJob) job =
        yd_job_submit(service, actor, "host-drain", host->id, host->name, args, NULL, error);
    if (!job || !yd_store_update(store, &yd_host_type, host, error) ||
        !yd_service_audit(service, actor, "host.drain", "host", host->id, host->name, NULL,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&job);
}

// ---- the step ----

// The result's list of what could not be moved.
static json_t *
stuck_of(json_t *result)
{
    json_t *stuck = json_object_get(result, "stuck");
    if (!stuck) {
        stuck = json_array();
        json_object_set_new(result, "stuck", stuck);
    }
    return stuck;
}

static gboolean
is_stuck(json_t *stuck, const char *desktop_id)
{
    size_t i;
    json_t *one;
    json_array_foreach(stuck, i, one)
    {
        if (g_strcmp0(json_string_value(json_object_get(one, "desktop_id")), desktop_id) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
note_stuck(json_t *stuck, const YdDesktop *desktop, const char *why)
{
    json_array_append_new(stuck, yd_moves_stuck(desktop->id, desktop->name, why));
}

static int
least_used_first(gconstpointer a, gconstpointer b)
{
    const YdDesktop *one = *(YdDesktop *const *)a, *two = *(YdDesktop *const *)b;
    if (one->open_sessions != two->open_sessions)
        return one->open_sessions < two->open_sessions ? -1 : 1;
    return g_strcmp0(one->id, two->id);
}

typedef struct {
    YdJobRun *run;
    YdStore *store;
    GPtrArray *children;
    json_t *stuck;
    gint64 parallel;
    guint moving, waiting, done; // under way; not yet begun, or in between states
} Drain;

static gboolean
drain_one(Drain *drain, const YdDesktop *desktop, GError **error)
{
    const YdJob *job = yd_moves_find(drain->children, desktop->id); // one: what failed is stuck
    if (is_stuck(drain->stuck, desktop->id))
        return TRUE;
    if (job && job->ended == 0) // counted already
        return TRUE;
    if (job) { // it is still here
        note_stuck(drain->stuck, desktop, job->error ? job->error : job->state);
        return TRUE;
    }
    if (yd_desk_is(desktop, YD_DESKTOP_SAVED)) {
        note_stuck(drain->stuck, desktop,
                   "it is saved on this host's own disk; wake it, or discard what it saved");
        return TRUE;
    }
    if (!yd_desktop_state_runs(desktop->state)) // finds another host when it starts
        return TRUE;
    drain->waiting++;
    if (!yd_desk_is(desktop, YD_DESKTOP_READY) && !yd_desk_is(desktop, YD_DESKTOP_PAUSED))
        return TRUE;
    if (drain->moving >= drain->parallel)
        return TRUE;
    drain->moving++;
    return yd_moves_submit(drain->run, desktop->id, desktop->name, NULL, error);
}

static gboolean
step_drain(YdJobRun *run, GError **error)
{
    json_t *result = yd_job_run_result(run);
    const char *host_id = yd_job_run_object(run);
    Drain drain = {.run = run, .store = yd_job_run_store(run), .stuck = stuck_of(result)};
    g_autoptr(GPtrArray) desktops = NULL;
    if (!yd_json_int(yd_job_run_args(run), "parallel", 1, PARALLEL_MAX, &drain.parallel, error))
        return FALSE;
    // Children first: a desktop that moved meanwhile is not among those that are here.
    g_autoptr(GPtrArray) children =
        yd_store_all(drain.store, &yd_job_type, "parent_id", yd_job_run_job(run)->id, error);
    if (!children ||
        !(desktops = yd_store_all(drain.store, &yd_desktop_type, "host_id", host_id, error)))
        return FALSE;
    drain.children = children;
    g_ptr_array_sort(desktops, least_used_first);
    guint before = drain.moving = yd_moves_count(children, &drain.done);
    for (guint i = 0; i < desktops->len; i++) {
        if (!drain_one(&drain, desktops->pdata[i], error))
            return FALSE;
    }
    json_object_set_new(result, "moved", json_integer(drain.done));
    guint left = drain.waiting + before;
    if (left > 0)
        yd_job_run_again(run, LOOK_MS);
    return yd_job_run_progress(run, 100.0 * drain.done / MAX(1, drain.done + left), error);
}

static const YdJobStep steps[] = {{.name = "drain", .run = step_drain}};

const YdJobKind yd_job_kind_host_drain = {
    .kind = "host-drain",
    .object_kind = "host",
    .cancellable = TRUE,
    .steps = steps,
    .n_steps = G_N_ELEMENTS(steps),
};
