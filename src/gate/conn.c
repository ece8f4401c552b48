// SPDX-License-Identifier: Apache-2.0
// Life and death of a connection: the table of steps, what it polls for, and its clock. What a
// client says is read in conn-hello.c, the way to the target is conn-target.c.
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"
#include "gate/conn-private.h"
#include "gate/session-log.h"

#define BROKEN_US (3 * G_USEC_PER_SEC) // for the rest of a relay with a dead side
#define PUBLISH_US G_USEC_PER_SEC
#define TCP_INFO_EVERY 2                 // publishes
#define SETTLED_US (30 * G_USEC_PER_SEC) // after the last byte, figures change no more
#define FIRST_PICTURE (32 * 1024) // bytes; what comes before it is smaller: docs/experience.md

// ---- steps ----

static YdGateStep
wait_for_others(YdGateConn *conn)
{
    return STEP_WAIT;
}

static gboolean
is_silence(int trouble)
{
    return trouble == ETIMEDOUT || trouble == EHOSTUNREACH || trouble == ENETUNREACH ||
           trouble == EHOSTDOWN;
}

// Why a relay is over: who went without a word, if one did.
static const char *
reason_of(const YdGateConn *conn, const char *standard)
{
    int client = yd_gate_relay_trouble(&conn->relay, YD_GATE_UP);
    int target = yd_gate_relay_trouble(&conn->relay, YD_GATE_DOWN);
    if (is_silence(target))
        return "the desktop does not answer any more";
    if (is_silence(client))
        return "the client does not answer any more";
    if (client != 0)
        return "the client reset the connection";
    return target != 0 ? "the desktop reset the connection" : standard;
}

static gboolean
is_reset(const YdGateConn *conn)
{
    return (conn->client_events & EPOLLERR) != 0 &&
           yd_gate_relay_interest(&conn->relay, &conn->client) == 0;
}

static void
note_firsts(YdGateConn *conn)
{
    guint64 bytes = conn->relay.flows[YD_GATE_DOWN].bytes;
    if (conn->session == NULL || bytes == 0)
        return;
    if (conn->first_byte == 0)
        conn->first_byte = g_get_monotonic_time();
    if (bytes >= FIRST_PICTURE)
        conn->first_picture = g_get_monotonic_time();
}

static YdGateStep
relay_step(YdGateConn *conn)
{
    YdGateRelayState state = yd_gate_relay_pump(&conn->relay);
    if (conn->first_picture == 0)
        note_firsts(conn);
    if (conn->kind == CONN_IS_HTTPS)
        yd_gate_conn_note_way(conn);
    switch (state) {
    case YD_GATE_RELAY_MORE:
        yd_gate_conn_ask_for_turn(conn);
        break;
    case YD_GATE_RELAY_DONE:
        yd_gate_conn_close(conn, reason_of(conn, "both sides ended"));
        break;
    case YD_GATE_RELAY_WAIT:
        if (is_reset(conn))
            yd_gate_conn_close(conn, reason_of(conn, "the client reset the connection"));
        break;
    }
    return STEP_WAIT;
}

static YdGateStep (*const steps[CONN_N_STATES])(YdGateConn *) = {
    [CONN_SNIFF] = yd_gate_conn_sniff,         [CONN_PROXY] = yd_gate_conn_proxy,
    [CONN_RDP] = yd_gate_conn_read_rdp,        [CONN_HANDSHAKE] = yd_gate_conn_handshake,
    [CONN_HEAD] = yd_gate_conn_read_head,      [CONN_WEB_REQUEST] = yd_gate_conn_web_request,
    [CONN_PEER_LINE] = yd_gate_conn_peer_line, [CONN_REDEEM] = wait_for_others,
    [CONN_CONNECT] = yd_gate_conn_connect,     [CONN_PEER_TLS] = yd_gate_conn_peer_tls,
    [CONN_PEER_ASK] = yd_gate_conn_peer_ask,   [CONN_WEB_X224] = yd_gate_conn_web_x224,
    [CONN_WEB_TLS] = yd_gate_conn_web_tls,     [CONN_RELAY] = relay_step,
    [CONN_FAREWELL] = yd_gate_conn_farewell,   [CONN_CLOSED] = wait_for_others,
};

guint32
yd_gate_conn_client_interest(const YdGateConn *conn)
{
    switch (conn->state) {
    case CONN_SNIFF:
        return EPOLLIN | EPOLLRDHUP;
    case CONN_PROXY:
    case CONN_RDP:
    case CONN_HANDSHAKE:
    case CONN_HEAD:
    case CONN_PEER_LINE:
        return conn->client.read_wants;
    case CONN_WEB_REQUEST:
        return conn->out->len > 0 ? conn->client.write_wants : conn->client.read_wants;
    case CONN_REDEEM:
    case CONN_PEER_TLS:
    case CONN_PEER_ASK:
    case CONN_WEB_X224:
    case CONN_WEB_TLS:
        return EPOLLRDHUP;
    case CONN_RELAY:
        return yd_gate_relay_interest(&conn->relay, &conn->client);
    case CONN_FAREWELL:
        return conn->farewell_shut ? conn->client.read_wants : conn->client.write_wants;
    default:
        return 0;
    }
}

guint32
yd_gate_conn_target_interest(const YdGateConn *conn)
{
    if (conn->state == CONN_RELAY)
        return yd_gate_relay_interest(&conn->relay, &conn->target);
    if (conn->state == CONN_WEB_X224)
        return conn->web->out->len > 0 ? conn->target.write_wants : conn->target.read_wants;
    if (conn->state == CONN_PEER_ASK && yd_peer_call_writes(conn->call))
        return conn->target.write_wants;
    if (conn->state == CONN_WEB_TLS || conn->state == CONN_PEER_TLS || conn->state == CONN_PEER_ASK)
        return conn->target.read_wants;
    return conn->state == CONN_CONNECT && conn->connecting ? EPOLLOUT : 0;
}

static void
update_interest(YdGateConn *conn)
{
    YdGateLoop *loop = yd_gate_worker_loop(conn->worker);
    guint32 client = yd_gate_conn_client_interest(conn);
    guint32 target = yd_gate_conn_target_interest(conn);
    if (!yd_gate_loop_watch(loop, &conn->client.watch, client, NULL) ||
        (conn->target.watch.fd >= 0 &&
         !yd_gate_loop_watch(loop, &conn->target.watch, target, NULL)))
        yd_gate_conn_close(conn, "the kernel watches no more descriptors");
}

void
yd_gate_conn_run(YdGateConn *conn)
{
    while (steps[conn->state](conn) == STEP_ON)
        ;
    if (conn->state != CONN_CLOSED)
        update_interest(conn);
}

void
yd_gate_conn_ask_for_turn(YdGateConn *conn)
{
    if (!conn->queued)
        yd_gate_worker_run_soon(conn->worker, conn);
    conn->queued = TRUE;
}

void
yd_gate_conn_take_turn(YdGateConn *conn)
{
    conn->queued = FALSE;
    yd_gate_conn_run(conn);
}

YdGateStep
yd_gate_conn_enter(YdGateConn *conn, YdGateConnState state, guint seconds)
{
    conn->state = state;
    conn->deadline = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
    return STEP_ON;
}

static gboolean
is_connecting(const YdGateConn *conn)
{
    return conn->state == CONN_CONNECT || conn->state == CONN_WEB_X224 ||
           conn->state == CONN_WEB_TLS || conn->state == CONN_PEER_TLS ||
           conn->state == CONN_PEER_ASK;
}

static void
client_ready(YdGateWatch *watch, guint32 events)
{
    YdGateConn *conn = watch->owner;
    conn->client_events = events;
    yd_gate_relay_ready(&conn->relay, &conn->client, events);
    // EPOLLRDHUP comes only where it was asked for.
    if (conn->state == CONN_REDEEM && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        yd_gate_conn_close(conn, "the client left before its ticket was looked at");
    else if (is_connecting(conn) && (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
        yd_gate_conn_close(conn, "the client left before the target answered");
    else
        yd_gate_conn_run(conn);
}

// ---- the clock ----

// Whether a side is gone for so long that the rest of the other one's bytes, however many come,
// need no more reading.
static gboolean
is_broken_for_good(YdGateConn *conn, gint64 now)
{
    if (!yd_gate_relay_broken(&conn->relay))
        return FALSE;
    if (conn->broken_since == 0)
        conn->broken_since = now;
    return now - conn->broken_since > BROKEN_US;
}

static void
check_relay(YdGateConn *conn, gint64 now)
{
    const YdGateConfig *config = yd_gate_worker_parts(conn->worker)->config;
    gint64 quiet = now - conn->last_byte;
    guint idle = conn->kind == CONN_IS_HTTPS ? config->https_idle_seconds : conn->idle_seconds;
    gboolean half = yd_gate_relay_ended(&conn->relay, YD_GATE_UP) ||
                    yd_gate_relay_ended(&conn->relay, YD_GATE_DOWN);
    if (yd_gate_relay_is_early(&conn->relay) && now > conn->deadline)
        yd_gate_conn_close(conn, "the client did not log in in time");
    else if (is_broken_for_good(conn, now))
        yd_gate_conn_close(conn, reason_of(conn, "one side is gone"));
    else if (half && quiet > (gint64)config->half_closed_seconds * G_USEC_PER_SEC)
        yd_gate_conn_close(conn, "one side ended and the other one was quiet");
    else if (idle > 0 && quiet > (gint64)idle * G_USEC_PER_SEC)
        yd_gate_conn_close(conn, "it was idle for too long");
}

void
yd_gate_conn_publish(YdGateConn *conn)
{
    guint64 carried[2];
    gint64 now = g_get_monotonic_time();
    YdGateReading reading, server;
    for (guint way = 0; way < 2; way++) {
        carried[way] = conn->relay.flows[way].bytes - conn->told[way];
        conn->told[way] += carried[way];
    }
    if (carried[YD_GATE_UP] > 0 || carried[YD_GATE_DOWN] > 0)
        conn->last_byte = now;
    if (conn->session == NULL)
        return;
    YdGateNews news = {
        .now = now,
        .bytes_up = carried[YD_GATE_UP],
        .bytes_down = carried[YD_GATE_DOWN],
        .started = conn->started,
        .first_byte = conn->first_byte,
        .first_picture = conn->first_picture,
    };
    gboolean due = conn->publishes++ % TCP_INFO_EVERY == 0 && now - conn->last_byte < SETTLED_US;
    if (due && yd_gate_reading_take(conn->client.watch.fd, &reading)) {
        news.reading = &reading;
        news.before = &conn->reading;
        if (yd_gate_reading_take(conn->target.watch.fd, &server))
            news.server = &server;
    }
    yd_gate_sessions_add(yd_gate_worker_parts(conn->worker)->sessions, conn->session, &news);
    if (news.reading != NULL)
        conn->reading = reading;
}

static void
tick_relay(YdGateConn *conn, gint64 now)
{
    if (now < conn->next_publish)
        return;
    conn->next_publish = now + PUBLISH_US;
    yd_gate_conn_publish(conn);
    check_relay(conn, now);
}

gboolean
yd_gate_conn_tick(YdGateConn *conn, gint64 now)
{
    if (conn->state == CONN_RELAY) {
        tick_relay(conn, now);
        return FALSE;
    }
    if (conn->state == CONN_CLOSED)
        return FALSE;
    if (now >= conn->deadline && is_connecting(conn)) {
        yd_gate_conn_refuse(conn, "unavailable", "the target does not take the connection");
        yd_gate_conn_run(conn);
    } else if (now >= conn->deadline) {
        yd_gate_conn_close(conn, "it took too long");
    } else if (conn->retry_at != 0 && now >= conn->retry_at) {
        yd_gate_conn_run(conn);
    }
    return TRUE;
}

// ---- life ----

void
yd_gate_keepalive(int fd, guint idle_seconds, int interval, int count, guint timeout_seconds)
{
    const int one = 1, idle = (int)idle_seconds, timeout = (int)timeout_seconds * 1000;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
}

// What is set fails quietly where the kernel does not know it: the connection works all the same.
static void
tune(int fd, const YdGateConfig *config)
{
    const int one = 1, unsent = (int)config->unsent_kib * 1024;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    yd_gate_keepalive(fd, config->keepalive_seconds, 15, 4, config->user_timeout_seconds);
    if (config->congestion != NULL)
        setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, config->congestion,
                   (socklen_t)strlen(config->congestion));
}

YdGateConn *
yd_gate_conn_new(YdGateWorker *worker, guint64 serial, int fd,
                 const struct sockaddr_storage *address, const YdThrottleKey *key,
                 guint16 fixed_port)
{
    const YdGateConfig *config = yd_gate_worker_parts(worker)->config;
    YdGateConn *conn = g_new0(YdGateConn, 1);
    conn->worker = worker;
    conn->serial = serial;
    conn->fixed_port = fixed_port;
    conn->key = *key;
    conn->kind = CONN_IS_UNKNOWN;
    conn->started = g_get_monotonic_time();
    conn->target.watch.fd = -1;
    yd_gate_stream_init(&conn->client, fd, client_ready, conn);
    yd_gate_address_format(address, conn->address, &conn->port);
    conn->by_proxy = yd_gate_conn_is_proxy(config, address);
    tune(fd, config);
    yd_gate_conn_enter(conn, CONN_SNIFF, config->hello_seconds);
    return conn;
}

const char *
yd_gate_conn_kind_name(YdGateConnKind kind)
{
    static const char *const names[] = {"rdp",   "spice", "console", "rdp-web",
                                        "https", "gate",  "link",    "unknown"};
    return names[kind];
}

// Of each socket; sessions have lines of their own (session-log.h).
static void
log_end(const YdGateConn *conn, const char *reason)
{
    g_debug("%s connection from %s port %u ended after %.1f s, %" G_GUINT64_FORMAT
            " bytes up, %" G_GUINT64_FORMAT " down: %s",
            yd_gate_conn_kind_name(conn->kind), conn->address, conn->port,
            (double)(g_get_monotonic_time() - conn->started) / G_USEC_PER_SEC,
            conn->relay.flows[YD_GATE_UP].bytes, conn->relay.flows[YD_GATE_DOWN].bytes, reason);
}

static void
wipe(GByteArray **bytes)
{
    if (*bytes != NULL && (*bytes)->len > 0)
        explicit_bzero((*bytes)->data, (*bytes)->len);
    g_clear_pointer(bytes, g_byte_array_unref);
}

void
yd_gate_conn_close(YdGateConn *conn, const char *reason)
{
    const YdGateParts *parts = yd_gate_worker_parts(conn->worker);
    YdGateLoop *loop = yd_gate_worker_loop(conn->worker);
    if (conn->state == CONN_CLOSED)
        return;
    const YdGateOrigin origin = {yd_gate_conn_kind_name(conn->kind), conn->address, conn->port};
    log_end(conn, reason);
    conn->publishes = 0; // with TCP_INFO
    if (conn->state == CONN_RELAY)
        yd_gate_conn_publish(conn);
    if (conn->session != NULL && is_silence(yd_gate_relay_trouble(&conn->relay, YD_GATE_DOWN)))
        yd_gate_sessions_desktop_lost(parts->sessions, conn->session);
    conn->state = CONN_CLOSED;
    // Before anybody can see that it is closed, its place is free again.
    yd_throttle_leave(parts->throttle, &conn->key, conn->authenticated);
    yd_gate_relay_clear(&conn->relay);
    yd_gate_stream_close(&conn->client, loop);
    yd_gate_stream_close(&conn->target, loop);
    if (conn->in_use)
        yd_gate_log_end(parts->sessions, conn->session, reason, &origin);
    if (conn->session != NULL) {
        yd_gate_sessions_leave(parts->sessions, &conn->session);
        yd_ticket_client_hurry(parts->tickets);
    }
    wipe(&conn->in);
    wipe(&conn->out);
    g_clear_pointer(&conn->user, g_free);
    g_clear_pointer(&conn->web, yd_rdp_web_free);
    g_clear_pointer(&conn->call, yd_peer_call_free);
    g_clear_pointer(&conn->peer, g_free);
    yd_gate_worker_bury(conn->worker, conn);
}

void
yd_gate_conn_free(YdGateConn *conn)
{
    if (conn == NULL)
        return;
    g_return_if_fail(conn->state == CONN_CLOSED);
    g_free(conn);
}

const guint64 *
yd_gate_conn_serial(const YdGateConn *conn)
{
    return &conn->serial;
}

const char *
yd_gate_conn_session(const YdGateConn *conn)
{
    return conn->session == NULL ? NULL : yd_gate_session_id(conn->session);
}
