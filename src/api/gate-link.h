// SPDX-License-Identifier: Apache-2.0
// The manager's side of the gate protocol on run/gate.sock: one JSON object per line (at most
// 64 KiB), several gates. Redeeming runs on threads of its own, so that a busy API keeps nobody
// from connecting. Belongs to the loop.
#pragma once

#include "service/service.h"

typedef struct _YdGateLink YdGateLink;

typedef struct {
    char *socket;      // path
    char *user;        // besides root and ourselves, who may talk: "yundesk-gate"; NULL: nobody
    guint max_gates;   // connections at the same time: 32
    guint threads;     // for redeeming and figures: 4
    guint max_waiting; // lines that wait for a thread, of one gate: 1024
    gsize max_unsent;  // bytes that a gate may leave unread: 4 MiB
} YdGateLinkConfig;

void yd_gate_link_config_init(YdGateLinkConfig *config);
void yd_gate_link_config_clear(YdGateLinkConfig *config);

// Listens, and takes the service's cuts (yd_connection_on_cut). config is copied.
YdGateLink *yd_gate_link_new(YdService *service, const YdGateLinkConfig *config,
                             GMainContext *context, GError **error);
// Ends all gates' connections; what is being redeemed is finished first.
void yd_gate_link_free(YdGateLink *link);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateLink, yd_gate_link_free)

// Gates that have said hello.
guint yd_gate_link_count(YdGateLink *link);
