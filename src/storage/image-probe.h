// SPDX-License-Identifier: Apache-2.0
// What a disk image is, told from its own bytes and never by guessing of qemu-img's, so that a
// hostile file cannot choose how it is read: qcow2 (docs/interop/qcow2.txt of QEMU), VMDK
// ("Virtual Disk Format 5.0", hosted sparse extents), raw disks with an MBR or GPT.
#pragma once

#include "base/error.h"

#define YD_IMAGE_MAX_BYTES (G_GINT64_CONSTANT(2) << 40) // largest virtual size that is taken

typedef enum {
    YD_IMAGE_QCOW2,
    YD_IMAGE_RAW,
    YD_IMAGE_VMDK,
} YdImageFormat;

typedef struct {
    YdImageFormat format;
    gint64 virtual_bytes, size_bytes;
    char *backing; // of a qcow2; NULL: none; owned
} YdImageProbe;

const char *yd_image_format_name(YdImageFormat format);

// Reads the header behind fd (a regular file, read at offsets of its own). Fails with INVALID for
// what is no disk image, is truncated as far as headers tell, damaged, encrypted, absurdly large,
// or needs other files; allow_backing lets a backing file through. ret_probe->backing is owned.
gboolean yd_image_probe(int fd, const char *shown_name, gboolean allow_backing,
                        YdImageProbe *ret_probe, GError **error);
