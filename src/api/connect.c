// SPDX-License-Identifier: Apache-2.0
// Connecting to a desktop, and cutting connections.
#include "service/connect.h"

#include <string.h>

#include "api/handlers.h"
#include "api/resource.h"
#include "model/record-json.h"
#include "service/connection.h"

static json_t *
ready_json(const YdConnectAnswer *answer)
{
    g_autoptr(GDateTime) expires = g_date_time_new_from_unix_utc(answer->expires / 1000);
    g_autofree char *time = g_date_time_format(expires, "%Y-%m-%dT%H:%M:%SZ");
    json_t *file = answer->file_content
                       ? json_pack("{s:s?, s:s?, s:s}", "name", answer->file_name, "type",
                                   answer->file_type, "content", answer->file_content)
                       : json_null();
    return json_pack(
        "{s:s, s:s, s:s?, s:s, s:s?, s:i, s:s, s:s?, s:s?, s:s, s:I, s:I, s:b, s:o}", "id",
        answer->id, "state", "ready", "desktop_id", answer->desktop_id, "protocol",
        answer->protocol, "host", answer->host, "port", (int)answer->port, "ticket", answer->ticket,
        "username", answer->username, "password", answer->password, "expires", time, "idle_seconds",
        (json_int_t)answer->idle_seconds, "idle_notice_seconds",
        (json_int_t)answer->idle_notice_seconds, "clipboard", answer->clipboard, "file", file);
}

static gboolean
write_answer(YdRequest *request, const YdConnectAnswer *answer, GError **error)
{
    json_t *json = answer->job ? json_pack("{s:s, s:s?, s:o}", "state", "preparing", "desktop_id",
                                           answer->desktop_id, "job",
                                           yd_record_json(&yd_job_type, answer->job))
                               : ready_json(answer);
    if (!json) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_INTERNAL,
                            "The connection's texts cannot be written as JSON.");
        return FALSE;
    }
    yd_request_answer(request, answer->job ? 202 : 201, json);
    return TRUE;
}

// "host", "host:port", "[v6]:port" as the client called us.
static char *
split_host(const char *text, guint16 *ret_port)
{
    if (!text || !*text)
        return NULL;
    const char *end = *text == '[' ? strchr(text, ']') : strchr(text, ':');
    const char *colon = end && *end == ']' ? end + 1 : end;
    if (colon && *colon == ':')
        *ret_port = (guint16)g_ascii_strtoull(colon + 1, NULL, 10);
    if (*text == '[')
        return end ? g_strndup(text + 1, (gsize)(end - text - 1)) : NULL;
    return end ? g_strndup(text, (gsize)(end - text)) : g_strdup(text);
}

static gboolean
connect_to(YdRequest *request, YdConnectRequest *what, GError **error)
{
    static const char *const known[] = {"protocol", "address", NULL};
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "protocol", FALSE, &what->protocol, error) ||
        !yd_request_text(request, "address", FALSE, &what->address, error))
        return FALSE;
    g_autofree char *host = split_host(request->host, &what->port);
    what->host = host;
    g_autoptr(YdConnectAnswer) answer = yd_connect(request->service, &request->actor, what, error);
    return answer && write_answer(request, answer, error);
}

gboolean
yd_handle_pool_connect(YdRequest *request, GError **error)
{
    YdConnectRequest what = {.pool_id = request->params[0]};
    return connect_to(request, &what, error);
}

gboolean
yd_handle_desktop_connect(YdRequest *request, GError **error)
{
    YdConnectRequest what = {.desktop_id = request->params[0]};
    return connect_to(request, &what, error);
}

gboolean
yd_handle_connection_cut(YdRequest *request, GError **error)
{
    if (!yd_connection_cut(request->service, &request->actor, request->params[0], error))
        return FALSE;
    return yd_answer_nothing(request);
}
