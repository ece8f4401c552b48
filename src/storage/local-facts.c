// SPDX-License-Identifier: Apache-2.0
// What image files are now, told by cheap looks: sizes, times, headers, and which is built on
// which. Reads no data but the first 64 KiB of each.
#include "storage/local-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADER_BYTES (64 * 1024)
#define DEEPEST 64 // a longer chain is a ring

// SHA-256 of the first bytes as hex digits; owned, NULL when they cannot be read.
static char *
header_sum(int fd)
{
    g_autofree guint8 *bytes = g_malloc(HEADER_BYTES);
    ssize_t n = pread(fd, bytes, HEADER_BYTES, 0);
    return n < 0 ? NULL : g_compute_checksum_for_data(G_CHECKSUM_SHA256, bytes, (gsize)n);
}

static gint64
milliseconds(const struct stat *st)
{
    return (gint64)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
}

// The name of the image that a backing path means; the path itself when it is none of ours.
static char *
base_name(YdStorage *storage, const char *backing)
{
    if (!backing)
        return NULL;
    g_autofree char *name = g_path_get_basename(backing);
    g_autofree char *path = yd_local_path(storage, name);
    return strcmp(path, backing) == 0 && yd_image_name_check(name, NULL) ? g_steal_pointer(&name)
                                                                         : g_strdup(backing);
}

static void
read_facts(YdStorage *storage, int fd, YdImageFacts *facts)
{
    g_autoptr(GError) why = NULL;
    YdImageProbe probe = {0};
    struct stat st;
    if (fstat(fd, &st) != 0 || !(facts->header = header_sum(fd))) {
        facts->damage = g_strdup_printf("cannot be read: %s", g_strerror(errno));
        return;
    }
    facts->size_bytes = st.st_size;
    facts->allocated_bytes = (gint64)st.st_blocks * 512;
    facts->mtime = milliseconds(&st);
    facts->sealed = !(st.st_mode & 0222);
    if (!yd_image_probe(fd, facts->image, TRUE, &probe, &why)) {
        facts->damage = g_strdup(why->message);
        return;
    }
    facts->virtual_bytes = probe.virtual_bytes;
    facts->base = base_name(storage, probe.backing);
    if (probe.format != YD_IMAGE_QCOW2)
        facts->damage = g_strdup("is not qcow2 any more");
    g_free(probe.backing);
}

static YdImageFacts *
facts_of(YdStorage *storage, const char *image)
{
    YdImageFacts *facts = g_new0(YdImageFacts, 1);
    g_autofree char *path = yd_local_path(storage, image);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    facts->image = g_strdup(image);
    if (fd < 0) {
        facts->damage = errno == ENOENT
                            ? g_strdup("is missing")
                            : g_strdup_printf("cannot be opened: %s", g_strerror(errno));
        return facts;
    }
    read_facts(storage, fd, facts);
    close(fd);
    return facts;
}

GPtrArray *
yd_local_chain(YdStorage *storage, const char *image, GError **error)
{
    g_autoptr(GPtrArray) chain = g_ptr_array_new_with_free_func(yd_image_facts_free);
    g_autofree char *path = yd_local_path(storage, image);
    struct stat st;
    if (lstat(path, &st) != 0) {
        yd_local_fail(error, errno, "cannot look at the image", image);
        return NULL;
    }
    for (const char *next = image; next && chain->len < DEEPEST;) {
        YdImageFacts *facts = facts_of(storage, next);
        g_ptr_array_add(chain, facts);
        next = !facts->damage && facts->base && yd_image_name_check(facts->base, NULL) ? facts->base
                                                                                       : NULL;
    }
    return g_steal_pointer(&chain);
}

GPtrArray *
yd_local_usage(YdStorage *storage, GError **error)
{
    g_autoptr(GPtrArray) names = yd_storage_list(storage, error);
    if (!names)
        return NULL;
    GPtrArray *all = g_ptr_array_new_with_free_func(yd_image_facts_free);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = yd_local_path(storage, names->pdata[i]);
        struct stat st;
        if (lstat(path, &st) != 0) // gone meanwhile
            continue;
        YdImageFacts *facts = g_new0(YdImageFacts, 1);
        facts->image = g_strdup(names->pdata[i]);
        facts->size_bytes = st.st_size;
        facts->allocated_bytes = (gint64)st.st_blocks * 512;
        facts->sealed = !(st.st_mode & 0222);
        g_ptr_array_add(all, facts);
    }
    return all;
}
