// SPDX-License-Identifier: Apache-2.0
// Which desktops to move so that hosts are used alike. Pure; any thread.
#pragma once

#include "model/placement.h"
#include "model/records.h"

typedef struct {
    gsize desktop, from, to; // indices into what was given
} YdBalanceMove;

// Moves one after another from the fullest host that is up (by yd_placement_use) to the emptiest
// that can take the desktop, while both differ by more than spread percent and a move brings them
// nearer to each other; those that nobody uses first, and each desktop once. Hosts are changed as
// if the moves had been made. desktops: of YdDesktop. sessions FALSE: those in use stay. An array
// of YdBalanceMove, owned.
GArray *yd_balance_plan(YdPlacementHost *hosts, gsize n_hosts, GPtrArray *desktops, guint spread,
                        guint max_moves, gboolean sessions);

// How far the fullest and the emptiest host that are up are apart, in 1/10000 of their memory.
gint64 yd_balance_spread(const YdPlacementHost *hosts, gsize n_hosts);
