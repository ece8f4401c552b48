// SPDX-License-Identifier: Apache-2.0
// Journals of ext4, with blocks of 256 bytes so that short inputs have many: each copy that the
// replay names is a block of the journal.
#include "deskread/journal.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define BLOCK 256

struct input {
    const uint8_t *data;
    size_t size;
};

static gboolean
read_block(gpointer data, guint32 block, void *buffer, GError **error)
{
    const struct input *input = data;
    if (block >= input->size / BLOCK)
        return yd_error_invalid(error, "block", "is past the end");
    memcpy(buffer, input->data + (size_t)block * BLOCK, BLOCK);
    return TRUE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    g_autoptr(GError) error = NULL;
    guint32 blocks = (guint32)(size / BLOCK);
    g_autoptr(GHashTable) map = yd_journal_replay(read_block, &input, BLOCK, blocks, &error);
    GHashTableIter iter;
    gpointer copy;
    if (!map == !error)
        abort();
    if (map)
        g_hash_table_iter_init(&iter, map);
    while (map && g_hash_table_iter_next(&iter, NULL, &copy))
        if (((const YdJournalCopy *)copy)->block >= MAX(blocks, 1))
            abort();
    return 0;
}
