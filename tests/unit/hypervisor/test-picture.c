// SPDX-License-Identifier: Apache-2.0
// Pictures of screens: PPM in, PNG out; broken ones refused.
#include "hypervisor/picture.h"

#include <png.h>
#include <string.h>

static void
test_converted(void)
{
    static const char ppm[] = "P6\n# a comment\n2 1\n255\n\x01\x02\x03\xff\xfe\xfd";
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) bytes = yd_picture_from_ppm((const guint8 *)ppm, sizeof ppm - 1, &error);
    g_assert_no_error(error);
    gsize length;
    const guint8 *data = g_bytes_get_data(bytes, &length);
    png_image image = {.version = PNG_IMAGE_VERSION};
    guint8 pixels[6];
    g_assert_true(png_image_begin_read_from_memory(&image, data, length));
    g_assert_cmpuint(image.width, ==, 2);
    g_assert_cmpuint(image.height, ==, 1);
    image.format = PNG_FORMAT_RGB;
    g_assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    g_assert_cmpmem(pixels, 6, "\x01\x02\x03\xff\xfe\xfd", 6);
}

static void
test_refused(void)
{
    static const char *const bad[] = {
        "",
        "P6",
        "P5\n1 1\n255\nabc",
        "P6\n1 1\n255",
        "P6\n1 1\n255\nab",
        "P6\n0 1\n255\n",
        "P6\n1 1\n65535\nabcdef",
        "P6\n99999 99999\n255\nabc",
        "P6\n-1 1\n255\nabc",
        "P6\n#",
        "P6\n1\n",
        "P6 1 1 999999999999 abc",
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(yd_picture_from_ppm((const guint8 *)bad[i], strlen(bad[i]), &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

// 4×2 white and black halves become 2×1 of the same; a third one stays as it is.
static void
test_scaled(void)
{
    static const char ppm[] = "P6\n4 2\n255\n"
                              "\xff\xff\xff\xfd\xfd\xfd\0\0\0\2\2\2"
                              "\xff\xff\xff\xfd\xfd\xfd\0\0\0\2\2\2";
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) whole = yd_picture_from_ppm((const guint8 *)ppm, sizeof ppm - 1, &error);
    g_autoptr(GBytes) small = yd_picture_scale(whole, 2, &error);
    g_autoptr(GBytes) same = yd_picture_scale(whole, 4, &error);
    g_autoptr(GBytes) broken = g_bytes_new_from_bytes(whole, 0, 40);
    g_autoptr(GBytes) none = g_bytes_new_static("PNG", 3);
    png_image image = {.version = PNG_IMAGE_VERSION};
    guint8 pixels[6];
    gsize length;
    const guint8 *data = g_bytes_get_data(small, &length);

    g_assert_no_error(error);
    g_assert_true(same == whole);
    g_assert_true(png_image_begin_read_from_memory(&image, data, length));
    g_assert_cmpuint(image.width, ==, 2);
    g_assert_cmpuint(image.height, ==, 1);
    image.format = PNG_FORMAT_RGB;
    g_assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    g_assert_cmpmem(pixels, 6, "\xfe\xfe\xfe\1\1\1", 6);
    g_assert_null(yd_picture_scale(none, 2, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(yd_picture_scale(broken, 2, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/picture/converted", test_converted);
    g_test_add_func("/picture/refused", test_refused);
    g_test_add_func("/picture/scaled", test_scaled);
    return g_test_run();
}
