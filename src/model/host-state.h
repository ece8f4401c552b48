// SPDX-License-Identifier: Apache-2.0
// The states of a host, and which one follows from what is seen of it. Pure.
//
//   joining ──► up ◄──► maintenance        what people want of a host that answers
//               │ ▲
//     no answer ▼ │ answers again
//             suspect ──► down ──► fenced  its machines may start elsewhere only once it is fenced
//
// A host that was down or fenced is cleaned before it is used again (service/host-clean.h).
#pragma once

#include <glib.h>

#define YD_HOST_JOINING "joining"         // never answered yet
#define YD_HOST_UP "up"                   // takes desktops
#define YD_HOST_SUSPECT "suspect"         // its libvirt does not answer; what runs may run on
#define YD_HOST_DOWN "down"               // neither does its gate, for longer than it may
#define YD_HOST_FENCED "fenced"           // surely off
#define YD_HOST_MAINTENANCE "maintenance" // takes no new desktops

typedef struct {
    const char *state, *wanted;
    gint64 since;     // ms, of the state
    gboolean answers; // its libvirt
    gboolean gate;    // its gate is heard of: the host lives
    gint64 now, down_ms;
} YdHostSigns;

// The state that follows, one of the constants. *ret_clean: it has to be cleaned before it is in
// that state.
const char *yd_host_state_next(const YdHostSigns *signs, gboolean *ret_clean);
