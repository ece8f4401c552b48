// SPDX-License-Identifier: Apache-2.0
// Import: look at the source, check its clusters, convert it flat, sum it up, seal it.
#include "base/id.h"
#include "storage/local-private.h"
#include "storage/qemu-img.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SOURCE "/dev/fd/3" // where qemu-img finds the file that we opened
#define LEAKS (1u << 3)    // exit code of qemu-img check for lost clusters: harmless here
#define CHUNK (1024 * 1024)
#define CONVERTED 90.0 // percent of the progress that converting takes; the rest is the checksum

// A part of a longer progress.
struct share {
    YdProgress progress;
    gpointer data;
    double begin, length;
};

static gboolean
tell(double percent, gpointer data)
{
    struct share *share = data;
    double whole = share->begin + share->length * percent / 100;
    return !share->progress || share->progress(whole, share->data);
}

static gboolean
sum_up(int fd, gint64 size, EVP_MD_CTX *sum, struct share *share, const char *image, GError **error)
{
    g_autofree guint8 *buffer = g_malloc(CHUNK);
    gint64 done = 0, told = g_get_monotonic_time();
    for (;;) {
        ssize_t n = read(fd, buffer, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return yd_local_fail(error, errno, "cannot read", image);
        if (n == 0)
            return TRUE;
        EVP_DigestUpdate(sum, buffer, (size_t)n);
        done += n;
        if (g_get_monotonic_time() - told < 100 * 1000)
            continue;
        told = g_get_monotonic_time();
        if (!tell(100.0 * (double)done / (double)MAX(size, done), share)) {
            g_set_error(error, YD_ERROR, YD_ERROR_CANCELLED, "the checksum of '%s' was cancelled",
                        image);
            return FALSE;
        }
    }
}

// SHA-256 of the file behind fd as hex digits; owned.
static char *
checksum(int fd, const char *image, struct share *share, GError **error)
{
    guint8 digest[EVP_MAX_MD_SIZE];
    guint length = 0;
    struct stat st;
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    EVP_DigestInit_ex(sum, EVP_sha256(), NULL);
    gboolean ok = fstat(fd, &st) == 0 && sum_up(fd, st.st_size, sum, share, image, error);
    EVP_DigestFinal_ex(sum, digest, &length);
    EVP_MD_CTX_free(sum);
    return ok ? yd_hex(digest, length) : NULL;
}

// Probe and checksum of an image file by its path.
static YdImageInfo *
info_of(const char *path, const char *image, struct share *share, GError **error)
{
    YdImageProbe probe = {0};
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) {
        yd_local_fail(error, errno, "cannot open the image", image);
        return NULL;
    }
    YdImageInfo *info = NULL;
    if (yd_image_probe(fd, image, TRUE, &probe, error)) {
        g_autofree char *sum = checksum(fd, image, share, error);
        info = sum ? yd_local_info(&probe) : NULL;
        if (info)
            info->checksum = g_steal_pointer(&sum);
    }
    g_free(probe.backing);
    close(fd);
    return info;
}

YdImageInfo *
yd_local_verify(YdStorage *storage, const char *image, YdProgress progress, gpointer data,
                GError **error)
{
    struct share share = {progress, data, 0, 100};
    g_autofree char *path = yd_local_path(storage, image);
    return info_of(path, image, &share, error);
}

// Clusters of sparse formats that lie beyond the end of a cut-off file would be read as zeros.
static gboolean
check_clusters(int fd, const char *name, const YdImageProbe *probe, struct share *share,
               GError **error)
{
    const char *format = yd_image_format_name(probe->format);
    const char *argv[] = {"check", "-q", "-U", "-f", format, SOURCE, NULL};
    g_autofree char *what = g_strdup_printf("'%s' is damaged or truncated", name);
    if (probe->format == YD_IMAGE_RAW)
        return TRUE;
    return yd_qemu_img_run(argv, fd, LEAKS, what, share ? tell : NULL, share, error);
}

YdImageInfo *
yd_storage_local_inspect(YdStorage *storage, int fd, const char *name, GError **error)
{
    YdImageProbe probe = {0};
    if (!yd_image_probe(fd, name, FALSE, &probe, error) ||
        !check_clusters(fd, name, &probe, NULL, error))
        return NULL;
    return yd_local_info(&probe);
}

static gboolean
convert(int fd, const char *name, YdImageFormat format, const char *part, struct share *share,
        GError **error)
{
    const char *argv[] = {"convert", "-p",    "-f", yd_image_format_name(format),
                          "-O",      "qcow2", "-o", "compat=1.1",
                          SOURCE,    part,    NULL};
    g_autofree char *what = g_strdup_printf("cannot import '%s'", name);
    return yd_qemu_img_run(argv, fd, 0, what, tell, share, error);
}

static YdImageInfo *
flatten_entered(YdStorage *storage, const char *image, const char *flat, struct share *first,
                struct share *second, GError **error)
{
    g_autofree char *from = yd_local_path(storage, image);
    g_autofree char *part = yd_local_part(storage, flat);
    g_autofree char *path = yd_local_path(storage, flat);
    g_autofree char *what = g_strdup_printf("cannot flatten '%s'", image);
    const char *argv[] = {"convert", "-p",         "-f", "qcow2", "-O", "qcow2",
                          "-o",      "compat=1.1", from, part,    NULL};
    if (access(path, F_OK) == 0) // it was finished, but whoever asked did not hear of it
        return info_of(path, flat, second, error);
    if (!yd_local_is_sealed(from)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "'%s' is not sealed", image);
        return NULL;
    }
    unlink(part);
    g_autoptr(YdImageInfo) info = NULL;
    if (yd_qemu_img_run(argv, -1, 0, what, tell, first, error))
        info = info_of(part, flat, second, error);
    if (info && yd_local_publish(storage, flat, 0444, error))
        return g_steal_pointer(&info);
    unlink(part);
    return NULL;
}

YdImageInfo *
yd_local_flatten(YdStorage *storage, const char *image, const char *flat, YdProgress progress,
                 gpointer data, GError **error)
{
    struct share first = {progress, data, 0, CONVERTED};
    struct share second = {progress, data, CONVERTED, 100 - CONVERTED};
    if (!yd_local_enter(storage, flat, error))
        return NULL;
    YdImageInfo *info = flatten_entered(storage, image, flat, &first, &second, error);
    yd_local_leave(storage, flat);
    return info;
}

static YdImageInfo *
import_entered(YdStorage *storage, int fd, const char *name, const char *image, YdProgress progress,
               gpointer data, GError **error)
{
    struct share first = {progress, data, 0, CONVERTED};
    struct share second = {progress, data, CONVERTED, 100 - CONVERTED};
    g_autofree char *part = yd_local_part(storage, image);
    g_autofree char *path = yd_local_path(storage, image);
    YdImageProbe probe = {0};
    if (access(path, F_OK) == 0) // it was finished, but whoever asked did not hear of it
        return info_of(path, image, &second, error);
    unlink(part);
    if (!yd_image_probe(fd, name, FALSE, &probe, error) ||
        !check_clusters(fd, name, &probe, &first, error))
        return NULL;
    g_autoptr(YdImageInfo) info = NULL;
    if (convert(fd, name, probe.format, part, &first, error))
        info = info_of(part, image, &second, error);
    if (info && yd_local_publish(storage, image, 0444, error))
        return g_steal_pointer(&info);
    unlink(part);
    return NULL;
}

YdImageInfo *
yd_storage_local_import(YdStorage *storage, int fd, const char *name, const char *image,
                        YdProgress progress, gpointer data, GError **error)
{
    if (!yd_image_name_check(image, error) || !yd_local_enter(storage, image, error))
        return NULL;
    YdImageInfo *info = import_entered(storage, fd, name, image, progress, data, error);
    yd_local_leave(storage, image);
    return info;
}

static int
open_source(const char *path, GError **error)
{
    if (!path || !g_path_is_absolute(path)) {
        yd_error_invalid(error, "path", "'%s' is not an absolute path", path ? path : "");
        return -1;
    }
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        yd_local_fail(error, errno, "cannot open", path);
    return fd;
}

YdImageInfo *
yd_local_inspect(YdStorage *storage, const char *path, GError **error)
{
    int fd = open_source(path, error);
    if (fd < 0)
        return NULL;
    YdImageInfo *info = yd_storage_local_inspect(storage, fd, path, error);
    close(fd);
    return info;
}

YdImageInfo *
yd_local_import(YdStorage *storage, const char *source, const char *image, YdProgress progress,
                gpointer data, GError **error)
{
    int fd = open_source(source, error);
    if (fd < 0)
        return NULL;
    YdImageInfo *info = yd_storage_local_import(storage, fd, source, image, progress, data, error);
    close(fd);
    return info;
}
