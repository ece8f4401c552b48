// SPDX-License-Identifier: Apache-2.0
// The arithmetic of spares; see sizing.h.
#include "model/sizing.h"

static guint
less(guint a, guint b)
{
    return a > b ? a - b : 0;
}

// Spares that people can be given.
static guint
spares(const YdSizingCounts *counts)
{
    return counts->coming + counts->off + counts->waking + counts->running + counts->warm;
}

static guint
room(const YdSizingCounts *counts, const YdSizingWish *wish)
{
    guint all = counts->used + spares(counts) + counts->old + counts->stale + counts->failed;
    return wish->max_desktops > 0 ? less((guint)wish->max_desktops, all) : G_MAXUINT;
}

YdSizing
yd_sizing(const YdSizingCounts *counts, const YdSizingWish *wish)
{
    YdSizing sizing = {.pause = counts->running};
    if (!wish->enabled)
        return sizing;
    guint warm = (guint)MAX(0, wish->warm);
    guint wanted = MAX((guint)MAX(0, wish->min_ready), warm);
    guint have = spares(counts), hot = counts->waking + counts->running + counts->warm;
    sizing.make = MIN(less(wanted, have), room(counts, wish));
    sizing.remove = counts->old + counts->failed + MIN(counts->off, less(have, wanted));
    sizing.stop = counts->stale + MIN(counts->warm, less(hot, warm));
    guint kept = counts->off - MIN(counts->off, less(have, wanted));
    sizing.start = MIN(MIN(less(warm, hot), kept), wish->starts);
    return sizing;
}
