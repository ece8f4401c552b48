// SPDX-License-Identifier: Apache-2.0
// Files of restore points: a directory, the bytes of one, and giving one back.
#include "service/restore-files.h"

#include "api/handlers.h"
#include "api/resource.h"
#include "base/id.h"

#define LIMIT 200
#define LIMIT_MAX 1000

static const char *
needed(YdRequest *request, const char *name, GError **error)
{
    const char *value = yd_request_query(request, name);
    if (!value || !*value)
        yd_error_invalid(error, name, "must be given");
    return value && *value ? value : NULL;
}

static gboolean
check_known(YdRequest *request, const char *const *known, GError **error)
{
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, request->query);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        if (!g_strv_contains(known, name))
            return yd_error_invalid(error, name, "is not known here");
    return TRUE;
}

// Times and cursors as everywhere in the API.
static void
dress(json_t *list)
{
    size_t i;
    json_t *item, *next = json_object_get(list, "next");
    json_array_foreach(json_object_get(list, "items"), i, item)
    {
        g_autofree char *when = yd_time_text(json_integer_value(json_object_get(item, "modified")));
        json_object_set_new(item, "modified", json_string(when));
    }
    if (json_is_integer(next)) {
        g_autofree char *text = g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(next));
        json_object_set_new(list, "next", json_string(text));
    }
    json_object_del(list, "ok");
}

gboolean
yd_handle_restore_files_list(YdRequest *request, GError **error)
{
    static const char *const known[] = {"disk", "path", "cursor", "limit", NULL};
    gint64 cursor = 0, limit = LIMIT;
    const char *disk = needed(request, "disk", error);
    const char *path = yd_request_query(request, "path");
    if (!disk || !check_known(request, known, error) ||
        !yd_request_query_int(request, "cursor", 0, G_MAXINT32, &cursor, error) ||
        !yd_request_query_int(request, "limit", 1, LIMIT_MAX, &limit, error))
        return FALSE;
    json_t *list =
        yd_restore_files_list(request->service, &request->actor, request->params[0], disk,
                              path && *path ? path : "/", cursor, (guint)limit, error);
    if (!list)
        return FALSE;
    dress(list);
    yd_request_answer(request, 200, list);
    return TRUE;
}

gboolean
yd_handle_restore_files_get(YdRequest *request, GError **error)
{
    static const char *const known[] = {"disk", "path", NULL};
    g_autofree char *name = NULL;
    const char *disk = needed(request, "disk", error);
    const char *path = disk ? needed(request, "path", error) : NULL;
    if (!path || !check_known(request, known, error))
        return FALSE;
    GBytes *bytes = yd_restore_files_get(request->service, &request->actor, request->params[0],
                                         disk, path, &name, error);
    if (!bytes)
        return FALSE;
    g_autofree char *coded = g_uri_escape_string(name, NULL, FALSE);
    g_autofree char *value = g_strconcat("attachment; filename*=UTF-8''", coded, NULL);
    yd_request_answer_text(request, 200, "application/octet-stream", "");
    g_bytes_unref(request->answer);
    request->answer = bytes;
    yd_request_header(request, "Content-Disposition", value);
    return TRUE;
}

gboolean
yd_handle_restore_files_give(YdRequest *request, GError **error)
{
    static const char *const known[] = {"disk", "path", NULL};
    const char *disk = NULL, *path = NULL;
    if (!yd_request_need_input(request, error) || !yd_request_only(request, known, error) ||
        !yd_request_text(request, "disk", TRUE, &disk, error) ||
        !yd_request_text(request, "path", TRUE, &path, error))
        return FALSE;
    return yd_answer_job(request, yd_restore_files_give(request->service, &request->actor,
                                                        request->params[0], disk, path, error));
}
