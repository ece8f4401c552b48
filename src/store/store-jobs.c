// SPDX-License-Identifier: Apache-2.0
// Queries of the job runner.
#include "base/id.h"
#include "store/store-desktops.h"
#include "store/store-private.h"

// Queued, or given up by its worker ("?" is now); and no other job of the object stands before it
// (its own parent does not count: it waits for it). Oldest first.
#define CLAIMABLE                                                                                  \
    "SELECT j.id FROM jobs j WHERE (j.state = 'queued' OR (j.state = 'running' AND j.lease < ?)) " \
    "AND NOT EXISTS (SELECT 1 FROM jobs k WHERE k.object_id = j.object_id AND k.id <> j.id AND "   \
    "(j.parent_id IS NULL OR k.id <> j.parent_id) AND "                                            \
    "(k.state = 'running' OR (k.state = 'queued' AND k.id < j.id AND j.state = 'queued'))) "       \
    "ORDER BY j.id LIMIT 1"

static gboolean
find_claimable(YdStore *store, gint64 now, char **ret_id, GError **error)
{
    return yd_store_read_text(yd_sql_query(store->sql, error, CLAIMABLE, "i", now), ret_id, error);
}

static YdJob *
claim(YdStore *store, const char *id, const char *worker, gint64 now, gint64 lease_until,
      GError **error)
{
    g_autoptr(YdJob) job = yd_store_get(store, &yd_job_type, id, error);
    if (!job)
        return NULL;
    yd_set_string(&job->state, "running");
    yd_set_string(&job->worker, worker);
    job->lease = lease_until;
    job->attempts++;
    if (job->started == 0)
        job->started = now;
    return yd_store_update(store, &yd_job_type, job, error) ? g_steal_pointer(&job) : NULL;
}

YdJob *
yd_store_job_claim(YdStore *store, const char *worker, gint64 lease_until, GError **error)
{
    gint64 now = yd_now_ms();
    g_autofree char *id = NULL;
    // A look without a lock first: idle workers shall not hold up writers.
    if (!find_claimable(store, now, &id, error) || !id)
        return NULL;
    g_clear_pointer(&id, g_free);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    if (!tx || !find_claimable(store, now, &id, error))
        return NULL;
    g_autoptr(YdJob) job = id ? claim(store, id, worker, now, lease_until, error) : NULL;
    if (!job || !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&job);
}

YdJob *
yd_store_job_live(YdStore *store, const char *object_id, const char *kind, GError **error)
{
    YdStatement *statement = yd_store_select(
        store, error, &yd_job_type,
        kind ? "object_id = ? AND state IN ('queued', 'running') AND kind = ? ORDER BY id LIMIT 1"
             : "object_id = ? AND state IN ('queued', 'running') ORDER BY id LIMIT 1",
        kind ? "tt" : "t", object_id, kind);
    return yd_store_read_one(&yd_job_type, statement, error);
}

gboolean
yd_store_job_counts(YdStore *store, gint64 *ret_queued, gint64 *ret_running, GError **error)
{
    gboolean row = FALSE;
    // One statement: a job that ends when it has submitted another is seen as either.
    g_autoptr(YdStatement) statement =
        yd_sql_query(store->sql, error,
                     "SELECT COUNT(CASE WHEN state = 'queued' THEN 1 END), COUNT(CASE WHEN state = "
                     "'running' THEN 1 END) FROM jobs WHERE state IN ('queued', 'running')",
                     "");
    if (!statement || !yd_statement_step(statement, &row, error))
        return FALSE;
    *ret_queued = yd_statement_int(statement, 0);
    *ret_running = yd_statement_int(statement, 1);
    return TRUE;
}
