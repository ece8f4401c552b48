// SPDX-License-Identifier: Apache-2.0
// The gate's own control socket, run/deskgate.sock: one packet of JSON asks, one answers, and may
// bring descriptors (SCM_RIGHTS). Only root and the gate's own user are heard. Transport only: what
// the verbs do is keeper.c.
#pragma once

#include <glib.h>
#include <jansson.h>

#define YD_GATE_CONTROL_NAME "deskgate.sock"

typedef struct YdGateControl YdGateControl;

// Answers a request; the caller takes the answer. fds (of int) are sent along and stay the
// function's. request NULL: the connection of that number has ended; the answer is not looked at.
typedef json_t *(*YdGateControlFunc)(guint64 connection, const json_t *request, GArray *fds,
                                     gpointer data);

// Listens at path; what was there before is replaced in one step. Fails with YD_ERROR_UNAVAILABLE.
YdGateControl *yd_gate_control_new(const char *path, GError **error);

// Closes all, and removes the path when it is still ours.
void yd_gate_control_free(YdGateControl *control);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateControl, yd_gate_control_free)

// Whether somebody else listens at the path by now.
gboolean yd_gate_control_is_replaced(const YdGateControl *control);

// Waits at most timeout_ms (-1: for ever) for requests, which are answered, or for `fd`; returns
// whether there is something to read on fd.
gboolean yd_gate_control_wait(YdGateControl *control, int fd, int timeout_ms,
                              YdGateControlFunc func, gpointer data);

// ---- the other side; blocking ----

// A connection to the gate that listens at path, or -1 with YD_ERROR_UNAVAILABLE.
int yd_gate_control_connect(const char *path, GError **error);

// Asks (takes request) and waits up to 30 s. The answer's descriptors are added to fds, or closed
// when fds is NULL. Fails with YD_ERROR_STATE when the answer is a refusal ("error"), with
// YD_ERROR_UNAVAILABLE when there is none. The caller owns the answer.
json_t *yd_gate_control_call(int fd, json_t *request, GArray *fds, GError **error);
