// SPDX-License-Identifier: Apache-2.0
// Takes the pages of one RAM block out of a saved machine. What is left, with that block in a file
// of its own, is all that another machine needs to go on from the same moment.
//
// A file of libvirt's `save` (src/qemu/qemu_saveimage.h of libvirt 9.0, version 2): a header in the
// host's byte order, the machine's XML, a cookie, then QEMU's migration stream, format 3
// (docs/devel/migration.rst, migration/savevm.c and migration/ram.c of QEMU 7.2), big-endian. The
// RAM section comes first and is understood to its last byte; the devices' sections that follow are
// copied as they are. Whatever the parser does not know is refused: a page taken for something else
// would be a guest that breaks much later.
//
// Pure but for the two streams; any thread.
#pragma once

#include <stdio.h>

#include "base/error.h"

#define YD_SAVE_HEADER_BYTES 92
#define YD_SAVE_MAX_TEXT (1024 * 1024) // XML and cookie
#define YD_RAM_MAX_DEVICES (256 * 1024 * 1024)

typedef struct {
    char *xml, *cookie; // cookie NULL: none
} YdSaveHead;
void yd_save_head_clear(YdSaveHead *head);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdSaveHead, yd_save_head_clear)

// Reads up to the first byte of the stream. INVALID: no save, an unfinished or a compressed one.
gboolean yd_save_head_read(FILE *in, YdSaveHead *ret_head, GError **error);

// Writes a head that makes libvirt resume the machine at once.
gboolean yd_save_head_write(FILE *out, const char *xml, const char *cookie, GError **error);

typedef struct {
    char *machine; // machine type, as "pc-q35-7.2"
    guint64 pages_taken, bytes_out;
} YdRamStream;
void yd_ram_stream_clear(YdRamStream *stream);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdRamStream, yd_ram_stream_clear)

// Copies the stream from in (up to its end) to out without the pages of `block`, which must have
// that many bytes. INVALID with the offset for all that is cut off, unknown or does not fit.
gboolean yd_ram_stream_strip(FILE *in, FILE *out, const char *block, guint64 bytes,
                             YdRamStream *ret_stream, GError **error);
