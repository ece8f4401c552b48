// SPDX-License-Identifier: Apache-2.0
// WebSocket frames of a client, in one piece and byte by byte, and frames for it.
#include "gate/ws-frame.h"

#include <string.h>

static void
add_frame(GByteArray *out, guint8 first, const void *payload, gsize len)
{
    const guint8 mask[4] = {0xa1, 0xb2, 0xc3, 0xd4};
    guint8 head[YD_WS_SERVER_HEADER_MAX];
    gsize n = yd_ws_header(YD_WS_BINARY, len, head);
    head[0] = first;
    head[1] |= 0x80;
    g_byte_array_append(out, head, (guint)n);
    g_byte_array_append(out, mask, 4);
    for (gsize i = 0; i < len; i++) {
        guint8 c = ((const guint8 *)payload)[i] ^ mask[i & 3];
        g_byte_array_append(out, &c, 1);
    }
}

typedef struct {
    GByteArray *data;
    GString *controls; // "opcode:payload;"
    guint16 close_code;
} Seen;

static void
seen_clear(Seen *seen)
{
    g_byte_array_unref(seen->data);
    g_string_free(seen->controls, TRUE);
}

static Seen
decode(const GByteArray *in, gsize piece)
{
    Seen seen = {g_byte_array_new(), g_string_new(NULL), 0};
    YdWsDecoder decoder = {0};
    for (gsize at = 0; at < in->len; at += piece) {
        gsize n = MIN(piece, in->len - at);
        g_autofree guint8 *copy = g_memdup2(in->data + at, n);
        guint8 *p = copy;
        YdWsPart part;
        do {
            gsize used = yd_ws_decode(&decoder, p, n, &part);
            p += used;
            n -= used;
            if (part.kind == YD_WS_PART_DATA)
                g_byte_array_append(seen.data, part.payload, (guint)part.len);
            if (part.kind == YD_WS_PART_CONTROL)
                g_string_append_printf(seen.controls, "%d:%.*s;", part.opcode, (int)part.len,
                                       (const char *)part.payload);
            if (part.kind == YD_WS_PART_BAD) {
                seen.close_code = part.close_code;
                return seen;
            }
        } while (part.kind != YD_WS_PART_MORE);
    }
    return seen;
}

static void
check(const GByteArray *in, const char *data, gsize len, const char *controls, guint16 code)
{
    static const gsize pieces[] = {1, 2, 3, 7, 1 << 20};
    for (gsize i = 0; i < G_N_ELEMENTS(pieces); i++) {
        Seen seen = decode(in, pieces[i]);
        g_assert_cmpuint(seen.close_code, ==, code);
        g_assert_cmpmem(seen.data->data, seen.data->len, data, len);
        g_assert_cmpstr(seen.controls->str, ==, controls);
        seen_clear(&seen);
    }
}

static void
test_data(void)
{
    g_autoptr(GByteArray) in = g_byte_array_new();
    add_frame(in, 0x82, "hello", 5);
    add_frame(in, 0x82, "", 0);
    add_frame(in, 0x82, " world", 6);
    check(in, "hello world", 11, "", 0);
}

static void
test_long(void)
{
    static const gsize sizes[] = {125, 126, 127, 65535, 65536, 70001};
    for (gsize i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GByteArray) in = g_byte_array_new();
        g_autofree char *payload = g_malloc(sizes[i]);
        for (gsize k = 0; k < sizes[i]; k++)
            payload[k] = (char)(k * 7);
        add_frame(in, 0x82, payload, sizes[i]);
        check(in, payload, sizes[i], "", 0);
    }
}

static void
test_fragments_and_controls(void)
{
    g_autoptr(GByteArray) in = g_byte_array_new();
    add_frame(in, 0x02, "one ", 4);
    add_frame(in, 0x89, "ping", 4);
    add_frame(in, 0x00, "two ", 4);
    add_frame(in, 0x8a, "", 0);
    add_frame(in, 0x80, "three", 5);
    add_frame(in, 0x88, "", 0);
    check(in, "one two three", 13, "9:ping;10:;8:;", 0);
}

static void
check_bad(const void *bytes, gsize len, guint16 code)
{
    g_autoptr(GByteArray) in = g_byte_array_new();
    g_byte_array_append(in, bytes, (guint)len);
    check(in, "", 0, "", code);
}

static void
test_refused(void)
{
    check_bad("\x82\x02\0\0\0\0\0\0", 8, YD_WS_PROTOCOL_ERROR); // not masked
    check_bad("\xc2\x80mask", 6, YD_WS_PROTOCOL_ERROR);         // RSV1
    check_bad("\x80\x80mask", 6, YD_WS_PROTOCOL_ERROR);         // continues nothing
    check_bad("\x83\x80mask", 6, YD_WS_PROTOCOL_ERROR);         // unknown opcode
    check_bad("\x8b\x80mask", 6, YD_WS_PROTOCOL_ERROR);         // unknown control
    check_bad("\x09\x80mask", 6, YD_WS_PROTOCOL_ERROR);         // fragment of a control
    check_bad("\x89\xfe\x00\x7emask", 8, YD_WS_PROTOCOL_ERROR); // long control
    check_bad("\x82\xfe\x00\x7dmask", 8, YD_WS_PROTOCOL_ERROR); // length not minimal
    check_bad("\x82\xff\0\0\0\0\0\0\xff\xffmask", 14, YD_WS_PROTOCOL_ERROR);
    check_bad("\x82\xff\0\0\0\0\x01\0\0\x01mask", 14, YD_WS_TOO_BIG);
    check_bad("\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffmask", 14, YD_WS_TOO_BIG);
    check_bad("\x81\x80mask", 6, YD_WS_UNSUPPORTED); // text
    check_bad("\x88\x81maskx", 7, YD_WS_PROTOCOL_ERROR);
}

static void
test_nested_message(void)
{
    g_autoptr(GByteArray) in = g_byte_array_new();
    add_frame(in, 0x02, "a", 1);
    add_frame(in, 0x82, "b", 1);
    check(in, "a", 1, "", YD_WS_PROTOCOL_ERROR);
}

static void
test_write(void)
{
    guint8 out[2 + YD_WS_CONTROL_MAX];
    g_assert_cmpuint(yd_ws_header(YD_WS_BINARY, 125, out), ==, 2);
    g_assert_cmpmem(out, 2, "\x82\x7d", 2);
    g_assert_cmpuint(yd_ws_header(YD_WS_BINARY, 126, out), ==, 4);
    g_assert_cmpmem(out, 4, "\x82\x7e\x00\x7e", 4);
    g_assert_cmpuint(yd_ws_header(YD_WS_BINARY, 65536, out), ==, 10);
    g_assert_cmpmem(out, 10, "\x82\x7f\0\0\0\0\0\x01\0\0", 10);
    g_assert_cmpuint(yd_ws_close(YD_WS_GOING_AWAY, out), ==, 4);
    g_assert_cmpmem(out, 4, "\x88\x02\x03\xe9", 4);
    g_assert_cmpuint(yd_ws_control(YD_WS_PONG, (const guint8 *)"ab", 2, out), ==, 4);
    g_assert_cmpmem(out, 4,
                    "\x8a\x02"
                    "ab",
                    4);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/ws-frame/data", test_data);
    g_test_add_func("/gate/ws-frame/long", test_long);
    g_test_add_func("/gate/ws-frame/fragments-and-controls", test_fragments_and_controls);
    g_test_add_func("/gate/ws-frame/refused", test_refused);
    g_test_add_func("/gate/ws-frame/nested-message", test_nested_message);
    g_test_add_func("/gate/ws-frame/write", test_write);
    return g_test_run();
}
