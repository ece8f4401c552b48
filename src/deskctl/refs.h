// SPDX-License-Identifier: Apache-2.0
// Names in place of ids: people type "ann" or "office:2", the API wants usr-… and tpv-….
#pragma once

#include "deskctl/ctl.h"

// The object of that noun whose id or name is text; owned. NOT_FOUND names what is alike;
// YD_ERROR_INVALID lists the candidates when several have that name.
json_t *ctl_find(Ctl *ctl, const CtlNoun *noun, const char *text, GError **error);

// Only its id; an id is taken as it is, without asking the server. Owned.
char *ctl_find_id(Ctl *ctl, const CtlNoun *noun, const char *text, GError **error);

// The ids of all that an option names, as a JSON array (empty when it is not given); owned.
json_t *ctl_find_ids(Ctl *ctl, const CtlNoun *noun, const char *option, GError **error);

// The version "TEMPLATE" (the newest ready one), "TEMPLATE:NUMBER" or "tpv-…"; owned.
char *ctl_find_version(Ctl *ctl, const char *text, GError **error);

// All items of a list, page by page, at most limit (0: all); an array, owned. path may have a
// query.
json_t *ctl_fetch(Ctl *ctl, const char *path, guint limit, gboolean *ret_more, GError **error);

// Pure part: picks from items the one that text names. See ctl_find().
const json_t *ctl_pick(const CtlNoun *noun, const char *text, const json_t *items, GError **error);
