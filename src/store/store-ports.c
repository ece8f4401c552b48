// SPDX-License-Identifier: Apache-2.0
// Queries about fixed ports. Where no desktop has one they end at an empty index.
#include "store/store-ports.h"

#include "store/store-private.h"

// Either first itself, or the one behind a port that is taken.
#define LOWEST                                                                                     \
    "SELECT MIN(c.port) FROM (SELECT ? AS port UNION ALL SELECT d.fixed_port + 1 FROM desktops d " \
    "WHERE d.fixed_port > 0 AND d.fixed_port >= ?) c WHERE c.port <= ? AND NOT EXISTS (SELECT 1 "  \
    "FROM desktops e WHERE e.fixed_port > 0 AND e.fixed_port = c.port)"

gboolean
yd_store_free_fixed_port(YdStore *store, gint64 first, gint64 last, gint64 *ret_port,
                         GError **error)
{
    gint64 port = 0;
    if (!yd_store_read_int(yd_sql_query(store->sql, error, LOWEST, "iii", first, first, last),
                           &port, error))
        return FALSE;
    if (port == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                    "All fixed ports from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT
                    " are given out; delete desktops or make [deskgate] fixed_ports larger",
                    first, last);
        return FALSE;
    }
    *ret_port = port;
    return TRUE;
}

#define RIGHTS                                                                                     \
    "SELECT d.fixed_port, d.id, d.name, d.state, a.ip, u.id, u.username, l.id, l.address, "        \
    "d.host_id "                                                                                   \
    "FROM desktops d JOIN pools p ON p.id = d.pool_id JOIN users u ON u.id = d.user_id "           \
    "JOIN logins l ON l.user_id = u.id LEFT JOIN addresses a ON a.desktop_id = d.id "              \
    "WHERE d.fixed_port > 0 AND (? = 0 OR d.fixed_port = ?) AND p.enabled = 1 "                    \
    "AND u.enabled = 1 AND u.must_change = 0 AND l.address IS NOT NULL AND l.expires > ? "         \
    "AND l.last_used > ? AND l.created > ? "                                                       \
    "AND EXISTS (SELECT 1 FROM entitlements e WHERE e.pool_id = d.pool_id AND "                    \
    "(e.user_id = d.user_id OR e.department_id IN (SELECT m.department_id FROM memberships m "     \
    "WHERE m.user_id = d.user_id))) ORDER BY d.fixed_port, l.last_used DESC, l.id"

static void
right_free(gpointer data)
{
    YdPortRight *right = data;
    char *texts[] = {right->desktop_id, right->name,    right->state,
                     right->ip,         right->user_id, right->username,
                     right->login_id,   right->address, right->host_id};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        g_free(texts[i]);
    g_free(right);
}

static YdPortRight *
read_right(YdStatement *row)
{
    YdPortRight *right = g_new(YdPortRight, 1);
    *right = (YdPortRight){
        .port = yd_statement_int(row, 0),
        .desktop_id = g_strdup(yd_statement_text(row, 1)),
        .name = g_strdup(yd_statement_text(row, 2)),
        .state = g_strdup(yd_statement_text(row, 3)),
        .ip = g_strdup(yd_statement_text(row, 4)),
        .user_id = g_strdup(yd_statement_text(row, 5)),
        .username = g_strdup(yd_statement_text(row, 6)),
        .login_id = g_strdup(yd_statement_text(row, 7)),
        .address = g_strdup(yd_statement_text(row, 8)),
        .host_id = g_strdup(yd_statement_text(row, 9)),
    };
    return right;
}

GPtrArray *
yd_store_port_rights(YdStore *store, gint64 port, gint64 now, gint64 used_after, gint64 made_after,
                     GError **error)
{
    g_autoptr(YdStatement) rows =
        yd_sql_query(store->sql, error, RIGHTS, "iiiii", port, port, now, used_after, made_after);
    g_autoptr(GPtrArray) rights = g_ptr_array_new_with_free_func(right_free);
    gboolean row = rows != NULL;
    while (row) {
        if (!yd_statement_step(rows, &row, error))
            return NULL;
        if (row)
            g_ptr_array_add(rights, read_right(rows));
    }
    return rows ? g_steal_pointer(&rights) : NULL;
}

GPtrArray *
yd_store_port_connections(YdStore *store, GError **error)
{
    g_autoptr(YdStatement) rows =
        yd_store_select(store, error, &yd_connection_type,
                        "fixed_port > 0 AND state IN ('new', 'open', 'dropped') ORDER BY id", "");
    return rows ? yd_store_read_rows(&yd_connection_type, rows, error) : NULL;
}
