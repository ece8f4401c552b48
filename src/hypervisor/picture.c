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
