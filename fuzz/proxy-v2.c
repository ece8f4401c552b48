// SPDX-License-Identifier: Apache-2.0
// PROXY headers: what the reader takes and the writer writes again must read the same.
#include "base/proxy-v2.h"
#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gsize n = 0, m = 0;
    if (!yd_proxy_v2_size(data, size, &n, NULL) || n == 0 || n > size)
        return 0;
    YdProxyV2 first, second;
    if (!yd_proxy_v2_parse(data, n, &first, NULL))
        return 0;
    guint8 out[YD_PROXY_V2_WRITE_MAX];
    m = yd_proxy_v2_write(&first, out);
    g_assert_true(yd_proxy_v2_parse(out, m, &second, NULL));
    g_assert_cmpint(first.local, ==, second.local);
    g_assert_cmpuint(first.source_port, ==, second.source_port);
    if (!first.local)
        g_assert_cmpstr(first.source, ==, second.source);
    return 0;
}
