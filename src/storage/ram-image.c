// SPDX-License-Identifier: Apache-2.0
// Verbs on RAM images as JSON, so that the way through deskhost needs no translation. The work is
// in local-ram.c.
#include "storage/ram-image.h"
#include "storage/family.h"

#include <string.h>

#include "base/json-util.h"

static gboolean
name_check(const char *name, GError **error)
{
    g_autofree char *image = g_strdup_printf("%s.qcow2", name ? name : "");
    if (name && strlen(name) > 74)
        return yd_error_invalid(error, "name", "'%s' is too long", name);
    return yd_image_name_check(image, error);
}

char *
yd_ram_image_path(YdStorage *storage, const char *name, const char *suffix)
{
    g_autofree char *image = g_strdup_printf("%s.qcow2", name);
    g_autofree char *path = yd_storage_path(storage, image);
    if (!path)
        return NULL;
    g_autofree char *directory = g_path_get_dirname(path);
    return g_strdup_printf("%s/ram/%s.%s", directory, name, suffix);
}

json_t *
yd_ram_image_call(YdStorage *storage, const char *verb, const json_t *arguments, GError **error)
{
    const char *name = json_string_value(json_object_get(arguments, "name"));
    const char *image = json_string_value(json_object_get(arguments, "image"));
    if ((name || !image) && !name_check(name, error))
        return NULL;
    if (image && !yd_image_name_check(image, error))
        return NULL;
    return storage->family->ram(storage, verb, arguments, error);
}

// Takes arguments.
static json_t *
call(YdStorage *storage, const char *verb, json_t *arguments, GError **error)
{
    json_t *answer = yd_ram_image_call(storage, verb, arguments, error);
    json_decref(arguments);
    return answer;
}

static gboolean
call_simple(YdStorage *storage, const char *verb, json_t *arguments, GError **error)
{
    g_autoptr(json_t) answer = call(storage, verb, arguments, error);
    return answer != NULL;
}

gboolean
yd_ram_image_begin(YdStorage *storage, const char *base, const char *name, gint64 bytes,
                   GError **error)
{
    return call_simple(
        storage, "ram-begin",
        json_pack("{s:s, s:s, s:I}", "base", base, "name", name, "bytes", (json_int_t)bytes),
        error);
}

gboolean
yd_ram_image_seal(YdStorage *storage, const char *name, const json_t *facts, GError **error)
{
    json_t *arguments = json_pack("{s:s}", "name", name);
    json_object_set_new(arguments, "facts", json_deep_copy(facts));
    return call_simple(storage, "ram-seal", arguments, error);
}

json_t *
yd_ram_image_look(YdStorage *storage, const char *name, GError **error)
{
    return call(storage, "ram-look", json_pack("{s:s}", "name", name), error);
}

char *
yd_ram_image_clone(YdStorage *storage, const char *name, const char *image, const char *xml,
                   GError **error)
{
    json_t *arguments = json_pack("{s:s, s:s, s:s}", "name", name, "image", image, "xml", xml);
    g_autoptr(json_t) answer = call(storage, "ram-clone", arguments, error);
    return answer ? g_strdup(json_string_value(json_object_get(answer, "path"))) : NULL;
}

gboolean
yd_ram_image_drop(YdStorage *storage, const char *image, GError **error)
{
    return call_simple(storage, "ram-drop", json_pack("{s:s}", "image", image), error);
}

gboolean
yd_ram_image_delete(YdStorage *storage, const char *name, GError **error)
{
    return call_simple(storage, "ram-delete", json_pack("{s:s}", "name", name), error);
}
