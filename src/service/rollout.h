// SPDX-License-Identifier: Apache-2.0
// Roll-outs: a new version of a template on its way to the desktops of a pool. A desktop moves when
// it is off, or at its next start, never while it runs. docs/internals/rollout.md tells the
// reasons.
#pragma once

#include "model/rollout.h"
#include "service/service.h"

// Begins one. version_id: a ready version of the pool's template that is not the pool's present
// one. mode "all": the throw-away desktop, then everybody; "staged": those whom the plan names
// first; "newest": everybody at once. Errors: FORBIDDEN (right POOLS_WRITE); NOT_FOUND; INVALID;
// STATE when the version is not ready; EXISTS when one is under way in that pool. INVALID
// "replace_system_disks" with the number of desktops when they keep what people have on their
// system disks and the plan does not say that it may be lost. The record belongs to the caller.
YdRollout *yd_rollout_start(YdService *service, const YdActor *actor, const char *pool_id,
                            const char *version_id, const char *mode, const YdRolloutPlan *plan,
                            GError **error);

// Nobody moves until it is resumed. STATE when nothing is under way, or it goes back.
YdRollout *
yd_rollout_pause(YdService *service, const YdActor *actor, const char *id, GError **error);
YdRollout *
yd_rollout_resume(YdService *service, const YdActor *actor, const char *id, GError **error);

// Those that moved get their old system disks back, as they were. Also after the end, as long as
// the old disks are kept and no other roll-out of that pool came later: else STATE.
YdRollout *
yd_rollout_back(YdService *service, const YdActor *actor, const char *id, GError **error);

// INVALID when follow or rollout of the pool make no sense; sets defaults, and the plan in its
// canonical form. before: NULL for a new one. STATE when its version changes while one is under
// way.
gboolean yd_rollout_check_pool(YdStore *store, YdPool *pool, const YdPool *before, GError **error);

// The version of which a desktop of that person is made now; NULL without an error: the pool's own.
YdTemplateVersion *
yd_rollout_version_for(YdStore *store, const YdPool *pool, const char *user_id, GError **error);

// IN_USE when the version cannot go because a roll-out needs it.
gboolean yd_rollout_check_version(YdStore *store, const YdTemplateVersion *version, GError **error);

// Moves a desktop that is off and whose job the caller is to where it is to go; TRUE also when
// there is nothing to do. Idempotent.
gboolean
yd_rollout_settle(YdService *service, YdStore *store, const char *desktop_id, GError **error);

// Now and then, from the reconciler's thread: pools that follow their template, jobs that got lost,
// and (tidy) old system disks whose time is over.
void yd_rollout_watch(YdService *service);
void yd_rollout_tidy(YdService *service, gint64 now);

// Whether the reconciler may remove that file of a desktop that exists: nobody knows it.
gboolean yd_rollout_is_stray(YdStore *store, const char *image);
