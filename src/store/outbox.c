// SPDX-License-Identifier: Apache-2.0
// Rows that tell what happened: the outbox of events, the audit log; besides settings and
// remembered answers (idempotency keys).
#include <string.h>

#include "base/id.h"
#include "store/store-private.h"

#define IDEMPOTENCY_MS (24 * G_GINT64_CONSTANT(3600000))

static gboolean
event_text(YdStore *store, const char *query, const char *id, char **ret_text, GError **error)
{
    *ret_text = NULL;
    return !query ||
           yd_store_read_text(yd_sql_query(store->sql, error, query, "t", id), ret_text, error);
}

gboolean
yd_store_prepare_event(YdStore *store, const YdRecordType *type, const char *id,
                       YdPendingEvent *event, GError **error)
{
    const YdScopeRule *rule = yd_scope_rule(type);
    return rule->silent ||
           (event_text(store, rule->event_user, id, &event->user_id, error) &&
            event_text(store, rule->event_departments, id, &event->department_ids, error));
}

gboolean
yd_store_emit(YdStore *store, const char *kind, const YdRecordType *type, const char *id,
              const YdPendingEvent *event, GError **error)
{
    return yd_scope_rule(type)->silent ||
           yd_store_event(store, kind, type->noun, id, event->user_id, event->department_ids,
                          error);
}

gboolean
yd_store_change_event(YdStore *store, const char *kind, const YdRecordType *type, const char *id,
                      GError **error)
{
    YdPendingEvent event = {0};
    gboolean good = yd_store_prepare_event(store, type, id, &event, error) &&
                    yd_store_emit(store, kind, type, id, &event, error);
    g_free(event.user_id);
    g_free(event.department_ids);
    return good;
}

gboolean
yd_store_event(YdStore *store, const char *kind, const char *noun, const char *object_id,
               const char *user_id, const char *department_ids, GError **error)
{
    return yd_sql_run(store->sql, NULL, error,
                      "INSERT INTO events (kind, noun, object_id, user_id, department_ids, "
                      "created) VALUES (?, ?, ?, ?, ?, ?)",
                      "ttttti", kind, noun, object_id, user_id, department_ids, yd_now_ms());
}

void
yd_event_free(YdEvent *event)
{
    if (!event)
        return;
    g_free(event->kind);
    g_free(event->noun);
    g_free(event->object_id);
    g_free(event->user_id);
    g_free(event->department_ids);
    g_free(event);
}

static void
free_event(gpointer event)
{
    yd_event_free(event);
}

static YdEvent *
read_event(YdStatement *statement)
{
    YdEvent *event = g_new0(YdEvent, 1);
    event->seq = yd_statement_int(statement, 0);
    event->kind = g_strdup(yd_statement_text(statement, 1));
    event->noun = g_strdup(yd_statement_text(statement, 2));
    event->object_id = g_strdup(yd_statement_text(statement, 3));
    event->user_id = g_strdup(yd_statement_text(statement, 4));
    event->department_ids = g_strdup(yd_statement_text(statement, 5));
    event->created = yd_statement_int(statement, 6);
    return event;
}

GPtrArray *
yd_store_events(YdStore *store, gint64 after, guint limit, gint64 *ret_oldest, gint64 *ret_newest,
                GError **error)
{
    g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func(free_event);
    gint64 oldest = 0, newest = 0;
    g_autoptr(YdStatement) statement = yd_sql_query(
        store->sql, error,
        "SELECT seq, kind, noun, object_id, user_id, department_ids, created FROM events "
        "WHERE seq > ? ORDER BY seq LIMIT ?",
        "ii", after, (gint64)limit);
    gboolean row = statement != NULL;
    while (row) {
        if (!yd_statement_step(statement, &row, error))
            return NULL;
        if (row)
            g_ptr_array_add(events, read_event(statement));
    }
    // Two queries: SQLite answers MIN or MAX alone from the index, both together by a scan.
    if (!statement ||
        !yd_store_read_int(yd_sql_query(store->sql, error, "SELECT MIN(seq) FROM events", ""),
                           &oldest, error) ||
        !yd_store_read_int(yd_sql_query(store->sql, error, "SELECT MAX(seq) FROM events", ""),
                           &newest, error))
        return NULL;
    if (ret_oldest)
        *ret_oldest = oldest;
    if (ret_newest)
        *ret_newest = newest;
    return g_steal_pointer(&events);
}

gboolean
yd_store_prune(YdStore *store, gint64 events_before, gint64 jobs_before, gint64 connections_before,
               GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    // The newest event stays, so that the newest number is known.
    return tx &&
           yd_sql_run(store->sql, NULL, error,
                      "DELETE FROM events WHERE created < ? AND seq < "
                      "(SELECT MAX(seq) FROM events)",
                      "i", events_before) &&
           yd_sql_run(store->sql, NULL, error,
                      "DELETE FROM jobs WHERE state IN ('done', 'failed', 'cancelled') AND "
                      "ended < ?",
                      "i", jobs_before) &&
           yd_sql_run(store->sql, NULL, error,
                      "DELETE FROM connections WHERE state = 'ended' AND ended < ?", "i",
                      connections_before) &&
           yd_sql_run(store->sql, NULL, error, "DELETE FROM idempotency WHERE created < ?", "i",
                      yd_now_ms() - IDEMPOTENCY_MS) &&
           yd_store_tx_commit(&tx, error);
}

gboolean
yd_store_audit(YdStore *store, const YdAudit *row, GError **error)
{
    g_autoptr(YdAudit) copy = yd_audit_copy(row);
    if (copy->time == 0)
        copy->time = yd_now_ms();
    return yd_store_insert(store, &yd_audit_type, copy, error);
}

char *
yd_store_setting(YdStore *store, const char *name, GError **error)
{
    char *value = NULL;
    yd_store_read_text(
        yd_sql_query(store->sql, error, "SELECT value FROM settings WHERE name = ?", "t", name),
        &value, error);
    return value;
}

gboolean
yd_store_set_setting(YdStore *store, const char *name, const char *json, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    return tx &&
           yd_sql_run(store->sql, NULL, error, "DELETE FROM settings WHERE name = ?", "t", name) &&
           (!json || yd_sql_run(store->sql, NULL, error,
                                "INSERT INTO settings (name, value, changed) VALUES (?, ?, ?)",
                                "tti", name, json, yd_now_ms())) &&
           yd_store_event(store, "changed", "settings", name, NULL, NULL, error) &&
           yd_store_tx_commit(&tx, error);
}

gboolean
yd_store_idempotent_get(YdStore *store, const char *user_id, const char *key,
                        const char *request_hash, gboolean *ret_known, guint *ret_status,
                        char **ret_body, GError **error)
{
    g_autoptr(YdStatement) statement =
        yd_sql_query(store->sql, error,
                     "SELECT request_hash, status, body FROM idempotency WHERE user_id = ? AND "
                     "request_key = ? AND created >= ?",
                     "tti", user_id, key, yd_now_ms() - IDEMPOTENCY_MS);
    gboolean row = FALSE;
    if (!statement || !yd_statement_step(statement, &row, error))
        return FALSE;
    if (row && g_strcmp0(yd_statement_text(statement, 0), request_hash) != 0)
        return yd_error_invalid(error, NULL,
                                "The Idempotency-Key was used for another request; take a new one");
    *ret_known = row;
    *ret_status = row ? (guint)yd_statement_int(statement, 1) : 0;
    *ret_body = row ? g_strdup(yd_statement_text(statement, 2)) : NULL;
    return TRUE;
}

gboolean
yd_store_idempotent_put(YdStore *store, const char *user_id, const char *key,
                        const char *request_hash, guint status, const char *body, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    return tx &&
           yd_sql_run(store->sql, NULL, error,
                      "DELETE FROM idempotency WHERE user_id = ? AND request_key = ? AND "
                      "created < ?",
                      "tti", user_id, key, yd_now_ms() - IDEMPOTENCY_MS) &&
           yd_sql_run(store->sql, NULL, error,
                      "INSERT INTO idempotency (user_id, request_key, request_hash, status, body, "
                      "created) VALUES (?, ?, ?, ?, ?, ?)",
                      "tttiti", user_id, key, request_hash, (gint64)status, body, yd_now_ms()) &&
           yd_store_tx_commit(&tx, error);
}
