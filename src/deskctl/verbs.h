// SPDX-License-Identifier: Apache-2.0
// The commands that are the same for every noun; the tables in cmd-<noun>.c name them.
#pragma once

#include "deskctl/ctl.h"

// Of the lists of people and of what is theirs.
extern const CtlOption ctl_list_options[];

gboolean ctl_run_list(Ctl *ctl, GError **error);   // GET /plural
gboolean ctl_run_show(Ctl *ctl, GError **error);   // GET /plural/{id} for each word
gboolean ctl_run_add(Ctl *ctl, GError **error);    // POST /plural, the word is the name
gboolean ctl_run_edit(Ctl *ctl, GError **error);   // PATCH /plural/{id}
gboolean ctl_run_delete(Ctl *ctl, GError **error); // DELETE /plural/{id} for each word
gboolean ctl_run_act(Ctl *ctl, GError **error);    // POST /plural/{id}/act for each word

// The list options as a query on path, printed with those columns.
gboolean ctl_list(Ctl *ctl, const char *path, const CtlColumn *columns, GError **error);

// PATCH of one object's members and its answer, owned; a 202's job is waited for.
json_t *ctl_patch(Ctl *ctl, const CtlNoun *noun, const char *id, const json_t *body,
                  const json_t *if_match, GError **error);

// Does something with each word's object (found by the command's noun): asks first when the
// command's flags say so, tells each failure and goes on.
typedef gboolean (*CtlEach)(Ctl *ctl, const json_t *object, const char *name, GError **error);
gboolean ctl_each(Ctl *ctl, CtlEach func, GError **error);

// The name by which the noun's object is known; borrowed.
const char *ctl_name_of(const CtlNoun *noun, const json_t *object);
