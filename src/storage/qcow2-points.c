// SPDX-License-Identifier: Apache-2.0
// Walks the entries; every length in them is checked before it is believed.
#include "storage/qcow2-points.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HEADER 72
#define ENTRY 40
#define NAME_MAX_BYTES 1024
#define EXTRA_MAX 1024 // as QEMU takes
#define POINTS_MAX 65536

static guint64
be(const guint8 *at, guint bytes)
{
    guint64 value = 0;
    for (guint i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static gboolean
damaged(GError **error, const char *what)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "the image's table of restore points %s", what);
    return FALSE;
}

static gboolean
read_at(int fd, guint8 *buffer, gsize n, guint64 offset, GError **error)
{
    ssize_t got = -1;
    if (offset <= G_MAXINT64 - n)
        do
            got = pread(fd, buffer, n, (off_t)offset);
        while (got < 0 && errno == EINTR);
    return got == (ssize_t)n || damaged(error, "ends before it should");
}

// One entry: whether it is the one, and where the next begins.
static gboolean
look(int fd, const char *name, guint64 *offset, gboolean *ret_is, GError **error)
{
    guint8 entry[ENTRY];
    char found[NAME_MAX_BYTES];
    if (!read_at(fd, entry, sizeof entry, *offset, error))
        return FALSE;
    gsize id_bytes = be(entry + 12, 2), name_bytes = be(entry + 14, 2), extra = be(entry + 36, 4);
    if (extra > EXTRA_MAX)
        return damaged(error, "has an absurd entry");
    guint64 name_at = *offset + ENTRY + extra + id_bytes;
    *ret_is = FALSE;
    if (name_bytes > 0 && name_bytes <= NAME_MAX_BYTES) {
        if (!read_at(fd, (guint8 *)found, name_bytes, name_at, error))
            return FALSE;
        *ret_is = name_bytes == strlen(name) && memcmp(found, name, name_bytes) == 0;
    }
    *offset = (name_at + name_bytes + 7) & ~(guint64)7;
    return TRUE;
}

static gboolean
read_header(int fd, guint64 *ret_points, guint64 *ret_offset, GError **error)
{
    guint8 header[HEADER];
    if (!read_at(fd, header, sizeof header, 0, error))
        return FALSE;
    *ret_points = be(header + 60, 4);
    *ret_offset = be(header + 64, 8);
    if (memcmp(header, "QFI\xfb", 4) != 0)
        return damaged(error, "cannot be found: it is no qcow2 file");
    return *ret_points <= POINTS_MAX || damaged(error, "has too many entries");
}

gboolean
yd_qcow2_has_point(int fd, const char *name, gboolean *ret_has, GError **error)
{
    guint64 points = 0, offset = 0;
    gboolean is = FALSE;
    if (!read_header(fd, &points, &offset, error))
        return FALSE;
    for (guint64 i = 0; i < points && !is; i++)
        if (offset > G_MAXINT64 / 2 ? !damaged(error, "lies nowhere")
                                    : !look(fd, name, &offset, &is, error))
            return FALSE;
    *ret_has = is;
    return TRUE;
}

gboolean
yd_qcow2_count_points(int fd, guint *ret_points, GError **error)
{
    guint64 points = 0, offset = 0;
    if (!read_header(fd, &points, &offset, error))
        return FALSE;
    *ret_points = (guint)points;
    return TRUE;
}
