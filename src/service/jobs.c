// SPDX-License-Identifier: Apache-2.0
// Jobs as others see them: submitting, waiting, cancelling. What runs them is jobs-runner.c.
#include "service/jobs-private.h"

#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "store/store-desktops.h"

static gboolean
is_live(const YdJob *job)
{
    return strcmp(job->state, "queued") == 0 || strcmp(job->state, "running") == 0;
}

static YdJob *
job_from(const YdJobKind *kind, const YdActor *actor, const char *object_id,
         const char *object_name, json_t *args, const char *parent_id)
{
    YdJob *job = yd_job_new();
    job->kind = g_strdup(kind->kind);
    job->object_kind = g_strdup(kind->object_kind);
    job->object_id = g_strdup(object_id);
    job->object_name = g_strdup(object_name);
    job->user_id = g_strdup(actor->user_id);
    job->state = g_strdup("queued");
    job->steps = kind->n_steps;
    job->args = args ? yd_json_text(args) : g_strdup("{}");
    job->parent_id = g_strdup(parent_id);
    return job;
}

YdJob *
yd_job_submit(YdService *service, const YdActor *actor, const char *kind_name,
              const char *object_id, const char *object_name, json_t *args, const char *parent_id,
              GError **error)
{
    const YdJobKind *kind = yd_job_kind(kind_name);
    YdStore *store = yd_service_store(service, error);
    if (!store)
        return NULL;
    if (!kind) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "there is no kind of job \"%s\"",
                    kind_name);
        return NULL;
    }
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    if (!tx)
        return NULL;
    GError *local = NULL;
    g_autoptr(YdJob) live =
        object_id ? yd_store_job_live(store, object_id, kind_name, &local) : NULL;
    if (local) {
        g_propagate_error(error, local);
        return NULL;
    }
    g_autoptr(YdJob) job = NULL;
    if (!live) {
        job = job_from(kind, actor, object_id, object_name, args, parent_id);
        if (!yd_store_insert(store, &yd_job_type, job, error))
            return NULL;
    }
    if (!yd_store_tx_commit(&tx, error))
        return NULL;
    yd_jobs_kick(yd_jobs_of(service));
    return live ? g_steal_pointer(&live) : g_steal_pointer(&job);
}

gboolean
yd_job_wait(YdService *service, const char *job_id, guint timeout_ms, YdJob **ret_job,
            GError **error)
{
    YdJobs *jobs = yd_jobs_of(service);
    YdStore *store = yd_service_store(service, error);
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    while (store) {
        g_autoptr(YdJob) job = yd_store_get(store, &yd_job_type, job_id, error);
        if (!job)
            return FALSE;
        gint64 now = g_get_monotonic_time();
        if (!is_live(job) || now >= deadline) {
            if (is_live(job)) {
                g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT,
                            "job \"%s\" (%s) has not ended within %u ms; it is at step \"%s\"",
                            job_id, job->kind, timeout_ms, job->step ? job->step : "");
                return FALSE;
            }
            if (ret_job)
                *ret_job = g_steal_pointer(&job);
            return TRUE;
        }
        // A job that ends between the look and the wait is seen a moment later.
        g_mutex_lock(&jobs->lock);
        g_cond_wait_until(&jobs->ended, &jobs->lock, MIN(deadline, now + 50 * 1000));
        g_mutex_unlock(&jobs->lock);
    }
    return FALSE;
}

// --- cancelling ---

static void
flag(YdJobs *jobs, const char *job_id)
{
    g_mutex_lock(&jobs->lock);
    YdJobRun *run = g_hash_table_lookup(jobs->runs, job_id);
    if (run) {
        g_atomic_int_set(&run->cancel, 1);
        if (run->kind && run->kind->cancellable)
            run->due = 0;
    } else {
        g_hash_table_add(jobs->unwanted, g_strdup(job_id));
    }
    g_cond_broadcast(&jobs->wake);
    g_mutex_unlock(&jobs->lock);
}

// A queued job ends here and now; what it left (a record) is taken back after the transaction, by
// take_back(). FALSE: it could not be written.
static gboolean
cancel_one(YdService *service, YdStore *store, YdJob *job, GPtrArray *ended, GError **error)
{
    if (strcmp(job->state, "queued") != 0) {
        flag(yd_jobs_of(service), job->id);
        return TRUE;
    }
    yd_set_string(&job->state, "cancelled");
    yd_set_string(&job->error_code, yd_error_code_name(YD_ERROR_CANCELLED));
    yd_set_string(&job->error, "cancelled");
    job->ended = yd_now_ms();
    g_ptr_array_add(ended, yd_job_copy(job));
    return yd_store_update(store, &yd_job_type, job, error);
}

static void
take_back(YdService *service, GPtrArray *ended)
{
    g_autoptr(GError) why = g_error_new(YD_ERROR, YD_ERROR_CANCELLED, "cancelled");
    for (guint i = 0; i < ended->len; i++) {
        const YdJob *job = g_ptr_array_index(ended, i);
        const YdJobKind *kind = yd_job_kind(job->kind);
        if (!kind || !kind->failed)
            continue;
        YdJobRun *run = yd_job_run_new(yd_jobs_of(service), yd_job_copy(job));
        kind->failed(run, why);
        yd_job_run_free(run);
    }
    yd_jobs_kick(yd_jobs_of(service));
}

static gboolean
cancel_children(YdService *service, YdStore *store, const char *parent_id, GPtrArray *ended,
                GError **error)
{
    g_autoptr(GPtrArray) children =
        yd_store_all(store, &yd_job_type, "parent_id", parent_id, error);
    for (guint i = 0; children && i < children->len; i++) {
        YdJob *child = g_ptr_array_index(children, i);
        if (is_live(child) && !cancel_one(service, store, child, ended, error))
            return FALSE;
    }
    return children != NULL;
}

static gboolean
may_cancel(YdService *service, const YdActor *actor, const YdJob *job, GError **error)
{
    if (actor->user_id && g_strcmp0(actor->user_id, job->user_id) == 0)
        return TRUE;
    return yd_service_may(service, actor, YD_RIGHT_JOBS_WRITE, &yd_job_type, job->id, error);
}

gboolean
yd_job_cancel(YdService *service, const YdActor *actor, const char *job_id, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(GPtrArray) ended = g_ptr_array_new_with_free_func((GDestroyNotify)yd_job_free);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdJob) job = tx ? yd_store_get(store, &yd_job_type, job_id, error) : NULL;
    if (!job || !may_cancel(service, actor, job, error))
        return FALSE;
    const YdJobKind *kind = yd_job_kind(job->kind);
    if (!is_live(job) || (kind && !kind->cancellable)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    is_live(job) ? "a job of kind \"%s\" cannot be cancelled (\"%s\")"
                                 : "the job of kind \"%s\" has ended already: \"%s\"",
                    job->kind, job->state);
        return FALSE;
    }
    if (!yd_service_audit(service, actor, "job.cancel", "job", job->id, job->kind, NULL, error) ||
        !cancel_one(service, store, job, ended, error) ||
        !cancel_children(service, store, job_id, ended, error))
        return FALSE;
    if (!yd_store_tx_commit(&tx, error))
        return FALSE;
    take_back(service, ended);
    return TRUE;
}

void
yd_job_cancel_object(YdService *service, const char *object_id, const char *kind)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(service, &error);
    g_autoptr(GPtrArray) ended = g_ptr_array_new_with_free_func((GDestroyNotify)yd_job_free);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, &error) : NULL;
    g_autoptr(GPtrArray) all =
        tx ? yd_store_all(store, &yd_job_type, "object_id", object_id, &error) : NULL;
    for (guint i = 0; all && i < all->len; i++) {
        YdJob *job = g_ptr_array_index(all, i);
        if (!is_live(job) || (kind && strcmp(job->kind, kind) != 0))
            continue;
        if (!cancel_one(service, store, job, ended, &error))
            break;
    }
    if (error || !yd_store_tx_commit(&tx, &error))
        g_warning("cannot cancel what is under way for %s: %s, ignoring", object_id,
                  error->message);
    else
        take_back(service, ended);
}
