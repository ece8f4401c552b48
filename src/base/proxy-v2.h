// SPDX-License-Identifier: Apache-2.0
// The PROXY protocol, version 2 (haproxy's doc/proxy-protocol.txt, 2.2): deskgate writes this
// header before the bytes of an https client, deskd reads it and so knows the client's true
// address; deskgate reads it where a load balancer stands before it. Pure.
#pragma once

#include <glib.h>

// Signature, command, family and length: what a reader needs to know the whole size.
#define YD_PROXY_V2_FIXED 16

// The longest header that the reader takes (addresses and extensions).
#define YD_PROXY_V2_MAX 536

// The longest header that the writer makes (TCP over IPv6).
#define YD_PROXY_V2_WRITE_MAX 52

typedef struct {
    gboolean local; // no client: a health check or the sender's own connection; no addresses
    char source[46];
    guint16 source_port;
    char destination[46];
    guint16 destination_port;
    gboolean tls; // read only: the client spoke TLS with the sender (PP2_TYPE_SSL, PP2_CLIENT_SSL)
} YdProxyV2;

// Writes the header for a client at source (numeric IPv4 or IPv6, both of one family) to out.
// Returns its length; with addresses that are not numeric or of two families it writes "unknown"
// (16 bytes).
gsize yd_proxy_v2_write(const YdProxyV2 *proxy, guint8 out[YD_PROXY_V2_WRITE_MAX]);

// Sets *ret_size to the size of the header at the start of data, or to 0 when more bytes are needed
// to tell. Fails with YD_ERROR_INVALID as soon as the bytes can be no header, or it is too long.
gboolean yd_proxy_v2_size(const guint8 *data, gsize len, gsize *ret_size, GError **error);

// Parses a whole header of len bytes. UNSPEC and UNIX families give local = TRUE. Extensions that
// it does not know are skipped; one that is longer than the header is an error. Fails with
// YD_ERROR_INVALID.
gboolean yd_proxy_v2_parse(const guint8 *data, gsize len, YdProxyV2 *ret_proxy, GError **error);
