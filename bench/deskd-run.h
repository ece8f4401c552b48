// SPDX-License-Identifier: Apache-2.0
// A real deskd for a benchmark, and what the kernel says of it. All end the program when it can't
// be.
#pragma once

#include <glib.h>
#include <sys/types.h>

double seconds_since(gint64 since); // monotonic, µs

// deskd of $YD_BUILD (by default build/) with its store, socket and log below directory, no host of
// its own and the images on the local disk. To be ended with SIGTERM.
pid_t deskd_run(const char *directory);
// A line of /proc/PID/status that counts kB ("VmRSS:"), in MiB.
double deskd_mib(pid_t pid, const char *name);
