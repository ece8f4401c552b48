// SPDX-License-Identifier: Apache-2.0
// Reads the body of a request: strict JSON, in the forms that the route takes.
#pragma once

#include "api/request.h"

// Sets request->input from the body of a JSON route; sets a 415 answer (and gives TRUE) for another
// content type. INVALID for what is not one JSON object as base/json-util.h takes it.
gboolean yd_request_read_body(YdRequest *request, GError **error);
