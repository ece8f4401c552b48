// SPDX-License-Identifier: Apache-2.0
// X.224 connection requests: one that is taken must still be good after its cookie was cut, and
// then hold no ticket.
#include <string.h>

#include "fuzz.h"
#include "gate/rdp-x224.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gsize n = 0, m = 0;
    if (!yd_x224_size(data, size, &n, NULL) || n == 0 || n > size)
        return 0;
    YdX224Request before, after;
    g_autoptr(GError) error = NULL;
    if (!yd_x224_parse(data, n, &before, NULL))
        return 0;
    g_autofree guint8 *out = g_malloc(n);
    m = yd_x224_strip(data, n, out);
    g_assert_cmpuint(m, <=, n);
    yd_x224_parse(out, m, &after, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(after.ticket, ==, "");
    g_assert_cmpuint(after.protocols, ==, before.protocols);
    if (before.ticket[0] != '\0')
        g_assert_cmpuint(m, ==, n - strlen("Cookie: msts=\r\n") - strlen(before.ticket));
    return 0;
}
