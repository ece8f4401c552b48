// SPDX-License-Identifier: Apache-2.0
// Prepares the folders. QEMU runs as its own user (libvirt-qemu) and must pass through the state
// directory to its disks. It makes each machine's VNC socket itself, with mode 0775 (libvirt sets
// the umask 002); the set-group-id bit of the folder gives the socket to the product's group, so
// deskgate may connect to it and nobody else gets as far as the folder's inside.
#include "deskhost/folders.h"
#include "base/error.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

static gboolean
fail(const char *path, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot prepare the folder '%s': %s", path,
                g_strerror(errno));
    return FALSE;
}

static gboolean
folder(const char *path, mode_t mode, uid_t uid, gid_t gid, GError **error)
{
    struct stat st;
    if (g_mkdir_with_parents(path, 0711) != 0 || lstat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return fail(path, error);
    if (geteuid() == 0 && chown(path, uid, gid) != 0)
        return fail(path, error);
    if (chmod(path, mode) != 0) // after chown, which clears set-group-id
        return fail(path, error);
    return TRUE;
}

// Lets others pass, and changes nothing else; one that is missing becomes the product's own.
static gboolean
passable(const char *path, uid_t uid, gid_t gid, GError **error)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return folder(path, 0711, uid, gid, error);
    if ((st.st_mode & 0001) == 0 && chmod(path, (st.st_mode & 07777) | 0011) != 0)
        return fail(path, error);
    return TRUE;
}

static void
ids_of(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
    const struct passwd *user = getpwnam(name);
    if (!user)
        return;
    *ret_uid = user->pw_uid;
    *ret_gid = user->pw_gid;
}

// The group of QEMU's user that has nobody else in it, where there is one: it may write to RAM
// images.
static gid_t
own_group(const char *user, gid_t primary)
{
    const struct group *group = getgrnam(user);
    return group ? group->gr_gid : primary;
}

gboolean
yd_folders_prepare(const YdHostConfig *config, GError **error)
{
    uid_t qemu = (uid_t)-1, product = (uid_t)-1, none = (uid_t)-1;
    gid_t qemu_group = (gid_t)-1, group = (gid_t)-1;
    g_autofree char *nvram = g_build_filename(config->images_dir, "nvram", NULL);
    g_autofree char *ram = g_build_filename(config->images_dir, "ram", NULL);
    ids_of(config->qemu_user, &qemu, &qemu_group);
    ids_of(config->user, &product, &group);
    return passable(config->run_dir, product, group, error) &&
           passable(config->state_dir, product, group, error) &&
           folder(config->images_dir, 0711, none, (gid_t)-1, error) &&
           folder(nvram, 0711, none, (gid_t)-1, error) &&
           folder(ram, 0711, none, own_group(config->qemu_user, qemu_group), error) &&
           folder(config->vnc_dir, 02770, qemu, group, error);
}
