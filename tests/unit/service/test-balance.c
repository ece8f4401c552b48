// SPDX-License-Identifier: Apache-2.0
// Evening out two (fake) hosts: proposed, on demand and by itself.
#include "desk-fixture.h"

#include "base/json-util.h"
#include "service/host-balance.h"
#include "service/host.h"
#include "service/settings.h"

#define MEMORY_MIB (1024 * 1024) // a quarter of a fake host's

// As if it had that much memory.
static void
set_memory(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(f->store, &error);
    g_autoptr(YdDesktop) desktop = yd_store_get(f->store, &yd_desktop_type, id, &error);
    desktop->memory_mib = MEMORY_MIB;
    g_assert_true(yd_store_update(f->store, &yd_desktop_type, desktop, &error));
    g_assert_true(yd_store_tx_commit(&tx, &error));
    g_assert_no_error(error);
}

// Two desktops on the first host, so that it is used by half and the other not at all.
typedef struct {
    char *one, *two, *other; // ids; other: the second host
} Uneven;

static void
uneven_clear(Uneven *uneven)
{
    g_free(uneven->one);
    g_free(uneven->two);
    g_free(uneven->other);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Uneven, uneven_clear)

static void
make_uneven(Desk *f, Uneven *ret)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *bo = desk_user(f, "bo", TRUE);
    YdActor actor = desk_actor(bo, "bo");
    g_autoptr(YdDesktop) made = NULL;
    g_autoptr(YdJob) making = NULL;
    ret->one = desk_make_ready(f);
    g_assert_true(yd_desktop_derive(f->service, &actor, f->pool_id, &made, &making, &error));
    desk_job_ends(f, g_steal_pointer(&making), "done");
    ret->two = g_strdup(made->id);
    desk_job_ends(f, yd_desktop_start(f->service, &actor, made->id, &error), "done");
    g_assert_no_error(error);
    ret->other = desk_second_host(f);
    set_memory(f, ret->one);
    set_memory(f, ret->two);
}

static guint
count_on(Desk *f, const char *host_id)
{
    g_autoptr(GPtrArray) all = yd_store_all(f->store, &yd_desktop_type, "host_id", host_id, NULL);
    return all->len;
}

static gint64
number(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void
proposes(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_auto(Uneven) uneven = {0};
    make_uneven(f, &uneven);
    g_autoptr(json_t) plan = yd_balance_propose(f->service, &f->admin, 0, 0, &error);
    g_assert_no_error(error);
    g_assert_cmpint(number(plan, "spread"), ==, 20);
    g_assert_cmpint(number(plan, "spread_before"), ==, 50);
    g_assert_cmpint(number(plan, "spread_after"), ==, 0);
    g_assert_cmpuint(json_array_size(json_object_get(plan, "moves")), ==, 1);
    g_assert_cmpuint(json_array_size(json_object_get(plan, "hosts")), ==, 2);
    json_t *move = json_array_get(json_object_get(plan, "moves"), 0);
    g_assert_cmpstr(json_string_value(json_object_get(move, "from_id")), ==, f->host_id);
    g_assert_cmpstr(json_string_value(json_object_get(move, "to_id")), ==, uneven.other);
    g_assert_cmpuint(count_on(f, uneven.other), ==, 0); // proposed only
    g_autoptr(json_t) wide = yd_balance_propose(f->service, &f->admin, 60, 0, &error);
    g_assert_cmpuint(json_array_size(json_object_get(wide, "moves")), ==, 0);
    g_assert_null(yd_balance_propose(f->service, &f->user, 0, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    g_assert_null(yd_balance_propose(f->service, &f->admin, 101, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(yd_balance_propose(f->service, &f->admin, 0, 65, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

static void
applies(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_auto(Uneven) uneven = {0};
    make_uneven(f, &uneven);
    g_assert_null(yd_balance_apply(f->service, &f->user, 0, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    YdJob *job = yd_balance_apply(f->service, &f->admin, 0, 0, &error);
    g_assert_no_error(error);
    g_autofree char *job_id = g_strdup(job->id);
    desk_job_ends(f, job, "done");
    g_autoptr(json_t) result = desk_job_result(f, job_id);
    g_assert_cmpint(number(result, "moved"), ==, 1);
    g_assert_cmpuint(json_array_size(json_object_get(result, "stuck")), ==, 0);
    g_assert_cmpuint(count_on(f, uneven.other), ==, 1);
    desk_assert_state(f, uneven.one, "ready");
    desk_assert_state(f, uneven.two, "ready");
    g_assert_null(yd_balance_apply(f->service, &f->admin, 0, 0, &error)); // they are even
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
}

// A move that fails is named, and its desktop goes on where it is.
static void
names_what_stays(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_auto(Uneven) uneven = {0};
    make_uneven(f, &uneven);
    yd_fake_fail(yd_service_hypervisor(f->service, f->host_id, NULL), "migrate", 1,
                 YD_ERROR_INTERNAL);
    YdJob *job = yd_balance_apply(f->service, &f->admin, 0, 0, &error);
    g_assert_no_error(error);
    g_autofree char *job_id = g_strdup(job->id);
    desk_job_ends(f, job, "done");
    g_autoptr(json_t) result = desk_job_result(f, job_id);
    g_assert_cmpint(number(result, "moved"), ==, 0);
    json_t *stuck = json_array_get(json_object_get(result, "stuck"), 0);
    g_assert_nonnull(json_string_value(json_object_get(stuck, "reason")));
    g_assert_cmpuint(count_on(f, uneven.other), ==, 0);
}

static guint
count_jobs(Desk *f)
{
    g_autoptr(GPtrArray) jobs = yd_store_all(f->store, &yd_job_type, "kind", "host-balance", NULL);
    return jobs->len;
}

// By itself only where the setting says so, and once in ten minutes.
static void
by_itself(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_auto(Uneven) uneven = {0};
    const gint64 now = 1000000000;
    make_uneven(f, &uneven);
    yd_balance_tidy(f->service, now);
    g_assert_cmpuint(count_jobs(f), ==, 0);
    g_autoptr(json_t) changes = json_pack("{s:i}", "balance_moves", 4);
    g_assert_true(yd_settings_set(f->service, &f->admin, changes, &error));
    yd_balance_tidy(f->service, now);
    g_assert_cmpuint(count_jobs(f), ==, 1);
    g_autoptr(GPtrArray) jobs = yd_store_all(f->store, &yd_job_type, "kind", "host-balance", NULL);
    desk_job_ends(f, g_ptr_array_steal_index(jobs, 0), "done");
    g_assert_cmpuint(count_on(f, uneven.other), ==, 1);
    yd_balance_tidy(f->service, now + 60000);
    yd_balance_tidy(f->service, now + 700000); // even by now
    g_assert_cmpuint(count_jobs(f), ==, 1);
}

#define ADD(name, run) g_test_add("/balance/" name, Desk, NULL, desk_set_up, run, desk_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("proposes", proposes);
    ADD("applies", applies);
    ADD("names-what-stays", names_what_stays);
    ADD("by-itself", by_itself);
    return g_test_run();
}
