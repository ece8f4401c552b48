// SPDX-License-Identifier: Apache-2.0
// Small looks over TCP at what a guest or a gate answers: RDP's first packet, SPICE's link. Enough
// to tell that the way is open, not that anybody could log in.
#include "service/desktop-private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>
#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#define FIRST_ATTEMPT_MS 100

// --- a socket with a deadline ---

static int
left_ms(gint64 deadline)
{
    gint64 left = (deadline - g_get_monotonic_time()) / 1000;
    return left > 0 ? (int)left : 0;
}

static gboolean
timed_out(GError **error, const char *host, guint16 port)
{
    g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT, "%s port %u does not answer in time", host,
                port);
    return FALSE;
}

static gboolean
wait_for(int fd, short events, gint64 deadline)
{
    struct pollfd poller = {.fd = fd, .events = events};
    int n;
    do {
        n = poll(&poller, 1, left_ms(deadline));
    } while (n < 0 && errno == EINTR);
    return n == 1;
}

static int
connect_one(const struct addrinfo *address, gint64 deadline)
{
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    int reason = 0;
    socklen_t length = sizeof reason;
    if (connect(fd, address->ai_addr, address->ai_addrlen) == 0)
        return fd;
    if (errno == EINPROGRESS) {
        if (!wait_for(fd, POLLOUT, deadline))
            reason = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &length) < 0)
            reason = errno;
        if (reason == 0)
            return fd;
        errno = reason;
    }
    reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

// A guest that is just getting its address does not see the first SYN, and TCP repeats that only
// after a second: so there are new attempts, each twice as long as the one before.
static int
connect_again(const struct addrinfo *address, gint64 deadline)
{
    gint64 patience = FIRST_ATTEMPT_MS * 1000;
    for (;;) {
        gint64 now = g_get_monotonic_time();
        int fd = connect_one(address, MIN(deadline, now + patience));
        if (fd >= 0 || errno != ETIMEDOUT || now + patience >= deadline)
            return fd;
        patience *= 2;
    }
}

static int
dial(const char *host, guint16 port, gint64 deadline, GError **error)
{
    char service[8];
    g_snprintf(service, sizeof service, "%u", port);
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *list = NULL;
    int failed = getaddrinfo(host, service, &hints, &list);
    if (failed) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot look up \"%s\": %s", host,
                    gai_strerror(failed));
        return -1;
    }
    int fd = -1;
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next)
        fd = connect_again(a, deadline);
    int reason = errno;
    freeaddrinfo(list);
    if (fd < 0)
        g_set_error(error, YD_ERROR, reason == ETIMEDOUT ? YD_ERROR_TIMEOUT : YD_ERROR_UNAVAILABLE,
                    "cannot connect to %s port %u: %s", host, port, g_strerror(reason));
    return fd;
}

static gboolean
send_all(int fd, gconstpointer data, gsize length, gint64 deadline)
{
    const char *at = data;
    while (length > 0) {
        ssize_t n = send(fd, at, length, MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            if (!wait_for(fd, POLLOUT, deadline))
                return FALSE;
            continue;
        }
        if (n < 0)
            return FALSE;
        at += n;
        length -= (gsize)n;
    }
    return TRUE;
}

// Exactly length bytes; FALSE on the end, an error or the deadline. *ret_got says how many came.
static gboolean
read_exactly(int fd, guint8 *data, gsize length, gint64 deadline, gsize *ret_got)
{
    gsize got = 0;
    while (got < length) {
        ssize_t n = recv(fd, data + got, length - got, 0);
        if (n > 0)
            got += (gsize)n;
        else if (n < 0 && (errno == EAGAIN || errno == EINTR) && wait_for(fd, POLLIN, deadline))
            continue;
        else
            break;
    }
    *ret_got = got;
    return got == length;
}

// --- RDP ---

// X.224 connection request with RDP_NEG_REQ for TLS; the routing token is a line before it.
static GByteArray *
rdp_request(const char *ticket)
{
    static const guint8 negotiation[] = {1, 0, 8, 0, 3, 0, 0, 0};
    g_autofree char *token = ticket ? g_strdup_printf("Cookie: msts=%s\r\n", ticket) : g_strdup("");
    gsize length = 11 + strlen(token) + sizeof negotiation;
    const guint8 head[] = {
        3, 0, (guint8)(length >> 8), (guint8)length, (guint8)(length - 5), 0xe0, 0, 0, 0, 0, 0};
    GByteArray *request = g_byte_array_new();
    g_byte_array_append(request, head, sizeof head);
    g_byte_array_append(request, (const guint8 *)token, (guint)strlen(token));
    g_byte_array_append(request, negotiation, sizeof negotiation);
    return request;
}

static gboolean
rdp_answer(int fd, const char *host, guint16 port, gint64 deadline, GError **error)
{
    guint8 answer[19] = {0};
    gsize got = 0;
    read_exactly(fd, answer, 4, deadline, &got);
    gsize length = (gsize)answer[2] << 8 | answer[3];
    if (got == 4 && answer[0] == 3 && length >= 11 && length <= sizeof answer) {
        gsize more = 0;
        read_exactly(fd, answer + 4, length - 4, deadline, &more);
        got += more;
    }
    if (got == 0 && left_ms(deadline) == 0)
        return timed_out(error, host, port);
    if (got == length && length >= 11 && answer[5] == 0xd0) {
        if (length < 19 || answer[11] != 3) // no RDP_NEG_FAILURE
            return TRUE;
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "%s port %u refuses the RDP connection (%u)",
                    host, port, answer[15]);
        return FALSE;
    }
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                got == 0 ? "%s port %u closes the connection without an answer"
                         : "%s port %u does not answer like an RDP server",
                host, port);
    return FALSE;
}

gboolean
yd_probe_rdp(const char *host, guint16 port, const char *ticket, guint timeout_ms, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    int fd = dial(host, port, deadline, error);
    if (fd < 0)
        return FALSE;
    g_autoptr(GByteArray) request = rdp_request(ticket);
    gboolean good = send_all(fd, request->data, request->len, deadline)
                        ? rdp_answer(fd, host, port, deadline, error)
                        : timed_out(error, host, port);
    close(fd);
    return good;
}

// --- SPICE ---

// The gate's "HTTP/1.x 200 …" up to the empty line, byte by byte: what follows is SPICE's.
static gboolean
http_connect(int fd, const char *host, guint16 port, const char *ticket, gint64 deadline,
             GError **error)
{
    g_autofree char *pair = g_strdup_printf("ticket:%s", ticket);
    g_autofree char *code = g_base64_encode((const guchar *)pair, strlen(pair));
    g_autofree char *request = g_strdup_printf("CONNECT desktop:5900 HTTP/1.0\r\n"
                                               "Proxy-Authorization: Basic %s\r\n\r\n",
                                               code);
    char answer[1024] = "";
    gsize length = 0, got = 1;
    if (!send_all(fd, request, strlen(request), deadline))
        return timed_out(error, host, port);
    while (got == 1 && length < sizeof answer - 1 && !g_str_has_suffix(answer, "\r\n\r\n")) {
        read_exactly(fd, (guint8 *)answer + length, 1, deadline, &got);
        length += got;
        answer[length] = '\0';
    }
    if (g_str_has_prefix(answer, "HTTP/1.") && strncmp(answer + 8, " 200", 4) == 0)
        return TRUE;
    *strchrnul(answer, '\r') = '\0';
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "%s port %u refuses the SPICE connection: \"%s\"",
                host, port, answer);
    return FALSE;
}

static gboolean
spice_link(int fd, const char *host, guint16 port, gint64 deadline, GError **error)
{
    // Magic, version 2.2, size 18; connection 0, main channel, id 0, no capabilities, their offset.
    static const guint8 link[] = {'R', 'E', 'D', 'Q', 2, 0, 0, 0, 2, 0, 0, 0, 18, 0,  0, 0, 0,
                                  0,   0,   0,   1,   0, 0, 0, 0, 0, 0, 0, 0, 0,  18, 0, 0, 0};
    guint8 answer[20] = {0};
    gsize got = 0;
    if (send_all(fd, link, sizeof link, deadline) &&
        read_exactly(fd, answer, sizeof answer, deadline, &got) && memcmp(answer, "REDQ", 4) == 0 &&
        answer[16] == 0)
        return TRUE;
    if (got == 0 && left_ms(deadline) == 0)
        return timed_out(error, host, port);
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "%s port %u does not answer like a SPICE server",
                host, port);
    return FALSE;
}

gboolean
yd_probe_spice(const char *host, guint16 port, const char *ticket, guint timeout_ms, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    int fd = dial(host, port, deadline, error);
    if (fd < 0)
        return FALSE;
    gboolean good = (!ticket || http_connect(fd, host, port, ticket, deadline, error)) &&
                    spice_link(fd, host, port, deadline, error);
    close(fd);
    return good;
}

// --- TLS ---

static gboolean
shake_hands(SSL *ssl, const char *host, guint16 port, GError **error)
{
    if (SSL_connect(ssl) == 1)
        return TRUE;
    long verdict = SSL_get_verify_result(ssl);
    unsigned long code = ERR_get_error();
    ERR_clear_error();
    if (verdict != X509_V_OK)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the certificate of %s port %u is not good: %s", host, port,
                    X509_verify_cert_error_string(verdict));
    else
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "no TLS with %s port %u: %s", host, port,
                    code ? ERR_reason_error_string(code) : "closed or timed out");
    return FALSE;
}

gboolean
yd_probe_tls(const char *host, guint16 port, const char *ca_file, guint timeout_ms, GError **error)
{
    int fd = dial(host, port, g_get_monotonic_time() + (gint64)timeout_ms * 1000, error);
    if (fd < 0)
        return FALSE;
    const struct timeval limit = {.tv_sec = timeout_ms / 1000,
                                  .tv_usec = (timeout_ms % 1000) * 1000};
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = NULL;
    gboolean good = context && SSL_CTX_load_verify_file(context, ca_file) == 1;
    if (!good)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "cannot read the CA in \"%s\"", ca_file);
    if (good) {
        unsigned char bytes[16];
        gboolean numeric =
            inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
        ssl = SSL_new(context);
        SSL_set_fd(ssl, fd);
        if (numeric) {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host);
        } else {
            SSL_set1_host(ssl, host);
            SSL_set_tlsext_host_name(ssl, host);
        }
        good = shake_hands(ssl, host, port, error);
    }
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return good;
}
