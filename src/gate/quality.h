// SPDX-License-Identifier: Apache-2.0
// What the kernel knows of a session's path (TCP_INFO), made into a few figures: reading one
// socket, and a session's memory of the last readings. It judges nothing; deskd does
// (model/experience.h).
#pragma once

#include <glib.h>

// One look at a TCP socket. Counts are since the socket's start.
typedef struct {
    guint32 rtt_us, jitter_us; // smoothed by the kernel
    guint32 timeout_us;        // after which unanswered data is sent again
    guint32 sent, lost;        // segments with data; those that had to be sent again
    guint32 unsent;            // bytes that wait to be sent
    gboolean stuck;            // the time-out has passed without an answer
    gboolean rate_is_floor;    // the sender had less to send than the path could take
    guint64 rate;              // bytes/s delivered
} YdGateReading;

// FALSE when fd is no TCP socket, or has no figures yet.
gboolean yd_gate_reading_take(int fd, YdGateReading *ret_reading);

#define YD_GATE_QUALITY_KEPT 3

// A session's figures; a zeroed one has none. Times are monotonic.
typedef struct {
    guint32 rtts[YD_GATE_QUALITY_KEPT], jitters[YD_GATE_QUALITY_KEPT];
    guint32 servers[YD_GATE_QUALITY_KEPT];
    guint n, n_servers; // readings taken so far
    guint32 min_rtt[2]; // of the minute under way, and of the one before
    gint64 minute;      // when it began
    double sent, lost;  // segments; older ones count less
    gint64 last;
    guint64 rate, floor; // bytes/s: of a path in full use; the best that was seen of another
    double queue_us;
} YdGateQuality;

// Takes in a reading of a client's socket. before is the one that was taken of that socket the last
// time (zeros the first time); server is of the target's socket, NULL: none.
void yd_gate_quality_add(YdGateQuality *quality, const YdGateReading *reading,
                         const YdGateReading *before, const YdGateReading *server, gint64 now);

// What is told of a session; all 0 as long as nothing was read.
typedef struct {
    guint64 rtt_us, min_rtt_us, jitter_us, loss_ppm, queue_us, rate, server_us;
} YdGateFigures;
void yd_gate_quality_figures(const YdGateQuality *quality, YdGateFigures *ret_figures);
