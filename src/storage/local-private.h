// SPDX-License-Identifier: Apache-2.0
// Shared by local.c (small verbs), local-import.c (import, flattening, checksums), local-seal.c and
// local-facts.c.
#pragma once

#include "storage/family.h"
#include "storage/image-probe.h"
#include "storage/local.h"

typedef struct {
    YdStorage parent;
    char *directory;
    char *backup_dir, *state_dir, *config_file; // backup.h; NULL: no backups
} LocalStorage;

char *yd_local_path(YdStorage *storage, const char *image);

// Path of the unfinished file of an image, invisible to list; owned.
char *yd_local_part(YdStorage *storage, const char *image);

// Begins the exclusive work on an image in this process; another's is waited for up to 10 s, then
// IN_USE. End it with yd_local_leave.
gboolean yd_local_enter(YdStorage *storage, const char *image, GError **error);
void yd_local_leave(YdStorage *storage, const char *image);

// Opens an image read-only (O_NOFOLLOW); NOT_FOUND. -1 on failure.
int yd_local_open(YdStorage *storage, const char *image, GError **error);

// Gives the finished part its final name and makes both durable.
gboolean yd_local_publish(YdStorage *storage, const char *image, mode_t mode, GError **error);

// Translates errno; what: begin of the message. Returns FALSE.
gboolean yd_local_fail(GError **error, int number, const char *what, const char *name);

// Probes an image of ours; NULL with error.
YdImageInfo *yd_local_look(YdStorage *storage, const char *image, GError **error);

// Whether nobody may write to the file.
gboolean yd_local_is_sealed(const char *path);

// Whether a running machine writes to the image.
gboolean yd_local_has_writer(YdStorage *storage, const char *image);
// nvram/<name without .qcow2>.fd; gone: TRUE.
gboolean yd_local_remove_nvram(YdStorage *storage, const char *image, GError **error);
// fsync of a path; flags: of open, besides.
gboolean yd_local_sync(const char *path, int flags, const char *image, GError **error);

// The verbs of point-files.h.
json_t *yd_local_files(YdStorage *storage, const json_t *request, YdPointSink sink,
                       YdProgress progress, gpointer data, GError **error);

// The verbs of ram-image.h.
json_t *yd_local_ram(YdStorage *storage, const char *verb, const json_t *arguments, GError **error);

// The verbs of backup.h.
json_t *yd_local_backup(YdStorage *storage, const json_t *request, YdProgress progress,
                        gpointer data, GError **error);

YdImageInfo *yd_local_info(const YdImageProbe *probe);

YdImageInfo *yd_local_import(YdStorage *storage, const char *source, const char *image,
                             YdProgress progress, gpointer data, GError **error);
gboolean yd_local_seal(YdStorage *storage, const char *image, const char *base, const char *sealed,
                       GError **error);
YdImageInfo *yd_local_flatten(YdStorage *storage, const char *image, const char *flat,
                              YdProgress progress, gpointer data, GError **error);
// How many restore points the image has.
gboolean
yd_local_count_points(YdStorage *storage, const char *image, guint *ret_points, GError **error);
gboolean yd_local_point(YdStorage *storage, const char *image, const char *name, YdPointAct what,
                        GError **error);
GPtrArray *yd_local_chain(YdStorage *storage, const char *image, GError **error);
GPtrArray *yd_local_usage(YdStorage *storage, GError **error);
YdImageInfo *yd_local_inspect(YdStorage *storage, const char *path, GError **error);
YdImageInfo *yd_local_verify(YdStorage *storage, const char *image, YdProgress progress,
                             gpointer data, GError **error);
