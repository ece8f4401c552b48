// SPDX-License-Identifier: Apache-2.0
// What a database has to do for sql.h: one table of functions for each. Only sql.c and the drivers
// include it.
#pragma once

#include "store/sql.h"

typedef struct {
    const char *dialect;
    YdSql *(*open)(const char *where, gboolean check, GError **error);
    void (*close)(YdSql *sql);
    gboolean (*has_table)(YdSql *sql, const char *table, gboolean *ret_there, GError **error);
    gboolean (*lock_schema)(YdSql *sql, GError **error); // NULL: a transaction is enough
    void (*unlock_schema)(YdSql *sql);
    gboolean (*script)(YdSql *sql, const char *text, GError **error);
    YdStatement *(*prepare)(YdSql *sql, const char *text, GError **error);
    void (*bind_text)(YdStatement *statement, int index, const char *value);
    void (*bind_int)(YdStatement *statement, int index, gint64 value);
    void (*bind_double)(YdStatement *statement, int index, double value);
    gboolean (*step)(YdStatement *statement, gboolean *ret_row, GError **error);
    void (*done)(YdStatement *statement);
    const char *(*text)(YdStatement *statement, int column);
    gint64 (*integer)(YdStatement *statement, int column);
    double (*real)(YdStatement *statement, int column);
    gboolean (*is_null)(YdStatement *statement, int column);
    int (*columns)(YdStatement *statement);
    gint64 (*changes)(YdSql *sql);
    gboolean (*begin)(YdSql *sql, GError **error);
    gboolean (*commit)(YdSql *sql, GError **error);
    void (*rollback)(YdSql *sql);
    gboolean (*in_transaction)(YdSql *sql);
} YdSqlDriver;

extern const YdSqlDriver yd_sql_sqlite, yd_sql_mariadb;

// Each driver's own structs begin with these.
struct _YdSql {
    const YdSqlDriver *driver;
};
struct _YdStatement {
    YdSql *sql;
};
