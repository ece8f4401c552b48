// SPDX-License-Identifier: Apache-2.0
#include "deskread/blocks.h"

#include "base/error.h"

gboolean
yd_blocks_read(const YdBlocks *blocks, guint64 offset, void *buffer, gsize n, GError **error)
{
    if (offset <= blocks->bytes && n <= blocks->bytes - offset)
        return blocks->read(blocks->data, offset, buffer, n, error);
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                "the file system is damaged: it points past the end of the disk");
    return FALSE;
}

guint64
yd_bytes_le(const guint8 *at, guint n)
{
    guint64 value = 0;
    while (n-- > 0)
        value = value << 8 | at[n];
    return value;
}

guint64
yd_bytes_be(const guint8 *at, guint n)
{
    guint64 value = 0;
    for (guint i = 0; i < n; i++)
        value = value << 8 | at[i];
    return value;
}
