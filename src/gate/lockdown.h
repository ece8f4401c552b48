// SPDX-License-Identifier: Apache-2.0
// What the gate gives up before strangers reach it: root, capabilities, and later all system calls
// that it does not need.
#pragma once

#include <glib.h>

typedef enum {
    YD_GATE_SECCOMP_ON,
    YD_GATE_SECCOMP_LOG, // only written to the kernel's log
    YD_GATE_SECCOMP_OFF,
} YdGateSeccomp;

// The values of seccomp= in the order of YdGateSeccomp, NULL-terminated.
extern const char *const yd_gate_seccomp_names[];

// After the sockets are bound and before any thread: a process of root becomes `user` (its group
// too); every capability goes, and with it the right to get any back (no_new_privs). With user
// "root", root stays root and keeps its capabilities: for tests. Fails with YD_ERROR_INVALID when
// there is no such user, YD_ERROR_INTERNAL when the kernel refuses.
gboolean yd_gate_drop_privileges(const char *user, GError **error);

// After everything is started, for all threads of the process at once: what docs/gateway.md lists
// goes on to work, all else fails with ENOSYS, opening a file for writing with EPERM, and what only
// an intruder would try (execve, ptrace, …) kills the process. *ret_text says what has been done,
// for the log; owned by the caller. Fails with YD_ERROR_UNAVAILABLE when the kernel has no filters.
gboolean yd_gate_lock_system_calls(YdGateSeccomp mode, char **ret_text, GError **error);
