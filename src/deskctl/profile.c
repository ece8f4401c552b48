// SPDX-License-Identifier: Apache-2.0
// The file of profiles. It holds tokens, so nobody else may read it.
#include "deskctl/profile.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "deskctl/command.h"

void
ctl_profile_free(CtlProfile *profile)
{
    if (!profile)
        return;
    g_free(profile->name);
    g_free(profile->url);
    g_free(profile->ca);
    g_free(profile->fingerprint);
    g_free(profile->username);
    g_free(profile->token);
    g_free(profile);
}

static char *
directory(void)
{
    return g_build_filename(g_get_user_config_dir(), "yundesk", NULL);
}

char *
ctl_profile_path(void)
{
    g_autofree char *dir = directory();
    return g_build_filename(dir, "profiles", NULL);
}

gboolean
ctl_profile_name_check(const char *name, GError **error)
{
    gsize n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    if (n > 0 && n <= 64 && !name[n] && *name != '.')
        return TRUE;
    g_set_error(error, CTL_USAGE, 0,
                "'%s' can't be a profile's name: use letters, digits, '_', '-' and '.'", name);
    return FALSE;
}

// The file's content; an empty one when there is no file yet.
static GKeyFile *
read_file(GError **error)
{
    g_autofree char *path = ctl_profile_path();
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) why = NULL;
    struct stat st;
    if (g_stat(path, &st) != 0 && errno == ENOENT)
        return g_steal_pointer(&file);
    if (g_stat(path, &st) == 0 && (st.st_mode & 077)) {
        g_set_error(error, YD_ERROR, YD_ERROR_FORBIDDEN,
                    "others may read %s, which holds log-ins: chmod 600 it and log in again", path);
        return NULL;
    }
    if (g_key_file_load_from_file(file, path, G_KEY_FILE_KEEP_COMMENTS, &why) ||
        g_error_matches(why, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_PARSE))
        return why ? (g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "%s: %s", path, why->message),
                      NULL)
                   : g_steal_pointer(&file);
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "%s can't be read: %s", path, why->message);
    return NULL;
}

static const char *
choose(const char *name, char **groups)
{
    if (!name)
        name = g_getenv("YUNDESK_PROFILE");
    if (name && *name)
        return name;
    if (g_strv_contains((const char *const *)groups, "default"))
        return "default";
    return g_strv_length(groups) == 1 ? groups[0] : NULL;
}

static gboolean
no_profile(const char *name, char **groups, GError **error)
{
    g_autofree char *all = g_strjoinv(", ", groups);
    const char *how = "deskctl login https://SERVER";
    if (!*groups)
        g_set_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED, "not logged in: %s", how);
    else if (name)
        g_set_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED,
                    "there is no profile '%s' (there are: %s): %s --profile %s", name, all, how,
                    name);
    else
        g_set_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED,
                    "name one of the profiles with --profile: %s", all);
    return FALSE;
}

CtlProfile *
ctl_profile_load(const char *name, GError **error)
{
    g_autoptr(GKeyFile) file = read_file(error);
    if (!file)
        return NULL;
    g_auto(GStrv) groups = g_key_file_get_groups(file, NULL);
    const char *chosen = choose(name, groups);
    if (!chosen || !g_key_file_has_group(file, chosen)) {
        no_profile(chosen, groups, error);
        return NULL;
    }
    g_autoptr(CtlProfile) profile = g_new0(CtlProfile, 1);
    profile->name = g_strdup(chosen);
    profile->url = g_key_file_get_string(file, chosen, "url", NULL);
    profile->ca = g_key_file_get_string(file, chosen, "ca", NULL);
    profile->fingerprint = g_key_file_get_string(file, chosen, "fingerprint", NULL);
    profile->username = g_key_file_get_string(file, chosen, "username", NULL);
    profile->token = g_key_file_get_string(file, chosen, "token", NULL);
    if (!profile->url) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "profile '%s' has no url: log in again",
                    chosen);
        return NULL;
    }
    return g_steal_pointer(&profile);
}

static void
set(GKeyFile *file, const char *group, const char *key, const char *value)
{
    if (value)
        g_key_file_set_string(file, group, key, value);
    else
        g_key_file_remove_key(file, group, key, NULL);
}

static gboolean
make_directory(GError **error)
{
    g_autofree char *dir = directory();
    if (g_mkdir_with_parents(dir, 0700) == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "%s can't be made: %s", dir, g_strerror(errno));
    return FALSE;
}

gboolean
ctl_profile_save(const CtlProfile *profile, GError **error)
{
    if (!ctl_profile_name_check(profile->name, error) || !make_directory(error))
        return FALSE;
    g_autoptr(GKeyFile) file = read_file(error);
    if (!file)
        return FALSE;
    set(file, profile->name, "url", profile->url);
    set(file, profile->name, "ca", profile->ca);
    set(file, profile->name, "fingerprint", profile->fingerprint);
    set(file, profile->name, "username", profile->username);
    set(file, profile->name, "token", profile->token);
    g_autofree char *path = ctl_profile_path();
    gsize n;
    g_autofree char *text = g_key_file_to_data(file, &n, NULL);
    return g_file_set_contents_full(path, text, (gssize)n, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                    error);
}

char *
ctl_profile_keep_ca(const char *name, const char *file, GError **error)
{
    g_autofree char *text = NULL;
    gsize n;
    if (!ctl_profile_name_check(name, error) || !make_directory(error) ||
        !g_file_get_contents(file, &text, &n, error))
        return NULL;
    g_autofree char *dir = directory();
    g_autofree char *base = g_strconcat(name, ".ca.pem", NULL);
    g_autofree char *path = g_build_filename(dir, base, NULL);
    if (!g_file_set_contents_full(path, text, (gssize)n, G_FILE_SET_CONTENTS_CONSISTENT, 0600,
                                  error))
        return NULL;
    return g_steal_pointer(&path);
}
