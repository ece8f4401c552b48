// SPDX-License-Identifier: Apache-2.0
// Storage in this process: a directory of qcow2 files. Here are the small verbs; import and
// checksums are in local-import.c.
#include "storage/local-private.h"
#include "storage/qemu-img.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define WAIT_SECONDS 10

static GMutex busy_lock;
static GCond busy_changed;
static GHashTable *busy; // paths that a thread works on; under busy_lock

char *
yd_local_path(YdStorage *storage, const char *image)
{
    return g_build_filename(((LocalStorage *)storage)->directory, image, NULL);
}

char *
yd_local_part(YdStorage *storage, const char *image)
{
    g_autofree char *name = g_strdup_printf(".%s.part", image);
    return g_build_filename(((LocalStorage *)storage)->directory, name, NULL);
}

gboolean
yd_local_fail(GError **error, int number, const char *what, const char *name)
{
    YdErrorCode code = YD_ERROR_INTERNAL;
    if (number == ENOSPC || number == EDQUOT || number == EFBIG)
        code = YD_ERROR_NO_SPACE;
    else if (number == ENOENT)
        code = YD_ERROR_NOT_FOUND;
    else if (number == EACCES || number == EPERM || number == ELOOP || number == ENOTDIR)
        code = YD_ERROR_INVALID;
    g_set_error(error, YD_ERROR, code, "%s '%s': %s", what, name, g_strerror(number));
    return FALSE;
}

gboolean
yd_local_enter(YdStorage *storage, const char *image, GError **error)
{
    char *path = yd_local_path(storage, image);
    gint64 deadline = g_get_monotonic_time() + WAIT_SECONDS * G_USEC_PER_SEC;
    gboolean mine = TRUE;
    g_mutex_lock(&busy_lock);
    if (!busy)
        busy = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    while (mine && g_hash_table_contains(busy, path))
        mine = g_cond_wait_until(&busy_changed, &busy_lock, deadline);
    if (mine)
        g_hash_table_add(busy, g_steal_pointer(&path));
    g_mutex_unlock(&busy_lock);
    g_free(path);
    if (!mine)
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE, "image '%s' is being worked on", image);
    return mine;
}

void
yd_local_leave(YdStorage *storage, const char *image)
{
    g_autofree char *path = yd_local_path(storage, image);
    g_mutex_lock(&busy_lock);
    g_hash_table_remove(busy, path);
    g_cond_broadcast(&busy_changed);
    g_mutex_unlock(&busy_lock);
}

int
yd_local_open(YdStorage *storage, const char *image, GError **error)
{
    g_autofree char *path = yd_local_path(storage, image);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        yd_local_fail(error, errno, "cannot open the image", image);
    return fd;
}

gboolean
yd_local_sync(const char *path, int flags, const char *image, GError **error)
{
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    int number = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return number ? yd_local_fail(error, number, "cannot make durable", image) : TRUE;
}

gboolean
yd_local_publish(YdStorage *storage, const char *image, mode_t mode, GError **error)
{
    g_autofree char *part = yd_local_part(storage, image);
    g_autofree char *path = yd_local_path(storage, image);
    if (chmod(part, mode) != 0)
        return yd_local_fail(error, errno, "cannot seal", image);
    if (!yd_local_sync(part, 0, image, error))
        return FALSE;
    if (rename(part, path) != 0)
        return yd_local_fail(error, errno, "cannot name", image);
    return yd_local_sync(((LocalStorage *)storage)->directory, O_DIRECTORY, image, error);
}

YdImageInfo *
yd_local_info(const YdImageProbe *probe)
{
    YdImageInfo *info = g_new0(YdImageInfo, 1);
    info->format = g_strdup(yd_image_format_name(probe->format));
    info->virtual_bytes = probe->virtual_bytes;
    info->size_bytes = probe->size_bytes;
    info->backing = g_strdup(probe->backing);
    return info;
}

YdImageInfo *
yd_local_look(YdStorage *storage, const char *image, GError **error)
{
    YdImageProbe probe = {0};
    int fd = yd_local_open(storage, image, error);
    if (fd < 0)
        return NULL;
    gboolean ok = yd_image_probe(fd, image, TRUE, &probe, error);
    close(fd);
    YdImageInfo *info = ok ? yd_local_info(&probe) : NULL;
    g_free(probe.backing);
    return info;
}

// Whether a running machine writes to it: QEMU holds a lock on byte 100 + the number of the
// permission (block/file-posix.c; write is 1).
gboolean
yd_local_has_writer(YdStorage *storage, const char *image)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 101, .l_len = 1};
    int fd = yd_local_open(storage, image, NULL);
    if (fd < 0)
        return FALSE;
    gboolean locked = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(fd);
    return locked;
}

// TRUE with *ret_done when the overlay is there already on that base.
static gboolean
already_derived(YdStorage *storage, const char *base_path, const char *image, gboolean *ret_done,
                GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(YdImageInfo) info = yd_local_look(storage, image, &why);
    *ret_done = info && g_strcmp0(info->backing, base_path) == 0;
    if (*ret_done || (!info && g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "image '%s' is there already on the base '%s'",
                image, info && info->backing ? info->backing : "");
    return FALSE;
}

static gboolean
make_disk(YdStorage *storage, const char *image, gint64 bytes, GError **error)
{
    g_autofree char *part = yd_local_part(storage, image);
    g_autofree char *size = g_strdup_printf("%" G_GINT64_FORMAT, bytes);
    g_autofree char *what = g_strdup_printf("cannot make the disk '%s'", image);
    const char *argv[] = {"create", "-q", "-f", "qcow2", "-o", "compat=1.1", part, size, NULL};
    unlink(part);
    if (yd_qemu_img_run(argv, -1, 0, what, NULL, NULL, error) &&
        yd_local_publish(storage, image, 0600, error))
        return TRUE;
    unlink(part);
    return FALSE;
}

static gboolean
make_overlay(YdStorage *storage, const char *base_path, const char *image, gint64 bytes,
             GError **error)
{
    g_autofree char *part = yd_local_part(storage, image);
    g_autofree char *size = bytes ? g_strdup_printf("%" G_GINT64_FORMAT, bytes) : NULL;
    const char *argv[] = {"create", "-q", "-f",      "qcow2", "-F",
                          "qcow2",  "-b", base_path, "-o",    "extended_l2=on,cluster_size=128k",
                          part,     size, NULL};
    g_autofree char *what = g_strdup_printf("cannot make the overlay '%s'", image);
    unlink(part);
    if (yd_qemu_img_run(argv, -1, 0, what, NULL, NULL, error) &&
        yd_local_publish(storage, image, 0600, error))
        return TRUE;
    unlink(part);
    return FALSE;
}

static gboolean
local_derive(YdStorage *storage, const char *base, const char *image, gint64 bytes, GError **error)
{
    g_autofree char *base_path = base ? yd_local_path(storage, base) : NULL;
    g_autoptr(YdImageInfo) info = base ? yd_local_look(storage, base, error) : NULL;
    gboolean done = FALSE;
    if (base && !info)
        return FALSE;
    if (info && bytes && bytes < info->virtual_bytes)
        return yd_error_invalid(error, "bytes",
                                "%" G_GINT64_FORMAT
                                " is less than the base '%s' has (%" G_GINT64_FORMAT ")",
                                bytes, base, info->virtual_bytes);
    if (!yd_local_enter(storage, image, error))
        return FALSE;
    gboolean ok = already_derived(storage, base_path, image, &done, error) &&
                  (done || (base ? make_overlay(storage, base_path, image, bytes, error)
                                 : make_disk(storage, image, bytes, error)));
    yd_local_leave(storage, image);
    return ok;
}

gboolean
yd_local_is_sealed(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && !(st.st_mode & 0222);
}

static gboolean
grow_entered(YdStorage *storage, const char *image, gint64 bytes, GError **error)
{
    g_autoptr(YdImageInfo) info = yd_local_look(storage, image, error);
    if (!info || info->virtual_bytes == bytes)
        return info != NULL;
    if (bytes < info->virtual_bytes)
        return yd_error_invalid(error, "bytes",
                                "'%s' has %" G_GINT64_FORMAT
                                " bytes and cannot shrink to %" G_GINT64_FORMAT,
                                image, info->virtual_bytes, bytes);
    g_autofree char *path = yd_local_path(storage, image);
    g_autofree char *size = g_strdup_printf("%" G_GINT64_FORMAT, bytes);
    g_autofree char *what = g_strdup_printf("cannot grow '%s'", image);
    const char *argv[] = {"resize", "-q", "-f", "qcow2", path, size, NULL};
    if (yd_local_is_sealed(path)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "'%s' is sealed and cannot grow", image);
        return FALSE;
    }
    return yd_qemu_img_run(argv, -1, 0, what, NULL, NULL, error) &&
           yd_local_sync(path, O_NOFOLLOW, image, error);
}

static gboolean
local_grow(YdStorage *storage, const char *image, gint64 bytes, GError **error)
{
    if (!yd_local_enter(storage, image, error))
        return FALSE;
    gboolean ok = grow_entered(storage, image, bytes, error);
    yd_local_leave(storage, image);
    return ok;
}

static GPtrArray *
local_list(YdStorage *storage, GError **error)
{
    const char *directory = ((LocalStorage *)storage)->directory;
    DIR *dir = opendir(directory);
    if (!dir) {
        yd_local_fail(error, errno, "cannot read", directory);
        return NULL;
    }
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    struct dirent *entry;
    while ((entry = readdir(dir)))
        if (yd_image_name_check(entry->d_name, NULL))
            g_ptr_array_add(names, g_strdup(entry->d_name));
    closedir(dir);
    return names;
}

// Whether the sealed image is the base of another one: removing it would kill that.
static gboolean
check_no_overlays(YdStorage *storage, const char *image, GError **error)
{
    g_autofree char *path = yd_local_path(storage, image);
    g_autoptr(GPtrArray) names = local_list(storage, error);
    for (guint i = 0; names && i < names->len; i++) {
        g_autoptr(YdImageInfo) info = yd_local_look(storage, names->pdata[i], NULL);
        if (!info || g_strcmp0(info->backing, path) != 0)
            continue;
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE, "image '%s' is the base of '%s'", image,
                    (char *)names->pdata[i]);
        return FALSE;
    }
    return names != NULL;
}

gboolean
yd_local_remove_nvram(YdStorage *storage, const char *image, GError **error)
{
    g_autofree char *stem = g_strndup(image, strlen(image) - strlen(".qcow2"));
    g_autofree char *name = g_strdup_printf("%s.fd", stem);
    g_autofree char *path =
        g_build_filename(((LocalStorage *)storage)->directory, "nvram", name, NULL);
    if (unlink(path) != 0 && errno != ENOENT && errno != ENOTDIR)
        return yd_local_fail(error, errno, "cannot remove", name);
    return TRUE;
}

static gboolean
delete_entered(YdStorage *storage, const char *image, GError **error)
{
    g_autofree char *path = yd_local_path(storage, image);
    g_autofree char *part = yd_local_part(storage, image);
    if (yd_local_is_sealed(path) && !check_no_overlays(storage, image, error))
        return FALSE;
    if (yd_local_has_writer(storage, image)) {
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE, "image '%s' is in use by a machine", image);
        return FALSE;
    }
    if ((unlink(path) != 0 && errno != ENOENT) || (unlink(part) != 0 && errno != ENOENT))
        return yd_local_fail(error, errno, "cannot remove", image);
    return yd_local_remove_nvram(storage, image, error);
}

static gboolean
local_delete(YdStorage *storage, const char *image, GError **error)
{
    if (!yd_local_enter(storage, image, error))
        return FALSE;
    gboolean ok = delete_entered(storage, image, error);
    yd_local_leave(storage, image);
    return ok;
}

static gboolean
local_space(YdStorage *storage, gint64 *ret_bytes, gint64 *ret_free, GError **error)
{
    struct statvfs fs;
    const char *directory = ((LocalStorage *)storage)->directory;
    if (statvfs(directory, &fs) != 0)
        return yd_local_fail(error, errno, "cannot read the space of", directory);
    *ret_bytes = (gint64)(fs.f_blocks * fs.f_frsize);
    *ret_free = (gint64)(fs.f_bavail * fs.f_frsize);
    return TRUE;
}

static void
local_free(YdStorage *storage)
{
    LocalStorage *local = (LocalStorage *)storage;
    g_free(local->directory);
    g_free(local->backup_dir);
    g_free(local->state_dir);
    g_free(local->config_file);
    g_free(local);
}

YdStorage *
yd_storage_local(const char *directory)
{
    static const YdStorageFamily family = {
        .free = local_free,
        .path = yd_local_path,
        .inspect = yd_local_inspect,
        .import = yd_local_import,
        .derive = local_derive,
        .seal = yd_local_seal,
        .flatten = yd_local_flatten,
        .chain = yd_local_chain,
        .usage = yd_local_usage,
        .grow = local_grow,
        .point = yd_local_point,
        .look = yd_local_look,
        .verify = yd_local_verify,
        .delete = local_delete,
        .list = local_list,
        .space = local_space,
        .files = yd_local_files,
        .ram = yd_local_ram,
        .backup = yd_local_backup,
    };
    LocalStorage *local = g_new0(LocalStorage, 1);
    local->parent.family = &family;
    local->directory = g_canonicalize_filename(directory, NULL);
    return &local->parent;
}
