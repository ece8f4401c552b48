// SPDX-License-Identifier: Apache-2.0
// Where a desktop goes, and why not elsewhere.
#include <string.h>

#include "base/json-util.h"
#include "model/placement.h"

static YdPlacementHost
good_host(const char *name)
{
    return (YdPlacementHost){.id = name,
                             .name = name,
                             .state = "up",
                             .memory_mib = 16000,
                             .memory_free_mib = 8000,
                             .reserve_mib = 1000,
                             .memory_promised_mib = 4000,
                             .cpus = 8,
                             .vcpus_promised = 4,
                             .vcpu_ratio = 4,
                             .storage_free_bytes = 1000,
                             .has_network = TRUE,
                             .has_template = TRUE};
}

static const YdPlacementRequest request = {.memory_mib = 2048, .vcpus = 2, .storage_bytes = 100};

static json_t *
choose(const YdPlacementHost *hosts, gsize n, int expected)
{
    g_autofree char *text = NULL;
    g_assert_cmpint(yd_placement_choose(hosts, n, &request, &text), ==, expected);
    g_autoptr(GError) error = NULL;
    json_t *json = yd_json_parse_object(text, &error);
    g_assert_no_error(error);
    const char *chosen = json_string_value(json_object_get(json, "chosen"));
    g_assert_cmpstr(chosen, ==, expected < 0 ? NULL : hosts[expected].id);
    g_assert_nonnull(json_string_value(json_object_get(json, "reason")));
    return json;
}

static void
assert_filter(YdPlacementHost host, const char *filter, gint64 need, gint64 have)
{
    g_autoptr(json_t) json = choose(&host, 1, -1);
    const json_t *why = json_array_get(json_object_get(json, "hosts"), 0);
    g_assert_cmpstr(json_string_value(json_object_get(why, "filter")), ==, filter);
    g_assert_cmpint(json_integer_value(json_object_get(why, "need")), ==, need);
    g_assert_cmpint(json_integer_value(json_object_get(why, "have")), ==, have);
    g_assert_cmpstr(json_string_value(json_object_get(why, "host")), ==, host.id);
}

static void
test_filters(void)
{
    YdPlacementHost host = good_host("h");
    json_decref(choose(&host, 1, 0));
    host.state = "down";
    assert_filter(host, "state", 1, 0);
    host.state = "maintenance";
    assert_filter(host, "maintenance", 1, 0);
    host = good_host("h");
    host.memory_free_mib = 3047; // one short of 2048 + 1000
    assert_filter(host, "memory", 2048, 2047);
    host.memory_free_mib = 3048;
    json_decref(choose(&host, 1, 0));
    host.memory_free_mib = 16000; // machines that start do not use what they are promised yet
    host.memory_promised_mib = 14000;
    assert_filter(host, "memory", 2048, 1000);
    host = good_host("h");
    host.vcpus_promised = 31;
    assert_filter(host, "vcpus", 2, 1);
    host.vcpu_ratio = 0; // no limit
    json_decref(choose(&host, 1, 0));
    host = good_host("h");
    host.storage_free_bytes = 99;
    assert_filter(host, "storage", 100, 99);
    host = good_host("h");
    host.has_network = FALSE;
    assert_filter(host, "network", 1, 0);
    host = good_host("h");
    host.has_template = FALSE;
    assert_filter(host, "template", 1, 0);
    json_decref(choose(NULL, 0, -1));
}

static void
test_order(void)
{
    YdPlacementHost hosts[] = {good_host("c"), good_host("b"), good_host("a")};
    json_decref(choose(hosts, 3, 2)); // all alike: by name
    hosts[2].same_department = 1;
    json_decref(choose(hosts, 3, 1)); // spread a department
    hosts[0].memory_free_mib = 9000;
    json_decref(choose(hosts, 3, 0)); // the lowest memory use comes first
    hosts[0].state = "down";
    g_autoptr(json_t) json = choose(hosts, 3, 1);
    g_assert_cmpuint(json_array_size(json_object_get(json, "hosts")), ==, 1);
    g_assert_nonnull(strstr(json_string_value(json_object_get(json, "reason")), "50 %, of 2"));
    g_assert_cmpstr(json_string_value(json_object_get(json, "code")), ==, "lowest-memory-use");
    g_assert_cmpint(json_integer_value(json_object_get(json, "use_percent")), ==, 50);
    g_assert_cmpint(json_integer_value(json_object_get(json, "fitting")), ==, 2);
    hosts[1].state = hosts[2].state = "maintenance";
    g_autoptr(json_t) full = choose(hosts, 3, -1);
    g_assert_cmpstr(json_string_value(json_object_get(full, "code")), ==, "no-room");
    g_autoptr(json_t) bare = choose(hosts, 0, -1);
    g_assert_cmpstr(json_string_value(json_object_get(bare, "code")), ==, "no-host");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/placement/filters", test_filters);
    g_test_add_func("/placement/order", test_order);
    return g_test_run();
}
