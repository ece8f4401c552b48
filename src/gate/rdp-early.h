// SPDX-License-Identifier: Apache-2.0
// The first PDUs that an RDP client sends inside TLS, rewritten on their way to the guest: colour
// depth, keyboard layout and the channels that the policy closes in the MCS connect
// (rdp-connect.h), and the log-in in the Client Info PDU (MS-RDPBCGR 2.2.1.11). So the browser
// never learns the one-time password. Streaming: PDUs are put together from whatever pieces come;
// after Client Info all bytes pass untouched. Pure.
#pragma once

#include <glib.h>

// The longest PDU of the connection phase, and how many may come before Client Info.
#define YD_RDP_EARLY_PDU_MAX 16384
#define YD_RDP_EARLY_PDUS 64

typedef struct _YdRdpEarly YdRdpEarly;

// The log-in is copied (and wiped by free). keyboard: a Windows layout (0x409 us, 0x407 de, 0x40c
// fr), 0 leaves the client's. closed: YD_RDP_CLOSE_… of rdp-connect.h.
YdRdpEarly *
yd_rdp_early_new(const char *username, const char *password, guint32 keyboard, guint closed);
void yd_rdp_early_free(YdRdpEarly *early);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdRdpEarly, yd_rdp_early_free)

// Takes bytes of the client and appends to out what the guest is to get. Fails with
// YD_ERROR_INVALID when they are no RDP connection phase; then the connection must be closed.
gboolean yd_rdp_early_feed(YdRdpEarly *early, const guint8 *data, gsize len, GByteArray *out,
                           GError **error);

// Whether Client Info has passed: what comes next needs no feeding.
gboolean yd_rdp_early_done(const YdRdpEarly *early);
