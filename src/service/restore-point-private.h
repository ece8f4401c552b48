// SPDX-License-Identifier: Apache-2.0
// What the files of restore points share: restore-point.c (what people ask for),
// restore-point-nights.c, restore-point-job.c, restore-point-drop.c.
#pragma once

#include "service/desktop-private.h"
#include "service/restore-point.h"

// Whether the desktop can have points now; STATE with the reason.
gboolean yd_restore_point_check(YdStore *store, const YdDesktop *desktop, GError **error);

// In the transaction under way: a row and its job; the row is marked and there is a job that takes
// such away.
YdJob *yd_restore_point_begin(YdService *service, YdStore *store, const YdActor *actor,
                              const YdDesktop *desktop, const char *kind, const char *note,
                              GError **error);
// In the transaction under way: a job that shuts the desktop down, keeps its present state as a
// point, has one of its disks hold what the backup has, and starts it again if it ran.
YdJob *yd_restore_point_begin_backup(YdService *service, YdStore *store, const YdActor *actor,
                                     const YdDesktop *desktop, const char *backup_id,
                                     gboolean system, GError **error);

// From a job of the desktop: a moment of that name in its system disk, or in its personal one.
// *ret_has FALSE: it does not have that disk now.
gboolean yd_restore_point_moment(YdJobRun *run, gboolean system, const char *name,
                                 gboolean *ret_has, gboolean *ret_frozen, GError **error);
// Takes a moment out of a file; by (NULL: nobody) may run with it. Gone: TRUE.
gboolean yd_restore_point_drop_from(YdJobRun *run, const char *image, const YdDesktop *by,
                                    const char *name, GError **error);

YdJob *
yd_restore_point_begin_delete(YdService *service, YdStore *store, const YdActor *actor,
                              const YdDesktop *desktop, YdRestorePoint *point, GError **error);
