// SPDX-License-Identifier: Apache-2.0
// Clients that the kernel could not hand over, for want of descriptors or memory: how often, and
// what the log shall say of it, at most one line in ten seconds for all workers together. Any
// thread.
#pragma once

#include <glib.h>

typedef struct YdGateShortage YdGateShortage;

YdGateShortage *yd_gate_shortage_new(void);
void yd_gate_shortage_free(YdGateShortage *shortage);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateShortage, yd_gate_shortage_free)

// accept() failed with that errno at the time now (monotonic, microseconds). Returns a line for the
// log, owned by the caller, or NULL when one was told a moment ago.
char *yd_gate_shortage_note(YdGateShortage *shortage, int trouble, gint64 now);

// Whether it may not be over yet: yd_gate_shortage_check() has to be called again.
gboolean yd_gate_shortage_lasts(YdGateShortage *shortage);

// Now and then: a line that says that it is over, once, when nothing failed for ten seconds; else
// NULL.
char *yd_gate_shortage_check(YdGateShortage *shortage, gint64 now);

// All failures since the start.
guint64 yd_gate_shortage_count(YdGateShortage *shortage);
