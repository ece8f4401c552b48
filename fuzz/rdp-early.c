// SPDX-License-Identifier: Apache-2.0
// The RDP connection phase: the same bytes in one piece and in many give the same result.
#include "fuzz.h"
#include "gate/rdp-early.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(YdRdpEarly) whole = yd_rdp_early_new("alice", "secret", 0x407, 15);
    g_autoptr(YdRdpEarly) pieces = yd_rdp_early_new("alice", "secret", 0x407, 15);
    g_autoptr(GByteArray) first = g_byte_array_new();
    g_autoptr(GByteArray) second = g_byte_array_new();
    gboolean good = yd_rdp_early_feed(whole, data, size, first, NULL), same = TRUE;
    for (size_t at = 0; same && at < size; at++)
        same = yd_rdp_early_feed(pieces, data + at, 1, second, NULL);
    g_assert_cmpint(good, ==, same);
    g_assert_cmpint(yd_rdp_early_done(whole), ==, yd_rdp_early_done(pieces));
    if (good)
        g_assert_cmpmem(first->data, first->len, second->data, second->len);
    return 0;
}
