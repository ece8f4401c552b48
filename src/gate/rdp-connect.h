// SPDX-License-Identifier: Apache-2.0
// The first PDU of an RDP client: MCS Connect-Initial (T.125, BER) around a GCC conference create
// request (T.124, PER) around blocks of client data (MS-RDPBCGR 2.2.1.3). It is read as strictly as
// servers read it, so that nobody can show them other blocks than the gate sees. Pure.
#pragma once

#include <glib.h>

// Static virtual channels that a policy closes.
enum {
    YD_RDP_CLOSE_CLIPRDR = 1 << 0, // clipboard
    YD_RDP_CLOSE_RDPDR = 1 << 1,   // drives, printers, serial ports, smart cards
    YD_RDP_CLOSE_RDPSND = 1 << 2,  // sound
    YD_RDP_CLOSE_DRDYNVC = 1 << 3, // all dynamic channels: microphone, sound, USB
};

// The flag of a channel's name as deskd writes it ("cliprdr" …). FALSE when it is not one of them.
gboolean yd_rdp_channel_flag(const char *name, guint *ret_flag);

// Whether a TPKT is a Connect-Initial.
gboolean yd_rdp_connect_is(const guint8 *pdu, gsize len);

// Rewrites a whole TPKT in place, its length stays: 32 bits of colour, the keyboard layout (0: the
// client's), and the channels to be closed get names that no server knows. Fails with
// YD_ERROR_INVALID when it is not as every client writes it.
gboolean
yd_rdp_connect_rewrite(guint8 *pdu, gsize len, guint32 keyboard, guint closed, GError **error);
