// SPDX-License-Identifier: Apache-2.0
// What a client says before anybody is asked about it: first bytes, X.224 request, TLS handshake,
// HTTP head; and the choice of its way. Nothing here reads more than the limits of the parsers.
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/error.h"
#include "gate/conn-private.h"
#include "gate/rdp-x224.h"
#include "gate/sniff.h"
#include "gate/ws-upgrade.h"

static YdGateStep
go_away(YdGateConn *conn, const char *reason)
{
    yd_gate_conn_close(conn, reason);
    return STEP_WAIT;
}

static const YdGateConfig *
config_of(const YdGateConn *conn)
{
    return yd_gate_worker_parts(conn->worker)->config;
}

// ---- first bytes ----

static YdGateStep
start_tls(YdGateConn *conn)
{
    SSL_CTX *context = yd_gate_tls_context(yd_gate_worker_parts(conn->worker)->tls);
    gboolean started = yd_gate_stream_start_tls(&conn->client, context);
    SSL_CTX_free(context);
    if (!started)
        return go_away(conn, "TLS cannot be started");
    return yd_gate_conn_enter(conn, CONN_HANDSHAKE, config_of(conn)->head_seconds);
}

// Sleeps until one more byte is there than now; the bytes are left in the socket (TLS wants them
// there).
static YdGateStep
wait_for_more(YdGateConn *conn, int n)
{
    int lowat = n + 1;
    if ((conn->client_events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        return go_away(conn, "the client left before its protocol was known");
    setsockopt(conn->client.watch.fd, SOL_SOCKET, SO_RCVLOWAT, &lowat, sizeof lowat);
    return STEP_WAIT;
}

YdGateStep
yd_gate_conn_sniff(YdGateConn *conn)
{
    guint8 bytes[YD_SNIFF_BYTES];
    const int one = 1;
    gssize n = recv(conn->client.watch.fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return go_away(conn, "the client left without a word");
    if (n < 0)
        return STEP_WAIT;
    YdSniff kind = yd_sniff(bytes, (gsize)n);
    if (kind == YD_SNIFF_MORE)
        return wait_for_more(conn, (int)n);
    setsockopt(conn->client.watch.fd, SOL_SOCKET, SO_RCVLOWAT, &one, sizeof one);
    if (conn->fixed_port != 0 && kind != YD_SNIFF_RDP)
        return go_away(conn, "a fixed port takes RDP only");
    if (conn->in == NULL)
        conn->in = g_byte_array_new();
    switch (kind) {
    case YD_SNIFF_RDP:
        conn->kind = CONN_IS_RDP;
        conn->state = CONN_RDP; // its time goes on
        return STEP_ON;
    case YD_SNIFF_PROXY:
        conn->state = CONN_PROXY; // likewise
        return STEP_ON;
    case YD_SNIFF_TLS:
        return start_tls(conn);
    case YD_SNIFF_CONNECT:
    case YD_SNIFF_HTTP:
        return yd_gate_conn_enter(conn, CONN_HEAD, config_of(conn)->head_seconds);
    case YD_SNIFF_PEER:
        return yd_gate_conn_peer_plain(conn);
    case YD_SNIFF_SPICE:
        return go_away(conn, "SPICE without a ticket: its client needs the gate as proxy");
    default:
        return go_away(conn, "it speaks no protocol of the gate");
    }
}

// ---- RDP ----

YdGateIo
yd_gate_conn_read_more(YdGateConn *conn, gsize want)
{
    guint at = conn->in->len;
    gsize n = 0;
    g_byte_array_set_size(conn->in, at + (guint)want);
    YdGateIo io = yd_gate_stream_read(&conn->client, conn->in->data + at, want, &n);
    g_byte_array_set_size(conn->in, at + (guint)n);
    return io;
}

static YdGateStep
take_rdp(YdGateConn *conn, gsize size)
{
    YdX224Request request;
    guint8 packet[YD_X224_MAX];
    g_autoptr(GError) error = NULL;
    if (!yd_x224_parse(conn->in->data, size, &request, &error))
        return go_away(conn, error->message);
    gsize n = yd_x224_strip(conn->in->data, size, packet);
    explicit_bzero(conn->in->data, size);
    g_byte_array_set_size(conn->in, 0);
    g_byte_array_append(conn->in, packet, (guint)n);
    YdGateStep step = conn->fixed_port != 0
                          ? yd_gate_conn_enter_port(conn)
                          : yd_gate_conn_redeem(conn, CONN_IS_RDP, request.ticket);
    explicit_bzero(&request, sizeof request);
    return step;
}

YdGateStep
yd_gate_conn_read_rdp(YdGateConn *conn)
{
    for (;;) {
        gsize size = 0;
        g_autoptr(GError) error = NULL;
        if (!yd_x224_size(conn->in->data, conn->in->len, &size, &error))
            return go_away(conn, error->message);
        if (size > 0 && conn->in->len == size)
            return take_rdp(conn, size);
        // No byte beyond the packet is read: what follows is for the target.
        YdGateIo io = yd_gate_conn_read_more(conn, (size > 0 ? size : 4) - conn->in->len);
        if (io == YD_GATE_IO_AGAIN)
            return STEP_WAIT;
        if (io != YD_GATE_IO_OK)
            return go_away(conn, "the client left within its RDP request");
    }
}

// ---- TLS and HTTP ----

YdGateStep
yd_gate_conn_handshake(YdGateConn *conn)
{
    switch (yd_gate_stream_handshake(&conn->client)) {
    case YD_GATE_IO_OK:
        yd_gate_tls_note(yd_gate_worker_parts(conn->worker)->tls,
                         yd_gate_stream_kernel_sends(&conn->client));
        if (yd_peer_tls_is_peer(conn->client.ssl))
            return yd_gate_conn_peer_hello(conn);
        conn->state = CONN_HEAD; // its time goes on
        return STEP_ON;
    case YD_GATE_IO_AGAIN:
        return STEP_WAIT;
    default:
        return go_away(conn, "the TLS handshake failed");
    }
}

// Only characters of a host and port go into our answer (RFC 3986, 3.2.2).
static gboolean
is_host(const char *host)
{
    for (const char *c = host; *c != '\0'; c++)
        if (!g_ascii_isalnum(*c) && strchr(".-_:[]", *c) == NULL)
            return FALSE;
    return *host != '\0';
}

static YdGateStep
redirect_to_https(YdGateConn *conn, const YdHttpHead *head)
{
    const char *host = yd_http_head_field(head, "Host");
    const char *target = yd_http_head_target(head);
    if (host == NULL || !is_host(host) || target[0] != '/')
        return yd_gate_conn_answer(conn, 400, "invalid", "the request has no good Host or path",
                                   "");
    g_autofree char *location = g_strdup_printf("Location: https://%s%s\r\n", host, target);
    return yd_gate_conn_answer(conn, 301, "https", "this address speaks https", location);
}

static YdGateStep
take_connect(YdGateConn *conn, const YdHttpHead *head)
{
    g_autoptr(GError) error = NULL;
    conn->kind = CONN_IS_SPICE;
    char *ticket = yd_http_head_proxy_ticket(head, &error);
    if (ticket == NULL)
        return yd_gate_conn_answer(conn, 407, "unauthenticated", error->message,
                                   "Proxy-Authenticate: Basic realm=\"ticket\"\r\n");
    conn->out = g_byte_array_new();
    static const char established[] = "HTTP/1.0 200 Connection established\r\n\r\n";
    g_byte_array_append(conn->out, (const guint8 *)established, sizeof established - 1);
    g_byte_array_remove_range(conn->in, 0, (guint)conn->head_size);
    YdGateStep step = yd_gate_conn_redeem(conn, CONN_IS_SPICE, ticket);
    explicit_bzero(ticket, strlen(ticket));
    g_free(ticket);
    return step;
}

YdGateStep
yd_gate_conn_no_upgrade(YdGateConn *conn, const GError *error)
{
    gboolean foreign = g_error_matches(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    return yd_gate_conn_answer(conn, foreign ? 403 : 400, foreign ? "wrong-origin" : "invalid",
                               error->message, "");
}

static YdGateStep
take_console(YdGateConn *conn, const YdHttpHead *head)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *response = NULL;
    conn->kind = CONN_IS_CONSOLE;
    if (!yd_ws_upgrade(head, config_of(conn)->origins, &response, &error))
        return yd_gate_conn_no_upgrade(conn, error);
    char *ticket = yd_http_head_query(head, "ticket");
    if (ticket == NULL)
        return yd_gate_conn_answer(conn, 403, "ticket-unknown", "the address has no ticket=", "");
    conn->out = g_byte_array_new();
    g_byte_array_append(conn->out, (const guint8 *)response, (guint)strlen(response));
    g_byte_array_remove_range(conn->in, 0, (guint)conn->head_size);
    YdGateStep step = yd_gate_conn_redeem(conn, CONN_IS_CONSOLE, ticket);
    explicit_bzero(ticket, strlen(ticket));
    g_free(ticket);
    return step;
}

static YdGateStep
take_head(YdGateConn *conn, const YdHttpHead *head)
{
    gboolean tls = conn->client.ssl != NULL || conn->proxy_tls;
    if (g_str_equal(yd_http_head_method(head), "CONNECT"))
        return take_connect(conn, head);
    if (!tls)
        return redirect_to_https(conn, head);
    // A load balancer looks there.
    if (yd_http_head_path_is(head, "/readyz") &&
        yd_gate_worker_state(conn->worker) == YD_GATE_DRAINING)
        return yd_gate_conn_answer(conn, 503, "draining", YD_GATE_DRAINING_TEXT, "");
    if (yd_http_head_path_is(head, "/connect/console"))
        return take_console(conn, head);
    if (yd_http_head_path_is(head, "/connect/rdp"))
        return yd_gate_conn_take_rdp_web(conn, head);
    if (g_str_has_prefix(yd_http_head_target(head), "/connect/"))
        return yd_gate_conn_answer(conn, 404, "not-found", "the gate has no such address", "");
    return yd_gate_conn_to_deskd(conn);
}

static YdGateStep
parse_head(YdGateConn *conn)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdHttpHead) head =
        yd_http_head_parse((const char *)conn->in->data, conn->head_size, &error);
    if (head == NULL)
        return yd_gate_conn_answer(conn, 400, "invalid", error->message, "");
    return take_head(conn, head);
}

YdGateStep
yd_gate_conn_read_head(YdGateConn *conn)
{
    for (;;) {
        guint seen = conn->in->len;
        if (seen >= YD_HTTP_HEAD_MAX)
            return yd_gate_conn_answer(conn, 431, "too-large",
                                       "the head of the request is longer than 16 KiB", "");
        YdGateIo io = yd_gate_conn_read_more(conn, YD_HTTP_HEAD_MAX - seen);
        if (io == YD_GATE_IO_AGAIN)
            return STEP_WAIT;
        if (io != YD_GATE_IO_OK)
            return go_away(conn, "the client left within its HTTP request");
        conn->head_size = yd_http_head_size((const char *)conn->in->data, conn->in->len, seen);
        if (conn->head_size > 0)
            return parse_head(conn);
    }
}
