// SPDX-License-Identifier: Apache-2.0
// Addresses that deskd sends connections to, and that the configuration listens on.
#include "gate/target.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/error.h"

static void
test_good(void)
{
    YdGateTarget t;
    g_assert_true(yd_gate_target_parse("tcp:10.99.0.12:3389", &t, NULL));
    const struct sockaddr_in *in = (const struct sockaddr_in *)&t.address.storage;
    g_assert_cmpint(in->sin_family, ==, AF_INET);
    g_assert_cmpuint(ntohl(in->sin_addr.s_addr), ==, 0x0a63000c);
    g_assert_cmpuint(ntohs(in->sin_port), ==, 3389);
    g_assert_true(yd_gate_target_parse("tcp:[fd00::1]:5900", &t, NULL));
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&t.address.storage;
    g_assert_cmpint(in6->sin6_family, ==, AF_INET6);
    g_assert_cmpuint(ntohs(in6->sin6_port), ==, 5900);
    g_assert_true(yd_gate_target_parse("unix:/run/vnc.sock", &t, NULL));
    g_assert_cmpint(t.address.any.sa_family, ==, AF_UNIX);
    g_assert_cmpstr(t.address.unix_path.sun_path, ==, "/run/vnc.sock");
    g_assert_true(yd_gate_address_parse("0.0.0.0:0", TRUE, &t, NULL));
}

static void
test_private(void)
{
    static const struct {
        const char *text;
        gboolean is_private;
    } cases[] = {
        {"tcp:127.0.0.1:1", TRUE},
        {"tcp:127.255.0.1:1", TRUE},
        {"tcp:128.0.0.1:1", FALSE},
        {"tcp:10.0.0.1:1", TRUE},
        {"tcp:11.0.0.1:1", FALSE},
        {"tcp:172.16.0.1:1", TRUE},
        {"tcp:172.31.255.255:1", TRUE},
        {"tcp:172.32.0.1:1", FALSE},
        {"tcp:192.168.7.7:1", TRUE},
        {"tcp:192.169.0.1:1", FALSE},
        {"tcp:169.254.1.1:1", TRUE},
        {"tcp:100.64.0.1:1", FALSE},
        {"tcp:198.51.100.1:1", FALSE},
        {"tcp:0.0.0.0:1", FALSE},
        {"tcp:[::1]:1", TRUE},
        {"tcp:[::]:1", FALSE},
        {"tcp:[fe80::1]:1", TRUE},
        {"tcp:[fd00::1]:1", TRUE},
        {"tcp:[fc00::1]:1", TRUE},
        {"tcp:[fe00::1]:1", FALSE},
        {"tcp:[2001:db8::1]:1", FALSE},
        {"tcp:[::ffff:10.0.0.1]:1", TRUE},
        {"tcp:[::ffff:8.8.8.8]:1", FALSE},
        {"unix:/run/x", TRUE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        YdGateTarget t;
        g_test_message("%s", cases[i].text);
        g_assert_true(yd_gate_target_parse(cases[i].text, &t, NULL));
        g_assert_cmpint(yd_gate_target_is_private(&t), ==, cases[i].is_private);
    }
}

static void
test_bad(void)
{
    g_autofree char *fill = g_strnfill(200, 'a');
    g_autofree char *longer = g_strconcat("unix:/", fill, NULL);
    const char *const bad[] = {"",
                               "10.0.0.1:3389",
                               "tcp:10.0.0.1",
                               "tcp:10.0.0.1:",
                               "tcp:10.0.0.1:0",
                               "tcp:10.0.0.1:65536",
                               "tcp:10.0.0.1:33x",
                               "tcp:host:3389",
                               "tcp::3389",
                               "tcp:[::1:3389",
                               "unix:vnc.sock",
                               "unix:",
                               "udp:10.0.0.1:1",
                               longer};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        YdGateTarget t;
        g_autoptr(GError) error = NULL;
        g_assert_false(yd_gate_target_parse(bad[i], &t, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

static void
test_connect(void)
{
    YdGateTarget t;
    gboolean pending = FALSE;
    g_autoptr(GError) error = NULL;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&in, sizeof in), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    getsockname(listener, (struct sockaddr *)&in, &len);
    g_autofree char *text = g_strdup_printf("tcp:127.0.0.1:%u", ntohs(in.sin_port));
    g_assert_true(yd_gate_target_parse(text, &t, NULL));
    int fd = yd_gate_target_connect(&t, &pending, &error);
    g_assert_no_error(error);
    g_assert_cmpint(fd, >=, 0);
    int other = accept(listener, NULL, NULL);
    g_assert_cmpint(other, >=, 0);
    close(other);
    close(fd);
    close(listener);
    g_assert_true(yd_gate_target_parse("unix:/nowhere/at/all", &t, NULL));
    g_assert_cmpint(yd_gate_target_connect(&t, &pending, &error), ==, -1);
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/target/good", test_good);
    g_test_add_func("/gate/target/private", test_private);
    g_test_add_func("/gate/target/bad", test_bad);
    g_test_add_func("/gate/target/connect", test_connect);
    return g_test_run();
}
