// SPDX-License-Identifier: Apache-2.0
// The states of a desktop as a table of allowed edges. Pure.
//
//   new → deriving → off → starting → preparing → ready → stopping → off
//   every state → failed (with an error) → off | deriving | deleting
//   off | failed → deleting (then the row goes) ; off → rebuilding → off
//   starting | preparing | ready → off (the machine ended by itself)
//   new → deleting: handed out, never derived
//   preparing → stopping ; ready → preparing (a reboot) ; stopping → ready (it did not stop)
//   off → ready: the reconciler finds it running
//   ready → paused → ready | saved | stopping ; saved → preparing (restored) | ready (found
//   running)
#pragma once

#include <glib.h>

#define YD_DESKTOP_NEW "new"           // only the record
#define YD_DESKTOP_DERIVING "deriving" // its disk is being made
#define YD_DESKTOP_OFF "off"
#define YD_DESKTOP_STARTING "starting"   // the machine is being started
#define YD_DESKTOP_PREPARING "preparing" // runs; waiting for agent, first boot, RDP
#define YD_DESKTOP_READY "ready"
#define YD_DESKTOP_PAUSED "paused" // its memory is kept by the host
#define YD_DESKTOP_SAVED "saved"   // its memory is a file of the host; the machine is off
#define YD_DESKTOP_STOPPING "stopping"
#define YD_DESKTOP_REBUILDING "rebuilding"
#define YD_DESKTOP_DELETING "deleting"
#define YD_DESKTOP_FAILED "failed"

gboolean yd_desktop_state_known(const char *state);

// Whether a desktop may go from one state to the other (staying is allowed).
gboolean yd_desktop_state_may(const char *from, const char *to);

// Whether its machine exists in libvirt and uses memory of its host.
gboolean yd_desktop_state_runs(const char *state);

// NULL-terminated list of all states.
const char *const *yd_desktop_states(void);
