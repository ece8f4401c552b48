// SPDX-License-Identifier: Apache-2.0
// The part of a network that spans hosts (vni not 0): its tunnel on one host, which the deskhost
// there makes (deskhost/segment.h), asked by way of the host's gate. Blocks for seconds at most;
// any thread but the main one.
#pragma once

#include "service/service.h"

// Makes sure of it; the host's bridge has to be there. ret_repaired (may be NULL): what had to be
// put right, as "device, peers"; NULL when nothing had; owned. STATE: the host has no gate in
// [deskd] host_gates; UNAVAILABLE, TIMEOUT: it does not answer. Networks without vni, and hosts
// without real machines, have none: TRUE.
gboolean yd_network_segment_ensure(YdService *service, const YdHost *host, const YdNetwork *network,
                                   char **ret_repaired, GError **error);

// Takes tunnels of networks that are not there any more from the host, and that of except (NULL:
// none).
gboolean
yd_network_segment_tidy(YdService *service, const YdHost *host, const char *except, GError **error);
