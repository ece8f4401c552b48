// SPDX-License-Identifier: Apache-2.0
// Headers of disk images, good and hostile, made byte by byte.
#include "storage/image-probe.h"
#include "storage/qemu-img.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB (1024 * 1024)

static void
put32(guint8 *at, guint32 value)
{
    value = GUINT32_TO_BE(value);
    memcpy(at, &value, 4);
}

static void
put64(guint8 *at, guint64 value)
{
    value = GUINT64_TO_BE(value);
    memcpy(at, &value, 8);
}

static void
put64_le(guint8 *at, guint64 value)
{
    value = GUINT64_TO_LE(value);
    memcpy(at, &value, 8);
}

// Probes the bytes; the message of the refusal, or NULL when it was taken.
static char *
probe(const guint8 *bytes, gsize length, gboolean allow_backing, YdImageProbe *ret)
{
    g_autoptr(GError) error = NULL;
    int fd = memfd_create("image", MFD_CLOEXEC);
    g_assert_cmpint(write(fd, bytes, length), ==, (gssize)length);
    gboolean ok = yd_image_probe(fd, "x.img", allow_backing, ret, &error);
    close(fd);
    if (ok)
        return NULL;
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    return g_strdup(error->message);
}

static void
assert_refused(const guint8 *bytes, gsize length, const char *part)
{
    YdImageProbe result = {0};
    g_autofree char *message = probe(bytes, length, FALSE, &result);
    g_assert_nonnull(message);
    if (!strstr(message, part))
        g_error("'%s' does not say '%s'", message, part);
}

// A plausible version 3 header in a file of 1 MiB.
static guint8 *
qcow2(void)
{
    guint8 *bytes = g_malloc0(MIB);
    memcpy(bytes, "QFI\xfb", 4);
    put32(bytes + 4, 3);
    put32(bytes + 20, 16);
    put64(bytes + 24, (guint64)10 << 30);
    put32(bytes + 36, 1);
    put64(bytes + 40, 196608);
    put64(bytes + 48, 65536);
    put32(bytes + 100, 104);
    return bytes;
}

static void
test_qcow2(void)
{
    YdImageProbe result = {0};
    g_autofree guint8 *bytes = qcow2();
    g_assert_null(probe(bytes, MIB, FALSE, &result));
    g_assert_cmpint(result.format, ==, YD_IMAGE_QCOW2);
    g_assert_cmpint(result.virtual_bytes, ==, (gint64)10 << 30);
    g_assert_cmpint(result.size_bytes, ==, MIB);
    assert_refused(bytes, 512, "too small");
    assert_refused(bytes, 131072, "truncated");
}

static void
test_qcow2_backing(void)
{
    YdImageProbe result = {0};
    g_autofree guint8 *bytes = qcow2();
    put64(bytes + 8, 512);
    put32(bytes + 16, 11);
    memcpy(bytes + 512, "/etc/shadow", 11);
    assert_refused(bytes, MIB, "/etc/shadow");
    g_assert_null(probe(bytes, MIB, TRUE, &result));
    g_assert_cmpstr(result.backing, ==, "/etc/shadow");
    g_free(result.backing);
    put32(bytes + 16, 4096);
    assert_refused(bytes, MIB, "damaged");
    put32(bytes + 16, 11);
    put64(bytes + 8, G_MAXUINT64 - 3);
    assert_refused(bytes, MIB, "truncated");
}

static void
test_qcow2_hostile(void)
{
    static const struct {
        guint offset, width;
        guint64 value;
        const char *part;
    } cases[] = {
        {72, 8, 1 << 2, "another file"},
        {72, 8, 1 << 1, "corrupt"},
        {72, 8, 1 << 9, "unknown"},
        {32, 4, 1, "encrypted"},
        {32, 4, 2, "encrypted"},
        {4, 4, 4, "version 4"},
        {4, 4, 1, "version 1"},
        {20, 4, 40, "damaged"},
        {24, 8, (guint64)3 << 40, "3072 GiB"},
        {24, 8, G_MAXUINT64, "GiB"},
        {24, 8, 0, "size 0"},
        {40, 8, (guint64)1 << 40, "beyond its end"},
        {36, 4, G_MAXUINT32, "beyond its end"},
        {48, 8, G_MAXUINT64, "beyond its end"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree guint8 *bytes = qcow2();
        if (cases[i].width == 8)
            put64(bytes + cases[i].offset, cases[i].value);
        else
            put32(bytes + cases[i].offset, (guint32)cases[i].value);
        assert_refused(bytes, MIB, cases[i].part);
    }
}

static guint8 *
vmdk(const char *descriptor)
{
    guint8 *bytes = g_malloc0(MIB);
    memcpy(bytes, "KDMV\1\0\0\0\3\0\0\0", 12);
    put64_le(bytes + 12, 20 * 1024 * 2); // 20 MiB in sectors
    put64_le(bytes + 20, 128);
    put64_le(bytes + 28, 1);
    put64_le(bytes + 36, 20);
    memcpy(bytes + 512, descriptor, strlen(descriptor));
    return bytes;
}

static void
test_vmdk(void)
{
    static const char good[] = "# Disk DescriptorFile\nCID=1\nparentCID=ffffffff\n"
                               "createType=\"monolithicSparse\"\n";
    YdImageProbe result = {0};
    g_autofree guint8 *bytes = vmdk(good);
    g_assert_null(probe(bytes, MIB, FALSE, &result));
    g_assert_cmpint(result.format, ==, YD_IMAGE_VMDK);
    g_assert_cmpint(result.virtual_bytes, ==, 20 * MIB);
    put64_le(bytes + 12, 0); // then QEMU would read the descriptor's extents
    assert_refused(bytes, MIB, "other files");
    put64_le(bytes + 12, G_MAXUINT64);
    assert_refused(bytes, MIB, "absurd");

    g_autofree guint8 *flat = vmdk("parentCID=ffffffff\ncreateType=\"monolithicFlat\"\n");
    assert_refused(flat, MIB, "monolithicFlat");
    g_autofree guint8 *child = vmdk("parentCID=12345678\r\nparentFileNameHint=\"/etc/shadow\"\r\n"
                                    "createType=\"monolithicSparse\"\r\n");
    assert_refused(child, MIB, "/etc/shadow");
    g_autofree guint8 *text = g_malloc0(MIB);
    memcpy(text, good, strlen(good));
    assert_refused(text, MIB, "other files");
}

static void
test_raw(void)
{
    YdImageProbe result = {0};
    g_autofree guint8 *bytes = g_malloc0(MIB);
    assert_refused(bytes, MIB, "not a disk image");
    memcpy(bytes, "#!/bin/sh\n", 10);
    assert_refused(bytes, MIB, "not a disk image");
    bytes[510] = 0x55;
    bytes[511] = 0xaa;
    bytes[450] = 0x83;
    bytes[454] = 8;     // first sector
    bytes[458 + 1] = 4; // 1024 sectors
    g_assert_null(probe(bytes, MIB, FALSE, &result));
    g_assert_cmpint(result.format, ==, YD_IMAGE_RAW);
    g_assert_cmpint(result.virtual_bytes, ==, MIB);
    assert_refused(bytes, MIB / 4, "truncated");
    bytes[450] = 0xee; // protective: the GPT counts
    memcpy(bytes + 512, "EFI PART", 8);
    put64_le(bytes + 512 + 32, 2047);
    g_assert_null(probe(bytes, MIB, FALSE, &result));
    assert_refused(bytes, MIB / 2, "truncated");
}

static void
test_not_a_file(void)
{
    g_autoptr(GError) error = NULL;
    YdImageProbe result = {0};
    int fds[2];
    g_assert_cmpint(pipe(fds), ==, 0);
    g_assert_false(yd_image_probe(fds[0], "pipe", FALSE, &result, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    close(fds[0]);
    close(fds[1]);
}

static void
test_percent(void)
{
    g_assert_cmpfloat(yd_qemu_img_percent("    (12.50/100%)\r"), ==, 12.5);
    g_assert_cmpfloat(yd_qemu_img_percent("    (1.00/100%)\r    (100.00/100%)\r"), ==, 100);
    g_assert_cmpfloat(yd_qemu_img_percent("    (1.00/100%)\r    (10"), <, 0);
    g_assert_cmpfloat(yd_qemu_img_percent("(x/100%)"), <, 0);
    g_assert_cmpfloat(yd_qemu_img_percent(""), <, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/image-probe/qcow2", test_qcow2);
    g_test_add_func("/image-probe/qcow2-backing", test_qcow2_backing);
    g_test_add_func("/image-probe/qcow2-hostile", test_qcow2_hostile);
    g_test_add_func("/image-probe/vmdk", test_vmdk);
    g_test_add_func("/image-probe/raw", test_raw);
    g_test_add_func("/image-probe/not-a-file", test_not_a_file);
    g_test_add_func("/image-probe/percent", test_percent);
    return g_test_run();
}
