// SPDX-License-Identifier: Apache-2.0
// Where a desktop goes: hosts × request → host, or for each host the filter that rejected it with
// both numbers. Pure.
#pragma once

#include <glib.h>

typedef struct {
    const char *id, *name, *state;
    gint64 memory_mib, memory_free_mib, reserve_mib; // free is what the host reports
    gint64 memory_promised_mib; // of desktops that run or start there (by their configuration)
    gint64 cpus, vcpus_promised;
    double vcpu_ratio; // promised vCPUs per CPU allowed
    gint64 storage_free_bytes;
    gint64 same_department; // desktops of the same department there
    gboolean has_network, has_template;
} YdPlacementHost;

typedef struct {
    gint64 memory_mib, vcpus, storage_bytes;
} YdPlacementRequest;

// Index of the chosen host or -1. ret_explanation: JSON (owned):
// {"chosen":"host-1","reason":"lowest memory use 41 % of …","code":"lowest-memory-use" | "no-room"
// | "no-host","use_percent":41,"fitting":2,"hosts":[{"host":"host-2","filter":"memory","need":2048,
// "have":1024,"text":"…"}]}. The texts are English; code and filter with their numbers say the
// same.
int yd_placement_choose(const YdPlacementHost *hosts, gsize n_hosts,
                        const YdPlacementRequest *request, char **ret_explanation);

// Share of the host's memory that is in use or promised, whichever is more, in 1/10000.
gint64 yd_placement_use(const YdPlacementHost *host);

// Whether the host is up and has room for it.
gboolean yd_placement_fits(const YdPlacementHost *host, const YdPlacementRequest *request);
