// SPDX-License-Identifier: Apache-2.0
// PROXY headers written and read.
#include "base/proxy-v2.h"

#include <string.h>

#include "base/error.h"

static void
check_round_trip(const char *source, const char *destination, gsize size)
{
    YdProxyV2 in = {.source_port = 50112, .destination_port = 443}, out;
    g_strlcpy(in.source, source, sizeof in.source);
    g_strlcpy(in.destination, destination, sizeof in.destination);
    guint8 bytes[YD_PROXY_V2_WRITE_MAX];
    g_autoptr(GError) error = NULL;
    gsize n = yd_proxy_v2_write(&in, bytes), told = 1;
    g_assert_cmpuint(n, ==, size);
    for (gsize i = 0; i < YD_PROXY_V2_FIXED; i++) {
        g_assert_true(yd_proxy_v2_size(bytes, i, &told, &error));
        g_assert_cmpuint(told, ==, 0);
    }
    g_assert_true(yd_proxy_v2_size(bytes, YD_PROXY_V2_FIXED, &told, &error));
    g_assert_cmpuint(told, ==, n);
    g_assert_true(yd_proxy_v2_parse(bytes, n, &out, &error));
    g_assert_false(out.local);
    g_assert_cmpstr(out.source, ==, source);
    g_assert_cmpstr(out.destination, ==, destination);
    g_assert_cmpuint(out.source_port, ==, 50112);
    g_assert_cmpuint(out.destination_port, ==, 443);
}

static void
test_round_trip(void)
{
    check_round_trip("198.51.100.7", "127.0.0.1", 28);
    check_round_trip("2001:db8::7", "::1", 52);
}

static void
test_bytes(void)
{
    YdProxyV2 in = {.source = "198.51.100.7",
                    .source_port = 0xc3c0,
                    .destination = "127.0.0.1",
                    .destination_port = 443};
    guint8 bytes[YD_PROXY_V2_WRITE_MAX];
    gsize n = yd_proxy_v2_write(&in, bytes);
    g_assert_cmpmem(
        bytes, n, "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc6\x33\x64\x07\x7f\0\0\x01\xc3\xc0\x01\xbb",
        28);
}

static void
test_local(void)
{
    static const YdProxyV2 cases[] = {
        {.local = TRUE}, {.source = "x"}, {.source = "::1", .destination = "1.2.3.4"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        YdProxyV2 out;
        guint8 bytes[YD_PROXY_V2_WRITE_MAX];
        gsize n = yd_proxy_v2_write(&cases[i], bytes);
        g_assert_cmpuint(n, ==, YD_PROXY_V2_FIXED);
        g_assert_true(yd_proxy_v2_parse(bytes, n, &out, NULL));
        g_assert_true(out.local);
    }
}

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

static void
parse_tls(const char *bytes, gsize len, gboolean tls)
{
    YdProxyV2 out;
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_proxy_v2_parse((const guint8 *)bytes, len, &out, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(out.source, ==, "1.2.3.4");
    g_assert_cmpint(out.tls, ==, tls);
}

#define IPV4 "\x01\x02\x03\x04\x05\x06\x07\x08\x00\x09\x00\x0a"

static void
test_extensions(void)
{
    parse_tls(SIGNATURE "\x21\x11\0\x0c" IPV4, 28, FALSE);
    parse_tls(SIGNATURE "\x21\x11\0\x14" IPV4 "\x20\0\x05\x01\0\0\0\0", 36, TRUE);
    parse_tls(SIGNATURE "\x21\x11\0\x14" IPV4 "\x20\0\x05\x00\0\0\0\0", 36, FALSE);
    parse_tls(SIGNATURE "\x21\x11\0\x0f" IPV4 "\x20\0\0", 31, FALSE);
    // Behind one that is not known, and with other bits.
    parse_tls(SIGNATURE "\x21\x11\0\x19" IPV4 "\xee\0\x02"
                        "ab"
                        "\x20\0\x05\x07\0\0\0\0",
              41, TRUE);
}

static void
check_refused(const char *bytes, gsize len)
{
    YdProxyV2 out;
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_proxy_v2_parse((const guint8 *)bytes, len, &out, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

static void
test_refused(void)
{
    gsize size;
    g_assert_false(yd_proxy_v2_size((const guint8 *)"GET / HTTP/1.1", 3, &size, NULL));
    check_refused("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n", 32);
    check_refused(SIGNATURE "\x21\x11\0\x04"
                            "abcd",
                  20);                               // too short for IPv4
    check_refused(SIGNATURE "\x21\x11\xff\xff", 16); // too long
    check_refused(SIGNATURE "\x11\x11\0\0", 16);     // version 1
    check_refused(SIGNATURE "\x22\x11\0\0", 16);     // unknown command
    check_refused(SIGNATURE "\x21\x11\0\x0c"
                            "abcdefghijk",
                  27); // one byte missing
    check_refused(SIGNATURE "\x21\x11\0\x0e" IPV4 "\x20\0", 30);
    check_refused(SIGNATURE "\x21\x11\0\x13" IPV4 "\x20\0\x05\x01\0\0\0", 35);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/base/proxy-v2/round-trip", test_round_trip);
    g_test_add_func("/base/proxy-v2/bytes", test_bytes);
    g_test_add_func("/base/proxy-v2/local", test_local);
    g_test_add_func("/base/proxy-v2/extensions", test_extensions);
    g_test_add_func("/base/proxy-v2/refused", test_refused);
    return g_test_run();
}
