// SPDX-License-Identifier: Apache-2.0
// Partition tables are read with limits on how many there may be; what they say is cut to the disk.
#include "deskread/volume.h"

#include <string.h>

#include "base/error.h"

#define SECTOR 512
#define MBR_ENTRIES 4
#define LOGICAL_MAX 64
#define GPT_MAX 128
#define GPT_ENTRY_MIN 128
#define GPT_ENTRY_MAX 4096

struct search {
    const YdBlocks *disk;
    YdVolume best;     // bytes 0: none yet
    const char *other; // what the largest other volume has; static, NULL: nothing known
    guint64 other_bytes;
};

static const struct {
    const char *name;
    guint64 offset;
    const char *magic;
    guint length;
} known[] = {
    {"NTFS (Windows)", 3, "NTFS    ", 8},
    {"BitLocker (Windows, encrypted)", 3, "-FVE-FS-", 8},
    {"exFAT", 3, "EXFAT   ", 8},
    {"FAT", 54, "FAT", 3},
    {"FAT", 82, "FAT32", 5},
    {"XFS", 0, "XFSB", 4},
    {"Btrfs", 65536 + 64, "_BHRfS_M", 8},
    {"LUKS (encrypted)", 0, "LUKS\xba\xbe", 6},
    {"LVM", SECTOR + 24, "LVM2 001", 8},
    {"ReFS (Windows)", 3, "ReFS", 4},
    {"swap space", 4086, "SWAPSPACE2", 10},
};

static const char *
name_of(const YdBlocks *disk, const YdVolume *volume)
{
    guint8 found[16];
    for (guint i = 0; i < G_N_ELEMENTS(known); i++)
        if (known[i].offset + known[i].length <= volume->bytes &&
            yd_blocks_read(disk, volume->offset + known[i].offset, found, known[i].length, NULL) &&
            memcmp(found, known[i].magic, known[i].length) == 0)
            return known[i].name;
    return NULL;
}

// The magic number of ext2, 3 and 4 in the superblock, which begins at 1024.
static gboolean
is_ext(const YdBlocks *disk, const YdVolume *volume)
{
    guint8 magic[2];
    return volume->bytes >= 2048 &&
           yd_blocks_read(disk, volume->offset + 1024 + 56, magic, 2, NULL) &&
           yd_bytes_le(magic, 2) == 0xef53;
}

static void
look(struct search *search, guint64 offset, guint64 bytes)
{
    guint64 all = search->disk->bytes;
    if (offset >= all || bytes == 0)
        return;
    YdVolume volume = {offset, MIN(bytes, all - offset)};
    if (is_ext(search->disk, &volume)) {
        if (volume.bytes > search->best.bytes)
            search->best = volume;
        return;
    }
    const char *name = name_of(search->disk, &volume);
    if (name && volume.bytes > search->other_bytes) {
        search->other = name;
        search->other_bytes = volume.bytes;
    }
}

// A table of partitions of MBR's form; FALSE when the sector is none.
static gboolean
mbr_read(const YdBlocks *disk, guint64 sector, guint8 *into)
{
    return sector <= G_MAXUINT64 / SECTOR &&
           yd_blocks_read(disk, sector * SECTOR, into, SECTOR, NULL) && into[510] == 0x55 &&
           into[511] == 0xaa;
}

static gboolean
is_extended(guint8 type)
{
    return type == 0x05 || type == 0x0f || type == 0x85;
}

// Logical partitions: each table has one, and the place of the next table.
static void
look_logical(struct search *search, guint64 first)
{
    guint8 table[SECTOR];
    guint64 at = first;
    for (guint i = 0; i < LOGICAL_MAX && mbr_read(search->disk, at, table); i++) {
        const guint8 *one = table + 446, *next = one + 16;
        look(search, (at + yd_bytes_le(one + 8, 4)) * SECTOR, yd_bytes_le(one + 12, 4) * SECTOR);
        if (!is_extended(next[4]))
            return;
        at = first + yd_bytes_le(next + 8, 4);
    }
}

static void
look_mbr(struct search *search, const guint8 *table)
{
    for (guint i = 0; i < MBR_ENTRIES; i++) {
        const guint8 *entry = table + 446 + i * 16;
        guint64 first = yd_bytes_le(entry + 8, 4), n = yd_bytes_le(entry + 12, 4);
        if (is_extended(entry[4]))
            look_logical(search, first);
        else if (entry[4] != 0)
            look(search, first * SECTOR, n * SECTOR);
    }
}

// FALSE when there is no GPT.
static gboolean
look_gpt(struct search *search)
{
    guint8 head[SECTOR], entry[GPT_ENTRY_MIN];
    static const guint8 unused[16];
    if (!yd_blocks_read(search->disk, SECTOR, head, sizeof head, NULL) ||
        memcmp(head, "EFI PART", 8) != 0)
        return FALSE;
    guint64 at = yd_bytes_le(head + 72, 8), n = yd_bytes_le(head + 80, 4);
    guint64 size = yd_bytes_le(head + 84, 4);
    if (at > search->disk->bytes / SECTOR || size < GPT_ENTRY_MIN || size > GPT_ENTRY_MAX)
        return TRUE;
    for (guint64 i = 0; i < MIN(n, GPT_MAX); i++) {
        if (!yd_blocks_read(search->disk, at * SECTOR + i * size, entry, sizeof entry, NULL))
            return TRUE;
        guint64 first = yd_bytes_le(entry + 32, 8), last = yd_bytes_le(entry + 40, 8);
        if (memcmp(entry, unused, sizeof unused) == 0 || last < first ||
            last >= search->disk->bytes / SECTOR)
            continue;
        look(search, first * SECTOR, (last - first + 1) * SECTOR);
    }
    return TRUE;
}

gboolean
yd_volume_find(const YdBlocks *disk, YdVolume *ret_volume, GError **error)
{
    struct search search = {.disk = disk};
    guint8 table[SECTOR];
    look(&search, 0, disk->bytes);
    if (search.best.bytes == 0 && !look_gpt(&search) && mbr_read(disk, 0, table))
        look_mbr(&search, table);
    if (search.best.bytes > 0) {
        *ret_volume = search.best;
        return TRUE;
    }
    if (search.other)
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                    "the disk has %s; files can be given back from ext2, ext3 and ext4 only. "
                    "Restore the whole point instead",
                    search.other);
    else
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                    "the disk has no file system that is known here; files can be given back from "
                    "ext2, ext3 and ext4 only. Restore the whole point instead");
    return FALSE;
}
