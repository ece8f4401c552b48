// SPDX-License-Identifier: Apache-2.0
// Queries of the hot paths: connecting, gates' reports, leases of jobs, placement. Each is one
// prepared statement. See store.h for threads and errors.
#pragma once

#include "store/store.h"

// All that a connect needs to know, in one look.
typedef struct {
    char *state, *name, *host_id, *uuid, *access, *os, *ip; // of the desktop
    char *owner_id, *pool_id, *policy;                      // policy: the pool's JSON
    char *username, *sealed;           // of the owner; the sealed password, NULL: none
    gint64 sealed_changed;             // when it was set
    char *certificate;                 // SHA-256 of the guest's TLS certificate, hex; NULL: none
    char *dns_name, *certificate_name; // as in YdDesktop
    gint64 certificate_expires;
    char *pool_kind, *power; // of the pool: "floating", …; its power policy's JSON
    gint64 uid;              // of the owner's account
    gboolean entitled;       // the owner still has the pool, and it is enabled
    gboolean user_enabled;
    gboolean login_alive; // the log-in asked about exists and has not expired; TRUE without one
} YdConnectFacts;
void yd_connect_facts_clear(YdConnectFacts *facts);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdConnectFacts, yd_connect_facts_clear)

// NOT_FOUND when there is no such desktop. login_id NULL: not asked.
gboolean yd_store_connect_facts(YdStore *store, const char *desktop_id, const char *login_id,
                                gint64 now, YdConnectFacts *ret_facts, GError **error);

// The sealed password of a desktop.
gboolean
yd_store_secret_put(YdStore *store, const char *desktop_id, const char *sealed, GError **error);
gboolean yd_store_secret_delete(YdStore *store, const char *desktop_id, GError **error);

// Writes the figures of a live connection (sockets … score_reason, last_seen) from its record; an
// event only when tell is set. The row's state stays.
gboolean yd_store_connection_figures(YdStore *store, const YdConnection *connection, gboolean tell,
                                     GError **error);

// Moves last_seen and expires of all live connections: the wall clock jumped by so much.
gboolean yd_store_connections_shift(YdStore *store, gint64 by_ms, GError **error);

// Open connections by what makes them good or bad: score_reason ("unknown": nothing was measured
// yet) -> YdQualityCount (owned). score is the mean one.
typedef struct {
    gint64 sessions, score;
} YdQualityCount;
GHashTable *yd_store_session_quality(YdStore *store, GError **error);

// Ids of live connections that have no right to live: their log-in is gone or expired, or their
// user is disabled or gone (of strings).
GPtrArray *yd_store_stray_connections(YdStore *store, gint64 now, GError **error);

// Sets the leases of all running jobs of that worker (NULL: of everybody), without events.
gboolean yd_store_jobs_renew(YdStore *store, const char *worker, gint64 lease, GError **error);

// What the desktops that run or start on each host were promised: host id -> YdHostPromise (owned).
// The desktop asked about is left out; same_department counts those whose owner shares a department
// with its owner.
typedef struct {
    gint64 memory_mib, vcpus, same_department;
} YdHostPromise;
GHashTable *yd_store_host_promises(YdStore *store, const char *desktop_id, GError **error);

// Ids of the desktops in that state that no queued or running job is about (of strings).
GPtrArray *yd_store_idle_desktops(YdStore *store, const char *state, GError **error);
