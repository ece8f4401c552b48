// SPDX-License-Identifier: Apache-2.0
// The file run/NAME.pid: says that the program runs, and keeps a second one from starting.
#pragma once

#include <glib.h>

typedef struct _YdPidfile YdPidfile;

// Writes our pid into the file and holds a lock on it; STATE when another process holds it. Taken
// over without fuss when its former owner is dead.
YdPidfile *yd_pidfile_take(const char *path, GError **error);

// Takes over the lock of another process of ours that handed its descriptor to us (fd, which is
// taken), and writes our pid into the file. Fails as yd_pidfile_take() does.
YdPidfile *yd_pidfile_adopt(const char *path, int fd, GError **error);

// The locked descriptor, to be handed on; borrowed.
int yd_pidfile_fd(const YdPidfile *pidfile);

// Another process has adopted it: leaves file and lock to that one. NULL is allowed.
void yd_pidfile_abandon(YdPidfile *pidfile);

// Removes the file and gives the lock up. NULL is allowed.
void yd_pidfile_free(YdPidfile *pidfile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdPidfile, yd_pidfile_free)
