// SPDX-License-Identifier: Apache-2.0
// Checks the request and hands it on to the family.
#include "storage/point-files.h"

#include <string.h>

#include "base/json-util.h"
#include "storage/family.h"

#define LIMIT_MAX 5000
#define POINT_MAX 64
#define PATH_MAX_BYTES 4096

static gboolean
text(const json_t *request, const char *name, gsize longest, GError **error)
{
    const char *value = NULL;
    if (!yd_json_string(request, name, &value, error))
        return FALSE;
    return (value && *value && strlen(value) <= longest) ||
           yd_error_invalid(error, name, "must be a text of 1 to %u bytes", (guint)longest);
}

// Names of points are ids of our own making.
static gboolean
check_point(const json_t *request, GError **error)
{
    const char *point = json_string_value(json_object_get(request, "point"));
    for (const char *at = point; at && *at; at++)
        if (!g_ascii_isalnum(*at) && *at != '-')
            return yd_error_invalid(error, "point", "\"%s\" is no restore point", point);
    return TRUE;
}

json_t *
yd_point_files_call(YdStorage *storage, const json_t *request, YdPointSink sink,
                    YdProgress progress, gpointer data, GError **error)
{
    gint64 cursor = 0, limit = 1, most = 0;
    if (!text(request, "image", PATH_MAX_BYTES, error) ||
        !yd_image_name_check(json_string_value(json_object_get(request, "image")), error) ||
        !text(request, "point", POINT_MAX, error) || !check_point(request, error) ||
        !text(request, "path", PATH_MAX_BYTES, error) ||
        !yd_json_int(request, "cursor", 0, G_MAXINT32, &cursor, error) ||
        !yd_json_int(request, "limit", 1, LIMIT_MAX, &limit, error) ||
        !yd_json_int(request, "most", 0, G_MAXINT64, &most, error))
        return NULL;
    return storage->family->files(storage, request, sink, progress, data, error);
}

json_t *
yd_point_files_list(YdStorage *storage, const char *image, const char *point, const char *path,
                    gint64 cursor, guint limit, GError **error)
{
    g_autoptr(json_t) request =
        json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "verb", "files-list", "image", image, "point",
                  point, "path", path, "cursor", (json_int_t)cursor, "limit", (json_int_t)limit);
    if (!request) {
        yd_error_invalid(error, "path", "is not UTF-8");
        return NULL;
    }
    g_autoptr(json_t) answer = yd_point_files_call(storage, request, NULL, NULL, NULL, error);
    if (answer && !json_is_array(json_object_get(answer, "items"))) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL,
                    "the reader of restore points gave no list");
        return NULL;
    }
    return g_steal_pointer(&answer);
}

gboolean
yd_point_files_read(YdStorage *storage, const char *image, const char *point, const char *path,
                    gint64 most, YdPointSink sink, gpointer data, YdPointFile *ret_file,
                    GError **error)
{
    g_autoptr(json_t) request =
        json_pack("{s:s, s:s, s:s, s:s, s:I}", "verb", "files-read", "image", image, "point", point,
                  "path", path, "most", (json_int_t)most);
    if (!request)
        return yd_error_invalid(error, "path", "is not UTF-8");
    g_autoptr(json_t) answer = yd_point_files_call(storage, request, sink, NULL, data, error);
    if (!answer)
        return FALSE;
    ret_file->bytes = json_integer_value(json_object_get(answer, "bytes"));
    ret_file->modified = json_integer_value(json_object_get(answer, "modified"));
    ret_file->mode = (guint)json_integer_value(json_object_get(answer, "mode")) & 0777;
    return TRUE;
}
