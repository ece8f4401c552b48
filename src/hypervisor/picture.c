// SPDX-License-Identifier: Apache-2.0
// PPM to PNG with libpng's simplified API.
#include "hypervisor/picture.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PIXELS (64u * 1024 * 1024)

// Reads a number after white space and comments; FALSE at the end or for no number.
static gboolean
read_number(const guint8 *data, gsize length, gsize *at, guint *ret_number)
{
    guint number = 0, digits = 0;
    while (*at < length && (g_ascii_isspace(data[*at]) || data[*at] == '#')) {
        if (data[*at] == '#')
            while (*at < length && data[*at] != '\n')
                (*at)++;
        else
            (*at)++;
    }
    for (; *at < length && g_ascii_isdigit(data[*at]) && digits < 6; (*at)++, digits++)
        number = number * 10 + (guint)(data[*at] - '0');
    *ret_number = number;
    return digits > 0;
}

static GBytes *
encode(const guint8 *pixels, guint width, guint height, GError **error)
{
    png_image image = {.version = PNG_IMAGE_VERSION, .width = width, .height = height};
    png_alloc_size_t size = 0;
    image.format = PNG_FORMAT_RGB;
    image.flags = PNG_IMAGE_FLAG_FAST;
    if (png_image_write_to_memory(&image, NULL, &size, 0, pixels, 0, NULL)) {
        guint8 *png = g_malloc(size);
        if (png_image_write_to_memory(&image, png, &size, 0, pixels, 0, NULL))
            return g_bytes_new_take(png, size);
        g_free(png);
    }
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "cannot write a PNG: %s", image.message);
    png_image_free(&image);
    return NULL;
}

GBytes *
yd_picture_from_ppm(const guint8 *data, gsize length, GError **error)
{
    guint width, height, most;
    gsize at = 2;
    if (length < 2 || memcmp(data, "P6", 2) != 0 || !read_number(data, length, &at, &width) ||
        !read_number(data, length, &at, &height) || !read_number(data, length, &at, &most) ||
        most != 255 || width == 0 || height == 0 || (guint64)width * height > MAX_PIXELS ||
        length - at < (gsize)width * height * 3 + 1) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                    "the picture of %" G_GSIZE_FORMAT " bytes is no whole PPM", length);
        return NULL;
    }
    return encode(data + at + 1, width, height, error);
}

// The mean of the pixels of the source that one of the result stands for.
static void
mean(const guint8 *pixels, guint stride, guint x0, guint x1, guint y0, guint y1, guint8 *ret_pixel)
{
    guint64 sum[3] = {0};
    guint n = MAX(1, (x1 - x0) * (y1 - y0));

    for (guint y = y0; y < y1; y++) {
        const guint8 *p = pixels + (gsize)y * stride + (gsize)x0 * 3;
        for (guint x = x0; x < x1; x++, p += 3) {
            sum[0] += p[0];
            sum[1] += p[1];
            sum[2] += p[2];
        }
    }
    for (guint i = 0; i < 3; i++)
        ret_pixel[i] = (guint8)(sum[i] / n);
}

static GBytes *
scale(const guint8 *pixels, guint width, guint height, guint to_width, GError **error)
{
    guint to_height = MAX(1, (guint)((guint64)height * to_width / width));
    g_autofree guint8 *small = g_malloc((gsize)to_width * to_height * 3);

    for (guint y = 0; y < to_height; y++) {
        guint y0 = (guint)((guint64)y * height / to_height);
        guint y1 = (guint)((guint64)(y + 1) * height / to_height);
        for (guint x = 0; x < to_width; x++) {
            guint x0 = (guint)((guint64)x * width / to_width);
            guint x1 = (guint)((guint64)(x + 1) * width / to_width);
            mean(pixels, width * 3, x0, x1, y0, MAX(y1, y0 + 1),
                 small + ((gsize)y * to_width + x) * 3);
        }
    }
    return encode(small, to_width, to_height, error);
}

GBytes *
yd_picture_scale(GBytes *png, guint width, GError **error)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    gsize length = 0;
    const void *data = g_bytes_get_data(png, &length);
    g_autofree guint8 *pixels = NULL;

    if (!png_image_begin_read_from_memory(&image, data, length) ||
        (guint64)image.width * image.height > MAX_PIXELS) {
        yd_error_invalid(error, NULL, "the picture is no PNG of at most 64 megapixels: %s",
                         image.message);
        png_image_free(&image);
        return NULL;
    }
    if (image.width <= width) {
        png_image_free(&image);
        return g_bytes_ref(png);
    }
    image.format = PNG_FORMAT_RGB;
    pixels = g_malloc(PNG_IMAGE_SIZE(image));
    if (!png_image_finish_read(&image, NULL, pixels, 0, NULL)) {
        yd_error_invalid(error, NULL, "the picture is a broken PNG: %s", image.message);
        png_image_free(&image);
        return NULL;
    }
    return scale(pixels, image.width, image.height, width, error);
}
