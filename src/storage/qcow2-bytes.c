// SPDX-License-Identifier: Apache-2.0
#include "storage/qcow2-bytes.h"

#include <errno.h>
#include <unistd.h>

guint64
yd_qcow2_number(const guint8 *at, guint bytes)
{
    guint64 value = 0;
    for (guint i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

gboolean
yd_qcow2_read(int fd, guint8 *buffer, gsize n, guint64 offset)
{
    while (n > 0) {
        ssize_t got = offset <= G_MAXINT64 - n ? pread(fd, buffer, n, (off_t)offset) : -1;
        if (got < 0 && offset <= G_MAXINT64 - n && errno == EINTR)
            continue;
        if (got <= 0)
            return FALSE;
        buffer += got;
        offset += (guint64)got;
        n -= (gsize)got;
    }
    return TRUE;
}
