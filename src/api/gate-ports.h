// SPDX-License-Identifier: Apache-2.0
// Which fixed ports a gate has to open: the lines that bring one gate from what it was told to what
// is wanted. Pure but for reading the wanted ones.
#pragma once

#include "service/service.h"

// What one gate was told: port as text -> the line (owned). Starts empty with each connection,
// since a gate closes all fixed ports when it loses us.
GHashTable *yd_gate_ports_told(void);

// The present wish in the same form, or NULL (logged) when the store does not answer. Ends the
// sessions whose right is gone, too. Any thread; blocks.
GHashTable *yd_gate_ports_wanted(YdService *service);

// Lines (owned, without newline) for what differs: {"op":"port","fixed_port":50000,"sources":[…]},
// no sources where a port has to be closed. told becomes wanted.
GPtrArray *yd_gate_ports_news(GHashTable *told, GHashTable *wanted);
