// SPDX-License-Identifier: Apache-2.0
// Log-ins: making one from name and password, checking the token of each request, ending them.
// Rules of passwords stand in login-password.c.

#include "service/login.h"
#include "service/login-password.h"
#include "service/change.h"
#include "service/check.h"
#include "service/connection.h"
#include "service/settings.h"
#include "service/throttle.h"
#include "store/store-people.h"
#include "base/secret.h"
#include <string.h>

#define MAX_LOGINS 50 // live ones of one person; the one used least recently goes
#define MAX_AGENT 200 // bytes kept of what a client calls itself

// ---- the start ----

static gboolean
refuse(GError **error)
{
    g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED,
                        "name or password is wrong, or the account is locked or disabled; "
                        "try again later or ask an administrator");
    return FALSE;
}

gboolean
yd_login_throttle_take(YdService *service, const char *address, GError **error)
{
    YdThrottle *throttle = yd_service_part(service, "login-throttle");
    gint64 wait = 0;

    if (!throttle) // 20 tries at once, then one every 3 s for each address
        throttle = yd_service_set_part(service, "login-throttle", yd_throttle_new(20, 3000),
                                       (GDestroyNotify)yd_throttle_free);
    if (yd_throttle_take(throttle, address, yd_now_ms(), &wait))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_THROTTLED,
                "too many tries from this address; wait %" G_GINT64_FORMAT " s", wait / 1000 + 1);
    return FALSE;
}

void
yd_login_throttle_give_back(YdService *service, const char *address)
{
    YdThrottle *throttle = yd_service_part(service, "login-throttle");

    if (throttle)
        yd_throttle_give_back(throttle, address);
}

// The user with that name, as people type it; NULL without an error when there is none.
static gboolean
find_user(YdService *service, const char *username, YdUser **ret_user, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(GError) why = NULL;
    g_autofree char *name = NULL;

    if (!store)
        return FALSE;
    *ret_user = NULL;
    if (!username || strlen(username) > 64 || !g_utf8_validate(username, -1, NULL))
        return TRUE;
    name = g_ascii_strdown(username, -1);
    *ret_user = yd_store_find(store, &yd_user_type, "username", g_strstrip(name), &why);
    if (*ret_user || g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

static YdLogin *
login_make(const YdLoginRequest *request, const YdUser *user, gint64 max_seconds, char **ret_token,
           char **ret_csrf)
{
    YdLogin *login = yd_login_new();
    gint64 now = yd_now_ms();

    *ret_token = yd_token_new(32);
    *ret_csrf = g_str_equal(request->kind, "cookie") ? yd_token_new(32) : NULL;
    login->user_id = g_strdup(user->id);
    login->kind = g_strdup(request->kind);
    login->token_hash = yd_token_hash(*ret_token);
    login->csrf_hash = *ret_csrf ? yd_token_hash(*ret_csrf) : NULL;
    login->address = g_strdup(request->address);
    if (request->agent) {
        g_autofree char *cut = g_strndup(request->agent, MAX_AGENT);
        login->agent = g_utf8_make_valid(cut, -1);
        g_strdelimit(login->agent, "\r\n\t", ' ');
    }
    login->created = login->last_used = now;
    login->expires = now + max_seconds * 1000;
    return login;
}

// Makes room when the person has too many live log-ins.
static gboolean
login_make_room(YdService *service, YdStore *store, const char *user_id, GError **error)
{
    g_autoptr(GPtrArray) logins = yd_store_all(store, &yd_login_type, "user_id", user_id, error);
    guint live;

    if (!logins)
        return FALSE;
    for (live = logins->len; live >= MAX_LOGINS; live--) {
        YdLogin *oldest = NULL;
        for (guint i = 0; i < logins->len; i++) {
            YdLogin *login = logins->pdata[i];
            if (!oldest || login->last_used < oldest->last_used)
                oldest = login;
        }
        if (!yd_connection_cut_login(service, oldest->id, "too many log-ins", NULL, error) ||
            !yd_store_delete(store, &yd_login_type, oldest->id, 0, error))
            return FALSE;
        g_ptr_array_remove_fast(logins, oldest);
    }
    return TRUE;
}

// The password was right: what changes in the user. Looks again under the transaction, since the
// hashing took a while without one.
static gboolean
user_logged_in(YdStore *store, const YdUser *seen, const char *new_hash, GError **error)
{
    g_autoptr(YdUser) user = yd_store_get(store, &yd_user_type, seen->id, error);
    gint64 now = yd_now_ms();

    if (!user)
        return FALSE;
    if (!user->enabled || user->locked_until > now ||
        g_strcmp0(user->password, seen->password) != 0)
        return refuse(error);
    return yd_store_count_login(store, user->id, new_hash, now, error);
}

static gboolean
login_store(YdService *service, const YdLoginRequest *request, const YdUser *user,
            const char *new_hash, YdLogin *login, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    YdActor actor = {.user_id = user->id,
                     .username = user->username,
                     .address = request->address,
                     .request_id = request->request_id};

    return tx && user_logged_in(store, user, new_hash, error) &&
           login_make_room(service, store, user->id, error) &&
           yd_store_insert(store, &yd_login_type, login, error) &&
           yd_service_audit(service, &actor, "login.start", "login", login->id, login->kind, NULL,
                            error) &&
           yd_store_tx_commit(&tx, error);
}

// Audit of a refused try, and its count, in one transaction as for unknown names, so that both take
// the same time. The name that was typed is not kept unless it is a person's: it might be a
// password in the wrong field.
static gboolean
note_refused(YdService *service, const YdLoginRequest *request, const YdUser *user, gboolean count,
             const GError *why, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    YdActor actor = {.user_id = user ? user->id : NULL,
                     .username = user ? user->username : "(unknown)",
                     .address = request->address,
                     .request_id = request->request_id};

    if (!tx || (count && !yd_login_count_failure(service, user, error)))
        return FALSE;
    yd_service_audit_failure(service, &actor, "login.start", "user", user ? user->id : NULL, why);
    return yd_store_tx_commit(&tx, error);
}

// Whether the password is right and the account may be used. ret_count: it counts for the lock-out.
static gboolean
user_verify(YdService *service, const YdUser *user, const char *password, gboolean *ret_count,
            GError **error)
{
    // Always hashes, whether the user is there, has a password, or not.
    gboolean right = yd_login_password_verify(service, user ? user->password : NULL, password);
    gint64 now = yd_now_ms();

    if (!user || user->locked_until > now)
        return refuse(error);
    if (!right) {
        *ret_count = TRUE;
        return refuse(error);
    }
    return user->enabled ? TRUE : refuse(error);
}

static gboolean
login_reload(YdService *service, YdLogin *login, GError **error)
{
    YdStore *store = yd_service_store(service, error);

    return store && yd_change_reload(store, &yd_login_type, login, error);
}

gboolean
yd_login_start(YdService *service, const YdLoginRequest *request, char **ret_token, char **ret_csrf,
               YdLogin **ret_login, GError **error)
{
    static const char *const kinds[] = {"cookie", "bearer", NULL};
    g_autoptr(YdUser) user = NULL;
    g_autoptr(YdLogin) login = NULL;
    g_autoptr(GError) why = NULL;
    g_autofree char *token = NULL;
    g_autofree char *csrf = NULL;
    g_autofree char *new_hash = NULL;
    gboolean count = FALSE;

    if (!request->kind || !g_strv_contains(kinds, request->kind))
        return yd_error_invalid(error, "kind", "must be “cookie” or “bearer”");
    if (!yd_login_throttle_take(service, request->address, error) ||
        !find_user(service, request->username, &user, error))
        return FALSE;
    if (!user_verify(service, user, request->password, &count, &why)) {
        if (note_refused(service, request, user, count, why, error))
            g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    new_hash = yd_login_password_rehash(service, user->password, request->password);
    login = login_make(request, user, yd_settings_int(service, "login_max_seconds"), &token, &csrf);
    if (!login_store(service, request, user, new_hash, login, error) ||
        !login_reload(service, login, error))
        return FALSE;
    yd_login_throttle_give_back(service, request->address);
    *ret_token = g_steal_pointer(&token);
    if (ret_csrf)
        *ret_csrf = g_steal_pointer(&csrf);
    if (ret_login)
        *ret_login = g_steal_pointer(&login);
    return TRUE;
}

// ---- the check of each request ----

void
yd_actor_owned_free(YdActorOwned *owned)
{
    if (!owned)
        return;
    g_free(owned->user_id);
    g_free(owned->username);
    g_free(owned->login_id);
    g_free(owned->address);
    g_free(owned->request_id);
    g_free(owned->kind);
    g_free(owned);
}

void
yd_actor_owned_set(YdActorOwned *owned, const char *address, const char *request_id)
{
    yd_set_string(&owned->address, address);
    yd_set_string(&owned->request_id, request_id);
    owned->actor.address = owned->address;
    owned->actor.request_id = owned->request_id;
}

static YdActorOwned *
actor_of(const YdLogin *login, YdRole role)
{
    YdActorOwned *owned = g_new0(YdActorOwned, 1);

    owned->user_id = g_strdup(login->user_id);
    owned->username = g_strdup(login->username);
    owned->login_id = g_strdup(login->id);
    owned->kind = g_strdup(login->kind);
    owned->must_change = login->must_change;
    owned->actor = (YdActor){.user_id = owned->user_id,
                             .username = owned->username,
                             .login_id = owned->login_id,
                             .role = role};
    return owned;
}

static gboolean
no_login(GError **error)
{
    g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED,
                        "there is no log-in, or it has ended; log in again");
    return FALSE;
}

// Ends a log-in with its connections, as one transaction.
static gboolean
login_drop(YdService *service, const char *login_id, const char *reason, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;

    return tx && yd_connection_cut_login(service, login_id, reason, NULL, error) &&
           yd_store_delete(store, &yd_login_type, login_id, 0, error) &&
           yd_store_tx_commit(&tx, error);
}

static gboolean
login_is_over(YdService *service, const YdLogin *login, gint64 now)
{
    return now - login->last_used > yd_settings_int(service, "login_idle_seconds") * 1000 ||
           now - login->created > yd_settings_int(service, "login_max_seconds") * 1000 ||
           now >= login->expires;
}

static gboolean
check_csrf(const YdLogin *login, const char *csrf, guint flags, GError **error)
{
    g_autofree char *hash = csrf ? yd_token_hash(csrf) : NULL;

    if (!(flags & YD_LOGIN_NEED_CSRF) || !g_str_equal(login->kind, "cookie"))
        return TRUE;
    if (hash && yd_secret_equal(hash, login->csrf_hash))
        return TRUE;
    g_set_error_literal(error, YD_ERROR, YD_ERROR_FORBIDDEN,
                        "the header X-CSRF-Token is missing or wrong; load the page again");
    return FALSE;
}

static YdLogin *
login_by_token(YdService *service, const char *token, const char *kind, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(GError) why = NULL;
    g_autoptr(YdLogin) login = NULL;
    g_autofree char *hash = NULL;
    gint64 now = yd_now_ms();

    if (!store)
        return NULL;
    if (!token || strlen(token) > 128) {
        no_login(error);
        return NULL;
    }
    hash = yd_token_hash(token);
    login = yd_store_login_by_token(store, hash, now, &why);
    if (!login && !g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
    }
    if (!login || g_strcmp0(login->kind, kind) != 0) {
        no_login(error);
        return NULL;
    }
    if (login_is_over(service, login, now)) {
        if (login_drop(service, login->id, "the log-in has ended", error))
            no_login(error);
        return NULL;
    }
    return yd_store_login_used(store, login->id, now, error) ? g_steal_pointer(&login) : NULL;
}

gboolean
yd_login_check(YdService *service, const char *token, const char *kind, const char *csrf,
               guint flags, YdActorOwned **ret_actor, GError **error)
{
    g_autoptr(YdLogin) login = login_by_token(service, token, kind, error);
    YdRole role;

    if (!login || !check_csrf(login, csrf, flags, error))
        return FALSE;
    if (!yd_role_from_name(login->role, &role))
        return no_login(error);
    if (login->must_change && !(flags & YD_LOGIN_ALLOW_CHANGE)) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_PASSWORD_CHANGE,
                            "the password must be changed first");
        return FALSE;
    }
    *ret_actor = actor_of(login, role);
    return TRUE;
}

// ---- ends ----

// The log-in of that id if it is the actor's; NOT_FOUND else.
static YdLogin *
login_own(YdService *service, const YdActor *actor, const char *login_id, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdLogin) login = NULL;

    if (!store)
        return NULL;
    if (!login_id || !actor->user_id) {
        no_login(error);
        return NULL;
    }
    login = yd_store_get(store, &yd_login_type, login_id, error);
    if (login && g_strcmp0(login->user_id, actor->user_id) != 0) {
        g_autofree char *quoted = yd_check_quote(login_id);
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "there is no login %s", quoted);
        return NULL;
    }
    return g_steal_pointer(&login);
}

gboolean
yd_login_end_other(YdService *service, const YdActor *actor, const char *login_id, GError **error)
{
    g_autoptr(YdLogin) login = login_own(service, actor, login_id, error);
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = NULL;

    if (!login || !(tx = yd_store_tx(store, error)))
        return FALSE;
    return login_drop(service, login_id, "logged out", error) &&
           yd_service_audit(service, actor, "login.end", "login", login_id, login->kind, NULL,
                            error) &&
           yd_store_tx_commit(&tx, error);
}

gboolean
yd_login_end(YdService *service, const YdActor *actor, GError **error)
{
    return yd_login_end_other(service, actor, actor->login_id, error);
}

static int
newest_use_first(gconstpointer a, gconstpointer b)
{
    const YdLogin *x = *(YdLogin *const *)a, *y = *(YdLogin *const *)b;

    return (x->last_used < y->last_used) - (x->last_used > y->last_used);
}

GPtrArray *
yd_login_list_own(YdService *service, const YdActor *actor, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    GPtrArray *logins;
    gint64 now = yd_now_ms();

    if (!store || !yd_service_allowed(actor, YD_RIGHT_SELF, error))
        return NULL;
    if (!actor->user_id)
        return g_ptr_array_new();
    logins = yd_store_all(store, &yd_login_type, "user_id", actor->user_id, error);
    for (guint i = logins ? logins->len : 0; i > 0; i--) {
        YdLogin *login = logins->pdata[i - 1];
        yd_secret_wipe(&login->token_hash);
        yd_secret_wipe(&login->csrf_hash);
        if (login_is_over(service, login, now))
            g_ptr_array_remove_index(logins, i - 1);
    }
    if (logins)
        g_ptr_array_sort(logins, newest_use_first);
    return logins;
}

gboolean
yd_login_prune(YdService *service, gint64 now, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdPage) page = NULL;
    YdQuery all = {0};

    if (!store || !(page = yd_store_list(store, &yd_login_type, &all, error)))
        return FALSE;
    for (guint i = 0; i < page->records->len; i++) {
        YdLogin *login = page->records->pdata[i];
        if (login_is_over(service, login, now) &&
            !login_drop(service, login->id, "the log-in has ended", error))
            return FALSE;
    }
    return TRUE;
}
