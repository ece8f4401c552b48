// SPDX-License-Identifier: Apache-2.0
// The job runner with kinds of its own: order, undoing, going on after a kill at every step,
// waiting without holding a worker, slots, cancelling, parents.
#include "desk-fixture.h"

#include <string.h>

#include "base/json-util.h"

// What the steps did, in order: "a b -b -a".
static GMutex trace_lock;
static GString *trace;
static gint fail_at;    // atomic: step letter that fails, 0: none
static gint waits_left; // atomic: how often step w asks for more time
static gint holding, most_holding;
static gint released; // atomic: steps s and h may go on

static void
note(const char *text)
{
    g_mutex_lock(&trace_lock);
    g_string_append_printf(trace, "%s%s", trace->len ? " " : "", text);
    g_mutex_unlock(&trace_lock);
}

static char *
traced(void)
{
    g_mutex_lock(&trace_lock);
    char *text = g_strdup(trace->str);
    g_mutex_unlock(&trace_lock);
    return text;
}

static gboolean
step(char letter, GError **error)
{
    const char text[] = {letter, '\0'};
    note(text);
    if (g_atomic_int_get(&fail_at) != letter)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE, "step %c finds no space", letter);
    return FALSE;
}

#define STEP(letter, character)                                                                    \
    static gboolean step_##letter(YdJobRun *run, GError **error)                                   \
    {                                                                                              \
        return step(character, error);                                                             \
    }                                                                                              \
    static gboolean undo_##letter(YdJobRun *run, GError **error)                                   \
    {                                                                                              \
        note("-" #letter);                                                                         \
        return TRUE;                                                                               \
    }
STEP(a, 'a')
STEP(b, 'b')
STEP(c, 'c')

static void
abc_failed(YdJobRun *run, const GError *why)
{
    note(g_error_matches(why, YD_ERROR, YD_ERROR_CANCELLED) ? "cancelled" : "failed");
}

static gboolean
step_wait(YdJobRun *run, GError **error)
{
    note("w");
    if (g_atomic_int_dec_and_test(&waits_left))
        return TRUE;
    yd_job_run_again(run, 5);
    return TRUE;
}

// Holds its slot until released, without a worker.
static gboolean
step_slot(YdJobRun *run, GError **error)
{
    if (!json_object_get(yd_job_run_result(run), "held")) {
        json_object_set_new(yd_job_run_result(run), "held", json_true());
        int now = g_atomic_int_add(&holding, 1) + 1;
        if (now > g_atomic_int_get(&most_holding))
            g_atomic_int_set(&most_holding, now);
    }
    if (!g_atomic_int_get(&released)) {
        yd_job_run_again(run, 5);
        return TRUE;
    }
    g_atomic_int_add(&holding, -1);
    return TRUE;
}

static gboolean
step_hold(YdJobRun *run, GError **error)
{
    note("h");
    while (!g_atomic_int_get(&released)) {
        if (!yd_job_run_progress(run, 50, error))
            return FALSE;
        g_usleep(2000);
    }
    return TRUE;
}

static gboolean
step_children(YdJobRun *run, GError **error)
{
    g_autoptr(GPtrArray) children = yd_store_all(yd_job_run_store(run), &yd_job_type, "parent_id",
                                                 yd_job_run_job(run)->id, error);
    guint live = 0;
    for (guint i = 0; children && i < children->len; i++)
        live += ((YdJob *)g_ptr_array_index(children, i))->ended == 0;
    if (live > 0)
        yd_job_run_again(run, 60000); // woken by the children
    return children != NULL;
}

// Looks at its children, and they end before it says that it waits for them.
static gboolean
step_children_late(YdJobRun *run, GError **error)
{
    gboolean good = step_children(run, error);
    for (guint i = 0; good && i < 500 && !g_atomic_int_get(&released); i++)
        g_usleep(10000);
    g_usleep(100000); // the child's worker has told of its end by then
    return good;
}

static const YdJobStep abc_steps[] = {{"a", step_a, undo_a, FALSE, 1},
                                      {"b", step_b, undo_b, FALSE, 1},
                                      {"c", step_c, undo_c, FALSE, 2}};
static const YdJobStep wait_steps[] = {{"w", step_wait, NULL, FALSE, 1}};
static const YdJobStep slot_steps[] = {{"s", step_slot, NULL, TRUE, 1}};
static const YdJobStep hold_steps[] = {{"a", step_a, undo_a, FALSE, 1},
                                       {"h", step_hold, NULL, FALSE, 1}};
static const YdJobStep parent_steps[] = {{"children", step_children, NULL, FALSE, 1}};
static const YdJobStep late_steps[] = {{"late", step_children_late, NULL, FALSE, 1}};

static const YdJobKind kind_abc = {"abc", "desktop", TRUE, abc_steps, 3, abc_failed};
static const YdJobKind kind_wait = {"wait", "desktop", TRUE, wait_steps, 1, NULL};
static const YdJobKind kind_slot = {"slot", "desktop", TRUE, slot_steps, 1, NULL};
static const YdJobKind kind_hold = {"hold", "desktop", TRUE, hold_steps, 2, abc_failed};
static const YdJobKind kind_hard = {"hard", "desktop", FALSE, hold_steps, 2, NULL};
static const YdJobKind kind_parent = {"parent", "pool", TRUE, parent_steps, 1, NULL};
static const YdJobKind kind_late = {"late", "pool", TRUE, late_steps, 1, NULL};
static const YdJobKind *const kinds[] = {&kind_abc,  &kind_wait,   &kind_slot, &kind_hold,
                                         &kind_hard, &kind_parent, &kind_late, NULL};

static void
set_up(Desk *f, gconstpointer data)
{
    trace = g_string_new(NULL);
    fail_at = waits_left = holding = most_holding = released = 0;
    yd_jobs_add_kinds(kinds);
    desk_set_up(f, data);
}

static void
tear_down(Desk *f, gconstpointer data)
{
    g_atomic_int_set(&released, 1);
    desk_tear_down(f, data);
    g_string_free(trace, TRUE);
}

static YdJob *
submit(Desk *f, const char *kind, const char *object, const char *parent)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_job_submit(f->service, &f->admin, kind, object, object, NULL, parent, &error);
    g_assert_no_error(error);
    return job;
}

static YdJob *
job_now(Desk *f, const char *id)
{
    YdJob *job = yd_store_get(f->store, &yd_job_type, id, NULL);
    g_assert_nonnull(job);
    return job;
}

static void
runs_in_order(Desk *f, gconstpointer data)
{
    desk_run(f);
    g_autoptr(YdJob) job = submit(f, "abc", "x", NULL);
    desk_job_ends(f, yd_job_copy(job), "done");
    g_autofree char *text = traced();
    g_assert_cmpstr(text, ==, "a b c");
    g_autoptr(YdJob) ended = job_now(f, job->id);
    g_assert_cmpint(ended->progress, ==, 100);
    g_assert_cmpint(ended->step_number, ==, 3);
    g_assert_cmpint(ended->ended, >, 0);
    json_t *result = yd_json_parse_object(ended->result, NULL);
    g_assert_nonnull(json_object_get(json_object_get(result, "step_ms"), "b"));
    json_decref(result);
}

static void
undoes_newest_first(Desk *f, gconstpointer data)
{
    g_atomic_int_set(&fail_at, 'c');
    desk_run(f);
    g_autoptr(YdJob) job = submit(f, "abc", "x", NULL);
    desk_job_ends(f, yd_job_copy(job), "failed");
    g_autofree char *text = traced();
    g_assert_cmpstr(text, ==, "a b c -c -b -a failed");
    g_autoptr(YdJob) ended = job_now(f, job->id);
    g_assert_cmpstr(ended->error_code, ==, "no-space");
    g_assert_cmpstr(ended->error, ==, "step c finds no space");
    g_assert_cmpstr(ended->step, ==, "c");
}

// Killed before or after each step, the next start repeats that step and goes on.
static void
goes_on_after_a_kill(Desk *f, gconstpointer data)
{
    static const struct {
        const char *at, *expected;
    } cases[] = {{"abc:a", "a b c"}, {"abc:a:after", "a a b c"},
                 {"abc:b", "a b c"}, {"abc:b:after", "a b b c"},
                 {"abc:c", "a b c"}, {"abc:c:after", "a b c c"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_string_truncate(trace, 0);
        yd_jobs_stop_at(f->service, cases[i].at);
        desk_run(f);
        g_autoptr(YdJob) job = submit(f, "abc", "x", NULL);
        desk_abandoned(f);
        g_autoptr(YdJob) left = job_now(f, job->id);
        g_assert_cmpstr(left->state, ==, "running");
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, yd_job_copy(job), "done");
        g_autofree char *text = traced();
        g_assert_cmpstr(text, ==, cases[i].expected);
    }
}

// Killed while it was being undone, it does not turn round again.
static void
goes_on_undoing(Desk *f, gconstpointer data)
{
    g_atomic_int_set(&fail_at, 'c');
    yd_jobs_stop_at(f->service, "abc:b:undo");
    desk_run(f);
    g_autoptr(YdJob) job = submit(f, "abc", "x", NULL);
    desk_abandoned(f);
    g_atomic_int_set(&fail_at, 0);
    desk_reopen(f);
    desk_run(f);
    desk_job_ends(f, yd_job_copy(job), "failed");
    g_autofree char *text = traced();
    g_assert_cmpstr(text, ==, "a b c -c -c -b -a failed");
    g_autoptr(YdJob) ended = job_now(f, job->id);
    g_assert_cmpstr(ended->error_code, ==, "no-space");
}

static void
waits_without_a_worker(Desk *f, gconstpointer data)
{
    // More waiting jobs than workers, and another still gets through.
    g_atomic_int_set(&waits_left, G_MAXINT);
    desk_run(f);
    g_autoptr(GPtrArray) waiting = g_ptr_array_new_with_free_func((GDestroyNotify)yd_job_free);
    for (guint i = 0; i < 3 * f->config.workers; i++) {
        g_autofree char *object = g_strdup_printf("w%u", i);
        g_ptr_array_add(waiting, submit(f, "wait", object, NULL));
    }
    desk_job_ends(f, submit(f, "abc", "x", NULL), "done");
    for (guint i = 0; i < waiting->len; i++) {
        g_atomic_int_set(&waits_left, 1);
        g_autoptr(GError) error = NULL;
        g_assert_true(yd_job_cancel(f->service, &f->admin,
                                    ((YdJob *)g_ptr_array_index(waiting, i))->id, &error) ||
                      g_error_matches(error, YD_ERROR, YD_ERROR_STATE)); // it had just ended
    }
}

static void
slots_limit_starts_only(Desk *f, gconstpointer data)
{
    desk_run(f);
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)yd_job_free);
    for (guint i = 0; i < 8; i++) {
        g_autofree char *object = g_strdup_printf("s%u", i);
        g_ptr_array_add(jobs, submit(f, "slot", object, NULL));
    }
    WAIT_FOR(g_atomic_int_get(&holding) == 2);
    // Six wait for a slot; other kinds are not held up by them.
    desk_job_ends(f, submit(f, "abc", "x", NULL), "done");
    g_assert_cmpint(g_atomic_int_get(&holding), ==, 2);
    g_atomic_int_set(&released, 1);
    for (guint i = 0; i < jobs->len; i++)
        desk_job_ends(f, yd_job_copy(g_ptr_array_index(jobs, i)), "done");
    g_assert_cmpint(g_atomic_int_get(&most_holding), <=, 2);
}

static void
one_job_per_object(Desk *f, gconstpointer data)
{
    desk_run(f);
    g_autoptr(YdJob) first = submit(f, "hold", "x", NULL);
    g_autoptr(YdJob) same = submit(f, "hold", "x", NULL);
    g_assert_cmpstr(first->id, ==, same->id);
    g_autoptr(YdJob) second = submit(f, "abc", "x", NULL);
    desk_job_ends(f, submit(f, "abc", "y", NULL), "done");
    g_autoptr(YdJob) still = job_now(f, second->id);
    g_assert_cmpstr(still->state, ==, "queued");
    g_atomic_int_set(&released, 1);
    desk_job_ends(f, g_steal_pointer(&second), "done");
}

static gboolean
has_traced(const char *what)
{
    g_autofree char *text = traced();
    return strstr(text, what) != NULL;
}

static void
cancels(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdJob) queued = submit(f, "abc", "q", NULL);
    g_assert_true(yd_job_cancel(f->service, &f->admin, queued->id, &error));
    g_autoptr(YdJob) ended = job_now(f, queued->id);
    g_assert_cmpstr(ended->state, ==, "cancelled");
    g_assert_true(has_traced("cancelled"));
    g_string_truncate(trace, 0);

    desk_run(f);
    g_autoptr(YdJob) running = submit(f, "hold", "x", NULL);
    WAIT_FOR(has_traced("h"));
    g_assert_true(yd_job_cancel(f->service, &f->admin, running->id, &error));
    desk_job_ends(f, yd_job_copy(running), "cancelled");
    g_autofree char *text = traced();
    g_assert_cmpstr(text, ==, "a h -a cancelled");

    g_assert_false(yd_job_cancel(f->service, &f->admin, running->id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    g_autoptr(YdJob) hard = submit(f, "hard", "z", NULL);
    g_assert_false(yd_job_cancel(f->service, &f->admin, hard->id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    g_atomic_int_set(&released, 1);
    desk_job_ends(f, g_steal_pointer(&hard), "done");
}

static void
cancel_needs_the_right(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdJob) job = submit(f, "abc", "q", NULL);
    g_assert_false(yd_job_cancel(f->service, &f->user, job->id, &error));
    g_assert_nonnull(error);
    g_autoptr(YdJob) now = job_now(f, job->id);
    g_assert_cmpstr(now->state, ==, "queued");
}

static void
parents_wait_for_children(Desk *f, gconstpointer data)
{
    g_autoptr(YdJob) parent = submit(f, "parent", "pool-x", NULL);
    for (guint i = 0; i < 5; i++) {
        g_autofree char *object = g_strdup_printf("c%u", i);
        G_GNUC_UNUSED g_autoptr(YdJob) child = submit(f, "abc", object, parent->id);
    }
    desk_run(f);
    desk_job_ends(f, yd_job_copy(parent), "done");
}

static void
a_child_that_ends_meanwhile_is_heard(Desk *f, gconstpointer data)
{
    g_autoptr(YdJob) parent = submit(f, "late", "pool-x", NULL);
    g_autoptr(YdJob) child = submit(f, "abc", "c0", parent->id);
    desk_run(f);
    desk_job_ends(f, yd_job_copy(child), "done");
    g_atomic_int_set(&released, 1);
    desk_job_ends(f, yd_job_copy(parent), "done");
}

static void
cancelling_a_parent_cancels_children(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    desk_run(f);
    g_autoptr(YdJob) parent = submit(f, "parent", "pool-x", NULL);
    g_autoptr(YdJob) child = submit(f, "hold", "c", parent->id);
    WAIT_FOR(has_traced("h"));
    g_assert_true(yd_job_cancel(f->service, &f->admin, parent->id, &error));
    desk_job_ends(f, yd_job_copy(child), "cancelled");
    desk_job_ends(f, yd_job_copy(parent), "cancelled");
}

// A stop in the middle of a step leaves the job to the next start, without undoing it.
static void
stopping_is_no_failure(Desk *f, gconstpointer data)
{
    desk_run(f);
    g_autoptr(YdJob) job = submit(f, "hold", "x", NULL);
    WAIT_FOR(has_traced("h"));
    yd_jobs_stop(f->service);
    g_autoptr(YdJob) left = job_now(f, job->id);
    g_assert_cmpstr(left->state, ==, "running");
    g_assert_null(left->error);
    g_atomic_int_set(&released, 1);
    desk_reopen(f);
    desk_run(f);
    desk_job_ends(f, yd_job_copy(job), "done");
    g_autofree char *text = traced();
    g_assert_cmpstr(text, ==, "a h h");
}

static void
unknown_kinds(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_job_submit(f->service, &f->admin, "no-such", "x", "x", NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    g_clear_error(&error);
    // As another version of the program may have left one.
    g_autoptr(YdJob) job = yd_job_new();
    job->kind = g_strdup("from-the-future");
    job->state = g_strdup("queued");
    g_assert_true(yd_store_insert(f->store, &yd_job_type, job, &error));
    desk_run(f);
    desk_job_ends(f, yd_job_copy(job), "failed");
}

static void
waiting_ends(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdJob) job = submit(f, "abc", "x", NULL); // no runner
    g_assert_false(yd_job_wait(f->service, job->id, 10, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_TIMEOUT);
    g_clear_error(&error);
    g_assert_false(yd_job_wait(f->service, "job-none", 10, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
}

#define ADD(name, func) g_test_add("/jobs/" name, Desk, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("runs-in-order", runs_in_order);
    ADD("undoes-newest-first", undoes_newest_first);
    ADD("goes-on-after-a-kill", goes_on_after_a_kill);
    ADD("goes-on-undoing", goes_on_undoing);
    ADD("waits-without-a-worker", waits_without_a_worker);
    ADD("slots-limit-starts-only", slots_limit_starts_only);
    ADD("one-job-per-object", one_job_per_object);
    ADD("cancels", cancels);
    ADD("cancel-needs-the-right", cancel_needs_the_right);
    ADD("parents-wait-for-children", parents_wait_for_children);
    ADD("child-ends-meanwhile", a_child_that_ends_meanwhile_is_heard);
    ADD("cancelling-a-parent", cancelling_a_parent_cancels_children);
    ADD("stopping-is-no-failure", stopping_is_no_failure);
    ADD("unknown-kinds", unknown_kinds);
    ADD("waiting-ends", waiting_ends);
    return g_test_run();
}
