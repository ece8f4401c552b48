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

// An array of objects, ordered by name; a gate that is being replaced is in it twice. Owned.
json_t *yd_gate_list_get(YdService *service);
