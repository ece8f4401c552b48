// SPDX-License-Identifier: Apache-2.0
// Backups: moments of desktops' and personal disks, and of the product itself (database, templates,
// keys, configuration), in a folder of the host that its configuration names; at night or when
// asked for. docs/internals/backup.md has the reasons.
//
// Right: BACKUPS. Listing is yd_service_list with it and &yd_backup_type. Errors besides the usual:
// STATE when deskhost has no folder for backups.
#pragma once

#include "service/jobs.h"

// what: "product" | "desktop" | "personal-disk"; object_id NULL for the product. Asked twice: the
// job under way. The job belongs to the caller.
YdJob *yd_backup_make(YdService *service, const YdActor *actor, const char *what,
                      const char *object_id, GError **error);

// A disk goes back to what the backup has. The desktop that has it is shut down, its present state
// becomes a restore point, and it is started again if it ran; a personal disk without such a
// desktop (floating pools) must not be in use, and is backed up first. STATE for the product: that
// is put back onto a new machine, by deskhost --restore-all.
YdJob *yd_backup_restore(YdService *service, const YdActor *actor, const char *id, GError **error);

// Reads all of it again; damaged is a failure, and noted.
YdJob *yd_backup_recheck(YdService *service, const YdActor *actor, const char *id, GError **error);

YdJob *yd_backup_delete(YdService *service, const YdActor *actor, const char *id, GError **error);

// {"configured", "directory", "bytes", "free_bytes", "problem", "last", "next", "overdue",
// "failed"}; a new reference. problem: why there can be none now, or null.
json_t *yd_backup_status(YdService *service, const YdActor *actor, GError **error);

// What is due at now (ms, UTC), and the end of what nobody needs any more. Called by the
// reconciler.
void yd_backups_tidy(YdService *service, gint64 now);

// Why backups need somebody's eyes: none for twice as long as there should be one, or the newest
// failed; owned, NULL: all is well (or there is no folder).
char *yd_backup_alarm(YdService *service, YdStore *store, gint64 now);

// After a restore onto a new machine: rows say what is not there any more. Called at start.
gboolean yd_backup_settle(YdService *service, GError **error);

// Which of an object's backups (taken, ms, newest first) are kept: the newest of each of that many
// days, weeks and months of the zone, and always the newest. keep has n members. Pure.
void yd_backup_keep(const gint64 *taken, gsize n, const char *zone, gint64 daily, gint64 weekly,
                    gint64 monthly, gboolean *keep);
