// SPDX-License-Identifier: Apache-2.0
// Files of an ext2, ext3 or ext4 file system on a disk that is not to be trusted: directories in
// pages, and the bytes of one file. Symbolic links are shown and never followed.
#pragma once

#include <jansson.h>

#include "deskread/blocks.h"

typedef struct _YdExt YdExt;

#define YD_EXT_ENTRIES_MAX 500000 // of a directory

// Opens the largest file system, with its journal replayed in memory. disk must outlive it.
YdExt *yd_ext_new(const YdBlocks *disk, GError **error);
void yd_ext_free(YdExt *ext);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdExt, yd_ext_free)

// {"items": [{"name", "kind", "bytes", "modified"}], "next": N or null}, directories first, then by
// name; modified in ms. From the cursor'th entry, at most limit. NOT_FOUND; STATE when path is no
// directory.
json_t *yd_ext_list(YdExt *ext, const char *path, guint64 cursor, guint limit, GError **error);

typedef struct {
    guint64 bytes;
    guint mode;      // permissions only
    gint64 modified; // ms
} YdExtFile;

// Some bytes of a file, in order; FALSE with error stops.
typedef gboolean (*YdExtSink)(gpointer data, const void *bytes, gsize n, GError **error);

// The regular file at path, whole. TOO_LARGE when it has more than most bytes; NOT_FOUND; STATE
// when it is no regular file.
gboolean yd_ext_read(YdExt *ext, const char *path, guint64 most, YdExtSink sink, gpointer data,
                     YdExtFile *ret_file, GError **error);
