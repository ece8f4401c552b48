// SPDX-License-Identifier: Apache-2.0
// Floating pools and sleeping desktops: which desktop is a spare, how many there are, and since
// when a desktop has been idle. See store.h for threads and errors.
#pragma once

#include "model/sizing.h"
#include "store/store.h"

// The best spare of the pool: paused before running before starting before off, of the pool's
// template version before older ones. NULL without an error when there is none. Ask inside the
// transaction that takes it.
YdDesktop *yd_store_spare(YdStore *store, const char *pool_id, GError **error);

// The desktops of a floating pool, counted. Spares that a job is about to delete are left out;
// those that failed to start after failed_since (ms) count as coming, so that nobody tries at once
// again.
gboolean yd_store_sizing_counts(YdStore *store, const char *pool_id, gint64 failed_since,
                                YdSizingCounts *ret_counts, GError **error);

// Ids (of strings) of spares of that kind, at most limit, that no job is about.
typedef enum {
    YD_SPARE_OFF,     // of the pool's version
    YD_SPARE_RUNNING, // ready
    YD_SPARE_WARM,    // paused
    YD_SPARE_USELESS, // off and of an older version, or failed
} YdSpareKind;
GPtrArray *
yd_store_spares(YdStore *store, const char *pool_id, YdSpareKind kind, guint limit, GError **error);

// One desktop of a pool as the power policy looks at it; jobs are about none of them.
typedef struct {
    char *id, *state, *user_id, *username, *uuid, *host_id;
    gint64 started, ready_at, taken; // as in YdDesktop
    gint64 sessions;                 // live connections: new, open, dropped
    gint64 dropped;                  // how many of them are dropped
    gint64 last_seen;                // of those, the latest; 0: none
    gint64 last_end;                 // of the last session that was used and ended; 0: none
    gboolean logged_in;              // somebody was seen logged in since it was taken
    gint64 unsaved;                  // when a save of it failed last; 0: never
} YdIdleFacts;

// Of somebody's desktops in that pool (spares are left out), by id; frees its rows. off_too: also
// of those that are off or have failed, which are most of them.
GPtrArray *
yd_store_idle_facts(YdStore *store, const char *pool_id, gboolean off_too, GError **error);
// Of one desktop, whatever it is; NULL without an error when it is gone or a job is about it.
YdIdleFacts *yd_store_idle_facts_of(YdStore *store, const char *desktop_id, GError **error);
void yd_idle_facts_free(YdIdleFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdIdleFacts, yd_idle_facts_free)
