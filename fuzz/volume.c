// SPDX-License-Identifier: Apache-2.0
// Partition tables: a volume that is found lies on the disk.
#include "deskread/volume.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static gboolean
read_bytes(gpointer data, guint64 offset, void *buffer, gsize n, GError **error)
{
    memcpy(buffer, (const uint8_t *)data + offset, n);
    return TRUE;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    YdBlocks disk = {read_bytes, (gpointer)data, size};
    g_autoptr(GError) error = NULL;
    YdVolume volume;
    if (!yd_volume_find(&disk, &volume, &error))
        return 0;
    if (volume.offset >= size || volume.bytes == 0 || volume.bytes > size - volume.offset)
        abort();
    return 0;
}
