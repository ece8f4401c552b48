// SPDX-License-Identifier: Apache-2.0
// Users and capabilities by the kernel's own calls (capabilities(7)): two of them need no library.
#include "gate/lockdown.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"

static gboolean
refused(const char *what, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "cannot %s: %s", what, g_strerror(errno));
    return FALSE;
}

static gboolean
become(const char *user, GError **error)
{
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL || entry->pw_uid == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                    "deskgate does not stay root, and there is no user \"%s\" to become; start it "
                    "as an unprivileged user, make that user, or name another one by [deskgate] "
                    "user=",
                    user);
        return FALSE;
    }
    if (initgroups(user, entry->pw_gid) != 0 ||
        setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0 ||
        setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0)
        return refused("become the unprivileged user", error);
    return TRUE;
}

static gboolean
drop_capabilities(GError **error)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
        syscall(SYS_capset, &header, none) != 0)
        return refused("drop capabilities", error);
    return TRUE;
}

gboolean
yd_gate_drop_privileges(const char *user, GError **error)
{
    gboolean stay = geteuid() == 0 && strcmp(user, "root") == 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return refused("give up new privileges", error);
    if (stay) {
        yd_log(G_LOG_LEVEL_MESSAGE, NULL,
               "[deskgate] user=root: the gate stays root, which is for tests only");
        return TRUE;
    }
    if (geteuid() == 0 && !become(user, error))
        return FALSE;
    return drop_capabilities(error);
}
