// SPDX-License-Identifier: Apache-2.0
#include "gate/rdp-early.h"

#include <string.h>

#include "base/error.h"
#include "gate/rdp-connect.h"

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

#define CORE 216
#define BLOCKS_AT 132 // where the blocks begin

// MCS connect as MS-RDPBCGR 4.1.3 has it (the length of the connect PDU as IronRDP writes it),
// around these blocks of client data.
static GByteArray *
wrap_blocks(const GByteArray *blocks)
{
    static const guint8 parameters[] = {
        0x04, 1,    1, 0x04, 1,    1,    0x01, 1,    0xff, // selectors, upward
        0x30, 0x19, 2, 1,    34,   2,    1,    2,    2,    1, 0,    2,    1,    1, 2, 1,    0,
        2,    1,    1, 2,    2,    0xff, 0xff, 2,    1,    2, 0x30, 0x19, 2,    1, 1, 2,    1,
        1,    2,    1, 1,    2,    1,    1,    2,    1,    0, 2,    1,    1,    2, 2, 4,    0x20,
        2,    1,    2, 0x30, 0x1c, 2,    2,    0xff, 0xff, 2, 2,    0xfc, 0x17, 2, 2, 0xff, 0xff,
        2,    1,    1, 2,    1,    0,    2,    1,    1,    2, 2,    0xff, 0xff, 2, 1, 2};
    GByteArray *pdu = g_byte_array_new();
    guint data = blocks->len + 23, all = (guint)sizeof parameters + 4 + data;
    guint8 head[] = {3, 0, 0, 0, 2, 0xf0, 0x80, 0x7f, 0x65, 0x82, (guint8)(all >> 8), (guint8)all};
    guint8 user[] = {0x04, 0x82, (guint8)(data >> 8), (guint8)data, 0, 5, 0, 0x14, 0x7c, 0, 1};
    guint8 outer[] = {(guint8)(0x80 | (blocks->len + 12) >> 8), (guint8)(blocks->len + 12)};
    guint8 inner[] = {(guint8)(0x80 | blocks->len >> 8), (guint8)blocks->len};
    g_byte_array_append(pdu, head, sizeof head);
    g_byte_array_append(pdu, parameters, sizeof parameters);
    g_byte_array_append(pdu, user, sizeof user);
    g_byte_array_append(pdu, outer, sizeof outer);
    put(pdu, "\0\x08\0\x10\0\1\xc0\0Duca", 12);
    g_byte_array_append(pdu, inner, sizeof inner);
    g_assert_cmpuint(pdu->len, ==, BLOCKS_AT);
    g_byte_array_append(pdu, blocks->data, blocks->len);
    close_tpkt(pdu);
    return pdu;
}

#define CHANNELS 6
#define CHANNEL_AT(i) (BLOCKS_AT + CORE + 12 + 8 + 12 * (i))
static const char names[CHANNELS][9] = {"drdynvc\0",   "CLIPRDR!",     "rdpsnd\0x",
                                        "rdpdr\0\0\0", "rail\0\0\0\0", "cliprdr\0"};

static GByteArray *
connect_pdu(void)
{
    g_autoptr(GByteArray) blocks = g_byte_array_new();
    guint8 core[CORE] = {0x01, 0xc0, CORE, 0};
    g_byte_array_append(blocks, core, sizeof core);
    put(blocks, "\2\xc0\x0c\0........", 12);
    put(blocks, "\3\xc0\x50\0\6\0\0\0", 8);
    for (guint i = 0; i < CHANNELS; i++) {
        put(blocks, names[i], 8);
        put(blocks, "\0\0\xa0\xc0", 4);
    }
    return wrap_blocks(blocks);
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
    g_autoptr(YdRdpEarly) early = yd_rdp_early_new("alice", "pässword", 0x407, 0);
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
    const guint8 *core = out->data + BLOCKS_AT;
    g_assert_cmpuint(core[16], ==, 0x07);
    g_assert_cmpuint(core[17], ==, 0x04);
    g_assert_cmpuint(core[140], ==, 24);
    g_assert_cmpuint(core[142] & 8, ==, 8);
    g_assert_cmpuint(core[144] & 2, ==, 2);
    gsize connect = CHANNEL_AT(CHANNELS);
    for (guint i = 0; i < CHANNELS; i++)
        g_assert_cmpmem(out->data + CHANNEL_AT(i), 8, names[i], 8);
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

// Each channel that is closed has a name that no server knows, and all else is as it was.
static void
test_closed(void)
{
    static const struct {
        guint closed;
        guint channels; // bits of those that lose their names
    } cases[] = {
        {0, 0},
        {YD_RDP_CLOSE_CLIPRDR, 1 << 1 | 1 << 5},
        {YD_RDP_CLOSE_RDPSND, 1 << 2},
        {YD_RDP_CLOSE_RDPDR | YD_RDP_CLOSE_DRDYNVC, 1 << 3 | 1 << 0},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) pdu = connect_pdu();
        g_autoptr(GByteArray) open = connect_pdu();
        g_autoptr(GError) error = NULL;
        yd_rdp_connect_rewrite(pdu->data, pdu->len, 0, cases[i].closed, &error);
        g_assert_no_error(error);
        g_assert_true(yd_rdp_connect_rewrite(open->data, open->len, 0, 0, NULL));
        for (guint c = 0; c < CHANNELS; c++) {
            guint8 *name = pdu->data + CHANNEL_AT(c);
            if (cases[i].channels & 1u << c) {
                g_autofree char *off = g_strdup_printf("off%u", c);
                g_assert_cmpstr((char *)name, ==, off);
                memcpy(name, names[c], 8);
            }
        }
        g_assert_cmpmem(pdu->data, pdu->len, open->data, open->len);
    }
    guint flag = 0;
    g_assert_true(yd_rdp_channel_flag("rdpdr", &flag));
    g_assert_cmpuint(flag, ==, YD_RDP_CLOSE_RDPDR);
    g_assert_false(yd_rdp_channel_flag("rail", &flag));
}

static void
refused(const guint8 *data, gsize len)
{
    g_autoptr(YdRdpEarly) early = yd_rdp_early_new("a", "b", 0, YD_RDP_CLOSE_CLIPRDR);
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_rdp_early_feed(early, data, len, out, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_assert_false(yd_rdp_early_done(early));
}

// After the connect that must come first.
static void
refused_next(const GByteArray *pdu)
{
    g_autoptr(GByteArray) all = connect_pdu();
    g_byte_array_append(all, pdu->data, pdu->len);
    refused(all->data, all->len);
}

static void
test_refused(void)
{
    refused((const guint8 *)"GET /", 5);
    refused((const guint8 *)"\3\0\0\3", 4);
    refused((const guint8 *)"\3\0\xff\xff", 4);
    refused((const guint8 *)"\3\0\0\x09\2\xf0\x81..", 9);
    g_autoptr(GByteArray) ansi = info_pdu("x", "y", 0x0);
    refused_next(ansi);
    g_autoptr(GByteArray) cut = info_pdu("x", "y", 0x10);
    cut->data[15 + 4 + 10] = 0xff; // a user name longer than the PDU
    refused_next(cut);
    g_autoptr(GByteArray) first = info_pdu("x", "y", 0x10); // a log-in, and what then?
    refused(first->data, first->len);
    g_autoptr(GByteArray) second = connect_pdu();
    refused_next(second);
}

// Whoever hides channels from the gate hides them from the server too: every byte around the
// blocks has one meaning, or the connect is refused.
static void
test_disguised(void)
{
    static const struct {
        guint at;
        guint8 byte;
    } damages[] = {
        {9, 0x80},                         // BER without an end
        {11, 0x7f},                        // MCS shorter than the packet
        {12, 0x30},                        // another order
        {13, 0x81},                        // a longer selector
        {BLOCKS_AT - 23 - 1, 0xff},        // user data longer than the packet
        {BLOCKS_AT - 23 + 6, 2},           // another key
        {BLOCKS_AT - 14 - 2, 0x20},        // a PER length of one byte
        {BLOCKS_AT - 14 + 5, 2},           // two sets of data
        {BLOCKS_AT - 3, 'A'},              // not of a client
        {BLOCKS_AT - 1, 0},                // blocks end before the packet does
        {BLOCKS_AT + 2, 3},                // a block shorter than its head
        {BLOCKS_AT + 3, 0xff},             // longer than the packet
        {BLOCKS_AT + CORE + 12 + 4, 5},    // fewer channels than there are
        {BLOCKS_AT + CORE + 12 + 4, 7},    // more
        {BLOCKS_AT + CORE + 12 + 7, 0xff}, // too many
        {BLOCKS_AT + CORE + 12 + 2, 0x44}, // a channel less, and a block of twelve bytes behind
    };
    for (guint i = 0; i < G_N_ELEMENTS(damages); i++) {
        g_autoptr(GByteArray) pdu = connect_pdu();
        pdu->data[damages[i].at] = damages[i].byte;
        g_test_message("damage %u", i);
        refused(pdu->data, pdu->len);
    }
    g_autoptr(GByteArray) pdu = connect_pdu();
    for (guint len = 9; len < pdu->len; len++) { // cut anywhere
        pdu->data[2] = (guint8)(len >> 8);
        pdu->data[3] = (guint8)len;
        refused(pdu->data, len);
    }
}

static void
test_endless(void)
{
    g_autoptr(YdRdpEarly) early = yd_rdp_early_new("a", "b", 0, 0);
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GByteArray) connect = connect_pdu();
    gboolean good = yd_rdp_early_feed(early, connect->data, connect->len, out, NULL);
    guint n = 0;
    g_assert_true(good);
    for (; good && n < 1000; n++)
        good = yd_rdp_early_feed(early, (const guint8 *)"\3\0\0\x0c\2\xf0\x80\4\1\0\1\0", 12, out,
                                 NULL);
    g_assert_false(good);
    g_assert_cmpuint(n, ==, YD_RDP_EARLY_PDUS);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rdp-early/rewrite", test_rewrite);
    g_test_add_func("/rdp-early/pieces", test_pieces);
    g_test_add_func("/rdp-early/closed", test_closed);
    g_test_add_func("/rdp-early/refused", test_refused);
    g_test_add_func("/rdp-early/disguised", test_disguised);
    g_test_add_func("/rdp-early/endless", test_endless);
    return g_test_run();
}
