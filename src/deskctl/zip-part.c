// SPDX-License-Identifier: Apache-2.0
// One part of a ZIP container, by libarchive. Knows nothing of what is in it.
#include "deskctl/zip-part.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "base/error.h"

typedef struct archive Archive;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Archive, archive_read_free)

gboolean
ctl_is_zip(GBytes *bytes)
{
    gsize n = 0;
    const char *data = g_bytes_get_data(bytes, &n);
    return n >= 4 && memcmp(data, "PK\3\4", 4) == 0;
}

static gboolean
damaged(Archive *archive, GError **error)
{
    const char *why = archive_error_string(archive);
    g_autofree char *text = g_utf8_make_valid(why ? why : "unknown reason", -1);
    return yd_error_invalid(error, NULL,
                            "the file is damaged or locked by a password (%s); save it anew", text);
}

static gboolean
too_large(gsize limit, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                "a part of the file holds more than %" G_GSIZE_FORMAT
                " MiB when unpacked; save only the table with people to a file of its own",
                limit >> 20);
    return FALSE;
}

static gboolean
unpack(Archive *archive, gsize limit, GBytes **ret_part, GError **error)
{
    g_autoptr(GByteArray) part = g_byte_array_new();
    guint8 block[16384];
    la_ssize_t n;

    while ((n = archive_read_data(archive, block, sizeof block)) > 0) {
        if (part->len + (gsize)n > limit)
            return too_large(limit, error);
        g_byte_array_append(part, block, (guint)n);
    }
    if (n < 0)
        return damaged(archive, error);
    *ret_part = g_byte_array_free_to_bytes(g_steal_pointer(&part));
    return TRUE;
}

gboolean
ctl_zip_part(GBytes *zip, const char *name, gsize limit, GBytes **ret_part, GError **error)
{
    g_autoptr(Archive) archive = archive_read_new();
    struct archive_entry *entry = NULL;
    gsize n = 0;
    const void *data = g_bytes_get_data(zip, &n);
    int result;

    archive_read_support_format_zip_seekable(archive);
    if (archive_read_open_memory(archive, data, n) != ARCHIVE_OK)
        return damaged(archive, error);
    for (guint i = 0; (result = archive_read_next_header(archive, &entry)) != ARCHIVE_EOF; i++) {
        const char *path = archive_entry_pathname(entry);
        if (result < ARCHIVE_WARN || i >= CTL_ZIP_MAX_ENTRIES)
            return damaged(archive, error);
        if (path && g_ascii_strcasecmp(path, name) == 0)
            return unpack(archive, limit, ret_part, error);
    }
    *ret_part = NULL;
    return TRUE;
}
