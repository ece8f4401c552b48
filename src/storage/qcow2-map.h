// SPDX-License-Identifier: Apache-2.0
// Which parts of a qcow2 file one moment of it holds, and which of them differ from an earlier
// moment that is still inside: read from the file's own tables (QEMU's docs/interop/qcow2.txt).
// Clusters of a snapshot are never written to again, so equal table entries mean equal contents.
//
// Threads: any. The file may be in use by a machine as long as both moments are snapshots.
#pragma once

#include "base/error.h"

typedef struct {
    gint64 bytes;    // size of the disk at that moment
    gint64 chunk;    // bytes that one member of the arrays stands for
    gsize n;         // chunks, the last one may be short
    guint8 *held;    // 1: the file itself holds something in that chunk
    guint8 *changed; // 1: it may differ from before; NULL: there is no before
} YdQcow2Map;

void yd_qcow2_map_clear(YdQcow2Map *map);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdQcow2Map, yd_qcow2_map_clear)

// point NULL: the file as it is (nobody may write to it). before NULL, or a moment that the file
// does not have: changed is NULL. ret_map must be zeroed. Errors: NOT_FOUND (point), INVALID
// (damaged, or a feature that is not known).
gboolean yd_qcow2_map(int fd, const char *point, const char *before, gint64 chunk,
                      YdQcow2Map *ret_map, GError **error);
