// SPDX-License-Identifier: Apache-2.0
// The runner: worker threads that take jobs from the store or from those that wait in memory, slots
// for machine starts, leases. docs/internals/jobs.md.
#include "service/jobs-private.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/log.h"
#include "service/settings.h"
#include "store/store-connect.h"
#include "store/store-desktops.h"

#define LEASE_MS (60 * 1000)
#define RENEW_US (15 * G_USEC_PER_SEC)
#define CLAIM_US (2 * G_USEC_PER_SEC) // how often the store is asked without being told
#define HURRY_US                                                                                   \
    (10 * 1000) // … for a second after being told: most submitters are still
                // within their transaction then
#define SLOT_US (120 * G_USEC_PER_SEC)

static void stop(YdJobs *jobs);

static void
jobs_free(YdJobs *jobs)
{
    stop(jobs);
    g_hash_table_unref(jobs->runs);
    g_hash_table_unref(jobs->unwanted);
    g_ptr_array_unref(jobs->threads);
    g_mutex_clear(&jobs->lock);
    g_cond_clear(&jobs->wake);
    g_cond_clear(&jobs->ended);
    g_free(jobs->stop_at);
    g_free(jobs->worker);
    g_free(jobs);
}

YdJobs *
yd_jobs_of(YdService *service)
{
    YdJobs *jobs = yd_service_part(service, "jobs");
    if (jobs)
        return jobs;
    jobs = g_new0(YdJobs, 1);
    jobs->service = service;
    jobs->worker = yd_token_new(9);
    jobs->threads = g_ptr_array_new();
    jobs->runs =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)yd_job_run_free);
    jobs->unwanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    jobs->stop_at = g_strdup(g_getenv("YD_JOB_STOP"));
    g_mutex_init(&jobs->lock);
    g_cond_init(&jobs->wake);
    g_cond_init(&jobs->ended);
    return yd_service_set_part(service, "jobs", jobs, (GDestroyNotify)jobs_free);
}

void
yd_jobs_kick(YdJobs *jobs)
{
    g_mutex_lock(&jobs->lock);
    jobs->next_claim = 0;
    jobs->hurry = g_get_monotonic_time() + G_USEC_PER_SEC;
    g_cond_broadcast(&jobs->wake);
    g_mutex_unlock(&jobs->lock);
}

gboolean
yd_jobs_stopping(YdJobs *jobs)
{
    g_mutex_lock(&jobs->lock);
    gboolean stop = jobs->stop;
    g_mutex_unlock(&jobs->lock);
    return stop;
}

// --- slots; lock held ---

static void
give_slot(YdJobRun *run)
{
    if (!run->has_slot)
        return;
    run->has_slot = FALSE;
    run->runner->slots_used--;
    g_cond_broadcast(&run->runner->wake);
}

// A guest that hangs gives its slot up after a while, so that the others can start.
static void
free_old_slots(YdJobs *jobs, gint64 now)
{
    GHashTableIter iter;
    YdJobRun *run;
    g_hash_table_iter_init(&iter, jobs->runs);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&run)) {
        if (run->has_slot && run->slot_since + SLOT_US <= now) {
            run->slot_spent = TRUE;
            give_slot(run);
        }
    }
}

static gboolean
take_slot(YdJobRun *run, gint64 now)
{
    YdJobs *jobs = run->runner;
    guint most = (guint)MAX(1, yd_settings_int(jobs->service, "max_starts"));
    if (run->has_slot || run->slot_spent)
        return TRUE;
    if (jobs->slots_used >= most)
        free_old_slots(jobs, now);
    if (jobs->slots_used >= most)
        return FALSE;
    jobs->slots_used++;
    run->has_slot = TRUE;
    run->slot_since = now;
    return TRUE;
}

gboolean
yd_jobs_take_slot(YdJobRun *run)
{
    g_mutex_lock(&run->runner->lock);
    gboolean taken = take_slot(run, g_get_monotonic_time());
    g_mutex_unlock(&run->runner->lock);
    return taken;
}

void
yd_jobs_give_slot(YdJobRun *run)
{
    g_mutex_lock(&run->runner->lock);
    give_slot(run);
    g_mutex_unlock(&run->runner->lock);
}

// --- what to do next; lock held ---

// Jobs that wait in memory come first, the oldest of them, so that what was begun gets done.
static YdJobRun *
next_parked(YdJobs *jobs, gint64 now, gint64 *ret_due)
{
    YdJobRun *best = NULL;
    YdJobRun *run;
    GHashTableIter iter;
    g_hash_table_iter_init(&iter, jobs->runs);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&run)) {
        if (!run->parked)
            continue;
        if (run->due > now)
            *ret_due = MIN(*ret_due, run->due);
        else if ((!run->needs_slot ||
                  (run->kind && run->kind->cancellable && g_atomic_int_get(&run->cancel)) ||
                  jobs->slots_used < (guint)MAX(1, yd_settings_int(jobs->service, "max_starts")) ||
                  run->has_slot || run->slot_spent) &&
                 (!best || strcmp(run->job->id, best->job->id) < 0))
            best = run;
        else if (run->needs_slot) // looks again when old slots may be given up
            *ret_due = MIN(*ret_due, now + G_USEC_PER_SEC);
    }
    return best;
}

static YdJobRun *
claim(YdJobs *jobs)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(jobs->service, &error);
    YdJob *job =
        store ? yd_store_job_claim(store, jobs->worker, yd_now_ms() + LEASE_MS, &error) : NULL;
    if (error)
        g_warning("cannot look for jobs: %s, ignoring", error->message);
    return job ? yd_job_run_new(jobs, job) : NULL;
}

// Registers a claimed job. One that is here already (its lease ran out under a stall of the store)
// is left to whoever has it.
static YdJobRun *
enter(YdJobs *jobs, YdJobRun *run)
{
    if (g_hash_table_contains(jobs->runs, run->job->id)) {
        yd_job_run_free(run);
        return NULL;
    }
    if (g_hash_table_remove(jobs->unwanted, run->job->id))
        g_atomic_int_set(&run->cancel, 1);
    g_hash_table_insert(jobs->runs, run->job->id, run);
    return run;
}

static void
wake_parent(YdJobs *jobs, const YdJob *job)
{
    YdJobRun *parent = job->parent_id ? g_hash_table_lookup(jobs->runs, job->parent_id) : NULL;
    if (!parent)
        return;
    parent->due = 0;
    parent->woken = TRUE; // its step may be running, and have looked before the child ended
}

// Lock held before and after; not while steps run.
static void
work(YdJobs *jobs, YdJobRun *run)
{
    run->parked = run->woken = FALSE;
    g_mutex_unlock(&jobs->lock);
    YdRunOutcome outcome = yd_job_run_execute(run);
    g_mutex_lock(&jobs->lock);
    if (outcome == YD_RUN_OVER) {
        give_slot(run);
        wake_parent(jobs, run->job);
        g_hash_table_remove(jobs->runs, run->job->id);
        jobs->next_claim = 0; // a second job of that object may have waited
        g_cond_broadcast(&jobs->ended);
    } else {
        run->needs_slot = outcome == YD_RUN_NO_SLOT;
        run->due =
            outcome == YD_RUN_AGAIN ? g_get_monotonic_time() + (gint64)run->again_ms * 1000 : 0;
        if (run->woken || (run->kind && run->kind->cancellable && g_atomic_int_get(&run->cancel)))
            run->due = 0;
        run->parked = TRUE;
    }
    g_cond_broadcast(&jobs->wake);
}

static gpointer
worker_thread(gpointer data)
{
    YdJobs *jobs = data;
    g_mutex_lock(&jobs->lock);
    while (!jobs->stop) {
        gint64 now = g_get_monotonic_time();
        gint64 due = now + CLAIM_US;
        YdJobRun *run = next_parked(jobs, now, &due);
        if (!run && jobs->next_claim <= now) {
            jobs->next_claim = now + (now < jobs->hurry ? HURRY_US : CLAIM_US);
            g_mutex_unlock(&jobs->lock);
            run = claim(jobs);
            g_mutex_lock(&jobs->lock);
            if (run) {
                jobs->next_claim = 0; // where one was, others may be
                g_cond_signal(&jobs->wake);
                run = enter(jobs, run);
            }
            if (!run)
                continue;
        }
        if (run)
            work(jobs, run);
        else
            g_cond_wait_until(&jobs->wake, &jobs->lock, MIN(due, jobs->next_claim));
    }
    g_mutex_unlock(&jobs->lock);
    return NULL;
}

// --- leases ---

static void
renew(YdJobs *jobs, gint64 lease)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(jobs->service, &error);
    if (!store || !yd_store_jobs_renew(store, jobs->worker, lease, &error))
        g_warning("cannot renew the leases of jobs: %s, ignoring", error->message);
}

static gpointer
keeper_thread(gpointer data)
{
    YdJobs *jobs = data;
    gint64 next = g_get_monotonic_time() + RENEW_US;
    g_mutex_lock(&jobs->lock);
    while (!jobs->stop) {
        if (g_get_monotonic_time() < next) {
            g_cond_wait_until(&jobs->wake, &jobs->lock, next);
            continue;
        }
        next = g_get_monotonic_time() + RENEW_US;
        gboolean any = g_hash_table_size(jobs->runs) > 0;
        g_mutex_unlock(&jobs->lock);
        if (any)
            renew(jobs, yd_now_ms() + LEASE_MS);
        g_mutex_lock(&jobs->lock);
    }
    g_mutex_unlock(&jobs->lock);
    return NULL;
}

// --- start and stop ---

gboolean
yd_jobs_start(YdService *service, GError **error)
{
    YdJobs *jobs = yd_jobs_of(service);
    YdStore *store = yd_service_store(service, error);
    if (jobs->threads->len > 0)
        return TRUE; // runs already
    // The embedded store has one manager: what says "running" now was left by a dead one.
    if (!store || !yd_store_jobs_renew(store, NULL, 0, error))
        return FALSE;
    guint workers = CLAMP(yd_service_config(service)->workers, 1, 64);
    g_mutex_lock(&jobs->lock);
    jobs->stop = jobs->abandoned = FALSE;
    jobs->next_claim = 0;
    for (guint i = 0; i < workers; i++)
        g_ptr_array_add(jobs->threads, g_thread_new("job", worker_thread, jobs));
    g_ptr_array_add(jobs->threads, g_thread_new("job-keeper", keeper_thread, jobs));
    g_mutex_unlock(&jobs->lock);
    return TRUE;
}

static void
stop(YdJobs *jobs)
{
    g_mutex_lock(&jobs->lock);
    jobs->stop = TRUE;
    g_cond_broadcast(&jobs->wake);
    g_mutex_unlock(&jobs->lock);
    gboolean ran = jobs->threads->len > 0;
    for (guint i = 0; i < jobs->threads->len; i++)
        g_thread_join(g_ptr_array_index(jobs->threads, i));
    g_ptr_array_set_size(jobs->threads, 0);
    g_hash_table_remove_all(jobs->runs);
    jobs->slots_used = 0;
    if (ran && !jobs->abandoned)
        renew(jobs, 0);
}

void
yd_jobs_stop(YdService *service)
{
    stop(yd_jobs_of(service));
}

// --- the test hook ---

gboolean
yd_jobs_stop_here(YdJobRun *run, const char *step, const char *when)
{
    YdJobs *jobs = run->runner;
    g_autofree char *here = g_strdup_printf("%s:%s:%s", run->kind->kind, step, when);
    g_autofree char *brief = g_strdup_printf("%s:%s", run->kind->kind, step);
    g_mutex_lock(&jobs->lock);
    gboolean by_test = g_str_has_prefix(jobs->stop_at ? jobs->stop_at : "", "test ");
    const char *at = jobs->stop_at ? jobs->stop_at + (by_test ? strlen("test ") : 0) : "";
    gboolean hit = strcmp(at, here) == 0 || (strcmp(when, "before") == 0 && strcmp(at, brief) == 0);
    if (hit && by_test) {
        jobs->stop = jobs->abandoned = TRUE;
        g_cond_broadcast(&jobs->wake);
        g_cond_broadcast(&jobs->ended);
    }
    gboolean over = jobs->abandoned;
    g_mutex_unlock(&jobs->lock);
    if (hit && !by_test) {
        g_warning("YD_JOB_STOP=%s: ending as if killed", here);
        abort();
    }
    return over;
}

void
yd_jobs_stop_at(YdService *service, const char *where)
{
    YdJobs *jobs = yd_jobs_of(service);
    g_mutex_lock(&jobs->lock);
    g_free(jobs->stop_at);
    jobs->stop_at = where ? g_strconcat("test ", where, NULL) : NULL;
    g_mutex_unlock(&jobs->lock);
}

gboolean
yd_jobs_stopped(YdService *service)
{
    YdJobs *jobs = yd_jobs_of(service);
    g_mutex_lock(&jobs->lock);
    gboolean stopped = jobs->abandoned;
    g_mutex_unlock(&jobs->lock);
    return stopped;
}
