// SPDX-License-Identifier: Apache-2.0
// A gate as a process: it starts without privileges, obeys signals and its control socket, leaves
// when it is drained, and hands its sockets to a successor. What deskgate's main() runs.
#pragma once

#include <signal.h>

#include "gate/gate-config.h"

typedef struct {
    const YdConfig *config;
    const YdGateConfig *gate;
    gboolean take_over;      // from the gate that runs, in place of binding
    void (*ready)(gpointer); // once it serves, or NULL
    gpointer ready_data;
} YdGateKeeperConfig;

// The signals that yd_gate_keeper_run() obeys; to be blocked before any thread is there. TERM, INT:
// end. HUP: read the certificate again. USR1: drain.
void yd_gate_keeper_signals(sigset_t *ret_signals);

// Runs a gate until it ends. Fails when it cannot start; a gate that was to be taken over goes on
// then.
gboolean yd_gate_keeper_run(const YdGateKeeperConfig *config, GError **error);

// Asks the gate that runs: "status", "reload", "drain", "resume". The answer as lines "name:
// value"; owned by the caller. seconds is drain's limit, or -1 for the configured one.
char *yd_gate_keeper_ask(const YdConfig *config, const char *verb, gint64 seconds, GError **error);
