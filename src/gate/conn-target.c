// SPDX-License-Identifier: Apache-2.0
// From a ticket to a relay: deskd is asked, the target is connected, the relay is filled with what
// the client has said already. Or the client is refused, in its own protocol.
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/proxy-v2.h"
#include "base/secret.h"
#include "gate/conn-private.h"
#include "gate/rdp-x224.h"
#include "gate/session-log.h"

#define FAREWELL_SECONDS 2
#define FAREWELL_READS 16 // in one turn
#define EARLY_SECONDS 30  // from TLS with the guest to the client's log-in
#define RETRY_US (G_USEC_PER_SEC / 20)
#define RETRY_FOR_US (2 * G_USEC_PER_SEC) // a local socket whose server starts, or is busy

// ---- asking deskd ----

typedef struct {
    YdGateWorker *worker;
    guint64 serial;
    YdGateSession *session; // joined for the connection
    char *target, *code, *text;
    char *username, *password, *certificate; // rdp-web
    char *via_gate, *via_grant;
    char *user;
    guint idle_seconds, closed;
} Answer;

static void
answer_free(gpointer data)
{
    Answer *answer = data;
    const YdGateParts *parts = yd_gate_worker_parts(answer->worker);
    if (answer->session != NULL) {
        // Nobody took it: the connection ended meanwhile.
        yd_gate_sessions_leave(parts->sessions, &answer->session);
        yd_ticket_client_hurry(parts->tickets);
    }
    g_free(answer->target);
    g_free(answer->user);
    g_free(answer->username);
    yd_secret_wipe(&answer->password);
    g_free(answer->certificate);
    g_free(answer->via_gate);
    yd_secret_wipe(&answer->via_grant);
    g_free(answer->code);
    g_free(answer->text);
    g_free(answer);
}

// A draining gate takes no new session; a live one may open more sockets.
static gboolean
is_one_too_late(const YdGateConn *conn)
{
    YdGateSessions *sessions = yd_gate_worker_parts(conn->worker)->sessions;
    return yd_gate_worker_state(conn->worker) == YD_GATE_DRAINING &&
           yd_gate_session_sockets(sessions, conn->session) < 2;
}

static void
take_grant(YdGateConn *conn, Answer *answer)
{
    const YdGateParts *parts = yd_gate_worker_parts(conn->worker);
    g_autoptr(GError) error = NULL;
    conn->session = g_steal_pointer(&answer->session);
    conn->user = g_steal_pointer(&answer->user);
    if (conn->web != NULL) {
        conn->web->username = g_steal_pointer(&answer->username);
        conn->web->password = g_steal_pointer(&answer->password);
        conn->web->certificate = g_steal_pointer(&answer->certificate);
        conn->web->closed = answer->closed;
    }
    conn->idle_seconds = answer->idle_seconds;
    conn->authenticated = TRUE;
    yd_throttle_authenticated(parts->throttle, &conn->key);
    yd_gate_sessions_mute(parts->sessions, conn->session, conn->passed);
    if (is_one_too_late(conn)) {
        yd_gate_conn_refuse(conn, "draining", YD_GATE_DRAINING_TEXT);
    } else if (yd_gate_session_is_cut(conn->session)) {
        yd_gate_conn_close(conn, "its session was cut");
    } else if (yd_gate_session_sockets(parts->sessions, conn->session) >
               parts->config->max_sockets_per_session) {
        yd_gate_conn_refuse(conn, "throttled", "this session has too many connections already");
    } else if (conn->passed && answer->via_gate != NULL) {
        yd_gate_conn_refuse(conn, "loop", "there is one hop between gates, and no more");
    } else if (!yd_gate_target_parse(answer->target, &conn->where, &error)) {
        yd_gate_conn_refuse(conn, "unavailable", error->message);
    } else if (conn->passed) {
        yd_gate_conn_pass_granted(conn);
    } else {
        if (answer->via_gate != NULL)
            yd_gate_conn_call(conn, YD_PEER_PASS, answer->via_gate, answer->via_grant);
        yd_gate_conn_enter(conn, CONN_CONNECT, parts->config->connect_seconds);
    }
}

static gboolean
is_guess(const char *code)
{
    static const char *const guesses[] = {"ticket-unknown", "ticket-expired", "ticket-used",
                                          "wrong-source",   "wrong-protocol", NULL};
    return g_strv_contains(guesses, code);
}

static void
take_answer(gpointer data)
{
    Answer *answer = data;
    YdGateConn *conn = yd_gate_worker_find(answer->worker, answer->serial);
    if (conn == NULL || conn->state != CONN_REDEEM)
        return;
    if (answer->session != NULL) {
        take_grant(conn, answer);
    } else {
        if (is_guess(answer->code))
            yd_throttle_refused(yd_gate_worker_parts(conn->worker)->throttle, &conn->key,
                                g_get_monotonic_time());
        yd_gate_conn_refuse(conn, answer->code, answer->text);
    }
    yd_gate_conn_run(conn);
}

// On the ticket client's thread; data is an Answer without its contents.
static void
hear(YdTicketVerdict *verdict, gpointer data)
{
    Answer *answer = data;
    answer->session = g_steal_pointer(&verdict->session);
    answer->target = g_strdup(verdict->target);
    answer->user = g_strdup(verdict->user);
    answer->username = g_strdup(verdict->username);
    answer->password = g_strdup(verdict->password);
    answer->certificate = g_strdup(verdict->certificate);
    answer->via_gate = g_strdup(verdict->via_gate);
    answer->via_grant = g_strdup(verdict->via_grant);
    answer->code = g_strdup(verdict->code);
    answer->text = g_strdup(verdict->text);
    answer->idle_seconds = verdict->idle_seconds;
    answer->closed = verdict->closed;
    yd_gate_loop_post(yd_gate_worker_loop(answer->worker), take_answer, answer, answer_free);
}

static Answer *
wait_for_answer(YdGateConn *conn)
{
    Answer *answer = g_new0(Answer, 1);
    answer->worker = conn->worker;
    answer->serial = conn->serial;
    // The ticket client keeps its own time; this is for its death only.
    guint seconds = yd_gate_worker_parts(conn->worker)->config->redeem_seconds + 2;
    yd_gate_conn_enter(conn, CONN_REDEEM, seconds);
    return answer;
}

YdGateStep
yd_gate_conn_redeem(YdGateConn *conn, YdGateConnKind kind, const char *ticket)
{
    const YdGateParts *parts = yd_gate_worker_parts(conn->worker);
    gint64 now = g_get_monotonic_time();
    conn->kind = kind;
    if (!yd_throttle_may_redeem(parts->throttle, &conn->key, now))
        return yd_gate_conn_refuse(conn, "throttled", "too many refused tickets, try again later");
    // These are mishaps, not guesses: deskd is not asked, so they need not be slowed down.
    if (ticket[0] == '\0')
        return yd_gate_conn_refuse(conn, "ticket-unknown",
                                   "the client sent no ticket: it has to use the file or address "
                                   "that Yundesk made for this connection");
    if (!yd_gate_ticket_valid(ticket))
        return yd_gate_conn_refuse(conn, "ticket-unknown", "what the client sent is no ticket");
    yd_ticket_client_redeem(parts->tickets, ticket, yd_gate_conn_kind_name(kind), conn->address,
                            conn->port, hear, wait_for_answer(conn));
    return STEP_WAIT;
}

YdGateStep
yd_gate_conn_enter_port(YdGateConn *conn)
{
    yd_ticket_client_enter(yd_gate_worker_parts(conn->worker)->tickets, conn->fixed_port,
                           conn->address, conn->port, hear, wait_for_answer(conn));
    return STEP_WAIT;
}

YdGateStep
yd_gate_conn_ask_pass(YdGateConn *conn, const YdPeerRequest *request)
{
    yd_ticket_client_pass(yd_gate_worker_parts(conn->worker)->tickets, request->grant, conn->peer,
                          request->protocol, request->address, request->port, hear,
                          wait_for_answer(conn));
    return STEP_WAIT;
}

// By way of the gate beside deskd.
static YdGateStep
to_manager(YdGateConn *conn, YdPeerOp op)
{
    const YdGateParts *parts = yd_gate_worker_parts(conn->worker);
    conn->where = parts->manager_at;
    yd_gate_conn_call(conn, op, parts->manager_name, NULL);
    return yd_gate_conn_enter(conn, CONN_CONNECT, parts->config->connect_seconds);
}

void
yd_gate_conn_link(YdGateConn *conn)
{
    conn->kind = CONN_IS_LINK;
    conn->in = g_byte_array_new();
    conn->authenticated = TRUE;
    yd_throttle_authenticated(yd_gate_worker_parts(conn->worker)->throttle, &conn->key);
    to_manager(conn, YD_PEER_LINK);
    yd_gate_conn_run(conn);
}

YdGateStep
yd_gate_conn_to_deskd(YdGateConn *conn)
{
    const YdGateParts *parts = yd_gate_worker_parts(conn->worker);
    g_autofree char *target = g_strconcat("unix:", parts->config->deskd, NULL);
    g_autoptr(GError) error = NULL;
    conn->kind = CONN_IS_HTTPS;
    conn->authenticated = TRUE; // deskd's business from here on
    yd_throttle_authenticated(parts->throttle, &conn->key);
    if (parts->manager_name != NULL)
        return to_manager(conn, YD_PEER_WEB);
    if (!yd_gate_target_parse(target, &conn->where, &error))
        return yd_gate_conn_refuse(conn, "unavailable", error->message);
    return yd_gate_conn_enter(conn, CONN_CONNECT, parts->config->connect_seconds);
}

// ---- connecting ----

static void
target_ready(YdGateWatch *watch, guint32 events)
{
    YdGateConn *conn = watch->owner;
    yd_gate_relay_ready(&conn->relay, &conn->target, events);
    yd_gate_conn_run(conn);
}

static void
prefix_proxy(YdGateConn *conn)
{
    YdProxyV2 proxy = {.source_port = conn->port};
    guint8 header[YD_PROXY_V2_WRITE_MAX];
    struct sockaddr_storage own = {0};
    socklen_t len = sizeof own;
    g_strlcpy(proxy.source, conn->address, sizeof proxy.source);
    if (getsockname(conn->client.watch.fd, (struct sockaddr *)&own, &len) == 0)
        yd_gate_address_format(&own, proxy.destination, &proxy.destination_port);
    yd_gate_relay_prefix(&conn->relay, header, yd_proxy_v2_write(&proxy, header));
}

// The first PDUs are rewritten with the log-in; Client Info has to come soon.
static void
start_early(YdGateConn *conn)
{
    YdRdpWeb *web = conn->web;
    yd_gate_relay_rewrite(&conn->relay, &web->decoder,
                          yd_rdp_early_new(web->username ? web->username : "",
                                           web->password ? web->password : "", web->keyboard,
                                           web->closed));
    conn->deadline = g_get_monotonic_time() + EARLY_SECONDS * G_USEC_PER_SEC;
    g_clear_pointer(&conn->web, yd_rdp_web_free);
}

YdGateStep
yd_gate_conn_start_relay(YdGateConn *conn)
{
    conn->connecting = FALSE;
    conn->retry_at = 0;
    yd_gate_relay_init(&conn->relay, yd_gate_worker_pool(conn->worker), &conn->client,
                       &conn->target,
                       (conn->kind == CONN_IS_CONSOLE && !conn->passed) || conn->web != NULL);
    if (conn->web != NULL)
        start_early(conn);
    if (conn->kind == CONN_IS_HTTPS)
        prefix_proxy(conn);
    if (conn->out != NULL)
        yd_gate_relay_prefill(&conn->relay, YD_GATE_DOWN, conn->out->data, conn->out->len);
    if (conn->in->len > 0) {
        yd_gate_relay_prefill(&conn->relay, YD_GATE_UP, conn->in->data, conn->in->len);
        explicit_bzero(conn->in->data, conn->in->len);
    }
    g_clear_pointer(&conn->in, g_byte_array_unref);
    g_clear_pointer(&conn->out, g_byte_array_unref);
    conn->last_byte = g_get_monotonic_time();
    conn->state = CONN_RELAY;
    if (conn->session != NULL) {
        const YdGateParts *parts = yd_gate_worker_parts(conn->worker);
        const YdGateOrigin origin = {yd_gate_conn_kind_name(conn->kind), conn->address, conn->port};
        conn->in_use = TRUE;
        yd_gate_log_begin(parts->sessions, conn->session, conn->user, &origin);
        yd_ticket_client_hurry(parts->tickets);
    }
    return STEP_ON;
}

static YdGateStep
connected(YdGateConn *conn)
{
    if (conn->call != NULL)
        return yd_gate_conn_call_begin(conn);
    return conn->web != NULL ? yd_gate_conn_web_begin(conn) : yd_gate_conn_start_relay(conn);
}

static YdGateStep
try_later(YdGateConn *conn, const GError *error)
{
    gint64 now = g_get_monotonic_time();
    if (conn->retry_until == 0)
        conn->retry_until = now + RETRY_FOR_US;
    if (conn->where.address.any.sa_family != AF_UNIX || now >= conn->retry_until) {
        g_autofree char *text = g_strdup_printf(
            "%s does not take connections, try again in a moment: %s",
            conn->kind == CONN_IS_HTTPS ? "the manager (deskd)" : "the desktop", error->message);
        return yd_gate_conn_refuse(conn, "unavailable", text);
    }
    conn->retry_at = now + RETRY_US;
    return STEP_WAIT;
}

// A guest whose network is gone says nothing any more: the kernel asks after it, and gives up when
// what was sent, or asked, has had no answer for so long.
static void
tune(int fd, const YdGateConfig *config)
{
    const int interval = 5;
    const int count = MAX((int)config->target_user_timeout_seconds / interval, 3);
    yd_gate_keepalive(fd, config->target_keepalive_seconds, interval, count,
                      config->target_user_timeout_seconds);
}

static YdGateStep
begin_connect(YdGateConn *conn)
{
    g_autoptr(GError) error = NULL;
    conn->retry_at = 0;
    int fd = yd_gate_target_connect(&conn->where, &conn->connecting, &error);
    if (fd < 0)
        return try_later(conn, error);
    if (conn->where.address.any.sa_family != AF_UNIX)
        tune(fd, yd_gate_worker_parts(conn->worker)->config);
    yd_gate_stream_init(&conn->target, fd, target_ready, conn);
    return conn->connecting ? STEP_WAIT : connected(conn);
}

YdGateStep
yd_gate_conn_connect(YdGateConn *conn)
{
    if (conn->target.watch.fd < 0)
        return conn->retry_at > g_get_monotonic_time() ? STEP_WAIT : begin_connect(conn);
    // Asking again tells how far the first call has come.
    if (connect(conn->target.watch.fd, &conn->where.address.any, conn->where.len) == 0 ||
        errno == EISCONN)
        return connected(conn);
    if (errno == EALREADY || errno == EINPROGRESS || errno == EINTR)
        return STEP_WAIT;
    g_autofree char *text = g_strdup_printf("the desktop does not answer: %s", g_strerror(errno));
    return yd_gate_conn_refuse(conn, "unavailable", text);
}

// ---- refusing ----

static YdGateStep
farewell(YdGateConn *conn)
{
    // The target, if there is one by now, is left at once.
    yd_gate_stream_close(&conn->target, yd_gate_worker_loop(conn->worker));
    conn->connecting = FALSE;
    conn->retry_at = 0;
    return yd_gate_conn_enter(conn, CONN_FAREWELL, FAREWELL_SECONDS);
}

static void
set_out(YdGateConn *conn, const void *data, gsize len)
{
    g_clear_pointer(&conn->out, g_byte_array_unref);
    conn->out = g_byte_array_new();
    g_byte_array_append(conn->out, data, (guint)len);
}

static const char *
status_text(guint status)
{
    switch (status) {
    case 301:
        return "Moved Permanently";
    case 400:
        return "Bad Request";
    case 404:
        return "Not Found";
    case 407:
        return "Proxy Authentication Required";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 503:
        return "Service Unavailable";
    default:
        return "Forbidden";
    }
}

YdGateStep
yd_gate_conn_answer(YdGateConn *conn, guint status, const char *code, const char *text,
                    const char *fields)
{
    // The text may quote the client: only what needs no escape in JSON is kept.
    g_autofree char *safe = g_strdup(text);
    for (char *c = safe; *c != '\0'; c++)
        if (*c < 0x20 || *c == '"' || *c == '\\' || *c == 0x7f)
            *c = '\'';
    g_autofree char *body =
        g_strdup_printf("{\"status\":%u,\"code\":\"%s\",\"detail\":\"%s\"}\n", status, code, safe);
    g_autofree char *response = g_strdup_printf(
        "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\nContent-Length: %zu\r\n"
        "Cache-Control: no-store\r\nConnection: close\r\n%s\r\n%s",
        status, status_text(status), strlen(body), fields, body);
    set_out(conn, response, strlen(response));
    return farewell(conn);
}

static guint
status_of(const char *code)
{
    if (g_str_equal(code, "unavailable") || g_str_equal(code, "desktop-not-running") ||
        g_str_equal(code, "draining"))
        return 503;
    return g_str_equal(code, "throttled") || g_str_equal(code, "too-many-sessions") ? 429 : 403;
}

YdGateStep
yd_gate_conn_refuse(YdGateConn *conn, const char *code, const char *text)
{
    const char *kind = yd_gate_conn_kind_name(conn->kind);
    const char *why = text != NULL ? text : "the ticket is not good";
    if (conn->kind == CONN_IS_LINK || conn->kind == CONN_IS_PEER)
        return yd_gate_conn_peer_failed(conn, why);
    // Throttled ones are left out, or a guesser could fill the log.
    yd_log(g_str_equal(code, "throttled") ? G_LOG_LEVEL_DEBUG : G_LOG_LEVEL_MESSAGE, NULL,
           "refused %s from %s port %u: %s (%s)", kind, conn->address, conn->port, code, why);
    if (conn->passed && !(conn->web != NULL && conn->web->answered)) {
        g_autofree char *line = yd_peer_answer_line(code, why);
        set_out(conn, line, strlen(line));
        return farewell(conn);
    }
    if (conn->web != NULL && conn->web->answered) {
        GByteArray *out = g_byte_array_new();
        yd_gate_conn_web_refusal(conn, status_of(code), out);
        g_clear_pointer(&conn->out, g_byte_array_unref);
        conn->out = out;
        return farewell(conn);
    }
    if (conn->kind != CONN_IS_RDP)
        return yd_gate_conn_answer(conn, status_of(code), code, why, "");
    guint8 packet[YD_X224_REFUSAL_SIZE];
    yd_x224_refusal(YD_X224_INCONSISTENT_FLAGS, packet);
    set_out(conn, packet, sizeof packet);
    return farewell(conn);
}

// Writes what is left, says that nothing more comes, and reads until the client has heard it:
// closing with bytes unread would reset the connection and could take the farewell with it.
YdGateStep
yd_gate_conn_farewell(YdGateConn *conn)
{
    guint8 nothing[4096];
    gsize n = 0;
    YdGateIo io = YD_GATE_IO_OK;
    while (io == YD_GATE_IO_OK && conn->out->len > 0) {
        io = yd_gate_stream_write(&conn->client, conn->out->data, conn->out->len, &n);
        if (io == YD_GATE_IO_OK)
            g_byte_array_remove_range(conn->out, 0, (guint)n);
    }
    if (io == YD_GATE_IO_OK && !conn->farewell_shut) {
        io = yd_gate_stream_shut(&conn->client);
        conn->farewell_shut = io == YD_GATE_IO_OK;
    }
    for (guint i = 0; i < FAREWELL_READS && io == YD_GATE_IO_OK; i++)
        io = yd_gate_stream_read(&conn->client, nothing, sizeof nothing, &n);
    if (io == YD_GATE_IO_OK) // it goes on and on: others first, and the deadline comes
        yd_gate_conn_ask_for_turn(conn);
    else if (io != YD_GATE_IO_AGAIN)
        yd_gate_conn_close(conn, "it was refused");
    return STEP_WAIT;
}
