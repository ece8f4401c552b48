// SPDX-License-Identifier: Apache-2.0
// What counts as an installation image: heads as genisoimage, Windows' and others' tools write
// them.
#include <string.h>

#include "base/error.h"
#include "model/iso-image.h"

#define SECTOR 2048
#define MIB (1024 * 1024)

static void
put(guint8 *head, guint sector, guint8 type, const char *id)
{
    head[sector * SECTOR] = type;
    memcpy(head + sector * SECTOR + 1, id, 5);
    head[sector * SECTOR + 6] = 1;
}

// An ISO 9660 head with that many sectors in its volume.
static guint8 *
head_new(guint32 sectors)
{
    guint8 *head = g_malloc0(YD_ISO_HEAD);
    guint8 *primary = head + 16 * SECTOR;

    put(head, 16, 1, "CD001");
    put(head, 17, 0, "CD001");
    put(head, 18, 255, "CD001");
    memset(primary + 40, ' ', 32);
    memcpy(primary + 40, "Debian 13", 9);
    for (guint i = 0; i < 4; i++)
        primary[80 + i] = (guint8)(sectors >> (8 * i));
    primary[129] = SECTOR >> 8;
    return head;
}

static void
test_good(void)
{
    g_autofree guint8 *head = head_new(512);
    g_autoptr(GError) error = NULL;
    YdIsoFacts facts;

    g_assert_true(yd_iso_check(head, YD_ISO_HEAD, MIB, &facts, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(facts.label, ==, "Debian 13");
    g_assert_false(facts.bootable);
    memcpy(head + 17 * SECTOR + 7, "EL TORITO SPECIFICATION", 23);
    g_assert_true(yd_iso_check(head, YD_ISO_HEAD, MIB, &facts, &error));
    g_assert_true(facts.bootable);
    // a label that is no text ends where it stops being one
    memcpy(head + 16 * SECTOR + 40, "A\xff\n", 3);
    g_assert_true(yd_iso_check(head, YD_ISO_HEAD, MIB, &facts, &error));
    g_assert_cmpstr(facts.label, ==, "A");
    memset(head + 16 * SECTOR + 40, 'B', 32); // all of it
    g_assert_true(yd_iso_check(head, YD_ISO_HEAD, MIB, &facts, &error));
    g_assert_cmpuint(strlen(facts.label), ==, 32);
    // a writer that counts its run-out of 150 sectors and leaves it away
    g_assert_true(yd_iso_check(head, YD_ISO_HEAD, MIB - 150 * SECTOR, &facts, &error));
}

static void
test_udf(void)
{
    g_autofree guint8 *head = g_malloc0(YD_ISO_HEAD);
    g_autoptr(GError) error = NULL;
    YdIsoFacts facts;

    put(head, 16, 0, "BEA01");
    put(head, 17, 0, "NSR02");
    put(head, 18, 0, "TEA01");
    g_assert_true(yd_iso_check(head, YD_ISO_HEAD, MIB, &facts, &error));
    g_assert_cmpstr(facts.label, ==, "");
    put(head, 17, 0, "NSR03");
    g_assert_true(yd_iso_check(head, YD_ISO_HEAD, MIB, &facts, &error));
    put(head, 17, 0, "NSR04");
    g_assert_false(yd_iso_check(head, YD_ISO_HEAD, MIB, &facts, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

static void
refuse(const guint8 *head, gsize n, gint64 bytes, const char *text)
{
    g_autoptr(GError) error = NULL;
    YdIsoFacts facts = {.label = "untouched"};

    g_assert_false(yd_iso_check(head, n, bytes, &facts, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, text));
    g_assert_cmpstr(facts.label, ==, "untouched");
}

static void
test_bad(void)
{
    g_autofree guint8 *head = head_new(512), *nothing = g_malloc0(YD_ISO_HEAD);

    refuse(nothing, YD_ISO_HEAD, MIB, "no ISO 9660 or UDF image");
    refuse(head, 0, 0, "no ISO 9660");
    refuse(head, 16 * SECTOR + 100, MIB, "no ISO 9660"); // ends within the descriptor
    refuse(head, YD_ISO_HEAD, MIB - 151 * SECTOR, "cut off");
    put(head, 16, 2, "CD001"); // only a supplementary volume
    refuse(head, YD_ISO_HEAD, MIB, "no ISO 9660");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/iso-image/good", test_good);
    g_test_add_func("/iso-image/udf", test_udf);
    g_test_add_func("/iso-image/bad", test_bad);
    return g_test_run();
}
