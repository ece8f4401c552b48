// SPDX-License-Identifier: Apache-2.0
// Fixed ports (a choice of the pool): each desktop has a number at the gates that leads to its RDP,
// open while its owner has a live log-in from the same address, and to that address only. Here is
// who gets which number, which ports are open now, and the sessions that come through them. Behind
// a shared NAT colleagues have the same address: they get as far as the guest's own log-in.
#pragma once

#include "service/connection.h"

// A pool with the policy needs RDP in its template and a range in the configuration: INVALID.
gboolean
yd_fixed_port_check(YdService *service, YdStore *store, const YdPool *pool, GError **error);

// Gives the desktop (not yet written) the lowest free number, or takes its number, as the pool's
// policy says. Inside the transaction that writes it. LIMIT when all are given out.
gboolean yd_fixed_port_settle(YdService *service, YdStore *store, const YdPool *pool,
                              YdDesktop *desktop, GError **error);

// Likewise all desktops of a pool whose policy may have changed, and writes them.
gboolean
yd_fixed_port_settle_pool(YdService *service, YdStore *store, const YdPool *pool, GError **error);

// Which ports are open at the time now: key is the port as text, value is the addresses (char **,
// at most YD_FIXED_PORT_SOURCES, newest log-in first). Owned. An empty table costs next to nothing.
#define YD_FIXED_PORT_SOURCES 16
GHashTable *yd_fixed_ports_open(YdService *service, gint64 now, GError **error);

// Ends the sessions whose log-in has ended or whose right to the desktop was taken.
gboolean yd_fixed_ports_sweep(YdService *service, gint64 now, GError **error);

// One socket from address has come to the port. As yd_connection_redeem(): refusals are
// "not-open" and "desktop-not-running". A session is one desktop, log-in and gate: reconnects
// belong to it for as long as it lives.
gboolean yd_fixed_port_enter(YdService *service, const char *gate, gint64 port, const char *address,
                             YdGrant *ret_grant, GError **error);
