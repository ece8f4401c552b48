// SPDX-License-Identifier: Apache-2.0
// Tables and lists of key and value as text. Pure: JSON in, text out.
#pragma once

#include <jansson.h>

#include "deskctl/command.h"

// The text of a cell: the member of that name ("a.b" goes deeper) as its kind says; "-" for null
// and what is missing. Cleaned for terminals; owned.
char *ctl_cell(const json_t *object, const CtlColumn *column);

// A table of the array's objects. columns ends by {0}. width 0: as wide as it gets; else the widest
// columns are cut until it fits. Each line ends by \n; owned.
char *ctl_table(const json_t *items, const CtlColumn *columns, gboolean header, guint width);

// "Title  value" lines of all members of an object, known columns first and as they are there,
// then the others; owned.
char *ctl_details(const json_t *object, const CtlColumn *columns);

// The columns that --columns names: those of the table where they are known, else plain members.
// CTL_USAGE when none of the items has such a member. Owned: g_free (the names live in text).
CtlColumn *ctl_columns_pick(const CtlColumn *known, const char *const *names, const json_t *items,
                            GError **error);
