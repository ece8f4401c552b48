// SPDX-License-Identifier: Apache-2.0
// Shared by the files about workbenches.
#pragma once

#include "service/workbench.h"

// That network if there is one with the id (INVALID else); id NULL: the only one there is. Owned.
char *yd_workbench_network(YdStore *store, const char *network_id, GError **error);

// Submits creation and start of a workbench's desktop in the transaction under way; gives back the
// job of the start, which waits behind the other.
YdJob *yd_workbench_submit(YdService *service, const YdActor *actor, const YdDesktop *desktop,
                           const char *network_id, GError **error);
