// SPDX-License-Identifier: Apache-2.0
// The token buckets of addresses.

#include "service/throttle.h"

static void
test_burst_and_refill(void)
{
    g_autoptr(YdThrottle) throttle = yd_throttle_new(3, 1000);
    gint64 wait = 0;

    for (int i = 0; i < 3; i++)
        g_assert_true(yd_throttle_take(throttle, "192.0.2.1", 5000, NULL));
    g_assert_false(yd_throttle_take(throttle, "192.0.2.1", 5000, &wait));
    g_assert_cmpint(wait, >, 900);
    g_assert_cmpint(wait, <=, 1001);
    g_assert_true(yd_throttle_take(throttle, "192.0.2.2", 5000, NULL)); // others are free
    g_assert_false(yd_throttle_take(throttle, "192.0.2.1", 5000 + wait / 2, NULL));
    g_assert_true(yd_throttle_take(throttle, "192.0.2.1", 5000 + wait, NULL));
    g_assert_false(yd_throttle_take(throttle, "192.0.2.1", 5000 + wait, NULL));
    for (int i = 0; i < 3; i++) // never more than the burst
        g_assert_true(yd_throttle_take(throttle, "192.0.2.1", 900000, NULL));
    g_assert_false(yd_throttle_take(throttle, "192.0.2.1", 900000, NULL));
    g_assert_false(yd_throttle_take(throttle, "192.0.2.1", 100, NULL)); // the clock went back
}

static void
test_give_back(void)
{
    g_autoptr(YdThrottle) throttle = yd_throttle_new(1, 1000);

    for (int i = 0; i < 10; i++) {
        g_assert_true(yd_throttle_take(throttle, "192.0.2.1", 0, NULL));
        yd_throttle_give_back(throttle, "192.0.2.1");
    }
    yd_throttle_give_back(throttle, "192.0.2.1");
    g_assert_true(yd_throttle_take(throttle, "192.0.2.1", 0, NULL));
    g_assert_false(yd_throttle_take(throttle, "192.0.2.1", 0, NULL));
    yd_throttle_give_back(throttle, "192.0.2.9"); // unknown: nothing
}

static void
test_networks(void)
{
    g_autoptr(YdThrottle) throttle = yd_throttle_new(1, 1000);

    g_assert_true(yd_throttle_take(throttle, "2001:db8:1:2::1", 0, NULL));
    g_assert_false(yd_throttle_take(throttle, "2001:db8:1:2:ffff::9", 0, NULL));
    g_assert_true(yd_throttle_take(throttle, "2001:db8:1:3::1", 0, NULL));
    g_assert_true(yd_throttle_take(throttle, "192.0.2.1", 0, NULL));
    g_assert_false(yd_throttle_take(throttle, "::ffff:192.0.2.1", 0, NULL));
    g_assert_true(yd_throttle_take(throttle, "::ffff:192.0.2.2", 0, NULL));
    g_assert_true(yd_throttle_take(throttle, NULL, 0, NULL));
    g_assert_false(yd_throttle_take(throttle, "'; DROP TABLE users", 0, NULL));
}

static void
test_memory_is_bounded(void)
{
    g_autoptr(YdThrottle) throttle = yd_throttle_new(1, 1000);

    for (guint i = 0; i < YD_THROTTLE_MAX + 5000; i++) {
        g_autofree char *address =
            g_strdup_printf("10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
        yd_throttle_take(throttle, address, 0, NULL);
    }
    g_assert_cmpuint(yd_throttle_size(throttle), <=, YD_THROTTLE_MAX);
    g_assert_false(yd_throttle_take(throttle, "203.0.113.7", 0, NULL)); // the shared one is empty
    g_assert_false(yd_throttle_take(throttle, "10.0.0.1", 0, NULL));    // known ones still count
    g_assert_true(yd_throttle_take(throttle, "203.0.113.8", 60000, NULL)); // swept
    g_assert_cmpuint(yd_throttle_size(throttle), <, 10);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/throttle/burst-and-refill", test_burst_and_refill);
    g_test_add_func("/throttle/give-back", test_give_back);
    g_test_add_func("/throttle/networks", test_networks);
    g_test_add_func("/throttle/memory", test_memory_is_bounded);
    return g_test_run();
}
