// SPDX-License-Identifier: Apache-2.0
#include "gate/rdp-early.h"

#include <string.h>

#include "base/error.h"

static void
put16(GByteArray *out, guint value)
{
    const guint8 bytes[] = {(guint8)value, (guint8)(value >> 8)};
    g_byte_array_append(out, bytes, 2);
}

static void
put(GByteArray *out, const char *bytes, gsize n)
{
    g_byte_array_append(out, (const guint8 *)bytes, (guint)n);
}

static void
close_tpkt(GByteArray *pdu)
{
    pdu->data[2] = (guint8)(pdu->len >> 8);
    pdu->data[3] = (guint8)pdu->len;
}

// MCS connect with a core block of 216 bytes and a security block behind it.
static GByteArray *
connect_pdu(void)
{
    GByteArray *pdu = g_byte_array_new();
    guint8 core[216] = {0x01, 0xc0, 216, 0};
    put(pdu, "\3\0\0\0\2\xf0\x80\x7f\x65", 9);
    put(pdu, "....Duca\x80\xe0", 10);
    g_byte_array_append(pdu, core, sizeof core);
    put(pdu, "\2\xc0\x0c\0........", 12);
    close_tpkt(pdu);
    return pdu;
}

static void
put_wide(GByteArray *out, const char *text)
{
    for (; *text; text++)
        put16(out, (guint8)*text);
    put16(out, 0);
}

static GByteArray *
info_pdu(const char *user, const char *password, guint flags)
{
    g_autoptr(GByteArray) info = g_byte_array_new();
    put16(info, 0x40); // SEC_INFO_PKT
    put16(info, 0);
    put(info, "\0\0\0\0", 4);
    put16(info, flags);
    put16(info, 0);
    put16(info, 6); // domain "dom"
    put16(info, 2 * (guint)strlen(user));
    put16(info, 2 * (guint)strlen(password));
    put16(info, 0);
    put16(info, 4); // working folder "wd"
    put_wide(info, "dom");
    put_wide(info, user);
    put_wide(info, password);
    put_wide(info, "");
    put_wide(info, "wd");
    put(info, "extra", 5);
    GByteArray *pdu = g_byte_array_new();
    put(pdu, "\3\0\0\0\2\xf0\x80\x64\0\5\3\xeb\x70", 13);
    const guint8 length[] = {(guint8)(0x80 | info->len >> 8), (guint8)info->len};
    g_byte_array_append(pdu, length, 2);
    g_byte_array_append(pdu, info->data, info->len);
    close_tpkt(pdu);
    return pdu;
}

static GByteArray *
all_pdus(void)
{
    g_autoptr(GByteArray) connect = connect_pdu();
    g_autoptr(GByteArray) info = info_pdu("x", "wrong", 0x10);
    GByteArray *all = g_byte_array_new();
    g_byte_array_append(all, connect->data, connect->len);
    put(all, "\3\0\0\x0c\2\xf0\x80\4\1\0\1\0", 12); // erect domain
    g_byte_array_append(all, info->data, info->len);
    put(all, "after\3\0", 7);
    return all;
}

static GByteArray *
feed_in_pieces(GByteArray *all, gsize piece)
{
    g_autoptr(YdRdpEarly) early = yd_rdp_early_new("alice", "pässword", 0x407);
    g_autoptr(GError) error = NULL;
    GByteArray *out = g_byte_array_new();
    for (gsize at = 0; at < all->len; at += piece) {
        gsize n = MIN(piece, all->len - at);
        yd_rdp_early_feed(early, all->data + at, n, out, &error);
        g_assert_no_error(error);
    }
    g_assert_true(yd_rdp_early_done(early));
    return out;
}

static void
test_rewrite(void)
{
    g_autoptr(GByteArray) all = all_pdus();
    g_autoptr(GByteArray) out = feed_in_pieces(all, all->len);
    const guint8 *core = out->data + 19;
    g_assert_cmpuint(core[16], ==, 0x07);
    g_assert_cmpuint(core[17], ==, 0x04);
    g_assert_cmpuint(core[140], ==, 24);
    g_assert_cmpuint(core[142] & 8, ==, 8);
    g_assert_cmpuint(core[144] & 2, ==, 2);
    gsize connect = 9 + 10 + 216 + 12;
    g_assert_cmpmem(out->data + connect, 12, "\3\0\0\x0c\2\xf0\x80\4\1\0\1\0", 12);

    const guint8 *info = out->data + connect + 12;
    g_assert_cmpuint(info[2] << 8 | info[3], ==, out->len - connect - 12 - 7);
    g_assert_cmpuint((info[13] & 0x7f) << 8 | info[14], ==, out->len - connect - 12 - 7 - 15);
    g_assert_cmpuint(info[15 + 8], ==, 0x18); // Unicode and autologon
    static const char strings[] = "\0\0\x0a\0\x10\0\0\0\4\0"
                                  "\0\0"
                                  "a\0l\0i\0c\0e\0\0\0"
                                  "p\0\xe4\0s\0s\0w\0o\0r\0d\0\0\0"
                                  "\0\0"
                                  "w\0d\0\0\0"
                                  "extra";
    g_assert_cmpmem(info + 15 + 12, sizeof strings - 1, strings, sizeof strings - 1);
    g_assert_cmpmem(out->data + out->len - 7, 7, "after\3\0", 7);
    g_assert_null(memmem(out->data, out->len, "w\0r\0o\0n\0g", 9));
}

static void
test_pieces(void)
{
    g_autoptr(GByteArray) all = all_pdus();
    g_autoptr(GByteArray) whole = feed_in_pieces(all, all->len);
    for (gsize piece = 1; piece < 64; piece++) {
        g_autoptr(GByteArray) out = feed_in_pieces(all, piece);
        g_assert_cmpmem(out->data, out->len, whole->data, whole->len);
    }
}

static void
refused(const guint8 *data, gsize len)
{
    g_autoptr(YdRdpEarly) early = yd_rdp_early_new("a", "b", 0);
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_rdp_early_feed(early, data, len, out, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_assert_false(yd_rdp_early_done(early));
}

static void
test_refused(void)
{
    refused((const guint8 *)"GET /", 5);
    refused((const guint8 *)"\3\0\0\3", 4);
    refused((const guint8 *)"\3\0\xff\xff", 4);
    refused((const guint8 *)"\3\0\0\x09\2\xf0\x81..", 9);
    g_autoptr(GByteArray) ansi = info_pdu("x", "y", 0x0);
    refused(ansi->data, ansi->len);
    g_autoptr(GByteArray) cut = info_pdu("x", "y", 0x10);
    cut->data[15 + 4 + 10] = 0xff; // a user name longer than the PDU
    refused(cut->data, cut->len);
    g_autoptr(GByteArray) connect = connect_pdu();
    connect->data[19 + 2] = 3; // a block shorter than its head
    refused(connect->data, connect->len);
    connect->data[13] = 'd'; // no client data
    refused(connect->data, connect->len);
}

static void
test_endless(void)
{
    g_autoptr(YdRdpEarly) early = yd_rdp_early_new("a", "b", 0);
    g_autoptr(GByteArray) out = g_byte_array_new();
    gboolean good = TRUE;
    guint n = 0;
    for (; good && n < 1000; n++)
        good = yd_rdp_early_feed(early, (const guint8 *)"\3\0\0\x0c\2\xf0\x80\4\1\0\1\0", 12, out,
                                 NULL);
    g_assert_false(good);
    g_assert_cmpuint(n, ==, YD_RDP_EARLY_PDUS + 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rdp-early/rewrite", test_rewrite);
    g_test_add_func("/rdp-early/pieces", test_pieces);
    g_test_add_func("/rdp-early/refused", test_refused);
    g_test_add_func("/rdp-early/endless", test_endless);
    return g_test_run();
}
