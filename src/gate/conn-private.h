// SPDX-License-Identifier: Apache-2.0
// The insides of a connection, for the conn-*.c files only. Its life is a row of states, each with
// one step function that is called when something happened and answers whether to go on.
#pragma once

#include "gate/conn.h"
#include "gate/http-head.h"
#include "gate/rdp-web.h"
#include "gate/relay.h"
#include "gate/target.h"

typedef enum {
    CONN_SNIFF,       // waits for its first bytes
    CONN_PROXY,       // a load balancer says for whom it comes
    CONN_RDP,         // reads the X.224 connection request
    CONN_HANDSHAKE,   // TLS
    CONN_HEAD,        // reads an HTTP head, plain or inside TLS
    CONN_WEB_REQUEST, // reads an RDCleanPath request in WebSocket frames
    CONN_PEER_LINE,   // another gate has connected: reads for whom
    CONN_REDEEM,      // deskd looks at the ticket
    CONN_CONNECT,     // the target has to take the connection
    CONN_PEER_TLS,    // the way leads through another gate: TLS with it
    CONN_PEER_ASK,    // and its answer
    CONN_WEB_X224,    // RDP in the browser: X.224 with the guest
    CONN_WEB_TLS,     // and TLS
    CONN_RELAY,       // bytes go both ways
    CONN_FAREWELL,    // says why not, and goes
    CONN_CLOSED,      // waits to be freed
    CONN_N_STATES
} YdGateConnState;

typedef enum {
    STEP_WAIT, // for an event, an answer or the clock
    STEP_ON,   // the state changed: the next step may go further
} YdGateStep;

typedef enum {
    CONN_IS_RDP,
    CONN_IS_SPICE,
    CONN_IS_CONSOLE,
    CONN_IS_RDP_WEB,
    CONN_IS_HTTPS,
    CONN_IS_PEER, // another gate's own: its link, or browsers' to deskd
    CONN_IS_LINK, // ours to the manager's gate
    CONN_IS_UNKNOWN,
} YdGateConnKind;

// What clients of a draining gate are told.
#define YD_GATE_DRAINING_TEXT                                                                      \
    "this gate is being taken out of service and takes no new sessions; connect again in a moment"

typedef struct YdPeerCall YdPeerCall;

struct YdGateConn {
    YdGateWorker *worker;
    guint64 serial;
    YdGateConnState state;
    YdGateConnKind kind;
    gint64 deadline; // of the state; monotonic
    gint64 started;

    YdGateStream client;
    guint32 client_events; // that came last
    gboolean queued;       // it waits for another turn
    char address[YD_GATE_ADDRESS_SIZE];
    guint16 port;
    gboolean by_proxy;   // a trusted one, whose PROXY header may come or has come
    gboolean introduced; // the header has come: address and port are the client's
    gboolean proxy_tls;  // the client speaks TLS with the proxy
    char *peer;          // the gate at the client's end; NULL: it is no gate
    gboolean passed;     // by it, for a client of its
    YdPeerCall *call;    // the way leads through another gate; NULL: it does not, or that is done
    guint16 fixed_port;  // 0: it came by the port of all
    YdThrottleKey key;
    gboolean authenticated; // no longer counted as unauthenticated

    GByteArray *in;  // what was read of the client and not passed on
    GByteArray *out; // what the client is told before the relay, or as farewell
    gsize head_size; // of an HTTP head at the start of in
    YdRdpWeb *web;   // NULL unless RDP_WEB, and from the relay on
    gboolean farewell_shut;

    YdGateTarget where;
    YdGateStream target;
    gboolean connecting; // the kernel is at it
    gint64 retry_at;     // 0: not waiting for another try
    gint64 retry_until;

    YdGateRelay relay;
    YdGateSession *session;
    char *user;                       // whom deskd named in the grant; NULL: nobody
    gboolean in_use;                  // its session's log knows of it
    guint idle_seconds;               // 0: no limit
    guint64 told[2];                  // bytes that the session knows of, by YdGateWay
    YdGateReading reading;            // of the client's socket, the last one
    gint64 first_byte, first_picture; // of the guest, for the client; 0: not yet
    gint64 last_byte;
    gint64 broken_since; // 0: both sides live
    gint64 next_publish;
    guint publishes;
    guint64 seen[2]; // https: bytes at the last turn, by YdGateWay
    gboolean awaits_answer;
};

// The steps, by state.
YdGateStep yd_gate_conn_sniff(YdGateConn *conn);
YdGateStep yd_gate_conn_proxy(YdGateConn *conn);
YdGateStep yd_gate_conn_read_rdp(YdGateConn *conn);
YdGateStep yd_gate_conn_handshake(YdGateConn *conn);
YdGateStep yd_gate_conn_read_head(YdGateConn *conn);
YdGateStep yd_gate_conn_connect(YdGateConn *conn);
YdGateStep yd_gate_conn_farewell(YdGateConn *conn);
YdGateStep yd_gate_conn_web_request(YdGateConn *conn);
YdGateStep yd_gate_conn_web_x224(YdGateConn *conn);
YdGateStep yd_gate_conn_web_tls(YdGateConn *conn);
YdGateStep yd_gate_conn_peer_line(YdGateConn *conn);
YdGateStep yd_gate_conn_peer_tls(YdGateConn *conn);
YdGateStep yd_gate_conn_peer_ask(YdGateConn *conn);

// Reads up to want bytes of the client to the end of conn->in.
YdGateIo yd_gate_conn_read_more(YdGateConn *conn, gsize want);

// Answers a request that yd_ws_upgrade() did not take.
YdGateStep yd_gate_conn_no_upgrade(YdGateConn *conn, const GError *error);

// conn-rdp-web.c: an upgrade at /connect/rdp; the guest has taken the connection; how it is refused
// after the upgrade.
YdGateStep yd_gate_conn_take_rdp_web(YdGateConn *conn, const YdHttpHead *head);
YdGateStep yd_gate_conn_web_begin(YdGateConn *conn);
void yd_gate_conn_web_refusal(YdGateConn *conn, guint status, GByteArray *out);

// Both ends are there: fills the relay with what was said and starts it.
YdGateStep yd_gate_conn_start_relay(YdGateConn *conn);

// Goes to a state that lasts at most that many seconds; returns STEP_ON.
YdGateStep yd_gate_conn_enter(YdGateConn *conn, YdGateConnState state, guint seconds);

// There is more to do than is fair now: goes on after the others. An event may come before.
void yd_gate_conn_ask_for_turn(YdGateConn *conn);

// What deskd calls this kind ("rdp", …); static.
const char *yd_gate_conn_kind_name(YdGateConnKind kind);

// Asks deskd about a ticket, or refuses it without asking.
YdGateStep yd_gate_conn_redeem(YdGateConn *conn, YdGateConnKind kind, const char *ticket);

// Asks deskd whether its address may enter by the fixed port that it came by.
YdGateStep yd_gate_conn_enter_port(YdGateConn *conn);

// Asks deskd what a client passed on by another gate was granted.
YdGateStep yd_gate_conn_ask_pass(YdGateConn *conn, const YdPeerRequest *request);

// conn-peer.c: another gate has connected, or deskd has granted what it asked for.
YdGateStep yd_gate_conn_peer_hello(YdGateConn *conn);
YdGateStep yd_gate_conn_peer_plain(YdGateConn *conn); // without TLS
YdGateStep yd_gate_conn_pass_granted(YdGateConn *conn);

// A connection for another gate, or ours to it, comes to nothing: closes it, logs now and then.
YdGateStep yd_gate_conn_peer_failed(YdGateConn *conn, const char *why);

// The target will be that gate; grant is NULL but for a pass. And: it has taken the connection.
void yd_gate_conn_call(YdGateConn *conn, YdPeerOp op, const char *gate, const char *grant);
YdGateStep yd_gate_conn_call_begin(YdGateConn *conn);
void yd_peer_call_free(YdPeerCall *call);
gboolean yd_peer_call_writes(const YdPeerCall *call); // what it says is not all out

// Starts towards deskd's own socket, without a ticket.
YdGateStep yd_gate_conn_to_deskd(YdGateConn *conn);

// Refuses in the client's protocol; code is one of the gate protocol or "throttled".
YdGateStep yd_gate_conn_refuse(YdGateConn *conn, const char *code, const char *text);

// Answers an HTTP client and ends. fields are more header lines, each with CRLF, or "".
YdGateStep yd_gate_conn_answer(YdGateConn *conn, guint status, const char *code, const char *text,
                               const char *fields);

// Which events each stream waits for in the present state.
guint32 yd_gate_conn_client_interest(const YdGateConn *conn);
guint32 yd_gate_conn_target_interest(const YdGateConn *conn);

// conn-drain.c: after each turn of an https relay, remembers whose turn it is.
void yd_gate_conn_note_way(YdGateConn *conn);

// conn.c: the kernel asks after a peer that is silent for idle_seconds, count times every interval
// seconds, and gives up when what was sent or asked has had no answer for timeout_seconds.
void yd_gate_keepalive(int fd, guint idle_seconds, int interval, int count, guint timeout_seconds);

// Tells the session what was carried since the last time.
void yd_gate_conn_publish(YdGateConn *conn);
