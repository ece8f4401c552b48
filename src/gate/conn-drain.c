// SPDX-License-Identifier: Apache-2.0
// What holds a gate that wants to leave: sessions, and requests that deskd has not answered yet. A
// quiet https connection is only kept for its next request, and is closed in order; clients open
// another one.
#include "gate/conn-private.h"
#include "gate/drain.h"

#define QUIET_US (3 * G_USEC_PER_SEC)

const char *
yd_gate_state_name(YdGateState state)
{
    static const char *const names[] = {"serving", "draining", "retiring"};
    return names[state];
}

// Bytes both ways in one turn are a request and its answer.
void
yd_gate_conn_note_way(YdGateConn *conn)
{
    guint64 up = conn->relay.flows[YD_GATE_UP].bytes, down = conn->relay.flows[YD_GATE_DOWN].bytes;
    if (down != conn->seen[YD_GATE_DOWN])
        conn->awaits_answer = FALSE;
    else if (up != conn->seen[YD_GATE_UP])
        conn->awaits_answer = TRUE;
    conn->seen[YD_GATE_UP] = up;
    conn->seen[YD_GATE_DOWN] = down;
}

gboolean
yd_gate_conn_holds(YdGateConn *conn, YdGateState state, gint64 now)
{
    if (conn->state == CONN_CLOSED)
        return FALSE;
    if (conn->session != NULL)
        return TRUE;
    if (conn->kind != CONN_IS_HTTPS || conn->state != CONN_RELAY)
        return state == YD_GATE_RETIRING; // has a deadline
    if (conn->awaits_answer)
        return TRUE;
    if (now - conn->last_byte < QUIET_US)
        return state == YD_GATE_RETIRING;
    yd_gate_conn_close(conn, "the gate leaves, and it was quiet");
    return FALSE;
}
