// SPDX-License-Identifier: Apache-2.0
// Sealing: an image becomes one that others are built on. It is renamed and made read-only, however
// large it is; that is why publishing a change takes no longer for 5 GiB than for 5 MiB.
#include "storage/local-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

// Under its final name last: whoever finds it there finds it whole.
static gboolean
give_sealed_name(YdStorage *storage, const char *image, const char *sealed, GError **error)
{
    g_autofree char *from = yd_local_path(storage, image);
    g_autofree char *to = yd_local_path(storage, sealed);
    // libvirt may have left it QEMU's own.
    if (geteuid() == 0 && lchown(from, 0, 0) != 0)
        return yd_local_fail(error, errno, "cannot own", image);
    if (chmod(from, 0444) != 0)
        return yd_local_fail(error, errno, "cannot seal", image);
    if (!yd_local_sync(from, O_NOFOLLOW, image, error))
        return FALSE;
    if (rename(from, to) != 0)
        return yd_local_fail(error, errno, "cannot name", sealed);
    return yd_local_sync(((LocalStorage *)storage)->directory, O_DIRECTORY, sealed, error);
}

// Built on that base, which is sealed itself: a base that changes would ruin what is built on it.
static gboolean
check_base(YdStorage *storage, const char *image, const char *base, GError **error)
{
    g_autoptr(YdImageInfo) info = yd_local_look(storage, image, error);
    g_autofree char *wanted = base ? yd_local_path(storage, base) : NULL;
    if (!info)
        return FALSE;
    if (g_strcmp0(info->backing, wanted) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "image '%s' is built on '%s', not on '%s'",
                    image, info->backing ? info->backing : "nothing", base ? base : "nothing");
        return FALSE;
    }
    if (!wanted || yd_local_is_sealed(wanted))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "'%s', on which '%s' is built, is not sealed",
                base, image);
    return FALSE;
}

// They would be in every desktop's base, for ever, and nobody could drop them.
static gboolean
check_no_points(YdStorage *storage, const char *image, GError **error)
{
    guint points = 0;
    if (!yd_local_count_points(storage, image, &points, error))
        return FALSE;
    if (points == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "image '%s' has %u restore points; delete those before it is sealed", image,
                points);
    return FALSE;
}

static gboolean
seal_entered(YdStorage *storage, const char *image, const char *base, const char *sealed,
             GError **error)
{
    g_autofree char *to = yd_local_path(storage, sealed);
    if (access(to, F_OK) == 0)
        return TRUE;
    if (yd_local_has_writer(storage, image)) {
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE, "image '%s' is in use by a machine", image);
        return FALSE;
    }
    return check_base(storage, image, base, error) && check_no_points(storage, image, error) &&
           give_sealed_name(storage, image, sealed, error) &&
           yd_local_remove_nvram(storage, image, error);
}

gboolean
yd_local_seal(YdStorage *storage, const char *image, const char *base, const char *sealed,
              GError **error)
{
    if (!yd_local_enter(storage, image, error))
        return FALSE;
    gboolean good = seal_entered(storage, image, base, sealed, error);
    yd_local_leave(storage, image);
    return good;
}
