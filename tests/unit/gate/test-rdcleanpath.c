// SPDX-License-Identifier: Apache-2.0
#include "gate/rdcleanpath.h"

#include <string.h>

#include "base/error.h"

// SEQUENCE { [0] 3390, [2] "desk", [3] "tick", [6] 03 00 00 05 00 }
static const guint8 request[] = {
    0x30, 0x1f, 0xa0, 0x04, 0x02, 0x02, 0x0d, 0x3e, 0xa2, 0x06, 0x0c,
    0x04, 'd',  'e',  's',  'k',  0xa3, 0x06, 0x0c, 0x04, 't',  'i',
    'c',  'k',  0xa6, 0x07, 0x04, 0x05, 0x03, 0x00, 0x00, 0x05, 0x00,
};

static void
test_request(void)
{
    g_autoptr(GError) error = NULL;
    YdRdcleanpathRequest parsed;
    gsize size = 99;
    g_assert_true(yd_rdcleanpath_size(request, sizeof request, &size, &error));
    g_assert_cmpuint(size, ==, sizeof request);
    g_assert_true(yd_rdcleanpath_parse(request, sizeof request, &parsed, &error));
    g_assert_no_error(error);
    g_assert_cmpmem(parsed.token, parsed.token_len, "tick", 4);
    g_assert_cmpmem(parsed.x224, parsed.x224_len, "\3\0\0\5\0", 5);
}

static void
test_pieces(void)
{
    gsize size = 99;
    for (gsize n = 0; n < 4; n++) {
        g_assert_true(yd_rdcleanpath_size(request, n, &size, NULL));
        g_assert_cmpuint(size, ==, 0);
    }
    for (gsize n = 0; n < sizeof request; n++) {
        YdRdcleanpathRequest parsed;
        g_autoptr(GError) error = NULL;
        g_assert_false(yd_rdcleanpath_parse(request, n, &parsed, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

static void
refused(gsize at, guint8 value)
{
    guint8 copy[sizeof request];
    YdRdcleanpathRequest parsed;
    g_autoptr(GError) error = NULL;
    memcpy(copy, request, sizeof copy);
    copy[at] = value;
    g_assert_false(yd_rdcleanpath_parse(copy, sizeof copy, &parsed, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

static void
test_damaged(void)
{
    gsize size = 0;
    g_autoptr(GError) error = NULL;
    refused(0, 0x31);  // no sequence
    refused(7, 0x3f);  // another version
    refused(3, 0x05);  // a field longer than what is in it
    refused(16, 0xa4); // no token
    refused(24, 0xa5); // no X.224
    refused(18, 0x04); // token of the wrong type
    refused(27, 0x80); // indefinite
    const guint8 huge[] = {0x30, 0x82, 0xff, 0xff};
    g_assert_false(yd_rdcleanpath_size(huge, sizeof huge, &size, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

static void
test_response(void)
{
    guint8 certificate[300] = {0x30};
    g_autoptr(GByteArray) pdu = yd_rdcleanpath_response(
        (const guint8 *)"\3\0\0\5\0", 5, certificate, sizeof certificate, "desk:3389");
    static const guint8 head[] = {0x30, 0x82, 0x01, 0x54, 0xa0, 0x04, 0x02, 0x02, 0x0d, 0x3e, 0xa6,
                                  0x07, 0x04, 0x05, 0x03, 0x00, 0x00, 0x05, 0x00, 0xa7, 0x82, 0x01,
                                  0x34, 0x30, 0x82, 0x01, 0x30, 0x04, 0x82, 0x01, 0x2c, 0x30};
    g_assert_cmpuint(pdu->len, ==, 344);
    g_assert_cmpmem(pdu->data, sizeof head, head, sizeof head);
    g_assert_cmpmem(pdu->data + pdu->len - 9, 9, "desk:3389", 9);
}

static void
test_error(void)
{
    g_autoptr(GByteArray) pdu = yd_rdcleanpath_error(401, 0, 0);
    static const guint8 status[] = {0x30, 0x15, 0xa0, 0x04, 0x02, 0x02, 0x0d, 0x3e,
                                    0xa1, 0x0d, 0x30, 0x0b, 0xa0, 0x03, 0x02, 0x01,
                                    0x01, 0xa1, 0x04, 0x02, 0x02, 0x01, 0x91};
    g_assert_cmpmem(pdu->data, pdu->len, status, sizeof status);
    g_autoptr(GByteArray) refused_pdu = yd_rdcleanpath_error(0, 10061, 200);
    static const guint8 end[] = {0xa2, 0x04, 0x02, 0x02, 0x27, 0x4d,
                                 0xa3, 0x04, 0x02, 0x02, 0x00, 0xc8};
    g_assert_cmpmem(refused_pdu->data + refused_pdu->len - sizeof end, sizeof end, end, sizeof end);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rdcleanpath/request", test_request);
    g_test_add_func("/rdcleanpath/pieces", test_pieces);
    g_test_add_func("/rdcleanpath/damaged", test_damaged);
    g_test_add_func("/rdcleanpath/response", test_response);
    g_test_add_func("/rdcleanpath/error", test_error);
    return g_test_run();
}
