// SPDX-License-Identifier: Apache-2.0
// Polls for what another thread or process does soon.
#pragma once

#include <glib.h>

// Fails after 30 s. The condition has held once when this ends: what may cease again is asked for
// in another way. It is evaluated every 2 ms, and not again after it held.
#define WAIT_FOR(condition)                                                                        \
    G_STMT_START                                                                                   \
    {                                                                                              \
        gint64 wait_end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;                            \
        gboolean wait_held;                                                                        \
        while (!(wait_held = (condition)) && g_get_monotonic_time() < wait_end)                    \
            g_usleep(2000);                                                                        \
        if (!wait_held)                                                                            \
            g_error("in 30 s not true: %s", #condition);                                           \
    }                                                                                              \
    G_STMT_END
