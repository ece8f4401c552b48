// SPDX-License-Identifier: Apache-2.0
// The list of system calls, by libseccomp. Written for glibc 2.36 and 2.41 and OpenSSL 3.0 and 3.5:
// what a newer library tries first (clone3, openat2, …) is answered with ENOSYS, for which each of
// them has an older way.
#include "gate/lockdown.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

const char *const yd_gate_seccomp_names[] = {"on", "log", "off", NULL};

// By name, so that one that an architecture does not have is simply left out.
static const char *const allowed[] = {
    // bytes
    "read",
    "readv",
    "pread64",
    "write",
    "writev",
    "splice",
    "recvfrom",
    "recvmsg",
    "recvmmsg",
    "sendto",
    "sendmsg",
    "sendmmsg",
    "sendfile",
    "vmsplice",
    "tee",
    // sockets
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "shutdown",
    "getsockname",
    "getpeername",
    "getsockopt",
    "setsockopt",
    // descriptors
    "close",
    "close_range",
    "dup",
    "dup2",
    "dup3",
    "fcntl",
    "pipe",
    "pipe2",
    "eventfd2",
    "lseek",
    "signalfd4",
    "timerfd_create",
    "timerfd_settime",
    "ftruncate",
    // waiting
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "nanosleep",
    "clock_nanosleep",
    "restart_syscall",
    // time and chance
    "clock_gettime",
    "clock_getres",
    "gettimeofday",
    "time",
    "getrandom",
    // threads that are there
    "futex",
    "sched_yield",
    "sched_getaffinity",
    "set_robust_list",
    "rseq",
    "membarrier",
    "exit",
    "exit_group",
    // signals
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sigaltstack",
    // memory; mmap and mprotect see below
    "brk",
    "munmap",
    "mremap",
    "madvise",
    // who and where
    "getpid",
    "gettid",
    "getppid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "uname",
    "sysinfo",
    "getrusage",
    "getcpu",
    // files that are read (certificate, key), and our own that go at the end
    "fstat",
    "newfstatat",
    "stat",
    "lstat",
    "statx",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getcwd",
    "unlink",
    "unlinkat",
    "umask",
};

// No library has a reason for these: whoever calls them has taken over the process.
static const char *const deadly[] = {
    "execve",
    "execveat",
    "fork",
    "vfork",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "kexec_load",
    "init_module",
    "finit_module",
    "delete_module",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "mount",
    "umount2",
    "pivot_root",
    "chroot",
    "unshare",
    "setns",
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "capset",
    "open_by_handle_at",
    "add_key",
    "request_key",
    "keyctl",
    "personality",
    "swapon",
    "reboot",
    "io_uring_setup",
    "memfd_create",
    "memfd_secret",
    "kcmp",
    "pidfd_getfd",
};

static int
add_names(scmp_filter_ctx filter, guint32 action, const char *const *names, gsize n)
{
    for (gsize i = 0; i < n; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number == __NR_SCMP_ERROR)
            continue;
        int result = seccomp_rule_add(filter, action, number, 0);
        // A number that only other architectures have.
        if (result != 0 && result != -EDOM && result != -EINVAL)
            return result;
    }
    return 0;
}

// Files only for reading.
static int
add_open(scmp_filter_ctx filter, gboolean on)
{
    static const guint64 writes = O_ACCMODE | O_CREAT | O_TRUNC;
    struct scmp_arg_cmp reads[] = {SCMP_A2(SCMP_CMP_MASKED_EQ, writes, O_RDONLY)};
    struct scmp_arg_cmp old[] = {SCMP_A1(SCMP_CMP_MASKED_EQ, writes, O_RDONLY)};
    int result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, reads);
    if (result == 0)
        result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, old);
    static const struct {
        int call;
        unsigned int argument;
    } opens[] = {{SCMP_SYS(openat), 2}, {SCMP_SYS(open), 1}};
    static const guint64 bits[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
    for (gsize i = 0; on && result == 0 && i < G_N_ELEMENTS(opens); i++)
        for (gsize k = 0; result == 0 && k < G_N_ELEMENTS(bits); k++) {
            struct scmp_arg_cmp has[] = {{opens[i].argument, SCMP_CMP_MASKED_EQ, bits[k], bits[k]}};
            result = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), opens[i].call, 1, has);
        }
    return result;
}

// Memory that is never code; ioctls and prctls that only ask.
static int
add_arguments(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp no_code[] = {SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)};
    static const guint64 ioctls[] = {FIONREAD, FIONBIO, TCGETS, TIOCOUTQ};
    static const guint64 prctls[] = {PR_GET_NAME, PR_SET_NAME, PR_SET_VMA};
    int result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_code);
    if (result == 0)
        result = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_code);
    for (gsize i = 0; result == 0 && i < G_N_ELEMENTS(ioctls); i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
                                  SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
    for (gsize i = 0; result == 0 && i < G_N_ELEMENTS(prctls); i++)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                                  SCMP_A0(SCMP_CMP_EQ, prctls[i]));
    // abort() signals itself.
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                                  SCMP_A0(SCMP_CMP_EQ, (guint64)getpid()));
    // Asking for limits, not setting them.
    if (result == 0)
        result = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
                                  SCMP_A2(SCMP_CMP_EQ, 0));
    return result;
}

static gboolean
fail(int result, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "the filter of system calls cannot be set: %s; [deskgate] seccomp=off goes without",
                g_strerror(-result));
    return FALSE;
}

static gboolean
load(YdGateSeccomp mode, GError **error)
{
    gboolean on = mode == YD_GATE_SECCOMP_ON;
    scmp_filter_ctx filter = seccomp_init(on ? SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_LOG);
    if (filter == NULL)
        return fail(-ENOMEM, error);
    int result = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    if (result == 0)
        result = add_names(filter, SCMP_ACT_ALLOW, allowed, G_N_ELEMENTS(allowed));
    if (result == 0 && on)
        result = add_names(filter, SCMP_ACT_KILL_PROCESS, deadly, G_N_ELEMENTS(deadly));
    if (result == 0)
        result = add_open(filter, on);
    if (result == 0)
        result = add_arguments(filter);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    return result == 0 || fail(result, error);
}

gboolean
yd_gate_lock_system_calls(YdGateSeccomp mode, char **ret_text, GError **error)
{
    if (mode == YD_GATE_SECCOMP_OFF || SANITIZED) {
        *ret_text = g_strdup(mode == YD_GATE_SECCOMP_OFF
                                 ? "system calls are not filtered ([deskgate] seccomp=off)"
                                 : "system calls are not filtered: this build has a sanitizer");
        return TRUE;
    }
    if (!load(mode, error))
        return FALSE;
    *ret_text = g_strdup(mode == YD_GATE_SECCOMP_ON
                             ? "system calls are filtered"
                             : "system calls are watched: what the filter would stop is in the "
                               "kernel's log ([deskgate] seccomp=log)");
    return TRUE;
}
