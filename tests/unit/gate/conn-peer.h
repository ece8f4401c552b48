// SPDX-License-Identifier: Apache-2.0
// One end of a connection that a test drives byte by byte: plain or TLS, in chunks of any size,
// with an end or a reset at any byte. TLS runs in memory, so that a byte position is one of the
// wire.
#pragma once

#include <glib.h>
#include <openssl/ssl.h>

#define PEER_NEVER G_MAXSIZE

typedef struct {
    int fd;
    SSL *ssl;        // NULL: plain
    gboolean shaken; // TLS is up
    GByteArray *say; // not yet given to TLS
    GByteArray *raw; // not yet given to the socket
    GByteArray *got; // inside of TLS
    gsize raw_sent;
    gsize cut;       // after so many bytes on the wire it goes …
    gboolean resets; // … by a reset, not by an end
    gboolean stalls; // reads nothing
    gboolean ended;  // the other side has
    gboolean gone;   // it went itself
} Peer;

// Takes fd.
Peer *peer_new(int fd);
void peer_free(Peer *peer);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Peer, peer_free)

// From now on it speaks TLS; context is borrowed.
void peer_start_tls(Peer *peer, SSL_CTX *context, gboolean server);

void peer_say(Peer *peer, const void *data, gsize len);

// Moves what can be moved without waiting, at most a chunk each way; returns whether anything did.
gboolean peer_pump(Peer *peer, gsize chunk);

// Goes: by a reset, or by an end.
void peer_go(Peer *peer);
