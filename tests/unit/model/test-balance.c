// SPDX-License-Identifier: Apache-2.0
// Plans for evening out hosts: which desktops move, and when nothing does.
#include "model/balance.h"

#define SIZE 10000 // MiB of each host, so that 100 MiB are one percent

static YdPlacementHost
host(const char *id, gint64 promised)
{
    return (YdPlacementHost){.id = id,
                             .name = id,
                             .state = "up",
                             .memory_mib = SIZE,
                             .memory_free_mib = SIZE,
                             .memory_promised_mib = promised,
                             .cpus = 64,
                             .vcpu_ratio = 4,
                             .storage_free_bytes = 1,
                             .has_network = TRUE,
                             .has_template = TRUE};
}

static void
add(GPtrArray *desktops, const char *id, const char *host_id, gint64 memory, gint64 sessions)
{
    YdDesktop *desktop = yd_desktop_new();
    yd_set_string(&desktop->id, id);
    yd_set_string(&desktop->host_id, host_id);
    desktop->memory_mib = memory;
    desktop->vcpus = 1;
    desktop->open_sessions = sessions;
    g_ptr_array_add(desktops, desktop);
}

static GPtrArray *
none(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)yd_desktop_free);
}

static GPtrArray *
only(const char *id, gint64 memory)
{
    GPtrArray *desktops = none();
    add(desktops, id, "a", memory, 0);
    return desktops;
}

static void
evens_out(void)
{
    YdPlacementHost hosts[] = {host("a", 8000), host("b", 0), host("c", 2000)};
    g_autoptr(GPtrArray) desktops = none();
    for (guint i = 0; i < 4; i++)
        add(desktops, "of-a", "a", 2000, 0);
    add(desktops, "of-c", "c", 2000, 0);
    g_autoptr(GArray) moves = yd_balance_plan(hosts, 3, desktops, 20, 16, TRUE);
    g_assert_cmpuint(moves->len, ==, 2);
    g_assert_cmpint(yd_balance_spread(hosts, 3), ==, 2000);
    g_assert_cmpint(hosts[0].memory_promised_mib, ==, 4000);
    g_assert_cmpint(hosts[1].memory_promised_mib, ==, 4000);
    for (guint i = 0; i < moves->len; i++) {
        const YdBalanceMove *move = &g_array_index(moves, YdBalanceMove, i);
        g_assert_cmpuint(move->from, ==, 0);
        g_assert_cmpuint(move->to, ==, 1);
    }
}

static void
unused_first(void)
{
    YdPlacementHost hosts[] = {host("a", 6000), host("b", 0)};
    g_autoptr(GPtrArray) desktops = none();
    add(desktops, "used", "a", 3000, 2);
    add(desktops, "unused", "a", 1000, 0);
    add(desktops, "used-too", "a", 2000, 1);
    g_autoptr(GArray) moves = yd_balance_plan(hosts, 2, desktops, 20, 1, TRUE);
    g_assert_cmpuint(moves->len, ==, 1);
    g_assert_cmpuint(g_array_index(moves, YdBalanceMove, 0).desktop, ==, 1);
    // Alone it is not enough; where people stay, nothing else goes.
    YdPlacementHost again[] = {host("a", 6000), host("b", 0)};
    g_autoptr(GArray) quiet = yd_balance_plan(again, 2, desktops, 20, 16, FALSE);
    g_assert_cmpuint(quiet->len, ==, 1);
}

static void
nothing_to_do(void)
{
    g_autoptr(GPtrArray) big = only("big", 6000);
    g_autoptr(GPtrArray) small = only("small", 500);
    g_autoptr(GPtrArray) nobody = none();
    YdPlacementHost near[] = {host("a", 3000), host("b", 1000)}; // within the spread
    g_autoptr(GArray) moves = yd_balance_plan(near, 2, small, 20, 16, TRUE);
    g_assert_cmpuint(moves->len, ==, 0);
    YdPlacementHost turned[] = {host("a", 6000), host("b", 0)}; // it would only turn them round
    g_autoptr(GArray) round = yd_balance_plan(turned, 2, big, 20, 16, TRUE);
    g_assert_cmpuint(round->len, ==, 0);
    YdPlacementHost away[] = {host("a", 6000), host("b", 0)};
    away[1].state = "maintenance";
    g_autoptr(GArray) one = yd_balance_plan(away, 2, small, 20, 16, TRUE);
    g_assert_cmpuint(one->len, ==, 0);
    g_assert_cmpint(yd_balance_spread(away, 2), ==, 0);
    YdPlacementHost full[] = {host("a", 9000), host("b", 0)};
    full[1].memory_free_mib = 100; // others use it
    g_autoptr(GArray) no_room = yd_balance_plan(full, 2, small, 1, 16, TRUE);
    g_assert_cmpuint(no_room->len, ==, 0);
    g_autoptr(GArray) empty = yd_balance_plan(NULL, 0, nobody, 20, 16, TRUE);
    g_assert_cmpuint(empty->len, ==, 0);
}

static void
limits(void)
{
    YdPlacementHost hosts[] = {host("a", 9000), host("b", 0)};
    g_autoptr(GPtrArray) desktops = none();
    for (guint i = 0; i < 9; i++)
        add(desktops, "d", "a", 1000, 0);
    g_autoptr(GArray) moves = yd_balance_plan(hosts, 2, desktops, 1, 2, TRUE);
    g_assert_cmpuint(moves->len, ==, 2);
    g_assert_cmpuint(g_array_index(moves, YdBalanceMove, 0).desktop, !=,
                     g_array_index(moves, YdBalanceMove, 1).desktop);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/balance/evens-out", evens_out);
    g_test_add_func("/balance/unused-first", unused_first);
    g_test_add_func("/balance/nothing-to-do", nothing_to_do);
    g_test_add_func("/balance/limits", limits);
    return g_test_run();
}
