// SPDX-License-Identifier: Apache-2.0
// What the files of backups share: backup.c (what people ask for), backup-job.c, backup-moment.c
// (moments inside images), backup-plan.c (what belongs to the product), backup-nights.c,
// backup-settle.c.
#pragma once

#include "service/backup.h"
#include "service/desktop-private.h"

// In the transaction under way: a row and its job.
YdJob *yd_backup_begin(YdService *service, YdStore *store, const YdActor *actor,
                       const YdBackup *what, GError **error);

// Fills in what a backup of that object is of; IN the checks of the use case. STATE with a reason.
gboolean yd_backup_describe(YdStore *store, const char *what, const char *object_id, YdBackup *ret,
                            GError **error);

// From the job of a backup: its moment is inside its image, or the step runs again.
gboolean yd_backup_take_moment(YdJobRun *run, YdBackup *backup, GError **error);
// Moments of the disk that no coming backup needs go, by a job of its desktop where it has one.
gboolean yd_backup_drop_moments(YdJobRun *run, const YdBackup *backup, GError **error);

// The newest ready one of that object, but that; NULL without error: none.
YdBackup *
yd_backup_newest(YdStore *store, const YdBackup *but, gboolean with_point, GError **error);
gboolean yd_backup_any(YdStore *store, gboolean *ret_any, GError **error);

// Writes database and plan to state/backup/ID; yd_backup_unstage removes them.
gboolean yd_backup_stage(YdJobRun *run, const YdBackup *backup, GError **error);
void yd_backup_unstage(YdService *service, const char *id);
// Copies the sealed images of the plan.
gboolean yd_backup_copy_images(YdJobRun *run, gboolean known, GError **error);
