// SPDX-License-Identifier: Apache-2.0
// What people do about themselves: log in and out, password, language, what they can open.
#include "api/handlers.h"

#include <string.h>

#include "api/query.h"
#include "api/resource.h"
#include "base/secret.h"
#include "model/record-json.h"
#include "service/pool.h"
#include "service/user.h"

#define COOKIE "yd_login"

// A cookie for the browser's lifetime; how long it counts is decided by the log-in's row.
static void
set_cookie(YdRequest *request, const char *token)
{
    g_autofree char *cookie =
        g_strdup_printf(COOKIE "=%s; Path=/; HttpOnly; Secure; SameSite=Strict%s", token,
                        *token ? "" : "; Max-Age=0");
    yd_request_header(request, "Set-Cookie", cookie);
}

static json_t *
user_json(YdRequest *request, const char *user_id, GError **error)
{
    YdActor actor = {.user_id = user_id, .role = YD_ROLE_USER};
    g_autoptr(YdUser) user = yd_user_me(request->service, &actor, error);
    return user ? yd_record_json(&yd_user_type, user) : NULL;
}

static gboolean
login_input(YdRequest *request, YdLoginRequest *login, GError **error)
{
    static const char *const known[] = {"username", "password", "kind", NULL};
    *login = (YdLoginRequest){
        .address = request->address, .agent = request->agent, .request_id = request->id};
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "username", TRUE, &login->username, error) ||
        !yd_request_text(request, "password", TRUE, &login->password, error) ||
        !yd_request_text(request, "kind", FALSE, &login->kind, error))
        return FALSE;
    if (!login->kind)
        login->kind = "bearer";
    return TRUE;
}

gboolean
yd_handle_login(YdRequest *request, GError **error)
{
    YdLoginRequest login;
    if (!login_input(request, &login, error))
        return FALSE;
    char *token = NULL, *csrf = NULL;
    g_autoptr(YdLogin) row = NULL;
    if (!yd_login_start(request->service, &login, &token, &csrf, &row, error))
        return FALSE;
    json_t *user = user_json(request, row->user_id, error);
    if (user) {
        json_t *json = json_pack("{s:o, s:b, s:s, s:s}", "user", user, "must_change",
                                 row->must_change, "id", row->id, "kind", login.kind);
        if (csrf)
            json_object_set_new(json, "csrf", json_string(csrf));
        else
            json_object_set_new(json, "token", json_string(token));
        yd_request_answer(request, 201, json);
        if (csrf)
            set_cookie(request, token);
    }
    yd_secret_wipe(&token);
    yd_secret_wipe(&csrf);
    return user != NULL;
}

gboolean
yd_handle_logout(YdRequest *request, GError **error)
{
    if (!yd_login_end(request->service, &request->actor, error))
        return FALSE;
    yd_answer_nothing(request);
    if (request->cookie)
        set_cookie(request, "");
    return TRUE;
}

gboolean
yd_handle_me(YdRequest *request, GError **error)
{
    json_t *user = user_json(request, request->actor.user_id, error);
    if (!user)
        return FALSE;
    yd_request_answer(request, 200, user);
    return TRUE;
}

gboolean
yd_handle_me_update(YdRequest *request, GError **error)
{
    static const char *const known[] = {"language", NULL};
    const char *language = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "language", FALSE, &language, error) ||
        !yd_user_set_language(request->service, &request->actor, language, error))
        return FALSE;
    return yd_handle_me(request, error);
}

gboolean
yd_handle_me_password(YdRequest *request, GError **error)
{
    static const char *const known[] = {"old", "new", NULL};
    const char *old_password = NULL, *new_password = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "old", TRUE, &old_password, error) ||
        !yd_request_text(request, "new", TRUE, &new_password, error) ||
        !yd_password_change(request->service, &request->actor, old_password, new_password, error))
        return FALSE;
    return yd_answer_nothing(request);
}

gboolean
yd_handle_me_logins(YdRequest *request, GError **error)
{
    g_autoptr(GPtrArray) logins = yd_login_list_own(request->service, &request->actor, error);
    if (!logins)
        return FALSE;
    json_t *items = json_array();
    for (guint i = 0; i < logins->len; i++) {
        const YdLogin *login = logins->pdata[i];
        json_t *item = yd_record_json(&yd_login_type, login);
        gboolean current = g_strcmp0(login->id, request->actor.login_id) == 0;
        json_object_set_new(item, "current", json_boolean(current));
        json_array_append_new(items, item);
    }
    yd_request_answer(request, 200, json_pack("{s:o, s:n}", "items", items, "next"));
    return TRUE;
}

gboolean
yd_handle_me_login_end(YdRequest *request, GError **error)
{
    if (!yd_login_end_other(request->service, &request->actor, request->params[0], error))
        return FALSE;
    return yd_answer_nothing(request);
}

gboolean
yd_handle_me_desktops(YdRequest *request, GError **error)
{
    g_autoptr(GPtrArray) pools = yd_pool_list_own(request->service, &request->actor, error);
    if (!pools)
        return FALSE;
    json_t *items = json_array();
    for (guint i = 0; i < pools->len; i++) {
        const YdOwnPool *own = pools->pdata[i];
        json_t *desktop =
            own->desktop ? yd_record_json(&yd_desktop_type, own->desktop) : json_null();
        json_array_append_new(items,
                              json_pack("{s:s, s:s, s:s?, s:s?, s:b, s:b, s:o}", "pool_id",
                                        own->pool->id, "pool_name", own->pool->name, "access",
                                        own->pool->access, "os", own->pool->os, "given", own->given,
                                        "restore", own->restore, "desktop", desktop));
    }
    yd_request_answer(request, 200, json_pack("{s:o, s:n}", "items", items, "next"));
    return TRUE;
}
