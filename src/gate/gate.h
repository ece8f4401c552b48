// SPDX-License-Identifier: Apache-2.0
// The connection gateway: listens, and has its workers and its ticket client do the rest. What the
// program deskgate starts, and what tests start in their own process.
#pragma once

#include "gate/gate-config.h"

typedef struct YdGate YdGate;

// Listens and starts; config is borrowed until the gate is freed. Fails with YD_ERROR_INVALID
// (addresses, certificate) or YD_ERROR_UNAVAILABLE (an address is taken).
YdGate *yd_gate_new(const YdGateConfig *config, GError **error);

// Stops listening, closes every connection, tells deskd the last statistics.
void yd_gate_free(YdGate *gate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGate, yd_gate_free)

// The port of the first address (of use when it was given as 0).
guint16 yd_gate_port(const YdGate *gate);

// Reads certificate and key again; on failure the old ones stay in use.
gboolean yd_gate_reload(YdGate *gate, GError **error);

// Whether deskd has welcomed this gate.
gboolean yd_gate_is_connected(YdGate *gate);
