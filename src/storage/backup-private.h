// SPDX-License-Identifier: Apache-2.0
// What the files of backups share: backup.c (requests), backup-store.c (the folder), backup-disk.c,
// backup-fill.c, backup-files.c (whole files), backup-sweep.c, backup-return.c (a new machine).
#pragma once

#include "base/json-util.h"
#include "storage/backup.h"
#include "storage/local-private.h"

#define YD_BACKUP_CHUNK (256 * 1024)
#define YD_BACKUP_RESERVE ((gint64)256 << 20) // stays free on the target
#define YD_BACKUP_ZEROS "0"                   // in place of a hash: the chunk is zeros

typedef enum {
    YD_BACKUP_LOOK, // only looks at the folder itself, makes nothing in it
    YD_BACKUP_SHARED,
    YD_BACKUP_ALONE, // nobody else writes
} YdBackupLock;
// The folder, for one verb. Not locked on failure.
typedef int YdBackupHold;
gboolean yd_backup_open(YdStorage *storage, YdBackupLock lock, gboolean known,
                        YdBackupHold *ret_hold, GError **error);
void yd_backup_close(YdBackupHold hold);
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(YdBackupHold, yd_backup_close, -1)

// Path below the folder; owned.
char *yd_backup_path(YdStorage *storage, const char *part, const char *name);

// SHA-256 as hex digits; owned.
char *yd_backup_hash(const void *bytes, gsize n);

// --- contents ---

char *yd_backup_chunk_path(YdStorage *storage, const char *hash);
gboolean yd_backup_has_chunk(YdStorage *storage, const char *hash);
// Reads one and compares it with its name; n: how long it must be. INVALID: missing or damaged.
gboolean
yd_backup_read_chunk(YdStorage *storage, const char *hash, guint8 *into, gsize n, GError **error);

// New contents of one backup: visible to others once all of them are durable.
typedef struct {
    YdStorage *storage;
    char *folder;     // part/ID
    GHashTable *made; // hashes
    gint64 stored;
} YdBackupIntake;
gboolean
yd_backup_intake_begin(YdStorage *storage, const char *id, YdBackupIntake *ret, GError **error);
// Keeps the bytes; *ret_hash is owned.
gboolean yd_backup_intake_add(YdBackupIntake *intake, const guint8 *bytes, gsize n, char **ret_hash,
                              GError **error);
gboolean yd_backup_intake_finish(YdBackupIntake *intake, GError **error);
void yd_backup_intake_clear(YdBackupIntake *intake);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdBackupIntake, yd_backup_intake_clear)

gboolean yd_backup_check_free(YdStorage *storage, gint64 need, GError **error);
gboolean yd_backup_sync(YdStorage *storage, GError **error);

// --- manifests ---

// Writes JSON durably under its final name; *ret_checksum (may be NULL) is owned.
gboolean yd_backup_write_json(YdStorage *storage, const char *part, const char *name,
                              const json_t *json, char **ret_checksum, GError **error);
// checksum NULL: whatever it has. INVALID: another one, or not what it should be.
json_t *yd_backup_read_json(YdStorage *storage, const char *part, const char *name,
                            const char *checksum, char **ret_checksum, GError **error);
// Hashes by chunk, NULL where it has none; ret_n of them. The hashes are borrowed from manifest.
const char **
yd_backup_chunks(const json_t *manifest, gint64 *ret_bytes, gsize *ret_n, GError **error);
// The image of ours that image (as it is) is built on, past what is between; *ret_base NULL: none.
// held (may be NULL) is marked where something between holds a part.
gboolean yd_backup_base(YdStorage *storage, const char *image, guint8 *held, gsize n,
                        char **ret_base, GError **error);

// --- disks by qemu-nbd ---

typedef struct _YdBackupNbd YdBackupNbd;
// point NULL: as it is. Writable only without a point.
YdBackupNbd *yd_backup_nbd(const char *path, const char *point, gboolean writable, GError **error);
gboolean yd_backup_nbd_read(YdBackupNbd *nbd, guint8 *into, gsize n, gint64 offset, GError **error);
gboolean
yd_backup_nbd_write(YdBackupNbd *nbd, const guint8 *from, gsize n, gint64 offset, GError **error);
gboolean yd_backup_nbd_flush(YdBackupNbd *nbd, GError **error);
void yd_backup_nbd_free(YdBackupNbd *nbd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdBackupNbd, yd_backup_nbd_free)

// --- whole files ---

// Copies a regular file (no link) with its checksum, durably; mode 0600. *ret_checksum is owned.
gboolean yd_backup_copy_file(const char *from, const char *to, mode_t mode, YdProgress progress,
                             gpointer data, gint64 *ret_bytes, char **ret_checksum, GError **error);
// FALSE with errno.
gboolean yd_backup_write_all(int fd, const guint8 *bytes, gsize n);
gboolean yd_backup_fail(GError **error, const char *what, const char *name);
// With all that is in it; gone: nothing.
void yd_backup_remove_folder(const char *path);

// --- verbs ---

json_t *yd_backup_do_disk(YdStorage *storage, const json_t *request, YdProgress progress,
                          gpointer data, GError **error);
json_t *yd_backup_do_fill(YdStorage *storage, const json_t *request, YdProgress progress,
                          gpointer data, GError **error);
json_t *yd_backup_do_image(YdStorage *storage, const json_t *request, YdProgress progress,
                           gpointer data, GError **error);
json_t *yd_backup_do_product(YdStorage *storage, const json_t *request, YdProgress progress,
                             gpointer data, GError **error);
json_t *yd_backup_do_verify(YdStorage *storage, const json_t *request, YdProgress progress,
                            gpointer data, GError **error);
json_t *yd_backup_do_drop(YdStorage *storage, const json_t *request, YdProgress progress,
                          gpointer data, GError **error);
json_t *yd_backup_do_sweep(YdStorage *storage, const json_t *request, YdProgress progress,
                           gpointer data, GError **error);
