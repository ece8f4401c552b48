// SPDX-License-Identifier: Apache-2.0
// Mutual TLS between gates. A gate is who its certificate says: signed by the product's CA, for
// clients and servers, with the name in it as URI "yundesk-gate:NAME". Guests have certificates of
// the same CA; theirs say neither. Any thread.
#pragma once

#include <openssl/ssl.h>

#include "gate/peer-message.h"

typedef struct YdPeerTls YdPeerTls;

// Files in PEM: our certificate and key, the CA. registered: the folder with a copy of each remote
// gate's certificate as NAME.pem (deskd's; taking one away shuts its gate out); may be missing.
// NULL with YD_ERROR_INVALID when a file is there and no good, without an error when this gate has
// no certificate for others: then it speaks with none.
YdPeerTls *yd_peer_tls_new(const char *certificate, const char *key, const char *ca,
                           const char *registered, GError **error);
void yd_peer_tls_free(YdPeerTls *peers);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdPeerTls, yd_peer_tls_free)

// Has a server's context turn to us where the client asks for YD_PEER_ALPN. peers is borrowed.
void yd_peer_tls_serve(YdPeerTls *peers, SSL_CTX *context);

// For connecting to another gate.
SSL_CTX *yd_peer_tls_client(YdPeerTls *peers);

// After a handshake: whether it was one between gates (else it is anybody's).
gboolean yd_peer_tls_is_peer(SSL *ssl);

// The verified name of the gate at the other end; NULL when it has none. Owned.
char *yd_peer_tls_name(SSL *ssl);

// Whether that gate's very certificate is registered here.
gboolean yd_peer_tls_is_registered(const YdPeerTls *peers, SSL *ssl, const char *name);
