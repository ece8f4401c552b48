// SPDX-License-Identifier: Apache-2.0
// Passwords come from the terminal (without echo) or from standard input, never from the command
// line, where others could read them.
#include "deskctl/password.h"

#include <string.h>

#include "base/error.h"

static void
wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    g_free(secret);
}
typedef char Secret;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Secret, wipe)

// The profile to log in to: an existing one is changed by what was given.
static CtlProfile *
profile_for(Ctl *ctl, GError **error)
{
    const char *url = ctl_args_word(ctl->args, 0);
    const char *name = ctl_args_get(ctl->args, "profile");
    g_autoptr(GError) why = NULL;
    if (!name || !*name)
        name = g_getenv("YUNDESK_PROFILE");
    CtlProfile *profile = ctl_profile_load(name, &why);
    if (!profile && (!url || !g_error_matches(why, YD_ERROR, YD_ERROR_UNAUTHENTICATED))) {
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
    }
    if (profile && url && !name && g_strcmp0(profile->url, url) != 0 &&
        !g_str_equal(profile->name, "default")) {
        // Another server than the only profile's: that one stays as it is.
        ctl_profile_free(profile);
        profile = NULL;
    }
    if (!profile) {
        profile = g_new0(CtlProfile, 1);
        profile->name = g_strdup(name && *name ? name : "default");
    }
    if (url && g_strcmp0(profile->url, url) != 0) {
        g_free(profile->url);
        profile->url = g_strdup(url);
        g_clear_pointer(&profile->ca, g_free);
        g_clear_pointer(&profile->fingerprint, g_free);
    }
    return profile;
}

static gboolean
set_trust(Ctl *ctl, CtlProfile *profile, GError **error)
{
    const char *ca = ctl_args_get(ctl->args, "ca");
    const char *fingerprint = ctl_args_get(ctl->args, "fingerprint");
    if (ca && fingerprint) {
        g_set_error_literal(error, CTL_USAGE, 0, "--ca and --fingerprint contradict each other");
        return FALSE;
    }
    if (ca) {
        g_autoptr(YdRest) probe = yd_rest_new(profile->url, error);
        if (!probe || !yd_rest_set_ca(probe, ca, error))
            return FALSE;
        g_free(profile->ca);
        profile->ca = ctl_profile_keep_ca(profile->name, ca, error);
        g_clear_pointer(&profile->fingerprint, g_free);
        return profile->ca != NULL;
    }
    if (fingerprint) {
        g_free(profile->fingerprint);
        profile->fingerprint = g_strdup(fingerprint);
        g_clear_pointer(&profile->ca, g_free);
    }
    return TRUE;
}

static json_t *
post_login(Ctl *ctl, const char *username, const char *password, GError **error)
{
    g_autoptr(json_t) body =
        json_pack("{s:s, s:s, s:s}", "username", username, "password", password, "kind", "bearer");
    if (!body) {
        yd_error_invalid(error, "password", "it is not UTF-8");
        return NULL;
    }
    return yd_rest_post(ctl->rest, "/login", body, error);
}

// Before anything secret is sent: is the server who it should be? On a terminal the person may say
// so themself.
static gboolean
check_server(Ctl *ctl, CtlProfile *profile, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_auto(YdRestAnswer) answer = {0};
    YdRestRequest request = {.method = "GET", .path = "//healthz"};
    ctl->rest = ctl_rest(profile, error);
    if (!ctl->rest)
        return FALSE;
    if (yd_rest_send(ctl->rest, &request, &answer, &why))
        return TRUE;
    const char *reason = NULL;
    const char *seen = yd_rest_refused(ctl->rest, &reason);
    if (!seen || !ctl->in_tty || profile->ca || profile->fingerprint) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    g_autofree char *fingerprint = g_strdup(seen);
    g_printerr("The certificate of %s is not trusted: %s.\nIts SHA-256 fingerprint is %s.\n"
               "Compare it with what the administrator gave you.\n",
               profile->url, reason, fingerprint);
    if (!ctl_ask(ctl, "Trust this certificate from now on?", error))
        return FALSE;
    profile->fingerprint = g_steal_pointer(&fingerprint);
    g_clear_pointer(&ctl->rest, yd_rest_free);
    ctl->rest = ctl_rest(profile, error);
    return ctl->rest != NULL;
}

static gboolean
change(Ctl *ctl, const char *old, const char *new, GError **error)
{
    g_autoptr(json_t) body = json_pack("{s:s, s:s}", "old", old, "new", new);
    if (!body)
        return yd_error_invalid(error, "password", "it is not UTF-8");
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, "/me/password", body, error);
    return answer != NULL;
}

// A new password, twice where a person types it; owned.
static char *
read_new(Ctl *ctl, GError **error)
{
    g_autoptr(Secret) first = ctl_read_line(ctl, "New password: ", TRUE, error);
    if (!first || !ctl->in_tty)
        return g_steal_pointer(&first);
    g_autoptr(Secret) second = ctl_read_line(ctl, "Once more: ", TRUE, error);
    if (second && g_str_equal(first, second))
        return g_steal_pointer(&first);
    if (second)
        g_set_error_literal(error, CTL_USAGE, 0, "the two passwords are not the same");
    return NULL;
}

static gboolean
must_change(Ctl *ctl, const char *old, GError **error)
{
    if (!ctl->in_tty && !ctl_args_has(ctl->args, "new-password-stdin")) {
        ctl_note(ctl, "The password must be changed before anything else: deskctl password");
        return TRUE;
    }
    if (ctl->in_tty)
        ctl_note(ctl, "The password must be changed at the first log-in.");
    g_autoptr(Secret) new = read_new(ctl, error);
    if (!new || !change(ctl, old, new, error))
        return FALSE;
    ctl_note(ctl, "The password is changed.");
    return TRUE;
}

static gboolean
log_in(Ctl *ctl, CtlProfile *profile, GError **error)
{
    const char *given = ctl_args_get(ctl->args, "username");
    g_autofree char *username = given ? g_strdup(given)
                                : profile->username
                                    ? g_strdup(profile->username)
                                    : ctl_read_line(ctl, "User name: ", FALSE, error);
    if (!username)
        return FALSE;
    g_autofree char *prompt = g_strdup_printf("Password of %s: ", username);
    g_autoptr(Secret) password = ctl_read_line(ctl, prompt, TRUE, error);
    if (!password)
        return FALSE;
    g_autoptr(json_t) answer = post_login(ctl, username, password, error);
    if (!answer)
        return FALSE;
    const char *token = json_string_value(json_object_get(answer, "token"));
    g_free(profile->token);
    profile->token = g_strdup(token);
    g_free(profile->username);
    profile->username = g_strdup(username);
    yd_rest_set_token(ctl->rest, token);
    if (!ctl_profile_save(profile, error))
        return FALSE;
    ctl_note(ctl, "Logged in to %s as %s (profile %s).", profile->url, username, profile->name);
    return !json_is_true(json_object_get(answer, "must_change")) ||
           must_change(ctl, password, error);
}

gboolean
ctl_run_login(Ctl *ctl, GError **error)
{
    if (!ctl->in_tty && !ctl_args_has(ctl->args, "password-stdin")) {
        g_set_error_literal(error, CTL_USAGE, 0,
                            "nobody is there to type the password: use --password-stdin");
        return FALSE;
    }
    g_autoptr(CtlProfile) profile = profile_for(ctl, error);
    return profile && ctl_profile_name_check(profile->name, error) &&
           set_trust(ctl, profile, error) && check_server(ctl, profile, error) &&
           log_in(ctl, profile, error);
}

gboolean
ctl_run_logout(Ctl *ctl, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, "/logout", NULL, &why);
    // A log-in that has ended already is as good.
    if (!answer && !g_error_matches(why, YD_ERROR, YD_ERROR_UNAUTHENTICATED)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    g_clear_pointer(&ctl->profile->token, g_free);
    if (!ctl_profile_save(ctl->profile, error))
        return FALSE;
    ctl_note(ctl, "Logged out.");
    return TRUE;
}

gboolean
ctl_run_password(Ctl *ctl, GError **error)
{
    if (!ctl->in_tty && !ctl_args_has(ctl->args, "password-stdin")) {
        g_set_error_literal(error, CTL_USAGE, 0,
                            "nobody is there to type the passwords: use --password-stdin");
        return FALSE;
    }
    g_autoptr(Secret) old = ctl_read_line(ctl, "Present password: ", TRUE, error);
    if (!old)
        return FALSE;
    g_autoptr(Secret) new = read_new(ctl, error);
    if (!new || !change(ctl, old, new, error))
        return FALSE;
    ctl_note(ctl, "The password is changed; your other log-ins have ended.");
    return TRUE;
}
