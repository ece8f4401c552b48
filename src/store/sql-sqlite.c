// SPDX-License-Identifier: Apache-2.0
// The SQL seam on SQLite: WAL, so that readers never wait; foreign keys; statements kept.
#include "store/sql.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

#define BUSY_MS 10000
#define STATEMENTS_MAX 256 // kept; lists make new texts by their filters

struct _YdSql {
    sqlite3 *db;
    char *path;
    GHashTable *statements; // text (owned by the statement) -> YdStatement
    gboolean turn;          // this connection has the turn to write
};

struct _YdStatement {
    YdSql *sql;
    sqlite3_stmt *stmt;
    char *text;
    gboolean busy, kept; // busy: handed out; kept: in sql->statements
};

// The column in "UNIQUE constraint failed: users.username" (the last one of several).
static const char *
constraint_column(const char *message)
{
    const char *dot = strrchr(message, '.');
    return dot && dot[1] ? dot + 1 : "value";
}

static gboolean
fail_constraint(YdSql *sql, int code, GError **error)
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
fail(YdSql *sql, int code, GError **error)
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
    YdStatement *statement = data;
    sqlite3_finalize(statement->stmt);
    g_free(statement->text);
    g_free(statement);
}

static gboolean
check_damage(YdSql *sql, GError **error)
{
    g_autoptr(YdStatement) statement = yd_sql_query(sql, error, "PRAGMA quick_check(1)", "");
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
set_up(YdSql *sql, gboolean check, GError **error)
{
    sqlite3_extended_result_codes(sql->db, 1);
    sqlite3_busy_timeout(sql->db, BUSY_MS);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(sql->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_create_function_v2(sql->db, "yd_contains", 2,
                               SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                               sql_contains, NULL, NULL, NULL);
    // NORMAL: a power failure may lose the newest commits but never damages the file.
    if (!yd_sql_script(sql,
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
take_turn(YdSql *sql)
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
give_turn(YdSql *sql)
{
    if (!sql->turn)
        return;
    sql->turn = FALSE;
    g_mutex_lock(&turn_lock);
    turn_taken = FALSE;
    g_cond_signal(&turn_free);
    g_mutex_unlock(&turn_lock);
}

YdSql *
yd_sql_open(const char *path, gboolean check, GError **error)
{
    YdSql *sql = g_new0(YdSql, 1);
    sql->path = g_strdup(path);
    make_private(path);
    sql->statements = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, statement_free);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path, &sql->db, flags, NULL);
    if (code != SQLITE_OK)
        fail(sql, code, error);
    if (code != SQLITE_OK || !set_up(sql, check, error)) {
        yd_sql_close(sql);
        return NULL;
    }
    return sql;
}

void
yd_sql_close(YdSql *sql)
{
    if (!sql)
        return;
    give_turn(sql);
    g_hash_table_unref(sql->statements);
    sqlite3_close_v2(sql->db);
    g_free(sql->path);
    g_free(sql);
}

gboolean
yd_sql_copy(YdSql *sql, const char *path, GError **error)
{
    g_unlink(path);
    int fd = g_open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "%s can't be made: %s", path,
                    g_strerror(errno));
        return FALSE;
    }
    close(fd);
    if (yd_sql_run(sql, NULL, error, "VACUUM INTO ?", "t", path))
        return TRUE;
    g_unlink(path);
    return FALSE;
}

gboolean
yd_sql_script(YdSql *sql, const char *text, GError **error)
{
    int code = sqlite3_exec(sql->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK || fail(sql, code, error);
}

static gboolean
is_idle(gpointer text, gpointer statement, gpointer data)
{
    return !((YdStatement *)statement)->busy;
}

static YdStatement *
statement_get(YdSql *sql, const char *text, GError **error)
{
    YdStatement *kept = g_hash_table_lookup(sql->statements, text);
    if (kept && !kept->busy) {
        kept->busy = TRUE;
        return kept;
    }
    if (g_hash_table_size(sql->statements) >= STATEMENTS_MAX)
        g_hash_table_foreach_remove(sql->statements, is_idle, NULL);
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v3(sql->db, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (code != SQLITE_OK) {
        fail(sql, code, error);
        return NULL;
    }
    YdStatement *statement = g_new0(YdStatement, 1);
    *statement = (YdStatement){sql, stmt, g_strdup(text), TRUE, kept == NULL};
    if (!kept)
        g_hash_table_insert(sql->statements, statement->text, statement);
    return statement;
}

YdStatement *
yd_sql_query_va(YdSql *sql, GError **error, const char *text, const char *types, va_list args)
{
    YdStatement *statement = statement_get(sql, text, error);
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
    sqlite3_bind_text(statement->stmt, index, value, -1, SQLITE_TRANSIENT);
}

void
yd_statement_bind_int(YdStatement *statement, int index, gint64 value)
{
    sqlite3_bind_int64(statement->stmt, index, value);
}

void
yd_statement_bind_double(YdStatement *statement, int index, double value)
{
    sqlite3_bind_double(statement->stmt, index, value);
}

gboolean
yd_statement_step(YdStatement *statement, gboolean *ret_row, GError **error)
{
    int code = sqlite3_step(statement->stmt);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return fail(statement->sql, code, error);
    *ret_row = code == SQLITE_ROW;
    return TRUE;
}

void
yd_statement_done(YdStatement *statement)
{
    if (!statement)
        return;
    if (!statement->kept) {
        statement_free(statement);
        return;
    }
    sqlite3_reset(statement->stmt);
    sqlite3_clear_bindings(statement->stmt);
    statement->busy = FALSE;
}

const char *
yd_statement_text(YdStatement *statement, int column)
{
    return (const char *)sqlite3_column_text(statement->stmt, column);
}

gint64
yd_statement_int(YdStatement *statement, int column)
{
    return sqlite3_column_int64(statement->stmt, column);
}

double
yd_statement_double(YdStatement *statement, int column)
{
    return sqlite3_column_double(statement->stmt, column);
}

gboolean
yd_statement_is_null(YdStatement *statement, int column)
{
    return sqlite3_column_type(statement->stmt, column) == SQLITE_NULL;
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
    return sqlite3_changes64(sql->db);
}

gboolean
yd_sql_begin(YdSql *sql, GError **error)
{
    take_turn(sql);
    gboolean begun = yd_sql_run(sql, NULL, error, "BEGIN IMMEDIATE", "");
    if (!begun)
        give_turn(sql);
    return begun;
}

gboolean
yd_sql_commit(YdSql *sql, GError **error)
{
    gboolean done = yd_sql_run(sql, NULL, error, "COMMIT", "");
    if (!yd_sql_in_transaction(sql))
        give_turn(sql);
    return done;
}

void
yd_sql_rollback(YdSql *sql)
{
    // Nothing to report: when it fails the database has rolled back by itself.
    if (yd_sql_in_transaction(sql))
        sqlite3_exec(sql->db, "ROLLBACK", NULL, NULL, NULL);
    give_turn(sql);
}

gboolean
yd_sql_in_transaction(YdSql *sql)
{
    return !sqlite3_get_autocommit(sql->db);
}
