// SPDX-License-Identifier: Apache-2.0
// One job: its steps one after another, their undoing, its end; and what steps ask of the runner.
#include "service/jobs-private.h"

#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "base/log.h"

#define STORE_RETRY_MS 2000

static json_t *
parse_object(const char *text)
{
    json_t *object = text ? yd_json_parse_object(text, NULL) : NULL;
    return object ? object : json_object();
}

// Takes up where the row says: the step that was begun is run again.
YdJobRun *
yd_job_run_new(YdJobs *jobs, YdJob *job)
{
    YdJobRun *run = g_new0(YdJobRun, 1);
    YdErrorCode code;
    run->service = jobs->service;
    run->runner = jobs;
    run->job = job;
    run->kind = yd_job_kind(job->kind);
    run->args = parse_object(job->args);
    run->result = parse_object(job->result);
    run->actor = (YdActor){.user_id = job->user_id,
                           .username = job->username ? job->username : "system",
                           .request_id = job->id,
                           .role = YD_ROLE_ADMIN};
    for (guint i = 0; run->kind && job->step && i < run->kind->n_steps; i++) {
        if (strcmp(run->kind->steps[i].name, job->step) == 0)
            run->step = i;
    }
    run->begun = FALSE;
    if (job->error_code) // was being undone
        run->why = g_error_new_literal(
            YD_ERROR,
            yd_error_code_from_name(job->error_code, &code) ? (int)code : YD_ERROR_INTERNAL,
            job->error ? job->error : "");
    return run;
}

void
yd_job_run_free(YdJobRun *run)
{
    if (!run)
        return;
    yd_job_free(run->job);
    json_decref(run->args);
    json_decref(run->result);
    g_clear_error(&run->why);
    g_free(run);
}

// --- what steps use ---

YdService *
yd_job_run_service(YdJobRun *run)
{
    return run->service;
}

YdStore *
yd_job_run_store(YdJobRun *run)
{
    return yd_service_store(run->service, NULL);
}

const YdJob *
yd_job_run_job(YdJobRun *run)
{
    return run->job;
}

const char *
yd_job_run_object(YdJobRun *run)
{
    return yd_job_run_job(run)->object_id;
}

const YdActor *
yd_job_run_actor(YdJobRun *run)
{
    return &run->actor;
}

json_t *
yd_job_run_args(YdJobRun *run)
{
    return run->args;
}

json_t *
yd_job_run_result(YdJobRun *run)
{
    return run->result;
}

gboolean
yd_job_run_cancelled(YdJobRun *run)
{
    return !run->why && ((run->kind->cancellable && g_atomic_int_get(&run->cancel)) ||
                         yd_jobs_stopping(run->runner));
}

void
yd_job_run_again(YdJobRun *run, guint ms)
{
    run->again = TRUE;
    run->again_ms = ms;
}

gint64
yd_job_run_step_ms(YdJobRun *run)
{
    return run->step_since ? (g_get_monotonic_time() - run->step_since) / 1000 : 0;
}

// --- the row ---

static guint
weight_of(const YdJobStep *step)
{
    return step->weight ? step->weight : 1;
}

static gint64
progress_at(const YdJobRun *run, double percent)
{
    double before = 0, all = 0;
    for (guint i = 0; i < run->kind->n_steps; i++) {
        guint weight = weight_of(&run->kind->steps[i]);
        if (i < run->step)
            before += weight;
        else if (i == run->step)
            before += weight * CLAMP(percent, 0, 100) / 100;
        all += weight;
    }
    return (gint64)(before * 100 / all);
}

static gboolean
store_job(YdJobRun *run, GError **error)
{
    YdStore *store = yd_service_store(run->service, error);
    g_free(run->job->result);
    run->job->result = yd_json_text(run->result);
    return store && yd_store_update(store, &yd_job_type, run->job, error);
}

static void
log_store_error(YdJobRun *run, const GError *error)
{
    const YdLogFields fields = {.job = run->job->id};
    yd_log(G_LOG_LEVEL_WARNING, &fields, "cannot store the job's state: %s; trying again",
           error->message);
}

gboolean
yd_job_run_progress(YdJobRun *run, double percent, GError **error)
{
    if (yd_job_run_cancelled(run)) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_CANCELLED, "cancelled");
        return FALSE;
    }
    gint64 progress = progress_at(run, percent);
    gint64 now = g_get_monotonic_time();
    if (progress <= run->job->progress || now - run->progress_time < G_USEC_PER_SEC)
        return TRUE;
    run->progress_time = now;
    run->job->progress = progress;
    g_autoptr(GError) local = NULL;
    if (!store_job(run, &local))
        g_debug("cannot store progress: %s, ignoring", local->message);
    return TRUE;
}

gboolean
yd_job_run_on_progress(double percent, gpointer run)
{
    return yd_job_run_progress(run, percent, NULL);
}

// --- steps ---

static gboolean
store_step(YdJobRun *run, GError **error)
{
    yd_set_string(&run->job->step, run->kind->steps[run->step].name);
    run->job->step_number = run->step + 1;
    run->job->progress = MAX(run->job->progress, progress_at(run, 0));
    return store_job(run, error);
}

// From here on the job only goes back. Stored, so that a kill does not turn it round again.
static void
begin_undo(YdJobRun *run, GError *why)
{
    const YdLogFields fields = {.job = run->job->id};
    g_autoptr(GError) error = NULL;
    run->why = why;
    const char *code = why->domain == YD_ERROR ? yd_error_code_name((YdErrorCode)why->code)
                                               : yd_error_code_name(YD_ERROR_INTERNAL);
    yd_log(G_LOG_LEVEL_MESSAGE, &fields, "%s failed at step %s: %s", run->kind->kind,
           run->kind->steps[run->step].name, why->message);
    yd_set_string(&run->job->error_code, code);
    yd_set_string(&run->job->error, why->message);
    if (!store_job(run, &error))
        log_store_error(run, error); // the end stores it again
}

static gboolean
end_job(YdJobRun *run, const char *state, GError **error)
{
    if (run->why && run->kind && run->kind->failed)
        run->kind->failed(run, run->why);
    yd_set_string(&run->job->state, state);
    run->job->ended = yd_now_ms();
    run->job->lease = 0;
    if (!run->why)
        run->job->progress = 100;
    return store_job(run, error);
}

static YdRunOutcome
end_or_retry(YdJobRun *run)
{
    const YdLogFields fields = {.job = run->job->id};
    g_autoptr(GError) error = NULL;
    const char *state = !run->why                                                 ? "done"
                        : g_error_matches(run->why, YD_ERROR, YD_ERROR_CANCELLED) ? "cancelled"
                                                                                  : "failed";
    if (!end_job(run, state, &error)) {
        log_store_error(run, error);
        run->again_ms = STORE_RETRY_MS;
        return YD_RUN_AGAIN;
    }
    yd_log(G_LOG_LEVEL_INFO, &fields, "%s %s", run->kind ? run->kind->kind : run->job->kind, state);
    return YD_RUN_OVER;
}

static YdRunOutcome
undo_all(YdJobRun *run)
{
    const YdLogFields fields = {.job = run->job->id};
    for (gint i = (gint)run->step; i >= 0; i--) {
        const YdJobStep *step = &run->kind->steps[i];
        if (!step->undo)
            continue;
        if (yd_jobs_stop_here(run, step->name, "undo"))
            return YD_RUN_OVER;
        g_autoptr(GError) error = NULL;
        if (!step->undo(run, &error))
            yd_log(G_LOG_LEVEL_WARNING, &fields, "cannot undo step %s: %s, ignoring", step->name,
                   error->message);
    }
    return end_or_retry(run);
}

// How long each step took, for people who ask why it was slow.
static void
note_time(YdJobRun *run, const YdJobStep *step)
{
    json_t *times = json_object_get(run->result, "step_ms");
    if (!times) {
        times = json_object();
        json_object_set_new(run->result, "step_ms", times);
    }
    json_object_set_new(times, step->name, json_integer(yd_job_run_step_ms(run)));
}

// Runs the step at hand. FALSE: *ret_outcome says why not to go on.
static gboolean
run_step(YdJobRun *run, YdRunOutcome *ret_outcome)
{
    const YdJobStep *step = &run->kind->steps[run->step];
    GError *error = NULL;
    *ret_outcome = YD_RUN_OVER;
    if (!run->begun) {
        if (step->slot && !yd_jobs_take_slot(run)) {
            *ret_outcome = YD_RUN_NO_SLOT;
            return FALSE;
        }
        if (!step->slot)
            yd_jobs_give_slot(run);
        if (!store_step(run, &error)) {
            log_store_error(run, error);
            g_clear_error(&error);
            run->again_ms = STORE_RETRY_MS;
            *ret_outcome = YD_RUN_AGAIN;
            return FALSE;
        }
        run->begun = TRUE;
        run->step_since = g_get_monotonic_time();
        if (yd_jobs_stop_here(run, step->name, "before"))
            return FALSE;
    }
    run->again = FALSE;
    gboolean good = step->run(run, &error);
    // Ending early because deskd ends is no failure: the next start repeats the step.
    if (yd_jobs_stopping(run->runner) && !(good && !run->again)) {
        g_clear_error(&error);
        return FALSE;
    }
    if (!good) {
        begin_undo(run, error);
    } else if (run->again) {
        *ret_outcome = YD_RUN_AGAIN;
        return FALSE;
    } else {
        if (yd_jobs_stop_here(run, step->name, "after"))
            return FALSE;
        note_time(run, step);
        run->step++;
        run->begun = FALSE;
    }
    return TRUE;
}

YdRunOutcome
yd_job_run_execute(YdJobRun *run)
{
    if (!run->kind) {
        if (!run->why)
            run->why =
                g_error_new(YD_ERROR, YD_ERROR_INTERNAL,
                            "this version does not know jobs of kind \"%s\"", run->job->kind);
        yd_set_string(&run->job->error_code, yd_error_code_name(YD_ERROR_INTERNAL));
        yd_set_string(&run->job->error, run->why->message);
        return end_or_retry(run);
    }
    while (run->step < run->kind->n_steps || run->why) {
        YdRunOutcome outcome;
        if (yd_jobs_stopping(run->runner))
            return YD_RUN_OVER;
        if (run->why)
            return undo_all(run);
        if (run->kind->cancellable && g_atomic_int_get(&run->cancel))
            begin_undo(run, g_error_new_literal(YD_ERROR, YD_ERROR_CANCELLED, "cancelled"));
        else if (!run_step(run, &outcome))
            return outcome;
    }
    return end_or_retry(run);
}
