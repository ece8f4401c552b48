// SPDX-License-Identifier: Apache-2.0
// Personal disks: one for each person and pool, made at the first start of their desktop there,
// when the pool's personal_disk_gib is not 0. It is the person's home and outlives whatever happens
// to the desktop; only yd_personal_disk_delete (or a deletion of the desktop that names it) takes
// it away. Listing is yd_service_list with YD_RIGHT_DESKTOPS_READ and &yd_personal_disk_type; the
// verbs here are for administrators (YD_RIGHT_DESKTOPS_WRITE). docs/internals/personal-disks.md has
// the reasons.
//
// At most one machine has a disk. Whose it was last is desktop_id; whether that still runs is asked
// of its host each time, so nothing has to be taken back after a crash.
#pragma once

#include "service/service.h"

// Grows by the job personal-disk-grow: live where a machine has it, its guest then grows the file
// system. INVALID when it would shrink, LIMIT by the setting personal_quota_gib, NO_SPACE.
gboolean yd_personal_disk_grow(YdService *service, const YdActor *actor, const char *id,
                               gint64 size_gib, YdJob **ret_job, GError **error);

// Gives it to the same person in another pool, whose desktop gets it at its next start. STATE
// (names the desktop) while a machine has it; EXISTS when they have one there; INVALID when that
// pool has no personal disks or another operating system.
gboolean yd_personal_disk_move(YdService *service, const YdActor *actor, const char *id,
                               const char *pool_id, GError **error);

// Deletes all that is on it. STATE (names the desktop) while a machine has it. version 0: any.
gboolean yd_personal_disk_delete(YdService *service, const YdActor *actor, const char *id,
                                 gint64 version, GError **error);

// --- for the desktops' jobs ---

// The disk of that desktop's person in its pool; NULL without error when there is none.
YdPersonalDisk *
yd_personal_disk_of(YdStore *store, const char *pool_id, const char *user_id, GError **error);

// Makes it if it is not there and the pool has such disks, and checks that it may be attached to
// the desktop, which is then said to have it. ret_disk (owned): NULL when there is none to attach.
// ret_wait: it is being grown; ask again later. STATE with the reason when it cannot be attached.
gboolean yd_personal_disk_ready(YdService *service, YdStore *store, const YdDesktop *desktop,
                                const YdPool *pool, YdPersonalDisk **ret_disk, gboolean *ret_wait,
                                GError **error);

// Notes that a guest has made it a home.
gboolean yd_personal_disk_used(YdStore *store, const char *id, GError **error);

// File, then row; gone: TRUE. Rights and use are the caller's to check.
gboolean
yd_personal_disk_remove(YdService *service, YdStore *store, const char *id, GError **error);

// The desktop whose machine runs with the disk, or is about to; NULL without error: none. Owned.
YdDesktop *yd_personal_disk_holder(YdService *service, YdStore *store, const YdPersonalDisk *disk,
                                   GError **error);
