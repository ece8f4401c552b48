// SPDX-License-Identifier: Apache-2.0
// The first packet of an RDP connection and its refusal: TPKT (RFC 1006, 6), X.224 connection
// request (MS-RDPBCGR 2.2.1.1) and connection confirm with RDP_NEG_FAILURE (2.2.1.2.2). Pure;
// nothing of RDP after these is read here.
#pragma once

#include <glib.h>

// The longest request the gate takes. An honest X.224 one ends at 259 (its length indicator is a
// byte).
#define YD_X224_MAX 512

// The size of a refusal.
#define YD_X224_REFUSAL_SIZE 19

// The longest ticket that a request can carry, its NUL included.
#define YD_X224_TICKET_SIZE 129

typedef struct {
    char ticket[YD_X224_TICKET_SIZE]; // of "Cookie: msts="; empty when there is none
    gboolean negotiates;              // it holds an RDP_NEG_REQ
    guint32 protocols;                // requestedProtocols of it (2.2.1.1.1)
} YdX224Request;

// failureCode of RDP_NEG_FAILURE that the gate uses for "your ticket is not good": no client tries
// a weaker protocol because of it.
#define YD_X224_INCONSISTENT_FLAGS 4

// Sets *ret_size to the size of the packet at the start of data, or to 0 when more bytes are needed
// to tell. Fails with YD_ERROR_INVALID when it is no TPKT or cannot be a connection request.
gboolean yd_x224_size(const guint8 *data, gsize len, gsize *ret_size, GError **error);

// Parses a whole packet of len bytes. Fails with YD_ERROR_INVALID.
gboolean yd_x224_parse(const guint8 *data, gsize len, YdX224Request *ret_request, GError **error);

// Copies a packet that yd_x224_parse() took to out (room for len bytes) without its "Cookie: msts="
// line, with the lengths of TPKT and X.224 corrected. Returns the new length.
gsize yd_x224_strip(const guint8 *data, gsize len, guint8 *out);

// Writes the connection confirm that refuses with the given failureCode.
void yd_x224_refusal(guint32 failure_code, guint8 out[YD_X224_REFUSAL_SIZE]);
