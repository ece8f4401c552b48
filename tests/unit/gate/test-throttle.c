// SPDX-License-Identifier: Apache-2.0
// Limits per address and in all, and the bucket of refused tickets, with a clock of the test's own.
#include "gate/throttle.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const YdThrottleLimits limits = {
    .max_sockets = 4,
    .max_sockets_per_address = 2,
    .max_unauthenticated = 3,
    .max_unauthenticated_per_address = 2,
    .opened_burst = 100,
    .opened_per_second = 10,
    .refused_burst = 3,
    .refused_per_minute = 6,
};

static YdThrottleKey
key4(const char *text)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    g_assert_cmpint(inet_pton(AF_INET, text, &in.sin_addr), ==, 1);
    return yd_throttle_key((const struct sockaddr *)&in);
}

static YdThrottleKey
key6(const char *text)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    g_assert_cmpint(inet_pton(AF_INET6, text, &in6.sin6_addr), ==, 1);
    return yd_throttle_key((const struct sockaddr *)&in6);
}

static void
assert_full(YdThrottle *throttle, const YdThrottleKey *key, const char *name)
{
    const char *limit = NULL;
    g_assert_false(yd_throttle_enter(throttle, key, 0, &limit));
    g_assert_cmpstr(limit, ==, name);
}

static void
enter(YdThrottle *throttle, const YdThrottleKey *key)
{
    const char *limit = NULL;
    g_assert_true(yd_throttle_enter(throttle, key, 0, &limit));
    g_assert_null(limit);
}

// Sockets of a proxy: nobody's, until it is said whose.
static void
test_nobody(void)
{
    g_autoptr(YdThrottle) throttle = yd_throttle_new(&limits);
    YdThrottleKey nobody = {0}, a = key4("192.0.2.1");
    const char *limit = NULL;
    for (guint i = 0; i < 3; i++)
        enter(throttle, &nobody);
    assert_full(throttle, &nobody, "max_unauthenticated");
    g_assert_true(yd_throttle_is_of(throttle, &a, 0, &limit));
    g_assert_true(yd_throttle_is_of(throttle, &a, 0, &limit));
    g_assert_false(yd_throttle_is_of(throttle, &a, 0, &limit));
    g_assert_cmpstr(limit, ==, "max_sockets_per_address");
    yd_throttle_leave(throttle, &nobody, FALSE);
    yd_throttle_leave(throttle, &a, FALSE);
    enter(throttle, &a);
    assert_full(throttle, &a, "max_sockets_per_address");
}

static void
test_sockets(void)
{
    g_autoptr(YdThrottle) throttle = yd_throttle_new(&limits);
    YdThrottleKey a = key4("192.0.2.1"), b = key4("192.0.2.2"), c = key4("192.0.2.3");
    enter(throttle, &a);
    enter(throttle, &a);
    assert_full(throttle, &a, "max_sockets_per_address");
    enter(throttle, &b);
    assert_full(throttle, &b, "max_unauthenticated");
    yd_throttle_authenticated(throttle, &a);
    enter(throttle, &b);
    assert_full(throttle, &c, "max_sockets");
    yd_throttle_authenticated(throttle, &b);
    yd_throttle_leave(throttle, &a, TRUE);
    enter(throttle, &c);
    yd_throttle_leave(throttle, &c, FALSE);
    yd_throttle_leave(throttle, &a, FALSE);
    enter(throttle, &a);
    enter(throttle, &a);
    assert_full(throttle, &a, "max_sockets");
    // All of them gone, all of it is free again.
    yd_throttle_leave(throttle, &a, FALSE);
    yd_throttle_leave(throttle, &a, FALSE);
    yd_throttle_leave(throttle, &b, TRUE);
    yd_throttle_leave(throttle, &b, FALSE);
    for (guint i = 0; i < 2; i++)
        enter(throttle, &b);
    assert_full(throttle, &b, "max_sockets_per_address");
}

static void
test_addresses(void)
{
    g_autoptr(YdThrottle) throttle = yd_throttle_new(&limits);
    YdThrottleKey a = key6("2001:db8::1"), same = key6("2001:db8::2:3");
    YdThrottleKey other = key6("2001:db8:0:1::1");
    enter(throttle, &a);
    enter(throttle, &same);
    assert_full(throttle, &a, "max_sockets_per_address");
    enter(throttle, &other);
    // Bytes that look alike are still two families.
    YdThrottleKey four = key4("32.1.13.184"), six = key6("2001:db8::");
    g_assert_cmpint(memcmp(&four, &six, sizeof four), !=, 0);
}

// One address can't take all the places of those that have not shown a ticket yet.
static void
test_unauthenticated(void)
{
    YdThrottleLimits own = limits;
    own.max_sockets = own.max_sockets_per_address = own.max_unauthenticated = 100;
    g_autoptr(YdThrottle) throttle = yd_throttle_new(&own);
    YdThrottleKey a = key4("192.0.2.1"), b = key4("192.0.2.2");
    enter(throttle, &a);
    enter(throttle, &a);
    assert_full(throttle, &a, "max_unauthenticated_per_address");
    enter(throttle, &b);
    // Whoever shows a ticket makes room, whoever goes does so once.
    yd_throttle_authenticated(throttle, &a);
    enter(throttle, &a);
    assert_full(throttle, &a, "max_unauthenticated_per_address");
    yd_throttle_leave(throttle, &a, TRUE);
    assert_full(throttle, &a, "max_unauthenticated_per_address");
    yd_throttle_leave(throttle, &a, FALSE);
    enter(throttle, &a);
    assert_full(throttle, &a, "max_unauthenticated_per_address");
}

// Sockets that come and go cost tokens, and only their own address's.
static void
test_opened(void)
{
    YdThrottleLimits own = limits;
    own.opened_burst = 5;
    g_autoptr(YdThrottle) throttle = yd_throttle_new(&own);
    YdThrottleKey a = key4("192.0.2.1"), b = key4("192.0.2.2");
    const char *limit = NULL;
    gint64 now = 1000 * G_USEC_PER_SEC;
    for (guint i = 0; i < 5; i++) {
        g_assert_true(yd_throttle_enter(throttle, &a, now, &limit));
        yd_throttle_leave(throttle, &a, FALSE);
    }
    g_assert_false(yd_throttle_enter(throttle, &a, now, &limit));
    g_assert_cmpstr(limit, ==, "opened_burst");
    g_assert_true(yd_throttle_enter(throttle, &b, now, &limit));
    // Ten a second are forgiven: one after a tenth, five at most however long it takes.
    g_assert_false(yd_throttle_enter(throttle, &a, now + G_USEC_PER_SEC / 11, &limit));
    now += G_USEC_PER_SEC / 9;
    g_assert_true(yd_throttle_enter(throttle, &a, now, &limit));
    yd_throttle_leave(throttle, &a, FALSE);
    g_assert_false(yd_throttle_enter(throttle, &a, now, &limit));
    now += 600 * (gint64)G_USEC_PER_SEC;
    for (guint i = 0; i < 5; i++) {
        g_assert_true(yd_throttle_enter(throttle, &a, now, &limit));
        yd_throttle_leave(throttle, &a, FALSE);
    }
    g_assert_false(yd_throttle_enter(throttle, &a, now, &limit));
}

static void
test_refused(void)
{
    g_autoptr(YdThrottle) throttle = yd_throttle_new(&limits);
    YdThrottleKey a = key4("192.0.2.1"), b = key4("192.0.2.2");
    gint64 now = 1000 * G_USEC_PER_SEC;
    for (guint i = 0; i < 3; i++) {
        g_assert_true(yd_throttle_may_redeem(throttle, &a, now));
        yd_throttle_refused(throttle, &a, now);
    }
    g_assert_false(yd_throttle_may_redeem(throttle, &a, now));
    g_assert_true(yd_throttle_may_redeem(throttle, &b, now));
    // Six a minute are forgiven: one after ten seconds.
    g_assert_false(yd_throttle_may_redeem(throttle, &a, now + 9 * G_USEC_PER_SEC));
    now += 11 * G_USEC_PER_SEC;
    g_assert_true(yd_throttle_may_redeem(throttle, &a, now));
    yd_throttle_refused(throttle, &a, now);
    g_assert_false(yd_throttle_may_redeem(throttle, &a, now));
    // Sockets that come and go do not wash it away.
    enter(throttle, &a);
    yd_throttle_leave(throttle, &a, FALSE);
    g_assert_false(yd_throttle_may_redeem(throttle, &a, now));
    now += 60 * G_USEC_PER_SEC;
    for (guint i = 0; i < 3; i++) {
        g_assert_true(yd_throttle_may_redeem(throttle, &a, now));
        yd_throttle_refused(throttle, &a, now);
    }
    g_assert_false(yd_throttle_may_redeem(throttle, &a, now));
}

// Many addresses that guess once each: the sweep forgets them, and only them.
static void
test_sweep(void)
{
    g_autoptr(YdThrottle) throttle = yd_throttle_new(&limits);
    YdThrottleKey guesser = key4("192.0.2.1");
    gint64 now = 1000 * G_USEC_PER_SEC;
    for (guint i = 0; i < 5000; i++) {
        YdThrottleKey key = {{(guint8)(i >> 8), (guint8)i, 9}};
        yd_throttle_refused(throttle, &key, now);
        now += G_USEC_PER_SEC / 10;
        if (i % 20 == 0)
            yd_throttle_refused(throttle, &guesser, now);
    }
    g_assert_false(yd_throttle_may_redeem(throttle, &guesser, now));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/throttle/nobody", test_nobody);
    g_test_add_func("/gate/throttle/sockets", test_sockets);
    g_test_add_func("/gate/throttle/addresses", test_addresses);
    g_test_add_func("/gate/throttle/unauthenticated", test_unauthenticated);
    g_test_add_func("/gate/throttle/opened", test_opened);
    g_test_add_func("/gate/throttle/refused", test_refused);
    g_test_add_func("/gate/throttle/sweep", test_sweep);
    return g_test_run();
}
