// SPDX-License-Identifier: Apache-2.0
// The file run/NAME.pid: says that the program runs, and keeps a second one from starting.
#pragma once

#include <glib.h>

typedef struct _YdPidfile YdPidfile;

// Writes our pid into the file and holds a lock on it; STATE when another process holds it. Taken
// over without fuss when its former owner is dead.
YdPidfile *yd_pidfile_take(const char *path, GError **error);

// Removes the file and gives the lock up. NULL is allowed.
void yd_pidfile_free(YdPidfile *pidfile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdPidfile, yd_pidfile_free)
