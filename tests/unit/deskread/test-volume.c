// SPDX-License-Identifier: Apache-2.0
// Where the file system lies: whole disks, MBR with logical partitions, GPT; absurd tables end.
#include "deskread/volume.h"

#include <string.h>

#include "base/error.h"

#define MIB (1024 * 1024)
#define DISK (16 * MIB)

static gboolean
read_bytes(gpointer data, guint64 offset, void *buffer, gsize n, GError **error)
{
    memcpy(buffer, (guint8 *)data + offset, n);
    return TRUE;
}

static void
put(guint8 *at, guint64 value, guint n)
{
    for (guint i = 0; i < n; i++)
        at[i] = (guint8)(value >> 8 * i);
}

static void
put_ext(guint8 *disk, guint64 sector)
{
    put(disk + sector * 512 + 1024 + 56, 0xef53, 2);
}

static void
put_mbr(guint8 *table, guint i, guint8 type, guint32 first, guint32 n)
{
    guint8 *entry = table + 446 + i * 16;
    entry[4] = type;
    put(entry + 8, first, 4);
    put(entry + 12, n, 4);
    table[510] = 0x55;
    table[511] = 0xaa;
}

static void
put_gpt(guint8 *disk, guint i, guint64 first, guint64 last)
{
    guint8 *entry = disk + 1024 + i * 128;
    memcpy(disk + 512, "EFI PART", 8);
    put(disk + 512 + 72, 2, 8);
    put(disk + 512 + 80, 128, 4);
    put(disk + 512 + 84, 128, 4);
    entry[0] = 1;
    put(entry + 32, first, 8);
    put(entry + 40, last, 8);
}

static gboolean
find(guint8 *bytes, YdVolume *ret_volume, GError **error)
{
    YdBlocks disk = {read_bytes, bytes, DISK};
    return yd_volume_find(&disk, ret_volume, error);
}

static void
test_found(void)
{
    YdVolume volume;
    g_autofree guint8 *whole = g_malloc0(DISK), *mbr = g_malloc0(DISK), *gpt = g_malloc0(DISK);
    put_ext(whole, 0);
    g_assert_true(find(whole, &volume, NULL));
    g_assert_cmpuint(volume.offset, ==, 0);
    g_assert_cmpuint(volume.bytes, ==, DISK);

    put_mbr(mbr, 0, 0x83, 64, 1000);
    put_mbr(mbr, 1, 0x05, 4096, 20000);
    put_ext(mbr, 64);
    put_mbr(mbr + 4096 * 512, 0, 0x83, 64, 2000); // a logical one, and the next table
    put_mbr(mbr + 4096 * 512, 1, 0x05, 8000, 9000);
    put_mbr(mbr + (4096 + 8000) * 512, 0, 0x83, 64, 8000);
    put_ext(mbr, 4096 + 64);
    put_ext(mbr, 4096 + 8000 + 64);
    g_assert_true(find(mbr, &volume, NULL));
    g_assert_cmpuint(volume.offset, ==, (4096 + 8000 + 64) * 512);
    g_assert_cmpuint(volume.bytes, ==, 8000 * 512);

    put_mbr(gpt, 0, 0xee, 1, 0xffffffff);
    put_gpt(gpt, 0, 2048, 4095);
    put_gpt(gpt, 5, 4096, 16383);
    put_ext(gpt, 2048);
    put_ext(gpt, 4096);
    g_assert_true(find(gpt, &volume, NULL));
    g_assert_cmpuint(volume.offset, ==, 4096 * 512);
    g_assert_cmpuint(volume.bytes, ==, (16383 - 4096 + 1) * 512);
}

static void
test_words(void)
{
    YdVolume volume;
    g_autoptr(GError) empty = NULL;
    g_autoptr(GError) ntfs = NULL;
    g_autofree guint8 *disk = g_malloc0(DISK);
    g_assert_false(find(disk, &volume, &empty));
    g_assert_error(empty, YD_ERROR, YD_ERROR_INVALID);
    g_assert_nonnull(strstr(empty->message, "no file system that is known"));
    put_mbr(disk, 0, 0x07, 64, 8000);
    memcpy(disk + 64 * 512 + 3, "NTFS    ", 8);
    g_assert_false(find(disk, &volume, &ntfs));
    g_assert_nonnull(strstr(ntfs->message, "NTFS"));
    g_assert_nonnull(strstr(ntfs->message, "Restore the whole point"));
}

static void
test_absurd(void)
{
    YdVolume volume;
    g_autofree guint8 *disk = g_malloc0(DISK);
    put_mbr(disk, 0, 0x83, 0xffffffff, 0xffffffff);
    put_mbr(disk, 1, 0x05, 64, 0xffffffff);
    put_mbr(disk + 64 * 512, 1, 0x05, 0, 1); // a table that names itself
    put_mbr(disk, 2, 0x05, 0, 1);
    g_assert_false(find(disk, &volume, NULL));
    put_gpt(disk, 0, 9, 3);
    put_gpt(disk, 1, 0, G_MAXUINT64);
    put(disk + 512 + 80, 0xffffffff, 4);
    g_assert_false(find(disk, &volume, NULL));
    put(disk + 512 + 72, G_MAXUINT64, 8);
    g_assert_false(find(disk, &volume, NULL));
    YdBlocks tiny = {read_bytes, disk, 100};
    g_assert_false(yd_volume_find(&tiny, &volume, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/volume/the largest file system is found", test_found);
    g_test_add_func("/volume/other file systems are named", test_words);
    g_test_add_func("/volume/absurd tables end", test_absurd);
    return g_test_run();
}
