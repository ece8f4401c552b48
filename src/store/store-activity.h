// SPDX-License-Identifier: Apache-2.0
// What happened over time, for charts: figures in buckets of equal length. Cheap with a million
// rows: each query reads one range of an index that has all its columns.
#pragma once

#include "store/store.h"

#define YD_ACTIVITY_MAX_BUCKETS 400

typedef struct {
    gint64 starts;   // desktops that were started (jobs done)
    gint64 failures; // jobs that failed, of any kind
    gint64 people;   // different people who had a desktop open
} YdActivity;

// The n buckets of `length` ms each from `from` (UTC ms) on; a g_new array.
YdActivity *yd_store_activity(YdStore *store, gint64 from, gint64 length, guint n, GError **error);
