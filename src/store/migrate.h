// SPDX-License-Identifier: Apache-2.0
// Takes the schema up, step by step and forward only. The steps are sql/NNNN-what.sql.
#pragma once

#include "store/sql.h"

typedef struct {
    gint64 number; // from 1, without gaps
    const char *name, *text;
} YdMigration;

extern const YdMigration yd_migrations[];
extern const guint yd_n_migrations;

// Runs the steps that the database has not had, up to (with) the number upto; 0: all. Each is a
// transaction of its own. STATE when the database had steps that this program does not know.
gboolean yd_migrate(YdSql *sql, gint64 upto, GError **error);
