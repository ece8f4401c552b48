// SPDX-License-Identifier: Apache-2.0
// RDCleanPath requests: what is taken lies inside of the input, and its size is the one announced.
#include "fuzz.h"
#include "gate/rdcleanpath.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    YdRdcleanpathRequest request;
    gsize n = 0;
    if (!yd_rdcleanpath_size(data, size, &n, NULL) || n == 0 || n > size ||
        !yd_rdcleanpath_parse(data, n, &request, NULL))
        return 0;
    g_assert_true((const uint8_t *)request.token >= data &&
                  (const uint8_t *)request.token + request.token_len <= data + n);
    g_assert_true(request.x224 >= data && request.x224 + request.x224_len <= data + n);
    return 0;
}
