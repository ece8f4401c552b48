// SPDX-License-Identifier: Apache-2.0
// Reads the table of snapshots in a qcow2 file (QEMU's docs/interop/qcow2.txt, "Snapshots"). Pure
// but for reading the file at offsets of its own.
#pragma once

#include "base/error.h"

// Whether the file has a snapshot of that name. INVALID when it is no qcow2 file or its table is
// damaged.
gboolean yd_qcow2_has_point(int fd, const char *name, gboolean *ret_has, GError **error);

// How many it has, as its header says. INVALID likewise.
gboolean yd_qcow2_count_points(int fd, guint *ret_points, GError **error);
