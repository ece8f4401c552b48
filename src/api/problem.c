// SPDX-License-Identifier: Apache-2.0
// Errors as application/problem+json (RFC 9457): a stable code, the field, and what to do.
#include "api/request.h"

#include "model/record-json.h"

// What a person can do about a code when the message alone does not say it.
static const struct {
    YdErrorCode code;
    const char *title, *advice;
} kinds[] = {
    {YD_ERROR_INVALID, "The request is not valid", "Correct the value that is named."},
    {YD_ERROR_UNAUTHENTICATED, "Log in first", "Log in with user name and password."},
    {YD_ERROR_PASSWORD_CHANGE, "The password must be changed",
     "Set a new password by POST /api/v1/me/password."},
    {YD_ERROR_FORBIDDEN, "Not allowed", "Ask an administrator."},
    {YD_ERROR_NOT_ENTITLED, "The pool is not given to you",
     "Ask an administrator to give the pool to you or your department."},
    {YD_ERROR_NOT_FOUND, "Not found", "Look at the id; it may have been deleted."},
    {YD_ERROR_EXISTS, "Already there", "Choose another value."},
    {YD_ERROR_IN_USE, "Still in use", "Remove what needs it first."},
    {YD_ERROR_STATE, "Not possible now", "Look at the present state and try again."},
    {YD_ERROR_STALE, "Changed by somebody else", "Read it again and repeat the change."},
    {YD_ERROR_TOO_LARGE, "Too large", "Send less."},
    {YD_ERROR_THROTTLED, "Too many tries", "Wait a while and try again."},
    {YD_ERROR_LIMIT, "A limit is reached", "Raise the limit that is named, or use less."},
    {YD_ERROR_NO_ROOM, "No host has room", "Stop desktops that are not needed, or add a host."},
    {YD_ERROR_NO_SPACE, "The storage is full", "Free or add storage."},
    {YD_ERROR_UNAVAILABLE, "Not available", "Try again; if it stays, run deskctl doctor."},
    {YD_ERROR_TIMEOUT, "Took too long", "Try again; if it stays, run deskctl doctor."},
    {YD_ERROR_CANCELLED, "Cancelled", "Start it again."},
    {YD_ERROR_INTERNAL, "An error inside the server",
     "Look for the request id in the log of deskd."},
};

static json_t *
problem_new(YdRequest *request, guint status, const char *code, const char *title,
            const char *detail, const char *field, const char *advice)
{
    g_autofree char *type = g_strconcat("urn:yundesk:problem:", code, NULL);
    json_t *json =
        json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "type", type, "title", title, "status",
                  (int)status, "code", code, "detail", detail, "request_id", request->id);
    if (!json) // a text that is not UTF-8
        json = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", type, "title", title, "status",
                         (int)status, "code", code, "request_id", request->id);
    if (field)
        json_object_set_new(json, "field", json_string(field));
    if (advice)
        json_object_set_new(json, "advice", json_string(advice));
    return json;
}

static void
answer_problem(YdRequest *request, guint status, json_t *json)
{
    yd_request_answer(request, status, json);
    g_free(request->answer_type);
    request->answer_type = g_strdup("application/problem+json");
}

// What the object looks like now, so that a client can merge (412).
static void
add_present(YdRequest *request, json_t *json)
{
    const YdRoute *route = request->route;
    if (!route || !route->type || !request->params[0])
        return;
    gpointer record = yd_service_get(request->service, &request->actor, route->right, route->type,
                                     request->params[0], NULL);
    if (record)
        json_object_set_new(json, "present", yd_record_json(route->type, record));
    yd_record_free(route->type, record);
}

void
yd_request_problem(YdRequest *request, const GError *error)
{
    YdErrorCode code = error->domain == YD_ERROR ? (YdErrorCode)error->code : YD_ERROR_INTERNAL;
    guint kind = 0;
    while (kind + 1 < G_N_ELEMENTS(kinds) && kinds[kind].code != code)
        kind++;
    g_autofree char *field = NULL;
    const char *text = error->message;
    if (code == YD_ERROR_INVALID || code == YD_ERROR_EXISTS)
        yd_error_split(error, &field, &text);
    // What went wrong inside is for the log, not for everybody.
    gboolean hide = code == YD_ERROR_INTERNAL && request->actor.role != YD_ROLE_ADMIN;
    guint status = yd_error_code_status(code);
    json_t *json = problem_new(request, status, yd_error_code_name(code), kinds[kind].title,
                               hide ? "An error inside the server." : error->message, field,
                               kinds[kind].advice);
    if (code == YD_ERROR_STALE)
        add_present(request, json);
    answer_problem(request, status, json);
    if (code == YD_ERROR_UNAUTHENTICATED)
        yd_request_header(request, "WWW-Authenticate", "Bearer realm=\"yundesk\"");
    if (code == YD_ERROR_THROTTLED)
        yd_request_header(request, "Retry-After", "30");
    if (code == YD_ERROR_INTERNAL)
        g_message("request %s failed: %s", request->id, error->message);
}

void
yd_request_problem_status(YdRequest *request, guint status, const char *code, const char *detail)
{
    answer_problem(request, status, problem_new(request, status, code, detail, detail, NULL, NULL));
}
