// SPDX-License-Identifier: Apache-2.0
// What pools, desktops, addresses and connections need of the store.
#include <locale.h>
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "fixture.h"

static char *
take(YdStore *store, const char *network, const char *desktop)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdAddress) address = yd_store_take_address(store, network, desktop, &error);
    g_assert_no_error(error);
    return g_strdup(address->ip);
}

static void
assert_takes(YdStore *store, const char *network, const char *desktop, const char *ip)
{
    g_autofree char *got = take(store, network, desktop);
    g_assert_cmpstr(got, ==, ip);
}

static void
test_addresses(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_autofree char *net = fixture_network(store, "n", "10.99.0.10", "10.99.0.12");
    g_autofree char *other = fixture_network(store, "o", "10.99.0.20", "10.99.0.20");
    char *desks[5];
    for (guint i = 0; i < G_N_ELEMENTS(desks); i++) {
        g_autofree char *name = g_strdup_printf("d%u", i);
        desks[i] = fixture_desktop(store, name, NULL, NULL);
    }
    assert_takes(store, net, desks[0], "10.99.0.10");
    assert_takes(store, net, desks[1], "10.99.0.11");
    assert_takes(store, net, desks[0], "10.99.0.10"); // keeps what it has
    assert_takes(store, net, desks[2], "10.99.0.12");
    g_assert_null(yd_store_take_address(store, net, desks[3], &error)); // used up
    g_assert_error(error, YD_ERROR, YD_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "All 3 addresses of the network “n”"));
    g_clear_error(&error);
    // given back: the lowest free one comes first
    g_assert_true(yd_store_release_addresses(store, desks[1], NULL));
    assert_takes(store, net, desks[3], "10.99.0.11");
    g_assert_true(yd_store_release_addresses(store, desks[0], NULL));
    assert_takes(store, net, desks[4], "10.99.0.10");
    // another network: the old address is free again; a deleted desktop gives its own back
    assert_takes(store, other, desks[4], "10.99.0.20");
    g_assert_true(yd_store_delete(store, &yd_desktop_type, desks[2], 0, &error));
    assert_takes(store, net, desks[0], "10.99.0.10");
    assert_takes(store, net, desks[1], "10.99.0.12");
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, desks[1], NULL);
    g_assert_cmpstr(desktop->ip, ==, "10.99.0.12");
    g_assert_cmpstr(desktop->mac, ==, "52:54:0a:63:00:0c");
    g_autoptr(YdNetwork) network = yd_store_get(store, &yd_network_type, net, NULL);
    g_assert_cmpint(network->addresses_used, ==, 3);
    g_assert_cmpint(network->addresses_total, ==, 3);
    g_assert_null(yd_store_take_address(store, "net-none", desks[0], &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    for (guint i = 0; i < G_N_ELEMENTS(desks); i++)
        g_free(desks[i]);
}

static void
test_entitled(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autofree char *alice = fixture_user(store, "alice", "user");
    g_autofree char *bob = fixture_user(store, "bob", "user");
    g_autofree char *sales = fixture_department(store, "1", "Sales");
    fixture_member(store, sales, alice);
    g_autofree char *version = fixture_template_version(store, "t");
    g_autofree char *net = fixture_network(store, "n", "10.99.0.2", "10.99.0.9");
    g_autofree char *by_department = fixture_pool(store, "b-pool", version, net);
    g_autofree char *by_name = fixture_pool(store, "A-pool", version, net);
    fixture_entitle(store, by_department, sales, NULL);
    fixture_entitle(store, by_name, NULL, alice);
    gboolean yes = FALSE;
    g_assert_true(yd_store_entitled(store, by_department, alice, &yes, NULL) && yes);
    g_assert_true(yd_store_entitled(store, by_name, alice, &yes, NULL) && yes);
    g_assert_true(yd_store_entitled(store, by_name, bob, &yes, NULL) && !yes);
    g_autoptr(GPtrArray) pools = yd_store_pools_of_user(store, alice, NULL);
    g_assert_cmpuint(pools->len, ==, 2);
    g_assert_cmpstr(((YdPool *)pools->pdata[0])->name, ==, "A-pool"); // whatever the case
    // a disabled pool is nobody's
    g_autoptr(YdPool) pool = yd_store_get(store, &yd_pool_type, by_name, NULL);
    pool->enabled = FALSE;
    g_assert_true(yd_store_update(store, &yd_pool_type, pool, NULL));
    g_assert_true(yd_store_entitled(store, by_name, alice, &yes, NULL) && !yes);
    // the same person twice, or person and department at once
    g_autoptr(GError) error = NULL;
    g_autoptr(YdEntitlement) twice = yd_entitlement_new();
    twice->pool_id = g_strdup(by_name);
    twice->user_id = g_strdup(alice);
    g_assert_false(yd_store_insert(store, &yd_entitlement_type, twice, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_clear_error(&error);
    twice->department_id = g_strdup(sales);
    g_assert_false(yd_store_insert(store, &yd_entitlement_type, twice, &error));
    g_assert_nonnull(error);
}

static void
test_network_for(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_autofree char *alice = fixture_user(store, "alice", "user");
    g_autofree char *version = fixture_template_version(store, "t");
    g_autofree char *net = fixture_network(store, "n", "10.99.0.2", "10.99.0.9");
    g_autofree char *own = fixture_network(store, "own", "10.99.0.20", "10.99.0.29");
    g_autofree char *pool = fixture_pool(store, "p", version, net);
    const char *numbers[] = {"1", "2", "3"};
    for (guint i = 0; i < 3; i++) {
        g_autofree char *id = fixture_department(store, numbers[i], numbers[i]);
        fixture_member(store, id, alice);
        g_autofree char *before = yd_store_network_for(store, pool, alice, &error);
        g_assert_cmpstr(before, ==, i < 2 ? net : own);
        g_autoptr(YdDepartment) department = yd_store_get(store, &yd_department_type, id, NULL);
        yd_set_string(&department->network_id, i == 0 ? NULL : i == 1 ? own : net);
        g_assert_true(yd_store_update(store, &yd_department_type, department, NULL));
    }
    g_assert_null(yd_store_network_for(store, "pol-none", "usr-none", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(yd_store_desktop_of(store, pool, alice, &error));
    g_assert_no_error(error);
    g_free(fixture_desktop(store, "d", pool, alice));
    g_autoptr(YdDesktop) desktop = yd_store_desktop_of(store, pool, alice, &error);
    g_assert_cmpstr(desktop->name, ==, "d");
    g_assert_cmpstr(desktop->pool_name, ==, "p");
}

static void
test_move(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_autofree char *id = fixture_desktop(store, "d", NULL, NULL);
    g_autoptr(YdDesktop) one = yd_store_get(store, &yd_desktop_type, id, NULL);
    g_autoptr(YdDesktop) two = yd_store_get(store, &yd_desktop_type, id, NULL);
    one->started = 42; // goes with the move
    g_assert_true(yd_store_desktop_move(store, one, "starting", &error));
    g_assert_cmpstr(one->state, ==, "starting");
    g_assert_cmpint(one->version, ==, 2);
    g_autoptr(YdDesktop) read = yd_store_get(store, &yd_desktop_type, id, NULL);
    g_assert_cmpstr(read->state, ==, "starting");
    g_assert_cmpint(read->started, ==, 42);
    // somebody who looked before
    g_assert_false(yd_store_desktop_move(store, two, "deleting", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STALE);
    g_assert_cmpstr(two->state, ==, "off");
    g_assert_cmpint(two->version, ==, 1);
    g_clear_error(&error);
    g_assert_false(yd_store_desktop_move(store, one, "deleting", &error)); // no such edge
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_cmpstr(one->state, ==, "starting");
}

static void
test_connections(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_autofree char *alice = fixture_user(store, "alice", "user");
    g_autofree char *d1 = fixture_desktop(store, "d1", NULL, alice);
    g_autofree char *d2 = fixture_desktop(store, "d2", NULL, NULL);
    g_autofree char *open = fixture_connection(store, d1, alice, "open");
    g_free(fixture_connection(store, d1, alice, "ended"));
    g_free(fixture_connection(store, d1, alice, "new"));
    g_free(fixture_connection(store, d2, "usr-x", "dropped"));
    const struct {
        const char *desktop, *user;
        guint n;
    } cases[] = {{NULL, NULL, 3}, {d1, NULL, 2},  {d2, NULL, 1},
                 {d1, alice, 2},  {d2, alice, 0}, {NULL, "usr-x", 1}};
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) live =
            yd_store_live_connections(store, cases[i].desktop, cases[i].user, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(live->len, ==, cases[i].n);
    }
    g_autoptr(YdConnection) connection = yd_store_get(store, &yd_connection_type, open, NULL);
    g_autoptr(YdConnection) found =
        yd_store_connection_by_ticket(store, connection->ticket_hash, &error);
    g_assert_cmpstr(found->id, ==, open);
    g_assert_cmpstr(found->username, ==, "alice");
    g_assert_null(yd_store_connection_by_ticket(store, "guessed", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, d1, NULL);
    g_assert_cmpint(desktop->open_sessions, ==, 1);
    // history outlives its desktop
    g_clear_error(&error);
    g_assert_true(yd_store_delete(store, &yd_desktop_type, d1, 0, &error));
    g_clear_pointer(&found, yd_connection_free);
    found = yd_store_get(store, &yd_connection_type, open, &error);
    g_assert_no_error(error);
    g_assert_null(found->desktop_name);
}

static void
test_used_by(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_autofree char *version = fixture_template_version(store, "t");
    g_autofree char *net = fixture_network(store, "n", "10.99.0.2", "10.99.0.9");
    g_free(fixture_pool(store, "p1", version, net));
    g_free(fixture_pool(store, "p2", version, net));
    g_assert_false(yd_store_delete(store, &yd_template_version_type, version, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_assert_nonnull(strstr(error->message, "used by 2 pools"));
    g_clear_error(&error);
    g_assert_false(yd_store_delete(store, &yd_network_type, net, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_autoptr(GHashTable) counts = yd_store_count_by(store, &yd_pool_type, "network_id", NULL);
    g_assert_cmpint(*(gint64 *)g_hash_table_lookup(counts, net), ==, 2);
    g_autoptr(GPtrArray) all = yd_store_all(store, &yd_pool_type, "network_id", net, NULL);
    g_assert_cmpuint(all->len, ==, 2);
    g_autoptr(GPtrArray) none = yd_store_all(store, &yd_pool_type, "policy", NULL, NULL);
    g_assert_cmpuint(none->len, ==, 2);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/desktops/addresses", test_addresses);
    g_test_add_func("/desktops/entitled", test_entitled);
    g_test_add_func("/desktops/network-for", test_network_for);
    g_test_add_func("/desktops/move", test_move);
    g_test_add_func("/desktops/connections", test_connections);
    g_test_add_func("/desktops/used-by", test_used_by);
    return g_test_run();
}
