// SPDX-License-Identifier: Apache-2.0
// The list of system calls is what libnbd, libext2fs and malloc need on an open socket and pipe.
#include "deskread/confine.h"

#include <errno.h>
#include <grp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"

#define MEMORY_MAX ((rlim_t)1 << 30)
#define NOBODYS_UID 2000000000 // and upwards: users that no host has
#define NOBODY 65534

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0 // else: the sanitizer reserves terabytes and asks the kernel for more
#endif

// The last are harmless questions: of libext2fs before it reads its environment (since 1.47.1), and
// of glibc's getrandom (how many processors, since 2.41).
static const char *const allowed[] = {
    "read",
    "write",
    "recvfrom",
    "recvmsg",
    "sendto",
    "sendmsg",
    "poll",
    "ppoll",
    "fcntl",
    "getsockopt",
    "setsockopt",
    "shutdown",
    "close",
    "munmap",
    "mremap",
    "brk",
    "madvise",
    "futex",
    "getrandom",
    "clock_gettime",
    "gettimeofday",
    "exit",
    "exit_group",
    "rt_sigreturn",
    "rt_sigprocmask",
    "restart_syscall",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "sched_getaffinity",
};

static gboolean
refused(const char *what, int number, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "%s: %s", what, g_strerror(number));
    return FALSE;
}

static gboolean
become(uid_t user)
{
    return setgroups(0, NULL) == 0 && setresgid(user, user, user) == 0 &&
           setresuid(user, user, user) == 0;
}

static gboolean
limit(guint seconds)
{
    const struct {
        int what;
        rlim_t most;
    } limits[] = {{RLIMIT_CORE, 0},

                  {RLIMIT_CPU, seconds},
                  {RLIMIT_NOFILE, 16},
                  {RLIMIT_AS, MEMORY_MAX}};
    for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
        struct rlimit both = {limits[i].most, limits[i].most};
        if (SANITIZED && (limits[i].what == RLIMIT_AS || limits[i].what == RLIMIT_NOFILE))
            continue;
        if (setrlimit(limits[i].what, &both) != 0)
            return FALSE;
    }
    return TRUE;
}

static int
filter(void)
{
    scmp_filter_ctx context = seccomp_init(SCMP_ACT_KILL_PROCESS);
    int code = context ? 0 : -ENOMEM;
    for (guint i = 0; code == 0 && i < G_N_ELEMENTS(allowed); i++) {
        int number = seccomp_syscall_resolve_name(allowed[i]);
        if (number != __NR_SCMP_ERROR)
            code = seccomp_rule_add(context, SCMP_ACT_ALLOW, number, 0);
    }
    // Memory, but none that can be run.
    for (guint i = 0; code == 0 && i < 2; i++)
        code = seccomp_rule_add(context, SCMP_ACT_ALLOW, i ? SCMP_SYS(mmap) : SCMP_SYS(mprotect), 1,
                                SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (code == 0) // libext2fs likewise: whether it is set-uid, in effect
        code = seccomp_rule_add(context, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                                SCMP_A0(SCMP_CMP_EQ, PR_GET_DUMPABLE));
    if (code == 0)
        code = seccomp_load(context);
    seccomp_release(context);
    return code;
}

gboolean
yd_confine(guint seconds, GError **error)
{
    if (!limit(seconds))
        return refused("the reader cannot limit itself", errno, error);
    if (geteuid() == 0 && !become(NOBODYS_UID + (uid_t)getpid()) && !become(NOBODY))
        return refused("the reader cannot give up its user", errno, error);
    if ((!SANITIZED && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) ||
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refused("the reader cannot give up new privileges", errno, error);
    int code = SANITIZED ? 0 : filter();
    return code == 0 || refused("the reader cannot limit its system calls", -code, error);
}
