// SPDX-License-Identifier: Apache-2.0
// The job rollout: try the version, move the first group, move the rest; or back. It only says
// where each desktop is to go and looks at what became of it; the desktops' own jobs move them. All
// that counts is in the rows, so it may be killed anywhere.
#include "service/rollout-private.h"

#include <string.h>

#include "base/json-util.h"
#include "base/log.h"
#include "service/desktop-private.h"
#include "service/trial.h"
#include "store/store-desktops.h"
#include "store/store-rollouts.h"

#define BUSY_MS 500
#define IDLE_MS 3000
#define RETRY_MS (30 * 1000)
#define HOUR_MS (3600 * (gint64)1000)

// One look at all of it.
typedef struct {
    YdJobRun *run;
    YdService *service;
    YdStore *store;
    YdRollout *rollout;
    YdRolloutPlan plan;
    GPtrArray *rows; // of YdRolloutDesktop
    YdRolloutCounts counts;
    guint trying; // of the first group: started, or healthy already
    char *why;    // the first failure
} Look;

static void
look_clear(Look *look)
{
    g_clear_pointer(&look->rollout, yd_rollout_free);
    g_clear_pointer(&look->rows, g_ptr_array_unref);
    g_clear_pointer(&look->why, g_free);
    yd_rollout_plan_clear(&look->plan);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Look, look_clear)

static gboolean
is(const char *state, const char *wanted)
{
    return strcmp(state, wanted) == 0;
}

static gboolean
look_init(YdJobRun *run, Look *look, GError **error)
{
    look->run = run;
    look->service = yd_job_run_service(run);
    look->store = yd_job_run_store(run);
    look->rollout = yd_store_get(look->store, &yd_rollout_type, yd_job_run_object(run), error);
    return look->rollout && yd_rollout_plan_parse(look->rollout->plan, &look->plan, error);
}

// Whether a step that serves this state has something to do; when it is paused it waits.
static gboolean
serves(const Look *look, const char *state, gboolean *ret_waits)
{
    const YdRollout *rollout = look->rollout;
    *ret_waits = is(rollout->state, YD_ROLLOUT_PAUSED) && g_strcmp0(rollout->resumes, state) == 0;
    if (*ret_waits)
        yd_job_run_again(look->run, BUSY_MS);
    return *ret_waits || is(rollout->state, state);
}

// --- from one state to the next ---

static gboolean
set_pool(YdStore *store, const YdRollout *rollout, const char *from, const char *to, GError **error)
{
    g_autoptr(YdPool) pool = yd_store_get(store, &yd_pool_type, rollout->pool_id, error);
    if (!pool || strcmp(pool->template_version_id, from) != 0)
        return pool != NULL;
    yd_set_string(&pool->template_version_id, to);
    return yd_store_update(store, &yd_pool_type, pool, error);
}

static gboolean
has_row(const GPtrArray *rows, const char *desktop_id)
{
    for (guint i = 0; i < rows->len; i++) {
        if (is(((YdRolloutDesktop *)g_ptr_array_index(rows, i))->desktop_id, desktop_id))
            return TRUE;
    }
    return FALSE;
}

// Desktops that came while it went on: of the old version before they were to move, of the new one
// before it went back.
static gboolean
add_rows(YdStore *store, const YdRollout *rollout, gboolean back, GError **error)
{
    g_autoptr(GPtrArray) rows =
        yd_store_all(store, &yd_rollout_desktop_type, "rollout_id", rollout->id, error);
    g_autoptr(GPtrArray) desktops =
        rows ? yd_store_all(store, &yd_desktop_type, "pool_id", rollout->pool_id, error) : NULL;
    for (guint i = 0; desktops && i < desktops->len; i++) {
        const YdDesktop *desktop = g_ptr_array_index(desktops, i);
        gboolean is_new = g_strcmp0(desktop->template_version_id, rollout->to_version_id) == 0;
        if (is_new != back || desktop->created < rollout->created || has_row(rows, desktop->id))
            continue;
        g_autoptr(YdRolloutDesktop) row = yd_rollout_desktop_new();
        row->rollout_id = g_strdup(rollout->id);
        row->desktop_id = g_strdup(desktop->id);
        row->from_version_id = g_strdup(rollout->from_version_id);
        row->stage = g_strdup("rest");
        row->state = g_strdup(back ? "moved" : "waiting");
        if (!yd_store_insert(store, &yd_rollout_desktop_type, row, error))
            return FALSE;
    }
    return desktops != NULL;
}

static gboolean
enter(YdStore *store, YdRollout *rollout, const YdRolloutPlan *plan, const char *next,
      GError **error)
{
    gint64 now = yd_now_ms();
    if (is(next, YD_ROLLOUT_ROLLING))
        return set_pool(store, rollout, rollout->from_version_id, rollout->to_version_id, error) &&
               add_rows(store, rollout, FALSE, error);
    if (is(next, YD_ROLLOUT_PAUSED) || is(next, YD_ROLLOUT_BACK))
        return yd_rollout_clear_targets(store, rollout->pool_id, error);
    if (is(next, YD_ROLLOUT_STAGED))
        return TRUE;
    rollout->ended = now;
    rollout->keep_until = now + (is(next, YD_ROLLOUT_DONE) ? plan->keep_hours * HOUR_MS : 0);
    return TRUE;
}

static const YdLogFields no_fields;

// Moves the roll-out on, unless somebody else did.
static gboolean
go_on(const Look *look, const char *next, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(look->store, error);
    g_autoptr(YdRollout) fresh =
        tx ? yd_store_get(look->store, &yd_rollout_type, look->rollout->id, error) : NULL;
    if (!fresh)
        return FALSE;
    if (!is(fresh->state, look->rollout->state))
        return TRUE;
    if (is(next, YD_ROLLOUT_PAUSED))
        yd_set_string(&fresh->resumes, fresh->state);
    if (look->why && (is(next, YD_ROLLOUT_PAUSED) || is(next, YD_ROLLOUT_BACK)))
        yd_set_string(&fresh->reason, look->why);
    yd_set_string(&fresh->state, next);
    if (!enter(look->store, fresh, &look->plan, next, error) ||
        !yd_store_update(look->store, &yd_rollout_type, fresh, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    yd_log(G_LOG_LEVEL_MESSAGE, &no_fields,
           "roll-out of version %" G_GINT64_FORMAT " to %s: %s%s%s", fresh->to_number,
           fresh->pool_name, next, look->why ? ": " : "", look->why ? look->why : "");
    return TRUE;
}

// --- check, clean ---

static gboolean
store_gate(const Look *look, GError **error)
{
    json_t *checks = json_object_get(yd_job_run_result(look->run), "checks");
    g_autoptr(json_t) gate = json_pack("{s:O?}", "checks", checks);
    g_autofree char *text = yd_json_text(gate);
    g_autoptr(YdStoreTx) tx = yd_store_tx(look->store, error);
    g_autoptr(YdRollout) fresh =
        tx ? yd_store_get(look->store, &yd_rollout_type, look->rollout->id, error) : NULL;
    if (!fresh || g_strcmp0(fresh->gate, text) == 0)
        return fresh != NULL;
    g_free(fresh->gate);
    fresh->gate = g_steal_pointer(&text);
    return yd_store_update(look->store, &yd_rollout_type, fresh, error) &&
           yd_store_tx_commit(&tx, error);
}

static gboolean
count_first(Look *look, GError **error)
{
    look->rows =
        yd_store_all(look->store, &yd_rollout_desktop_type, "rollout_id", look->rollout->id, error);
    for (guint i = 0; look->rows && i < look->rows->len; i++)
        look->counts.first +=
            is(((YdRolloutDesktop *)g_ptr_array_index(look->rows, i))->stage, "first");
    return look->rows != NULL;
}

static gboolean
step_check(YdJobRun *run, GError **error)
{
    g_auto(Look) look = {0};
    gboolean waits = FALSE;
    if (!look_init(run, &look, error))
        return FALSE;
    if (!serves(&look, YD_ROLLOUT_CHECKING, &waits) || waits)
        return TRUE;
    if (!yd_rollout_gate(run, look.rollout, &look.plan, &look.counts.tried, &look.why, error) ||
        !store_gate(&look, error) || !count_first(&look, error))
        return FALSE;
    look.counts.passed = look.counts.tried && !look.why;
    const char *next = yd_rollout_next(YD_ROLLOUT_CHECKING, &look.plan, &look.counts);
    if (is(next, YD_ROLLOUT_CHECKING)) // the gate said when to look again
        return yd_job_run_progress(run, MIN(90, (double)yd_job_run_step_ms(run) / 1000), error);
    return go_on(&look, next, error);
}

// --- one desktop ---

// Written only when it says something new, in a transaction of its own.
static gboolean
set_row(const Look *look, YdRolloutDesktop *row, const char *state, const char *message,
        GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(look->store, error);
    g_autoptr(YdRolloutDesktop) fresh =
        tx ? yd_store_get(look->store, &yd_rollout_desktop_type, row->id, error) : NULL;
    if (!fresh)
        return FALSE;
    if (!is(fresh->state, row->state))
        return TRUE; // it moved meanwhile: the next look sees it
    yd_set_string(&fresh->state, state);
    yd_set_string(&fresh->error, message);
    fresh->tried = row->tried;
    if (is(state, "moved") && fresh->moved == 0)
        fresh->moved = yd_now_ms();
    if (!yd_store_update(look->store, &yd_rollout_desktop_type, fresh, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    yd_set_string(&row->state, state);
    yd_set_string(&row->error, message);
    return TRUE;
}

// Says where it goes; nobody is asked to go while the roll-out rests.
static gboolean
set_target(const Look *look, const char *desktop_id, const char *version_id, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(look->store, desktop_id, &tx, error);
    g_autoptr(YdRollout) fresh =
        desktop ? yd_store_get(look->store, &yd_rollout_type, look->rollout->id, error) : NULL;
    if (!fresh)
        return FALSE;
    if (!is(fresh->state, look->rollout->state) ||
        g_strcmp0(desktop->target_version_id, version_id) == 0 ||
        g_strcmp0(desktop->template_version_id, version_id) == 0)
        return TRUE;
    yd_set_string(&desktop->target_version_id, version_id);
    return yd_desk_commit(look->store, &tx, desktop, NULL, error);
}

static gboolean
submit(const Look *look, const YdDesktop *desktop, const char *kind, GError **error)
{
    g_autoptr(YdJob) job =
        yd_job_submit(look->service, yd_job_run_actor(look->run), kind, desktop->id, desktop->name,
                      NULL, yd_job_run_job(look->run)->id, error);
    return job != NULL;
}

// What went wrong just now will not go better at once.
static gboolean
went_wrong_now(const Look *look, const char *desktop_id, gboolean *ret_soon, GError **error)
{
    g_autoptr(GPtrArray) jobs =
        yd_store_all(look->store, &yd_job_type, "object_id", desktop_id, error);
    for (guint i = 0; jobs && i < jobs->len; i++) {
        const YdJob *job = g_ptr_array_index(jobs, i);
        *ret_soon = *ret_soon || (is(job->kind, "desktop-update") && is(job->state, "failed") &&
                                  yd_now_ms() - job->ended < RETRY_MS);
    }
    return jobs != NULL;
}

static gboolean
move_if_off(const Look *look, const YdDesktop *desktop, const char *version_id, GError **error)
{
    if (!set_target(look, desktop->id, version_id, error))
        return FALSE;
    if (!is(desktop->state, YD_DESKTOP_OFF))
        return TRUE;
    gboolean soon = FALSE;
    return went_wrong_now(look, desktop->id, &soon, error) &&
           (soon || submit(look, desktop, "desktop-update", error));
}

static gboolean
look_at_waiting(const Look *look, YdRolloutDesktop *row, const YdDesktop *desktop, GError **error)
{
    if (is(look->rollout->state, YD_ROLLOUT_STAGED) && !is(row->stage, "first"))
        return TRUE;
    if (g_strcmp0(desktop->template_version_id, look->rollout->to_version_id) == 0)
        return set_row(look, row, "moved", NULL, error); // rebuilt meanwhile
    if (is(desktop->state, YD_DESKTOP_FAILED))
        return set_row(look, row, "gone", "the desktop has failed; rebuild it", error);
    return move_if_off(look, desktop, look->rollout->to_version_id, error);
}

static gboolean
is_start(const YdJob *job)
{
    return is(job->kind, "desktop-start") || is(job->kind, "desktop-reboot");
}

// Steps at which a start fails for reasons that are not the version's.
static gboolean
is_elsewhere(const YdJob *job)
{
    static const char *const steps[] = {"shutdown", "wait",    "off",  "ask",
                                        "place",    "network", "disk", NULL};
    return !is(job->state, "failed") || !job->step || g_strv_contains(steps, job->step);
}

// The newest start that ended after it moved; NULL without an error: none. ret_live: one is under
// way.
static YdJob *
last_start(const Look *look, const YdRolloutDesktop *row, gboolean *ret_live, GError **error)
{
    g_autoptr(GPtrArray) jobs =
        yd_store_all(look->store, &yd_job_type, "object_id", row->desktop_id, error);
    YdJob *last = NULL;
    *ret_live = FALSE;
    for (guint i = 0; jobs && i < jobs->len; i++) {
        YdJob *job = g_ptr_array_index(jobs, i);
        *ret_live = *ret_live || job->ended == 0;
        if (is_start(job) && job->ended >= row->moved)
            last = job;
    }
    return last ? yd_job_copy(last) : NULL;
}

// Started by the roll-out, and it takes too long.
static gboolean
is_too_slow(const Look *look, const YdRolloutDesktop *row, const YdDesktop *desktop)
{
    return row->tried > 0 && desktop->started >= row->tried &&
           !is(desktop->state, YD_DESKTOP_READY) &&
           yd_now_ms() - desktop->started > look->plan.seconds * 1000;
}

// The person is not there: their desktop is off. It is started to see whether it is healthy, and
// shut down again.
static gboolean
try_it(Look *look, YdRolloutDesktop *row, const YdDesktop *desktop, const YdJob *last,
       GError **error)
{
    if (!is(look->rollout->state, YD_ROLLOUT_STAGED) || !is(desktop->state, YD_DESKTOP_OFF) ||
        look->trying >= look->plan.sample || (last && yd_now_ms() - last->ended < RETRY_MS))
        return TRUE;
    look->trying++;
    row->tried = yd_now_ms();
    return set_row(look, row, row->state, NULL, error) &&
           submit(look, desktop, "desktop-start", error);
}

static gboolean
look_at_moved(Look *look, YdRolloutDesktop *row, const YdDesktop *desktop, GError **error)
{
    gboolean live = FALSE;
    GError *local = NULL;
    g_autoptr(YdJob) last = last_start(look, row, &live, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (last && is(last->state, "done"))
        return set_row(look, row, "healthy", NULL, error);
    if (last && !is_elsewhere(last))
        return set_row(look, row, "failed", last->error, error);
    if (live && is_too_slow(look, row, desktop)) {
        g_autofree char *slow =
            g_strdup_printf("not ready within %" G_GINT64_FORMAT " s", look->plan.seconds);
        yd_job_cancel_object(look->service, desktop->id, "desktop-start");
        return set_row(look, row, "failed", slow, error);
    }
    if (live) {
        look->trying += is(row->stage, "first");
        return TRUE;
    }
    return try_it(look, row, desktop, last, error);
}

// Nobody came while it was tried: off again. Whoever came keeps it.
static gboolean
look_at_healthy(const Look *look, YdRolloutDesktop *row, const YdDesktop *desktop, GError **error)
{
    if (row->tried == 0)
        return TRUE;
    g_autoptr(GPtrArray) connections =
        yd_store_all(look->store, &yd_connection_type, "desktop_id", desktop->id, error);
    gboolean used = FALSE;
    for (guint i = 0; connections && i < connections->len; i++) {
        const YdConnection *one = g_ptr_array_index(connections, i);
        used = used || one->ended == 0 || one->created >= row->tried;
    }
    if (!connections)
        return FALSE;
    row->tried = 0;
    return set_row(look, row, row->state, row->error, error) &&
           (used || !is(desktop->state, YD_DESKTOP_READY) ||
            submit(look, desktop, "desktop-shutdown", error));
}

static gboolean
look_at_back(const Look *look, YdRolloutDesktop *row, const YdDesktop *desktop, GError **error)
{
    if (g_strcmp0(desktop->template_version_id, look->rollout->to_version_id) != 0)
        return set_row(look, row, "back", NULL, error); // rebuilt meanwhile
    if (row->tried > 0 && !look_at_healthy(look, row, desktop, error))
        return FALSE;
    return move_if_off(look, desktop, row->from_version_id, error);
}

static gboolean
has_moved(const YdRolloutDesktop *row)
{
    return is(row->state, "moved") || is(row->state, "healthy") || is(row->state, "failed");
}

static gboolean
look_at(Look *look, YdRolloutDesktop *row, GError **error)
{
    g_autoptr(GError) why = NULL;
    gboolean back = is(look->rollout->state, YD_ROLLOUT_BACK);
    if (!is(row->state, "waiting") && !has_moved(row))
        return TRUE;
    g_autoptr(YdDesktop) desktop =
        yd_store_get(look->store, &yd_desktop_type, row->desktop_id, &why);
    if (!desktop && g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND))
        return set_row(look, row, "gone", "the desktop was deleted", error);
    if (!desktop) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    if (is(row->state, "waiting"))
        return back || look_at_waiting(look, row, desktop, error);
    if (back)
        return look_at_back(look, row, desktop, error);
    if (is(row->state, "healthy"))
        return look_at_healthy(look, row, desktop, error);
    return is(row->state, "failed") || look_at_moved(look, row, desktop, error);
}

static void
count(Look *look, const YdRolloutDesktop *row)
{
    YdRolloutCounts *counts = &look->counts;
    gboolean first = is(row->stage, "first");
    if (is(row->state, "gone"))
        return;
    counts->first += first;
    counts->first_healthy += first && is(row->state, "healthy");
    counts->first_failed += first && is(row->state, "failed");
    counts->waiting += is(row->state, "waiting");
    counts->moved += has_moved(row);
    counts->failed += is(row->state, "failed");
    if (is(row->state, "failed") && !look->why)
        look->why = g_strdup_printf("“%s” is not healthy on the new version: %s",
                                    row->desktop_name ? row->desktop_name : row->desktop_id,
                                    row->error ? row->error : "");
}

static gboolean
look_at_all(Look *look, GError **error)
{
    look->rows =
        yd_store_all(look->store, &yd_rollout_desktop_type, "rollout_id", look->rollout->id, error);
    for (guint i = 0; look->rows && i < look->rows->len; i++) {
        const YdRolloutDesktop *row = g_ptr_array_index(look->rows, i);
        look->trying += is(row->stage, "first") && is(row->state, "healthy");
    }
    for (guint i = 0; look->rows && i < look->rows->len; i++) {
        YdRolloutDesktop *row = g_ptr_array_index(look->rows, i);
        if (!look_at(look, row, error))
            return FALSE;
        count(look, row);
    }
    look->counts.forgiven = (guint)look->rollout->forgiven;
    return look->rows != NULL;
}

static double
percent(const Look *look)
{
    guint all = look->counts.waiting + look->counts.moved;
    return all ? 100.0 * look->counts.moved / all : 100;
}

// first, rest and back: look at all desktops until the roll-out goes on.
static gboolean
serve(YdJobRun *run, const char *state, GError **error)
{
    g_auto(Look) look = {0};
    gboolean waits = FALSE;
    if (!look_init(run, &look, error))
        return FALSE;
    if (!serves(&look, state, &waits) || waits)
        return TRUE;
    if (!look_at_all(&look, error))
        return FALSE;
    const char *next = yd_rollout_next(state, &look.plan, &look.counts);
    if (!is(next, state) && !go_on(&look, next, error))
        return FALSE;
    if (is(next, YD_ROLLOUT_PAUSED) || is(next, state))
        yd_job_run_again(run, look.trying ? BUSY_MS : IDLE_MS); // a child that ends wakes us, too
    return yd_job_run_progress(run, percent(&look), error);
}

static gboolean
step_first(YdJobRun *run, GError **error)
{
    return serve(run, YD_ROLLOUT_STAGED, error);
}

static gboolean
step_rest(YdJobRun *run, GError **error)
{
    return serve(run, YD_ROLLOUT_ROLLING, error);
}

static gboolean
restore_pool(const Look *look, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(look->store, error);
    return tx &&
           set_pool(look->store, look->rollout, look->rollout->to_version_id,
                    look->rollout->from_version_id, error) &&
           add_rows(look->store, look->rollout, TRUE, error) && yd_store_tx_commit(&tx, error);
}

static gboolean
step_back(YdJobRun *run, GError **error)
{
    g_auto(Look) look = {0};
    if (!look_init(run, &look, error))
        return FALSE;
    if (is(look.rollout->state, YD_ROLLOUT_BACK) && !restore_pool(&look, error))
        return FALSE;
    return serve(run, YD_ROLLOUT_BACK, error);
}

static gboolean
step_files(YdJobRun *run, GError **error)
{
    (void)error;
    yd_rollout_remove_files(yd_job_run_service(run), yd_job_run_store(run), yd_now_ms());
    return TRUE;
}

// Only what the process itself cannot do ends here; an unhealthy version goes back.
static void
rollout_failed(YdJobRun *run, const GError *why)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, &error);
    g_autoptr(YdRollout) rollout =
        tx ? yd_store_get(store, &yd_rollout_type, yd_job_run_object(run), &error) : NULL;
    if (rollout && yd_rollout_state_lives(rollout->state)) {
        yd_set_string(&rollout->state, YD_ROLLOUT_FAILED);
        yd_set_string(&rollout->reason, why->message);
        rollout->ended = yd_now_ms();
        if (yd_rollout_clear_targets(store, rollout->pool_id, &error) &&
            yd_store_update(store, &yd_rollout_type, rollout, &error))
            yd_store_tx_commit(&tx, &error);
    }
    if (error)
        g_warning("cannot note why a roll-out failed: %s, ignoring", error->message);
}

static const YdJobStep steps[] = {
    {"check", step_check, yd_trial_undo, FALSE, 20},
    {"clean", yd_trial_clean, NULL, FALSE, 1},
    {"first", step_first, NULL, FALSE, 20},
    {"rest", step_rest, NULL, FALSE, 60},
    {"back", step_back, NULL, FALSE, 1},
    {"files", step_files, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_rollout = {"rollout", "rollout",           FALSE,
                                       steps,     G_N_ELEMENTS(steps), rollout_failed};
