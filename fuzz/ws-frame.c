// SPDX-License-Identifier: Apache-2.0
// WebSocket frames: bytes in one piece and byte by byte must give the same payload and the same
// end.
#include <string.h>

#include "fuzz.h"
#include "gate/ws-frame.h"

static guint16
run(const uint8_t *data, size_t size, gsize piece, GByteArray *payload)
{
    YdWsDecoder decoder = {0};
    for (gsize at = 0; at < size; at += piece) {
        gsize n = MIN(piece, size - at);
        g_autofree guint8 *copy = g_memdup2(data + at, n);
        guint8 *p = copy;
        YdWsPart part;
        do {
            gsize used = yd_ws_decode(&decoder, p, n, &part);
            g_assert_cmpuint(used, <=, n);
            if (part.kind == YD_WS_PART_BAD)
                return part.close_code;
            if (part.kind != YD_WS_PART_MORE && part.len > 0)
                g_byte_array_append(payload, part.payload, (guint)part.len);
            p += used;
            n -= used;
        } while (part.kind != YD_WS_PART_MORE);
        g_assert_cmpuint(n, ==, 0);
    }
    return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GByteArray) whole = g_byte_array_new();
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    if (size == 0)
        return 0;
    guint16 a = run(data, size, size, whole);
    guint16 b = run(data, size, 1, bytes);
    g_assert_cmpuint(a, ==, b);
    // A close frame of one byte is refused after its byte, so both have seen the same.
    g_assert_cmpmem(whole->data, whole->len, bytes->data, bytes->len);
    return 0;
}
