// SPDX-License-Identifier: Apache-2.0
// Controls of the fake hypervisor ("fake:NAME"): machines in memory, delays, and faults that count
// down. For unit and scale tests; never the proof that a feature works.
#pragma once

#include "hypervisor/hypervisor.h"

// The n-th next call of that verb ("start", "agent_ping", "agent_exec", "set_password", …; NULL:
// any) fails with that code; n = 1 is the very next. Several faults can be armed.
void yd_fake_fail(YdHypervisor *hv, const char *verb, guint n, YdErrorCode code);

// Each agent call takes min..max milliseconds (deterministic sequence).
void yd_fake_agent_delay(YdHypervisor *hv, guint min_ms, guint max_ms);

// The agent of that machine hangs (calls run into their time-out) or answers again.
void yd_fake_agent_hang(YdHypervisor *hv, const char *uuid, gboolean hang);

// The host goes away or comes back (events "disconnected"/"connected").
void yd_fake_set_alive(YdHypervisor *hv, gboolean alive);

// The machine ends by itself: event "stopped" or "crashed".
void yd_fake_machine_ends(YdHypervisor *hv, const char *uuid, gboolean crashed);

// What was done to a machine so far, for assertions: last password, last exec input; owned copies.
char *yd_fake_last_password(YdHypervisor *hv, const char *uuid);
char *yd_fake_last_input(YdHypervisor *hv, const char *uuid);
char *yd_fake_last_spice_password(YdHypervisor *hv, const char *uuid);

// When its agent was told the time last (ms, UTC); 0: never.
gint64 yd_fake_time_set(YdHypervisor *hv, const char *uuid);

// Whether its file systems stand still (agent_still).
gboolean yd_fake_is_still(YdHypervisor *hv, const char *uuid);

// Its saved image is of no use: restoring boots it.
void yd_fake_spoil_saved(YdHypervisor *hv, const char *uuid);

// What agent_exec answers from now on (status 0 and no output until then), on that host.
void yd_fake_exec_answer(YdHypervisor *hv, int status, const char *output);

// Who is said to have a live session in that guest; NULL-terminated, NULL: nobody.
void yd_fake_set_users(YdHypervisor *hv, const char *uuid, const char *const *names);

// A fake host lives as long as the process, so that a service which is opened anew finds its
// machines again. This drops one that nobody has open.
void yd_fake_forget(const char *name);
