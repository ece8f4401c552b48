// SPDX-License-Identifier: Apache-2.0
// What a program tells its surroundings: log lines, pid file, READY.
#include <glib/gstdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/pidfile.h"

static void
test_log_line(void)
{
    YdLogFields fields = {.job = "job-1", .desktop = "dsk-1"};
    g_autofree char *line =
        yd_log_line("deskd", G_LOG_LEVEL_WARNING, "two\nlines \x1b[31m “ü”", &fields);
    g_assert_cmpstr(line, ==, "warning deskd: two\\x0alines \\x1b[31m “ü” job=job-1 desktop=dsk-1");
    g_autofree char *bare = yd_log_line("deskd", G_LOG_LEVEL_INFO, "text", NULL);
    g_assert_cmpstr(bare, ==, "info deskd: text");
}

static void
test_log_writer(void)
{
    if (g_test_subprocess()) {
        yd_log_init("prog");
        YdLogFields fields = {.request = "r1", .session = "con-1"};
        yd_log(G_LOG_LEVEL_INFO, &fields, "hello %d", 5);
        yd_log(G_LOG_LEVEL_DEBUG, NULL, "hidden");
        return;
    }
    g_test_trap_subprocess(NULL, 0, G_TEST_SUBPROCESS_DEFAULT);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*info prog: hello 5 request=r1 session=con-1\n*");
    g_test_trap_assert_stderr_unmatched("*hidden*");
}

static void
test_pidfile(void)
{
    g_autofree char *dir = g_dir_make_tmp("pidfile-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "deskd.pid", NULL);
    g_assert_true(g_file_set_contents(path, "999999\n", -1, NULL)); // left by a dead one
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPidfile) mine = yd_pidfile_take(path, &error);
    g_assert_no_error(error);
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpint(atoi(text), ==, getpid());
    g_assert_null(yd_pidfile_take(path, &error)); // held
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    g_clear_pointer(&mine, yd_pidfile_free);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_null(yd_pidfile_take("/nowhere/deskd.pid", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    g_rmdir(dir);
}

static void
test_notify(void)
{
    g_unsetenv("NOTIFY_SOCKET");
    g_assert_true(yd_notify("READY=1"));
    g_autofree char *dir = g_dir_make_tmp("notify-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "socket", NULL);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_setenv("NOTIFY_SOCKET", path, TRUE);
    g_assert_true(yd_notify("READY=1"));
    char text[32] = "";
    g_assert_cmpint(recv(fd, text, sizeof text - 1, MSG_DONTWAIT), ==, 7);
    g_assert_cmpstr(text, ==, "READY=1");
    close(fd);
    g_unlink(path);
    g_assert_false(yd_notify("READY=1")); // nobody listens
    g_setenv("NOTIFY_SOCKET", "relative", TRUE);
    g_assert_false(yd_notify("READY=1"));
    g_unsetenv("NOTIFY_SOCKET");
    g_rmdir(dir);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/process/log-line", test_log_line);
    g_test_add_func("/process/log-writer", test_log_writer);
    g_test_add_func("/process/pidfile", test_pidfile);
    g_test_add_func("/process/notify", test_notify);
    return g_test_run();
}
