// SPDX-License-Identifier: Apache-2.0
// Brings deskd's requests to the deskhost beside this gate, and its answers back: for what libvirt
// has no call for, on this host. One after the other, without blocking, by the loop of the ticket
// client. What may be asked is deskhost's to say: it knows that a gate asks.
#pragma once

#include <glib.h>

typedef struct YdHostCall YdHostCall;
struct pollfd;

// socket: path of deskhost's.
YdHostCall *yd_host_call_new(const char *socket);
void yd_host_call_free(YdHostCall *call);

// The request is a JSON object's text. Every push gets one answer.
void yd_host_call_push(YdHostCall *call, guint64 id, const char *request);

// Forgets what has no answer yet: who asked is gone.
void yd_host_call_reset(YdHostCall *call);

// What to wait for, and until when (monotonic µs; G_MAXINT64 for ever).
void yd_host_call_prepare(YdHostCall *call, gint64 now, struct pollfd *ret_fd, gint64 *ret_until);

// Does what can be done now. The line for deskd when an answer is there, else NULL; owned.
char *yd_host_call_step(YdHostCall *call, gint64 now);
