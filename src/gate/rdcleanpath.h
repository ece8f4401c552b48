// SPDX-License-Identifier: Apache-2.0
// RDCleanPath PDUs: how an RDP client in a browser asks a gate to make its TLS connection for it
// (Devolutions' IronRDP, crate ironrdp-rdcleanpath). One DER SEQUENCE with explicit context tags;
// its version is always 3390. Pure.
#pragma once

#include <glib.h>

// The longest request that is read, and the longest X.224 request in it.
#define YD_RDCLEANPATH_MAX 4096

// Parts of a request; all point into the caller's data.
typedef struct {
    const char *token; // [3] proxy authentication: our ticket; not NUL-terminated
    gsize token_len;
    const guint8 *x224; // [6] the X.224 connection request
    gsize x224_len;
} YdRdcleanpathRequest;

// Sets *ret_size to the size of the PDU at the start of data, or to 0 when more bytes are needed to
// tell. Fails with YD_ERROR_INVALID when none can begin like this.
gboolean yd_rdcleanpath_size(const guint8 *data, gsize len, gsize *ret_size, GError **error);

// Parses a whole PDU of len bytes. Fails with YD_ERROR_INVALID.
gboolean yd_rdcleanpath_parse(const guint8 *data, gsize len, YdRdcleanpathRequest *ret_request,
                              GError **error);

// The answer that the guest took the connection: its X.224 confirm ([6]), its certificate as DER
// ([7], the chain's only one) and the address that the client sees ([9]). Owned.
GByteArray *
yd_rdcleanpath_response(const guint8 *confirm, gsize confirm_len, const guint8 *certificate,
                        gsize certificate_len, const char *address);

// The answer that it did not ([1]): an HTTP status, or a Windows socket error (10061: refused), or
// a TLS alert; the others 0. Owned.
GByteArray *yd_rdcleanpath_error(guint http_status, guint wsa_error, guint tls_alert);
