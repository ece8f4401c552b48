// SPDX-License-Identifier: Apache-2.0
// Headers of disk images that somebody uploads. Whatever is accepted keeps its promises.
#include "fuzz.h"
#include "storage/image-probe.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    YdImageProbe probe = {0};
    static int fd = -1;
    if (fd < 0)
        fd = memfd_create("image", MFD_CLOEXEC);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return 0;
    if (yd_image_probe(fd, "x", size % 2, &probe, NULL) &&
        (probe.virtual_bytes <= 0 || probe.virtual_bytes > YD_IMAGE_MAX_BYTES ||
         probe.size_bytes != (gint64)size || (probe.backing && size % 2 == 0)))
        abort();
    g_free(probe.backing);
    return 0;
}
