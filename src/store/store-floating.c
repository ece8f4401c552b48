// SPDX-License-Identifier: Apache-2.0
// Queries about spares and idle desktops.
#include "store/store-floating.h"

#include <string.h>

#include "store/store-private.h"

#define NO_JOB                                                                                     \
    "NOT EXISTS (SELECT 1 FROM jobs j WHERE j.object_id = d.id AND j.state IN ('queued', "         \
    "'running'))"
#define SPARE                                                                                      \
    "SELECT d.id FROM desktops d JOIN pools p ON p.id = d.pool_id WHERE d.pool_id = ? AND "        \
    "d.user_id IS NULL AND d.taken = 0 AND d.state IN ('paused', 'ready', 'preparing', "           \
    "'starting', 'off', 'deriving', 'new') AND NOT EXISTS (SELECT 1 FROM jobs j WHERE "            \
    "j.object_id = d.id AND j.state IN ('queued', 'running') AND j.kind IN ('desktop-delete', "    \
    "'desktop-rebuild', 'desktop-shutdown', 'desktop-power-off', 'desktop-reboot')) "              \
    "ORDER BY d.template_version_id <> p.template_version_id, CASE d.state WHEN 'paused' THEN 0 "  \
    "WHEN 'ready' THEN 1 WHEN 'preparing' THEN 2 WHEN 'starting' THEN 3 WHEN 'off' THEN 4 WHEN "   \
    "'deriving' THEN 5 ELSE 6 END, d.id LIMIT 1"

YdDesktop *
yd_store_spare(YdStore *store, const char *pool_id, GError **error)
{
    g_autofree char *id = NULL;
    if (!yd_store_read_text(yd_sql_query(store->sql, error, SPARE, "t", pool_id), &id, error) ||
        !id)
        return NULL;
    return yd_store_get(store, &yd_desktop_type, id, error);
}

// --- counting ---

#define COUNTS                                                                                     \
    "SELECT d.state, d.user_id IS NOT NULL OR d.taken > 0, d.template_version_id <> "              \
    "p.template_version_id, d.error IS NOT NULL AND d.changed > ?, COUNT(*) "                      \
    "FROM desktops d JOIN pools p ON p.id = d.pool_id WHERE d.pool_id = ? AND (d.taken > 0 OR "    \
    "NOT EXISTS (SELECT 1 FROM jobs j WHERE j.object_id = d.id AND j.state IN ('queued', "         \
    "'running') AND j.kind = 'desktop-delete')) GROUP BY 1, 2, 3, 4"

// A spare in that state counts there.
static guint *
counter(YdSizingCounts *counts, const char *state, gboolean is_old, gboolean waits)
{
    static const struct {
        const char *state;
        gsize offset;
    } table[] = {
        {"new", G_STRUCT_OFFSET(YdSizingCounts, coming)},
        {"deriving", G_STRUCT_OFFSET(YdSizingCounts, coming)},
        {"rebuilding", G_STRUCT_OFFSET(YdSizingCounts, coming)},
        {"starting", G_STRUCT_OFFSET(YdSizingCounts, waking)},
        {"preparing", G_STRUCT_OFFSET(YdSizingCounts, waking)},
        {"ready", G_STRUCT_OFFSET(YdSizingCounts, running)},
        {"paused", G_STRUCT_OFFSET(YdSizingCounts, warm)},
        {"stopping", G_STRUCT_OFFSET(YdSizingCounts, coming)},
        {"failed", G_STRUCT_OFFSET(YdSizingCounts, failed)},
    };
    if (is_old && strcmp(state, "paused") == 0)
        return &counts->stale;
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++)
        if (strcmp(state, table[i].state) == 0)
            return (guint *)(gpointer)((guint8 *)(gpointer)counts + table[i].offset);
    return is_old ? &counts->old : waits ? &counts->coming : &counts->off;
}

gboolean
yd_store_sizing_counts(YdStore *store, const char *pool_id, gint64 failed_since,
                       YdSizingCounts *ret_counts, GError **error)
{
    g_autoptr(YdStatement) rows =
        yd_sql_query(store->sql, error, COUNTS, "it", failed_since, pool_id);
    YdSizingCounts counts = {0};
    gboolean row = rows != NULL;
    while (row) {
        if (!yd_statement_step(rows, &row, error))
            return FALSE;
        if (!row)
            break;
        guint n = (guint)yd_statement_int(rows, 4);
        if (yd_statement_int(rows, 1))
            counts.used += n;
        else
            *counter(&counts, yd_statement_text(rows, 0), yd_statement_int(rows, 2) != 0,
                     yd_statement_int(rows, 3) != 0) += n;
    }
    if (rows)
        *ret_counts = counts;
    return rows != NULL;
}

static GPtrArray *
read_ids(YdStatement *statement, GError **error)
{
    g_autoptr(YdStatement) rows = statement;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    gboolean row = rows != NULL;
    while (row) {
        if (!yd_statement_step(rows, &row, error))
            return NULL;
        if (row)
            g_ptr_array_add(ids, g_strdup(yd_statement_text(rows, 0)));
    }
    return rows ? g_steal_pointer(&ids) : NULL;
}

#define SPARES(condition, order)                                                                   \
    "SELECT d.id FROM desktops d JOIN pools p ON p.id = d.pool_id WHERE d.pool_id = ? AND "        \
    "d.user_id IS NULL AND d.taken = 0 AND " condition " AND " NO_JOB " ORDER BY " order           \
    " LIMIT ?"

GPtrArray *
yd_store_spares(YdStore *store, const char *pool_id, YdSpareKind kind, guint limit, GError **error)
{
    static const char *const queries[] = {
        [YD_SPARE_OFF] = SPARES("d.state = 'off' AND d.template_version_id = p.template_version_id",
                                "d.error IS NOT NULL, d.id"),
        [YD_SPARE_RUNNING] = SPARES("d.state = 'ready'", "d.id"),
        [YD_SPARE_WARM] = SPARES("d.state = 'paused'",
                                 "d.template_version_id = p.template_version_id, d.id DESC"),
        [YD_SPARE_USELESS] =
            SPARES("(d.state = 'failed' OR (d.state = 'off' AND d.template_version_id <> "
                   "p.template_version_id))",
                   "d.id"),
    };
    return read_ids(yd_sql_query(store->sql, error, queries[kind], "ti", pool_id, (gint64)limit),
                    error);
}

// --- idle ---

void
yd_idle_facts_free(YdIdleFacts *facts)
{
    if (!facts)
        return;
    char *texts[] = {facts->id,       facts->state, facts->user_id,
                     facts->username, facts->uuid,  facts->host_id};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_free(facts);
}

#define LIVE "FROM connections c WHERE c.desktop_id = d.id AND c.state"
#define IDLE                                                                                       \
    "SELECT d.id, d.state, d.user_id, u.username, d.uuid, d.host_id, d.started, d.ready_at, "      \
    "d.taken, (SELECT COUNT(*) " LIVE " IN ('new', 'open', 'dropped')), "                          \
    "(SELECT COUNT(*) " LIVE " = 'dropped'), "                                                     \
    "(SELECT COALESCE(MAX(c.last_seen), 0) " LIVE " = 'dropped'), "                                \
    "(SELECT COALESCE(MAX(c.ended), 0) " LIVE " = 'ended' AND c.first_used > 0), "                 \
    "EXISTS (SELECT 1 FROM connections c WHERE c.desktop_id = d.id AND c.created >= d.taken "      \
    "AND c.log_in = 'in'), "                                                                       \
    "(SELECT COALESCE(MAX(j.ended), 0) FROM jobs j WHERE j.object_id = d.id "                      \
    "AND j.kind = 'desktop-save' AND j.state = 'failed') "                                         \
    "FROM desktops d LEFT JOIN users u ON u.id = d.user_id WHERE " NO_JOB " AND "

static YdIdleFacts *
read_facts(YdStatement *row)
{
    YdIdleFacts *facts = g_new(YdIdleFacts, 1);
    *facts = (YdIdleFacts){
        .id = g_strdup(yd_statement_text(row, 0)),
        .state = g_strdup(yd_statement_text(row, 1)),
        .user_id = g_strdup(yd_statement_text(row, 2)),
        .username = g_strdup(yd_statement_text(row, 3)),
        .uuid = g_strdup(yd_statement_text(row, 4)),
        .host_id = g_strdup(yd_statement_text(row, 5)),
        .started = yd_statement_int(row, 6),
        .ready_at = yd_statement_int(row, 7),
        .taken = yd_statement_int(row, 8),
        .sessions = yd_statement_int(row, 9),
        .dropped = yd_statement_int(row, 10),
        .last_seen = yd_statement_int(row, 11),
        .last_end = yd_statement_int(row, 12),
        .logged_in = yd_statement_int(row, 13) != 0,
        .unsaved = yd_statement_int(row, 14),
    };
    return facts;
}

static GPtrArray *
read_all_facts(YdStatement *statement, GError **error)
{
    g_autoptr(YdStatement) rows = statement;
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)yd_idle_facts_free);
    gboolean row = rows != NULL;
    while (row) {
        if (!yd_statement_step(rows, &row, error))
            return NULL;
        if (row)
            g_ptr_array_add(all, read_facts(rows));
    }
    return rows ? g_steal_pointer(&all) : NULL;
}

GPtrArray *
yd_store_idle_facts(YdStore *store, const char *pool_id, gboolean off_too, GError **error)
{
    return read_all_facts(yd_sql_query(store->sql, error,
                                       IDLE
                                       "d.pool_id = ? AND (d.user_id IS NOT NULL OR d.taken > 0) "
                                       "AND (? OR d.state NOT IN ('off', 'failed')) ORDER BY d.id",
                                       "ti", pool_id, (gint64)off_too),
                          error);
}

YdIdleFacts *
yd_store_idle_facts_of(YdStore *store, const char *desktop_id, GError **error)
{
    g_autoptr(GPtrArray) all =
        read_all_facts(yd_sql_query(store->sql, error, IDLE "d.id = ?", "t", desktop_id), error);
    if (!all || all->len == 0)
        return NULL;
    return g_ptr_array_steal_index(all, 0);
}
