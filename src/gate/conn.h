// SPDX-License-Identifier: Apache-2.0
// One client's connection from its first byte to its last, as its worker sees it. All functions: on
// the worker's thread.
#pragma once

#include "gate/worker.h"

// Takes fd, which yd_throttle_enter() let in for key. fixed_port: the one by which it came, 0 for
// the port of all.
YdGateConn *yd_gate_conn_new(YdGateWorker *worker, guint64 serial, int fd,
                             const struct sockaddr_storage *address, const YdThrottleKey *key,
                             guint16 fixed_port);

// Whether it comes from one of [deskgate] trusted_proxies.
gboolean yd_gate_conn_is_proxy(const YdGateConfig *config, const struct sockaddr_storage *address);

// Has a new connection lead to deskd's gate.sock by way of the manager's gate, and runs it.
void yd_gate_conn_link(YdGateConn *conn);

// Of a closed connection.
void yd_gate_conn_free(YdGateConn *conn);

// Lives as long as the connection.
const guint64 *yd_gate_conn_serial(const YdGateConn *conn);

// The id of its session; NULL when it has none (yet). Borrowed.
const char *yd_gate_conn_session(const YdGateConn *conn);

// Gets it as far as it goes without waiting.
void yd_gate_conn_run(YdGateConn *conn);

// As yd_gate_conn_run(), for one that yd_gate_worker_run_soon() has put into the queue.
void yd_gate_conn_take_turn(YdGateConn *conn);

// Closes both sockets at once and logs why; the worker frees it later.
void yd_gate_conn_close(YdGateConn *conn, const char *reason);

// Whether a gate that wants to leave has to wait for it; closes one that is only kept for a next
// request.
gboolean yd_gate_conn_holds(YdGateConn *conn, YdGateState state, gint64 now);

// Looks at the clock: limits, statistics. Returns whether it is young, so has to be looked at
// often.
gboolean yd_gate_conn_tick(YdGateConn *conn, gint64 now);
