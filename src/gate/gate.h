// SPDX-License-Identifier: Apache-2.0
// The connection gateway: listens, and has its workers and its ticket client do the rest. What the
// program deskgate starts, and what tests start in their own process.
#pragma once

#include "gate/drain.h"
#include "gate/gate-config.h"
#include "gate/sockets.h"
#include "gate/tls.h"

typedef struct YdGate YdGate;

// Listens and starts; config is borrowed until the gate is freed. Fails with YD_ERROR_INVALID
// (addresses, certificate) or YD_ERROR_UNAVAILABLE (an address is taken).
YdGate *yd_gate_new(const YdGateConfig *config, GError **error);

// As yd_gate_new(), on sockets that may be there already (and are taken).
YdGate *yd_gate_new_on(const YdGateConfig *config, YdGateSockets **sockets, GError **error);

// Stops listening, closes every connection, tells deskd the last statistics.
void yd_gate_free(YdGate *gate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGate, yd_gate_free)

// The port of the first address (of use when it was given as 0).
guint16 yd_gate_port(const YdGate *gate);

// Its listening sockets; borrowed, until it retires.
const YdGateSockets *yd_gate_sockets(const YdGate *gate);

// Goes over to another way of treating clients. From RETIRING there is no way back.
void yd_gate_set_state(YdGate *gate, YdGateState state);
YdGateState yd_gate_state(YdGate *gate);

// Who is told what deskd orders; without one (NULL) it is ignored. When this returns nobody calls
// the former one any more.
void yd_gate_on_order(YdGate *gate, YdGateOrderFunc func, gpointer data);

// In a state other than SERVING: nothing is left for which it has to stay.
gboolean yd_gate_is_empty(YdGate *gate);

// Sessions with a socket now, and their sockets.
void yd_gate_count(YdGate *gate, guint *ret_sessions, guint *ret_sockets);

// Clients that it could not accept for want of descriptors or memory: tries since the start.
guint64 yd_gate_accept_failures(YdGate *gate);

// TLS handshakes with clients since the start.
void yd_gate_tls_figures(YdGate *gate, YdGateTlsCount *ret_count);

// Reads certificate and key again; on failure the old ones stay in use.
gboolean yd_gate_reload(YdGate *gate, GError **error);

// Whether deskd has welcomed this gate.
gboolean yd_gate_is_connected(YdGate *gate);
