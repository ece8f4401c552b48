// SPDX-License-Identifier: Apache-2.0
// Moves desktops so that hosts are used alike: proposed, on demand, or by itself within limits.
#pragma once

#include "service/jobs.h"

#define YD_BALANCE_MOVES_MAX 64 // of one plan

extern const YdJobKind yd_job_kind_host_balance;

// What would be moved so that no two hosts differ by more than spread percent of their memory (1 to
// 100; 0: the setting balance_spread), by at most that many moves (1 to YD_BALANCE_MOVES_MAX; 0:
// 16):
// {"spread":…,"spread_before":…,"spread_after":…,"hosts":[…],"moves":[…]}, see
// api/openapi.yaml; owned. Those that nobody uses go first. INVALID. Right: YD_RIGHT_HOSTS_READ.
json_t *yd_balance_propose(YdService *service, const YdActor *actor, gint64 spread, gint64 moves,
                           GError **error);

// Plans anew and does it, two moves at a time; the one under way, if there is one. The result names
// how many moved, and what could not and why. STATE when there is nothing to move. Right:
// YD_RIGHT_HOSTS_WRITE. The job belongs to the caller.
YdJob *yd_balance_apply(YdService *service, const YdActor *actor, gint64 spread, gint64 moves,
                        GError **error);

// Where the setting balance_moves is not 0: every ten minutes that many at most, of those that
// nobody uses. On the reconciler's thread; now in ms.
void yd_balance_tidy(YdService *service, gint64 now);
