// SPDX-License-Identifier: Apache-2.0
// What libext2fs reads through: a volume of a disk, with the journal replayed over it. Nothing is
// ever written. Not thread-safe: one at a time in a process.
#pragma once

#include <ext2fs/ext2fs.h>

#include "deskread/blocks.h"
#include "deskread/volume.h"

typedef struct _YdExtIo YdExtIo;

YdExtIo *yd_ext_io_new(const YdBlocks *disk, const YdVolume *volume);
void yd_ext_io_free(YdExtIo *io);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdExtIo, yd_ext_io_free)

// The file system, read through io (which must outlive it); NULL with INVALID.
ext2_filsys yd_ext_io_open(YdExtIo *io, GError **error);

// From now on these blocks (of block_size bytes) are read from the places in copies: map of the
// journal, physical: where its blocks lie on the volume (guint64, in blocks). Takes both.
void yd_ext_io_overlay(YdExtIo *io, guint32 block_size, GHashTable *map, GArray *physical);

// Sets INVALID for an error of libext2fs: "what (its words)". When a read failed
// below it, that error is told instead. Returns FALSE.
gboolean yd_ext_io_fail(YdExtIo *io, errcode_t code, const char *what, GError **error);
