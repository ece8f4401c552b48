// SPDX-License-Identifier: Apache-2.0
// Frames coming down are not taken apart: their headers are few bytes, and the end is the end.
#include "gate-web.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct WebStream {
    const Peer *peer;
    int fd;
    SSL *ssl;
    guint64 got;
};

static SSL_CTX *
context(void)
{
    static SSL_CTX *made;
    if (made == NULL) {
        made = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_ciphersuites(made, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384");
        SSL_CTX_set_options(made, SSL_OP_IGNORE_UNEXPECTED_EOF);
        SSL_CTX_set_read_ahead(made, 1);
        SSL_CTX_set_default_read_buffer_len(made, 128 * 1024);
    }
    return made;
}

static gboolean
is_websocket(const Peer *peer)
{
    return peer->way == LOAD_WEBSOCKET || peer->way == LOAD_TLS_WEBSOCKET;
}

static void
write_all(WebStream *stream, const void *data, gsize len)
{
    gboolean written = stream->ssl != NULL ? SSL_write(stream->ssl, data, (int)len) == (int)len
                                           : load_write(stream->fd, data, len);
    if (!written)
        g_error("%s: takes no more", stream->peer->name);
}

static gssize
read_some(WebStream *stream, void *data, gsize len)
{
    return stream->ssl != NULL ? SSL_read(stream->ssl, data, (int)len)
                               : recv(stream->fd, data, len, 0);
}

static void
read_all(WebStream *stream, void *data, gsize len)
{
    for (char *p = data; len > 0;) {
        gssize n = read_some(stream, p, len);
        if (n <= 0)
            g_error("%s: a connection ended too soon", stream->peer->name);
        p += n;
        len -= (gsize)n;
    }
}

void
web_send(WebStream *stream, const void *data, gsize len)
{
    guint8 frame[6 + 125] = {0x82, (guint8)(0x80 | len)}; // masked by zeros
    memcpy(frame + 6, data, len);
    if (is_websocket(stream->peer))
        write_all(stream, frame, 6 + len);
    else
        write_all(stream, data, len);
}

// What haproxy's send-proxy-v2-ssl would say of a client at 127.0.0.1.
static void
introduce(WebStream *stream)
{
    static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14"
                                 "\x7f\0\0\x01\x7f\0\0\x01\xc3\xc0\x01\xbb"
                                 "\x20\0\x05\x01\0\0\0\0";
    write_all(stream, header, sizeof header - 1);
}

static void
upgrade(WebStream *stream)
{
    g_autofree char *request = g_strdup_printf(
        "GET %s HTTP/1.1\r\nHost: localhost:%u\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Origin: https://localhost:%u\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\n\r\n",
        stream->peer->path, stream->peer->port, stream->peer->port);
    g_autoptr(GString) answer = g_string_new(NULL);
    write_all(stream, request, strlen(request));
    while (strstr(answer->str, "\r\n\r\n") == NULL) {
        char c;
        read_all(stream, &c, 1);
        g_string_append_c(answer, c);
    }
    if (!g_str_has_prefix(answer->str, "HTTP/1.1 101"))
        g_error("%s: no upgrade: %s", stream->peer->name, answer->str);
}

WebStream *
web_open(const Peer *peer, LoadMode mode, guint pieces)
{
    guint8 request[LOAD_REQUEST_SIZE], confirmation[3];
    WebStream *stream = g_new0(WebStream, 1);
    stream->peer = peer;
    stream->fd = load_connect(peer);
    if (peer->way != LOAD_WEBSOCKET) {
        stream->ssl = SSL_new(context());
        SSL_set_fd(stream->ssl, stream->fd);
        if (SSL_connect(stream->ssl) != 1)
            g_error("%s: no TLS", peer->name);
    }
    if (peer->tls_before)
        introduce(stream);
    if (is_websocket(peer))
        upgrade(stream);
    load_request(request, mode, pieces);
    web_send(stream, request, sizeof request);
    read_all(stream, confirmation, is_websocket(peer) ? 3 : 1);
    return stream;
}

// Reads what is there; returns FALSE at the end.
static gboolean
read_on(WebStream *stream)
{
    static guint8 data[LOAD_PIECE];
    for (;;) {
        gssize n = stream->ssl != NULL ? SSL_read(stream->ssl, data, sizeof data)
                                       : recv(stream->fd, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);
        if (n > 0)
            stream->got += (guint64)n;
        else if (n == 0)
            return FALSE;
        else if (stream->ssl == NULL)
            return TRUE;
        else
            return SSL_get_error(stream->ssl, (int)n) == SSL_ERROR_WANT_READ;
    }
}

static void
web_free(WebStream *stream)
{
    SSL_free(stream->ssl);
    close(stream->fd);
    g_free(stream);
}

void
web_drain(WebStream **streams, guint n, guint64 bytes)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (guint i = 0; i < n; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = streams[i]};
        fcntl(streams[i]->fd, F_SETFL, O_NONBLOCK);
        epoll_ctl(epoll, EPOLL_CTL_ADD, streams[i]->fd, &event);
    }
    while (n > 0) {
        int m = epoll_wait(epoll, events, G_N_ELEMENTS(events), -1);
        for (int i = 0; i < m; i++) {
            WebStream *stream = events[i].data.ptr;
            gboolean open = read_on(stream);
            if (open && stream->got < bytes)
                continue;
            if (stream->got < bytes)
                g_error("%s: a stream ended too soon", stream->peer->name);
            web_free(stream);
            n--;
        }
    }
    close(epoll);
}
