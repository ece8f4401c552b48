// SPDX-License-Identifier: Apache-2.0
// How many spares a floating pool makes, starts, pauses and removes. A spare is a desktop that
// nobody has had: its disk is fresh. Pure.
#pragma once

#include <glib.h>

// The pool's desktops as they are. Each is counted once.
typedef struct {
    guint used;    // somebody's, or being made fresh again after somebody
    guint coming;  // spares whose disk is being made
    guint off;     // spares that are off
    guint old;     // spares that are off and of another template version than the pool's
    guint waking;  // spares that start
    guint running; // spares that are ready and run
    guint warm;    // spares that are paused
    guint stale;   // spares that are paused, of another version
    guint failed;  // spares that can't be used
} YdSizingCounts;

typedef struct {
    gboolean enabled;
    gint64 min_ready, max_desktops, warm; // of the pool; max_desktops 0: no limit
    guint starts;                         // how many more machines may start now
} YdSizingWish;

typedef struct {
    guint make;   // new spares
    guint start;  // spares that are off and become warm
    guint pause;  // spares that run
    guint stop;   // warm spares that are stale or one too many: off
    guint remove; // spares that are off and one too many, old, or failed
} YdSizing;

// What to do now. Spares count up to max(min_ready, warm); what people have goes before: with
// max_desktops in use no spare is made. One that starts while the wish shrinks is paused first and
// stopped the next time. A disabled pool gets nothing new and keeps what is there.
YdSizing yd_sizing(const YdSizingCounts *counts, const YdSizingWish *wish);
