// SPDX-License-Identifier: Apache-2.0
// Connections between gates. At the inner end: another gate has connected, and its first line says
// for whom. At the outer end: a connection leads to another gate instead of to its target.
#include <jansson.h>
#include <string.h>

#include "base/log.h"
#include "base/secret.h"
#include "gate/conn-private.h"

struct YdPeerCall {
    YdPeerOp op;
    char *gate;  // who has to answer
    char *grant; // pass
    GByteArray *out, *in;
};

static YdGateStep
go_away(YdGateConn *conn, const char *reason)
{
    return yd_gate_conn_peer_failed(conn, reason);
}

static const YdGateParts *
parts_of(const YdGateConn *conn)
{
    return yd_gate_worker_parts(conn->worker);
}

// ---- the inner end ----

YdGateStep
yd_gate_conn_peer_hello(YdGateConn *conn)
{
    conn->kind = CONN_IS_PEER;
    conn->peer = yd_peer_tls_name(conn->client.ssl);
    if (conn->peer == NULL)
        return go_away(conn, "the other gate has no certificate with a gate's name");
    return yd_gate_conn_enter(conn, CONN_PEER_LINE, parts_of(conn)->config->head_seconds);
}

// Only where both configurations say so, and never over a network that others may share. There is
// no certificate: deskd compares the name in the line with the one that it gave the grant to.
YdGateStep
yd_gate_conn_peer_plain(YdGateConn *conn)
{
    YdGateTarget whence = {.len = sizeof whence.address};
    conn->kind = CONN_IS_PEER;
    if (parts_of(conn)->config->peer_tls)
        return go_away(conn,
                       "another gate came without TLS; [deskgate] peer_tls=off would allow it");
    if (getpeername(conn->client.watch.fd, &whence.address.any, &whence.len) != 0 ||
        !yd_gate_target_is_private(&whence))
        return go_away(conn, "another gate came without TLS from a public address");
    return yd_gate_conn_enter(conn, CONN_PEER_LINE, parts_of(conn)->config->head_seconds);
}

// deskd has to know whose words follow: the name is the certificate's.
static void
prefix_behind(YdGateConn *conn)
{
    json_t *json =
        json_pack("{s:s, s:s, s:s}", "op", "behind", "gate", conn->peer, "address", conn->address);
    char *text = json_dumps(json, JSON_COMPACT);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    free(text);
    json_decref(json);
    g_byte_array_prepend(conn->in, (const guint8 *)line, (guint)strlen(line));
}

// Through to a socket of the deskd beside us.
static YdGateStep
take_through(YdGateConn *conn, YdPeerOp op)
{
    const YdGateParts *parts = parts_of(conn);
    g_autoptr(GError) error = NULL;
    if (parts->config->manager != NULL)
        return go_away(conn, "another gate looks for deskd here, but it is not beside this one");
    if (!yd_peer_tls_is_registered(parts->peers, conn->client.ssl, conn->peer))
        return go_away(conn, "the other gate is not registered: deskd --add-gate makes gates");
    const char *path = op == YD_PEER_LINK ? parts->config->tickets : parts->config->deskd;
    g_autofree char *target = g_strconcat("unix:", path, NULL);
    if (op == YD_PEER_LINK)
        prefix_behind(conn);
    conn->authenticated = TRUE;
    yd_throttle_authenticated(parts->throttle, &conn->key);
    if (!yd_gate_target_parse(target, &conn->where, &error))
        return go_away(conn, error->message);
    return yd_gate_conn_enter(conn, CONN_CONNECT, parts->config->connect_seconds);
}

static YdGateConnKind
kind_of(const char *protocol)
{
    for (guint kind = CONN_IS_RDP; kind <= CONN_IS_RDP_WEB; kind++)
        if (g_str_equal(protocol, yd_gate_conn_kind_name((YdGateConnKind)kind)))
            return (YdGateConnKind)kind;
    return CONN_IS_UNKNOWN;
}

// A client of another gate: from here on it has its own address.
static YdGateStep
take_pass(YdGateConn *conn, const YdPeerRequest *request)
{
    const YdGateConfig *config = parts_of(conn)->config;
    conn->passed = TRUE;
    conn->kind = kind_of(request->protocol);
    g_strlcpy(conn->address, request->address, sizeof conn->address);
    conn->port = request->port;
    if (g_str_equal(conn->peer, config->name))
        return yd_gate_conn_refuse(conn, "loop", "the connection came back to the gate it left");
    if (config->edges != NULL && config->edges[0] != NULL &&
        !g_strv_contains((const char *const *)config->edges, conn->peer))
        return yd_gate_conn_refuse(conn, "unknown-edge",
                                   "[deskgate] edges does not name the gate "
                                   "that passed it on");
    if (conn->kind == CONN_IS_RDP_WEB)
        conn->web = yd_rdp_web_new(request->keyboard);
    return yd_gate_conn_ask_pass(conn, request);
}

static YdGateStep
take_line(YdGateConn *conn, gsize len)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPeerRequest) request =
        yd_peer_request_parse((const char *)conn->in->data, len, &error);
    explicit_bzero(conn->in->data, len);
    g_byte_array_remove_range(conn->in, 0, (guint)len + 1);
    if (request == NULL)
        return go_away(conn, error->message);
    if (conn->client.ssl == NULL) {
        if (request->op != YD_PEER_PASS || request->edge == NULL)
            return go_away(conn, "without TLS another gate can only pass clients on");
        conn->peer = g_strdup(request->edge);
    }
    return request->op == YD_PEER_PASS ? take_pass(conn, request) : take_through(conn, request->op);
}

YdGateStep
yd_gate_conn_peer_line(YdGateConn *conn)
{
    for (;;) {
        guint at = conn->in->len;
        const guint8 *end = at > 0 ? memchr(conn->in->data, '\n', at) : NULL;
        gsize n = 0;
        if (end != NULL)
            return take_line(conn, (gsize)(end - conn->in->data));
        if (at >= YD_PEER_LINE_MAX)
            return go_away(conn, "the other gate's line is too long");
        g_byte_array_set_size(conn->in, YD_PEER_LINE_MAX);
        YdGateIo io =
            yd_gate_stream_read(&conn->client, conn->in->data + at, YD_PEER_LINE_MAX - at, &n);
        g_byte_array_set_size(conn->in, at + (guint)n);
        if (io == YD_GATE_IO_AGAIN)
            return STEP_WAIT;
        if (io != YD_GATE_IO_OK)
            return go_away(conn, "the other gate left within its line");
    }
}

YdGateStep
yd_gate_conn_pass_granted(YdGateConn *conn)
{
    const YdGateConfig *config = parts_of(conn)->config;
    g_autofree char *go = yd_peer_answer_line(NULL, NULL);
    g_clear_pointer(&conn->out, g_byte_array_unref);
    conn->out = g_byte_array_new();
    g_byte_array_append(conn->out, (const guint8 *)go, (guint)strlen(go));
    if (conn->web != NULL) // the browser's request comes again, for us to answer
        return yd_gate_conn_enter(conn, CONN_WEB_REQUEST, config->head_seconds);
    return yd_gate_conn_enter(conn, CONN_CONNECT, config->connect_seconds);
}

// A link is tried again twice a second: its trouble is told once a minute.
YdGateStep
yd_gate_conn_peer_failed(YdGateConn *conn, const char *why)
{
    static gint told; // the minute in which it was told last; atomic
    gint minute = (gint)(g_get_monotonic_time() / (60 * G_USEC_PER_SEC)) + 1;
    if (g_atomic_int_get(&told) != minute) {
        g_atomic_int_set(&told, minute);
        yd_log(G_LOG_LEVEL_MESSAGE, NULL, "%s: %s (told once a minute)",
               conn->kind == CONN_IS_LINK ? "the gate beside deskd cannot be reached"
                                          : "another gate's connection came to nothing",
               why);
    }
    yd_gate_conn_close(conn, why);
    return STEP_WAIT;
}

// ---- the outer end ----

void
yd_gate_conn_call(YdGateConn *conn, YdPeerOp op, const char *gate, const char *grant)
{
    YdPeerCall *call = g_new0(YdPeerCall, 1);
    call->op = op;
    call->gate = g_strdup(gate);
    call->grant = g_strdup(grant);
    call->out = g_byte_array_new();
    call->in = g_byte_array_new();
    yd_peer_call_free(conn->call);
    conn->call = call;
}

void
yd_peer_call_free(YdPeerCall *call)
{
    if (call == NULL)
        return;
    if (call->out->len > 0)
        explicit_bzero(call->out->data, call->out->len);
    g_byte_array_unref(call->out);
    g_byte_array_unref(call->in);
    yd_secret_wipe(&call->grant);
    g_free(call->gate);
    g_free(call);
}

gboolean
yd_peer_call_writes(const YdPeerCall *call)
{
    return call->out->len > 0;
}

// What the other gate is told; then its answer is awaited.
static YdGateStep
ask(YdGateConn *conn)
{
    YdPeerCall *call = conn->call;
    const YdGateConfig *config = parts_of(conn)->config;
    YdPeerRequest request = {.op = call->op,
                             .grant = call->grant,
                             .protocol = (char *)yd_gate_conn_kind_name(conn->kind),
                             .address = conn->address,
                             .port = conn->port,
                             .keyboard = conn->web != NULL ? conn->web->keyboard : 0,
                             .edge = conn->target.ssl == NULL ? config->name : NULL};
    char *line = yd_peer_request_line(&request);
    g_byte_array_append(call->out, (const guint8 *)line, (guint)strlen(line));
    yd_secret_wipe(&line);
    conn->state = CONN_PEER_ASK; // its time goes on
    return STEP_ON;
}

// The way to deskd always has TLS: it carries log-ins.
static YdGateStep
ask_plainly(YdGateConn *conn)
{
    if (!yd_gate_target_is_private(&conn->where))
        return yd_gate_conn_refuse(conn, "unavailable",
                                   "the desktop's gate has a public address, and "
                                   "[deskgate] peer_tls is off");
    yd_gate_conn_enter(conn, CONN_PEER_ASK, parts_of(conn)->config->connect_seconds);
    return ask(conn);
}

YdGateStep
yd_gate_conn_call_begin(YdGateConn *conn)
{
    const YdGateParts *parts = parts_of(conn);
    conn->connecting = FALSE;
    conn->retry_at = 0;
    if (!parts->config->peer_tls && conn->call->op == YD_PEER_PASS)
        return ask_plainly(conn);
    if (parts->peers == NULL)
        return yd_gate_conn_refuse(conn, "unavailable", "this gate has no certificate for others");
    if (!yd_gate_stream_connect_tls(&conn->target, yd_peer_tls_client(parts->peers)))
        return yd_gate_conn_refuse(conn, "unavailable", "TLS cannot be started");
    return yd_gate_conn_enter(conn, CONN_PEER_TLS, parts->config->connect_seconds);
}

YdGateStep
yd_gate_conn_peer_tls(YdGateConn *conn)
{
    YdPeerCall *call = conn->call;
    YdGateIo io = yd_gate_stream_handshake(&conn->target);
    if (io == YD_GATE_IO_AGAIN)
        return STEP_WAIT;
    g_autofree char *name = io == YD_GATE_IO_OK ? yd_peer_tls_name(conn->target.ssl) : NULL;
    if (g_strcmp0(name, call->gate) != 0) {
        g_autofree char *text =
            g_strdup_printf(name != NULL ? "gate %s is wanted, and %s answers"
                                         : "gate %s is wanted, and none answers",
                            call->gate, name);
        return yd_gate_conn_refuse(conn, "unavailable", text);
    }
    return ask(conn);
}

static YdGateStep
finish(YdGateConn *conn)
{
    if (conn->web != NULL) {
        // Frames go through as they are: the other gate answers the browser.
        g_byte_array_set_size(conn->in, 0);
        g_byte_array_append(conn->in, conn->web->raw->data, conn->web->raw->len);
        g_clear_pointer(&conn->web, yd_rdp_web_free);
    }
    g_clear_pointer(&conn->call, yd_peer_call_free);
    return yd_gate_conn_start_relay(conn);
}

static YdGateStep
take_answer(YdGateConn *conn)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *code = NULL;
    g_autofree char *text = NULL;
    const GByteArray *in = conn->call->in;
    if (!yd_peer_answer_parse((const char *)in->data, in->len - 1, &code, &text, &error))
        return yd_gate_conn_refuse(conn, "unavailable", error->message);
    return code == NULL ? finish(conn) : yd_gate_conn_refuse(conn, code, text);
}

// No byte beyond the line is read: what follows is the client's.
YdGateStep
yd_gate_conn_peer_ask(YdGateConn *conn)
{
    YdPeerCall *call = conn->call;
    YdGateIo io = YD_GATE_IO_OK;
    gsize n = 0;
    while (io == YD_GATE_IO_OK && call->out->len > 0) {
        io = yd_gate_stream_write(&conn->target, call->out->data, call->out->len, &n);
        if (io == YD_GATE_IO_OK) {
            explicit_bzero(call->out->data, n);
            g_byte_array_remove_range(call->out, 0, (guint)n);
        }
    }
    if (io == YD_GATE_IO_OK && call->op != YD_PEER_PASS)
        return finish(conn);
    while (io == YD_GATE_IO_OK) {
        guint8 byte;
        io = yd_gate_stream_read(&conn->target, &byte, 1, &n);
        if (io != YD_GATE_IO_OK)
            break;
        g_byte_array_append(call->in, &byte, 1);
        if (byte == '\n')
            return take_answer(conn);
        if (call->in->len >= YD_PEER_LINE_MAX)
            return yd_gate_conn_refuse(conn, "unavailable", "the other gate says too much");
    }
    if (io == YD_GATE_IO_AGAIN)
        return STEP_WAIT;
    return yd_gate_conn_refuse(conn, "unavailable",
                               conn->target.ssl != NULL
                                   ? "the desktop's gate closed the connection"
                                   : "the desktop's gate closed the connection: [deskgate] "
                                     "peer_tls has to be off there as well, or on here");
}
