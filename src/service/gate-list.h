// SPDX-License-Identifier: Apache-2.0
// The gates that are connected to deskd, with what they say of themselves: whether they serve, for
// how many sessions, until when their certificate is good, what they count. Kept in memory only:
// a gate that has gone is not in it. Any thread.
#pragma once

#include <jansson.h>

#include "service/service.h"

// The connection of that number, of a gate of that name, has said this (the members of the gate
// protocol's "gate"; unknown ones are left out).
void
yd_gate_list_put(YdService *service, guint64 connection, const char *name, const json_t *about);

// It has gone.
void yd_gate_list_drop(YdService *service, guint64 connection);

// Called for each order, on the thread of whoever gave it: the line that all gates of that name are
// to be told. One at a time; NULL takes it away.
typedef void (*YdGateTellFunc)(const char *name, const char *line, gpointer data);
void yd_gate_list_on_tell(YdService *service, YdGateTellFunc func, gpointer data);

// Tells all gates of that name a line.
void yd_gate_list_tell(YdService *service, const char *name, const char *line);

// Has the gate of that name drain: it takes no new session, lets those that it has go on for so
// many seconds (0: without a limit, -1: as it is configured), and ends. drain FALSE: it takes new
// ones again. Waits up to 5 s until it says that it does. Right: YD_RIGHT_HOSTS_WRITE. NOT_FOUND:
// no such gate is connected. STATE: it has ended. TIMEOUT: it does not follow; gates older than
// this do not know how.
gboolean yd_gate_list_drain(YdService *service, const YdActor *actor, const char *name,
                            gboolean drain, gint64 seconds, GError **error);

// Whether a gate of that name is connected.
gboolean yd_gate_list_has(YdService *service, const char *name);

// Whether a gate of that name has said something in the last so many milliseconds: one whose host
// lost its power stays connected for long.
gboolean yd_gate_list_heard(YdService *service, const char *name, gint64 within_ms);

// An array of objects, ordered by name; a gate that is being replaced is in it twice. Owned.
json_t *yd_gate_list_get(YdService *service);
