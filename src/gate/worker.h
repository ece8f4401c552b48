// SPDX-License-Identifier: Apache-2.0
// One thread of the gate: its listening sockets (SO_REUSEPORT: the kernel spreads clients over the
// workers), its loop, its connections. Workers share nothing but YdGateParts.
#pragma once

#include "gate/drain.h"
#include "gate/gate-config.h"
#include "gate/loop.h"
#include "gate/peer-tls.h"
#include "gate/pool.h"
#include "gate/shortage.h"
#include "gate/target.h"
#include "gate/ticket-client.h"
#include "gate/tls.h"

// What all workers use; every member may be used by any thread.
typedef struct {
    const YdGateConfig *config;
    YdThrottle *throttle;
    YdGateShortage *shortage;
    YdGateSessions *sessions;
    YdTicketClient *tickets;
    YdGateTls *tls;
    YdPeerTls *peers;        // NULL: no other gates
    YdGateTarget manager_at; // where [deskgate] manager= is
    char *manager_name;      // NULL: deskd is beside us
    gint state;              // YdGateState, atomic
} YdGateParts;

typedef struct YdGateConn YdGateConn;
typedef struct YdGateWorker YdGateWorker;

// Takes the listening sockets in fds (and sets them to -1); parts is borrowed.
// yd_gate_worker_start() starts the thread.
YdGateWorker *yd_gate_worker_new(const YdGateParts *parts, int *fds, guint n_fds, GError **error);
void yd_gate_worker_start(YdGateWorker *worker);

// Any thread: closes all connections of a session soon.
void yd_gate_worker_cut(YdGateWorker *worker, const char *session, const char *reason);

// Any thread: has a fixed port opened to these addresses soon, or closed (none). port 0 with none:
// all are closed.
void yd_gate_worker_port(YdGateWorker *worker, guint16 port, const char *const *sources);

// Any thread: the other end of fd (taken, non-blocking) is deskd's by way of the manager's gate.
void yd_gate_worker_link(YdGateWorker *worker, int fd);

// Any thread: the state of the parts has changed. A retiring worker closes its listening sockets
// soon.
void yd_gate_worker_state_changed(YdGateWorker *worker);

// Any thread: connections for which a gate that wants to leave has to wait; G_MAXUINT while they
// have not been counted since the last change of state.
guint yd_gate_worker_holding(YdGateWorker *worker);

// Closes the listening sockets and all connections and joins the thread. The loop still takes
// posts.
void yd_gate_worker_stop(YdGateWorker *worker);

// After yd_gate_worker_stop(), when nobody posts any more.
void yd_gate_worker_free(YdGateWorker *worker);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateWorker, yd_gate_worker_free)

// ---- for connections, on the worker's thread but for the loop ----

YdGateLoop *yd_gate_worker_loop(YdGateWorker *worker);
YdGatePool *yd_gate_worker_pool(YdGateWorker *worker);
const YdGateParts *yd_gate_worker_parts(YdGateWorker *worker);
YdGateState yd_gate_worker_state(YdGateWorker *worker);

// The connection of that number; NULL when it has ended.
YdGateConn *yd_gate_worker_find(YdGateWorker *worker, guint64 serial);

// Has the connection take its turn after others had theirs. Connections call
// yd_gate_conn_ask_for_turn(), which asks once only.
void yd_gate_worker_run_soon(YdGateWorker *worker, YdGateConn *conn);

// Frees the connection at the end of this round.
void yd_gate_worker_bury(YdGateWorker *worker, YdGateConn *conn);
