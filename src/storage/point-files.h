// SPDX-License-Identifier: Apache-2.0
// Files in restore points (snapshots inside an image, by name). What the guest wrote is read by a
// process without rights (src/deskread); this room only talks to it. The image may be in use by a
// machine. ext2, ext3 and ext4 only.
//
// Paths: "/a/b", names in UTF-8 with "\\" for a backslash and "\xNN" for other bytes
// (base/name-text.h). Symbolic links are shown, not followed.
// Threads: any. Errors: as storage.h, and INVALID (other file system, damaged; field "path"),
// NOT_FOUND (image, point, path), STATE (a file where a directory is wanted, and the reverse),
// TOO_LARGE, TIMEOUT.
#pragma once

#include <jansson.h>

#include "storage/storage.h"

// {"items": [{"name", "kind": "file" | "directory" | "link" | "other", "bytes", "modified": ms}],
// "next": cursor of the next page or null}; directories first, then by name. limit: 1 to 5000.
json_t *yd_point_files_list(YdStorage *storage, const char *image, const char *point,
                            const char *path, gint64 cursor, guint limit, GError **error);

typedef struct {
    gint64 bytes, modified; // modified: ms
    guint mode;             // permissions only
} YdPointFile;

// Bytes of a file, in order, on the calling thread; FALSE with error stops.
typedef gboolean (*YdPointSink)(gpointer data, const void *bytes, gsize n, GError **error);

// A regular file, whole; TOO_LARGE when it has more than most bytes. What the sink was given counts
// only when this is TRUE.
gboolean yd_point_files_read(YdStorage *storage, const char *image, const char *point,
                             const char *path, gint64 most, YdPointSink sink, gpointer data,
                             YdPointFile *ret_file, GError **error);

// What both are made of, for deskhost: {"verb": "files-list" | "files-read", "image", "point",
// "path", "cursor", "limit", "most"}; a new object. sink NULL: for list. progress is called now and
// then, its FALSE cancels.
json_t *yd_point_files_call(YdStorage *storage, const json_t *request, YdPointSink sink,
                            YdProgress progress, gpointer data, GError **error);

// The program that reads, in this process; else "deskread" beside the running program. For tests.
void yd_point_files_reader(const char *path);
