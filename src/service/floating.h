// SPDX-License-Identifier: Apache-2.0
// Floating pools: who connects is given a spare, and gives it back by logging off or shutting down.
// What they left is deleted before the desktop is anybody's again: `taken` is set in the
// transaction that gives a desktop to a person, and goes back to 0 only in the last step of its
// rebuild, after the disk was deleted and made afresh. A desktop that is nobody's but has been
// taken is given to nobody.
#pragma once

#include "service/service.h"

gboolean yd_pool_is_floating(const YdPool *pool);

// The person's desktop of that pool, or a spare that is theirs from now on, or a new one when the
// pool may have more (then with the job that makes it). In the transaction under way; entitlement
// is checked by the caller. LIMIT: all are in use. One that was switched off after they had used it
// is given back first.
gboolean yd_floating_take(YdService *service, YdStore *store, const YdActor *actor,
                          const YdPool *pool, const YdTemplateVersion *version, const YdUser *user,
                          YdDesktop **ret_desktop, YdJob **ret_job, GError **error);

// Takes the desktop back: its sessions are cut, it is nobody's, and the job that makes it afresh is
// submitted. Nothing happens when it is nobody's already, was given to somebody else since (taken
// is another one), or has a session that is not dropped (unless: anyway).
gboolean yd_floating_release(YdService *service, const char *desktop_id, gint64 taken,
                             const char *reason, gboolean anyway, GError **error);

// Makes one spare; the job's row belongs to the caller.
YdJob *yd_floating_make(YdService *service, YdStore *store, const YdPool *pool,
                        const YdTemplateVersion *version, GError **error);
