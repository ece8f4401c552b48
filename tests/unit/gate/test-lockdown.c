// SPDX-License-Identifier: Apache-2.0
// What a process may still do behind the filter of system calls, and after giving up privileges.
// Each case runs in a process of its own.
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gate/lockdown.h"

// Runs act in a child; returns its wait status.
static int
in_child(void (*act)(void))
{
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        act();
        _exit(99);
    }
    int status = 0;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    return status;
}

static void
lock(YdGateSeccomp mode)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    if (!yd_gate_drop_privileges("root", &error) || !yd_gate_lock_system_calls(mode, &text, &error))
        _exit(98);
}

// Without a sanitizer; there the filter is off.
static gboolean
is_filtered(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    static int known = -1;
    if (known >= 0)
        return known;
    int ends[2];
    char answer = 0;
    g_assert_cmpint(pipe(ends), ==, 0);
    pid_t child = fork();
    if (child == 0) {
        gboolean good = yd_gate_drop_privileges("root", &error) &&
                        yd_gate_lock_system_calls(YD_GATE_SECCOMP_ON, &text, &error);
        answer = good && strcmp(text, "system calls are filtered") == 0 ? 'y' : 'n';
        _exit(write(ends[1], &answer, 1) == 1 ? 0 : 1);
    }
    close(ends[1]);
    g_assert_cmpint(read(ends[0], &answer, 1), ==, 1);
    close(ends[0]);
    waitpid(child, NULL, 0);
    known = answer == 'y';
    return known;
}

static gboolean
skip(void)
{
    if (is_filtered())
        return FALSE;
    g_test_skip("the filter is off under sanitizers");
    return TRUE;
}

// ---- what kills ----

static void
do_execve(void)
{
    lock(YD_GATE_SECCOMP_ON);
    execl("/bin/true", "true", NULL);
}

static void
do_ptrace(void)
{
    lock(YD_GATE_SECCOMP_ON);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static void
do_fork(void)
{
    lock(YD_GATE_SECCOMP_ON);
    syscall(SYS_vfork);
}

static void
do_setuid(void)
{
    lock(YD_GATE_SECCOMP_ON);
    syscall(SYS_setuid, 0);
}

static gpointer
execute(gpointer data)
{
    execl("/bin/true", "true", NULL);
    _exit(97);
}

// A thread that was there before the filter.
static gpointer
wait_and_execute(gpointer data)
{
    char byte;
    if (read(*(int *)data, &byte, 1) == 1)
        execute(NULL);
    return NULL;
}

static void
do_execve_in_thread(void)
{
    int ends[2];
    if (pipe(ends) != 0)
        _exit(96);
    GThread *thread = g_thread_new("before", wait_and_execute, &ends[0]);
    lock(YD_GATE_SECCOMP_ON);
    if (write(ends[1], "x", 1) == 1)
        g_thread_join(thread);
}

static void
test_kills(void)
{
    static void (*const acts[])(void) = {do_execve, do_ptrace, do_fork, do_setuid,
                                         do_execve_in_thread};
    if (skip())
        return;
    for (guint i = 0; i < G_N_ELEMENTS(acts); i++) {
        int status = in_child(acts[i]);
        g_assert_true(WIFSIGNALED(status));
        g_assert_cmpint(WTERMSIG(status), ==, SIGSYS);
    }
}

// ---- what fails ----

static void
check(gboolean good, int code)
{
    if (!good)
        _exit(code);
}

static void
do_fail(void)
{
    char page[] = "/tmp/yd-lockdown-XXXXXX";
    lock(YD_GATE_SECCOMP_ON);
    check(open("/dev/null", O_WRONLY) < 0 && errno == EPERM, 1);
    check(open("/dev/null", O_RDWR) < 0 && errno == EPERM, 2);
    check(open(page, O_RDONLY | O_CREAT, 0600) < 0 && errno == EPERM, 3);
    check(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
                  MAP_FAILED &&
              errno == ENOSYS,
          4);
    check(mkdir(page, 0700) < 0 && errno == ENOSYS, 5);
    check(chmod("/tmp", 0700) < 0 && errno == ENOSYS, 6);
    check(kill(getppid(), 0) < 0 && errno == ENOSYS, 7);
    check(syscall(SYS_tgkill, getppid(), getppid(), 0) < 0 && errno == ENOSYS, 8);
    check(syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS, 9);
    _exit(0);
}

static void
do_work(void)
{
    char bytes[64];
    int pair[2];
    lock(YD_GATE_SECCOMP_ON);
    int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    check(file >= 0 && read(file, bytes, sizeof bytes) > 0 && close(file) == 0, 1);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, 2);
    check(send(pair[0], "x", 1, 0) == 1 && recv(pair[1], bytes, 1, 0) == 1, 3);
    // More than malloc() keeps at hand, and back.
    void *much = malloc(64 << 20);
    check(much != NULL, 4);
    memset(much, 1, 64 << 20);
    free(much);
    g_usleep(1000);
    g_autofree char *text = g_strdup_printf("%s %f", g_strerror(ENOENT), 1.5);
    check(text != NULL, 5);
    _exit(0);
}

static void
do_log(void)
{
    lock(YD_GATE_SECCOMP_LOG);
    int file = open("/dev/null", O_WRONLY | O_CLOEXEC);
    check(file >= 0, 1);
    execl("/bin/true", "true", NULL);
    _exit(2);
}

static void
test_fails(void)
{
    if (!skip())
        g_assert_cmpint(in_child(do_fail), ==, 0);
}

static void
test_works(void)
{
    g_assert_cmpint(in_child(do_work), ==, 0);
}

static void
test_log(void)
{
    g_assert_cmpint(in_child(do_log), ==, 0);
}

// ---- privileges ----

static void
do_drop(void)
{
    g_autoptr(GError) error = NULL;
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];
    check(yd_gate_drop_privileges("nobody", &error), 1);
    check(getuid() != 0 && geteuid() != 0 && getgid() != 0 && getegid() != 0, 2);
    check(syscall(SYS_capget, &header, caps) == 0 && caps[0].permitted == 0 &&
              caps[0].effective == 0 && caps[1].permitted == 0,
          3);
    check(setuid(0) != 0, 4);
    _exit(0);
}

static void
do_drop_to_nobody_known(void)
{
    g_autoptr(GError) error = NULL;
    check(!yd_gate_drop_privileges("yd-no-such-user", &error), 1);
    check(strstr(error->message, "yd-no-such-user") != NULL, 2);
    _exit(0);
}

static void
test_privileges(void)
{
    if (geteuid() != 0) {
        g_test_skip("needs root, which it gives up");
        return;
    }
    g_assert_cmpint(in_child(do_drop), ==, 0);
    g_assert_cmpint(in_child(do_drop_to_nobody_known), ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lockdown/forbidden-calls-kill", test_kills);
    g_test_add_func("/lockdown/other-calls-fail", test_fails);
    g_test_add_func("/lockdown/needed-calls-work", test_works);
    g_test_add_func("/lockdown/log-stops-nothing", test_log);
    g_test_add_func("/lockdown/root-is-given-up", test_privileges);
    return g_test_run();
}
