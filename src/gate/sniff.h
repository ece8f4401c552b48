// SPDX-License-Identifier: Apache-2.0
// Which protocol a client speaks, told by its first bytes. Pure; looks at no more than eight bytes.
#pragma once

#include <glib.h>

// The most bytes that yd_sniff() needs to be sure.
#define YD_SNIFF_BYTES 8

typedef enum {
    YD_SNIFF_MORE,    // not enough bytes to tell
    YD_SNIFF_RDP,     // TPKT, version 3 (RFC 1006)
    YD_SNIFF_CONNECT, // an HTTP proxy request in the clear: SPICE
    YD_SNIFF_TLS,     // a TLS handshake record (RFC 8446, 5.1)
    YD_SNIFF_HTTP,    // GET or HEAD in the clear
    YD_SNIFF_SPICE,   // "REDQ": SPICE without a proxy request, so without a ticket
    YD_SNIFF_PEER,    // another gate's line, without TLS ([deskgate] peer_tls=off)
    YD_SNIFF_PROXY,   // a PROXY header, version 2: a load balancer
    YD_SNIFF_UNKNOWN, // nothing that the gate speaks
} YdSniff;

// Tells the protocol from the first len bytes of a connection. Any thread.
YdSniff yd_sniff(const guint8 *data, gsize len);
