// SPDX-License-Identifier: Apache-2.0
// First bytes of real clients, whole and cut short.
#include "gate/sniff.h"

#include <string.h>

typedef struct {
    const char *name, *bytes;
    gsize len;
    YdSniff kind;
} Case;

static const Case cases[] = {
    {"rdp", "\x03\x00\x00\x13\x0e\xe0", 6, YD_SNIFF_RDP},
    {"tls", "\x16\x03\x01\x02\x00", 5, YD_SNIFF_TLS},
    {"connect", "CONNECT vm:5900 HTTP/1.0", 24, YD_SNIFF_CONNECT},
    {"get", "GET / HTTP/1.1", 14, YD_SNIFF_HTTP},
    {"head", "HEAD / HTTP/1.1", 15, YD_SNIFF_HTTP},
    {"spice", "REDQ\x02\x00\x00\x00", 8, YD_SNIFF_SPICE},
    {"gate", "{\"op\":\"pass\"", 12, YD_SNIFF_PEER},
    {"proxy", "\r\n\r\n\0\r\nQUIT\n", 12, YD_SNIFF_PROXY},
    {"proxy, short", "\r\n\r\n\0\r\n", 7, YD_SNIFF_MORE},
    {"empty lines", "\r\n\r\nGET /", 9, YD_SNIFF_UNKNOWN},
    {"json", "{\"ticket\":1}", 12, YD_SNIFF_UNKNOWN},
    {"tpkt-2", "\x02\x00", 2, YD_SNIFF_UNKNOWN},
    {"tls-2", "\x16\x02", 2, YD_SNIFF_UNKNOWN},
    {"post", "POST / HTTP/1.1", 15, YD_SNIFF_UNKNOWN},
    {"connect-lower", "connect vm:1", 12, YD_SNIFF_UNKNOWN},
    {"connect-tab", "CONNECT\t", 8, YD_SNIFF_UNKNOWN},
    {"zero", "\0\0\0\0", 4, YD_SNIFF_UNKNOWN},
};

static void
test_case(gconstpointer data)
{
    const Case *c = data;
    g_assert_cmpint(yd_sniff((const guint8 *)c->bytes, c->len), ==, c->kind);
    // No beginning may promise another protocol.
    for (gsize n = 0; n < c->len; n++) {
        YdSniff kind = yd_sniff((const guint8 *)c->bytes, n);
        g_assert_true(kind == YD_SNIFF_MORE || kind == c->kind);
    }
    g_assert_cmpint(yd_sniff((const guint8 *)c->bytes, 0), ==, YD_SNIFF_MORE);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/gate/sniff/%s", cases[i].name);
        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
