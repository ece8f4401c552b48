// SPDX-License-Identifier: Apache-2.0
// Which gate leads to a desktop: where a host has a gate of its own ([deskd] host_gates), every
// other gate passes its clients on to that one, with a grant for one use within a few seconds.
// There is one hop and no more: only the host's gate is told the target.
#pragma once

#include "service/connection.h"

// Whether each entry is "HOST=GATE@ADDRESS:PORT" (the address numeric); INVALID names the wrong
// one.
gboolean yd_route_check(const char *const *host_gates, GError **error);

// The host's gate, and the numeric address where other hosts reach it; FALSE when it has none. Both
// are the caller's.
gboolean
yd_route_place(YdService *service, const char *host_name, char **ret_gate, char **ret_address);

// The name of the host's gate; owned, NULL when it has none.
char *yd_route_gate(YdService *service, const char *host_name);

// Turns a grant of that host's desktop into one that leads through the host's gate, unless gate is
// that one, or the host has none: via_gate and via_grant are set, target is the gate's address, and
// what only the host's gate has to know (target, log-in) is kept for it. Any thread.
gboolean yd_route_grant(YdService *service, const char *gate, const char *host_id,
                        const char *protocol, YdGrant *grant, GError **error);

// The host's gate has been shown the grant by edge. Refusals are "pass-unknown" (never given, used,
// over, or for others).
void yd_route_take(YdService *service, const char *gate, const char *edge, const char *via_grant,
                   const char *protocol, YdGrant *ret_grant);
