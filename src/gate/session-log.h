// SPDX-License-Identifier: Apache-2.0
// One line for each beginning and each end of a session's use, whatever number of sockets it has:
// what an operator greps for, and what a log collector counts. docs/gateway.md names the members.
#pragma once

#include "gate/sessions.h"

// Where a socket came from.
typedef struct {
    const char *protocol, *address;
    guint16 port;
} YdGateOrigin;

// A socket has reached the guest, or ends for that reason. user may be NULL.
void yd_gate_log_begin(YdGateSessions *sessions, YdGateSession *session, const char *user,
                       const YdGateOrigin *origin);
void yd_gate_log_end(YdGateSessions *sessions, YdGateSession *session, const char *reason,
                     const YdGateOrigin *origin);
