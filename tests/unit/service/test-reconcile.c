// SPDX-License-Identifier: Apache-2.0
// The reconciler and the monitor against the fake: what the store says and what runs differ, and
// are brought together; what is not ours is left alone.
#include "desk-fixture.h"

#include <string.h>

#include "base/id.h"
#include "hypervisor/family.h"
#include "service/monitor.h"
#include "service/reconcile.h"

static YdReconcileReport
pass(Desk *f)
{
    g_autoptr(GError) error = NULL;
    YdReconcileReport report = {0};
    yd_reconcile_now(f->service, &report, &error);
    g_assert_no_error(error);
    return report;
}

static void
nothing_to_do(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    YdReconcileReport report = pass(f);
    g_assert_cmpuint(report.moved + report.machines + report.images, ==, 0);
    desk_assert_state(f, id, "ready");
}

static void
ready_but_gone(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    yd_fake_machine_ends(desk_hv(f), desktop->uuid, FALSE);
    g_assert_cmpuint(pass(f).moved, ==, 1);
    desk_assert_state(f, id, "off");
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_start(f->service, &f->user, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

static void
off_but_runs(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_true(yd_store_desktop_move(f->store, desktop, "off", NULL));
    g_assert_cmpuint(pass(f).moved, ==, 1);
    desk_assert_state(f, id, "ready");
}

// A desktop that says it is being prepared, with nobody preparing it.
static void
lost_start(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_true(yd_store_desktop_move(f->store, desktop, "preparing", NULL));
    pass(f);
    WAIT_FOR(({
        g_autoptr(YdDesktop) now = desk_get(f, id);
        strcmp(now->state, "ready") == 0;
    }));
}

static void
lost_creation(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdJob) job = NULL;
    g_assert_true(yd_desktop_derive(f->service, &f->user, f->pool_id, &desktop, &job, &error));
    g_assert_true(yd_store_delete(f->store, &yd_job_type, job->id, 0, &error));
    desk_run(f);
    g_assert_cmpuint(pass(f).moved, ==, 1);
    WAIT_FOR(({
        g_autoptr(YdDesktop) now = desk_get(f, desktop->id);
        strcmp(now->state, "off") == 0;
    }));
}

static void
left_overs(Desk *f, gconstpointer data)
{
    g_autofree char *kept = desk_make(f);
    g_autofree char *stray = yd_id_new("dsk");
    g_autofree char *path = g_strdup_printf("%s/images/%s.qcow2", f->directory, stray);
    g_autofree char *foreign = g_strdup_printf("%s/images/dsk-mine.qcow2", f->directory);
    g_assert_true(g_file_set_contents(path, "x", 1, NULL));
    g_assert_true(g_file_set_contents(foreign, "x", 1, NULL));
    g_assert_cmpuint(pass(f).images, ==, 1);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(foreign, G_FILE_TEST_EXISTS)); // no id of ours
    g_assert_true(desk_image(f, kept));
}

// A machine with our mark that this store never knew is another installation's.
static void
foreign_machines(Desk *f, gconstpointer data)
{
    const YdMachineSpec spec = {.uuid = "11111111-1111-1111-1111-111111111111",
                                .name = "yd-dsk-other",
                                .desktop_id = "dsk-other",
                                .vcpus = 1,
                                .memory_mib = 64,
                                .disk = "/x"};
    YdMachineState state;
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_hypervisor_start(desk_hv(f), &spec, &error));
    g_assert_cmpuint(pass(f).machines, ==, 0);
    g_assert_true(desk_machine(f, spec.uuid, &state));
    // One that it did know is removed.
    g_autoptr(YdJob) job = yd_job_new();
    job->kind = g_strdup("desktop-delete");
    job->object_id = g_strdup("dsk-other");
    job->state = g_strdup("done");
    job->ended = 1;
    g_assert_true(yd_store_insert(f->store, &yd_job_type, job, &error));
    g_assert_cmpuint(pass(f).machines, ==, 1);
    g_assert_false(desk_machine(f, spec.uuid, &state));
}

static void
host_away(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    yd_fake_set_alive(desk_hv(f), FALSE);
    g_assert_cmpuint(pass(f).moved, ==, 0);
    desk_assert_state(f, id, "ready"); // not known to be gone
    yd_fake_set_alive(desk_hv(f), TRUE);
}

// By events, within a moment; the person's session ends with it.
static void
by_events(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_reconcile_start(f->service, &error));
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    yd_fake_machine_ends(desk_hv(f), desktop->uuid, TRUE);
    WAIT_FOR(({
        g_autoptr(YdDesktop) now = desk_get(f, id);
        strcmp(now->state, "off") == 0;
    }));
    g_autoptr(YdDesktop) after = desk_get(f, id);
    g_assert_nonnull(strstr(after->error, "ended unexpectedly"));
    yd_reconcile_stop(f->service);
}

// --- monitor ---

static void
figures(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    YdDesktopStats stats;
    gint64 age = -1;
    g_assert_false(yd_monitor_desktop(f->service, &f->user, id, &stats, &age, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_clear_error(&error);
    g_assert_true(yd_monitor_poll(f->service, &error));
    g_usleep(20000);
    g_assert_true(yd_monitor_poll(f->service, &error));
    g_assert_true(yd_monitor_desktop(f->service, &f->user, id, &stats, &age, &error));
    g_assert_no_error(error);
    g_assert_cmpint(age, >=, 0);
    g_assert_cmpint(age, <, 5000);
    g_assert_cmpfloat(stats.cpu_percent, >, 0); // the fake uses a tenth of a CPU
    g_assert_cmpfloat(stats.cpu_percent, <, 50);
    g_assert_cmpint(stats.memory_mib, ==, 128);
    g_assert_cmpint(stats.memory_used_mib, ==, 64);
    g_assert_cmpfloat(stats.net_in_rate, >, 0);

    gint64 memory, free_memory, time;
    g_assert_true(yd_monitor_host(f->service, f->host_id, &memory, &free_memory, &time));
    g_assert_cmpint(memory, >, 0);

    g_autofree char *bob = desk_user(f, "bob", TRUE);
    YdActor stranger = desk_actor(bob, "bob");
    g_assert_false(yd_monitor_desktop(f->service, &stranger, id, &stats, &age, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    YdJob *job = yd_desktop_power_off(f->service, &f->user, id, &error);
    desk_job_ends(f, job, "done");
    g_assert_false(yd_monitor_desktop(f->service, &f->user, id, &stats, &age, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
}

static void
hosts_down_and_up(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    yd_fake_set_alive(desk_hv(f), FALSE);
    g_assert_true(yd_monitor_poll(f->service, &error));
    g_autoptr(YdHost) down = yd_store_get(f->store, &yd_host_type, f->host_id, NULL);
    g_assert_cmpstr(down->state, ==, "suspect");
    g_assert_nonnull(down->error);
    yd_fake_set_alive(desk_hv(f), TRUE);
    g_assert_true(yd_monitor_poll(f->service, &error));
    g_autoptr(YdHost) up = yd_store_get(f->store, &yd_host_type, f->host_id, NULL);
    g_assert_cmpstr(up->state, ==, "up");
    g_assert_null(up->error);
}

// Machines tell their ends on the host's thread while the service ends: nobody may be left to hear
// it.
static void
ends_among_events(Desk *f, gconstpointer data)
{
    yd_reconcile_start(f->service, NULL);
    for (guint i = 0; i < 20000; i++)
        yd_hypervisor_emit(desk_hv(f), "4d2f3ac4-0000-4000-8000-000000000000", "stopped");
    desk_tear_down(f, data);
    desk_set_up(f, data);
}

#define ADD(name, func)                                                                            \
    g_test_add("/reconcile/" name, Desk, NULL, desk_set_up, func, desk_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("nothing-to-do", nothing_to_do);
    ADD("ready-but-gone", ready_but_gone);
    ADD("off-but-runs", off_but_runs);
    ADD("lost-start", lost_start);
    ADD("lost-creation", lost_creation);
    ADD("left-overs", left_overs);
    ADD("foreign-machines", foreign_machines);
    ADD("host-away", host_away);
    ADD("by-events", by_events);
    ADD("ends-among-events", ends_among_events);
    ADD("figures", figures);
    ADD("hosts-down-and-up", hosts_down_and_up);
    return g_test_run();
}
