// SPDX-License-Identifier: Apache-2.0
// Keeps pools as they are wanted: floating pools have their spares (model/sizing.h), desktops that
// were left are taken back, and the power policy (model/power.h) starts, pauses, saves and shuts
// down. It only looks and submits jobs; what asks guests runs on a few threads of its own.
#pragma once

#include "service/service.h"

// One look at all pools at the time now (ms). Called by the reconciler every two seconds. A pool
// that cannot be looked at is logged and passed over.
void yd_pool_keep(YdService *service, gint64 now);

// Waits until no guest is being asked (tests).
void yd_pool_keep_wait(YdService *service);

// Ends the threads. Called before the service goes.
void yd_pool_keep_stop(YdService *service);
