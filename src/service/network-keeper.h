// SPDX-License-Identifier: Apache-2.0
// Sees to it that each network is on each host as it is wanted, and writes down how it is there
// (yd_network_host_type). A thread of its own: hosts may be slow.
#pragma once

#include "service/service.h"

gboolean yd_network_keeper_start(YdService *service, GError **error);
void yd_network_keeper_stop(YdService *service);

// Looks now: a host has come or gone, or a network has changed. Any thread.
void yd_network_keeper_kick(YdService *service);

// One look at all (tests, and the thread). FALSE when the store fails; hosts that do not answer are
// written down.
gboolean yd_network_keep(YdService *service, GError **error);
