// SPDX-License-Identifier: Apache-2.0
// Non-blocking calls on one socket; OpenSSL between two memory BIOs.
#include "conn-peer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

Peer *
peer_new(int fd)
{
    Peer *peer = g_new0(Peer, 1);
    peer->fd = fd;
    peer->cut = PEER_NEVER;
    peer->say = g_byte_array_new();
    peer->raw = g_byte_array_new();
    peer->got = g_byte_array_new();
    g_assert_cmpint(fcntl(fd, F_SETFL, O_NONBLOCK), ==, 0);
    return peer;
}

void
peer_free(Peer *peer)
{
    if (peer == NULL)
        return;
    if (!peer->gone)
        close(peer->fd);
    SSL_free(peer->ssl);
    g_byte_array_unref(peer->say);
    g_byte_array_unref(peer->raw);
    g_byte_array_unref(peer->got);
    g_free(peer);
}

void
peer_go(Peer *peer)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (peer->gone)
        return;
    if (peer->resets)
        setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(peer->fd);
    peer->gone = TRUE;
}

void
peer_start_tls(Peer *peer, SSL_CTX *context, gboolean server)
{
    peer->ssl = SSL_new(context);
    SSL_set_bio(peer->ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    if (server)
        SSL_set_accept_state(peer->ssl);
    else
        SSL_set_connect_state(peer->ssl);
}

void
peer_say(Peer *peer, const void *data, gsize len)
{
    g_byte_array_append(peer->say, data, (guint)len);
}

// What came goes through TLS; what TLS answers goes to the wire.
static void
turn_tls(Peer *peer)
{
    guint8 bytes[16384];
    if (!peer->shaken)
        peer->shaken = SSL_do_handshake(peer->ssl) == 1;
    if (peer->shaken) {
        for (int n; (n = SSL_read(peer->ssl, bytes, sizeof bytes)) > 0;)
            g_byte_array_append(peer->got, bytes, (guint)n);
        if (peer->say->len > 0) {
            SSL_write(peer->ssl, peer->say->data, (int)peer->say->len);
            g_byte_array_set_size(peer->say, 0);
        }
    }
    for (int n; (n = BIO_read(SSL_get_wbio(peer->ssl), bytes, sizeof bytes)) > 0;)
        g_byte_array_append(peer->raw, bytes, (guint)n);
}

static gboolean
pump_in(Peer *peer, gsize chunk)
{
    guint8 bytes[65536];
    if (peer->stalls || peer->ended)
        return FALSE;
    gssize n = recv(peer->fd, bytes, MIN(chunk, sizeof bytes), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return FALSE;
    if (n <= 0)
        peer->ended = TRUE;
    else if (peer->ssl != NULL)
        BIO_write(SSL_get_rbio(peer->ssl), bytes, (int)n);
    else
        g_byte_array_append(peer->got, bytes, (guint)n);
    return TRUE;
}

static gboolean
pump_out(Peer *peer, gsize chunk)
{
    gsize len = MIN(MIN(chunk, peer->raw->len), peer->cut - peer->raw_sent);
    gssize n = len == 0 ? 0 : send(peer->fd, peer->raw->data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        peer->ended = TRUE;
        g_byte_array_set_size(peer->raw, 0);
    } else if (n > 0) {
        peer->raw_sent += (gsize)n;
        g_byte_array_remove_range(peer->raw, 0, (guint)n);
    }
    if (peer->raw_sent >= peer->cut)
        peer_go(peer);
    return n > 0 || peer->gone;
}

gboolean
peer_pump(Peer *peer, gsize chunk)
{
    if (peer->gone)
        return FALSE;
    gboolean moved = pump_in(peer, chunk);
    if (peer->ssl != NULL) {
        turn_tls(peer);
    } else if (peer->say->len > 0) {
        g_byte_array_append(peer->raw, peer->say->data, peer->say->len);
        g_byte_array_set_size(peer->say, 0);
    }
    return pump_out(peer, chunk) || moved;
}
