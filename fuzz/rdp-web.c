// SPDX-License-Identifier: Apache-2.0
// A browser's RDP session before its ticket is looked at: an RDCleanPath request in WebSocket
// frames, in one piece and in many; and a guest's X.224 confirm.
#include "fuzz.h"
#include "gate/rdp-web.h"

// Returns how it ended; what the guest would get goes to x224.
static YdRdpWebRead
feed(const uint8_t *data, size_t size, size_t piece, char **ret_ticket, GByteArray *x224)
{
    YdRdpWeb *web = yd_rdp_web_new(0);
    YdRdpWebRead read = YD_RDP_WEB_MORE;
    for (size_t at = 0; at < size && read == YD_RDP_WEB_MORE; at += piece) {
        size_t n = MIN(piece, size - at);
        g_autofree uint8_t *copy = g_memdup2(data + at, n);
        g_autoptr(GError) error = NULL;
        read = yd_rdp_web_take(web, copy, n, ret_ticket, &error);
        g_assert_true((read == YD_RDP_WEB_BAD) == (error != NULL));
    }
    g_byte_array_append(x224, web->x224->data, web->x224->len);
    yd_rdp_web_free(web);
    return read;
}

static void
confirm(const uint8_t *data, size_t size)
{
    gsize n = 0;
    if (yd_rdp_web_confirm_size(data, size, &n, NULL) && n > 0 && n <= size &&
        yd_rdp_web_confirm_check(data, n, NULL))
        g_assert_cmpuint(n, >=, 19);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GByteArray) first = g_byte_array_new();
    g_autoptr(GByteArray) second = g_byte_array_new();
    g_autofree char *whole = NULL;
    g_autofree char *pieces = NULL;
    YdRdpWebRead read = feed(data, size, MAX(size, 1), &whole, first);
    YdRdpWebRead again = feed(data, size, 1, &pieces, second);
    // What comes behind a whole request is seen in one piece only.
    if (read == YD_RDP_WEB_DONE) {
        g_assert_cmpint(again, ==, YD_RDP_WEB_DONE);
        g_assert_cmpstr(whole, ==, pieces);
        g_assert_cmpmem(first->data, first->len, second->data, second->len);
    }
    confirm(data, size);
    return 0;
}
