// SPDX-License-Identifier: Apache-2.0
// Runs the compiled-in steps of the schema.
#include "store/migrate.h"

#include "base/error.h"
#include "base/id.h"

const YdMigration *
yd_migrations_of(const YdSql *sql, guint *ret_n)
{
    gboolean mariadb = g_str_equal(yd_sql_dialect(sql), "mariadb");
    *ret_n = mariadb ? yd_n_migrations_mariadb : yd_n_migrations;
    return mariadb ? yd_migrations_mariadb : yd_migrations;
}

gboolean
yd_migrate_present(YdSql *sql, gint64 *ret_number, GError **error)
{
    gboolean there = FALSE, row = FALSE;
    *ret_number = 0;
    if (!yd_sql_has_table(sql, "schema_steps", &there, error))
        return FALSE;
    if (!there)
        return TRUE;
    g_autoptr(YdStatement) statement =
        yd_sql_query(sql, error, "SELECT COALESCE(MAX(number), 0) FROM schema_steps", "");
    if (!statement || !yd_statement_step(statement, &row, error))
        return FALSE;
    *ret_number = yd_statement_int(statement, 0);
    return TRUE;
}

// Unless another thread or process was quicker.
static gboolean
run_if_missing(YdSql *sql, const YdMigration *step, GError **error)
{
    gint64 present = 0;
    if (!yd_migrate_present(sql, &present, error))
        return FALSE;
    if (present >= step->number)
        return TRUE;
    if (yd_sql_script(sql, step->text, error) &&
        yd_sql_run(sql, NULL, error,
                   "INSERT INTO schema_steps (number, name, applied) VALUES (?, ?, ?)", "iti",
                   step->number, step->name, yd_now_ms()))
        return TRUE;
    g_prefix_error(error, "Step %s of the schema: ", step->name);
    return FALSE;
}

static gboolean
run_step(YdSql *sql, const YdMigration *step, GError **error)
{
    // MariaDB commits by itself before and after each CREATE or ALTER.
    if (g_str_equal(yd_sql_dialect(sql), "mariadb"))
        return run_if_missing(sql, step, error);
    if (!yd_sql_begin(sql, error))
        return FALSE;
    if (run_if_missing(sql, step, error) && yd_sql_commit(sql, error))
        return TRUE;
    yd_sql_rollback(sql);
    return FALSE;
}

static gboolean
run_steps(YdSql *sql, gint64 upto, GError **error)
{
    guint n = 0;
    const YdMigration *steps = yd_migrations_of(sql, &n);
    gboolean good =
        yd_sql_lock_schema(sql, error) &&
        yd_sql_script(sql,
                      "CREATE TABLE IF NOT EXISTS schema_steps (number INTEGER NOT NULL "
                      "PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)",
                      error);
    for (guint i = 0; good && i < n && steps[i].number <= upto; i++)
        good = run_step(sql, &steps[i], error);
    yd_sql_unlock_schema(sql);
    return good;
}

gboolean
yd_migrate(YdSql *sql, gint64 upto, GError **error)
{
    gint64 present = 0, newest = (gint64)yd_n_migrations;
    if (!yd_migrate_present(sql, &present, error))
        return FALSE;
    if (present > newest) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "The store has schema step %" G_GINT64_FORMAT
                    ", this program knows %" G_GINT64_FORMAT
                    "; it was used by a newer version, install that one",
                    present, newest);
        return FALSE;
    }
    return present >= (upto ? upto : newest) || run_steps(sql, upto ? upto : newest, error);
}
