// SPDX-License-Identifier: Apache-2.0
// The seam under the SQL text: connection, statement, transaction. Knows nothing of nouns. One file
// implements it (sql-sqlite.c); another database is another such file.
//
// Threads: a connection and its statements belong to one thread. Errors are YD_ERROR: EXISTS
// (unique), IN_USE (foreign key), INVALID (not null, check; names the column), NO_SPACE,
// UNAVAILABLE (busy for too long, can't open, read-only), INTERNAL.
#pragma once

#include <glib.h>

typedef struct _YdSql YdSql;
typedef struct _YdStatement YdStatement;

// Opens (makes) the database; check: reads all of it for damage first.
YdSql *yd_sql_open(const char *path, gboolean check, GError **error);
void yd_sql_close(YdSql *sql);

// Copies the whole database as of one moment to a new file of mode 0600, while others write. STATE
// where the database is no file.
gboolean yd_sql_copy(YdSql *sql, const char *path, GError **error);

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

// yd_sql_query() run to its end; ret_changed (may be NULL) is the number of rows changed.
gboolean yd_sql_run(YdSql *sql, gint64 *ret_changed, GError **error, const char *text,
                    const char *types, ...);

// Rows changed by the newest INSERT, UPDATE or DELETE.
gint64 yd_sql_changes(YdSql *sql);

// A write transaction from its beginning. in_transaction is FALSE also when the database rolled it
// back by itself (disk full).
gboolean yd_sql_begin(YdSql *sql, GError **error);
gboolean yd_sql_commit(YdSql *sql, GError **error);
void yd_sql_rollback(YdSql *sql);
gboolean yd_sql_in_transaction(YdSql *sql);

// SQL expressions that differ between dialects: whether column contains the parameter ("?"),
// whatever the case.
#define YD_SQL_CONTAINS "yd_contains(%s, ?)"
