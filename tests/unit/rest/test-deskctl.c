// SPDX-License-Identifier: Apache-2.0
// The program as a whole against a fake server: log-in, names, bodies, waiting, exit codes, files.
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json-util.h"
#include "fake-server.h"

#define ID "01jd0000000000000000000000"
#define JSON NULL

static char *home;

typedef struct {
    FakeServer *server;
    char *out, *err;
    int code;
} Fixture;

static void
run_with(Fixture *f, const char *input, const char *line)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = g_strsplit(line, " ", -1);
    g_autofree char *program = g_build_filename(g_getenv("YD_BUILD"), "src/deskctl/deskctl", NULL);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_ptr_array_add(argv, program);
    for (guint i = 0; words[i]; i++) {
        g_strdelimit(words[i], "~", ' '); // a blank within a word
        g_ptr_array_add(argv, words[i]);
    }
    g_ptr_array_add(argv, NULL);
    g_autoptr(GSubprocessLauncher) launcher =
        g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                  G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_subprocess_launcher_setenv(launcher, "XDG_CONFIG_HOME", home, TRUE);
    g_subprocess_launcher_unsetenv(launcher, "YUNDESK_PROFILE");
    g_subprocess_launcher_set_cwd(launcher, home);
    g_autoptr(GSubprocess) child =
        g_subprocess_launcher_spawnv(launcher, (const char *const *)argv->pdata, &error);
    g_assert_no_error(error);
    g_clear_pointer(&f->out, g_free);
    g_clear_pointer(&f->err, g_free);
    g_subprocess_communicate_utf8(child, input ? input : "", NULL, &f->out, &f->err, &error);
    g_assert_no_error(error);
    g_assert_true(g_subprocess_get_if_exited(child));
    f->code = g_subprocess_get_exit_status(child);
}

static void
run(Fixture *f, const char *line)
{
    run_with(f, NULL, line);
}

// Ran well and said that.
static void
expect(Fixture *f, int code, const char *said)
{
    if (f->code != code || (said && !strstr(f->out, said) && !strstr(f->err, said)))
        g_error("exit %d, not %d, or no \"%s\" in:\n%s\n%s", f->code, code, said, f->out, f->err);
}

static void
answer(Fixture *f, const char *method, const char *path, guint status, const char *body)
{
    g_autofree char *full = g_strconcat("/api/v1", path, NULL);
    fake_server_answer(f->server, method, full, status,
                       status >= 400 ? "application/problem+json" : NULL, body);
}

// The last request of that method and path.
static const FakeRequest *
last(Fixture *f, const char *method, const char *path)
{
    g_autofree char *full = g_strconcat("/api/v1", path, NULL);
    for (guint i = fake_server_count(f->server); i > 0; i--) {
        const FakeRequest *request = fake_server_request(f->server, i - 1);
        if (g_str_equal(request->method, method) && g_str_equal(request->path, full))
            return request;
    }
    g_error("no %s %s", method, full);
    return NULL;
}

static char *
config(const char *name)
{
    return g_build_filename(home, "yundesk", name, NULL);
}

static void
start(Fixture *f, gconstpointer data)
{
    g_autofree char *profiles = config("profiles");
    g_unlink(profiles);
    f->server = fake_server_new(FALSE);
    fake_server_answer(f->server, "GET", "/healthz", 200, "text/plain", "ok\n");
    answer(f, "POST", "/login", 201,
           "{\"token\":\"tok-1\",\"must_change\":false,\"user\":{\"username\":\"admin\"}}");
    g_autofree char *login =
        g_strdup_printf("login %s --username admin --password-stdin", fake_server_url(f->server));
    run_with(f, "s3cret\n", login);
    expect(f, 0, "Logged in to http://127.0.0.1");
}

static void
stop(Fixture *f, gconstpointer data)
{
    fake_server_free(f->server);
    g_free(f->out);
    g_free(f->err);
}

static void
test_login(Fixture *f, gconstpointer data)
{
    g_assert_cmpstr(last(f, "POST", "/login")->body, ==,
                    "{\"username\":\"admin\",\"password\":\"s3cret\",\"kind\":\"bearer\"}");
    answer(f, "GET", "/me", 200, "{\"username\":\"admin\",\"role\":\"admin\",\"name\":\"Admin\"}");
    run(f, "whoami");
    expect(f, 0, "admin");
    g_assert_cmpstr(last(f, "GET", "/me")->token, ==, "Bearer tok-1");
    answer(f, "POST", "/logout", 204, NULL);
    run(f, "logout");
    expect(f, 0, NULL);
    run(f, "whoami");
    expect(f, 4, "logged out");
    g_autofree char *path = config("profiles");
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_null(strstr(text, "tok-1"));
    g_assert_null(strstr(text, "s3cret"));
}

static void
test_first_login(Fixture *f, gconstpointer data)
{
    answer(f, "POST", "/login", 201, "{\"token\":\"tok-2\",\"must_change\":true}");
    answer(f, "POST", "/login", 201, "{\"token\":\"tok-2\",\"must_change\":true}");
    answer(f, "POST", "/me/password", 204, NULL);
    run_with(f, "one-time\nbrand-new\n", "login -u ann --password-stdin --new-password-stdin");
    run_with(f, "one-time\nbrand-new\n", "login -u ann --password-stdin --new-password-stdin");
    expect(f, 0, "password is changed");
    const FakeRequest *request = last(f, "POST", "/me/password");
    g_assert_cmpstr(request->body, ==, "{\"old\":\"one-time\",\"new\":\"brand-new\"}");
    g_assert_cmpstr(request->token, ==, "Bearer tok-2");
    run(f, "login");
    expect(f, 2, "--password-stdin");
}

static void
test_codes(Fixture *f, gconstpointer data)
{
    static const struct {
        guint status;
        const char *code;
        int exit;
    } table[] = {
        {401, "unauthenticated", 4}, {403, "forbidden", 4}, {403, "not-entitled", 4},
        {403, "password-change", 4}, {404, "not-found", 3}, {409, "in-use", 1},
        {503, "unavailable", 5},     {500, "internal", 1},  {400, "invalid", 1},
        {429, "throttled", 5},       {412, "stale", 1},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *path = g_strdup_printf("/users/usr-01jd00000000000000000000%02d", (int)i);
        g_autofree char *body =
            g_strdup_printf("{\"code\":\"%s\",\"detail\":\"no %s\",\"advice\":\"wait\\u001b\"}",
                            table[i].code, table[i].code);
        answer(f, "GET", path, table[i].status, body);
        g_autofree char *line = g_strconcat("user show ", strrchr(path, '/') + 1, NULL);
        g_autofree char *said = g_strconcat("deskctl: no ", table[i].code, NULL);
        run(f, line);
        expect(f, table[i].exit, said);
        // The two that are this program's business have advice of its own.
        gboolean own = strstr("unauthenticated password-change", table[i].code) != NULL;
        g_assert_nonnull(strstr(f->err, own ? "→ " : "→ wait"));
        g_assert_true(!own || strstr(f->err, ": deskctl "));
        g_assert_null(strchr(f->err, '\033'));
    }
    run(f, "user shw x");
    expect(f, 2, "did you mean 'show'");
}

static void
test_list(Fixture *f, gconstpointer data)
{
    answer(f, "GET", "/users", 200,
           "{\"items\":[{\"id\":\"usr-1\",\"username\":\"ann\",\"name\":\"安\"}],\"next\":\"c1\"}");
    answer(f, "GET", "/users", 200,
           "{\"items\":[{\"id\":\"usr-2\",\"username\":\"bob\"}],\"next\":null}");
    run(f, "user list --all --filter role=user --search a&b --sort -name --columns username,id");
    expect(f, 0, "USERNAME  id\nann       usr-1\nbob       usr-2\n");
    const FakeRequest *request = last(f, "GET", "/users");
    g_assert_cmpstr(request->query, ==, "role=user&search=a%26b&sort=-name&limit=200&cursor=c1");
    answer(f, "GET", "/audit", 200, "{\"items\":[],\"next\":null}");
    run(f, "audit list --json");
    g_assert_cmpstr(f->out, ==, "[]\n");
    g_assert_cmpstr(last(f, "GET", "/audit")->query, ==, "sort=-time&limit=100");
}

static void
test_names(Fixture *f, gconstpointer data)
{
    answer(f, "GET", "/users", 200,
           "{\"items\":[{\"id\":\"usr-" ID
           "\",\"username\":\"ann\",\"version\":3}],\"next\":null}");
    answer(f, "DELETE", "/users/usr-" ID, 204, NULL);
    run(f, "user delete ann");
    expect(f, 2, "add --yes");
    run(f, "user delete ann --yes");
    expect(f, 0, "user ann: deleted");
    run(f, "user delete an --yes");
    expect(f, 3, "alike: ann");
    answer(f, "PATCH", "/users/usr-" ID, 200, "{\"id\":\"usr-" ID "\"}");
    run(f, "user edit ann --name Ann~Lee --role manager");
    expect(f, 0, "changed");
    g_assert_cmpstr(last(f, "PATCH", "/users/usr-" ID)->body, ==,
                    "{\"name\":\"Ann Lee\",\"role\":\"manager\"}");
    run(f, "user edit ann");
    expect(f, 2, "nothing to change");
    // A department that is not there is found before the account is made.
    answer(f, "GET", "/departments", 200, "{\"items\":[],\"next\":null}");
    answer(f, "POST", "/users", 201, "{\"id\":\"usr-2\"}");
    guint before = fake_server_count(f->server);
    run(f, "user add eve --department nowhere");
    expect(f, 3, "no department 'nowhere'");
    g_assert_cmpuint(fake_server_count(f->server), ==, before + 1);
    answer(f, "POST", "/users/usr-2/password", 200, "{\"password\":\"pw-1\"}");
    run(f, "user add eve --role manager");
    expect(f, 0, "user eve: made; one-time password: pw-1");
    run_with(f, "first\n", "user add eve --password-stdin --json");
    expect(f, 0, "usr-2");
    g_assert_cmpstr(last(f, "POST", "/users")->body, ==,
                    "{\"username\":\"eve\",\"name\":\"eve\",\"password\":\"first\"}");
    // One of two is wrong: the other one is done all the same.
    run(f, "user disable ann nobody --yes");
    expect(f, 3, "user ann: disabled");
}

static void
test_jobs(Fixture *f, gconstpointer data)
{
    const char *desktop = "/desktops/dsk-" ID;
    answer(f, "GET", desktop, 200, "{\"id\":\"dsk-" ID "\",\"name\":\"d1\"}");
    answer(f, "POST", "/desktops/dsk-" ID "/start", 202, "{\"id\":\"job-1\",\"state\":\"queued\"}");
    answer(f, "GET", "/jobs/job-1", 200,
           "{\"id\":\"job-1\",\"kind\":\"desktop-start\",\"object_name\":\"d1\",\"state\":\"done\","
           "\"step\":\"ready\",\"progress\":100}");
    run(f, "desktop start dsk-" ID);
    expect(f, 0, "desktop d1: start done");
    g_assert_nonnull(strstr(f->err, "desktop-start d1 ready"));
    g_assert_cmpstr(last(f, "POST", "/desktops/dsk-" ID "/start")->body, ==, "");
    run(f, "desktop start dsk-" ID " --no-wait");
    expect(f, 0, "desktop d1: job job-1");
    answer(f, "POST", "/desktops/dsk-" ID "/shutdown", 202, "{\"job\":{\"id\":\"job-2\"}}");
    answer(f, "GET", "/jobs/job-2", 200,
           "{\"id\":\"job-2\",\"state\":\"failed\",\"error_code\":\"timeout\",\"error\":\"it "
           "hangs\"}");
    run(f, "desktop shutdown dsk-" ID);
    expect(f, 5, "job-2 failed: it hangs");
}

static void
test_pool(Fixture *f, gconstpointer data)
{
    answer(f, "GET", "/templates", 200,
           "{\"items\":[{\"id\":\"tpl-" ID "\",\"name\":\"office\"}],\"next\":null}");
    answer(f, "GET", "/templates/tpl-" ID "/versions", 200,
           "{\"items\":[{\"id\":\"tpv-1\",\"number\":1,\"state\":\"ready\"},"
           "{\"id\":\"tpv-2\",\"number\":2,\"state\":\"ready\"},"
           "{\"id\":\"tpv-3\",\"number\":3,\"state\":\"importing\"}],\"next\":null}");
    answer(f, "GET", "/networks", 200,
           "{\"items\":[{\"id\":\"net-" ID "\",\"name\":\"lan\"}],\"next\":null}");
    answer(f, "POST", "/pools", 201, "{\"id\":\"pol-" ID "\"}");
    run(f, "pool add staff --template office --network lan --memory 2G --disk 30 "
           "--policy clipboard=false");
    expect(f, 0, "pool staff: made");
    g_assert_cmpstr(
        last(f, "POST", "/pools")->body, ==,
        "{\"name\":\"staff\",\"template_version_id\":\"tpv-2\",\"network_id\":\"net-" ID
        "\",\"disk_gib\":30,\"policy\":{\"clipboard\":false},\"vcpus\":2,\"memory_mib\":2048}");
    // Two processors and 2 GiB are what an office desktop needs.
    run(f, "pool add old --template office:1 --network none");
    expect(f, 0, NULL);
    g_assert_nonnull(strstr(last(f, "POST", "/pools")->body, "\"tpv-1\",\"network_id\":null"));
    g_assert_nonnull(strstr(last(f, "POST", "/pools")->body, "\"vcpus\":2,\"memory_mib\":2048}"));
    run(f, "pool add bad --template office:9");
    expect(f, 3, "no version 9");
    // A policy is merged into what is there, guarded by the version that was read.
    answer(f, "GET", "/pools/pol-" ID, 200,
           "{\"id\":\"pol-" ID "\",\"name\":\"staff\",\"version\":7,\"policy\":{\"usb\":false}}");
    answer(f, "PATCH", "/pools/pol-" ID, 200, "{\"id\":\"pol-" ID "\"}");
    run(f, "pool edit pol-" ID " --policy drives=false");
    expect(f, 0, "changed");
    g_assert_cmpstr(last(f, "PATCH", "/pools/pol-" ID)->body, ==,
                    "{\"policy\":{\"usb\":false,\"drives\":false}}");
    g_assert_cmpstr(last(f, "PATCH", "/pools/pol-" ID)->if_match, ==, "\"7\"");
}

static void
test_import(Fixture *f, gconstpointer data)
{
    g_autofree char *image = g_build_filename(home, "image.qcow2", NULL);
    g_assert_true(g_file_set_contents(image, "QFI image", -1, NULL));
    answer(f, "GET", "/templates", 200, "{\"items\":[],\"next\":null}");
    answer(f, "POST", "/templates", 201, "{\"id\":\"tpl-" ID "\"}");
    answer(f, "PUT", "/uploads", 201, "{\"upload\":\"upl-1\",\"bytes\":9}");
    answer(f, "POST", "/templates/tpl-" ID "/versions", 202, "{\"id\":\"job-1\"}");
    answer(f, "GET", "/jobs/job-1", 200, "{\"id\":\"job-1\",\"state\":\"done\"}");
    run(f, "template import office image.qcow2 --os linux --access rdp --notes first~one");
    expect(f, 0, "template office: imported");
    g_assert_cmpstr(last(f, "PUT", "/uploads")->body, ==, "QFI image");
    g_assert_cmpstr(last(f, "POST", "/templates")->body, ==,
                    "{\"name\":\"office\",\"os\":\"linux\",\"access\":\"rdp\"}");
    g_assert_cmpstr(last(f, "POST", "/templates/tpl-" ID "/versions")->body, ==,
                    "{\"upload\":\"upl-1\",\"notes\":\"first one\"}");
    run(f, "template import office /srv/x.qcow2 --on-server");
    expect(f, 0, NULL);
    g_assert_cmpstr(last(f, "POST", "/templates/tpl-" ID "/versions")->body, ==,
                    "{\"path\":\"/srv/x.qcow2\"}");
    guint before = fake_server_count(f->server);
    run(f, "template import office missing.qcow2");
    expect(f, 1, "not a file on this computer");
    g_assert_cmpuint(fake_server_count(f->server), ==, before);
    g_unlink(image);
}

#define READY                                                                                      \
    "{\"id\":\"con-1\",\"state\":\"ready\",\"desktop_id\":\"dsk-" ID "\",\"protocol\":\"rdp\","    \
    "\"host\":\"desk\",\"port\":443,\"ticket\":\"tick\",\"username\":\"ann\","                     \
    "\"password\":\"one-time\",\"expires\":\"2026-01-01T00:00:00Z\","                              \
    "\"file\":{\"name\":\"office.rdp\",\"type\":\"application/x-rdp\","                            \
    "\"content\":\"full address:s:desk\\r\\n\"}}"

static void
test_connect(Fixture *f, gconstpointer data)
{
    answer(f, "GET", "/me/desktops", 200,
           "{\"items\":[{\"pool_id\":\"pol-" ID "\",\"pool_name\":\"office\",\"access\":\"rdp\","
           "\"desktop\":null}],\"next\":null}");
    const char *path = "/pools/pol-" ID "/connections";
    answer(f, "POST", path, 202, "{\"state\":\"preparing\",\"job\":{\"id\":\"job-1\"}}");
    answer(f, "POST", path, 201, READY);
    answer(f, "GET", "/jobs/job-1", 200, "{\"id\":\"job-1\",\"state\":\"done\"}");
    run(f, "desktop connect office --rdp");
    expect(f, 0, "one-time password: one-time");
    g_assert_cmpstr(last(f, "POST", path)->body, ==, "{\"protocol\":\"rdp\"}");
    g_autofree char *file = g_build_filename(home, "office.rdp", NULL);
    g_autofree char *text = NULL;
    struct stat st;
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "full address:s:desk\r\n");
    g_assert_cmpint(g_stat(file, &st), ==, 0);
    g_assert_cmphex(st.st_mode & 0777, ==, 0600);
    g_unlink(file);
    run(f, "desktop connect --out -"); // the only one, its own protocol
    expect(f, 0, "full address:s:desk\r\n");
    g_assert_cmpstr(last(f, "POST", path)->body, ==, "{}");
    run(f, "desktop connect --rdp --spice");
    expect(f, 2, "contradict");
    run(f, "desktop connect --size 10");
    expect(f, 2, "WIDTHxHEIGHT");
    answer(f, "GET", "/desktops", 200, "{\"items\":[],\"next\":null}");
    run(f, "desktop connect ofice");
    expect(f, 3, "yours are: office");
}

// A client that writes down what it was started with.
static void
test_open(Fixture *f, gconstpointer data)
{
    g_autofree char *bin = g_build_filename(home, "bin", NULL);
    g_autofree char *client = g_build_filename(bin, "xfreerdp3", NULL);
    g_autofree char *log = g_build_filename(home, "log", NULL);
    g_autofree char *script = g_strdup_printf(
        "#!/bin/sh\nread -r line\necho \"args: $*\" > %s\necho \"stdin: $line\" >> %s\n"
        "stat -c 'mode: %%a' \"$1\" >> %s\ncat \"$1\" >> %s\nexit ${YD_EXIT:-0}\n",
        log, log, log, log);
    g_mkdir(bin, 0755);
    g_assert_true(
        g_file_set_contents_full(client, script, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
    g_autofree char *before = g_strdup(g_getenv("PATH"));
    g_autofree char *path = g_strdup_printf("%s:%s", bin, before);
    g_setenv("PATH", path, TRUE);
    answer(f, "POST", "/desktops/dsk-" ID "/connections", 201, READY);
    answer(f, "GET", "/desktops/dsk-" ID, 200, "{\"id\":\"dsk-" ID "\",\"certificate\":\"ab12\"}");
    run(f, "desktop connect dsk-" ID " --rdp --open --fullscreen");
    expect(f, 0, NULL);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(log, &text, NULL, NULL));
    g_assert_nonnull(
        strstr(text, "/u:ann /d: /from-stdin:force /cert:fingerprint:sha256:ab:12 /f"));
    g_assert_nonnull(strstr(text, "stdin: one-time\n"));
    g_assert_nonnull(strstr(text, "mode: 600\n"));
    g_assert_nonnull(strstr(text, "full address:s:desk"));
    // Exit codes of the client: a session that ended is no failure, a wrong password is.
    g_setenv("YD_EXIT", "12", TRUE);
    run(f, "desktop connect dsk-" ID " --rdp --open");
    expect(f, 0, NULL);
    g_setenv("YD_EXIT", "132", TRUE);
    run(f, "desktop connect dsk-" ID " --rdp --open");
    expect(f, 1, "exit code 132");
    g_unsetenv("YD_EXIT");
    // Neither ticket nor password on the command line, and the file is gone.
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_assert_null(strstr(lines[0], "tick"));
    g_assert_null(strstr(lines[0], "one-time"));
    g_auto(GStrv) words = g_strsplit(lines[0], " ", -1);
    g_assert_false(g_file_test(words[1], G_FILE_TEST_EXISTS));
    g_setenv("PATH", before, TRUE);
    g_unlink(client);
    g_unlink(log);
    g_rmdir(bin);
}

static gboolean
wait_for_file(const char *path)
{
    gint64 until = g_get_monotonic_time() + 60 * G_TIME_SPAN_SECOND;
    while (!g_file_test(path, G_FILE_TEST_EXISTS) && g_get_monotonic_time() < until)
        g_usleep(10000);
    return g_file_test(path, G_FILE_TEST_EXISTS);
}

// Ending deskctl ends the client, and takes the file with the ticket away.
static void
test_end(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *bin = g_build_filename(home, "bin", NULL);
    g_autofree char *client = g_build_filename(bin, "remote-viewer", NULL);
    g_autofree char *began = g_build_filename(home, "began", NULL);
    g_autofree char *ended = g_build_filename(home, "ended", NULL);
    g_autofree char *script =
        g_strdup_printf("#!/bin/sh\ntrap 'echo > %s; exit 0' TERM\necho \"$1\" > %s.new\n"
                        "mv %s.new %s\nwhile :; do sleep 0.05; done\n",
                        ended, began, began, began);
    g_mkdir(bin, 0755);
    g_assert_true(
        g_file_set_contents_full(client, script, -1, G_FILE_SET_CONTENTS_NONE, 0755, NULL));
    answer(f, "POST", "/desktops/dsk-" ID "/connections", 201,
           "{\"state\":\"ready\",\"protocol\":\"spice\",\"file\":{\"content\":\"[virt-viewer]\"}}");
    g_autofree char *program = g_build_filename(g_getenv("YD_BUILD"), "src/deskctl/deskctl", NULL);
    g_autofree char *path = g_strdup_printf("%s:%s", bin, g_getenv("PATH"));
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_subprocess_launcher_setenv(launcher, "XDG_CONFIG_HOME", home, TRUE);
    g_subprocess_launcher_setenv(launcher, "PATH", path, TRUE);
    g_autoptr(GSubprocess) child = g_subprocess_launcher_spawn(
        launcher, &error, program, "desktop", "connect", "dsk-" ID, "--open", NULL);
    g_assert_no_error(error);
    g_assert_true(wait_for_file(began));
    g_autofree char *file = NULL;
    g_assert_true(g_file_get_contents(began, &file, NULL, NULL));
    g_strchomp(file);
    g_assert_true(g_file_test(file, G_FILE_TEST_EXISTS));
    g_subprocess_send_signal(child, SIGTERM);
    g_assert_true(g_subprocess_wait(child, NULL, &error));
    g_assert_true(g_file_test(ended, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(file, G_FILE_TEST_EXISTS));
    g_unlink(client);
    g_unlink(began);
    g_unlink(ended);
    g_rmdir(bin);
}

static void
test_settings_and_doctor(Fixture *f, gconstpointer data)
{
    answer(f, "PATCH", "/settings", 200, "{\"lock_after\":{\"value\":5,\"default\":10}}");
    run(f, "settings set lock_after=5 lock_seconds=null");
    expect(f, 0, "lock_after");
    g_assert_cmpstr(last(f, "PATCH", "/settings")->body, ==,
                    "{\"lock_after\":5,\"lock_seconds\":null}");
    answer(f, "POST", "/doctor", 202, "{\"id\":\"job-1\"}");
    answer(f, "GET", "/jobs/job-1", 200,
           "{\"id\":\"job-1\",\"state\":\"done\",\"result\":{\"checks\":["
           "{\"check\":\"store\",\"ok\":true,\"message\":\"fine\",\"ms\":1},"
           "{\"check\":\"gate\",\"ok\":false,\"message\":\"silent\",\"advice\":\"start it\"},"
           "{\"check\":\"rdp\",\"ok\":null,\"message\":\"not looked at\"}]}}");
    run(f, "doctor");
    expect(f, 1, "1 of the checks failed");
    g_assert_nonnull(strstr(f->out, "NO       gate"));
    g_assert_nonnull(strstr(f->out, "gate: silent\n  → start it\n"));
}

static void
test_away(Fixture *f, gconstpointer data)
{
    g_autofree char *path = config("profiles");
    g_assert_true(g_file_set_contents_full(path, "[default]\nurl=http://127.0.0.1:1\ntoken=x\n", -1,
                                           G_FILE_SET_CONTENTS_NONE, 0600, NULL));
    run(f, "whoami");
    expect(f, 5, "can't be reached");
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *path;
        void (*func)(Fixture *f, gconstpointer data);
    } tests[] = {
        {"/deskctl/login", test_login},
        {"/deskctl/first-login", test_first_login},
        {"/deskctl/codes", test_codes},
        {"/deskctl/list", test_list},
        {"/deskctl/names", test_names},
        {"/deskctl/jobs", test_jobs},
        {"/deskctl/pool", test_pool},
        {"/deskctl/import", test_import},
        {"/deskctl/connect", test_connect},
        {"/deskctl/open", test_open},
        {"/deskctl/end", test_end},
        {"/deskctl/settings-and-doctor", test_settings_and_doctor},
        {"/deskctl/away", test_away},
    };
    home = g_dir_make_tmp("test-deskctl-XXXXXX", NULL);
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].path, Fixture, NULL, start, tests[i].func, stop);
    int result = g_test_run();
    g_autofree char *profiles = config("profiles");
    g_unlink(profiles);
    g_autofree char *dir = config("");
    g_rmdir(dir);
    g_rmdir(home);
    g_free(home);
    return result;
}
