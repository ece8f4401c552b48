// SPDX-License-Identifier: Apache-2.0
// Queries of the hot paths.
#include "store/store-connect.h"

#include "base/id.h"
#include "store/store-private.h"

void
yd_connect_facts_clear(YdConnectFacts *facts)
{
    char **texts[] = {&facts->state,       &facts->name,     &facts->host_id,
                      &facts->uuid,        &facts->access,   &facts->os,
                      &facts->ip,          &facts->owner_id, &facts->pool_id,
                      &facts->policy,      &facts->username, &facts->sealed,
                      &facts->certificate, &facts->dns_name, &facts->certificate_name,
                      &facts->pool_kind,   &facts->power};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_clear_pointer(texts[i], g_free);
}

#define FACTS                                                                                      \
    "SELECT d.state, d.name, d.host_id, d.uuid, t.access, t.os, a.ip, d.user_id, d.pool_id, "      \
    "p.policy, u.username, s.sealed, "                                                             \
    "p.enabled = 1 AND EXISTS (SELECT 1 FROM entitlements e WHERE e.pool_id = d.pool_id AND "      \
    "(e.user_id = d.user_id OR e.department_id IN (SELECT m.department_id FROM memberships m "     \
    "WHERE m.user_id = d.user_id))), "                                                             \
    "u.enabled, "                                                                                  \
    "EXISTS (SELECT 1 FROM logins l WHERE l.id = ? AND l.expires > ?), s.changed, d.certificate, " \
    "d.dns_name, d.certificate_name, d.certificate_expires, p.kind, p.power, u.uid "               \
    "FROM desktops d "                                                                             \
    "LEFT JOIN pools p ON p.id = d.pool_id "                                                       \
    "LEFT JOIN users u ON u.id = d.user_id "                                                       \
    "LEFT JOIN template_versions v ON v.id = d.template_version_id "                               \
    "LEFT JOIN templates t ON t.id = v.template_id "                                               \
    "LEFT JOIN addresses a ON a.desktop_id = d.id "                                                \
    "LEFT JOIN desktop_secrets s ON s.desktop_id = d.id "                                          \
    "WHERE d.id = ?"

gboolean
yd_store_connect_facts(YdStore *store, const char *desktop_id, const char *login_id, gint64 now,
                       YdConnectFacts *ret_facts, GError **error)
{
    g_autoptr(YdStatement) row =
        yd_sql_query(store->sql, error, FACTS, "tit", login_id, now, desktop_id);
    gboolean there = FALSE;
    if (!row || !yd_statement_step(row, &there, error))
        return FALSE;
    if (!there) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "There is no desktop with the id “%.100s”",
                    desktop_id);
        return FALSE;
    }
    *ret_facts = (YdConnectFacts){
        .state = g_strdup(yd_statement_text(row, 0)),
        .name = g_strdup(yd_statement_text(row, 1)),
        .host_id = g_strdup(yd_statement_text(row, 2)),
        .uuid = g_strdup(yd_statement_text(row, 3)),
        .access = g_strdup(yd_statement_text(row, 4)),
        .os = g_strdup(yd_statement_text(row, 5)),
        .ip = g_strdup(yd_statement_text(row, 6)),
        .owner_id = g_strdup(yd_statement_text(row, 7)),
        .pool_id = g_strdup(yd_statement_text(row, 8)),
        .policy = g_strdup(yd_statement_text(row, 9)),
        .username = g_strdup(yd_statement_text(row, 10)),
        .sealed = g_strdup(yd_statement_text(row, 11)),
        .entitled = yd_statement_int(row, 12) != 0,
        .user_enabled = yd_statement_int(row, 13) != 0,
        .login_alive = !login_id || yd_statement_int(row, 14) != 0,
        .sealed_changed = yd_statement_int(row, 15),
        .certificate = g_strdup(yd_statement_text(row, 16)),
        .dns_name = g_strdup(yd_statement_text(row, 17)),
        .certificate_name = g_strdup(yd_statement_text(row, 18)),
        .certificate_expires = yd_statement_int(row, 19),
        .pool_kind = g_strdup(yd_statement_text(row, 20)),
        .power = g_strdup(yd_statement_text(row, 21)),
        .uid = yd_statement_int(row, 22),
    };
    return TRUE;
}

gboolean
yd_store_secret_put(YdStore *store, const char *desktop_id, const char *sealed, GError **error)
{
    gint64 changed = 0;
    gint64 now = yd_now_ms();
    if (!yd_sql_run(store->sql, &changed, error,
                    "UPDATE desktop_secrets SET sealed = ?, changed = ? WHERE desktop_id = ?",
                    "tit", sealed, now, desktop_id))
        return FALSE;
    return changed > 0 ||
           yd_sql_run(store->sql, NULL, error,
                      "INSERT INTO desktop_secrets (desktop_id, sealed, changed) VALUES (?, ?, ?)",
                      "tti", desktop_id, sealed, now);
}

gboolean
yd_store_secret_delete(YdStore *store, const char *desktop_id, GError **error)
{
    return yd_sql_run(store->sql, NULL, error, "DELETE FROM desktop_secrets WHERE desktop_id = ?",
                      "t", desktop_id);
}

gboolean
yd_store_connections_shift(YdStore *store, gint64 by_ms, GError **error)
{
    return yd_sql_run(store->sql, NULL, error,
                      "UPDATE connections SET last_seen = last_seen + ?, expires = expires + ? "
                      "WHERE state <> 'ended'",
                      "ii", by_ms, by_ms);
}

gboolean
yd_store_connection_figures(YdStore *store, const YdConnection *c, gboolean tell, GError **error)
{
    return yd_sql_run(store->sql, NULL, error,
                      "UPDATE connections SET sockets = ?, bytes_up = ?, bytes_down = ?, "
                      "rtt_us = ?, min_rtt_us = ?, jitter_us = ?, loss_ppm = ?, lost = ?, "
                      "queue_us = ?, rate = ?, server_us = ?, first_byte_ms = ?, "
                      "first_picture_ms = ?, score = ?, score_reason = ?, last_seen = ? "
                      "WHERE id = ?",
                      "iiiiiiiiiiiiiitit", c->sockets, c->bytes_up, c->bytes_down, c->rtt_us,
                      c->min_rtt_us, c->jitter_us, c->loss_ppm, c->lost, c->queue_us, c->rate,
                      c->server_us, c->first_byte_ms, c->first_picture_ms, c->score,
                      c->score_reason, c->last_seen, c->id) &&
           (!tell || yd_store_change_event(store, "changed", &yd_connection_type, c->id, error));
}

GHashTable *
yd_store_session_quality(YdStore *store, GError **error)
{
    g_autoptr(YdStatement) rows =
        yd_sql_query(store->sql, error,
                     "SELECT COALESCE(score_reason, 'unknown') AS because, COUNT(*), SUM(score) "
                     "FROM connections WHERE state = 'open' GROUP BY because",
                     "");
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    gboolean row = rows != NULL;
    while (row) {
        if (!yd_statement_step(rows, &row, error))
            return NULL;
        if (!row)
            break;
        YdQualityCount *count = g_new0(YdQualityCount, 1);
        count->sessions = yd_statement_int(rows, 1);
        count->score = yd_statement_int(rows, 2) / count->sessions;
        g_hash_table_insert(counts, g_strdup(yd_statement_text(rows, 0)), count);
    }
    return rows ? g_steal_pointer(&counts) : NULL;
}

static GPtrArray *
read_ids(YdStatement *statement, GError **error)
{
    g_autoptr(YdStatement) taken = statement;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    gboolean row = taken != NULL;
    while (row) {
        if (!yd_statement_step(taken, &row, error))
            return NULL;
        if (row)
            g_ptr_array_add(ids, g_strdup(yd_statement_text(taken, 0)));
    }
    return taken ? g_steal_pointer(&ids) : NULL;
}

GPtrArray *
yd_store_stray_connections(YdStore *store, gint64 now, GError **error)
{
    return read_ids(
        yd_sql_query(store->sql, error,
                     "SELECT c.id FROM connections c WHERE c.state IN ('new', 'open', 'dropped') "
                     "AND ((c.login_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM logins l WHERE "
                     "l.id = c.login_id AND l.expires > ?)) OR (c.user_id IS NOT NULL AND NOT "
                     "EXISTS (SELECT 1 FROM users u WHERE u.id = c.user_id AND u.enabled = 1)) "
                     "OR NOT EXISTS (SELECT 1 FROM desktops d WHERE d.id = c.desktop_id))",
                     "i", now),
        error);
}

gboolean
yd_store_jobs_renew(YdStore *store, const char *worker, gint64 lease, GError **error)
{
    if (worker)
        return yd_sql_run(store->sql, NULL, error,
                          "UPDATE jobs SET lease = ? WHERE state = 'running' AND worker = ?", "it",
                          lease, worker);
    return yd_sql_run(store->sql, NULL, error, "UPDATE jobs SET lease = ? WHERE state = 'running'",
                      "i", lease);
}

#define PROMISES                                                                                   \
    "SELECT d.host_id, SUM(d.memory_mib), SUM(d.vcpus), "                                          \
    "SUM(d.user_id IN (SELECT b.user_id FROM memberships b WHERE b.department_id IN "              \
    "(SELECT m.department_id FROM memberships m WHERE m.user_id = "                                \
    "(SELECT x.user_id FROM desktops x WHERE x.id = ?)))) "                                        \
    "FROM desktops d WHERE d.host_id IS NOT NULL AND d.id <> ? AND "                               \
    "d.state IN ('starting', 'preparing', 'ready', 'paused', 'stopping') GROUP BY d.host_id"

GHashTable *
yd_store_host_promises(YdStore *store, const char *desktop_id, GError **error)
{
    const char *except = desktop_id ? desktop_id : ""; // nothing differs from NULL, in SQL
    g_autoptr(YdStatement) rows = yd_sql_query(store->sql, error, PROMISES, "tt", except, except);
    g_autoptr(GHashTable) promises = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    gboolean row = rows != NULL;
    while (row) {
        if (!yd_statement_step(rows, &row, error))
            return NULL;
        if (!row)
            break;
        YdHostPromise *promise = g_new0(YdHostPromise, 1);
        promise->memory_mib = yd_statement_int(rows, 1);
        promise->vcpus = yd_statement_int(rows, 2);
        promise->same_department = yd_statement_int(rows, 3);
        g_hash_table_insert(promises, g_strdup(yd_statement_text(rows, 0)), promise);
    }
    return rows ? g_steal_pointer(&promises) : NULL;
}

GPtrArray *
yd_store_idle_desktops(YdStore *store, const char *state, GError **error)
{
    return read_ids(yd_sql_query(store->sql, error,
                                 "SELECT d.id FROM desktops d WHERE d.state = ? AND NOT EXISTS "
                                 "(SELECT 1 FROM jobs j WHERE j.object_id = d.id AND j.state IN "
                                 "('queued', 'running')) ORDER BY d.id",
                                 "t", state),
                    error);
}
