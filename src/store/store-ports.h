// SPDX-License-Identifier: Apache-2.0
// Fixed ports: the number that a desktop has at the gates, and who may use it now. See store.h for
// threads and errors.
#pragma once

#include "store/store.h"

// The lowest number of first..last that no desktop has; LIMIT when all are given out. Ask inside
// the transaction that writes it to the desktop.
gboolean yd_store_free_fixed_port(YdStore *store, gint64 first, gint64 last, gint64 *ret_port,
                                  GError **error);

// One live log-in of the owner of a desktop that has a fixed port and that is still given to them.
typedef struct {
    gint64 port;
    char *desktop_id, *name, *state, *ip, *host_id;
    char *user_id, *username;
    char *login_id, *address; // whence they logged in
} YdPortRight;

// The rights of one port (0: of all), by port and then newest log-in first. A log-in counts when it
// expires after now, was used after used_after and made after made_after (ms). An array that frees
// its rows.
GPtrArray *yd_store_port_rights(YdStore *store, gint64 port, gint64 now, gint64 used_after,
                                gint64 made_after, GError **error);

// The live sessions that came by a fixed port (of YdConnection).
GPtrArray *yd_store_port_connections(YdStore *store, GError **error);
