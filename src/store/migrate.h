// SPDX-License-Identifier: Apache-2.0
// Takes the schema up, step by step and forward only. The steps are sql/NNNN-what.sql; MariaDB has
// twins of them, NNNN-what.mariadb.sql, and begins with one step for all before.
#pragma once

#include "store/sql.h"

typedef struct {
    gint64 number; // without gaps
    const char *name, *text;
} YdMigration;

extern const YdMigration yd_migrations[], yd_migrations_mariadb[];
extern const guint yd_n_migrations, yd_n_migrations_mariadb;

// The steps of the database's dialect.
const YdMigration *yd_migrations_of(const YdSql *sql, guint *ret_n);

// Runs the steps that the database has not had, up to (with) the number upto; 0: all. On SQLite
// each is a transaction of its own; on MariaDB a step that was interrupted is run again. STATE when
// the database had steps that this program does not know.
gboolean yd_migrate(YdSql *sql, gint64 upto, GError **error);

// The number of the newest step that the database has had; 0: none at all.
gboolean yd_migrate_present(YdSql *sql, gint64 *ret_number, GError **error);
