// SPDX-License-Identifier: Apache-2.0
// An RDP session in a browser, from the upgrade to the relay: RDCleanPath request, ticket (in
// conn-target.c), X.224 with the guest, TLS with the guest's pinned certificate, answer.
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "gate/conn-private.h"
#include "gate/rdcleanpath.h"
#include "gate/ws-upgrade.h"

#define WSA_REFUSED 10061 // what an RDP client shows as "refused"
#define PIECE 4096
#define READS 16 // pieces in one turn

// ---- the request ----

YdGateStep
yd_gate_conn_take_rdp_web(YdGateConn *conn, const YdHttpHead *head)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *response = NULL;
    g_autofree char *keyboard = yd_http_head_query(head, "keyboard");
    guint64 layout = 0;
    conn->kind = CONN_IS_RDP_WEB;
    const YdGateConfig *config = yd_gate_worker_parts(conn->worker)->config;
    if (!yd_ws_upgrade(head, config->origins, &response, &error))
        return yd_gate_conn_no_upgrade(conn, error);
    if (keyboard && !g_ascii_string_to_unsigned(keyboard, 16, 0, G_MAXUINT32, &layout, NULL))
        return yd_gate_conn_answer(conn, 400, "invalid", "keyboard= is no hexadecimal layout", "");
    conn->web = yd_rdp_web_new((guint32)layout);
    conn->out = g_byte_array_new();
    g_byte_array_append(conn->out, (const guint8 *)response, (guint)strlen(response));
    g_byte_array_remove_range(conn->in, 0, (guint)conn->head_size);
    return yd_gate_conn_enter(conn, CONN_WEB_REQUEST, config->head_seconds);
}

// Sends what waits for the client.
static YdGateIo
flush_client(YdGateConn *conn)
{
    YdGateIo io = YD_GATE_IO_OK;
    while (io == YD_GATE_IO_OK && conn->out->len > 0) {
        gsize n = 0;
        io = yd_gate_stream_write(&conn->client, conn->out->data, conn->out->len, &n);
        if (io == YD_GATE_IO_OK)
            g_byte_array_remove_range(conn->out, 0, (guint)n);
    }
    return io;
}

static YdGateStep
take_bytes(YdGateConn *conn, guint8 *data, gsize len)
{
    g_autoptr(GError) error = NULL;
    char *ticket = NULL;
    if (!conn->passed)
        g_byte_array_append(conn->web->raw, data, (guint)len);
    switch (yd_rdp_web_take(conn->web, data, len, &ticket, &error)) {
    case YD_RDP_WEB_MORE:
        return STEP_WAIT;
    case YD_RDP_WEB_DONE: {
        YdGateStep step =
            conn->passed // its ticket was looked at where it came in
                ? yd_gate_conn_enter(conn, CONN_CONNECT,
                                     yd_gate_worker_parts(conn->worker)->config->connect_seconds)
                : yd_gate_conn_redeem(conn, CONN_IS_RDP_WEB, ticket);
        explicit_bzero(ticket, strlen(ticket));
        g_free(ticket);
        return step;
    }
    case YD_RDP_WEB_END:
        yd_gate_conn_close(conn, "the client closed before its request was whole");
        return STEP_WAIT;
    default:
        return yd_gate_conn_refuse(conn, "invalid", error->message);
    }
}

YdGateStep
yd_gate_conn_web_request(YdGateConn *conn)
{
    guint8 piece[PIECE];
    gsize n = 0;
    YdGateIo io = flush_client(conn);
    if (io == YD_GATE_IO_AGAIN)
        return STEP_WAIT;
    conn->web->answered = io == YD_GATE_IO_OK;
    if (io == YD_GATE_IO_OK && conn->in->len > 0) { // came with the upgrade
        YdGateStep step = take_bytes(conn, conn->in->data, conn->in->len);
        if (conn->in)
            g_byte_array_set_size(conn->in, 0);
        if (conn->state != CONN_WEB_REQUEST)
            return step;
    }
    for (guint i = 0; i < READS && io == YD_GATE_IO_OK; i++) {
        io = yd_gate_stream_read(&conn->client, piece, sizeof piece, &n);
        if (io != YD_GATE_IO_OK)
            break;
        YdGateStep step = take_bytes(conn, piece, n);
        explicit_bzero(piece, n);
        if (conn->state != CONN_WEB_REQUEST)
            return step;
    }
    if (io == YD_GATE_IO_OK) // pings without end, say: others first, and the deadline comes
        yd_gate_conn_ask_for_turn(conn);
    else if (io != YD_GATE_IO_AGAIN)
        yd_gate_conn_close(conn, "the client left within its RDCleanPath request");
    return STEP_WAIT;
}

// ---- X.224 with the guest ----

YdGateStep
yd_gate_conn_web_begin(YdGateConn *conn)
{
    g_byte_array_append(conn->web->out, conn->web->x224->data, conn->web->x224->len);
    conn->connecting = FALSE;
    conn->retry_at = 0;
    return yd_gate_conn_enter(conn, CONN_WEB_X224,
                              yd_gate_worker_parts(conn->worker)->config->connect_seconds);
}

static YdGateStep
guest_failed(YdGateConn *conn, const char *text)
{
    return yd_gate_conn_refuse(conn, "unavailable", text);
}

static YdGateStep
start_tls(YdGateConn *conn)
{
    SSL_CTX *context = yd_gate_tls_client(yd_gate_worker_parts(conn->worker)->tls);
    if (!yd_gate_stream_connect_tls(&conn->target, context))
        return guest_failed(conn, "TLS cannot be started");
    conn->state = CONN_WEB_TLS; // its time goes on
    return STEP_ON;
}

// Reads exactly the confirm: what follows belongs to TLS.
static YdGateIo
read_confirm(YdGateConn *conn, gboolean *ret_whole, GError **error)
{
    GByteArray *confirm = conn->web->confirm;
    *ret_whole = FALSE;
    for (;;) {
        gsize size = 0, n = 0;
        if (!yd_rdp_web_confirm_size(confirm->data, confirm->len, &size, error))
            return YD_GATE_IO_ERROR;
        *ret_whole = size > 0 && confirm->len == size;
        if (*ret_whole)
            return YD_GATE_IO_OK;
        guint at = confirm->len;
        gsize want = (size > 0 ? size : 4) - at;
        g_byte_array_set_size(confirm, at + (guint)want);
        YdGateIo io = yd_gate_stream_read(&conn->target, confirm->data + at, want, &n);
        g_byte_array_set_size(confirm, at + (guint)n);
        if (io != YD_GATE_IO_OK)
            return io;
    }
}

YdGateStep
yd_gate_conn_web_x224(YdGateConn *conn)
{
    g_autoptr(GError) error = NULL;
    GByteArray *out = conn->web->out;
    gboolean whole = FALSE;
    gsize n = 0;
    YdGateIo io = YD_GATE_IO_OK;
    while (io == YD_GATE_IO_OK && out->len > 0) {
        io = yd_gate_stream_write(&conn->target, out->data, out->len, &n);
        if (io == YD_GATE_IO_OK)
            g_byte_array_remove_range(out, 0, (guint)n);
    }
    if (io == YD_GATE_IO_OK)
        io = read_confirm(conn, &whole, &error);
    if (io == YD_GATE_IO_AGAIN)
        return STEP_WAIT;
    if (!whole)
        return guest_failed(conn, error ? error->message : "the desktop closed the connection");
    if (!yd_rdp_web_confirm_check(conn->web->confirm->data, conn->web->confirm->len, &error))
        return guest_failed(conn, error->message);
    return start_tls(conn);
}

// ---- TLS with the guest ----

// SHA-256 of the certificate in DER, as deskd knows it.
static gboolean
is_pinned(const YdGateConn *conn, const guint8 *der, gsize len)
{
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, der, len);
    return conn->web->certificate && g_ascii_strcasecmp(sum, conn->web->certificate) == 0;
}

static YdGateStep
answer(YdGateConn *conn, const guint8 *der, gsize len)
{
    YdRdpWeb *web = conn->web;
    g_autoptr(GByteArray) response =
        yd_rdcleanpath_response(web->confirm->data, web->confirm->len, der, len, "desktop:3389");
    g_autoptr(GByteArray) frame = yd_rdp_web_frame(response);
    g_byte_array_append(conn->out, frame->data, frame->len);
    g_byte_array_set_size(conn->in, 0);
    return yd_gate_conn_start_relay(conn);
}

YdGateStep
yd_gate_conn_web_tls(YdGateConn *conn)
{
    YdGateIo io = yd_gate_stream_handshake(&conn->target);
    if (io == YD_GATE_IO_AGAIN)
        return STEP_WAIT;
    if (io != YD_GATE_IO_OK)
        return guest_failed(conn, "the TLS handshake with the desktop failed");
    X509 *certificate = SSL_get1_peer_certificate(conn->target.ssl);
    guint8 *der = NULL;
    int len = certificate ? i2d_X509(certificate, &der) : -1;
    X509_free(certificate);
    YdGateStep step = STEP_WAIT;
    if (len > 0 && is_pinned(conn, der, (gsize)len)) {
        step = answer(conn, der, (gsize)len);
    } else {
        yd_log(G_LOG_LEVEL_MESSAGE, &(YdLogFields){.session = yd_gate_session_id(conn->session)},
               "the desktop shows another certificate than the one it was given");
        step = guest_failed(conn, "the desktop shows another certificate than it was given");
    }
    OPENSSL_free(der);
    return step;
}

// ---- refusing ----

// After the upgrade a refusal is an RDCleanPath error in a frame, and a close frame.
void
yd_gate_conn_web_refusal(YdGateConn *conn, guint status, GByteArray *out)
{
    guint8 close[2 + YD_WS_CONTROL_MAX];
    gboolean guest = status == 503;
    g_autoptr(GByteArray) error =
        yd_rdcleanpath_error(guest ? 0 : status, guest ? WSA_REFUSED : 0, 0);
    g_autoptr(GByteArray) frame = yd_rdp_web_frame(error);
    g_byte_array_append(out, frame->data, frame->len);
    gsize n = yd_ws_close(YD_WS_NORMAL, close);
    g_byte_array_append(out, close, (guint)n);
}
