// SPDX-License-Identifier: Apache-2.0
// Runs the compiled-in steps of the schema.
#include "store/migrate.h"

#include "base/error.h"
#include "base/id.h"

static gboolean
present_step(YdSql *sql, gint64 *ret_number, GError **error)
{
    g_autoptr(YdStatement) statement =
        yd_sql_query(sql, error, "SELECT COALESCE(MAX(number), 0) FROM schema_steps", "");
    gboolean row = FALSE;
    if (!statement || !yd_statement_step(statement, &row, error))
        return FALSE;
    *ret_number = yd_statement_int(statement, 0);
    return TRUE;
}

static gboolean
run_step(YdSql *sql, const YdMigration *step, GError **error)
{
    gint64 present = 0;
    if (!yd_sql_begin(sql, error))
        return FALSE;
    // Read again under the lock: another thread or process may have been quicker.
    gboolean good = present_step(sql, &present, error);
    if (good && present < step->number) {
        good = yd_sql_script(sql, step->text, error) &&
               yd_sql_run(sql, NULL, error,
                          "INSERT INTO schema_steps (number, name, applied) VALUES (?, ?, ?)",
                          "iti", step->number, step->name, yd_now_ms());
        if (!good)
            g_prefix_error(error, "Step %s of the schema: ", step->name);
    }
    if (good && yd_sql_commit(sql, error))
        return TRUE;
    yd_sql_rollback(sql);
    return FALSE;
}

gboolean
yd_migrate(YdSql *sql, gint64 upto, GError **error)
{
    gint64 present = 0, newest = (gint64)yd_n_migrations;
    if (!yd_sql_script(sql,
                       "CREATE TABLE IF NOT EXISTS schema_steps (number INTEGER NOT NULL PRIMARY "
                       "KEY, name TEXT NOT NULL, applied INTEGER NOT NULL)",
                       error) ||
        !present_step(sql, &present, error))
        return FALSE;
    if (present > newest) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "The store has schema step %" G_GINT64_FORMAT
                    ", this program knows %" G_GINT64_FORMAT
                    "; it was used by a newer version, install that one",
                    present, newest);
        return FALSE;
    }
    for (gint64 i = present; i < (upto ? upto : newest); i++) {
        if (!run_step(sql, &yd_migrations[i], error))
            return FALSE;
    }
    return TRUE;
}
