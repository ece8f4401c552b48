// SPDX-License-Identifier: Apache-2.0
// Builds a request's JSON body from the options of a command that name a member of it.
#pragma once

#include "deskctl/ctl.h"

// Sets body's members from the options given. Names are looked up at the server.
gboolean ctl_body_fill(Ctl *ctl, json_t *body, GError **error);

// The value of KEY=VALUE as JSON: true, false, null, a whole number, else a text; and sets the
// member KEY of object ("a.b" goes deeper). Pure.
void ctl_pair_set(json_t *object, const char *pair);
