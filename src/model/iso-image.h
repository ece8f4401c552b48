// SPDX-License-Identifier: Apache-2.0
// Tells an ISO 9660 or UDF image by its volume descriptors (ECMA-119 8, ECMA-167 2/9: sectors of
// 2048 bytes from sector 16 on). Pure; reads no file system.
#pragma once

#include <glib.h>

// How much of the beginning of a file tells everything: sectors 0 to 31.
#define YD_ISO_HEAD (32 * 2048)

typedef struct {
    char label[33];    // name of the volume, printable ASCII; "" when it has none or is UDF alone
    gboolean bootable; // has an El Torito boot record
} YdIsoFacts;

// data: the first n bytes of the file (YD_ISO_HEAD, or the whole file where it is shorter);
// file_bytes: its size. INVALID "file: …" for what is no such image, and for one that is shorter
// than its own descriptor says.
gboolean
yd_iso_check(const guint8 *data, gsize n, gint64 file_bytes, YdIsoFacts *ret_facts, GError **error);
