// SPDX-License-Identifier: Apache-2.0
// The seam under the SQL text: connection, statement, transaction. Knows nothing of nouns. Two
// files implement it, sql-sqlite.c and sql-mariadb.c; the texts are the same for both.
//
// Threads: a connection and its statements belong to one thread. Errors are YD_ERROR: EXISTS
// (unique; the message begins with the column), IN_USE (foreign key), INVALID (not null, check, too
// long; names the column), NO_SPACE, UNAVAILABLE (busy for too long, can't open, read-only, nobody
// answers, a transaction that could not be repeated: try again), INTERNAL.
#pragma once

#include <glib.h>

typedef struct _YdSql YdSql;
typedef struct _YdStatement YdStatement;

// Opens (makes) the database: the path of an SQLite file (":memory:"), or a URL of MariaDB as
// sql-mariadb-url.h describes it. check: reads all of an SQLite file for damage first.
YdSql *yd_sql_open(const char *where, gboolean check, GError **error);
void yd_sql_close(YdSql *sql);

// "sqlite" or "mariadb"; static.
const char *yd_sql_dialect(const YdSql *sql);

gboolean yd_sql_has_table(YdSql *sql, const char *table, gboolean *ret_there, GError **error);

// Around changes of the schema, which MariaDB does outside of transactions: one connection at a
// time. UNAVAILABLE when another one has it for longer than a minute.
gboolean yd_sql_lock_schema(YdSql *sql, GError **error);
void yd_sql_unlock_schema(YdSql *sql);

// Runs a script of several statements.
gboolean yd_sql_script(YdSql *sql, const char *text, GError **error);

// A prepared statement with its parameters bound. types has one letter for each "?": t const char *
// (NULL is SQL NULL), i gint64, d double. Prepared statements are kept by their text; give this one
// back by yd_statement_done() or g_autoptr before the connection is closed. Texts are copied.
YdStatement *yd_sql_query(YdSql *sql, GError **error, const char *text, const char *types, ...);

YdStatement *
yd_sql_query_va(YdSql *sql, GError **error, const char *text, const char *types, va_list args);

// Binds one more parameter (index from 1), for lists whose length is not known beforehand.
void yd_statement_bind_text(YdStatement *statement, int index, const char *value);
void yd_statement_bind_int(YdStatement *statement, int index, gint64 value);
void yd_statement_bind_double(YdStatement *statement, int index, double value);

// Goes to the next row; *ret_row FALSE at the end.
gboolean yd_statement_step(YdStatement *statement, gboolean *ret_row, GError **error);
void yd_statement_done(YdStatement *statement);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdStatement, yd_statement_done)

// Columns of the present row, from 0. Texts are borrowed until the next step; NULL is SQL NULL.
const char *yd_statement_text(YdStatement *statement, int column);
gint64 yd_statement_int(YdStatement *statement, int column);
double yd_statement_double(YdStatement *statement, int column);
gboolean yd_statement_is_null(YdStatement *statement, int column);
int yd_statement_columns(YdStatement *statement); // their number, after the first step

// yd_sql_query() run to its end; ret_changed (may be NULL) is the number of rows changed.
gboolean yd_sql_run(YdSql *sql, gint64 *ret_changed, GError **error, const char *text,
                    const char *types, ...);

// Rows changed by the newest INSERT, UPDATE or DELETE.
gint64 yd_sql_changes(YdSql *sql);

// A write transaction from its beginning: there is one at a time, over all connections, and what it
// reads nobody changes until it ends. in_transaction is FALSE also when the database rolled it
// back by itself (disk full).
gboolean yd_sql_begin(YdSql *sql, GError **error);
gboolean yd_sql_commit(YdSql *sql, GError **error);
void yd_sql_rollback(YdSql *sql);
gboolean yd_sql_in_transaction(YdSql *sql);

// Whether column contains the parameter ("?"), whatever the case: a function of our own in SQLite,
// an expression that sql-mariadb-text.h puts there in MariaDB.
#define YD_SQL_CONTAINS "yd_contains(%s, ?)"
