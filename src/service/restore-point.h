// SPDX-License-Identifier: Apache-2.0
// The time machine: restore points of desktops, made at night or when asked for, and going back to
// one. A point is one moment of the system disk and of the personal disk, which can be taken back
// apart. docs/internals/restore-points.md has the reasons.
//
// Rights: DESKTOPS_POWER on the desktop; who has that only for their own desktops needs the pool's
// policy restore_by_person besides (FORBIDDEN). Listing is yd_service_list with
// YD_RIGHT_DESKTOPS_READ and &yd_restore_point_type.
#pragma once

#include "service/jobs.h"

#define YD_RESTORE_POINTS_MAX 50 // of a desktop, all kinds together
#define YD_RESTORE_BEFORE_MAX 3  // of them, those that were made before going back

// Makes one, also while the desktop runs or sleeps. note may be NULL. STATE when the desktop is
// being made, was never used, or is a floating one; LIMIT at YD_RESTORE_POINTS_MAX; NO_SPACE. Asked
// twice: the job under way. The job belongs to the caller.
YdJob *yd_restore_point_create(YdService *service, const YdActor *actor, const char *desktop_id,
                               const char *note, GError **error);

// Back to it: the desktop is shut down, its present state becomes a point of its own, its disks go
// back, and it is started again if it ran. At least one of system and personal; INVALID when the
// point has no such part (any more). STATE while another point is being used.
YdJob *yd_restore_point_restore(YdService *service, const YdActor *actor, const char *id,
                                gboolean system, gboolean personal, GError **error);

// Its job takes away whatever points of the desktop are to go, so several may be asked for at once.
YdJob *
yd_restore_point_delete(YdService *service, const YdActor *actor, const char *id, GError **error);

// Points that are due at now (ms, UTC), and the end of those that nobody needs any more: beyond
// what the policies keep, of disks that are gone. Called by the reconciler.
void yd_restore_points_tidy(YdService *service, gint64 now);

// Whether a nightly point is due: it is the wanted hour or later on the local day of now, and the
// newest (ms, 0: none) is of before that hour. zone NULL: the server's. Pure.
gboolean yd_restore_point_due(gint64 now, const char *zone, gint64 hour, gint64 newest);
