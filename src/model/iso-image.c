// SPDX-License-Identifier: Apache-2.0
// Volume descriptors of optical discs. Only what is needed to tell an image from other files.
#include "model/iso-image.h"

#include <string.h>

#include "base/error.h"

#define SECTOR 2048
#define FIRST 16             // the first sector with a descriptor
#define SLACK (150 * SECTOR) // run-out that writers count but leave away
#define BOOT_SYSTEM "EL TORITO SPECIFICATION"

// Types of ISO 9660 descriptors.
enum { BOOT = 0, PRIMARY = 1, TERMINATOR = 255 };

typedef struct {
    gboolean iso, udf;
    gint64 bytes; // of the volume as the primary descriptor says
    YdIsoFacts facts;
} Found;

static gint64
little32(const guint8 *p)
{
    return (gint64)((guint32)p[0] | (guint32)p[1] << 8 | (guint32)p[2] << 16 | (guint32)p[3] << 24);
}

static void
take_label(const guint8 *field, char label[33])
{
    gsize n = 0;
    for (; n < 32 && g_ascii_isprint((char)field[n]); n++)
        label[n] = (char)field[n];
    label[n] = '\0';
    g_strchomp(label);
}

// One descriptor of ISO 9660; FALSE at the last one.
static gboolean
take_iso(const guint8 *sector, Found *found)
{
    if (sector[0] == PRIMARY && !found->iso) {
        gint64 block = sector[128] | sector[129] << 8;
        found->iso = TRUE;
        found->bytes = little32(sector + 80) * (block ? block : SECTOR);
        take_label(sector + 40, found->facts.label);
    } else if (sector[0] == BOOT && memcmp(sector + 7, BOOT_SYSTEM, strlen(BOOT_SYSTEM)) == 0) {
        found->facts.bootable = TRUE;
    }
    return sector[0] != TERMINATOR;
}

// Windows' discs have ISO 9660 descriptors first, their terminator, and then those of UDF.
static void
look(const guint8 *data, gsize n, Found *found)
{
    gboolean iso_goes_on = TRUE;
    for (gsize at = FIRST * SECTOR; at + SECTOR <= n; at += SECTOR) {
        const guint8 *sector = data + at;
        const char *id = (const char *)sector + 1;
        if (memcmp(id, "CD001", 5) == 0 && iso_goes_on)
            iso_goes_on = take_iso(sector, found);
        else if (memcmp(id, "NSR02", 5) == 0 || memcmp(id, "NSR03", 5) == 0)
            found->udf = TRUE;
        else if (memcmp(id, "BEA01", 5) != 0 && memcmp(id, "BOOT2", 5) != 0)
            break;
    }
}

gboolean
yd_iso_check(const guint8 *data, gsize n, gint64 file_bytes, YdIsoFacts *ret_facts, GError **error)
{
    Found found = {0};
    look(data, n, &found);
    if (!found.iso && !found.udf)
        return yd_error_invalid(error, "file",
                                "is no ISO 9660 or UDF image: there is no volume descriptor at "
                                "sector 16; send the .iso file itself, not packed");
    if (found.bytes > file_bytes + SLACK)
        return yd_error_invalid(error, "file",
                                "is cut off: its volume has %" G_GINT64_FORMAT
                                " bytes, the file %" G_GINT64_FORMAT "; load it down again",
                                found.bytes, file_bytes);
    *ret_facts = found.facts;
    return TRUE;
}
