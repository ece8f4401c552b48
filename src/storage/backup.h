// SPDX-License-Identifier: Apache-2.0
// Backups of disks, templates' files and the product itself in one folder of the host, which the
// configuration names ([deskhost] backup_dir) and no caller can choose. docs/internals/backup.md
// has the format and the reasons.
//
// Threads: any. Every call may block for long; progress comes on the calling thread. Nothing half
// made has its final name; asked again, each begins anew. Errors: as storage.h, and STATE (no
// folder is configured; the disk is on another base now), UNAVAILABLE (the folder is not there),
// INVALID (the backup is damaged), IN_USE (others write to or delete from the folder just now).
#pragma once

#include <jansson.h>

#include "storage/storage.h"

// Ids of backups are of our own making: "bkp-" and letters, digits, "-".
// {"directory", "bytes", "free"}; a new object. Changes nothing. known, here and below: the folder
// must have backups already, else UNAVAILABLE (its disk is not mounted).
json_t *yd_backup_space(YdStorage *storage, gboolean known, GError **error);

typedef struct {
    const char *id, *image, *point; // point: the moment inside the image that is copied
    const char *previous;           // an earlier backup of it whose moment is still there, or NULL
    const json_t *about;            // an object for people, kept with it
    gboolean known;
} YdBackupDisk;

// Copies one moment of an image, also while a machine runs with it: only what changed since
// `previous` is read. {"bytes": of the disk, "held_bytes": in the backup, "stored_bytes": new on
// the target, "full", "base", "checksum"}.
json_t *yd_backup_disk(YdStorage *storage, const YdBackupDisk *what, YdProgress progress,
                       gpointer data, GError **error);

// Copies a sealed image once. {"bytes", "stored_bytes", "checksum"}.
json_t *yd_backup_image(YdStorage *storage, const char *image, gboolean known, YdProgress progress,
                        gpointer data, GError **error);

// Takes in what deskd has put into state/backup/ID (database, plan), the keys and the
// configuration. {"bytes", "checksum"}.
json_t *yd_backup_product(YdStorage *storage, const char *id, gboolean known, GError **error);

// Reads all of a backup again, and compares with its checksums. INVALID: damaged.
gboolean yd_backup_verify(YdStorage *storage, const char *id, const char *checksum,
                          YdProgress progress, gpointer data, GError **error);

// Makes the image that no machine uses hold what the backup has; one that is missing is made. Its
// restore points stay. Looks at all of the backup that it needs before it writes anything.
// {"written_bytes"}.
json_t *yd_backup_fill(YdStorage *storage, const char *id, const char *checksum, const char *image,
                       YdProgress progress, gpointer data, GError **error);

// Forgets a backup (gone: TRUE); its bytes go with the next sweep.
gboolean yd_backup_drop(YdStorage *storage, const char *id, GError **error);

// Removes what no backup needs any more. {"freed_bytes"}.
json_t *yd_backup_sweep(YdStorage *storage, GError **error);

// What all are made of, for deskhost: {"verb": "backup-…", …}; a new object.
json_t *yd_backup_call(YdStorage *storage, const json_t *request, YdProgress progress,
                       gpointer data, GError **error);

// The folder of a storage of yd_storage_local(); before threads. config_file NULL: the usual one.
void yd_backup_set_place(YdStorage *storage, const char *directory, const char *state_dir,
                         const char *config_file);

// Puts everything back onto a new machine, offline: keys, images, and the database last. id NULL:
// the newest backup of the product. Asked again, it goes on. tell is called with what is done.
// Refused when there is a database already, or the state directory is another one.
gboolean yd_backup_restore_all(YdStorage *storage, const char *id, const char *owner,
                               void (*tell)(const char *text), GError **error);
