// SPDX-License-Identifier: Apache-2.0
// First bytes: the answer may not change once it is given, whatever follows.
#include "fuzz.h"
#include "gate/sniff.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    YdSniff first = yd_sniff(data, MIN(size, YD_SNIFF_BYTES));
    g_assert_cmpint(first, ==, yd_sniff(data, size));
    if (size >= YD_SNIFF_BYTES)
        g_assert_cmpint(first, !=, YD_SNIFF_MORE);
    return 0;
}
