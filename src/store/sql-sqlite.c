// SPDX-License-Identifier: Apache-2.0
// The SQL seam on SQLite: WAL, so that readers never wait; foreign keys; statements kept.
#include "store/sql-driver.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define BUSY_MS 10000
#define STATEMENTS_MAX 256 // kept; lists make new texts by their filters

typedef struct {
    YdSql base;
    sqlite3 *db;
    char *path;
    GHashTable *statements; // text (owned by the statement) -> YdStatement
    gboolean turn;          // this connection has the turn to write
} Sqlite;

typedef struct {
    YdStatement base;
    sqlite3_stmt *stmt;
    char *text;
    gboolean busy, kept; // busy: handed out; kept: in sql->statements
} Statement;

static Sqlite *
of(YdSql *sql)
{
    return (Sqlite *)(gpointer)sql;
}

static sqlite3_stmt *
stmt_of(YdStatement *statement)
{
    return ((Statement *)(gpointer)statement)->stmt;
}

// The column in "UNIQUE constraint failed: users.username" (the last one of several).
static const char *
constraint_column(const char *message)
{
    const char *dot = strrchr(message, '.');
    return dot && dot[1] ? dot + 1 : "value";
}

static gboolean
fail_constraint(Sqlite *sql, int code, GError **error)
{
    const char *message = sqlite3_errmsg(sql->db);
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "%s is taken", constraint_column(message));
        return FALSE;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        g_set_error_literal(error, YD_ERROR, YD_ERROR_IN_USE, "Other rows need it");
        return FALSE;
    case SQLITE_CONSTRAINT_NOTNULL:
        return yd_error_invalid(error, constraint_column(message), "must be given");
    case SQLITE_CONSTRAINT_CHECK: {
        const char *colon = strrchr(message, ':');
        return yd_error_invalid(error, NULL, "A value is out of bounds:%s", colon ? colon + 1 : "");
    }
    default:
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "Store: %s", message);
        return FALSE;
    }
}

static gboolean
fail(Sqlite *sql, int code, GError **error)
{
    YdErrorCode kind = YD_ERROR_INTERNAL;
    const char *advice = "";
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
        return fail_constraint(sql, code, error);
    case SQLITE_FULL:
        kind = YD_ERROR_NO_SPACE;
        advice = "; make room on the disk";
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        kind = YD_ERROR_UNAVAILABLE;
        advice = "; it is busy, try again";
        break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        kind = YD_ERROR_UNAVAILABLE;
        advice = "; check that the file and its folder can be written";
        break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        advice = "; the file is damaged, restore it from a backup";
        break;
    case SQLITE_IOERR:
        if (sql->db && sqlite3_system_errno(sql->db) == ENOSPC) {
            kind = YD_ERROR_NO_SPACE;
            advice = "; make room on the disk";
        }
        break;
    default:
        break;
    }
    g_set_error(error, YD_ERROR, kind, "The store %s: %s%s", sql->path,
                sql->db ? sqlite3_errmsg(sql->db) : sqlite3_errstr(code), advice);
    return FALSE;
}

// yd_contains(text, part): part is compared without regard to case, as Unicode folds it.
static void
sql_contains(sqlite3_context *context, int n, sqlite3_value **values)
{
    const char *text = (const char *)sqlite3_value_text(values[0]);
    const char *part = (const char *)sqlite3_value_text(values[1]);
    gboolean found = FALSE;
    if (text && part && g_str_is_ascii(text) && g_str_is_ascii(part)) {
        found = strcasestr(text, part) != NULL;
    } else if (text && part) {
        g_autofree char *folded = g_utf8_casefold(text, -1);
        g_autofree char *wanted = g_utf8_casefold(part, -1);
        found = strstr(folded, wanted) != NULL;
    }
    sqlite3_result_int(context, found);
}

static void
statement_free(gpointer data)
{
    Statement *statement = data;
    sqlite3_finalize(statement->stmt);
    g_free(statement->text);
    g_free(statement);
}

static gboolean
check_damage(Sqlite *sql, GError **error)
{
    g_autoptr(YdStatement) statement = yd_sql_query(&sql->base, error, "PRAGMA quick_check(1)", "");
    gboolean row = FALSE;
    if (!statement || !yd_statement_step(statement, &row, error))
        return FALSE;
    const char *answer = row ? yd_statement_text(statement, 0) : "no answer";
    if (g_strcmp0(answer, "ok") == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL,
                "The store %s is damaged (%s); restore it from a backup", sql->path, answer);
    return FALSE;
}

static gboolean
set_up(Sqlite *sql, gboolean check, GError **error)
{
    sqlite3_extended_result_codes(sql->db, 1);
    sqlite3_busy_timeout(sql->db, BUSY_MS);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_create_function_v2(sql->db, "yd_contains", 2,
                               SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                               sql_contains, NULL, NULL, NULL);
    // NORMAL: a power failure may lose the newest commits but never damages the file.
    if (!yd_sql_script(&sql->base,
                       "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
                       "PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
                       "PRAGMA cache_size = -2048; PRAGMA mmap_size = 268435456;"
                       "PRAGMA journal_size_limit = 67108864;",
                       error))
        return FALSE;
    return !check || check_damage(sql, error);
}

// Makes the file readable by its owner only (SQLite would ask the umask); its -wal and -shm take
// the mode over. By a link, as SQLite's locks do not survive that somebody else in this process
// closes the file. Where it fails the opening of SQLite will say why.
static void
make_private(const char *path)
{
    if (path[0] == ':' || g_file_test(path, G_FILE_TEST_EXISTS))
        return;
    g_autofree char *temporary = g_strconcat(path, ".XXXXXX", NULL);
    int fd = g_mkstemp_full(temporary, O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    close(fd);
    if (link(temporary, path) != 0 && errno != EEXIST)
        g_debug("%s can't be linked (%s), ignoring", path, g_strerror(errno));
    g_unlink(temporary);
}

// Writers of one process take turns: SQLite has those that find the file locked sleep and try
// again, which among a hundred threads is neither fair nor cheap. Only a courtesy: who has waited
// for too long goes on, and SQLite's own lock decides.
static GMutex turn_lock;
static GCond turn_free;
static gboolean turn_taken;

static void
take_turn(Sqlite *sql)
{
    gint64 until = g_get_monotonic_time() + BUSY_MS * 1000;
    gboolean waiting = TRUE;
    g_mutex_lock(&turn_lock);
    while (turn_taken && waiting)
        waiting = g_cond_wait_until(&turn_free, &turn_lock, until);
    sql->turn = !turn_taken;
    turn_taken = TRUE;
    g_mutex_unlock(&turn_lock);
}

static void
give_turn(Sqlite *sql)
{
    if (!sql->turn)
        return;
    sql->turn = FALSE;
    g_mutex_lock(&turn_lock);
    turn_taken = FALSE;
    g_cond_signal(&turn_free);
    g_mutex_unlock(&turn_lock);
}

static void
close_it(YdSql *sql)
{
    Sqlite *self = of(sql);
    give_turn(self);
    g_hash_table_unref(self->statements);
    sqlite3_close_v2(self->db);
    g_free(self->path);
    g_free(self);
}

static YdSql *
open_it(const char *path, gboolean check, GError **error)
{
    Sqlite *sql = g_new0(Sqlite, 1);
    sql->base.driver = &yd_sql_sqlite;
    sql->path = g_strdup(path);
    make_private(path);
    sql->statements = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, statement_free);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path, &sql->db, flags, NULL);
    if (code != SQLITE_OK)
        fail(sql, code, error);
    if (code != SQLITE_OK || !set_up(sql, check, error)) {
        close_it(&sql->base);
        return NULL;
    }
    return &sql->base;
}

static gboolean
has_table(YdSql *sql, const char *table, gboolean *ret_there, GError **error)
{
    g_autoptr(YdStatement) statement = yd_sql_query(
        sql, error, "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", "t", table);
    return statement && yd_statement_step(statement, ret_there, error);
}

static gboolean
script(YdSql *sql, const char *text, GError **error)
{
    int code = sqlite3_exec(of(sql)->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK || fail(of(sql), code, error);
}

static gboolean
is_idle(gpointer text, gpointer statement, gpointer data)
{
    return !((Statement *)statement)->busy;
}

static YdStatement *
prepare(YdSql *base, const char *text, GError **error)
{
    Sqlite *sql = of(base);
    Statement *kept = g_hash_table_lookup(sql->statements, text);
    if (kept && !kept->busy) {
        kept->busy = TRUE;
        return &kept->base;
    }
    if (g_hash_table_size(sql->statements) >= STATEMENTS_MAX)
        g_hash_table_foreach_remove(sql->statements, is_idle, NULL);
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (code != SQLITE_OK) {
        fail(sql, code, error);
        return NULL;
    }
    Statement *statement = g_new0(Statement, 1);
    *statement = (Statement){{base}, stmt, g_strdup(text), TRUE, kept == NULL};
    if (!kept)
        g_hash_table_insert(sql->statements, statement->text, statement);
    return &statement->base;
}

static void
bind_text(YdStatement *statement, int index, const char *value)
{
    sqlite3_bind_text(stmt_of(statement), index, value, -1, SQLITE_TRANSIENT);
}

static void
bind_int(YdStatement *statement, int index, gint64 value)
{
    sqlite3_bind_int64(stmt_of(statement), index, value);
}

static void
bind_double(YdStatement *statement, int index, double value)
{
    sqlite3_bind_double(stmt_of(statement), index, value);
}

static gboolean
step(YdStatement *statement, gboolean *ret_row, GError **error)
{
    int code = sqlite3_step(stmt_of(statement));
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return fail(of(statement->sql), code, error);
    *ret_row = code == SQLITE_ROW;
    return TRUE;
}

static void
done(YdStatement *base)
{
    Statement *statement = (Statement *)(gpointer)base;
    if (!statement->kept) {
        statement_free(statement);
        return;
    }
    sqlite3_reset(statement->stmt);
    sqlite3_clear_bindings(statement->stmt);
    statement->busy = FALSE;
}

static const char *
text(YdStatement *statement, int column)
{
    return (const char *)sqlite3_column_text(stmt_of(statement), column);
}

static gint64
integer(YdStatement *statement, int column)
{
    return sqlite3_column_int64(stmt_of(statement), column);
}

static double
real(YdStatement *statement, int column)
{
    return sqlite3_column_double(stmt_of(statement), column);
}

static gboolean
is_null(YdStatement *statement, int column)
{
    return sqlite3_column_type(stmt_of(statement), column) == SQLITE_NULL;
}

static int
columns(YdStatement *statement)
{
    return sqlite3_column_count(stmt_of(statement));
}

static gint64
changes(YdSql *sql)
{
    return sqlite3_changes64(of(sql)->db);
}

static gboolean
in_transaction(YdSql *sql)
{
    return !sqlite3_get_autocommit(of(sql)->db);
}

static gboolean
begin(YdSql *sql, GError **error)
{
    take_turn(of(sql));
    gboolean begun = yd_sql_run(sql, NULL, error, "BEGIN IMMEDIATE", "");
    if (!begun)
        give_turn(of(sql));
    return begun;
}

static gboolean
commit(YdSql *sql, GError **error)
{
    gboolean committed = yd_sql_run(sql, NULL, error, "COMMIT", "");
    if (!in_transaction(sql))
        give_turn(of(sql));
    return committed;
}

static void
rollback(YdSql *sql)
{
    // Nothing to report: when it fails the database has rolled back by itself.
    if (in_transaction(sql))
        sqlite3_exec(of(sql)->db, "ROLLBACK", NULL, NULL, NULL);
    give_turn(of(sql));
}

const YdSqlDriver yd_sql_sqlite = {
    .dialect = "sqlite",
    .open = open_it,
    .close = close_it,
    .has_table = has_table,
    .script = script,
    .prepare = prepare,
    .bind_text = bind_text,
    .bind_int = bind_int,
    .bind_double = bind_double,
    .step = step,
    .done = done,
    .text = text,
    .integer = integer,
    .real = real,
    .is_null = is_null,
    .columns = columns,
    .changes = changes,
    .begin = begin,
    .commit = commit,
    .rollback = rollback,
    .in_transaction = in_transaction,
};
