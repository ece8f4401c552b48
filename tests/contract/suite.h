// SPDX-License-Identifier: Apache-2.0
// The contract of hypervisor.h as a suite that every family must pass, as far as its subject can.
#pragma once

#include "hypervisor/hypervisor.h"

typedef struct {
    GMutex lock;
    GCond changed;
    GPtrArray *seen; // "uuid event" or "event" (of the host); owned
} Events;

typedef struct {
    const char *uri;
    gboolean agent, dhcp, spice, asynchronous; // what the subject can; shut-down takes a while
    YdMachineSpec spec;
    YdNetworkSpec network;
    YdHypervisor *hv;
    Events events;
} Subject;

// Opens the subject's hypervisor, waits until it is alive and listens.
void subject_open(Subject *subject);
void subject_close(Subject *subject);

// Waits up to 60 s for that event since the last forget_events.
void wait_event(Subject *subject, const char *uuid, const char *event);
void forget_events(Subject *subject);

// Waits for a state of the subject's machine.
void wait_state(Subject *subject, YdMachineState state);

// Starts the machine; fails the test when that fails.
void start(Subject *subject);

// What every family must do; leaves neither machine nor network.
void suite_run(Subject *subject);
