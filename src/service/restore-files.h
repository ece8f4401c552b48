// SPDX-License-Identifier: Apache-2.0
// An administrator looks into a restore point and takes one file out of it, or has it put back into
// the running desktop. docs/internals/restore-files.md has the reasons.
//
// Right: DESKTOPS_FILES on the point. Each look is in the audit log with its path, since a home is
// its person's. disk is "personal" (the paths begin at the home) or "system". Paths as in
// storage/point-files.h. Errors as there, and INVALID (field disk) when the point has no such disk,
// STATE when the point is not ready, THROTTLED while others read.
#pragma once

#include "service/jobs.h"
#include "storage/point-files.h"

#define YD_RESTORE_FILE_MAX ((gint64)256 << 20)
#define YD_RESTORE_GIVE_MAX ((gint64)64 << 20)

// One directory: as yd_point_files_list.
json_t *
yd_restore_files_list(YdService *service, const YdActor *actor, const char *id, const char *disk,
                      const char *path, gint64 cursor, guint limit, GError **error);

// A file of at most YD_RESTORE_FILE_MAX bytes (else TOO_LARGE). *ret_name is its name, in UTF-8;
// owned.
GBytes *yd_restore_files_get(YdService *service, const YdActor *actor, const char *id,
                             const char *disk, const char *path, char **ret_name, GError **error);

// A file of at most YD_RESTORE_GIVE_MAX bytes goes back into the person's home, beside where it was
// and under a name of its own; the job's result says which (path). STATE when the desktop is not
// ready. The job belongs to the caller.
YdJob *yd_restore_files_give(YdService *service, const YdActor *actor, const char *id,
                             const char *disk, const char *path, GError **error);

// --- for the job ---

// The image of that disk of the point, owned; from: the directory in it where paths begin ("" or
// "/home").
char *yd_restore_files_image(YdStore *store, const char *id, const char *disk,
                             const char **ret_from, GError **error);
// After reading: the point is still ready, in the same image. Else what was read may be of another
// moment (STATE).
gboolean yd_restore_files_still(YdStore *store, const char *id, const char *disk, const char *image,
                                GError **error);
// The whole file in a temporary one without a name, mapped; errors as yd_restore_files_get.
GBytes *
yd_restore_files_fetch(YdService *service, const char *image, const char *id, const char *path,
                       gint64 most, YdPointFile *ret_file, GError **error);
