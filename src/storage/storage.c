// SPDX-License-Identifier: Apache-2.0
// Checks names and hands the verbs on to the family. Does no work itself.
#include "storage/storage.h"
#include "storage/family.h"

#include <string.h>

#define NAME_MAX_LENGTH 80
#define POINT_MAX_LENGTH 80
#define SUFFIX ".qcow2"

void
yd_image_info_free(YdImageInfo *info)
{
    if (!info)
        return;
    g_free(info->format);
    g_free(info->backing);
    g_free(info->checksum);
    g_free(info);
}

void
yd_image_facts_free(gpointer facts)
{
    YdImageFacts *of = facts;
    if (!of)
        return;
    g_free(of->image);
    g_free(of->base);
    g_free(of->header);
    g_free(of->damage);
    g_free(of);
}

void
yd_storage_free(YdStorage *storage)
{
    if (storage)
        storage->family->free(storage);
}

gboolean
yd_image_name_check(const char *image, GError **error)
{
    const char *suffix = image && g_str_has_suffix(image, SUFFIX) ? strrchr(image, '.') : NULL;
    gboolean ok = suffix && suffix > image && suffix - image <= NAME_MAX_LENGTH && *image != '-';
    for (const char *at = image; ok && at < suffix; at++)
        ok = g_ascii_islower(*at) || g_ascii_isdigit(*at) || *at == '-';
    if (!ok)
        return yd_error_invalid(error, "image",
                                "'%s' is no image name (a-z, 0-9, '-', then .qcow2)",
                                image ? image : "");
    return TRUE;
}

char *
yd_storage_path(YdStorage *storage, const char *image)
{
    return yd_image_name_check(image, NULL) ? storage->family->path(storage, image) : NULL;
}

YdImageInfo *
yd_storage_inspect(YdStorage *storage, const char *path, GError **error)
{
    return storage->family->inspect(storage, path, error);
}

YdImageInfo *
yd_storage_import(YdStorage *storage, const char *source, const char *image, YdProgress progress,
                  gpointer data, GError **error)
{
    if (!yd_image_name_check(image, error))
        return NULL;
    return storage->family->import(storage, source, image, progress, data, error);
}

static gboolean
check_bytes(gint64 bytes, GError **error)
{
    if (bytes >= 0 && bytes <= G_GINT64_CONSTANT(2) << 40)
        return TRUE;
    return yd_error_invalid(error, "bytes",
                            "%" G_GINT64_FORMAT " is no size of a disk (up to 2 TiB)", bytes);
}

gboolean
yd_storage_derive(YdStorage *storage, const char *base, const char *image, gint64 bytes,
                  GError **error)
{
    if (!base && bytes == 0)
        return yd_error_invalid(error, "bytes", "a fresh disk needs a size");
    return (!base || yd_image_name_check(base, error)) && yd_image_name_check(image, error) &&
           check_bytes(bytes, error) && storage->family->derive(storage, base, image, bytes, error);
}

gboolean
yd_storage_seal(YdStorage *storage, const char *image, const char *base, const char *sealed,
                GError **error)
{
    return yd_image_name_check(image, error) && (!base || yd_image_name_check(base, error)) &&
           yd_image_name_check(sealed, error) &&
           storage->family->seal(storage, image, base, sealed, error);
}

YdImageInfo *
yd_storage_flatten(YdStorage *storage, const char *image, const char *flat, YdProgress progress,
                   gpointer data, GError **error)
{
    if (!yd_image_name_check(image, error) || !yd_image_name_check(flat, error))
        return NULL;
    return storage->family->flatten(storage, image, flat, progress, data, error);
}

GPtrArray *
yd_storage_chain(YdStorage *storage, const char *image, GError **error)
{
    return yd_image_name_check(image, error) ? storage->family->chain(storage, image, error) : NULL;
}

GPtrArray *
yd_storage_usage(YdStorage *storage, GError **error)
{
    return storage->family->usage(storage, error);
}

gboolean
yd_storage_grow(YdStorage *storage, const char *image, gint64 bytes, GError **error)
{
    return yd_image_name_check(image, error) && check_bytes(bytes, error) &&
           storage->family->grow(storage, image, bytes, error);
}

static const char *const point_acts[] = {
    [YD_POINT_MAKE] = "make", [YD_POINT_BACK] = "back", [YD_POINT_DROP] = "drop"};

const char *
yd_point_act_name(YdPointAct what)
{
    g_return_val_if_fail((guint)what < G_N_ELEMENTS(point_acts), NULL);
    return point_acts[what];
}

gboolean
yd_point_act_from_name(const char *name, YdPointAct *ret_what)
{
    for (guint i = 0; name && i < G_N_ELEMENTS(point_acts); i++) {
        if (strcmp(point_acts[i], name) != 0)
            continue;
        *ret_what = (YdPointAct)i;
        return TRUE;
    }
    return FALSE;
}

// Such names are ids of ours; qemu-img would take what begins with '-' for an option.
static gboolean
check_point_name(const char *name, GError **error)
{
    gsize length = name ? strlen(name) : 0;
    gboolean good = length > 0 && length <= POINT_MAX_LENGTH && *name != '-';
    for (gsize i = 0; good && i < length; i++)
        good = g_ascii_islower(name[i]) || g_ascii_isdigit(name[i]) || name[i] == '-';
    return good || yd_error_invalid(error, "name", "'%.100s' is no name of a restore point",
                                    name ? name : "");
}

gboolean
yd_storage_point(YdStorage *storage, const char *image, const char *name, YdPointAct what,
                 GError **error)
{
    return yd_image_name_check(image, error) && check_point_name(name, error) &&
           storage->family->point(storage, image, name, what, error);
}

YdImageInfo *
yd_storage_look(YdStorage *storage, const char *image, GError **error)
{
    return yd_image_name_check(image, error) ? storage->family->look(storage, image, error) : NULL;
}

YdImageInfo *
yd_storage_verify(YdStorage *storage, const char *image, YdProgress progress, gpointer data,
                  GError **error)
{
    if (!yd_image_name_check(image, error))
        return NULL;
    return storage->family->verify(storage, image, progress, data, error);
}

gboolean
yd_storage_delete(YdStorage *storage, const char *image, GError **error)
{
    return yd_image_name_check(image, error) && storage->family->delete (storage, image, error);
}

GPtrArray *
yd_storage_list(YdStorage *storage, GError **error)
{
    return storage->family->list(storage, error);
}

gboolean
yd_storage_space(YdStorage *storage, gint64 *ret_bytes, gint64 *ret_free, GError **error)
{
    return storage->family->space(storage, ret_bytes, ret_free, error);
}
