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
YdJob *
yd_restore_point_begin_delete(YdService *service, YdStore *store, const YdActor *actor,
                              const YdDesktop *desktop, YdRestorePoint *point, GError **error);
