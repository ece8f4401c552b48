// SPDX-License-Identifier: Apache-2.0
// Reads the table of snapshots in a qcow2 file (QEMU's docs/interop/qcow2.txt, "Snapshots"). Pure
// but for reading the file at offsets of its own.
#pragma once

#include "base/error.h"

#define YD_QCOW2_POINTS_MAX 65536 // as QEMU takes

// Where a snapshot's first table lies (offset, entries), and how large the disk was then (bytes; 0:
// as it is now, files of old versions do not say).
typedef struct {
    guint64 l1_at, l1_size, size;
} YdQcow2Point;

// Whether the file has a snapshot of that name; ret_point may be NULL. INVALID when it is no qcow2
// file or its table is damaged.
gboolean yd_qcow2_find_point(int fd, const char *name, YdQcow2Point *ret_point, gboolean *ret_has,
                             GError **error);
gboolean yd_qcow2_has_point(int fd, const char *name, gboolean *ret_has, GError **error);

// How many it has, as its header says. INVALID likewise.
gboolean yd_qcow2_count_points(int fd, guint *ret_points, GError **error);
