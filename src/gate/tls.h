// SPDX-License-Identifier: Apache-2.0
// The gate's certificate and its OpenSSL context: TLS 1.2 and later, HTTP/1.1 only. Reloading swaps
// the context for new connections; live ones keep theirs.
#pragma once

#include "gate/peer-tls.h"

#include <openssl/ssl.h>

#include <glib.h>

typedef struct YdGateTls YdGateTls;

// How TLS went since the start.
typedef struct {
    guint64 handshakes; // with clients
    guint64 in_kernel;  // of them: what is sent is encrypted by the kernel
} YdGateTlsCount;

// Reads certificate chain and key (PEM). ktls: the kernel encrypts where it can. Fails with
// YD_ERROR_INVALID naming the file.
YdGateTls *yd_gate_tls_new(const char *certificate, const char *key, gboolean ktls, GError **error);
void yd_gate_tls_free(YdGateTls *tls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateTls, yd_gate_tls_free)

// Reads the files again; on failure the old certificate stays. Any thread.
gboolean yd_gate_tls_reload(YdGateTls *tls, GError **error);

// At start: connections that ask for it by ALPN are other gates'. peers is borrowed.
void yd_gate_tls_serve_peers(YdGateTls *tls, YdPeerTls *peers);

// A handshake has ended well. Any thread.
void yd_gate_tls_note(YdGateTls *tls, gboolean in_kernel);
void yd_gate_tls_count(YdGateTls *tls, YdGateTlsCount *ret_count);

// Until when the present certificate is good, in seconds since 1970; 0: it does not say. Any
// thread.
gint64 yd_gate_tls_expires(YdGateTls *tls);

// The present context, one more reference (SSL_CTX_free()). Any thread.
SSL_CTX *yd_gate_tls_context(YdGateTls *tls);

// The context for TLS towards guests, which checks no chain: the caller pins the certificate.
// Borrowed, lives as long as tls.
SSL_CTX *yd_gate_tls_client(YdGateTls *tls);
