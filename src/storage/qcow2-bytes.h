// SPDX-License-Identifier: Apache-2.0
// Numbers and ranges of a qcow2 file, for whoever reads its tables.
#pragma once

#include <glib.h>

// A big-endian number of so many bytes (at most 8).
guint64 yd_qcow2_number(const guint8 *at, guint bytes);

// All n bytes at that offset; FALSE when the file ends before, or cannot be read.
gboolean yd_qcow2_read(int fd, guint8 *buffer, gsize n, guint64 offset);
