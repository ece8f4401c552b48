// SPDX-License-Identifier: Apache-2.0
// How good a connection feels: from what was measured on its network path to one number from 0 to
// 100, and the cause that takes most of it away (docs/experience.md). Pure.
#pragma once

#include <glib.h>

// From this score on a connection counts as good and no cause is named.
#define YD_EXPERIENCE_GOOD 80

// Below this one it is poor; in between it is fair.
#define YD_EXPERIENCE_POOR 50

// What was measured; 0 stands for nothing.
typedef struct {
    gint64 rtt_us;     // round trip to the client, a middle one of the last seconds
    gint64 min_rtt_us; // the shortest of the last minute
    gint64 jitter_us;  // how much round trips differ from each other
    gint64 loss_ppm;   // packets to the client that had to be sent again, of a million
    gint64 queue_us;   // how long what waits at the gate will take to leave
    gint64 server_us;  // round trip to the desktop, or how long it has been silent
} YdExperience;

// Gives the score and the cause: "good" | "delay" | "loss" | "jitter" | "bandwidth" | "server"
// (static). FALSE when nothing was measured yet.
gboolean
yd_experience_rate(const YdExperience *measured, gint64 *ret_score, const char **ret_reason);
