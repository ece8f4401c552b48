// SPDX-License-Identifier: Apache-2.0
// What bench/gate measures of one peer at a time. Callers repeat, in turn for all peers, and take
// medians.
#pragma once

#include "gate-load.h"

// CPU-seconds of the proxy per GB towards the client; also for peers with TLS or WebSocket.
double measure_bulk(const Peer *peer, guint streams, double gb);

// Appends n round trips of 64 bytes, in microseconds, to times (of double).
void measure_trips(const Peer *peer, guint n, GArray *times);

// Appends n times from connect() to the target's first byte, in microseconds.
void measure_first_byte(const Peer *peer, guint n, GArray *times);

typedef struct {
    double cpu;  // of the proxy, microseconds for each
    double rate; // a second
} Admissions;

// Connections that are opened, confirmed by the target and closed; 64 at a time.
Admissions measure_admissions(const Peer *peer, guint n);

typedef struct {
    double user; // KiB for each connection; NAN when unknown
    double kernel;
} Memory;

// Opens n connections with a ticket each, leaves them idle, and closes them.
Memory measure_memory(const Peer *peer, guint n);

typedef struct {
    double core;     // share of a core
    double messages; // a second
    double p50, p99; // microseconds from a message to its whole answer
} Office;

// So many sessions, each with 30 messages of 64 bytes a second and answers of 1 KiB, for a while.
Office measure_office(const Peer *peer, guint sessions, guint seconds);

// Sorts values (of double) and returns the one at share (0.5: the median); NAN when there is none.
double quantile(GArray *values, double share);
