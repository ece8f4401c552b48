// SPDX-License-Identifier: Apache-2.0
// Restore points of images that no machine uses, by qemu-img snapshot. What is done already is
// found by the image's own table, so each may be asked for again.
#include "storage/local-private.h"
#include "storage/qcow2-points.h"
#include "storage/qemu-img.h"

#include <fcntl.h>
#include <unistd.h>

static gboolean
has(YdStorage *storage, const char *image, const char *name, gboolean *ret_has, GError **error)
{
    int fd = yd_local_open(storage, image, error);
    if (fd < 0)
        return FALSE;
    gboolean good = yd_qcow2_has_point(fd, name, ret_has, error);
    close(fd);
    return good;
}

gboolean
yd_local_count_points(YdStorage *storage, const char *image, guint *ret_points, GError **error)
{
    int fd = yd_local_open(storage, image, error);
    if (fd < 0)
        return FALSE;
    gboolean good = yd_qcow2_count_points(fd, ret_points, error);
    close(fd);
    return good;
}

static gboolean
act(YdStorage *storage, const char *image, const char *name, YdPointAct what, GError **error)
{
    static const char *const options[] = {
        [YD_POINT_MAKE] = "-c", [YD_POINT_BACK] = "-a", [YD_POINT_DROP] = "-d"};
    g_autofree char *path = yd_local_path(storage, image);
    gboolean there = FALSE;
    if (!has(storage, image, name, &there, error))
        return FALSE;
    if ((what == YD_POINT_MAKE && there) || (what == YD_POINT_DROP && !there))
        return TRUE;
    if (what == YD_POINT_BACK && !there) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "image '%s' has no restore point '%s'",
                    image, name);
        return FALSE;
    }
    if (yd_local_is_sealed(path)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "'%s' is sealed and cannot have restore points", image);
        return FALSE;
    }
    g_autofree char *say = g_strdup_printf("restore point '%s' of '%s'", name, image);
    const char *argv[] = {"snapshot", "-q", options[what], name, path, NULL};
    return yd_qemu_img_run(argv, -1, 0, say, NULL, NULL, error) &&
           yd_local_sync(path, O_NOFOLLOW, image, error);
}

gboolean
yd_local_point(YdStorage *storage, const char *image, const char *name, YdPointAct what,
               GError **error)
{
    if (!yd_local_enter(storage, image, error))
        return FALSE;
    gboolean good = FALSE;
    if (yd_local_has_writer(storage, image))
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE, "image '%s' is in use by a machine", image);
    else
        good = act(storage, image, name, what, error);
    yd_local_leave(storage, image);
    return good;
}
