// SPDX-License-Identifier: Apache-2.0
// Queries that only users, departments and log-ins need.
#include "store/store-people.h"

#include "store/store-private.h"

#define USE_STEP_MS 20000

// The first column of all rows.
static GPtrArray *
read_ids(YdStore *store, const char *sql, const char *user_id, GError **error)
{
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(YdStatement) statement = yd_sql_query(store->sql, error, sql, "t", user_id);
    gboolean row = statement != NULL;
    while (row) {
        if (!yd_statement_step(statement, &row, error))
            return NULL;
        if (row)
            g_ptr_array_add(ids, g_strdup(yd_statement_text(statement, 0)));
    }
    return statement ? g_steal_pointer(&ids) : NULL;
}

GPtrArray *
yd_store_managed_departments(YdStore *store, const char *user_id, GError **error)
{
    return read_ids(
        store,
        "SELECT department_id FROM department_managers WHERE user_id = ? ORDER BY department_id",
        user_id, error);
}

GPtrArray *
yd_store_member_departments(YdStore *store, const char *user_id, GError **error)
{
    return read_ids(
        store, "SELECT department_id FROM memberships WHERE user_id = ? ORDER BY department_id",
        user_id, error);
}

gboolean
yd_store_next_uid(YdStore *store, gint64 *ret_uid, GError **error)
{
    gint64 uid = 0;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    if (!tx ||
        !yd_store_read_int(
            yd_sql_query(store->sql, error, "SELECT value FROM counters WHERE name = 'uid'", ""),
            &uid, error) ||
        !yd_sql_run(store->sql, NULL, error, "UPDATE counters SET value = ? WHERE name = 'uid'",
                    "i", uid + 1) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    *ret_uid = uid;
    return TRUE;
}

YdLogin *
yd_store_login_by_token(YdStore *store, const char *token_hash, gint64 now, GError **error)
{
    g_autoptr(GError) cause = NULL;
    YdStatement *statement = yd_store_select(store, &cause, &yd_login_type,
                                             "token_hash = ? AND expires > ? AND user_enabled = 1",
                                             "ti", token_hash, now);
    YdLogin *login = yd_store_read_one(&yd_login_type, statement, &cause);
    if (cause)
        g_propagate_error(error, g_steal_pointer(&cause));
    else if (!login)
        g_set_error_literal(error, YD_ERROR, YD_ERROR_NOT_FOUND, "There is no such live log-in");
    return login;
}

gboolean
yd_store_login_used(YdStore *store, const char *login_id, gint64 now, GError **error)
{
    // Read first: mostly there is nothing to write, and readers wait for nobody.
    gint64 last = now;
    return yd_store_read_int(yd_sql_query(store->sql, error,
                                          "SELECT last_used FROM logins WHERE id = ?", "t",
                                          login_id),
                             &last, error) &&
           (last > now - USE_STEP_MS ||
            yd_sql_run(store->sql, NULL, error, "UPDATE logins SET last_used = ? WHERE id = ?",
                       "it", now, login_id));
}

gboolean
yd_store_end_logins(YdStore *store, const char *user_id, const char *except_id, gint64 *ret_ended,
                    GError **error)
{
    return yd_sql_run(store->sql, ret_ended, error,
                      "DELETE FROM logins WHERE user_id = ? AND id <> ?", "tt", user_id,
                      except_id ? except_id : "");
}

gboolean
yd_store_count_failure(YdStore *store, const char *user_id, gint64 limit, gint64 locked_until,
                       GError **error)
{
    return yd_sql_run(store->sql, NULL, error,
                      "UPDATE users SET failed_logins = failed_logins + 1, locked_until = CASE "
                      "WHEN failed_logins + 1 >= ? THEN ? ELSE locked_until END WHERE id = ?",
                      "iit", limit, locked_until, user_id);
}

gboolean
yd_store_count_login(YdStore *store, const char *user_id, const char *password_hash, gint64 now,
                     GError **error)
{
    return yd_sql_run(store->sql, NULL, error,
                      "UPDATE users SET failed_logins = 0, locked_until = 0, last_login = ?, "
                      "password = COALESCE(?, password) WHERE id = ?",
                      "itt", now, password_hash, user_id);
}
