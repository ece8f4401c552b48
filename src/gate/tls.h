// SPDX-License-Identifier: Apache-2.0
// The gate's certificate and its OpenSSL context: TLS 1.2 and later, HTTP/1.1 only. Reloading swaps
// the context for new connections; live ones keep theirs.
#pragma once

#include "gate/peer-tls.h"

#include <openssl/ssl.h>

#include <glib.h>

typedef struct YdGateTls YdGateTls;

// Reads certificate chain and key (PEM). Fails with YD_ERROR_INVALID naming the file.
YdGateTls *yd_gate_tls_new(const char *certificate, const char *key, GError **error);
void yd_gate_tls_free(YdGateTls *tls);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateTls, yd_gate_tls_free)

// Reads the files again; on failure the old certificate stays. Any thread.
gboolean yd_gate_tls_reload(YdGateTls *tls, GError **error);

// At start: connections that ask for it by ALPN are other gates'. peers is borrowed.
void yd_gate_tls_serve_peers(YdGateTls *tls, YdPeerTls *peers);

// The present context, one more reference (SSL_CTX_free()). Any thread.
SSL_CTX *yd_gate_tls_context(YdGateTls *tls);

// The context for TLS towards guests, which checks no chain: the caller pins the certificate.
// Borrowed, lives as long as tls.
SSL_CTX *yd_gate_tls_client(YdGateTls *tls);
