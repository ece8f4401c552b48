// SPDX-License-Identifier: Apache-2.0
// Passwords: what may be one, hashing at the configured cost, changing one's own, lock-out. No
// lock and no transaction is held while hashing.

#include "service/login-password.h"
#include "service/check.h"
#include "service/connection.h"
#include "service/login.h"
#include "service/settings.h"
#include "store/store-people.h"
#include "base/secret.h"
#include <string.h>

#define MAX_PASSWORD 256 // characters

char *
yd_login_password_hash(YdService *service, const char *password, GError **error)
{
    char *hash = yd_password_hash(password, yd_service_config(service)->cheap_passwords);

    if (!hash)
        g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                            "not enough memory to hash a password; try again");
    return hash;
}

// A hash that nothing fits, at the configured cost.
static const char *
dummy_hash(YdService *service)
{
    char *hash = yd_service_part(service, "login-dummy-hash");
    g_autofree char *random = NULL;

    if (hash)
        return hash;
    random = yd_token_new(32);
    hash = yd_password_hash(random, yd_service_config(service)->cheap_passwords);
    return hash ? yd_service_set_part(service, "login-dummy-hash", hash, g_free) : NULL;
}

gboolean
yd_login_password_verify(YdService *service, const char *hash, const char *password)
{
    const char *dummy = dummy_hash(service);

    if (hash && password && strlen(password) <= MAX_PASSWORD * 4)
        return yd_password_verify(hash, password);
    yd_password_verify(dummy, "not the password");
    return FALSE;
}

char *
yd_login_password_rehash(YdService *service, const char *hash, const char *password)
{
    gboolean cheap = yd_service_config(service)->cheap_passwords;

    return yd_password_needs_rehash(hash, cheap) ? yd_password_hash(password, cheap) : NULL;
}

gboolean
yd_login_count_failure(YdService *service, const YdUser *user, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    gint64 limit = yd_settings_int(service, "lock_after");
    gint64 until = yd_now_ms() + yd_settings_int(service, "lock_seconds") * 1000;

    return store && yd_store_count_failure(store, user->id, limit, until, error);
}

gboolean
yd_password_check(YdService *service, const char *field, const char *username, const char *password,
                  GError **error)
{
    gint64 min = yd_settings_int(service, "password_min");
    g_autofree char *folded = NULL;
    g_autofree char *name = NULL;
    glong length;

    if (!password || !*password)
        return yd_error_invalid(error, field, "is missing");
    if (!g_utf8_validate(password, -1, NULL))
        return yd_error_invalid(error, field, "is not valid UTF-8");
    length = g_utf8_strlen(password, -1);
    if (length < min || length > MAX_PASSWORD)
        return yd_error_invalid(error, field,
                                "has %ld characters; %" G_GINT64_FORMAT " to %d are allowed",
                                length, min, MAX_PASSWORD);
    for (const char *p = password; *p; p = g_utf8_next_char(p)) {
        if (g_unichar_iscntrl(g_utf8_get_char(p)))
            return yd_error_invalid(error, field, "holds a control character");
    }
    folded = g_utf8_casefold(password, -1);
    name = g_utf8_casefold(username ? username : "", -1);
    if (g_str_equal(folded, name))
        return yd_error_invalid(error, field, "must not be the user name");
    return TRUE;
}

// ---- changing one's own ----

static gboolean
old_is_right(YdService *service, const YdUser *user, const char *old_password, GError **error)
{
    gboolean right = yd_login_password_verify(service, user->password, old_password);

    if (right && user->locked_until <= yd_now_ms())
        return TRUE;
    if (!right && user->locked_until <= yd_now_ms() &&
        !yd_login_count_failure(service, user, error))
        return FALSE;
    g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED,
                        "the old password is wrong, or the account is locked");
    return FALSE;
}

// Ends all log-ins of the user but one, with the connections they opened.
static gboolean
end_other_logins(YdService *service, YdStore *store, const char *user_id, const char *except_id,
                 GError **error)
{
    g_autoptr(GPtrArray) logins = yd_store_all(store, &yd_login_type, "user_id", user_id, error);

    if (!logins)
        return FALSE;
    for (guint i = 0; i < logins->len; i++) {
        YdLogin *login = logins->pdata[i];
        if (g_strcmp0(login->id, except_id) != 0 &&
            !yd_connection_cut_login(service, login->id, "the password was changed", NULL, error))
            return FALSE;
    }
    return yd_store_end_logins(store, user_id, except_id, NULL, error);
}

static gboolean
store_password(YdService *service, const YdActor *actor, const YdUser *seen, const char *hash,
               GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdUser) user = tx ? yd_store_get(store, &yd_user_type, seen->id, error) : NULL;

    if (!user)
        return FALSE;
    if (g_strcmp0(user->password, seen->password) != 0) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_STALE,
                            "the password was changed meanwhile; log in again");
        return FALSE;
    }
    yd_set_string(&user->password, hash);
    user->must_change = FALSE;
    user->failed_logins = user->locked_until = 0;
    return yd_store_update(store, &yd_user_type, user, error) &&
           end_other_logins(service, store, user->id, actor->login_id, error) &&
           yd_service_audit(service, actor, "password.change", "user", user->id, user->username,
                            NULL, error) &&
           yd_store_tx_commit(&tx, error);
}

static gboolean
change_verified(YdService *service, const YdActor *actor, const YdUser *user,
                const char *old_password, const char *new_password, GError **error)
{
    g_autofree char *hash = NULL;

    if (!old_is_right(service, user, old_password, error) ||
        !yd_password_check(service, "new", user->username, new_password, error))
        return FALSE;
    if (yd_secret_equal(old_password, new_password))
        return yd_error_invalid(error, "new", "must not be the old password");
    hash = yd_login_password_hash(service, new_password, error);
    return hash && store_password(service, actor, user, hash, error);
}

gboolean
yd_password_change(YdService *service, const YdActor *actor, const char *old_password,
                   const char *new_password, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdUser) user = NULL;
    g_autoptr(GError) why = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_SELF, error))
        return FALSE;
    if (!actor->user_id)
        return yd_error_invalid(error, NULL, "the system has no password");
    if (!yd_login_throttle_take(service, actor->address, error) ||
        !(user = yd_store_get(store, &yd_user_type, actor->user_id, error)))
        return FALSE;
    if (change_verified(service, actor, user, old_password, new_password, &why)) {
        yd_login_throttle_give_back(service, actor->address);
        return TRUE;
    }
    if (g_error_matches(why, YD_ERROR, YD_ERROR_UNAUTHENTICATED))
        yd_service_audit_failure(service, actor, "password.change", "user", user->id, why);
    else
        yd_login_throttle_give_back(service, actor->address);
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}
