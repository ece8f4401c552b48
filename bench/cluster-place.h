// SPDX-License-Identifier: Apache-2.0
// How many placements a second the scheduler makes, for bench/cluster.
#pragma once

#include "service/service.h"

typedef struct {
    guint placed;        // the step of a start: row read, placed, committed
    double seconds, cpu; // for them, on the clock and of the processor
    double choices,
        looks; // a second: the choice alone, and with what it is made on read from the store
} ClusterPlacements;

// Places each desktop that is off, by the same calls as the job that starts one; nothing else may
// work on the store. Ends the program when one finds no host.
ClusterPlacements cluster_place(YdService *service);
