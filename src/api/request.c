// SPDX-License-Identifier: Apache-2.0
// One request on a lane's thread: authorise, read the body, remember answers, run the handler.
#include "api/request.h"

#include <string.h>

#include "api/body.h"
#include "api/idempotency.h"

void
yd_request_free(YdRequest *request)
{
    if (!request)
        return;
    g_free(request->id);
    g_free(request->params[0]);
    g_free(request->params[1]);
    g_clear_pointer(&request->query, g_hash_table_unref);
    g_free(request->token);
    g_free(request->csrf);
    g_free(request->agent);
    g_free(request->host);
    g_free(request->address);
    g_free(request->content_type);
    g_free(request->content_encoding);
    g_free(request->idempotency_key);
    g_free(request->last_event_id);
    g_clear_pointer(&request->body, g_bytes_unref);
    json_decref(request->input);
    yd_actor_owned_free(request->login);
    g_free(request->answer_type);
    g_clear_pointer(&request->answer, g_bytes_unref);
    g_clear_pointer(&request->headers, g_ptr_array_unref);
    g_free(request);
}

void
yd_request_answer(YdRequest *request, guint status, json_t *json)
{
    request->status = status;
    g_clear_pointer(&request->answer, g_bytes_unref);
    g_free(request->answer_type);
    request->answer_type = g_strdup("application/json");
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text)
        request->answer = g_bytes_new_with_free_func(text, strlen(text), free, text);
    json_decref(json);
}

void
yd_request_answer_text(YdRequest *request, guint status, const char *type, const char *text)
{
    request->status = status;
    g_clear_pointer(&request->answer, g_bytes_unref);
    request->answer = g_bytes_new(text, strlen(text));
    g_free(request->answer_type);
    request->answer_type = g_strdup(type);
}

void
yd_request_header(YdRequest *request, const char *name, const char *value)
{
    if (!request->headers)
        request->headers = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(request->headers, g_strdup(name));
    g_ptr_array_add(request->headers, g_strdup(value));
}

const char *
yd_request_query(YdRequest *request, const char *name)
{
    return request->query ? g_hash_table_lookup(request->query, name) : NULL;
}

gboolean
yd_request_query_int(YdRequest *request, const char *name, gint64 least, gint64 most, gint64 *value,
                     GError **error)
{
    const char *text = yd_request_query(request, name);
    if (!text || g_ascii_string_to_signed(text, 10, least, most, value, NULL))
        return TRUE;
    return yd_error_invalid(
        error, name, "\"%s\" is no whole number from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
        text, least, most);
}

static gboolean
is_unsafe(const char *method)
{
    return strcmp(method, "GET") != 0;
}

// Who is it, and does their role have the route's right at all? What exactly they may see or do is
// checked by the service.
static gboolean
authorise(YdRequest *request, GError **error)
{
    const YdRoute *route = request->route;
    request->actor =
        (YdActor){.address = request->address, .request_id = request->id, .role = YD_ROLE_USER};
    if (route->right == YD_RIGHT_NONE && !request->token)
        return TRUE;
    if (!request->token) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED,
                            "This needs a log-in: send the cookie or Authorization: Bearer.");
        return FALSE;
    }
    guint flags = (request->cookie && is_unsafe(route->method) ? YD_LOGIN_NEED_CSRF : 0) |
                  (route->changeless ? YD_LOGIN_ALLOW_CHANGE : 0);
    g_autoptr(YdActorOwned) login = NULL;
    g_autoptr(GError) problem = NULL;
    if (!yd_login_check(request->service, request->token, request->cookie ? "cookie" : "bearer",
                        request->csrf, flags, &login, &problem)) {
        if (route->right == YD_RIGHT_NONE) // an old cookie must not keep anybody from logging in
            return TRUE;
        g_propagate_error(error, g_steal_pointer(&problem));
        return FALSE;
    }
    yd_actor_owned_set(login, request->address, request->id);
    request->login = g_steal_pointer(&login);
    request->actor = request->login->actor;
    return route->right == YD_RIGHT_NONE ||
           yd_service_allowed(&request->actor, route->right, error);
}

// Denied acts are worth an audit row; refused looks are not.
static void
audit_denied(YdRequest *request, const GError *error)
{
    if (!request->login || !is_unsafe(request->route->method) ||
        !g_error_matches(error, YD_ERROR, YD_ERROR_FORBIDDEN))
        return;
    yd_service_audit_failure(
        request->service, &request->actor, yd_right_name(request->route->right),
        request->route->type ? request->route->type->noun : NULL, request->params[0], error);
}

static gboolean
run(YdRequest *request, GError **error)
{
    if (!authorise(request, error))
        return FALSE;
    if (!yd_request_read_body(request, error))
        return FALSE;
    if (request->status) // 415
        return TRUE;
    g_autoptr(YdIdempotency) key = NULL;
    if (!yd_idempotency_begin(request, &key, error))
        return FALSE;
    if (request->status) // the answer of the first time
        return TRUE;
    if (!request->route->handler(request, error))
        return FALSE;
    return yd_idempotency_end(request, key, error);
}

void
yd_request_run(YdRequest *request)
{
    g_autoptr(GError) error = NULL;
    if (!run(request, &error)) {
        audit_denied(request, error);
        yd_request_problem(request, error);
    }
}

gboolean
yd_request_need_input(YdRequest *request, GError **error)
{
    if (request->input)
        return TRUE;
    g_set_error_literal(error, YD_ERROR, YD_ERROR_INVALID,
                        "The body is missing; send a JSON object.");
    return FALSE;
}

gboolean
yd_request_text(YdRequest *request, const char *name, gboolean needed, const char **ret_value,
                GError **error)
{
    const char *value = NULL;
    if (request->input && !yd_json_string(request->input, name, &value, error))
        return FALSE;
    if (needed && (!value || !*value))
        return yd_error_invalid(error, name, "is missing");
    *ret_value = value;
    return TRUE;
}

gboolean
yd_request_only(YdRequest *request, const char *const *names, GError **error)
{
    return !request->input || yd_json_known(request->input, names, error);
}
