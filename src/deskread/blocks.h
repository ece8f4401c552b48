// SPDX-License-Identifier: Apache-2.0
// A disk as the reader sees it: bytes that a guest wrote, so nothing in them is believed.
#pragma once

#include <glib.h>

typedef struct {
    // Fills all of buffer; never asked for more than there is. FALSE with error.
    gboolean (*read)(gpointer data, guint64 offset, void *buffer, gsize n, GError **error);
    gpointer data;
    guint64 bytes; // of the disk
} YdBlocks;

// As blocks->read; INVALID when it does not lie on the disk.
gboolean
yd_blocks_read(const YdBlocks *blocks, guint64 offset, void *buffer, gsize n, GError **error);

// Numbers at an address, of either order of bytes.
guint64 yd_bytes_le(const guint8 *at, guint n);
guint64 yd_bytes_be(const guint8 *at, guint n);
