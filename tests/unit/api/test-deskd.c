// SPDX-License-Identifier: Apache-2.0
// The program deskd: options, configuration that is wrong, a second one, killed and started again,
// and ending in time while streams are open.
#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *program;

typedef struct {
    char *directory, *config, *socket;
} Place;

static void
set_up(Place *place, gconstpointer data)
{
    place->directory = g_dir_make_tmp("yundesk-deskd-XXXXXX", NULL);
    place->config = g_build_filename(place->directory, "yundesk.conf", NULL);
    place->socket = g_build_filename(place->directory, "run", "deskd.sock", NULL);
    g_autofree char *text =
        g_strdup_printf("[paths]\nstate=%s/state\nrun=%s/"
                        "run\n[deskd]\nhypervisor=fake:deskd\ncheap_passwords=yes\n%s"
                        "[storage]\nlocal=true\n",
                        place->directory, place->directory, data ? (const char *)data : "");
    g_assert_true(g_file_set_contents(place->config, text, -1, NULL));
}

static void
tear_down(Place *place, gconstpointer data)
{
    g_autofree char *command = g_strdup_printf("rm -rf '%s'", place->directory);
    g_assert_cmpint(system(command), ==, 0);
    g_free(place->directory);
    g_free(place->config);
    g_free(place->socket);
}

// Runs deskd with one more option to its end; its exit code, output and errors.
static int
run(const Place *place, const char *option, const char *value, char **ret_out, char **ret_err)
{
    const char *argv[] = {program, "--config", place->config, option, value, NULL};
    int status = 0;
    g_autoptr(GError) error = NULL;
    g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, ret_out, ret_err, &status,
                 &error);
    g_assert_no_error(error);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static GPid
start(const Place *place)
{
    const char *argv[] = {program, "--config", place->config, NULL};
    g_autoptr(GError) error = NULL;
    GPid pid = 0;
    g_autofree char *log = g_build_filename(place->directory, "log", NULL);
    int fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    g_spawn_async_with_fds(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
                           -1, -1, fd, &error);
    close(fd);
    g_assert_no_error(error);
    for (guint i = 0; i < 600; i++) { // until it answers
        g_autoptr(GSocketClient) client = g_socket_client_new();
        g_autoptr(GSocketAddress) address = g_unix_socket_address_new(place->socket);
        g_autoptr(GSocketConnection) connection =
            g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
        if (connection)
            return pid;
        g_assert_cmpint(waitpid(pid, NULL, WNOHANG), ==, 0);
        g_usleep(50000);
    }
    g_error("deskd did not start");
}

// Ends it; the milliseconds that took.
static gint64
end(const Place *place, GPid pid, int number, int wanted)
{
    int status = 0;
    gint64 since = g_get_monotonic_time();
    kill(pid, number);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (code != wanted) {
        g_autofree char *log = g_build_filename(place->directory, "log", NULL);
        g_autofree char *text = NULL;
        g_file_get_contents(log, &text, NULL, NULL);
        g_error("deskd ended with %d, not %d: %s", code, wanted, text);
    }
    return (g_get_monotonic_time() - since) / 1000;
}

static void
test_options(Place *place, gconstpointer data)
{
    g_autofree char *out = NULL, *first = NULL, *again = NULL, *routes = NULL, *err = NULL;
    g_assert_cmpint(run(place, "--version", NULL, &out, NULL), ==, 0);
    g_assert_true(g_str_has_prefix(out, "deskd "));
    g_assert_cmpint(run(place, "--init-admin", "boss", &first, NULL), ==, 0);
    g_assert_true(g_str_has_prefix(first, "username: boss\npassword: "));
    g_assert_cmpint(run(place, "--init-admin", "boss2", NULL, &again), ==, 1);
    g_assert_nonnull(strstr(again, "boss"));
    g_assert_cmpint(run(place, "--check", NULL, &err, NULL), ==, 0);
    g_assert_nonnull(strstr(err, "in order"));
    g_clear_pointer(&err, g_free);
    g_assert_cmpint(run(place, "--print-routes", NULL, &routes, NULL), ==, 0);
    g_assert_nonnull(strstr(routes, "\"/api/v1/users/{id}\""));
    g_assert_cmpint(run(place, "--dance", NULL, NULL, &err), ==, 1);
}

static void
test_bad_config(Place *place, gconstpointer data)
{
    g_autofree char *err = NULL;
    g_assert_cmpint(run(place, "--check", NULL, NULL, &err), ==, 1);
    g_assert_nonnull(strstr(err, "max_body"));
    g_assert_nonnull(strstr(err, "yundesk.conf"));
}

// The sample shows keys that exist, with values that are taken.
static void
test_sample(Place *place, gconstpointer data)
{
    g_autofree char *path = g_build_filename(g_getenv("YD_SOURCE"), "data", "yundesk.conf", NULL);
    g_autofree char *text = NULL, *out = NULL, *err = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_autoptr(GString) all = g_string_new(text);
    g_assert_cmpuint(g_string_replace(all, "\n#state=", "\n#unused=", 0), ==, 1);
    g_assert_cmpuint(g_string_replace(all, "\n#run=", "\n#unused2=", 0), ==, 1);
    g_assert_cmpuint(g_string_replace(all, "\n#database=", "\n#unused3=", 0), ==, 1);
    g_autofree char *paths = g_strdup_printf("[paths]\nstate=%s/state\nrun=%s/run\n",
                                             place->directory, place->directory);
    g_string_replace(all, "[paths]\n", paths, 1);
    g_autoptr(GRegex) commented = g_regex_new("^#([a-z_]+=)", G_REGEX_MULTILINE, 0, NULL);
    g_autofree char *open = g_regex_replace(commented, all->str, -1, 0, "\\1", 0, NULL);
    g_assert_cmpstr(open, !=, all->str);
    g_assert_true(g_file_set_contents(place->config, open, -1, NULL));
    int status = run(place, "--init-admin", "boss", &out, &err);
    g_test_message("%s", err);
    g_assert_cmpint(status, ==, 0);
}

static void
test_damaged_store(Place *place, gconstpointer data)
{
    g_autofree char *err = NULL;
    g_autofree char *state = g_build_filename(place->directory, "state", NULL);
    g_autofree char *path = g_build_filename(state, "yundesk.db", NULL);
    g_assert_cmpint(g_mkdir(state, 0700), ==, 0);
    g_assert_true(
        g_file_set_contents(path, "This is no database, but it is long enough.", -1, NULL));
    g_assert_cmpint(run(place, "--check", NULL, NULL, &err), ==, 1);
    g_assert_nonnull(strstr(err, "yundesk.db"));
}

static void
test_second(Place *place, gconstpointer data)
{
    g_autofree char *err = NULL;
    GPid pid = start(place);
    const char *argv[] = {program, "--config", place->config, NULL};
    int status = 0;
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, &err,
                               &status, NULL));
    g_assert_cmpint(WEXITSTATUS(status), ==, 1);
    g_assert_nonnull(strstr(err, "deskd"));
    g_assert_true(g_file_test(place->socket, G_FILE_TEST_EXISTS)); // the first one's
    end(place, pid, SIGTERM, 0);
    g_assert_false(g_file_test(place->socket, G_FILE_TEST_EXISTS));
}

static void
test_killed(Place *place, gconstpointer data)
{
    GPid pid = start(place);
    end(place, pid, SIGKILL, -1);
    pid = start(place); // stale socket and pid file do not matter
    gint64 took = end(place, pid, SIGTERM, 0);
    g_test_message("it ended after %" G_GINT64_FORMAT " ms", took);
    g_assert_cmpint(took, <, 5000); // goal 3 s; sanitizers and busy machines get more
}

#define ADD(name, function, config)                                                                \
    g_test_add("/api/deskd/" name, Place, config, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    program = argc > 1 ? argv[1] : NULL;
    g_autofree char *build = NULL;
    if (!program)
        program = build = g_build_filename(g_getenv("YD_BUILD"), "src", "deskd", "deskd", NULL);
    ADD("options", test_options, NULL);
    ADD("bad-config", test_bad_config, "max_body=many\n");
    ADD("sample", test_sample, NULL);
    ADD("damaged-store", test_damaged_store, NULL);
    ADD("second", test_second, NULL);
    ADD("killed", test_killed, NULL);
    return g_test_run();
}
