// SPDX-License-Identifier: Apache-2.0
// Queries that only pools, desktops, addresses and connections need.
#include "store/store-desktops.h"

#include "base/id.h"
#include "model/address.h"
#include "model/desktop-state.h"
#include "store/store-private.h"

#define GIVEN                                                                                      \
    "id IN (SELECT e.pool_id FROM entitlements e WHERE e.user_id = ? OR e.department_id IN "       \
    "(SELECT m.department_id FROM memberships m WHERE m.user_id = ?))"

gboolean
yd_store_entitled(YdStore *store, const char *pool_id, const char *user_id, gboolean *ret_entitled,
                  GError **error)
{
    gint64 n = 0;
    if (!yd_store_read_int(yd_sql_query(store->sql, error,
                                        "SELECT COUNT(*) FROM pools WHERE id = ? AND enabled = 1 "
                                        "AND " GIVEN,
                                        "ttt", pool_id, user_id, user_id),
                           &n, error))
        return FALSE;
    *ret_entitled = n > 0;
    return TRUE;
}

GPtrArray *
yd_store_pools_of_user(YdStore *store, const char *user_id, GError **error)
{
    g_autoptr(YdStatement) statement =
        yd_store_select(store, error, &yd_pool_type, "enabled = 1 AND " GIVEN " ORDER BY name, id",
                        "tt", user_id, user_id);
    return statement ? yd_store_read_rows(&yd_pool_type, statement, error) : NULL;
}

GPtrArray *
yd_store_pools_lost(YdStore *store, const char *user_id, GError **error)
{
    g_autoptr(YdStatement) statement =
        yd_store_select(store, error, &yd_pool_type,
                        "id IN (SELECT d.pool_id FROM desktops d WHERE d.user_id = ?) AND NOT "
                        "(enabled = 1 AND " GIVEN ") ORDER BY name, id",
                        "ttt", user_id, user_id, user_id);
    return statement ? yd_store_read_rows(&yd_pool_type, statement, error) : NULL;
}

YdDesktop *
yd_store_desktop_of(YdStore *store, const char *pool_id, const char *user_id, GError **error)
{
    return yd_store_read_one(&yd_desktop_type,
                             yd_store_select(store, error, &yd_desktop_type,
                                             "pool_id = ? AND user_id = ?", "tt", pool_id, user_id),
                             error);
}

char *
yd_store_network_for(YdStore *store, const char *pool_id, const char *user_id, GError **error)
{
    char *network = NULL;
    if (!yd_store_read_text(
            yd_sql_query(store->sql, error,
                         "SELECT d.network_id FROM memberships m JOIN departments d ON d.id = "
                         "m.department_id WHERE m.user_id = ? AND d.network_id IS NOT NULL "
                         "ORDER BY d.number, d.id LIMIT 1",
                         "t", user_id),
            &network, error))
        return NULL;
    if (network)
        return network;
    g_autoptr(YdPool) pool = yd_store_get(store, &yd_pool_type, pool_id, error);
    return pool ? g_strdup(pool->network_id) : NULL;
}

// The lowest number from first up that no address of the network has. Mostly there are no gaps, and
// counting is much cheaper than looking for one.
static gboolean
lowest_free(YdStore *store, const char *network_id, gint64 first, gint64 *ret_number,
            GError **error)
{
    gint64 n = 0, newest = 0, number = first, lowest = 0;
    const char *const queries[] = {
        "SELECT COUNT(*) FROM addresses WHERE network_id = ? AND ip_number >= ?",
        "SELECT MAX(ip_number) FROM addresses WHERE network_id = ? AND ip_number >= ?",
        "SELECT MIN(ip_number) FROM addresses WHERE network_id = ? AND ip_number >= ?"};
    gint64 *const answers[] = {&n, &newest, &lowest};
    for (guint i = 0; i < G_N_ELEMENTS(queries); i++) {
        if (!yd_store_read_int(yd_sql_query(store->sql, error, queries[i], "ti", network_id, first),
                               answers[i], error))
            return FALSE;
    }
    if (n > 0 && lowest == first && newest == first + n - 1)
        number = newest + 1;
    else if (n > 0 && lowest == first &&
             !yd_store_read_int(
                 yd_sql_query(store->sql, error,
                              "SELECT a.ip_number + 1 FROM addresses a WHERE a.network_id = ? AND "
                              "a.ip_number >= ? AND NOT EXISTS (SELECT 1 FROM addresses b WHERE "
                              "b.network_id = a.network_id AND b.ip_number = a.ip_number + 1) "
                              "ORDER BY a.ip_number LIMIT 1",
                              "ti", network_id, first),
                 &number, error))
        return FALSE;
    *ret_number = number;
    return TRUE;
}

static YdAddress *
new_address(YdStore *store, const YdNetwork *network, const char *desktop_id, GError **error)
{
    guint32 first = 0, last = 0;
    gint64 number = 0;
    if (!yd_ip_parse(network->range_first, &first) || !yd_ip_parse(network->range_last, &last)) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "The network “%s” has no valid range",
                    network->name);
        return NULL;
    }
    if (!lowest_free(store, network->id, first, &number, error))
        return NULL;
    if (number > last) {
        g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                    "All %u addresses of the network “%s” (%s to %s) are in use; delete desktops "
                    "or make a larger network",
                    last - first + 1, network->name, network->range_first, network->range_last);
        return NULL;
    }
    g_autoptr(YdAddress) address = yd_address_new();
    address->network_id = g_strdup(network->id);
    address->desktop_id = g_strdup(desktop_id);
    address->ip_number = number;
    address->ip = yd_ip_text((guint32)number);
    address->mac = yd_mac_from_ip((guint32)number);
    return yd_store_insert(store, &yd_address_type, address, error) ? g_steal_pointer(&address)
                                                                    : NULL;
}

YdAddress *
yd_store_take_address(YdStore *store, const char *network_id, const char *desktop_id,
                      GError **error)
{
    if (!yd_store_begin(store, error))
        return NULL;
    g_autoptr(GError) cause = NULL;
    g_autoptr(YdNetwork) network = yd_store_get(store, &yd_network_type, network_id, &cause);
    YdStatement *query =
        cause ? NULL
              : yd_store_select(store, &cause, &yd_address_type, "desktop_id = ?", "t", desktop_id);
    g_autoptr(YdAddress) address = yd_store_read_one(&yd_address_type, query, &cause);
    if (!cause && address && g_strcmp0(address->network_id, network_id) != 0) {
        yd_store_delete(store, &yd_address_type, address->id, 0, &cause);
        g_clear_pointer(&address, yd_address_free);
    }
    if (!cause && !address)
        address = new_address(store, network, desktop_id, &cause);
    if (!cause)
        return yd_store_commit(store, error) ? g_steal_pointer(&address) : NULL;
    yd_store_abort(store);
    g_propagate_error(error, g_steal_pointer(&cause));
    return NULL;
}

gboolean
yd_store_release_addresses(YdStore *store, const char *desktop_id, GError **error)
{
    return yd_sql_run(store->sql, NULL, error, "DELETE FROM addresses WHERE desktop_id = ?", "t",
                      desktop_id);
}

gboolean
yd_store_desktop_move(YdStore *store, YdDesktop *desktop, const char *to, GError **error)
{
    if (!yd_desktop_state_may(desktop->state, to)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "The desktop “%s” is %s; from there it can't become %s",
                    desktop->name ? desktop->name : desktop->id, desktop->state, to);
        return FALSE;
    }
    g_autofree char *from = g_steal_pointer(&desktop->state);
    desktop->state = g_strdup(to);
    if (yd_store_write(store, &yd_desktop_type, desktop, from, error))
        return TRUE;
    g_free(desktop->state);
    desktop->state = g_steal_pointer(&from);
    return FALSE;
}

YdConnection *
yd_store_connection_by_ticket(YdStore *store, const char *ticket_hash, GError **error)
{
    g_autoptr(GError) cause = NULL;
    YdConnection *connection = yd_store_read_one(
        &yd_connection_type,
        yd_store_select(store, &cause, &yd_connection_type, "ticket_hash = ?", "t", ticket_hash),
        &cause);
    if (cause)
        g_propagate_error(error, g_steal_pointer(&cause));
    else if (!connection)
        g_set_error_literal(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                            "There is no connection with that ticket");
    return connection;
}

GPtrArray *
yd_store_live_connections(YdStore *store, const char *desktop_id, const char *user_id,
                          const char *login_id, GError **error)
{
    g_autoptr(GString) condition = g_string_new("state IN ('new', 'open', 'dropped')");
    const struct {
        const char *column, *value;
    } parts[] = {{"desktop_id", desktop_id}, {"user_id", user_id}, {"login_id", login_id}};
    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (parts[i].value)
            g_string_append_printf(condition, " AND %s = ?", parts[i].column);
    }
    g_string_append(condition, " ORDER BY id");
    g_autoptr(YdStatement) statement =
        yd_store_select(store, error, &yd_connection_type, condition->str, "");
    if (!statement)
        return NULL;
    for (guint i = 0, n = 0; i < G_N_ELEMENTS(parts); i++) {
        if (parts[i].value)
            yd_statement_bind_text(statement, (int)++n, parts[i].value);
    }
    return yd_store_read_rows(&yd_connection_type, statement, error);
}
