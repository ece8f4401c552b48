// SPDX-License-Identifier: Apache-2.0
// One end of a connection: a non-blocking socket, with TLS in it or not. It hides which, and keeps
// what to poll for before the next try, which inside TLS may be the other direction.
#pragma once

#include <openssl/ssl.h>

#include "gate/loop.h"

typedef enum {
    YD_GATE_IO_OK,
    YD_GATE_IO_AGAIN, // nothing now; poll for read_wants or write_wants
    YD_GATE_IO_EOF,   // the peer sends no more
    YD_GATE_IO_ERROR, // reset, broken TLS …
} YdGateIo;

typedef struct {
    YdGateWatch watch;   // watch.fd is the socket
    SSL *ssl;            // NULL: plain
    guint32 read_wants;  // EPOLLIN, or EPOLLOUT where TLS has to write first
    guint32 write_wants; // EPOLLOUT, or EPOLLIN
    gboolean notified;   // TLS close_notify is sent
    gboolean more;       // more follows at once: the kernel may wait for it
} YdGateStream;

// Takes fd, non-blocking.
void yd_gate_stream_init(YdGateStream *stream, int fd, YdGateReadyFunc ready, gpointer owner);

// Unwatches and closes; the stream may be half made.
void yd_gate_stream_close(YdGateStream *stream, YdGateLoop *loop);

// Puts TLS into the stream as its server; then yd_gate_stream_handshake() until it is not AGAIN.
gboolean yd_gate_stream_start_tls(YdGateStream *stream, SSL_CTX *context);

// Likewise as its client.
gboolean yd_gate_stream_connect_tls(YdGateStream *stream, SSL_CTX *context);

// OK when the handshake is done; AGAIN: poll for read_wants.
YdGateIo yd_gate_stream_handshake(YdGateStream *stream);

// After the handshake: whether the kernel makes the TLS records that are sent.
gboolean yd_gate_stream_kernel_sends(const YdGateStream *stream);

// Reads 1 to len bytes (OK), or tells why not.
YdGateIo yd_gate_stream_read(YdGateStream *stream, void *data, gsize len, gsize *ret_n);

// Writes 1 to len bytes (OK), or tells why not; after less than len poll for write_wants. After
// AGAIN the next call must offer at least the same bytes (SSL_write(3)).
YdGateIo yd_gate_stream_write(YdGateStream *stream, const void *data, gsize len, gsize *ret_n);

// Tells the peer that nothing more comes: close_notify, then FIN. AGAIN: poll for write_wants.
YdGateIo yd_gate_stream_shut(YdGateStream *stream);
