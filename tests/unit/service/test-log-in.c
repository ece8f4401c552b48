// SPDX-License-Identifier: Apache-2.0
// Whether people who came in by RDP were logged in: what the guest's script finds, what is noted of
// it and when, what a refused log-in does to a browser's session, and guests that do not answer.
#include "desk-fixture.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/id.h"
#include "service/connect.h"
#include "service/connection.h"

// --- the script, run by the real shell on a made-up guest ---

#define TCP "  0: 0100007F:0D3D 0100007F:C350 01 00000000:00000000 00:00000000 00000000 0 0 1\n"
#define LISTENS "  1: 00000000:0D3D 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 2\n"
#define SOCKET(state) "0000: 00000003 00000000 00000000 0001 " state " 777 "
#define DISPLAY "/run/xrdp/sockdir/20000/xrdp_display_10\n"

static void
put(const char *root, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    g_autofree char *folder = g_path_get_dirname(path);
    g_mkdir_with_parents(folder, 0755);
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *
ask_script(const char *root)
{
    const char *const argv[] = {"/bin/sh", "-c", yd_log_in_script(), "sh", "anna", "60", NULL};
    g_auto(GStrv) env = g_environ_setenv(g_get_environ(), "YUNDESK_ROOT", root, TRUE);
    char *output = NULL;
    g_autoptr(GError) error = NULL;
    g_spawn_sync(NULL, (char **)argv, env, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &output, NULL,
                 NULL, &error);
    g_assert_no_error(error);
    return output;
}

static void
script(void)
{
    static const struct {
        const char *sockets, *tcp, *user, *expected;
        gint64 age;
    } cases[] = {
        {"", LISTENS, "", "waiting\n", 0},
        {SOCKET("01") DISPLAY, LISTENS TCP, "", "waiting\n", 0}, // only listens
        {SOCKET("03") DISPLAY, LISTENS TCP, "", "in\n", 0},
        {SOCKET("03") "/run/other\n", TCP, "", "waiting\n", 0},
        {"", TCP, "anna", "refused\n", 2},
        {"", TCP, "anna", "waiting\n", 600}, // of an earlier connection
        {"", TCP, "joanna", "waiting\n", 2},
        {SOCKET("03") DISPLAY, TCP, "anna", "in\n", 2},          // right at the second try
        {SOCKET("03") DISPLAY, TCP TCP, "anna", "refused\n", 2}, // the other client is in
    };
    g_autofree char *bare = g_dir_make_tmp("yd-log-in-XXXXXX", NULL);
    g_autofree char *none = ask_script(bare);
    g_assert_cmpstr(none, ==, "none\n");
    put(bare, "run/xrdp/pid", "1");
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *log =
            *cases[i].user
                ? g_strdup_printf("[x] [INFO ] AUTHFAIL: user=%s ip=::1 time=%" G_GINT64_FORMAT
                                  "\n",
                                  cases[i].user, g_get_real_time() / G_USEC_PER_SEC - cases[i].age)
                : g_strdup("");
        put(bare, "proc/net/unix", cases[i].sockets);
        put(bare, "proc/net/tcp", cases[i].tcp);
        put(bare, "var/log/xrdp-sesman.log", log);
        g_autofree char *said = ask_script(bare);
        if (strcmp(said, cases[i].expected) != 0)
            g_error("case %u: %s", i, said);
        YdLogIn means;
        g_assert_true(yd_log_in_answer(said, &means));
    }
    g_assert_false(yd_log_in_answer("none\n", &(YdLogIn){0}));
    g_assert_false(yd_log_in_answer("in", &(YdLogIn){0}));
    const char *const argv[] = {"rm", "-rf", bare, NULL};
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                 NULL);
}

// --- what becomes of connections ---

static char *cut_reason; // of the last cut
static GMutex cut_lock;

static void
on_cut(const char *gate, const char *session, const char *reason, gpointer data)
{
    g_mutex_lock(&cut_lock);
    g_free(cut_reason);
    cut_reason = g_strdup(reason);
    g_mutex_unlock(&cut_lock);
}

static gboolean
was_cut(const char *reason)
{
    g_mutex_lock(&cut_lock);
    gboolean was = g_strcmp0(cut_reason, reason) == 0;
    g_mutex_unlock(&cut_lock);
    return was;
}

static void
set_up(Desk *f, gconstpointer data)
{
    desk_set_up(f, data);
    yd_connection_on_cut(f->service, on_cut, NULL);
}

static void
tear_down(Desk *f, gconstpointer data)
{
    desk_tear_down(f, data);
    g_clear_pointer(&cut_reason, g_free);
}

// An open connection of anna's; its id, owned.
static char *
open_one(Desk *f, const char *desktop_id, const char *protocol)
{
    g_autoptr(GError) error = NULL;
    const YdConnectRequest request = {.desktop_id = desktop_id, .protocol = protocol};
    g_autoptr(YdConnectAnswer) answer = yd_connect(f->service, &f->user, &request, &error);
    g_assert_no_error(error);
    YdGrant grant = {0};
    yd_connection_redeem(f->service, "gate-1", answer->ticket, protocol, "192.0.2.7", &grant,
                         &error);
    g_assert_no_error(error);
    g_assert_cmpstr(grant.code, ==, NULL);
    yd_grant_clear(&grant);
    return g_strdup(answer->id);
}

static char *
log_in_of(Desk *f, const char *id)
{
    g_autoptr(YdConnection) row = yd_store_get(f->store, &yd_connection_type, id, NULL);
    return g_strdup(row->log_in ? row->log_in : "-");
}

static gboolean
log_in_is(Desk *f, const char *id, const char *expected)
{
    g_autofree char *now = log_in_of(f, id);
    return strcmp(now, expected) == 0;
}

static void
sweep(Desk *f, gint64 seconds_later)
{
    g_autoptr(GError) error = NULL;
    yd_connection_sweep(f->service, yd_now_ms() + seconds_later * 1000, &error);
    g_assert_no_error(error);
}

static char *
uuid_of(Desk *f, const char *desktop_id)
{
    g_autoptr(YdDesktop) desktop = desk_get(f, desktop_id);
    return g_strdup(desktop->uuid);
}

static void
seen_in_the_guest(Desk *f, gconstpointer data)
{
    g_autofree char *desktop = desk_make_ready(f);
    g_autofree char *uuid = uuid_of(f, desktop);
    g_autofree char *id = open_one(f, desktop, "rdp-web");
    g_assert_true(log_in_is(f, id, "waiting"));
    sweep(f, 0); // too young to be asked about
    g_assert_true(log_in_is(f, id, "waiting"));
    sweep(f, 2); // nobody is there yet
    yd_fake_set_users(desk_hv(f), uuid, (const char *const[]){"anna", NULL});
    gint64 later = 4;
    WAIT_FOR((sweep(f, later), later += 2, log_in_is(f, id, "in")));
    sweep(f, 89);
    g_assert_true(log_in_is(f, id, "in"));
    g_autoptr(YdConnection) row = yd_store_get(f->store, &yd_connection_type, id, NULL);
    g_assert_cmpstr(row->state, ==, "open");
}

static void
refused_in_a_browser(Desk *f, gconstpointer data)
{
    g_autofree char *desktop = desk_make_ready(f);
    g_autofree char *uuid = uuid_of(f, desktop);
    g_autofree char *id = open_one(f, desktop, "rdp-web");
    g_autofree char *password = yd_fake_last_password(desk_hv(f), uuid);
    yd_fake_exec_answer(desk_hv(f), 0, "refused\n");
    sweep(f, 4);
    WAIT_FOR(log_in_is(f, id, "failed"));
    g_autoptr(YdConnection) row = yd_store_get(f->store, &yd_connection_type, id, NULL);
    g_assert_cmpstr(row->state, ==, "ended");
    g_assert_cmpstr(row->reason, ==, "the desktop refused the log-in");
    WAIT_FOR(was_cut(row->reason)); // the gate is told after the row says so
    // Another try has another password, even while a session lives.
    yd_fake_set_users(desk_hv(f), uuid, (const char *const[]){"anna", NULL});
    g_autofree char *again = open_one(f, desktop, "rdp-web");
    g_autofree char *fresh = yd_fake_last_password(desk_hv(f), uuid);
    g_assert_cmpstr(fresh, !=, password);
}

static void
refused_elsewhere(Desk *f, gconstpointer data)
{
    g_autofree char *desktop = desk_make_ready(f);
    g_autofree char *id = open_one(f, desktop, "rdp");
    yd_fake_exec_answer(desk_hv(f), 0, "refused\n");
    sweep(f, 4);
    WAIT_FOR(log_in_is(f, id, "failed"));
    g_autoptr(YdConnection) row = yd_store_get(f->store, &yd_connection_type, id, NULL);
    g_assert_cmpstr(row->state, ==, "open"); // the client shows a log-in box
}

static void
nobody_in_time(Desk *f, gconstpointer data)
{
    g_autofree char *desktop = desk_make_ready(f);
    g_autofree char *id = open_one(f, desktop, "rdp-web");
    yd_fake_exec_answer(desk_hv(f), 0, "waiting\n");
    sweep(f, 88);
    g_assert_true(log_in_is(f, id, "waiting"));
    gint64 later = 92;
    WAIT_FOR((sweep(f, later), later += 2, log_in_is(f, id, "failed")));
    g_autoptr(YdConnection) row = yd_store_get(f->store, &yd_connection_type, id, NULL);
    g_assert_cmpstr(row->reason, ==, "the desktop did not log the person in");
}

static void
somebody_lives_after_all(Desk *f, gconstpointer data)
{
    g_autofree char *desktop = desk_make_ready(f);
    g_autofree char *uuid = uuid_of(f, desktop);
    g_autofree char *id = open_one(f, desktop, "rdp-web");
    yd_fake_exec_answer(desk_hv(f), 0, "waiting\n");
    yd_fake_set_users(desk_hv(f), uuid, (const char *const[]){"anna", NULL});
    gint64 later = 92;
    WAIT_FOR((sweep(f, later), later += 2, log_in_is(f, id, "unknown")));
    g_autoptr(YdConnection) row = yd_store_get(f->store, &yd_connection_type, id, NULL);
    g_assert_cmpstr(row->state, ==, "open");
}

static void
hung_agent(Desk *f, gconstpointer data)
{
    g_autofree char *desktop = desk_make_ready(f);
    g_autofree char *uuid = uuid_of(f, desktop);
    g_autofree char *id = open_one(f, desktop, "rdp-web");
    yd_fake_agent_hang(desk_hv(f), uuid, TRUE);
    gint64 since = g_get_monotonic_time();
    for (guint i = 0; i < 20; i++)
        sweep(f, 4 + i); // one look at a time, and the sweep waits for none
    g_assert_cmpint(g_get_monotonic_time() - since, <, G_USEC_PER_SEC * 2);
    g_usleep(6 * G_USEC_PER_SEC); // the look runs into its time limit
    g_assert_true(log_in_is(f, id, "waiting"));
    gint64 later = 92;
    WAIT_FOR((sweep(f, later), later = 92 + (later + 2) % 8, log_in_is(f, id, "unknown")));
    g_autoptr(YdConnection) row = yd_store_get(f->store, &yd_connection_type, id, NULL);
    g_assert_cmpstr(row->state, ==, "open");
    yd_fake_agent_hang(desk_hv(f), uuid, FALSE);
}

static void
ended_before(Desk *f, gconstpointer data)
{
    g_autofree char *desktop = desk_make_ready(f);
    g_autofree char *id = open_one(f, desktop, "rdp");
    g_autoptr(GError) error = NULL;
    yd_connection_cut(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    g_assert_true(log_in_is(f, id, "unknown"));
    g_assert_true(yd_connection_logged_in(f->service, id, YD_LOG_IN_IN, yd_now_ms(), &error));
    g_assert_true(log_in_is(f, id, "unknown"));
}

#define ADD(name, func) g_test_add("/log-in/" name, Desk, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log-in/script", script);
    ADD("seen-in-the-guest", seen_in_the_guest);
    ADD("refused-in-a-browser", refused_in_a_browser);
    ADD("refused-elsewhere", refused_elsewhere);
    ADD("nobody-in-time", nobody_in_time);
    ADD("somebody-lives-after-all", somebody_lives_after_all);
    ADD("hung-agent", hung_agent);
    ADD("ended-before", ended_before);
    return g_test_run();
}
