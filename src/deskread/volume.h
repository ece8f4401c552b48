// SPDX-License-Identifier: Apache-2.0
// Where on a disk the file system lies: the whole disk, or the largest partition that has one (MBR
// with logical partitions; GPT, UEFI specification 5.3).
#pragma once

#include "deskread/blocks.h"

typedef struct {
    guint64 offset, bytes;
} YdVolume;

// The largest ext2, ext3 or ext4 file system. INVALID where there is none, with words for what is
// there instead.
gboolean yd_volume_find(const YdBlocks *disk, YdVolume *ret_volume, GError **error);
