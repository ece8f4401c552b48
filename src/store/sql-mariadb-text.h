// SPDX-License-Identifier: Apache-2.0
// The few places where SQL that SQLite takes must read otherwise for MariaDB. Pure.
#pragma once

#include <glib.h>

// The text as MariaDB takes it (owned): yd_contains(column, ?) becomes a search that folds the
// case, and columns whose names MariaDB keeps for itself ("load") are quoted. What stands between
// quotes is left alone.
char *yd_mariadb_text(const char *text);

// Whether the statement writes (INSERT, UPDATE, DELETE, REPLACE).
gboolean yd_mariadb_writes(const char *text);
