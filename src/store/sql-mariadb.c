// SPDX-License-Identifier: Apache-2.0
// The SQL seam on MariaDB. Three things make it mean what it means on SQLite:
//
// One writer at a time. Each transaction begins by counting up one row of the table store_turns. On
// one server that row's lock is the turn to write. On a cluster of Galera two transactions that
// were begun on different nodes conflict in it, so that the later one is rolled back.
//
// Repeating. The statements of a transaction are kept, with a digest of what each answered. When
// the transaction was rolled back (conflict, server gone) it is begun anew and they are run again.
// As long as all answers are the same the caller can't tell it from a transaction that began later.
// When one differs the caller gets UNAVAILABLE and nothing was done.
//
// Certainty. Each transaction also counts up a row of its own connection. When the server goes
// during COMMIT that row tells, read under the turn, whether it was carried out.
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "store/sql-driver.h"
#include "store/sql-mariadb-link.h"
#include "store/sql-mariadb-text.h"

#define TRIES 12
#define PAUSE_MS 5            // doubled with each try, to at most
#define PAUSE_MAX_MS 500      // this
#define KEPT_MAX 20000        // statements of one transaction; more are not repeated
#define KEPT_BYTES (64 << 20) // likewise
#define OLD_MS (7 * G_GINT64_CONSTANT(86400000)) // rows of connections that never said good-bye
#define DIGEST 32                                // SHA-256

typedef struct {
    char *text;
    GArray *binds;
    int refused; // the code of the YD_ERROR that it was refused with; -1: it was not
    guint8 digest[DIGEST];
} Kept;

// How often and until when a transaction is begun anew.
typedef struct {
    guint n;
    gint64 until; // monotonic; 0: not begun yet
} Attempt;

typedef struct {
    YdSql base;
    YdMariadbLink *link;
    gboolean open;   // a transaction
    gboolean whole;  // all of its statements are in kept
    GPtrArray *kept; // of Kept
    gsize kept_bytes;
    gint64 changes;
    gint64 turns;     // committed by the present connection, as its row says
    gboolean counted; // the present connection has a row
} Mariadb;

typedef struct {
    YdStatement base;
    char *text;
    GArray *binds;
    YdMariadbResult *result; // NULL before the first step
    guint next;              // row; the present one is before it
} Statement;

static Mariadb *
of(YdSql *sql)
{
    return (Mariadb *)(gpointer)sql;
}

static Statement *
statement_of(YdStatement *statement)
{
    return (Statement *)(gpointer)statement;
}

// ---- binds and kept statements

static void
bind_clear(gpointer data)
{
    g_free(((YdMariadbBind *)data)->text);
}

static GArray *
binds_new(void)
{
    GArray *binds = g_array_new(FALSE, TRUE, sizeof(YdMariadbBind));
    g_array_set_clear_func(binds, bind_clear);
    return binds;
}

static void
kept_free(gpointer data)
{
    Kept *kept = data;
    g_free(kept->text);
    g_array_unref(kept->binds);
    g_free(kept);
}

static void
digest_of(const YdMariadbResult *result, guint8 *digest)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    gsize length = DIGEST;
    g_checksum_update(sum, (const guchar *)&result->affected, sizeof result->affected);
    for (guint i = 0; i < result->cells->len; i++) {
        const YdMariadbCell *cell = &g_array_index(result->cells, YdMariadbCell, i);
        g_checksum_update(sum, (const guchar *)&cell->kind, 1);
        if (cell->kind == 'i')
            g_checksum_update(sum, (const guchar *)&cell->number, sizeof cell->number);
        else if (cell->kind == 'd')
            g_checksum_update(sum, (const guchar *)&cell->real, sizeof cell->real);
        else if (cell->kind == 't')
            g_checksum_update(sum, (const guchar *)cell->text, (gssize)strlen(cell->text) + 1);
    }
    g_checksum_get_digest(sum, digest, &length);
}

static Kept *
kept_new(const char *text, GArray *binds, const YdMariadbResult *result, const GError *refusal)
{
    Kept *kept = g_new0(Kept, 1);
    kept->text = g_strdup(text);
    kept->binds = g_array_ref(binds);
    kept->refused = refusal ? refusal->code : -1;
    if (result)
        digest_of(result, kept->digest);
    return kept;
}

static void
keep(Mariadb *sql, const Statement *statement, const YdMariadbResult *result, const GError *refusal)
{
    if (!sql->whole)
        return;
    sql->kept_bytes += strlen(statement->text);
    for (guint i = 0; i < statement->binds->len; i++) {
        const char *text = g_array_index(statement->binds, YdMariadbBind, i).text;
        sql->kept_bytes += sizeof(YdMariadbBind) + (text ? strlen(text) : 0);
    }
    if (sql->kept->len >= KEPT_MAX || sql->kept_bytes > KEPT_BYTES) {
        sql->whole = FALSE;
        g_ptr_array_set_size(sql->kept, 0);
        return;
    }
    g_ptr_array_add(sql->kept, kept_new(statement->text, statement->binds, result, refusal));
}

static gboolean
same(const Kept *kept, YdMariadbOutcome outcome, const YdMariadbResult *result, const GError *error)
{
    guint8 digest[DIGEST];
    if (outcome == YD_MARIADB_REFUSED)
        return error && error->code == kept->refused;
    if (kept->refused >= 0)
        return FALSE;
    digest_of(result, digest);
    return memcmp(digest, kept->digest, DIGEST) == 0;
}

// ---- the turn

static void
forget(Mariadb *sql)
{
    sql->open = FALSE;
    sql->whole = TRUE;
    sql->kept_bytes = 0;
    g_ptr_array_set_size(sql->kept, 0);
}

static YdMariadbOutcome
connected(Mariadb *sql, GError **error)
{
    g_autofree char *before = g_strdup(yd_mariadb_link_writer(sql->link));
    if (!yd_mariadb_link_up(sql->link, error))
        return YD_MARIADB_REFUSED;
    if (g_strcmp0(before, yd_mariadb_link_writer(sql->link)) != 0) {
        sql->counted = FALSE;
        sql->turns = 0;
    }
    return YD_MARIADB_DONE;
}

static YdMariadbOutcome
add_writer(Mariadb *sql, gint64 now, GError **error)
{
    g_autofree char *text = g_strdup_printf(
        "INSERT IGNORE INTO store_turns (writer, turn, seen) VALUES ('', 1, 0); DELETE FROM "
        "store_turns WHERE seen < %" G_GINT64_FORMAT " AND writer <> ''; INSERT INTO store_turns "
        "(writer, turn, seen) VALUES ('%s', 1, %" G_GINT64_FORMAT ")",
        now - OLD_MS, yd_mariadb_link_writer(sql->link), now);
    sql->turns = 0;
    sql->counted = TRUE;
    return yd_mariadb_link_script(sql->link, text, NULL, error);
}

// Begins a transaction that has the turn.
static YdMariadbOutcome
take_turn(Mariadb *sql, GError **error)
{
    YdMariadbOutcome outcome = connected(sql, error);
    if (outcome != YD_MARIADB_DONE)
        return outcome;
    gint64 rows = 0, now = yd_now_ms();
    g_autofree char *text = g_strdup_printf(
        "START TRANSACTION; UPDATE store_turns SET turn = turn + 1, seen = %" G_GINT64_FORMAT
        " WHERE writer IN ('', '%s')",
        now, yd_mariadb_link_writer(sql->link));
    outcome = yd_mariadb_link_script(sql->link, text, &rows, error);
    if (outcome == YD_MARIADB_DONE && rows < 2)
        outcome = add_writer(sql, now, error);
    return outcome;
}

static void
undo(Mariadb *sql)
{
    if (yd_mariadb_link_in_transaction(sql->link) &&
        yd_mariadb_link_script(sql->link, "ROLLBACK", NULL, NULL) != YD_MARIADB_DONE)
        yd_mariadb_link_drop(sql->link);
}

static gboolean
may_try(Attempt *attempt)
{
    gint64 now = g_get_monotonic_time();
    if (attempt->until == 0)
        attempt->until = now + YD_MARIADB_WAIT_MS * 1000;
    return attempt->n < TRIES && now < attempt->until;
}

static void
pause_before(guint attempt)
{
    guint ms = MIN(PAUSE_MS << MIN(attempt, 10), PAUSE_MAX_MS);
    g_usleep((gulong)g_random_int_range(0, (gint32)ms * 1000 + 1));
}

// Runs the kept statements again; REFUSED when one answers otherwise than before.
static YdMariadbOutcome
run_kept(Mariadb *sql, GError **error)
{
    for (guint i = 0; i < sql->kept->len; i++) {
        const Kept *kept = sql->kept->pdata[i];
        g_autoptr(YdMariadbResult) result = NULL;
        g_autoptr(GError) cause = NULL;
        YdMariadbOutcome outcome =
            yd_mariadb_link_execute(sql->link, kept->text, kept->binds, &result, &cause);
        if (outcome == YD_MARIADB_CONFLICT || outcome == YD_MARIADB_LOST) {
            g_propagate_error(error, g_steal_pointer(&cause));
            return outcome;
        }
        if (!same(kept, outcome, result, cause)) {
            g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                        "The store %s: somebody else was quicker and changed what this was about; "
                        "nothing was done, try again",
                        yd_mariadb_link_name(sql->link));
            return YD_MARIADB_REFUSED;
        }
    }
    return YD_MARIADB_DONE;
}

// Begins the transaction, anew where it had begun, and brings it to where it was.
static gboolean
begin_again(Mariadb *sql, Attempt *attempt, GError **error)
{
    g_autoptr(GError) cause = NULL;
    if (sql->open && !sql->whole) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "The store %s rolled back a transaction that is too large to be repeated; "
                    "nothing was done, try again",
                    yd_mariadb_link_name(sql->link));
        return FALSE;
    }
    while (may_try(attempt)) {
        g_clear_error(&cause);
        if (attempt->n++ > 0) {
            undo(sql);
            pause_before(attempt->n);
        }
        YdMariadbOutcome outcome = take_turn(sql, &cause);
        if (outcome == YD_MARIADB_DONE)
            outcome = run_kept(sql, &cause);
        if (outcome == YD_MARIADB_DONE)
            return TRUE;
        if (outcome == YD_MARIADB_REFUSED)
            break;
    }
    undo(sql);
    g_propagate_error(error, cause ? g_steal_pointer(&cause)
                                   : g_error_new(YD_ERROR, YD_ERROR_UNAVAILABLE,
                                                 "The store %s rolled the transaction back "
                                                 "again and again; nothing was done, try again",
                                                 yd_mariadb_link_name(sql->link)));
    return FALSE;
}

// Whether the transaction whose COMMIT had no answer was carried out, by the row of the connection
// that is gone. Under the turn: on the same server that waits for it, on another node one of the
// two is rolled back. FALSE with an error: nobody knows.
static gboolean
settle(Mariadb *sql, const char *writer, gint64 turn, gboolean *ret_committed, GError **error)
{
    g_autoptr(GArray) binds = binds_new();
    YdMariadbBind bind = {.type = 't', .text = g_strdup(writer)};
    g_array_append_val(binds, bind);
    g_autoptr(GError) cause = NULL;
    for (guint i = 0; i < TRIES; i++) {
        g_autoptr(YdMariadbResult) result = NULL;
        g_clear_error(&cause);
        pause_before(i);
        YdMariadbOutcome outcome = take_turn(sql, &cause);
        if (outcome == YD_MARIADB_DONE)
            outcome = yd_mariadb_link_execute(
                sql->link, "SELECT turn FROM store_turns WHERE writer = ?", binds, &result, &cause);
        if (outcome == YD_MARIADB_DONE)
            outcome = yd_mariadb_link_script(sql->link, "COMMIT", NULL, &cause);
        if (outcome == YD_MARIADB_DONE) {
            sql->turns++;
            *ret_committed =
                result->rows > 0 && g_array_index(result->cells, YdMariadbCell, 0).number >= turn;
            return TRUE;
        }
        undo(sql);
        if (outcome == YD_MARIADB_REFUSED)
            break;
    }
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "The store %s went away while a change was being committed; look whether it was "
                "carried out before you try again (%s)",
                yd_mariadb_link_name(sql->link), cause ? cause->message : "no answer");
    return FALSE;
}

// ---- transactions

static gboolean
begin(YdSql *base, GError **error)
{
    Mariadb *sql = of(base);
    Attempt attempt = {0};
    forget(sql);
    sql->open = begin_again(sql, &attempt, error);
    return sql->open;
}

static gboolean
commit(YdSql *base, GError **error)
{
    Mariadb *sql = of(base);
    Attempt attempt = {.n = 1};
    gboolean committed = FALSE;
    if (!sql->open) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_INTERNAL, "There is no transaction");
        return FALSE;
    }
    while (!committed) {
        g_autoptr(GError) cause = NULL;
        g_autofree char *writer = g_strdup(yd_mariadb_link_writer(sql->link));
        gint64 turn = sql->turns + 1;
        YdMariadbOutcome outcome = yd_mariadb_link_script(sql->link, "COMMIT", NULL, &cause);
        committed = outcome == YD_MARIADB_DONE;
        if (committed) {
            sql->turns++;
            break;
        }
        // Whatever else it says, the row tells.
        if (outcome != YD_MARIADB_CONFLICT) {
            yd_mariadb_link_drop(sql->link);
            if (!settle(sql, writer, turn, &committed, error))
                break;
        }
        if (!committed && outcome == YD_MARIADB_REFUSED) {
            g_propagate_error(error, g_steal_pointer(&cause));
            break;
        }
        if (!committed && !begin_again(sql, &attempt, error))
            break;
    }
    forget(sql);
    return committed;
}

static void
rollback(YdSql *base)
{
    undo(of(base));
    forget(of(base));
}

static gboolean
in_transaction(YdSql *base)
{
    return of(base)->open;
}

// ---- statements

// One statement inside the transaction; the transaction is over when it could not be repeated.
static gboolean
run_inside(Mariadb *sql, Statement *statement, GError **error)
{
    Attempt attempt = {.n = 1};
    for (;;) {
        g_autoptr(GError) cause = NULL;
        YdMariadbResult *result = NULL;
        YdMariadbOutcome outcome =
            yd_mariadb_link_execute(sql->link, statement->text, statement->binds, &result, &cause);
        if (outcome == YD_MARIADB_DONE || outcome == YD_MARIADB_REFUSED) {
            keep(sql, statement, result, cause);
            statement->result = result;
            if (cause)
                g_propagate_error(error, g_steal_pointer(&cause));
            return outcome == YD_MARIADB_DONE;
        }
        if (!begin_again(sql, &attempt, error)) {
            forget(sql);
            return FALSE;
        }
    }
}

static gboolean
run_outside(Mariadb *sql, Statement *statement, GError **error)
{
    g_autoptr(GError) cause = NULL;
    for (guint i = 0; i < TRIES; i++) {
        g_clear_error(&cause);
        if (i > 0)
            pause_before(i);
        YdMariadbOutcome outcome = connected(sql, &cause);
        if (outcome == YD_MARIADB_DONE)
            outcome = yd_mariadb_link_execute(sql->link, statement->text, statement->binds,
                                              &statement->result, &cause);
        if (outcome == YD_MARIADB_DONE)
            return TRUE;
        if (outcome == YD_MARIADB_REFUSED)
            break;
    }
    g_propagate_error(error, g_steal_pointer(&cause));
    return FALSE;
}

// A single change has the turn, too: else it could come between what a transaction reads and
// writes.
static gboolean
run_alone(Mariadb *sql, Statement *statement, GError **error)
{
    if (!begin(&sql->base, error))
        return FALSE;
    if (run_inside(sql, statement, error) && commit(&sql->base, error))
        return TRUE;
    rollback(&sql->base);
    return FALSE;
}

static gboolean
run(Mariadb *sql, Statement *statement, GError **error)
{
    gboolean writes = yd_mariadb_writes(statement->text);
    gboolean good = sql->open ? run_inside(sql, statement, error)
                    : writes  ? run_alone(sql, statement, error)
                              : run_outside(sql, statement, error);
    if (good && writes)
        sql->changes = statement->result->affected;
    return good;
}

static YdStatement *
prepare(YdSql *sql, const char *text, GError **error)
{
    Statement *statement = g_new0(Statement, 1);
    statement->base.sql = sql;
    statement->text = g_strdup(text);
    statement->binds = binds_new();
    return &statement->base;
}

static void
bind(YdStatement *statement, int index, YdMariadbBind value)
{
    GArray *binds = statement_of(statement)->binds;
    if (binds->len < (guint)index)
        g_array_set_size(binds, (guint)index);
    YdMariadbBind *old = &g_array_index(binds, YdMariadbBind, index - 1);
    g_free(old->text);
    *old = value;
}

static void
bind_text(YdStatement *statement, int index, const char *value)
{
    bind(statement, index, (YdMariadbBind){.type = 't', .text = g_strdup(value)});
}

static void
bind_int(YdStatement *statement, int index, gint64 value)
{
    bind(statement, index, (YdMariadbBind){.type = 'i', .number = value});
}

static void
bind_double(YdStatement *statement, int index, double value)
{
    bind(statement, index, (YdMariadbBind){.type = 'd', .real = value});
}

static gboolean
step(YdStatement *base, gboolean *ret_row, GError **error)
{
    Statement *statement = statement_of(base);
    if (!statement->result && !run(of(base->sql), statement, error))
        return FALSE;
    *ret_row = statement->next < statement->result->rows;
    if (*ret_row)
        statement->next++;
    return TRUE;
}

static void
done(YdStatement *base)
{
    Statement *statement = statement_of(base);
    yd_mariadb_result_free(statement->result);
    g_array_unref(statement->binds);
    g_free(statement->text);
    g_free(statement);
}

static const YdMariadbCell *
cell(YdStatement *base, int column)
{
    const Statement *statement = statement_of(base);
    const YdMariadbResult *result = statement->result;
    return &g_array_index(result->cells, YdMariadbCell,
                          (statement->next - 1) * result->columns + (guint)column);
}

static const char *
text(YdStatement *base, int column)
{
    const YdMariadbCell *at = cell(base, column);
    char number[G_ASCII_DTOSTR_BUF_SIZE];
    if (at->kind == 't' || at->kind == '0')
        return at->kind == 't' ? at->text : NULL;
    if (at->kind == 'i')
        g_snprintf(number, sizeof number, "%" G_GINT64_FORMAT, at->number);
    else
        g_ascii_dtostr(number, sizeof number, at->real);
    return g_string_chunk_insert(statement_of(base)->result->texts, number);
}

static gint64
integer(YdStatement *base, int column)
{
    const YdMariadbCell *at = cell(base, column);
    return at->kind == 'i'   ? at->number
           : at->kind == 'd' ? (gint64)at->real
           : at->kind == 't' ? g_ascii_strtoll(at->text, NULL, 10)
                             : 0;
}

static double
real(YdStatement *base, int column)
{
    const YdMariadbCell *at = cell(base, column);
    return at->kind == 'd'   ? at->real
           : at->kind == 'i' ? (double)at->number
           : at->kind == 't' ? g_ascii_strtod(at->text, NULL)
                             : 0;
}

static gboolean
is_null(YdStatement *base, int column)
{
    return cell(base, column)->kind == '0';
}

static int
columns(YdStatement *base)
{
    const YdMariadbResult *result = statement_of(base)->result;
    return result ? (int)result->columns : 0;
}

static gint64
changes(YdSql *sql)
{
    return of(sql)->changes;
}

// ---- the schema

static gboolean
script(YdSql *base, const char *text, GError **error)
{
    Mariadb *sql = of(base);
    return connected(sql, error) == YD_MARIADB_DONE &&
           yd_mariadb_link_script(sql->link, text, NULL, error) == YD_MARIADB_DONE;
}

static gboolean
has_table(YdSql *sql, const char *table, gboolean *ret_there, GError **error)
{
    g_autoptr(YdStatement) statement =
        yd_sql_query(sql, error,
                     "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND "
                     "table_name = ?",
                     "t", table);
    return statement && yd_statement_step(statement, ret_there, error);
}

// Named locks count on one server only; on a cluster the steps are safe to be run twice.
static gboolean
lock_schema(YdSql *sql, GError **error)
{
    g_autoptr(YdStatement) statement =
        yd_sql_query(sql, error, "SELECT GET_LOCK(CONCAT('yundesk.', DATABASE()), 60)", "");
    gboolean row = FALSE, there = FALSE;
    if (!statement || !yd_statement_step(statement, &row, error))
        return FALSE;
    if (yd_statement_int(statement, 0) != 1) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "The store %s: another program has been changing the schema for a minute; try "
                    "again",
                    yd_mariadb_link_name(of(sql)->link));
        return FALSE;
    }
    return yd_sql_has_table(sql, "store_turns", &there, error) &&
           (there ||
            script(sql,
                   "ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;"
                   "CREATE TABLE IF NOT EXISTS store_turns (writer VARCHAR(64) NOT NULL PRIMARY "
                   "KEY, turn BIGINT NOT NULL, seen BIGINT NOT NULL) ENGINE=InnoDB;"
                   "INSERT IGNORE INTO store_turns (writer, turn, seen) VALUES ('', 0, 0)",
                   error));
}

static void
unlock_schema(YdSql *sql)
{
    g_autoptr(YdStatement) statement =
        yd_sql_query(sql, NULL, "SELECT RELEASE_LOCK(CONCAT('yundesk.', DATABASE()))", "");
    gboolean row = FALSE;
    yd_statement_step(statement, &row, NULL);
}

// ---- opening

static void
close_it(YdSql *base)
{
    Mariadb *sql = of(base);
    if (sql->counted && yd_mariadb_link_writer(sql->link)) {
        g_autofree char *text = g_strdup_printf("DELETE FROM store_turns WHERE writer = '%s'",
                                                yd_mariadb_link_writer(sql->link));
        undo(sql);
        yd_mariadb_link_script(sql->link, text, NULL, NULL); // else it goes after a week
    }
    yd_mariadb_link_free(sql->link);
    g_ptr_array_unref(sql->kept);
    g_free(sql);
}

static YdSql *
open_it(const char *url, gboolean check, GError **error)
{
    YdMariadbLink *link = yd_mariadb_link_new(url, error);
    if (!link)
        return NULL;
    Mariadb *sql = g_new0(Mariadb, 1);
    sql->base.driver = &yd_sql_mariadb;
    sql->link = link;
    sql->kept = g_ptr_array_new_with_free_func(kept_free);
    forget(sql);
    if (connected(sql, error) == YD_MARIADB_DONE)
        return &sql->base;
    close_it(&sql->base);
    return NULL;
}

const YdSqlDriver yd_sql_mariadb = {
    .dialect = "mariadb",
    .open = open_it,
    .close = close_it,
    .has_table = has_table,
    .lock_schema = lock_schema,
    .unlock_schema = unlock_schema,
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
