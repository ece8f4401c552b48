// SPDX-License-Identifier: Apache-2.0
// The program deskgate as it is started: configuration, readiness, SIGHUP, SIGTERM.
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gate-client.h"

typedef struct {
    char *dir, *config;
    int notify; // what NOTIFY_SOCKET hears
    GSubprocess *process;
    guint16 port;
} Fixture;

static char *
path(Fixture *f, const char *name)
{
    return g_build_filename(f->dir, name, NULL);
}

// A port that is free now.
static guint16
free_port(void)
{
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    guint16 port = g_socket_listener_add_any_inet_port(listener, NULL, NULL);
    g_socket_listener_close(listener);
    return port;
}

static void
write_config(Fixture *f, const char *more)
{
    g_autofree char *text = g_strdup_printf("[paths]\nstate=%s\nrun=%s\n[deskgate]\n"
                                            "listen=127.0.0.1:%u\nworkers=2\nuser=root\n%s\n",
                                            f->dir, f->dir, f->port, more);
    g_assert_true(g_file_set_contents(f->config, text, -1, NULL));
}

static void
set_up(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("deskgate-XXXXXX", NULL);
    f->config = path(f, "yundesk.conf");
    f->port = free_port();
    g_autofree char *keys = path(f, "keys");
    g_autofree char *certificate = path(f, "keys/gate.pem"), *key = path(f, "keys/gate.key");
    g_assert_cmpint(g_mkdir(keys, 0700), ==, 0);
    gate_client_make_certificate(certificate, key);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    g_snprintf(un.sun_path, sizeof un.sun_path, "%s/notify", f->dir);
    f->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(f->notify, (struct sockaddr *)&un, sizeof un), ==, 0);
    const struct timeval patience = {.tv_sec = 20};
    setsockopt(f->notify, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    write_config(f, "");
}

static GSubprocess *
spawn(Fixture *f, GError **error)
{
    g_autofree char *program =
        g_build_filename(g_getenv("YD_BUILD"), "src", "deskgate", "deskgate", NULL);
    g_autofree char *notify = path(f, "notify");
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_subprocess_launcher_setenv(launcher, "NOTIFY_SOCKET", notify, TRUE);
    // A critical message of the program is a message, not a crash.
    g_subprocess_launcher_unsetenv(launcher, "G_DEBUG");
    return g_subprocess_launcher_spawn(launcher, error, program, "--config", f->config, NULL);
}

static void
start(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    char told[64] = "";
    f->process = spawn(f, &error);
    g_assert_no_error(error);
    g_assert_cmpint(recv(f->notify, told, sizeof told - 1, 0), >, 0);
    g_assert_true(g_str_has_prefix(told, "READY=1\n"));
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    static const char *const names[] = {"keys/gate.pem", "keys/gate.key", "keys",
                                        "yundesk.conf",  "notify",        NULL};
    for (guint i = 0; names[i] != NULL; i++) {
        g_autofree char *name = path(f, names[i]);
        g_remove(name);
    }
    close(f->notify);
    g_clear_object(&f->process);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f->config);
}

static void
assert_exits(Fixture *f, int status)
{
    g_assert_true(g_subprocess_wait(f->process, NULL, NULL));
    g_assert_true(g_subprocess_get_if_exited(f->process));
    g_assert_cmpint(g_subprocess_get_exit_status(f->process), ==, status);
}

static char *
serial_now(Fixture *f)
{
    g_autoptr(GateClient) client = gate_client_new(f->port, TRUE);
    return gate_client_serial(client);
}

static void
test_life(Fixture *f, gconstpointer data)
{
    start(f);
    g_autofree char *pid_path = path(f, "deskgate.pid");
    g_autofree char *pid = NULL;
    g_assert_true(g_file_get_contents(pid_path, &pid, NULL, NULL));
    g_assert_cmpint(atoi(pid), ==, atoi(g_subprocess_get_identifier(f->process)));
    g_autofree char *before = serial_now(f);
    g_autofree char *certificate = path(f, "keys/gate.pem"), *key = path(f, "keys/gate.key");
    gate_client_make_certificate(certificate, key);
    g_subprocess_send_signal(f->process, SIGHUP);
    gint64 until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    g_autofree char *after = serial_now(f);
    while (g_str_equal(before, after) && g_get_monotonic_time() < until) {
        g_usleep(5000);
        g_free(after);
        after = serial_now(f);
    }
    g_assert_cmpstr(before, !=, after);
    // Ends with a client connected, too.
    g_autoptr(GateClient) client = gate_client_new(f->port, TRUE);
    g_subprocess_send_signal(f->process, SIGTERM);
    assert_exits(f, 0);
    gate_client_expect_end(client);
    g_assert_false(g_file_test(pid_path, G_FILE_TEST_EXISTS));
}

static void
assert_fails(Fixture *f, const char *more, const char *word)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    write_config(f, more);
    g_clear_object(&f->process);
    f->process = spawn(f, &error);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_communicate_utf8(f->process, NULL, NULL, NULL, &text, NULL));
    assert_exits(f, 1);
    g_assert_nonnull(strstr(text, word));
}

static void
test_bad_config(Fixture *f, gconstpointer data)
{
    assert_fails(f, "max_sokets=3", "max_sokets");
    assert_fails(f, "workers=many", "many");
    assert_fails(f, "certificate=/nowhere.pem", "/nowhere.pem");
    assert_fails(f, "listen=here", "here");
    assert_fails(f, "max_sockets=0", "max_sockets");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add("/deskgate/life", Fixture, NULL, set_up, test_life, tear_down);
    g_test_add("/deskgate/bad-config", Fixture, NULL, set_up, test_bad_config, tear_down);
    return g_test_run();
}
