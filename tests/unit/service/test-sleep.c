// SPDX-License-Identifier: Apache-2.0
// Sleeping desktops on the fake hypervisor: the ladder from running to off, waking from each rung,
// what holds a desktop, kills at every step, hosts and images that are gone.
#include "desk-fixture.h"

#include <string.h>
#include <sys/stat.h>

#include "base/id.h"
#include "service/connect.h"
#include "service/desktop-private.h"
#include "service/pool-keeper.h"
#include "service/pool-look.h"
#include "service/reconcile.h"

#define SECOND 1000
#define LADDER "{\"pause_seconds\":100,\"save_seconds\":1000,\"off_seconds\":10000}"

static void
set_power(Desk *f, const char *power)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, &error);
    yd_set_string(&pool->power, power);
    g_assert_true(yd_store_update(f->store, &yd_pool_type, pool, &error));
}

// The keeper looks so many seconds from now, and what it begins ends.
static void
keep_at(Desk *f, gint64 seconds)
{
    yd_pool_keep(f->service, yd_now_ms() + seconds * SECOND);
    yd_pool_keep_wait(f->service);
    WAIT_FOR(desk_is_quiet(f));
}

static YdConnectAnswer *
try_connect(Desk *f, const char *id, GError **error)
{
    const YdConnectRequest request = {.desktop_id = id, .protocol = "rdp"};
    return yd_connect(f->service, &f->user, &request, error);
}

// Connects, waiting for jobs; the kinds of jobs, owned.
static char *
get_in(Desk *f, const char *id)
{
    GString *kinds = g_string_new(NULL);
    for (guint i = 0; i < 10; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdConnectAnswer) answer = try_connect(f, id, &error);
        g_assert_no_error(error);
        if (!answer->job) {
            g_assert_nonnull(answer->ticket);
            desk_assert_state(f, id, "ready");
            return g_string_free(kinds, FALSE);
        }
        g_string_append_printf(kinds, "%s ", answer->job->kind);
        desk_job_ends(f, g_steal_pointer(&answer->job), "done");
    }
    g_error("going in circles");
}

static YdMachineState
machine(Desk *f, const char *id)
{
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    YdMachineState state = YD_MACHINE_CRASHED;
    g_assert_true(desk_machine(f, desktop->uuid, &state));
    return state;
}

static void
to_paused(Desk *f, const char *id)
{
    keep_at(f, 101);
    desk_assert_state(f, id, "paused");
    g_assert_cmpint(machine(f, id), ==, YD_MACHINE_PAUSED);
}

static void
to_saved(Desk *f, const char *id)
{
    keep_at(f, 1001);
    desk_assert_state(f, id, "saved");
    g_assert_cmpint(machine(f, id), ==, YD_MACHINE_OFF);
}

// What QEMU cannot save stays paused, is not tried again at once, and wakes with all that is open.
static void
cannot_be_saved(Desk *f, gconstpointer data)
{
    set_power(f, "{\"pause_seconds\":100,\"save_seconds\":300}");
    g_autofree char *id = desk_make_ready(f);
    to_paused(f, id);
    yd_fake_fail(desk_hv(f), "save", 1, YD_ERROR_STATE);
    keep_at(f, 301);
    desk_assert_state(f, id, "paused");
    g_assert_cmpint(machine(f, id), ==, YD_MACHINE_PAUSED);
    keep_at(f, 310);
    desk_assert_state(f, id, "paused");
    g_autofree char *kinds = get_in(f, id);
    g_assert_cmpstr(kinds, ==, "");
    g_assert_cmpint(machine(f, id), ==, YD_MACHINE_RUNNING);
}

// A guest that says nothing after its sleep: the connect fails, the next one finds it as it was.
static void
silent_after_sleep(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    to_paused(f, id);
    yd_fake_fail(desk_hv(f), "agent_set_time", 2, YD_ERROR_TIMEOUT);
    yd_fake_fail(desk_hv(f), "agent_set_time", 1, YD_ERROR_TIMEOUT);
    g_assert_null(try_connect(f, id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_TIMEOUT);
    desk_assert_state(f, id, "paused");
    g_assert_cmpint(machine(f, id), ==, YD_MACHINE_PAUSED);
    g_autofree char *kinds = get_in(f, id);
    g_assert_cmpstr(kinds, ==, "");
}

static void
down_the_ladder(Desk *f, gconstpointer data)
{
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    keep_at(f, 99);
    desk_assert_state(f, id, "ready");
    to_paused(f, id);
    keep_at(f, 999);
    desk_assert_state(f, id, "paused");
    to_saved(f, id);
    keep_at(f, 9999);
    desk_assert_state(f, id, "saved");
    keep_at(f, 10001);
    desk_assert_state(f, id, "off");
    gboolean saved = TRUE;
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_true(yd_hypervisor_is_saved(desk_hv(f), desktop->uuid, &saved, NULL));
    g_assert_false(saved);
}

static void
wakes_from_paused(Desk *f, gconstpointer data)
{
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    to_paused(f, id);
    gint64 before = yd_now_ms();
    g_autofree char *kinds = get_in(f, id);
    g_assert_cmpstr(kinds, ==, ""); // within the call
    g_assert_cmpint(machine(f, id), ==, YD_MACHINE_RUNNING);
    g_assert_cmpint(yd_fake_time_set(desk_hv(f), desktop->uuid), >=, before);
    keep_at(f, 50); // a ticket is out
    desk_assert_state(f, id, "ready");
}

// The first word to an agent after the pause is lost.
static void
second_ping(Desk *f, gconstpointer data)
{
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    to_paused(f, id);
    yd_fake_fail(desk_hv(f), "agent_set_time", 1, YD_ERROR_TIMEOUT);
    g_autofree char *kinds = get_in(f, id);
    g_assert_cmpstr(kinds, ==, "");
}

static void
wakes_from_saved(Desk *f, gconstpointer data)
{
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) before = desk_get(f, id);
    to_paused(f, id);
    to_saved(f, id);
    g_autofree char *kinds = get_in(f, id);
    g_assert_cmpstr(kinds, ==, "desktop-wake ");
    g_assert_cmpint(machine(f, id), ==, YD_MACHINE_RUNNING);
    g_assert_cmpint(yd_fake_time_set(desk_hv(f), before->uuid), >, 0);
}

static void
saved_image_is_gone(Desk *f, gconstpointer data)
{
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    to_paused(f, id);
    to_saved(f, id);
    g_assert_true(yd_hypervisor_discard_saved(desk_hv(f), desktop->uuid, NULL));
    g_autofree char *kinds = get_in(f, id);
    g_assert_cmpstr(kinds, ==, "desktop-wake ");
    g_assert_cmpint(machine(f, id), ==, YD_MACHINE_RUNNING);
}

static void
saved_image_does_not_fit(Desk *f, gconstpointer data)
{
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    to_paused(f, id);
    to_saved(f, id);
    yd_fake_fail(desk_hv(f), "restore", 1, YD_ERROR_INTERNAL);
    g_autofree char *kinds = get_in(f, id);
    g_assert_cmpstr(kinds, ==, "desktop-wake ");
    gboolean saved = TRUE;
    g_assert_true(yd_hypervisor_is_saved(desk_hv(f), desktop->uuid, &saved, NULL));
    g_assert_false(saved);
    keep_at(f, 200); // ticket expired? it is still live: nothing sleeps
    yd_fake_spoil_saved(desk_hv(f), desktop->uuid);
}

// The host was restarted while the desktop was paused, or saved.
static void
host_was_restarted(Desk *f, gconstpointer data)
{
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    to_paused(f, id);
    yd_fake_machine_ends(desk_hv(f), desktop->uuid, FALSE);
    g_autofree char *kinds = get_in(f, id); // before the reconciler knows
    g_assert_cmpstr(kinds, ==, "desktop-start ");
}

static void
reconciler_sees(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    to_paused(f, id);
    g_assert_true(yd_reconcile_now(f->service, NULL, &error));
    desk_assert_state(f, id, "paused");
    g_assert_true(yd_hypervisor_resume(desk_hv(f), desktop->uuid, &error)); // by somebody else
    g_assert_true(yd_reconcile_now(f->service, NULL, &error));
    desk_assert_state(f, id, "ready");
    g_assert_true(yd_hypervisor_pause(desk_hv(f), desktop->uuid, &error));
    g_assert_true(yd_reconcile_now(f->service, NULL, &error));
    desk_assert_state(f, id, "paused");
    to_saved(f, id);
    g_assert_true(yd_reconcile_now(f->service, NULL, &error));
    desk_assert_state(f, id, "saved");
    gboolean restored = FALSE;
    g_assert_true(yd_hypervisor_restore(desk_hv(f), desktop->uuid, &restored, &error));
    g_assert_true(yd_reconcile_now(f->service, NULL, &error));
    desk_assert_state(f, id, "ready");
    to_paused(f, id);
    yd_fake_machine_ends(desk_hv(f), desktop->uuid, TRUE);
    g_assert_true(yd_reconcile_now(f->service, NULL, &error));
    desk_assert_state(f, id, "off");
}

static void
sessions_hold(Desk *f, gconstpointer data)
{
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *kinds = get_in(f, id);
    keep_at(f, 50000);
    desk_assert_state(f, id, "ready");
    // also when the job was submitted before the person came
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_job_submit(f->service, &f->admin, "desktop-save", id, "x", NULL, NULL, &error);
    desk_job_ends(f, job, "done");
    desk_assert_state(f, id, "ready");
    g_assert_cmpint(machine(f, id), ==, YD_MACHINE_RUNNING);
}

static void
guests_hold(Desk *f, gconstpointer data)
{
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    yd_fake_exec_answer(desk_hv(f), 0, "held\n");
    keep_at(f, 200);
    desk_assert_state(f, id, "ready");
    yd_fake_exec_answer(desk_hv(f), 0, "");
    keep_at(f, 200);
    desk_assert_state(f, id, "paused");
}

// What the guest runs.
static void
hold_script(Desk *f, gconstpointer data)
{
    g_autofree char *run = g_build_filename(f->directory, "run", "yundesk", NULL);
    g_autofree char *etc = g_build_filename(f->directory, "etc", "yundesk", NULL);
    g_autofree char *file = g_build_filename(run, "hold", NULL);
    g_autofree char *program = g_build_filename(etc, "hold", NULL);
    const struct {
        const char *file, *program, *answer;
    } cases[] = {{NULL, NULL, ""},
                 {"", NULL, "held\n"},
                 {NULL, "#!/bin/sh\nexit 0\n", "held\n"},
                 {NULL, "#!/bin/sh\necho held\nexit 1\n", ""}};
    g_mkdir_with_parents(run, 0755);
    g_mkdir_with_parents(etc, 0755);
    g_setenv("YUNDESK_ROOT", f->directory, TRUE);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *output = NULL;
        const char *argv[] = {"/bin/sh", "-c", yd_pool_hold_script(), NULL};
        g_assert_true(!cases[i].file || g_file_set_contents(file, "", 0, NULL));
        g_assert_true(!cases[i].program ||
                      (g_file_set_contents(program, cases[i].program, -1, NULL) &&
                       chmod(program, 0755) == 0));
        g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &output,
                                   NULL, NULL, NULL));
        g_assert_cmpstr(output, ==, cases[i].answer);
        remove(file);
        remove(program);
    }
    g_unsetenv("YUNDESK_ROOT");
}

static void
start_on_connect(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make(f);
    set_power(f, "{\"start_on_connect\":false,\"pause_seconds\":100}");
    g_assert_null(try_connect(f, id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "start it first"));
    g_clear_error(&error);
    YdJob *job = yd_desktop_start(f->service, &f->user, id, &error);
    desk_job_ends(f, job, "done");
    to_paused(f, id); // waking is no start
    g_autofree char *kinds = get_in(f, id);
    g_assert_cmpstr(kinds, ==, "");
}

// Before the hours begin; who shuts down afterwards is not started again.
static void
the_morning(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make(f);
    gint64 now = yd_now_ms();
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(now / 1000);
    g_autoptr(GDateTime) day = g_date_time_add_days(utc, 2);
    static const char *const days[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    g_autofree char *power = g_strdup_printf(
        "{\"time_zone\":\"UTC\",\"hours\":{\"%s\":\"12:00-18:00\"},\"open_desktops\":-1,"
        "\"open_seconds\":600,\"close\":true,\"close_seconds\":60}",
        days[g_date_time_get_day_of_week(day) - 1]);
    g_autoptr(GDateTime) opens =
        g_date_time_new_utc(g_date_time_get_year(day), g_date_time_get_month(day),
                            g_date_time_get_day_of_month(day), 12, 0, 0);
    gint64 ahead = g_date_time_to_unix(opens) - now / 1000;
    set_power(f, power);
    keep_at(f, ahead - 660);
    desk_assert_state(f, id, "off");
    keep_at(f, ahead - 590);
    desk_assert_state(f, id, "ready");
    YdJob *job = yd_desktop_shutdown(f->service, &f->user, id, &error);
    desk_job_ends(f, job, "done");
    keep_at(f, ahead + 60); // open now
    desk_assert_state(f, id, "off");
    job = yd_desktop_start(f->service, &f->user, id, &error);
    desk_job_ends(f, job, "done");
    keep_at(f, ahead + 3600);
    desk_assert_state(f, id, "ready");
    keep_at(f, ahead + 6 * 3600 + 61); // closed, nobody there
    desk_assert_state(f, id, "off");
}

static void
verbs_on_sleepers(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    for (guint saved = 0; saved < 2; saved++) {
        to_paused(f, id);
        if (saved)
            to_saved(f, id);
        desk_job_ends(f, yd_desktop_start(f->service, &f->user, id, &error), "done");
        desk_assert_state(f, id, "ready");
        to_paused(f, id);
        if (saved)
            to_saved(f, id);
        desk_job_ends(f, yd_desktop_shutdown(f->service, &f->user, id, &error), "done");
        desk_assert_state(f, id, "off");
        desk_job_ends(f, yd_desktop_start(f->service, &f->user, id, &error), "done");
        to_paused(f, id);
        if (saved)
            to_saved(f, id);
        desk_job_ends(f, yd_desktop_power_off(f->service, &f->user, id, &error), "done");
        desk_assert_state(f, id, "off");
        desk_job_ends(f, yd_desktop_start(f->service, &f->user, id, &error), "done");
        to_paused(f, id);
        if (saved)
            to_saved(f, id);
        desk_job_ends(f, yd_desktop_rebuild(f->service, &f->user, id, &error), "done");
        desk_assert_state(f, id, "off");
        g_autoptr(YdDesktop) desktop = desk_get(f, id);
        YdMachineState state;
        g_assert_false(desk_machine(f, desktop->uuid, &state)); // and no saved image with it
        desk_job_ends(f, yd_desktop_start(f->service, &f->user, id, &error), "done");
    }
    to_paused(f, id);
    to_saved(f, id);
    desk_job_ends(f, yd_desktop_delete(f->service, &f->admin, id, 0, &error), "done");
    g_assert_null(desk_get(f, id));
}

// Killed at every step on the way down and up.
static void
survives_kills(Desk *f, gconstpointer data)
{
    static const struct {
        const char *at, *before, *after; // states
    } cases[] = {
        {"desktop-pause:pause", "ready", "paused"},
        {"desktop-pause:pause:after", "ready", "paused"},
        {"desktop-save:pause", "ready", "saved"},
        {"desktop-save:pause:after", "ready", "saved"},
        {"desktop-save:save", "ready", "saved"},
        {"desktop-save:save:after", "ready", "saved"},
        {"desktop-wake:wake", "paused", "ready"},
        {"desktop-wake:wake:after", "paused", "ready"},
        {"desktop-wake:wake", "saved", "ready"},
        {"desktop-wake:wake:after", "saved", "ready"},
        {"desktop-wake:agent", "saved", "ready"},
        {"desktop-wake:clock:after", "saved", "ready"},
        {"desktop-wake:ready:after", "saved", "ready"},
    };
    g_autoptr(GError) error = NULL;
    set_power(f, LADDER);
    g_autofree char *id = desk_make_ready(f);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s from %s", cases[i].at, cases[i].before);
        g_auto(GStrv) parts = g_strsplit(cases[i].at, ":", 2);
        if (strcmp(cases[i].before, "ready") != 0)
            to_paused(f, id);
        if (strcmp(cases[i].before, "saved") == 0)
            to_saved(f, id);
        yd_jobs_stop_at(f->service, cases[i].at);
        YdJob *job = yd_job_submit(f->service, &f->admin, parts[0], id, "x", NULL, NULL, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        desk_reopen(f);
        g_assert_true(yd_reconcile_now(f->service, NULL, &error));
        desk_run(f);
        desk_job_ends(f, job, "done");
        desk_assert_state(f, id, cases[i].after);
        if (strcmp(cases[i].after, "ready") != 0)
            desk_job_ends(f, yd_desktop_start(f->service, &f->user, id, &error), "done");
        g_assert_cmpint(machine(f, id), ==, YD_MACHINE_RUNNING);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(path, test) g_test_add("/sleep/" path, Desk, NULL, desk_set_up, test, desk_tear_down)
    ADD("down-the-ladder", down_the_ladder);
    ADD("cannot-be-saved", cannot_be_saved);
    ADD("silent-after-sleep", silent_after_sleep);
    ADD("wakes-from-paused", wakes_from_paused);
    ADD("second-ping", second_ping);
    ADD("wakes-from-saved", wakes_from_saved);
    ADD("saved-image-is-gone", saved_image_is_gone);
    ADD("saved-image-does-not-fit", saved_image_does_not_fit);
    ADD("host-was-restarted", host_was_restarted);
    ADD("reconciler-sees", reconciler_sees);
    ADD("sessions-hold", sessions_hold);
    ADD("guests-hold", guests_hold);
    ADD("hold-script", hold_script);
    ADD("start-on-connect", start_on_connect);
    ADD("the-morning", the_morning);
    ADD("verbs-on-sleepers", verbs_on_sleepers);
    ADD("survives-kills", survives_kills);
    return g_test_run();
}
