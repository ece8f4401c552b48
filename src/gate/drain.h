// SPDX-License-Identifier: Apache-2.0
// How a gate leaves without cutting anybody. What each connection does about it is conn-drain.c.
#pragma once

#include <glib.h>

typedef enum {
    YD_GATE_SERVING,
    // Refuses new sessions, and /readyz is 503; https and the sockets of live sessions go on.
    YD_GATE_DRAINING,
    // Another process has its listening sockets; whoever is connected is served to the end.
    YD_GATE_RETIRING,
} YdGateState;

// What an administrator far away wants: to drain (seconds as in YdGateMessage) or, with drain
// FALSE, to serve again. On any thread.
typedef void (*YdGateOrderFunc)(gboolean drain, gint64 seconds, gpointer data);

// "serving", "draining", "retiring"; static.
const char *yd_gate_state_name(YdGateState state);
