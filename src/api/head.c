// SPDX-License-Identifier: Apache-2.0
// Reads the head of a request: id, route, query, log-in token, and the headers that count.
#include "api/head.h"

#include <string.h>

#include "base/id.h"

#define COOKIE "yd_login"
#define MAX_TEXT 512 // of a header that is kept

// A header's value when it is UTF-8 and not too long; owned.
static char *
header(SoupMessageHeaders *headers, const char *name)
{
    const char *value = soup_message_headers_get_one(headers, name);
    if (!value || strlen(value) > MAX_TEXT || !g_utf8_validate(value, -1, NULL))
        return NULL;
    return g_strdup(value);
}

static char *
request_id(SoupMessageHeaders *headers)
{
    g_autofree char *given = header(headers, "Request-Id");
    gsize length = given ? strlen(given) : 0;
    gboolean good = length > 0 && length <= 64;
    for (gsize i = 0; good && i < length; i++)
        good = g_ascii_isalnum(given[i]) || strchr("-_.", given[i]);
    return good ? g_steal_pointer(&given) : yd_id_new("req");
}

// The value of our cookie; owned.
static char *
cookie_token(SoupMessageHeaders *headers)
{
    const char *text = soup_message_headers_get_list(headers, "Cookie");
    if (!text)
        return NULL;
    g_auto(GStrv) parts = g_strsplit(text, ";", 100);
    for (char **part = parts; *part; part++) {
        g_strstrip(*part);
        if (g_str_has_prefix(*part, COOKIE "="))
            return g_strdup(*part + strlen(COOKIE "="));
    }
    return NULL;
}

// A bearer token comes before a cookie, so that tools inside a browser's reach stay tools.
static void
read_token(YdRequest *request, SoupMessageHeaders *headers)
{
    const char *authorization = soup_message_headers_get_one(headers, "Authorization");
    if (authorization && g_ascii_strncasecmp(authorization, "Bearer ", 7) == 0) {
        request->token = g_strstrip(g_strdup(authorization + 7));
    } else {
        request->token = cookie_token(headers);
        request->cookie = request->token != NULL;
    }
    if (request->token &&
        (!*request->token || strlen(request->token) > MAX_TEXT || !g_str_is_ascii(request->token)))
        g_clear_pointer(&request->token, g_free);
}

// If-Match: "7" (or 7, or *).
static gboolean
read_if_match(YdRequest *request, SoupMessageHeaders *headers, GError **error)
{
    const char *text = soup_message_headers_get_one(headers, "If-Match");
    if (!text || strcmp(text, "*") == 0)
        return TRUE;
    g_autofree char *number = g_strdup(g_str_has_prefix(text, "W/") ? text + 2 : text);
    gsize length = strlen(number);
    char *digits = number;
    if (length >= 2 && number[0] == '"' && number[length - 1] == '"') {
        number[length - 1] = '\0';
        digits++;
    }
    if (!g_ascii_string_to_signed(digits, 10, 1, G_MAXINT64, &request->if_match, NULL))
        return yd_error_invalid(error, "If-Match", "must be a version like \"3\", not %s", text);
    return TRUE;
}

static gboolean
read_query(YdRequest *request, const char *query, GError **error)
{
    if (!query || !*query)
        return TRUE;
    g_autoptr(GError) problem = NULL;
    request->query = g_uri_parse_params(query, -1, "&", G_URI_PARAMS_WWW_FORM, &problem);
    if (!request->query)
        return yd_error_invalid(error, "query", "cannot be read: %s", problem->message);
    GHashTableIter iter;
    gpointer name, value;
    g_hash_table_iter_init(&iter, request->query);
    while (g_hash_table_iter_next(&iter, &name, &value))
        if (!g_utf8_validate(name, -1, NULL) || !g_utf8_validate(value, -1, NULL))
            return yd_error_invalid(error, "query", "is not UTF-8 in percent encoding");
    return TRUE;
}

static void
method_not_allowed(YdRequest *request, const char *method, const char *allow)
{
    g_autofree char *detail =
        g_strdup_printf("%s is not possible here; possible: %s.", method, allow);
    yd_request_problem_status(request, 405, "method-not-allowed", detail);
    yd_request_header(request, "Allow", allow);
}

static void
read_headers(YdRequest *request, SoupMessageHeaders *headers)
{
    request->id = request_id(headers);
    request->agent = header(headers, "User-Agent");
    request->host = header(headers, "Host");
    request->csrf = header(headers, "X-CSRF-Token");
    request->content_type = header(headers, "Content-Type");
    request->content_encoding = header(headers, "Content-Encoding");
    request->idempotency_key = header(headers, "Idempotency-Key");
    request->last_event_id = header(headers, "Last-Event-ID");
    read_token(request, headers);
}

YdRequest *
yd_head_read(YdApi *api, SoupServerMessage *msg, const YdClient *client)
{
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(msg);
    GUri *uri = soup_server_message_get_uri(msg);
    const char *method = soup_server_message_get_method(msg);
    g_autoptr(GError) error = NULL;
    g_autofree char *allow = NULL;
    YdRequest *request = g_new0(YdRequest, 1);
    request->api = api;
    request->service = api->service;
    request->began = g_get_monotonic_time();
    request->address = g_strdup(client && client->address ? client->address : "");
    request->loopback = client && client->loopback;
    read_headers(request, headers);
    soup_message_headers_remove(headers, "Range"); // libsoup would cut answers by it
    request->route = yd_route_find(method, g_uri_get_path(uri), request->params, &allow, &error);
    if (!request->route && allow)
        method_not_allowed(request, method, allow);
    else if (!request->route || !read_query(request, g_uri_get_query(uri), &error) ||
             !read_if_match(request, headers, &error))
        yd_request_problem(request, error);
    return request;
}
