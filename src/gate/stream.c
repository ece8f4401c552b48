// SPDX-License-Identifier: Apache-2.0
// Non-blocking reads and writes, plain or through OpenSSL. The error queue of OpenSSL belongs to
// the thread, not to the connection: it is emptied before every call, or else the error of one
// client would be taken for the next one's.
#include "gate/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

void
yd_gate_stream_init(YdGateStream *stream, int fd, YdGateReadyFunc ready, gpointer owner)
{
    *stream = (YdGateStream){
        .watch = {.fd = fd, .ready = ready, .owner = owner},
        .read_wants = EPOLLIN,
        .write_wants = EPOLLOUT,
    };
}

void
yd_gate_stream_close(YdGateStream *stream, YdGateLoop *loop)
{
    if (stream->watch.fd < 0)
        return;
    yd_gate_loop_unwatch(loop, &stream->watch);
    SSL_free(g_steal_pointer(&stream->ssl));
    close(stream->watch.fd);
    stream->watch.fd = -1;
}

// ---- OpenSSL's way to the socket ----
//
// As its own, but that it tells the kernel when another record follows at once (MSG_MORE): records
// go out together then, as the bytes of a plain stream do.

static int
socket_write(BIO *bio, const char *data, int len)
{
    const YdGateStream *stream = BIO_get_data(bio);
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (stream->more ? MSG_MORE : 0);
    BIO_clear_retry_flags(bio);
    gssize n = send(stream->watch.fd, data, (gsize)len, flags);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_write(bio);
    return (int)n;
}

static int
socket_read(BIO *bio, char *data, int len)
{
    const YdGateStream *stream = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    gssize n = recv(stream->watch.fd, data, (gsize)len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_retry_read(bio);
    if (n == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)n;
}

static long
socket_control(BIO *bio, int command, long number, void *pointer)
{
    if (command == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return command == BIO_CTRL_FLUSH;
}

static gpointer
make_method(gpointer data)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "gate socket");
    BIO_meth_set_write(method, socket_write);
    BIO_meth_set_read(method, socket_read);
    BIO_meth_set_ctrl(method, socket_control);
    return method;
}

static gboolean
put_socket(YdGateStream *stream)
{
    static GOnce once = G_ONCE_INIT;
    BIO *bio = BIO_new(g_once(&once, make_method, NULL));
    if (bio == NULL)
        return FALSE;
    BIO_set_data(bio, stream);
    BIO_set_init(bio, 1);
    SSL_set_bio(stream->ssl, bio, bio);
    return TRUE;
}

static gboolean
has_ktls(const SSL *ssl)
{
    return (SSL_get_options(ssl) & SSL_OP_ENABLE_KTLS) != 0;
}

static gboolean
put_tls(YdGateStream *stream, SSL_CTX *context)
{
    ERR_clear_error();
    stream->ssl = SSL_new(context);
    if (stream->ssl == NULL)
        return FALSE;
    // The kernel's TLS is switched on through OpenSSL's own way to a socket only.
    return has_ktls(stream->ssl) ? SSL_set_fd(stream->ssl, stream->watch.fd) == 1
                                 : put_socket(stream);
}

gboolean
yd_gate_stream_start_tls(YdGateStream *stream, SSL_CTX *context)
{
    if (!put_tls(stream, context))
        return FALSE;
    SSL_set_accept_state(stream->ssl);
    return TRUE;
}

gboolean
yd_gate_stream_connect_tls(YdGateStream *stream, SSL_CTX *context)
{
    if (!put_tls(stream, context))
        return FALSE;
    SSL_set_connect_state(stream->ssl);
    return TRUE;
}

// Translates the result of an OpenSSL call that did not succeed; *wants is what to poll for.
static YdGateIo
tls_result(YdGateStream *stream, int result, int saved_errno, guint32 *wants)
{
    switch (SSL_get_error(stream->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        *wants = EPOLLIN;
        return YD_GATE_IO_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        *wants = EPOLLOUT;
        return YD_GATE_IO_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return YD_GATE_IO_EOF;
    case SSL_ERROR_SYSCALL:
        return saved_errno == 0 ? YD_GATE_IO_EOF : YD_GATE_IO_ERROR;
    default:
        return YD_GATE_IO_ERROR;
    }
}

YdGateIo
yd_gate_stream_handshake(YdGateStream *stream)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_do_handshake(stream->ssl);
    if (result == 1) {
        stream->read_wants = EPOLLIN;
        return YD_GATE_IO_OK;
    }
    YdGateIo io = tls_result(stream, result, errno, &stream->read_wants);
    return io == YD_GATE_IO_EOF ? YD_GATE_IO_ERROR : io;
}

gboolean
yd_gate_stream_kernel_sends(const YdGateStream *stream)
{
    return stream->ssl != NULL && has_ktls(stream->ssl) &&
           BIO_get_ktls_send(SSL_get_wbio(stream->ssl));
}

static YdGateIo
tls_read(YdGateStream *stream, void *data, gsize len, gsize *ret_n)
{
    ERR_clear_error();
    errno = 0;
    int result = SSL_read_ex(stream->ssl, data, len, ret_n);
    if (result == 1) {
        stream->read_wants = EPOLLIN;
        return YD_GATE_IO_OK;
    }
    return tls_result(stream, result, errno, &stream->read_wants);
}

// Record by record, until all is written or no more is taken.
static YdGateIo
tls_write(YdGateStream *stream, const guint8 *data, gsize len, gsize *ret_n)
{
    gsize done = 0;
    YdGateIo io = YD_GATE_IO_OK;
    while (done < len && io == YD_GATE_IO_OK) {
        gsize n = 0;
        stream->more = len - done > SSL3_RT_MAX_PLAIN_LENGTH;
        ERR_clear_error();
        errno = 0;
        int result =
            SSL_write_ex(stream->ssl, data + done, MIN(len - done, SSL3_RT_MAX_PLAIN_LENGTH), &n);
        if (result == 1)
            stream->write_wants = EPOLLOUT;
        else
            io = tls_result(stream, result, errno, &stream->write_wants);
        done += n;
    }
    stream->more = FALSE;
    if (done == 0)
        return io;
    *ret_n = done;
    return YD_GATE_IO_OK;
}

static YdGateIo
socket_result(gssize n, gsize *ret_n)
{
    if (n > 0) {
        *ret_n = (gsize)n;
        return YD_GATE_IO_OK;
    }
    if (n == 0)
        return YD_GATE_IO_EOF;
    return errno == EAGAIN || errno == EINTR ? YD_GATE_IO_AGAIN : YD_GATE_IO_ERROR;
}

YdGateIo
yd_gate_stream_read(YdGateStream *stream, void *data, gsize len, gsize *ret_n)
{
    if (stream->ssl != NULL)
        return tls_read(stream, data, len, ret_n);
    return socket_result(recv(stream->watch.fd, data, len, MSG_DONTWAIT), ret_n);
}

YdGateIo
yd_gate_stream_write(YdGateStream *stream, const void *data, gsize len, gsize *ret_n)
{
    if (stream->ssl != NULL)
        return tls_write(stream, data, len, ret_n);
    int flags = MSG_DONTWAIT | MSG_NOSIGNAL | (stream->more ? MSG_MORE : 0);
    return socket_result(send(stream->watch.fd, data, len, flags), ret_n);
}

YdGateIo
yd_gate_stream_shut(YdGateStream *stream)
{
    if (stream->ssl != NULL && !stream->notified) {
        ERR_clear_error();
        errno = 0;
        int result = SSL_shutdown(stream->ssl);
        // 0 and 1 both mean that our close_notify is on its way.
        YdGateIo io =
            result >= 0 ? YD_GATE_IO_OK : tls_result(stream, result, errno, &stream->write_wants);
        if (io == YD_GATE_IO_AGAIN)
            return io;
        stream->notified = TRUE;
    }
    return shutdown(stream->watch.fd, SHUT_WR) == 0 ? YD_GATE_IO_OK : YD_GATE_IO_ERROR;
}
