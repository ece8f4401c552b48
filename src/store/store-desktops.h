// SPDX-License-Identifier: Apache-2.0
// What only pools, desktops, addresses, connections and jobs need of the store.
#pragma once

#include "store/store.h"

// Whether the pool is given to the user, by name or by one of their departments (and enabled).
gboolean yd_store_entitled(YdStore *store, const char *pool_id, const char *user_id,
                           gboolean *ret_entitled, GError **error);

// The pools that the user may use (YdPool, by name), enabled ones.
GPtrArray *yd_store_pools_of_user(YdStore *store, const char *user_id, GError **error);

// The pools in which the user has a desktop but which were taken back from them, or are disabled.
GPtrArray *yd_store_pools_lost(YdStore *store, const char *user_id, GError **error);

// The desktop of that user in that pool; NULL without an error when there is none.
YdDesktop *
yd_store_desktop_of(YdStore *store, const char *pool_id, const char *user_id, GError **error);

// The network that counts for a desktop of that user in that pool: the one of their departments
// (the first by number that has one) before the pool's.
char *
yd_store_network_for(YdStore *store, const char *pool_id, const char *user_id, GError **error);

// Takes the lowest free address of the network's range for the desktop (kept when it has one of
// that network); LIMIT when the range is used up. MAC is 52:54 + the four bytes of the address.
YdAddress *yd_store_take_address(YdStore *store, const char *network_id, const char *desktop_id,
                                 GError **error);

// Gives back what the desktop has.
gboolean yd_store_release_addresses(YdStore *store, const char *desktop_id, GError **error);

// Moves the desktop from the state in the record to another by UPDATE … WHERE id AND state AND
// version; illegal edges (model/desktop-state.h) are STATE. Writes the record's other columns too,
// so that what belongs to the move (host, error, started) goes with it. On success state, version
// and changed of the record are the new ones, on failure they are as before.
gboolean yd_store_desktop_move(YdStore *store, YdDesktop *desktop, const char *to, GError **error);

// Connections: redeem-side look-up, without event.
YdConnection *
yd_store_connection_by_ticket(YdStore *store, const char *ticket_hash, GError **error);

// Live connections (state new, open or dropped) of a desktop, a user or a log-in; NULLs match all.
GPtrArray *yd_store_live_connections(YdStore *store, const char *desktop_id, const char *user_id,
                                     const char *login_id, GError **error);

// Jobs. claim takes the oldest job that is queued, or runs with a lease that is over, and sets
// running, worker, lease, started and attempts + 1; NULL without an error when there is none. One
// job at a time for each object, in the order of their making: the next one waits. A job does not
// wait for its parent.
YdJob *yd_store_job_claim(YdStore *store, const char *worker, gint64 lease_until, GError **error);

// The job under way or queued of that object (and kind, NULL: any); NULL without an error if none.
YdJob *yd_store_job_live(YdStore *store, const char *object_id, const char *kind, GError **error);

// Queued and running jobs, for readiness and for the gauges.
gboolean
yd_store_job_counts(YdStore *store, gint64 *ret_queued, gint64 *ret_running, GError **error);
