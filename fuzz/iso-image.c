// SPDX-License-Identifier: Apache-2.0
// The head of a file that is to become an installation medium.
#include "fuzz.h"

#include "model/iso-image.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    YdIsoFacts facts;
    if (yd_iso_check(data, size, (gint64)size, &facts, NULL))
        g_assert_true(g_utf8_validate(facts.label, -1, NULL));
    return 0;
}
