// SPDX-License-Identifier: Apache-2.0
// Which database it is, and what is the same for all of them.
#include "store/sql-driver.h"

#define MARIADB "mariadb://"

YdSql *
yd_sql_open(const char *where, gboolean check, GError **error)
{
    const YdSqlDriver *driver = g_str_has_prefix(where, MARIADB) ? &yd_sql_mariadb : &yd_sql_sqlite;
    return driver->open(where, check, error);
}

void
yd_sql_close(YdSql *sql)
{
    if (sql)
        sql->driver->close(sql);
}

const char *
yd_sql_dialect(const YdSql *sql)
{
    return sql->driver->dialect;
}

gboolean
yd_sql_has_table(YdSql *sql, const char *table, gboolean *ret_there, GError **error)
{
    return sql->driver->has_table(sql, table, ret_there, error);
}

gboolean
yd_sql_lock_schema(YdSql *sql, GError **error)
{
    return !sql->driver->lock_schema || sql->driver->lock_schema(sql, error);
}

void
yd_sql_unlock_schema(YdSql *sql)
{
    if (sql->driver->unlock_schema)
        sql->driver->unlock_schema(sql);
}

gboolean
yd_sql_script(YdSql *sql, const char *text, GError **error)
{
    return sql->driver->script(sql, text, error);
}

YdStatement *
yd_sql_query_va(YdSql *sql, GError **error, const char *text, const char *types, va_list args)
{
    YdStatement *statement = sql->driver->prepare(sql, text, error);
    if (!statement)
        return NULL;
    for (int i = 1; types[i - 1]; i++) {
        // NOLINTBEGIN(clang-analyzer-valist.Uninitialized): every caller has started it
        if (types[i - 1] == 't')
            yd_statement_bind_text(statement, i, va_arg(args, const char *));
        else if (types[i - 1] == 'd')
            yd_statement_bind_double(statement, i, va_arg(args, double));
        else
            yd_statement_bind_int(statement, i, va_arg(args, gint64));
        // NOLINTEND(clang-analyzer-valist.Uninitialized)
    }
    return statement;
}

YdStatement *
yd_sql_query(YdSql *sql, GError **error, const char *text, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    YdStatement *statement = yd_sql_query_va(sql, error, text, types, args);
    va_end(args);
    return statement;
}

void
yd_statement_bind_text(YdStatement *statement, int index, const char *value)
{
    statement->sql->driver->bind_text(statement, index, value);
}

void
yd_statement_bind_int(YdStatement *statement, int index, gint64 value)
{
    statement->sql->driver->bind_int(statement, index, value);
}

void
yd_statement_bind_double(YdStatement *statement, int index, double value)
{
    statement->sql->driver->bind_double(statement, index, value);
}

gboolean
yd_statement_step(YdStatement *statement, gboolean *ret_row, GError **error)
{
    return statement->sql->driver->step(statement, ret_row, error);
}

void
yd_statement_done(YdStatement *statement)
{
    if (statement)
        statement->sql->driver->done(statement);
}

const char *
yd_statement_text(YdStatement *statement, int column)
{
    return statement->sql->driver->text(statement, column);
}

gint64
yd_statement_int(YdStatement *statement, int column)
{
    return statement->sql->driver->integer(statement, column);
}

double
yd_statement_double(YdStatement *statement, int column)
{
    return statement->sql->driver->real(statement, column);
}

gboolean
yd_statement_is_null(YdStatement *statement, int column)
{
    return statement->sql->driver->is_null(statement, column);
}

int
yd_statement_columns(YdStatement *statement)
{
    return statement->sql->driver->columns(statement);
}

gboolean
yd_sql_run(YdSql *sql, gint64 *ret_changed, GError **error, const char *text, const char *types,
           ...)
{
    va_list args;
    va_start(args, types);
    g_autoptr(YdStatement) statement = yd_sql_query_va(sql, error, text, types, args);
    va_end(args);
    gboolean row = TRUE;
    while (statement && row) {
        if (!yd_statement_step(statement, &row, error))
            return FALSE;
    }
    if (statement && ret_changed)
        *ret_changed = yd_sql_changes(sql);
    return statement != NULL;
}

gint64
yd_sql_changes(YdSql *sql)
{
    return sql->driver->changes(sql);
}

gboolean
yd_sql_begin(YdSql *sql, GError **error)
{
    return sql->driver->begin(sql, error);
}

gboolean
yd_sql_commit(YdSql *sql, GError **error)
{
    return sql->driver->commit(sql, error);
}

void
yd_sql_rollback(YdSql *sql)
{
    sql->driver->rollback(sql);
}

gboolean
yd_sql_in_transaction(YdSql *sql)
{
    return sql->driver->in_transaction(sql);
}
