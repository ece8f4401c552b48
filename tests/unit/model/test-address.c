// SPDX-License-Identifier: Apache-2.0
// IPv4 arithmetic.
#include "model/address.h"

#include <string.h>

#include "base/error.h"

static void
test_ip(void)
{
    const char *const good[] = {"0.0.0.0", "10.99.0.12", "255.255.255.255"};
    const char *const bad[] = {NULL,        "",         "1.2.3",     "1.2.3.4.5", "1.2.3.256",
                               "01.2.3.4",  "1.2.3.4 ", " 1.2.3.4",  "1..2.3",    "1.2.3.-4",
                               "1.2.3.0x4", "::1",      "1.2.3.4/8", "1111.2.3.4"};
    guint32 ip = 7;
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(yd_ip_parse(good[i], &ip));
        g_autofree char *text = yd_ip_text(ip);
        g_assert_cmpstr(text, ==, good[i]);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(yd_ip_parse(bad[i], &ip));
    g_assert_true(yd_ip_parse("10.99.0.12", &ip));
    g_assert_cmphex(ip, ==, 0x0a63000c);
    g_autofree char *mac = yd_mac_from_ip(ip);
    g_assert_cmpstr(mac, ==, "52:54:0a:63:00:0c");
}

static void
test_cidr(void)
{
    guint32 network = 0;
    guint prefix = 0;
    g_assert_true(yd_cidr_parse("10.99.0.0/24", &network, &prefix));
    g_assert_cmphex(network, ==, 0x0a630000);
    g_assert_cmpuint(prefix, ==, 24);
    g_assert_true(yd_cidr_parse("10.0.0.0/8", &network, &prefix));
    g_assert_true(yd_cidr_parse("10.0.0.4/30", &network, &prefix));
    const char *const bad[] = {
        NULL,         "10.99.0.0",     "10.99.0.1/24",  "10.99.0.0/7",  "10.99.0.0/31",
        "10.99.0.0/", "10.99.0.0/024", "10.99.0.0/24x", "10.99.0.0/-8", "10.99.0.0/ 24",
        "/24"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(yd_cidr_parse(bad[i], &network, &prefix));
    g_assert_true(yd_cidr_overlaps("10.0.0.0/8", "10.99.0.0/24"));
    g_assert_true(yd_cidr_overlaps("10.99.0.0/24", "10.99.0.128/25"));
    g_assert_false(yd_cidr_overlaps("10.99.0.0/24", "10.99.1.0/24"));
    g_assert_false(yd_cidr_overlaps("nonsense", "10.99.1.0/24"));
}

static void
assert_network(const char *cidr, const char *gateway, const char *first, const char *last,
               const char *expected)
{
    char *g = g_strdup(gateway), *f = g_strdup(first), *l = g_strdup(last);
    g_autoptr(GError) error = NULL;
    g_autofree char *got = NULL;
    if (yd_network_check(cidr, &g, &f, &l, &error))
        got = g_strdup_printf("%s %s %s", g, f, l);
    else
        got = g_strndup(error->message, strcspn(error->message, ":"));
    g_assert_cmpstr(got, ==, expected);
    g_free(g);
    g_free(f);
    g_free(l);
}

static void
test_network(void)
{
    assert_network("10.99.0.0/24", NULL, NULL, NULL, "10.99.0.1 10.99.0.2 10.99.0.254");
    assert_network("10.99.0.0/24", "10.99.0.254", NULL, NULL, "10.99.0.254 10.99.0.1 10.99.0.253");
    assert_network("10.99.0.0/24", NULL, "10.99.0.10", "10.99.0.20",
                   "10.99.0.1 10.99.0.10 10.99.0.20");
    assert_network("10.0.0.0/30", NULL, NULL, NULL, "10.0.0.1 10.0.0.2 10.0.0.2");
    assert_network("10.99.0.1/24", NULL, NULL, NULL, "cidr");
    assert_network("127.0.0.0/8", NULL, NULL, NULL, "cidr");
    assert_network("224.0.0.0/8", NULL, NULL, NULL, "cidr");
    assert_network(NULL, NULL, NULL, NULL, "cidr");
    assert_network("10.99.0.0/24", "10.99.0.0", NULL, NULL, "gateway");
    assert_network("10.99.0.0/24", "10.98.0.1", NULL, NULL, "gateway");
    assert_network("10.99.0.0/24", "x", NULL, NULL, "gateway");
    assert_network("10.99.0.0/24", NULL, "10.99.0.255", NULL, "range_first");
    assert_network("10.99.0.0/24", NULL, NULL, "10.99.1.5", "range_last");
    assert_network("10.99.0.0/24", NULL, "10.99.0.9", "10.99.0.8", "range_last");
    assert_network("10.99.0.0/24", "10.99.0.9", "10.99.0.5", "10.99.0.20", "gateway");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/address/ip", test_ip);
    g_test_add_func("/address/cidr", test_cidr);
    g_test_add_func("/address/network", test_network);
    return g_test_run();
}
