// SPDX-License-Identifier: Apache-2.0
// Claiming jobs: order, one per object, lost leases, and two workers at once.
#include <locale.h>

#include "base/error.h"
#include "base/id.h"
#include "fixture.h"

static void
set_state(YdStore *store, const char *id, const char *state, gint64 lease)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdJob) job = yd_store_get(store, &yd_job_type, id, &error);
    yd_set_string(&job->state, state);
    job->lease = lease;
    yd_store_update(store, &yd_job_type, job, &error);
    g_assert_no_error(error);
}

static void
assert_claims(YdStore *store, const char *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdJob) job = yd_store_job_claim(store, "w", yd_now_ms() + 60000, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(job ? job->id : NULL, ==, id);
    if (!job)
        return;
    g_assert_cmpstr(job->state, ==, "running");
    g_assert_cmpstr(job->worker, ==, "w");
    g_assert_cmpint(job->started, >, 0);
}

static void
test_order(void)
{
    g_autoptr(YdStore) store = fixture_open();
    assert_claims(store, NULL);
    g_autofree char *a1 = fixture_job(store, "start", "dsk-a", NULL);
    g_autofree char *a2 = fixture_job(store, "stop", "dsk-a", NULL);
    g_autofree char *b1 = fixture_job(store, "start", "dsk-b", NULL);
    g_autofree char *n1 = fixture_job(store, "doctor", NULL, NULL);
    g_autofree char *n2 = fixture_job(store, "doctor", NULL, NULL);
    gint64 queued = 0, running = 0;
    assert_claims(store, a1);
    assert_claims(store, b1); // a2 waits for a1
    assert_claims(store, n1); // jobs without object wait for nobody
    assert_claims(store, n2);
    assert_claims(store, NULL);
    g_assert_true(yd_store_job_counts(store, &queued, &running, NULL));
    g_assert_cmpint(queued, ==, 1);
    g_assert_cmpint(running, ==, 4);
    g_autoptr(YdJob) live = yd_store_job_live(store, "dsk-a", NULL, NULL);
    g_assert_cmpstr(live->id, ==, a1);
    g_autoptr(YdJob) stop = yd_store_job_live(store, "dsk-a", "stop", NULL);
    g_assert_cmpstr(stop->id, ==, a2);
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_store_job_live(store, "dsk-c", NULL, &error));
    g_assert_no_error(error);
    set_state(store, a1, "done", 0);
    assert_claims(store, a2);
}

static void
test_lost_lease(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autofree char *a1 = fixture_job(store, "start", "dsk-a", NULL);
    g_autofree char *a2 = fixture_job(store, "stop", "dsk-a", NULL);
    assert_claims(store, a1);
    set_state(store, a1, "running", yd_now_ms() - 1);
    assert_claims(store, a1); // taken up again, before those that wait for it
    g_autoptr(YdJob) job = yd_store_get(store, &yd_job_type, a1, NULL);
    g_assert_cmpint(job->attempts, ==, 2);
    assert_claims(store, NULL);
    set_state(store, a1, "failed", 0);
    assert_claims(store, a2);
}

static void
test_parent(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autofree char *parent = fixture_job(store, "handout", "dsk-a", NULL);
    g_autoptr(YdJob) child = yd_job_new();
    child->kind = g_strdup("create");
    child->object_id = g_strdup("dsk-a");
    child->parent_id = g_strdup(parent);
    child->state = g_strdup("queued");
    g_assert_true(yd_store_insert(store, &yd_job_type, child, NULL));
    assert_claims(store, parent);
    assert_claims(store, child->id); // a parent does not hold up its own child
}

typedef struct {
    const char *path;
    guint claimed;
} Worker;

static gpointer
work(gpointer data)
{
    Worker *worker = data;
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(worker->path, FALSE, &error);
    g_assert_no_error(error);
    for (;;) {
        g_autoptr(YdJob) job = yd_store_job_claim(store, "w", yd_now_ms() + 60000, &error);
        g_assert_no_error(error);
        if (!job) {
            // nothing can be claimed only when the other one holds the last of an object
            gint64 queued = 0, running = 0;
            g_assert_true(yd_store_job_counts(store, &queued, &running, NULL));
            if (queued == 0)
                return NULL;
            continue;
        }
        g_assert_cmpint(job->attempts, ==, 1);
        worker->claimed++;
        set_state(store, job->id, "done", 0);
    }
}

static void
test_two_workers(void)
{
    char *path = fixture_where();
    g_autoptr(YdStore) store = yd_store_open(path, FALSE, NULL);
    g_assert_nonnull(store);
    for (guint i = 0; i < 120; i++) {
        g_autofree char *object = g_strdup_printf("dsk-%u", i % 7);
        g_free(fixture_job(store, "start", object, NULL));
    }
    Worker workers[2] = {{path, 0}, {path, 0}};
    GThread *threads[2];
    for (guint i = 0; i < 2; i++)
        threads[i] = g_thread_new("worker", work, &workers[i]);
    for (guint i = 0; i < 2; i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(workers[0].claimed + workers[1].claimed, ==, 120);
    g_autoptr(GHashTable) states = yd_store_count_by(store, &yd_job_type, "state", NULL);
    g_assert_cmpint(*(gint64 *)g_hash_table_lookup(states, "done"), ==, 120);
    g_clear_pointer(&store, yd_store_close);
    fixture_where_free(path);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/jobs/order", test_order);
    g_test_add_func("/jobs/lost-lease", test_lost_lease);
    g_test_add_func("/jobs/parent", test_parent);
    g_test_add_func("/jobs/two-workers", test_two_workers);
    return g_test_run();
}
