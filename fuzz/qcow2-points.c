// SPDX-License-Identifier: Apache-2.0
// The table of restore points in an image that guests' machines write to.
#include "fuzz.h"
#include "storage/qcow2-points.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    guint points = 0;
    gboolean has = FALSE;
    if (fd < 0)
        fd = memfd_create("image", MFD_CLOEXEC);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return 0;
    gboolean counted = yd_qcow2_count_points(fd, &points, NULL);
    // What has a point has a header that counts it.
    if (yd_qcow2_has_point(fd, "rpt-one", &has, NULL) && (!counted || (has && points == 0)))
        abort();
    return 0;
}
