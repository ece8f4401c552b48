// SPDX-License-Identifier: Apache-2.0
// Several (fake) hosts: desktops that move, a host that is drained, dies, is fenced, comes back.
#include "desk-fixture.h"

#include <string.h>
#include <unistd.h>
#include <glib/gstdio.h>

#include "base/id.h"
#include "base/json-util.h"
#include "model/host-state.h"
#include "service/connect.h"
#include "service/gate-list.h"
#include "service/host.h"
#include "service/reconcile.h"

static YdHypervisor *
hv_of(Desk *f, const char *host_id)
{
    YdHypervisor *hv = yd_service_hypervisor(f->service, host_id, NULL);
    g_assert_nonnull(hv);
    return hv;
}

static YdHost *
host_row(Desk *f, const char *host_id)
{
    g_autoptr(GError) error = NULL;
    YdHost *host = yd_store_get(f->store, &yd_host_type, host_id, &error);
    g_assert_no_error(error);
    return host;
}

// The monitor looks once; the host is in that state afterwards.
static void
look(Desk *f, const char *host_id, const char *expected)
{
    gint64 stored = 0;
    g_autoptr(GError) why = NULL;
    g_autoptr(GError) error = NULL;
    YdHostFacts *facts = yd_hypervisor_facts(hv_of(f, host_id), &why);
    yd_host_seen(f->service, host_id, facts, why, &stored, &error);
    g_assert_no_error(error);
    yd_host_facts_free(facts);
    g_autoptr(YdHost) host = host_row(f, host_id);
    g_assert_cmpstr(host->state, ==, expected);
}

// Its silence began long ago.
static void
long_silent(Desk *f, const char *host_id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdHost) host = host_row(f, host_id);
    host->since = yd_now_ms() - 3600 * 1000;
    g_assert_true(yd_store_update(f->store, &yd_host_type, host, &error));
}

static void
dies(Desk *f, const char *host_id)
{
    yd_fake_set_alive(hv_of(f, host_id), FALSE);
    look(f, host_id, "suspect");
    look(f, host_id, "suspect");
    long_silent(f, host_id);
    look(f, host_id, "down");
}

// On which of the hosts it runs: bit 0 the first, bit 1 the second. By opening each anew, since a
// dead one does not answer.
static guint
runs_where(Desk *f, const char *second, const char *id)
{
    const char *hosts[] = {f->host_id, second};
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    guint where = 0;
    for (guint i = 0; i < 2; i++) {
        YdHypervisor *hv = hv_of(f, hosts[i]);
        gboolean alive = yd_hypervisor_alive(hv);
        YdMachineState state = YD_MACHINE_OFF;
        if (!alive)
            yd_fake_set_alive(hv, TRUE);
        if (yd_hypervisor_machine_state(hv, desktop->uuid, &state, NULL) &&
            !yd_machine_is_off(state))
            where |= 1u << i;
        if (!alive)
            yd_fake_set_alive(hv, FALSE);
    }
    return where;
}

static void
assert_host(Desk *f, const char *id, const char *host_id)
{
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_cmpstr(desktop->host_id, ==, host_id);
}

// ---- states ----

static void
states(void)
{
    static const struct {
        const char *state, *wanted;
        gboolean answers, gate;
        gint64 silent_ms;
        const char *next;
        gboolean clean;
    } cases[] = {
        {"joining", NULL, FALSE, FALSE, 99000, "joining", FALSE},
        {"joining", NULL, TRUE, FALSE, 0, "up", FALSE},
        {"joining", "maintenance", TRUE, FALSE, 0, "maintenance", FALSE},
        {"up", "up", TRUE, FALSE, 0, "up", FALSE},
        {"up", "up", FALSE, FALSE, 99000, "suspect", FALSE},
        {"maintenance", "maintenance", FALSE, FALSE, 0, "suspect", FALSE},
        {"suspect", "up", FALSE, FALSE, 19999, "suspect", FALSE},
        {"suspect", "up", FALSE, FALSE, 20000, "down", FALSE},
        {"suspect", "up", FALSE, TRUE, 99000, "suspect", FALSE}, // it lives
        {"suspect", "maintenance", TRUE, FALSE, 5000, "maintenance", FALSE},
        {"down", "up", FALSE, TRUE, 99000, "down", FALSE},
        {"down", "up", TRUE, FALSE, 0, "up", TRUE},
        {"fenced", "up", FALSE, FALSE, 99000, "fenced", FALSE},
        {"fenced", "maintenance", TRUE, FALSE, 0, "maintenance", TRUE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        gboolean clean = !cases[i].clean;
        const YdHostSigns signs = {.state = cases[i].state,
                                   .wanted = cases[i].wanted,
                                   .since = 1000,
                                   .answers = cases[i].answers,
                                   .gate = cases[i].gate,
                                   .now = 1000 + cases[i].silent_ms,
                                   .down_ms = 20000};
        g_test_message("%s after %d ms", cases[i].state, (int)cases[i].silent_ms);
        g_assert_cmpstr(yd_host_state_next(&signs, &clean), ==, cases[i].next);
        g_assert_cmpint(clean, ==, cases[i].clean);
    }
}

// ---- moving ----

static void
moves(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *two = desk_second_host(f);
    g_assert_cmpuint(runs_where(f, two, id), ==, 1);
    YdJob *job = yd_desktop_migrate(f->service, &f->admin, id, NULL, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_assert_cmpuint(runs_where(f, two, id), ==, 2);
    assert_host(f, id, two);
    desk_assert_state(f, id, "ready");
    // back, by name, while it is paused
    g_assert_null(yd_desktop_migrate(f->service, &f->admin, id, two, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    g_assert_null(yd_desktop_migrate(f->service, &f->user, id, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    desk_job_ends(f, yd_desktop_migrate(f->service, &f->admin, id, f->host_id, &error), "done");
    assert_host(f, id, f->host_id);
    desk_job_ends(f, yd_desktop_power_off(f->service, &f->user, id, &error), "done");
    g_assert_null(yd_desktop_migrate(f->service, &f->admin, id, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "when it starts"));
}

// A move that fails, on either side, or that nothing can take, leaves all as it was.
static void
move_fails(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    desk_job_ends(f, yd_desktop_migrate(f->service, &f->admin, id, NULL, &error), "failed");
    g_autofree char *two = desk_second_host(f);
    const char *verbs[] = {"migrate", "migrate_in"};
    for (guint i = 0; i < 2; i++) {
        yd_fake_fail(hv_of(f, i ? two : f->host_id), verbs[i], 1, YD_ERROR_INTERNAL);
        desk_job_ends(f, yd_desktop_migrate(f->service, &f->admin, id, NULL, &error), "failed");
        g_assert_cmpuint(runs_where(f, two, id), ==, 1);
        assert_host(f, id, f->host_id);
        desk_assert_state(f, id, "ready");
    }
    desk_job_ends(f, yd_desktop_migrate(f->service, &f->admin, id, NULL, &error), "done");
    g_assert_cmpuint(runs_where(f, two, id), ==, 2);
}

static void
move_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const places[] = {
        "desktop-migrate:place",       "desktop-migrate:place:after",   "desktop-migrate:network",
        "desktop-migrate:migrate",     "desktop-migrate:migrate:after", "desktop-migrate:arrive",
        "desktop-migrate:arrive:after"};
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *two = desk_second_host(f);
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        guint from = runs_where(f, two, id);
        g_test_message("%s from %u", places[i], from);
        yd_jobs_stop_at(f->service, places[i]);
        YdJob *job = yd_desktop_migrate(f->service, &f->admin, id, NULL, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        desk_reopen(f);
        g_assert_true(yd_reconcile_now(f->service, NULL, &error));
        desk_run(f);
        desk_job_ends(f, job, "done");
        desk_assert_state(f, id, "ready");
        g_assert_cmpuint(runs_where(f, two, id), ==, 3 - from);
        assert_host(f, id, from == 1 ? two : f->host_id);
    }
}

// The machine's end on the one host is told while its row already names the other: it goes on.
static void
events_of_moves(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *two = desk_second_host(f);
    g_assert_true(yd_reconcile_start(f->service, &error));
    for (guint i = 0; i < 150; i++) {
        YdJob *job = yd_desktop_migrate(f->service, &f->admin, id, NULL, &error);
        g_assert_no_error(error);
        desk_job_ends(f, job, "done");
        desk_assert_state(f, id, "ready");
    }
    yd_reconcile_stop(f->service);
    desk_assert_state(f, id, "ready");
    g_assert_cmpuint(runs_where(f, two, id), ==, 1);
}

// ---- draining ----

static void
drains(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *ready = desk_make_ready(f);
    g_autofree char *bo = desk_user(f, "bo", TRUE);
    g_autofree char *two = NULL;
    YdActor actor = desk_actor(bo, "bo");
    g_autoptr(YdDesktop) made = NULL;
    g_autoptr(YdJob) making = NULL;
    g_assert_true(yd_desktop_derive(f->service, &actor, f->pool_id, &made, &making, &error));
    desk_job_ends(f, g_steal_pointer(&making), "done");
    two = desk_second_host(f);
    g_autofree char *off = g_strdup(made->id); // never started: it stays where it is
    YdJob *job = yd_host_drain(f->service, &f->admin, f->host_id, 9, &error);
    g_assert_null(job);
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    job = yd_host_drain(f->service, &f->admin, f->host_id, 0, &error);
    g_assert_no_error(error);
    g_autofree char *job_id = g_strdup(job->id);
    desk_job_ends(f, job, "done");
    g_autoptr(json_t) result = desk_job_result(f, job_id);
    g_assert_cmpint(json_integer_value(json_object_get(result, "moved")), ==, 1);
    g_assert_cmpuint(json_array_size(json_object_get(result, "stuck")), ==, 0);
    assert_host(f, ready, two);
    g_assert_cmpuint(runs_where(f, two, ready), ==, 2);
    g_autoptr(YdHost) host = host_row(f, f->host_id);
    g_assert_cmpstr(host->state, ==, "maintenance");
    look(f, f->host_id, "maintenance");
    // what starts now starts there
    desk_job_ends(f, yd_desktop_start(f->service, &actor, off, &error), "done");
    assert_host(f, off, two);
}

// What cannot be moved is named, and the rest moves.
static void
drain_names_what_stays(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *two = desk_second_host(f);
    yd_fake_fail(hv_of(f, f->host_id), "migrate", 1, YD_ERROR_INTERNAL);
    YdJob *job = yd_host_drain(f->service, &f->admin, f->host_id, 1, &error);
    g_assert_no_error(error);
    g_autofree char *job_id = g_strdup(job->id);
    desk_job_ends(f, job, "done");
    g_autoptr(json_t) result = desk_job_result(f, job_id);
    json_t *stuck = json_array_get(json_object_get(result, "stuck"), 0);
    g_assert_cmpstr(json_string_value(json_object_get(stuck, "desktop_id")), ==, id);
    g_assert_nonnull(json_string_value(json_object_get(stuck, "reason")));
    g_assert_cmpint(json_integer_value(json_object_get(result, "moved")), ==, 0);
    assert_host(f, id, f->host_id);
}

// ---- death ----

static void
dies_and_starts_elsewhere(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *two = desk_second_host(f);
    g_assert_null(yd_host_fence(f->service, &f->admin, f->host_id, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE); // it answers
    g_clear_error(&error);
    dies(f, f->host_id);
    desk_assert_state(f, id, "ready"); // nobody knows yet whether it runs
    const YdConnectRequest request = {.desktop_id = id, .protocol = "rdp", .address = "192.0.2.7"};
    YdActor anna = f->user;
    g_assert_null(yd_connect(f->service, &anna, &request, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, "starts on another host"));
    g_clear_error(&error);
    g_assert_null(yd_host_fence(f->service, &f->admin, f->host_id, FALSE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID); // nothing is there that could
    g_clear_error(&error);
    g_assert_null(yd_host_fence(f->service, &f->user, f->host_id, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    YdJob *job = yd_host_fence(f->service, &f->admin, f->host_id, TRUE, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    WAIT_FOR(desk_is_quiet(f));
    desk_assert_state(f, id, "ready");
    assert_host(f, id, two);
    g_assert_cmpuint(runs_where(f, two, id), ==, 3); // the first one was not really off
    look(f, f->host_id, "fenced");
    // it comes back with what it ran: that is ended before the host is used
    yd_fake_set_alive(hv_of(f, f->host_id), TRUE);
    g_assert_true(yd_reconcile_now(f->service, NULL, &error)); // does not touch it yet
    look(f, f->host_id, "up");
    g_assert_cmpuint(runs_where(f, two, id), ==, 2);
    desk_assert_state(f, id, "ready");
    assert_host(f, id, two);
}

// A host that was cut off for a while and is back before anybody fenced it: all goes on.
static void
back_before_fenced(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *two = desk_second_host(f);
    dies(f, f->host_id);
    yd_fake_set_alive(hv_of(f, f->host_id), TRUE);
    g_assert_true(yd_reconcile_now(f->service, NULL, &error));
    look(f, f->host_id, "up");
    g_assert_true(yd_reconcile_now(f->service, NULL, &error));
    desk_assert_state(f, id, "ready");
    g_assert_cmpuint(runs_where(f, two, id), ==, 1);
    assert_host(f, id, f->host_id);
    g_assert_null(yd_host_fence(f->service, &f->admin, f->host_id, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
}

// It answers again while its desktops are on their way elsewhere: it is not used before they are
// there, and then it is cleaned of them.
static void
back_while_fenced(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *two = desk_second_host(f);
    dies(f, f->host_id);
    yd_jobs_stop_at(f->service, "host-fence:evacuate");
    YdJob *job = yd_host_fence(f->service, &f->admin, f->host_id, TRUE, &error);
    g_assert_no_error(error);
    desk_abandoned(f);
    desk_reopen(f);
    yd_fake_set_alive(hv_of(f, f->host_id), TRUE);
    look(f, f->host_id, "fenced");
    g_assert_true(yd_reconcile_now(f->service, NULL, &error));
    g_assert_cmpuint(runs_where(f, two, id), ==, 1);
    desk_run(f);
    desk_job_ends(f, job, "done");
    WAIT_FOR(desk_is_quiet(f));
    assert_host(f, id, two);
    look(f, f->host_id, "up");
    g_assert_cmpuint(runs_where(f, two, id), ==, 2);
    desk_assert_state(f, id, "ready");
}

// Its libvirt is silent, but its gate speaks: nobody may say that it is off.
static void
gate_speaks(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) about = json_pack("{s:s}", "state", "serving");
    g_autofree char *id = desk_make_ready(f);
    char entry[] = "host-1=gate-h@192.0.2.1:443";
    char *gates[] = {entry, NULL};
    f->config.host_gates = g_strdupv(gates);
    desk_reopen(f);
    desk_run(f);
    yd_gate_list_put(f->service, 1, "gate-h", about);
    yd_fake_set_alive(hv_of(f, f->host_id), FALSE);
    look(f, f->host_id, "suspect");
    long_silent(f, f->host_id);
    look(f, f->host_id, "suspect");
    g_assert_null(yd_host_fence(f->service, &f->admin, f->host_id, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "its gate was heard of"));
    desk_assert_state(f, id, "ready");
    g_clear_pointer(&f->config.host_gates, g_strfreev);
}

static char *
command(Desk *f, const char *name, const char *text)
{
    g_autoptr(GError) error = NULL;
    char *path = g_build_filename(f->directory, name, NULL);
    g_assert_true(g_file_set_contents(path, text, -1, &error));
    g_assert_cmpint(g_chmod(path, 0755), ==, 0);
    return path;
}

// The command fences it without being asked, and is told the name.
static void
fenced_by_command(Desk *f, gconstpointer data)
{
    g_autofree char *told = g_build_filename(f->directory, "told", NULL);
    g_autofree char *text = g_strdup_printf("#!/bin/sh\necho \"$1\" > %s\n", told);
    g_autofree char *path = command(f, "fence", text);
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *two = desk_second_host(f);
    g_autofree char *name = NULL;
    f->config.fence_command = g_strdup(path);
    desk_reopen(f);
    desk_run(f);
    dies(f, f->host_id);
    WAIT_FOR(desk_is_quiet(f));
    desk_assert_state(f, id, "ready");
    assert_host(f, id, two);
    g_assert_true(g_file_get_contents(told, &name, NULL, NULL));
    g_assert_cmpstr(name, ==, "host-1\n");
    g_clear_pointer(&f->config.fence_command, g_free);
}

static void
fencing_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const places[] = {"host-fence:fence",    "host-fence:fence:after",
                                         "host-fence:mark",     "host-fence:mark:after",
                                         "host-fence:evacuate", "host-fence:evacuate:after"};
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *two = desk_second_host(f);
    for (gsize i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autoptr(YdDesktop) before = desk_get(f, id);
        const char *other = strcmp(before->host_id, two) == 0 ? f->host_id : two;
        g_test_message("%s", places[i]);
        dies(f, before->host_id);
        yd_jobs_stop_at(f->service, places[i]);
        YdJob *job = yd_host_fence(f->service, &f->admin, before->host_id, TRUE, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        desk_reopen(f);
        g_assert_true(yd_reconcile_now(f->service, NULL, &error));
        desk_run(f);
        desk_job_ends(f, job, "done");
        WAIT_FOR(desk_is_quiet(f));
        desk_assert_state(f, id, "ready");
        assert_host(f, id, other);
        yd_fake_set_alive(hv_of(f, before->host_id), TRUE);
        look(f, before->host_id, "up");
        g_assert_cmpuint(runs_where(f, two, id), ==, strcmp(other, two) == 0 ? 2 : 1);
    }
}

// A definition that was left on a host which could not be reached is taken by the reconciler.
static void
misplaced(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *two = desk_second_host(f);
    desk_job_ends(f, yd_desktop_migrate(f->service, &f->admin, id, two, &error), "done");
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    const YdMachineSpec spec = {
        .uuid = desktop->uuid, .name = "yd-copy", .desktop_id = id, .vcpus = 1, .memory_mib = 64};
    g_assert_true(yd_hypervisor_start(hv_of(f, f->host_id), &spec, &error));
    g_assert_cmpuint(runs_where(f, two, id), ==, 3);
    g_assert_true(yd_reconcile_now(f->service, NULL, &error));
    g_assert_cmpuint(runs_where(f, two, id), ==, 2);
}

// ---- what if ----

static void
what_if(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(json_t) alone = yd_host_what_if(f->service, &f->admin, f->host_id, &error);
    g_assert_no_error(error);
    g_assert_cmpint(json_integer_value(json_object_get(alone, "left")), ==, 1);
    g_autofree char *two = desk_second_host(f);
    g_autoptr(json_t) answer = yd_host_what_if(f->service, &f->admin, f->host_id, &error);
    json_t *one = json_array_get(json_object_get(answer, "desktops"), 0);
    g_assert_cmpint(json_integer_value(json_object_get(answer, "fit")), ==, 1);
    g_assert_cmpint(json_integer_value(json_object_get(answer, "left")), ==, 0);
    g_assert_cmpstr(json_string_value(json_object_get(one, "desktop_id")), ==, id);
    g_assert_cmpstr(json_string_value(json_object_get(one, "host_name")), ==, "host-2");
    g_assert_null(yd_host_what_if(f->service, &f->user, f->host_id, &error));
    g_assert_nonnull(error);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK); // hosts that die are warned of
#define ADD(path, test) g_test_add("/cluster/" path, Desk, NULL, desk_set_up, test, desk_tear_down)
    g_test_add_func("/cluster/states", states);
    ADD("moves", moves);
    ADD("move-fails", move_fails);
    ADD("move-survives-kills", move_survives_kills);
    ADD("events-of-moves", events_of_moves);
    ADD("drains", drains);
    ADD("drain-names-what-stays", drain_names_what_stays);
    ADD("dies-and-starts-elsewhere", dies_and_starts_elsewhere);
    ADD("back-before-fenced", back_before_fenced);
    ADD("back-while-fenced", back_while_fenced);
    ADD("gate-speaks", gate_speaks);
    ADD("fenced-by-command", fenced_by_command);
    ADD("fencing-survives-kills", fencing_survives_kills);
    ADD("misplaced", misplaced);
    ADD("what-if", what_if);
    return g_test_run();
}
