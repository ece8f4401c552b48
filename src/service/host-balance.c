// SPDX-License-Identifier: Apache-2.0
// Evens out how hosts are used: the plan that a person looks at, the job that carries one out, and
// the look every ten minutes that submits it where the setting balance_moves says so.
#include "service/host-balance.h"

#include <string.h>

#include "base/json-util.h"
#include "model/balance.h"
#include "service/desktop-private.h"
#include "service/host-moves.h"
#include "service/settings.h"
#include "store/store-connect.h"

#define MOVES 16    // of a plan that nobody limited
#define PARALLEL 2  // moves of one job under way
#define LOOK_MS 500 // of the job at its moves
#define EVERY_MINUTES 10

typedef struct {
    YdDeskPlacement placement;
    GPtrArray *desktops; // of YdDesktop, that may move
    GArray *before;      // of gint64: use of each host, 1/10000
    gint64 spread_before;
    GArray *moves; // of YdBalanceMove
} Plan;

static void
plan_clear(Plan *plan)
{
    yd_desk_placement_clear(&plan->placement);
    g_clear_pointer(&plan->desktops, g_ptr_array_unref);
    g_clear_pointer(&plan->before, g_array_unref);
    g_clear_pointer(&plan->moves, g_array_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Plan, plan_clear)

// Those in that state that nothing works on.
static gboolean
load_desktops(YdStore *store, const char *state, GPtrArray *desktops, GError **error)
{
    g_autoptr(GHashTable) idle = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) ids = yd_store_idle_desktops(store, state, error);
    g_autoptr(GPtrArray) all =
        ids ? yd_store_all(store, &yd_desktop_type, "state", state, error) : NULL;
    if (!all)
        return FALSE;
    for (guint i = 0; i < ids->len; i++)
        g_hash_table_add(idle, ids->pdata[i]);
    while (all->len > 0) {
        g_autoptr(YdDesktop) desktop = g_ptr_array_steal_index(all, all->len - 1);
        if (g_hash_table_contains(idle, desktop->id))
            g_ptr_array_add(desktops, g_steal_pointer(&desktop));
    }
    return TRUE;
}

static gboolean
plan_make(YdService *service, YdStore *store, guint spread, guint max_moves, gboolean sessions,
          Plan *plan, GError **error)
{
    plan->desktops = g_ptr_array_new_with_free_func((GDestroyNotify)yd_desktop_free);
    if (!yd_desk_placement_load(service, store, NULL, 0, &plan->placement, error) ||
        !load_desktops(store, YD_DESKTOP_READY, plan->desktops, error) ||
        !load_desktops(store, YD_DESKTOP_PAUSED, plan->desktops, error))
        return FALSE;
    YdPlacementHost *hosts = plan->placement.hosts;
    plan->before = g_array_new(FALSE, FALSE, sizeof(gint64));
    for (guint i = 0; i < plan->placement.n; i++) {
        gint64 use = yd_placement_use(&hosts[i]);
        g_array_append_val(plan->before, use);
    }
    plan->spread_before = yd_balance_spread(hosts, plan->placement.n);
    plan->moves =
        yd_balance_plan(hosts, plan->placement.n, plan->desktops, spread, max_moves, sessions);
    return TRUE;
}

// ---- as JSON ----

static json_t *
move_json(const Plan *plan, const YdBalanceMove *move)
{
    const YdDesktop *desktop = plan->desktops->pdata[move->desktop];
    const YdPlacementHost *from = &plan->placement.hosts[move->from];
    const YdPlacementHost *to = &plan->placement.hosts[move->to];
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "desktop_id", desktop->id,
                     "desktop_name", desktop->name, "from_id", from->id, "from_name", from->name,
                     "to_id", to->id, "to_name", to->name, "memory_mib",
                     (json_int_t)desktop->memory_mib, "sessions",
                     (json_int_t)desktop->open_sessions);
}

static json_t *
moves_json(const Plan *plan)
{
    json_t *list = json_array();
    for (guint i = 0; i < plan->moves->len; i++)
        json_array_append_new(list, move_json(plan, &g_array_index(plan->moves, YdBalanceMove, i)));
    return list;
}

static json_t *
hosts_json(const Plan *plan)
{
    json_t *list = json_array();
    for (guint i = 0; i < plan->placement.n; i++) {
        const YdPlacementHost *host = &plan->placement.hosts[i];
        gint64 before = g_array_index(plan->before, gint64, i), after = yd_placement_use(host);
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:I, s:I}", "host_id", host->id,
                                              "host_name", host->name, "state", host->state,
                                              "use_before", (json_int_t)(before / 100), "use_after",
                                              (json_int_t)(after / 100)));
    }
    return list;
}

// ---- the verbs ----

// 0 means as the configuration says, or the default.
static gboolean
check_limits(YdService *service, gint64 *spread, gint64 *moves, GError **error)
{
    if (*spread == 0)
        *spread = yd_settings_int(service, "balance_spread");
    if (*moves == 0)
        *moves = MOVES;
    if (*spread < 1 || *spread > 100)
        return yd_error_invalid(error, "spread", "%" G_GINT64_FORMAT " is outside of 1 to 100",
                                *spread);
    if (*moves < 1 || *moves > YD_BALANCE_MOVES_MAX)
        return yd_error_invalid(error, "moves", "%" G_GINT64_FORMAT " is outside of 1 to %d",
                                *moves, YD_BALANCE_MOVES_MAX);
    return TRUE;
}

json_t *
yd_balance_propose(YdService *service, const YdActor *actor, gint64 spread, gint64 moves,
                   GError **error)
{
    g_auto(Plan) plan = {0};
    YdStore *store = yd_service_store(service, error);
    if (!store || !yd_service_allowed(actor, YD_RIGHT_HOSTS_READ, error) ||
        !check_limits(service, &spread, &moves, error) ||
        !plan_make(service, store, (guint)spread, (guint)moves, TRUE, &plan, error))
        return NULL;
    gint64 after = yd_balance_spread(plan.placement.hosts, plan.placement.n);
    return json_pack("{s:I, s:I, s:I, s:o, s:o}", "spread", (json_int_t)spread, "spread_before",
                     (json_int_t)(plan.spread_before / 100), "spread_after",
                     (json_int_t)(after / 100), "hosts", hosts_json(&plan), "moves",
                     moves_json(&plan));
}

// The job that is under way, NULL without an error: none.
static YdJob *
live_one(YdStore *store, GError **error)
{
    g_autoptr(GPtrArray) jobs =
        yd_store_all(store, &yd_job_type, "kind", yd_job_kind_host_balance.kind, error);
    for (guint i = 0; jobs && i < jobs->len; i++) {
        if (((YdJob *)jobs->pdata[i])->ended == 0)
            return g_ptr_array_steal_index_fast(jobs, i);
    }
    return NULL;
}

// Plans and submits in one transaction; *ret_job NULL without an error: there is nothing to move.
static gboolean
submit(YdService *service, const YdActor *actor, gint64 spread, gint64 moves, gboolean sessions,
       YdJob **ret_job, GError **error)
{
    g_auto(Plan) plan = {0};
    GError *why = NULL;
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    *ret_job = NULL;
    if (!tx)
        return FALSE;
    g_autoptr(YdJob) live = live_one(store, &why);
    if (why) {
        g_propagate_error(error, why);
        return FALSE;
    }
    if (live) {
        *ret_job = g_steal_pointer(&live);
        return TRUE;
    }
    if (!plan_make(service, store, (guint)spread, (guint)moves, sessions, &plan, error))
        return FALSE;
    if (plan.moves->len == 0)
        return TRUE;
    const YdBalanceMove *first = &g_array_index(plan.moves, YdBalanceMove, 0);
    const YdPlacementHost *from = &plan.placement.hosts[first->from];
    g_autoptr(json_t) args = json_pack("{s:o}", "moves", moves_json(&plan));
    g_autoptr(YdJob) job =
        yd_job_submit(service, actor, "host-balance", from->id, from->name, args, NULL, error);
    if (!job ||
        !yd_service_audit(service, actor, "host.balance", "host", from->id, from->name, NULL,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    *ret_job = g_steal_pointer(&job);
    return TRUE;
}

YdJob *
yd_balance_apply(YdService *service, const YdActor *actor, gint64 spread, gint64 moves,
                 GError **error)
{
    g_autoptr(YdJob) job = NULL;
    if (!yd_service_allowed(actor, YD_RIGHT_HOSTS_WRITE, error) ||
        !check_limits(service, &spread, &moves, error) ||
        !submit(service, actor, spread, moves, TRUE, &job, error))
        return NULL;
    if (!job)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "there is nothing to move: no two hosts differ by more than %" G_GINT64_FORMAT
                    " %%, or what runs there can't go",
                    spread);
    return g_steal_pointer(&job);
}

// ---- the job ----

static const char *
word(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

// What ended counts; what is under way is looked at again; of the rest, a few begin.
static gboolean
step_balance(YdJobRun *run, GError **error)
{
    size_t i;
    json_t *move;
    guint moved = 0;
    json_t *moves = json_object_get(yd_job_run_args(run), "moves");
    g_autoptr(json_t) stuck = json_array();
    g_autoptr(GPtrArray) children = yd_store_all(yd_job_run_store(run), &yd_job_type, "parent_id",
                                                 yd_job_run_job(run)->id, error);
    if (!children)
        return FALSE;
    guint under_way = yd_moves_count(children, &moved);
    for (guint j = 0; j < children->len; j++) {
        const YdJob *job = children->pdata[j];
        if (job->ended != 0 && g_strcmp0(job->state, "done") != 0)
            json_array_append_new(stuck, yd_moves_stuck(job->object_id, job->object_name,
                                                        job->error ? job->error : job->state));
    }
    size_t all = json_array_size(moves), begun = children->len;
    json_array_foreach(moves, i, move)
    {
        const char *id = word(move, "desktop_id");
        if (under_way >= PARALLEL || yd_moves_find(children, id))
            continue;
        if (!yd_moves_submit(run, id, word(move, "desktop_name"), word(move, "to_id"), error))
            return FALSE;
        under_way++;
        begun++;
    }
    json_object_set_new(yd_job_run_result(run), "moved", json_integer(moved));
    json_object_set(yd_job_run_result(run), "stuck", stuck);
    if (under_way > 0 || begun < all)
        yd_job_run_again(run, LOOK_MS);
    return yd_job_run_progress(run, 100.0 * (double)(begun - under_way) / (double)MAX(1, all),
                               error);
}

static const YdJobStep steps[] = {{.name = "balance", .run = step_balance}};

const YdJobKind yd_job_kind_host_balance = {
    .kind = "host-balance",
    .object_kind = "host",
    .cancellable = TRUE,
    .steps = steps,
    .n_steps = G_N_ELEMENTS(steps),
};

// ---- by itself ----

void
yd_balance_tidy(YdService *service, gint64 now)
{
    gint64 moves = yd_settings_int(service, "balance_moves");
    gint64 *next = yd_service_part(service, "balance");
    g_autoptr(GError) error = NULL;
    g_autoptr(YdJob) job = NULL;
    if (moves == 0)
        return;
    if (!next)
        next = yd_service_set_part(service, "balance", g_new0(gint64, 1), g_free);
    if (now < *next)
        return;
    *next = now + EVERY_MINUTES * (gint64)60000;
    if (!submit(service, &yd_actor_system, yd_settings_int(service, "balance_spread"), moves, FALSE,
                &job, &error))
        g_warning("hosts cannot be balanced: %s, trying again later", error->message);
}
