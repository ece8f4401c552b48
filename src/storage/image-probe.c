// SPDX-License-Identifier: Apache-2.0
// Headers of disk images. Reads at most 64 KiB of a file; whether its clusters are sound is left to
// qemu-img check.
#include "storage/image-probe.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512
#define DESCRIPTOR_MAX (64 * 1024)

enum {
    QCOW2_DIRTY = 1 << 0,
    QCOW2_CORRUPT = 1 << 1,
    QCOW2_EXTERNAL_DATA = 1 << 2,
    QCOW2_COMPRESSION = 1 << 3,
    QCOW2_EXTENDED_L2 = 1 << 4,
    QCOW2_KNOWN = 0x1f,
};

const char *
yd_image_format_name(YdImageFormat format)
{
    static const char *const names[] = {"qcow2", "raw", "vmdk"};
    return names[format];
}

static gboolean
    G_GNUC_PRINTF(3, 4) refuse(const char *name, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "'%s' %s", name, text);
    return FALSE;
}

static guint32
be32(const guint8 *at)
{
    return (guint32)at[0] << 24 | (guint32)at[1] << 16 | (guint32)at[2] << 8 | at[3];
}

static guint64
be64(const guint8 *at)
{
    return (guint64)be32(at) << 32 | be32(at + 4);
}

static guint32
le32(const guint8 *at)
{
    return (guint32)at[3] << 24 | (guint32)at[2] << 16 | (guint32)at[1] << 8 | at[0];
}

static guint64
le64(const guint8 *at)
{
    return (guint64)le32(at + 4) << 32 | le32(at);
}

static gboolean
read_at(int fd, guint8 *buffer, gsize length, guint64 offset)
{
    if (offset > G_MAXINT64 - length)
        return FALSE;
    while (length > 0) {
        ssize_t n = pread(fd, buffer, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        buffer += n;
        offset += (guint64)n;
        length -= (gsize)n;
    }
    return TRUE;
}

static gboolean
check_size(const char *name, guint64 bytes, gint64 *ret_bytes, GError **error)
{
    if (bytes == 0)
        return refuse(name, error, "is a disk of size 0");
    if (bytes > (guint64)YD_IMAGE_MAX_BYTES)
        return refuse(name, error,
                      "claims a disk of %" G_GUINT64_FORMAT " GiB; at most %" G_GINT64_FORMAT
                      " GiB are taken",
                      bytes >> 30, YD_IMAGE_MAX_BYTES >> 30);
    *ret_bytes = (gint64)bytes;
    return TRUE;
}

static gboolean
qcow2_backing(int fd, const char *name, const guint8 *header, gboolean allow, char **ret_backing,
              GError **error)
{
    guint64 offset = be64(header + 8);
    guint32 length = be32(header + 16);
    if (offset == 0)
        return TRUE;
    if (length == 0 || length > 1023)
        return refuse(name, error, "has a backing file name of %u bytes: it is damaged", length);
    g_autofree char *backing = g_malloc0(length + 1);
    if (!read_at(fd, (guint8 *)backing, length, offset))
        return refuse(name, error, "is truncated");
    if (!allow)
        return refuse(name, error,
                      "needs the backing file '%s'; make it one file first: qemu-img convert "
                      "-O qcow2 OLD NEW",
                      backing);
    *ret_backing = g_steal_pointer(&backing);
    return TRUE;
}

static gboolean
probe_qcow2(int fd, const char *name, gboolean allow_backing, YdImageProbe *probe, GError **error)
{
    guint8 header[104] = {0};
    if (!read_at(fd, header, 72, 0))
        return refuse(name, error, "is truncated: it ends within the qcow2 header");
    guint32 version = be32(header + 4);
    if (version != 2 && version != 3)
        return refuse(name, error, "is qcow version %u; only 2 and 3 are taken", version);
    if (version == 3 && !read_at(fd, header, sizeof header, 0))
        return refuse(name, error, "is truncated: it ends within the qcow2 header");
    guint64 features = version == 3 ? be64(header + 72) : 0;
    if (features & QCOW2_EXTERNAL_DATA)
        return refuse(name, error, "keeps its data in another file; make it one file first");
    if (features & QCOW2_CORRUPT)
        return refuse(name, error, "is marked as corrupt; try: qemu-img check -r all");
    if (features & ~(guint64)QCOW2_KNOWN)
        return refuse(name, error, "uses unknown qcow2 features (0x%" G_GINT64_MODIFIER "x)",
                      features);
    if (be32(header + 32) != 0)
        return refuse(name, error, "is encrypted; decrypt it first");
    guint32 bits = be32(header + 20);
    if (bits < 9 || bits > 21)
        return refuse(name, error, "has clusters of 2^%u bytes: it is damaged", bits);
    if (!check_size(name, be64(header + 24), &probe->virtual_bytes, error))
        return FALSE;
    // the tables that every image has must lie within the file
    guint64 l1 = be64(header + 40), l1_bytes = (guint64)be32(header + 36) * 8;
    guint64 refcounts = be64(header + 48);
    guint64 size = (guint64)probe->size_bytes;
    if (l1 > size || l1_bytes > size - l1 || refcounts >= size)
        return refuse(name, error, "is truncated: its tables lie beyond its end");
    probe->format = YD_IMAGE_QCOW2;
    return qcow2_backing(fd, name, header, allow_backing, &probe->backing, error);
}

// The value of a line KEY=VALUE (VALUE may stand in quotes); owned, NULL when there is none.
static char *
descriptor_value(const char *text, const char *key)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        char *equals = strchr(lines[i], '=');
        if (!equals)
            continue;
        *equals = '\0';
        if (g_ascii_strcasecmp(g_strstrip(lines[i]), key) != 0)
            continue;
        g_strdelimit(equals + 1, "\"\r", ' ');
        return g_strdup(g_strstrip(equals + 1));
    }
    return NULL;
}

static gboolean
check_descriptor(int fd, const char *name, guint64 offset, guint64 length, GError **error)
{
    g_autofree char *text = g_malloc0(DESCRIPTOR_MAX + 1);
    if (length == 0 || length > DESCRIPTOR_MAX)
        return refuse(name, error, "has a VMDK descriptor of %" G_GUINT64_FORMAT " bytes", length);
    if (!read_at(fd, (guint8 *)text, (gsize)length, offset))
        return refuse(name, error, "is truncated: its VMDK descriptor lies beyond its end");
    g_autofree char *type = descriptor_value(text, "createType");
    if (g_strcmp0(type, "monolithicSparse") && g_strcmp0(type, "streamOptimized"))
        return refuse(name, error,
                      "is a VMDK of type '%s'; only monolithicSparse and streamOptimized "
                      "(one file) are taken",
                      type ? type : "");
    g_autofree char *parent = descriptor_value(text, "parentCID");
    g_autofree char *hint = descriptor_value(text, "parentFileNameHint");
    if (hint || (parent && g_ascii_strcasecmp(parent, "ffffffff") != 0))
        return refuse(name, error, "needs the parent '%s'; make it one file first",
                      hint ? hint : parent);
    return TRUE;
}

static gboolean
probe_vmdk(int fd, const char *name, YdImageProbe *probe, GError **error)
{
    guint8 header[SECTOR];
    if (!read_at(fd, header, sizeof header, 0))
        return refuse(name, error, "is truncated: it ends within the VMDK header");
    guint64 capacity = le64(header + 12), descriptor = le64(header + 28);
    guint64 sectors = le64(header + 36);
    if (capacity == 0 || descriptor == 0)
        return refuse(name, error,
                      "is a VMDK whose data lies in other files; make it one file first");
    if (capacity > G_MAXINT64 / SECTOR || descriptor > G_MAXINT64 / SECTOR ||
        sectors > DESCRIPTOR_MAX)
        return refuse(name, error, "has an absurd VMDK header: it is damaged");
    if (!check_size(name, capacity * SECTOR, &probe->virtual_bytes, error))
        return FALSE;
    probe->format = YD_IMAGE_VMDK;
    return check_descriptor(fd, name, descriptor * SECTOR, sectors * SECTOR, error);
}

// The end of the last partition (or of the backup GPT) in bytes, 0: no partition table.
static guint64
partitions_end(const guint8 *sectors)
{
    const guint8 *mbr = sectors, *gpt = sectors + SECTOR;
    guint64 end = 0;
    if (mbr[510] != 0x55 || mbr[511] != 0xaa)
        return 0;
    for (guint i = 0; i < 4; i++) {
        const guint8 *entry = mbr + 446 + 16 * i;
        if (entry[4] != 0 && entry[4] != 0xee)
            end = MAX(end, ((guint64)le32(entry + 8) + le32(entry + 12)) * SECTOR);
    }
    if (memcmp(gpt, "EFI PART", 8) == 0)
        end = MAX(end, MIN(le64(gpt + 32), (guint64)G_MAXINT64 / SECTOR - 1) * SECTOR + SECTOR);
    return MAX(end, SECTOR); // a boot sector alone will do
}

static gboolean
probe_raw(int fd, const char *name, const guint8 *sectors, YdImageProbe *probe, GError **error)
{
    guint64 end = partitions_end(sectors);
    if (end == 0)
        return refuse(name, error,
                      "is not a disk image: neither qcow2 nor VMDK nor a raw disk with a partition "
                      "table");
    if (!check_size(name, (guint64)probe->size_bytes, &probe->virtual_bytes, error))
        return FALSE;
    if (end > (guint64)probe->size_bytes)
        return refuse(name, error,
                      "is truncated: its partitions end at byte %" G_GUINT64_FORMAT
                      ", the file at %" G_GINT64_FORMAT,
                      end, probe->size_bytes);
    probe->format = YD_IMAGE_RAW;
    return TRUE;
}

static gboolean
probe_sectors(int fd, const char *name, gboolean allow_backing, YdImageProbe *probe, GError **error)
{
    guint8 sectors[2 * SECTOR] = {0};
    if (probe->size_bytes < (gint64)sizeof sectors || !read_at(fd, sectors, sizeof sectors, 0))
        return refuse(name, error, "is too small (%" G_GINT64_FORMAT " bytes) to be a disk image",
                      probe->size_bytes);
    if (memcmp(sectors, "QFI\xfb", 4) == 0)
        return probe_qcow2(fd, name, allow_backing, probe, error);
    if (memcmp(sectors, "KDMV", 4) == 0)
        return probe_vmdk(fd, name, probe, error);
    if (memcmp(sectors, "# Disk DescriptorFile", 21) == 0)
        return refuse(name, error,
                      "is only the description of a VMDK whose data lies in other files; "
                      "make it one file first");
    return probe_raw(fd, name, sectors, probe, error);
}

gboolean
yd_image_probe(int fd, const char *shown_name, gboolean allow_backing, YdImageProbe *ret_probe,
               GError **error)
{
    struct stat st;
    YdImageProbe probe = {0};
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return refuse(shown_name, error, "is not a regular file");
    probe.size_bytes = st.st_size;
    if (!probe_sectors(fd, shown_name, allow_backing, &probe, error)) {
        g_free(probe.backing);
        return FALSE;
    }
    *ret_probe = probe;
    return TRUE;
}
