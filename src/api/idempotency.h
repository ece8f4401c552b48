// SPDX-License-Identifier: Apache-2.0
// Idempotency-Key: a POST that is sent twice (a client that lost the answer) acts once. Answers
// that hold secrets are never remembered; those routes ignore the key.
#pragma once

#include "api/request.h"

typedef struct _YdIdempotency YdIdempotency;
void yd_idempotency_free(YdIdempotency *key);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdIdempotency, yd_idempotency_free)

// Known key: sets the remembered answer. Else *ret_key (NULL when the request has none) marks it as
// under way until it is freed. INVALID: the key was used for another request. STATE: the first one
// is still under way.
gboolean yd_idempotency_begin(YdRequest *request, YdIdempotency **ret_key, GError **error);

// Remembers the request's answer for 24 h; key may be NULL.
gboolean yd_idempotency_end(YdRequest *request, YdIdempotency *key, GError **error);
