// SPDX-License-Identifier: Apache-2.0
// Saved machines: a head, then QEMU's stream. What is accepted and stripped is accepted again, and
// then no page of the block is left to take.
#include "fuzz.h"
#include "storage/ram-stream.h"

#include <stdlib.h>

#define BLOCK "yd-ram"
#define BYTES (64 * 1024)

static char *
strip(FILE *in, gsize *ret_length, guint64 *ret_taken)
{
    char *out = NULL;
    FILE *to = open_memstream(&out, ret_length);
    g_auto(YdRamStream) found = {0};
    gboolean good = yd_ram_stream_strip(in, to, BLOCK, BYTES, &found, NULL);
    fclose(to);
    *ret_taken = found.pages_taken;
    if (good)
        return out;
    free(out);
    return NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_auto(YdSaveHead) head = {0};
    gsize length = 0, again_length = 0;
    guint64 taken = 0, again_taken = 0;
    FILE *in = fmemopen((void *)data, MAX(size, 1), "r");
    if (size > 0 && yd_save_head_read(in, &head, NULL) && !head.xml)
        abort();
    if (!head.xml) // without a head: a bare stream
        rewind(in);
    char *out = size > 0 ? strip(in, &length, &taken) : NULL;
    fclose(in);
    if (!out)
        return 0;
    in = fmemopen(out, length, "r");
    char *again = strip(in, &again_length, &again_taken);
    fclose(in);
    if (!again || again_taken != 0 || again_length != length)
        abort();
    free(again);
    free(out);
    return 0;
}
