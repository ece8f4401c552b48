// SPDX-License-Identifier: Apache-2.0
// What hosts and running machines use, read by one thread per host (every 2 s: state, network;
// every 10 s: CPU, memory, disk) and kept in memory. Host facts go to the hosts' rows when they
// changed.
#pragma once

#include "service/service.h"

typedef struct {
    gint64 time;                              // ms, when these were read; 0: never
    double cpu_percent;                       // of all its vCPUs: 0..100; -1 unknown
    gint64 memory_mib, memory_used_mib;       // used -1: unknown
    double disk_read_rate, disk_written_rate; // bytes per second
    double net_in_rate, net_out_rate;         // bytes per second, as the guest sees it
    gint64 disk_read_bytes, disk_written_bytes, net_in_bytes, net_out_bytes; // since start
    gint64 disk_allocated_bytes;
} YdDesktopStats;

gboolean yd_monitor_start(YdService *service, GError **error);
void yd_monitor_stop(YdService *service);

// Figures of a desktop (DESKTOPS_READ, scoped). Off: STATE. ret_age_ms: how old they are.
gboolean yd_monitor_desktop(YdService *service, const YdActor *actor, const char *desktop_id,
                            YdDesktopStats *ret_stats, gint64 *ret_age_ms, GError **error);

// The same by machine uuid without checks; FALSE when there are none.
gboolean yd_monitor_machine(YdService *service, const char *uuid, YdDesktopStats *ret_stats);

// Free memory of a host as read last and when; FALSE: never read.
gboolean yd_monitor_host(YdService *service, const char *host_id, gint64 *ret_memory_mib,
                         gint64 *ret_free_mib, gint64 *ret_time);

// Reads all hosts now, on the calling thread (tests, and before a placement with old figures).
gboolean yd_monitor_poll(YdService *service, GError **error);
