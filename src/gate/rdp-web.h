// SPDX-License-Identifier: Apache-2.0
// What an RDP session in a browser needs beyond a relay: its RDCleanPath request comes in WebSocket
// frames, the gate is the guest's TLS client, and it logs the person in. Plain data and pure steps;
// conn-rdp-web.c moves the bytes.
#pragma once

#include "gate/rdp-early.h"
#include "gate/ws-frame.h"

// The longest X.224 confirm (MS-RDPBCGR 2.2.1.2 needs 19 bytes).
#define YD_RDP_CONFIRM_MAX 64

typedef struct {
    YdWsDecoder decoder;
    GByteArray *raw;     // the frames as they came, should another gate have to read them
    GByteArray *request; // RDCleanPath bytes, decoded
    GByteArray *x224;    // of the request, without cookies: for the guest
    GByteArray *confirm; // the guest's
    GByteArray *out;     // to the guest, before the relay
    gboolean answered;   // the 101 is out: refusals go in frames
    guint32 keyboard;    // Windows layout, 0: the client's own
    // Of the grant.
    char *username, *password, *certificate;
    guint closed; // YD_RDP_CLOSE_…
} YdRdpWeb;

YdRdpWeb *yd_rdp_web_new(guint32 keyboard);
void yd_rdp_web_free(YdRdpWeb *web);

typedef enum {
    YD_RDP_WEB_MORE, // not whole yet
    YD_RDP_WEB_DONE,
    YD_RDP_WEB_END, // the client closes
    YD_RDP_WEB_BAD, // error says why
} YdRdpWebRead;

// Takes bytes of the client (unmasked in place). DONE: ret_ticket is owned by the caller, x224 is
// set. A client that says more before its answer is BAD.
YdRdpWebRead
yd_rdp_web_take(YdRdpWeb *web, guint8 *data, gsize len, char **ret_ticket, GError **error);

// Sets *ret_size to the size of the confirm at the start of data, or 0 when more bytes are needed.
gboolean yd_rdp_web_confirm_size(const guint8 *data, gsize len, gsize *ret_size, GError **error);

// Whether a whole confirm chose TLS, the only protocol that the gate can speak to the guest.
gboolean yd_rdp_web_confirm_check(const guint8 *data, gsize len, GError **error);

// One binary frame around a message; owned.
GByteArray *yd_rdp_web_frame(const GByteArray *message);
