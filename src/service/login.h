// SPDX-License-Identifier: Apache-2.0
// Log-ins and passwords: who is it, and do they still count. Tokens are 256 random bits; the store
// keeps only their SHA-256. Whatever goes wrong at a log-in looks the same from outside and takes
// the same time: unknown name, wrong password, locked or disabled account.
#pragma once

#include "service/service.h"

// What comes with a log-in. address is the client's (for the throttle and the audit), agent what it
// calls itself. kind: "cookie" (CSRF token needed for unsafe methods) or "bearer".
typedef struct {
    const char *address, *agent, *request_id;
    const char *username, *password;
    const char *kind;
} YdLoginRequest;

// Throttled per address, locked per account (settings lock_after, lock_seconds). ret_token is the
// secret that the client keeps, ret_csrf the CSRF token (NULL for "bearer"); both owned by the
// caller and not to be had again. ret_login (may be NULL) has must_change and role. Hashes outside
// any lock or transaction. Errors: UNAUTHENTICATED (says nothing more), THROTTLED, INVALID (kind).
gboolean yd_login_start(YdService *service, const YdLoginRequest *request, char **ret_token,
                        char **ret_csrf, YdLogin **ret_login, GError **error);

// Who acts, with its own strings. `actor` points into them. The API sets address and request_id by
// yd_actor_owned_set before it calls anything.
typedef struct {
    YdActor actor;
    char *user_id, *username, *login_id, *address, *request_id;
    char *kind; // "cookie" | "bearer"
    gboolean must_change;
} YdActorOwned;
void yd_actor_owned_free(YdActorOwned *owned);
void yd_actor_owned_set(YdActorOwned *owned, const char *address, const char *request_id);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdActorOwned, yd_actor_owned_free)

typedef enum {
    YD_LOGIN_NEED_CSRF = 1 << 0,    // an unsafe method: a cookie log-in must show its CSRF token
    YD_LOGIN_ALLOW_CHANGE = 1 << 1, // also while the password must be changed: change it, log out,
                                    // look at oneself
} YdLoginCheckFlags;

// Checks a token as it came with a request. kind tells how it came ("cookie" or "bearer": a
// cookie's token is not good as a bearer token and the other way round); csrf is the X-CSRF-Token
// header or NULL. Notes the use, and ends log-ins that were idle for too long (login_idle_seconds)
// or are too old (login_max_seconds). Errors: UNAUTHENTICATED, FORBIDDEN (CSRF token missing or
// wrong), PASSWORD_CHANGE.
gboolean yd_login_check(YdService *service, const char *token, const char *kind, const char *csrf,
                        guint flags, YdActorOwned **ret_actor, GError **error);

// Log out: ends the actor's own log-in and cuts the connections that were opened by it.
gboolean yd_login_end(YdService *service, const YdActor *actor, GError **error);

// The actor's live log-ins (YdLogin; hashes are left out), newest use first; an owning array.
GPtrArray *yd_login_list_own(YdService *service, const YdActor *actor, GError **error);

// Ends another log-in of the actor (may be the present one); NOT_FOUND when it is not theirs.
gboolean
yd_login_end_other(YdService *service, const YdActor *actor, const char *login_id, GError **error);

// Changes the actor's own password; ends all their other log-ins. A wrong old one is
// UNAUTHENTICATED and counts for the lock-out; a bad new one is INVALID "new: …".
gboolean yd_password_change(YdService *service, const YdActor *actor, const char *old_password,
                            const char *new_password, GError **error);

// Whether the text may be a password of that user: length in characters password_min..256, valid
// UTF-8, no control characters, not the user name (in any case). INVALID names the field given.
gboolean yd_password_check(YdService *service, const char *field, const char *username,
                           const char *password, GError **error);

// Ends log-ins that are too old or were idle for too long, with their connections. For the timer
// (every minute or so).
gboolean yd_login_prune(YdService *service, gint64 now, GError **error);
