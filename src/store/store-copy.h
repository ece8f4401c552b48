// SPDX-License-Identifier: Apache-2.0
// Moving the store from one database to another: SQLite to MariaDB, back, or between two of a kind.
#pragma once

#include <glib.h>

// Told after each table.
typedef void (*YdCopyProgress)(const char *table, gint64 rows, gpointer data);

// Copies every row of the database `from` to `to` (each as for yd_store_open()), then reads both
// and compares each row by its SHA-256. Nobody else may use either meanwhile. `from` is only read
// and must have the newest schema; `to` is made where there is none and must have no rows. After an
// error `to` may be half full, and says so. STATE: from is old or missing, to is not empty; EXISTS:
// two values that differ in `from` are the same name in `to`.
gboolean yd_store_copy_all(const char *from, const char *to, YdCopyProgress progress, gpointer data,
                           GError **error);

// The second half alone: whether all rows are the same. STATE names the first table and row that
// differ.
gboolean yd_store_compare_all(const char *from, const char *to, YdCopyProgress progress,
                              gpointer data, GError **error);
