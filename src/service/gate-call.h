// SPDX-License-Identifier: Apache-2.0
// Asks the deskhost of another host, by the connection that the host's gate has with deskd: it is
// there already, with mutual TLS. Only for what deskhost lets a gate ask.
#pragma once

#include <jansson.h>

#include "service/service.h"

// Blocks for seconds at most. The answer's object; owned. UNAVAILABLE: no gate of that name is
// connected; TIMEOUT; else the error that deskhost told. Any thread but the main one.
json_t *yd_gate_call(YdService *service, const char *gate, const json_t *request, guint seconds,
                     GError **error);

// A gate brings an answer: the members of the gate protocol's "host". Main thread.
void yd_gate_call_answered(YdService *service, const char *gate, const json_t *message);
