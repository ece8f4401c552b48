// SPDX-License-Identifier: Apache-2.0
// Connection requests as xfreerdp and mstsc send them, cut and refused.
#include "gate/rdp-x224.h"

#include <string.h>

#include "base/error.h"

#define TICKET "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"

static const char negotiation[8] = {1, 0, 8, 0, 0x0b, 0, 0, 0};

// A request with text and negotiation as its variable part.
static GByteArray *
request(const char *text, gboolean negotiates)
{
    gsize n = 11 + strlen(text) + (negotiates ? 8 : 0);
    const guint8 head[11] = {3, 0, (guint8)(n >> 8), (guint8)n, (guint8)(n - 5), 0xe0};
    GByteArray *bytes = g_byte_array_new();
    g_byte_array_append(bytes, head, sizeof head);
    g_byte_array_append(bytes, (const guint8 *)text, (guint)strlen(text));
    if (negotiates)
        g_byte_array_append(bytes, (const guint8 *)negotiation, 8);
    return bytes;
}

static void
check_strip(const char *text, const char *ticket, const char *rest)
{
    g_autoptr(GByteArray) in = request(text, TRUE);
    g_autoptr(GByteArray) expected = request(rest, TRUE);
    g_autoptr(GError) error = NULL;
    YdX224Request r;
    guint8 out[YD_X224_MAX];
    yd_x224_parse(in->data, in->len, &r, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(r.ticket, ==, ticket);
    g_assert_true(r.negotiates);
    g_assert_cmpuint(r.protocols, ==, 0x0b);
    gsize n = yd_x224_strip(in->data, in->len, out);
    g_assert_cmpmem(out, n, expected->data, expected->len);
}

static void
test_strip(void)
{
    check_strip("Cookie: msts=" TICKET "\r\n", TICKET, "");
    check_strip("", "", "");
    check_strip("Cookie: mstshash=anna\r\n", "", "Cookie: mstshash=anna\r\n");
    check_strip("Cookie: mstshash=anna\r\nCookie: msts=" TICKET "\r\n", TICKET,
                "Cookie: mstshash=anna\r\n");
    check_strip("Cookie: msts=" TICKET "\r\nCookie: mstshash=anna\r\n", TICKET,
                "Cookie: mstshash=anna\r\n");
}

static void
test_old_client(void)
{
    g_autoptr(GByteArray) in = request("Cookie: msts=abc\r\n", FALSE);
    YdX224Request r;
    g_assert_true(yd_x224_parse(in->data, in->len, &r, NULL));
    g_assert_cmpstr(r.ticket, ==, "abc");
    g_assert_false(r.negotiates);
}

static void
test_size(void)
{
    g_autoptr(GByteArray) in = request("Cookie: msts=" TICKET "\r\n", TRUE);
    g_autoptr(GError) error = NULL;
    gsize size = 1;
    for (gsize n = 0; n < 4; n++) {
        g_assert_true(yd_x224_size(in->data, n, &size, &error));
        g_assert_cmpuint(size, ==, 0);
    }
    g_assert_true(yd_x224_size(in->data, 4, &size, &error));
    g_assert_cmpuint(size, ==, in->len);
    static const guint8 bad[][4] = {{3, 0, 0, 4}, {3, 0, 2, 1}, {3, 0, 0xff, 0xff}, {3, 1, 0, 19}};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(yd_x224_size(bad[i], 4, &size, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_clear_error(&error);
    }
}

static void
check_refused(GByteArray *in)
{
    g_autoptr(GError) error = NULL;
    YdX224Request r;
    g_assert_false(yd_x224_parse(in->data, in->len, &r, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

static void
test_refused(void)
{
    g_autoptr(GByteArray) indicator = request("", TRUE);
    indicator->data[4]++;
    check_refused(indicator);
    g_autoptr(GByteArray) code = request("", TRUE);
    code->data[5] = 0xf0;
    check_refused(code);
    g_autoptr(GByteArray) two = request("Cookie: msts=a\r\nCookie: msts=b\r\n", TRUE);
    check_refused(two);
    g_autoptr(GByteArray) control = request("Cookie: msts=a\tb\r\n", TRUE);
    check_refused(control);
    g_autofree char *fill = g_strnfill(YD_X224_TICKET_SIZE, 'a');
    g_autofree char *text = g_strdup_printf("Cookie: msts=%s\r\n", fill);
    g_autoptr(GByteArray) longer = request(text, TRUE);
    check_refused(longer);
    g_autoptr(GByteArray) cut = request("", TRUE);
    g_byte_array_set_size(cut, cut->len - 1);
    check_refused(cut);
}

static void
test_refusal(void)
{
    guint8 out[YD_X224_REFUSAL_SIZE];
    yd_x224_refusal(YD_X224_INCONSISTENT_FLAGS, out);
    const guint8 expected[] = {3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 3, 0, 8, 0, 4, 0, 0, 0};
    g_assert_cmpmem(out, sizeof out, expected, sizeof expected);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/rdp-x224/strip", test_strip);
    g_test_add_func("/gate/rdp-x224/old-client", test_old_client);
    g_test_add_func("/gate/rdp-x224/size", test_size);
    g_test_add_func("/gate/rdp-x224/refused", test_refused);
    g_test_add_func("/gate/rdp-x224/refusal", test_refusal);
    return g_test_run();
}
