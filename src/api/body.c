// SPDX-License-Identifier: Apache-2.0
// Reads the body of a request: strict JSON, in the forms that the route takes.
#include "api/body.h"

#include <string.h>

static const char *const body_types[] = {"application/json", "text/csv",
                                         "application/octet-stream"};

static gboolean
type_fits(const char *type, YdBody body)
{
    const char *wanted = body_types[body];
    gsize length = strlen(wanted);
    return type && g_ascii_strncasecmp(type, wanted, length) == 0 &&
           (type[length] == '\0' || type[length] == ';' || type[length] == ' ');
}

gboolean
yd_request_read_body(YdRequest *request, GError **error)
{
    const YdRoute *route = request->route;
    gsize length = request->body ? g_bytes_get_size(request->body) : 0;
    if (strcmp(route->method, "GET") == 0 || (length == 0 && route->body == YD_BODY_JSON))
        return TRUE;
    if (!type_fits(request->content_type, route->body) ||
        (request->content_encoding && strcmp(request->content_encoding, "identity") != 0)) {
        g_autofree char *detail = g_strdup_printf(
            "This route takes Content-Type: %s without Content-Encoding.", body_types[route->body]);
        yd_request_problem_status(request, 415, "unsupported-media-type", detail);
        return TRUE;
    }
    if (route->body != YD_BODY_JSON)
        return TRUE;
    g_autoptr(json_t) json = yd_json_parse(g_bytes_get_data(request->body, NULL), length, error);
    if (json && !json_is_object(json))
        return yd_error_invalid(error, NULL, "The body must be a JSON object, not %s",
                                yd_json_type_name(json));
    request->input = g_steal_pointer(&json);
    return request->input != NULL;
}
