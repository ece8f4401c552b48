// SPDX-License-Identifier: Apache-2.0
// What a gate asks, as one call: a line's JSON in, the answer's line out.
#pragma once

#include <jansson.h>

#include "service/service.h"

// Any thread; blocks on the store. The answer (owned, without a newline), or NULL when the message
// needs none. Never fails: what cannot be done is refused as "unavailable".
char *yd_gate_op(YdService *service, const char *gate, const json_t *message);
