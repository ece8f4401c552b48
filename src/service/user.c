// SPDX-License-Identifier: Apache-2.0
// People: creating, changing, removing, passwords given by administrators. Log-ins and one's own
// password are login*.c.

#include "service/user.h"
#include "service/change.h"
#include "service/check.h"
#include "service/connection.h"
#include "service/login.h"
#include "service/login-password.h"
#include "store/store-people.h"
#include "base/secret.h"

static gboolean
is_active_admin(const YdUser *user)
{
    return user->enabled && g_strcmp0(user->role, "admin") == 0;
}

// In the transaction of the change: TRUE when another enabled administrator stays.
static gboolean
check_other_admin(YdStore *store, const YdUser *user, GError **error)
{
    g_autoptr(GPtrArray) admins = yd_store_all(store, &yd_user_type, "role", "admin", error);

    if (!admins)
        return FALSE;
    for (guint i = 0; i < admins->len; i++) {
        const YdUser *other = admins->pdata[i];
        if (other->enabled && g_strcmp0(other->id, user->id) != 0)
            return TRUE;
    }
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "“%s” is the last enabled administrator; make another one first", user->username);
    return FALSE;
}

static gboolean
check_unique(YdStore *store, const YdUser *user, GError **error)
{
    return yd_check_unique(store, &yd_user_type, "username", user->username, user->id, error) &&
           yd_check_unique(store, &yd_user_type, "number", user->number, user->id, error);
}

gboolean
yd_user_check(YdUser *user, GError **error)
{
    static const char *const roles[] = {"admin", "manager", "user", NULL};
    static const char *const languages[] = {"en", "zh-CN", NULL};

    return yd_username_check(user->username, error) &&
           yd_check_text("name", &user->name, TRUE, 100, FALSE, error) &&
           yd_check_text("number", &user->number, FALSE, 64, FALSE, error) &&
           yd_check_text("email", &user->email, FALSE, 200, FALSE, error) &&
           yd_email_check("email", user->email, error) &&
           yd_check_choice("role", user->role, roles, error) &&
           (!user->language || yd_check_choice("language", user->language, languages, error));
}

gboolean
yd_user_insert(YdService *service, const YdActor *actor, YdUser *user, const char *hash,
               GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autofree char *details = NULL;

    if (!store || !check_unique(store, user, error) || !yd_store_next_uid(store, &user->uid, error))
        return FALSE;
    yd_set_string(&user->password, hash);
    user->must_change = hash != NULL;
    if (!yd_store_insert(store, &yd_user_type, user, error))
        return FALSE;
    details = yd_change_made(&yd_user_type, user);
    return yd_service_audit(service, actor, "user.create", "user", user->id, user->username,
                            details, error);
}

// Checks and stores a new person with a first password (NULL: none).
static YdUser *
user_make(YdService *service, const YdActor *actor, const YdUser *given, const char *password,
          gboolean first_admin, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdUser) user = yd_change_given(&yd_user_type, given);
    g_autofree char *hash = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!user->role)
        user->role = g_strdup("user");
    if (!store || !yd_user_check(user, error))
        return NULL;
    if (password && (!yd_password_check(service, "password", user->username, password, error) ||
                     !(hash = yd_login_password_hash(service, password, error))))
        return NULL;
    if (!(tx = yd_store_tx(store, error)))
        return NULL;
    if (first_admin) {
        g_autoptr(GPtrArray) admins = yd_store_all(store, &yd_user_type, "role", "admin", error);
        if (!admins)
            return NULL;
        if (admins->len) {
            const YdUser *admin = admins->pdata[0];
            g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "there is an administrator already: “%s”",
                        admin->username);
            return NULL;
        }
    }
    if (!yd_user_insert(service, actor, user, hash, error) || !yd_store_tx_commit(&tx, error) ||
        !yd_change_reload(store, &yd_user_type, user, error))
        return NULL;
    return g_steal_pointer(&user);
}

gboolean
yd_user_create(YdService *service, const YdActor *actor, YdUser *user, const char *password,
               GError **error)
{
    g_autoptr(YdUser) made = NULL;

    if (!yd_service_allowed(actor, YD_RIGHT_USERS_WRITE, error) ||
        !(made = user_make(service, actor, user, password, FALSE, error)))
        return FALSE;
    yd_change_assign(&yd_user_type, user, made);
    return TRUE;
}

gboolean
yd_user_init_admin(YdService *service, const char *username, char **ret_password, GError **error)
{
    YdActor setup = {.username = "setup", .role = YD_ROLE_ADMIN};
    char role[] = "admin";
    YdUser given = {
        .username = (char *)username, .name = (char *)username, .role = role, .enabled = TRUE};
    g_autofree char *password = yd_password_random();
    g_autoptr(YdUser) made = user_make(service, &setup, &given, password, TRUE, error);

    if (!made) {
        yd_secret_wipe(&password);
        return FALSE;
    }
    *ret_password = g_steal_pointer(&password);
    return TRUE;
}

// ---- changing ----

static int
role_rank(const char *name)
{
    YdRole role = YD_ROLE_USER;

    return yd_role_from_name(name, &role) ? (int)role : -1;
}

static gboolean
check_own_role(const YdActor *actor, const YdUser *before, const YdUser *after, GError **error)
{
    if (g_strcmp0(actor->user_id, after->id) != 0 ||
        role_rank(after->role) <= role_rank(before->role))
        return TRUE;
    g_set_error_literal(error, YD_ERROR, YD_ERROR_FORBIDDEN,
                        "nobody can raise their own role; ask another administrator");
    return FALSE;
}

// Who may do less than before starts anew: no log-in, no connection stays.
static gboolean
end_sessions(YdService *service, YdStore *store, const char *user_id, const char *reason,
             GError **error)
{
    return yd_connection_cut_user(service, user_id, reason, NULL, error) &&
           yd_store_end_logins(store, user_id, NULL, NULL, error);
}

static gboolean
delete_all(YdStore *store, const YdRecordType *type, const char *column, const char *value,
           GError **error)
{
    g_autoptr(GPtrArray) rows = yd_store_all(store, type, column, value, error);

    for (guint i = 0; rows && i < rows->len; i++) {
        if (!yd_store_delete(store, type, *(char **)rows->pdata[i], 0, error))
            return FALSE;
    }
    return rows != NULL;
}

// What follows from the change, in its transaction.
static gboolean
follow_change(YdService *service, YdStore *store, const YdUser *before, const YdUser *after,
              GError **error)
{
    gboolean lower = role_rank(after->role) < role_rank(before->role);

    if (before->enabled && !after->enabled &&
        !end_sessions(service, store, after->id, "the account was disabled", error))
        return FALSE;
    if (lower && !end_sessions(service, store, after->id, "the role was lowered", error))
        return FALSE;
    return !lower || g_strcmp0(after->role, "user") != 0 ||
           delete_all(store, &yd_managership_type, "user_id", after->id, error);
}

gboolean
yd_user_update(YdService *service, const YdActor *actor, YdUser *user, gint64 version,
               GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdUser) before = NULL;
    g_autoptr(YdUser) after = NULL;
    g_autofree char *details = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_USERS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(before = yd_store_get(store, &yd_user_type, user->id, error)) ||
        !yd_change_check_version(&yd_user_type, before, user, version, error))
        return FALSE;
    after = yd_user_copy(before);
    details = yd_change_apply(&yd_user_type, after, user);
    if (!yd_user_check(after, error) || !check_own_role(actor, before, after, error) ||
        !check_unique(store, after, error))
        return FALSE;
    if (is_active_admin(before) && !is_active_admin(after) &&
        !check_other_admin(store, before, error))
        return FALSE;
    if (details && (!yd_store_update(store, &yd_user_type, after, error) ||
                    !follow_change(service, store, before, after, error) ||
                    !yd_service_audit(service, actor, "user.change", "user", after->id,
                                      after->username, details, error)))
        return FALSE;
    if (!yd_store_tx_commit(&tx, error) || !yd_change_reload(store, &yd_user_type, after, error))
        return FALSE;
    yd_change_assign(&yd_user_type, user, after);
    return TRUE;
}

// ---- removing ----

static gboolean
check_no_desktops(YdStore *store, const YdUser *user, GError **error)
{
    g_autoptr(GPtrArray) desktops =
        yd_store_all(store, &yd_desktop_type, "user_id", user->id, error);

    if (!desktops)
        return FALSE;
    if (desktops->len == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                "“%s” still has %u desktop(s), the first is “%s”; delete them first",
                user->username, desktops->len, ((YdDesktop *)desktops->pdata[0])->name);
    return FALSE;
}

static gboolean
check_removable(YdStore *store, const YdActor *actor, const YdUser *user, GError **error)
{
    if (g_strcmp0(actor->user_id, user->id) == 0) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_STATE,
                            "you can't remove yourself; another administrator can");
        return FALSE;
    }
    return (!is_active_admin(user) || check_other_admin(store, user, error)) &&
           check_no_desktops(store, user, error);
}

gboolean
yd_user_delete(YdService *service, const YdActor *actor, const char *user_id, gint64 version,
               GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdUser) user = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_USERS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(user = yd_store_get(store, &yd_user_type, user_id, error)) ||
        !yd_change_check_version(&yd_user_type, user, user, version, error))
        return FALSE;
    return check_removable(store, actor, user, error) &&
           end_sessions(service, store, user_id, "the account was removed", error) &&
           delete_all(store, &yd_membership_type, "user_id", user_id, error) &&
           delete_all(store, &yd_managership_type, "user_id", user_id, error) &&
           delete_all(store, &yd_entitlement_type, "user_id", user_id, error) &&
           yd_store_delete(store, &yd_user_type, user_id, 0, error) &&
           yd_service_audit(service, actor, "user.delete", "user", user_id, user->username, NULL,
                            error) &&
           yd_store_tx_commit(&tx, error);
}

// ---- passwords ----

static gboolean
store_reset(YdService *service, const YdActor *actor, const char *user_id, const char *hash,
            GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdUser) user = tx ? yd_store_get(store, &yd_user_type, user_id, error) : NULL;

    if (!user)
        return FALSE;
    yd_set_string(&user->password, hash);
    user->must_change = TRUE;
    user->failed_logins = user->locked_until = 0;
    return yd_store_update(store, &yd_user_type, user, error) &&
           end_sessions(service, store, user_id, "the password was reset", error) &&
           yd_service_audit(service, actor, "user.password", "user", user_id, user->username, NULL,
                            error) &&
           yd_store_tx_commit(&tx, error);
}

gboolean
yd_user_reset_password(YdService *service, const YdActor *actor, const char *user_id,
                       char **ret_password, GError **error)
{
    g_autofree char *password = NULL;
    g_autofree char *hash = NULL;

    if (!yd_service_allowed(actor, YD_RIGHT_USERS_WRITE, error) ||
        !yd_service_may(service, actor, YD_RIGHT_USERS_WRITE, &yd_user_type, user_id, error))
        return FALSE;
    if (g_strcmp0(actor->user_id, user_id) == 0) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_STATE,
                            "change your own password with the old one");
        return FALSE;
    }
    password = yd_password_random();
    if (!(hash = yd_login_password_hash(service, password, error)) ||
        !store_reset(service, actor, user_id, hash, error)) {
        yd_secret_wipe(&password);
        return FALSE;
    }
    *ret_password = g_steal_pointer(&password);
    return TRUE;
}

// ---- oneself ----

YdUser *
yd_user_me(YdService *service, const YdActor *actor, GError **error)
{
    YdStore *store = yd_service_store(service, error);

    if (!store || !yd_service_allowed(actor, YD_RIGHT_SELF, error))
        return NULL;
    if (!actor->user_id) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_NOT_FOUND, "no person is acting");
        return NULL;
    }
    return yd_store_get(store, &yd_user_type, actor->user_id, error);
}

gboolean
yd_user_set_language(YdService *service, const YdActor *actor, const char *language, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdUser) user = tx ? yd_user_me(service, actor, error) : NULL;
    g_autofree char *details = yd_change_note("language", language);

    if (!user)
        return FALSE;
    yd_set_string(&user->language, language);
    return yd_user_check(user, error) && yd_store_update(store, &yd_user_type, user, error) &&
           yd_service_audit(service, actor, "user.language", "user", user->id, user->username,
                            details, error) &&
           yd_store_tx_commit(&tx, error);
}
