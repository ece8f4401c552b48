// SPDX-License-Identifier: Apache-2.0
// Profiles: which server, whom to trust, and the log-in's token. Kept in
// $XDG_CONFIG_HOME/yundesk/profiles (mode 0600), one GKeyFile group per profile:
//   [default]
//   url=https://desk.example:443
//   ca=/path/of/ca.pem          or fingerprint=<SHA-256>; neither: the system's CAs
//   username=ann
//   token=…
#pragma once

#include <glib.h>

typedef struct {
    char *name, *url, *ca, *fingerprint, *username, *token;
} CtlProfile;

void ctl_profile_free(CtlProfile *profile);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(CtlProfile, ctl_profile_free)

// The file's path; owned.
char *ctl_profile_path(void);

// The profile of that name; NULL: $YUNDESK_PROFILE, else "default", else the only one there is.
// YD_ERROR_UNAUTHENTICATED when there is none (the message says how to log in);
// YD_ERROR_FORBIDDEN when others may read the file.
CtlProfile *ctl_profile_load(const char *name, GError **error);

// Writes it into the file beside the others; atomically, mode 0600.
gboolean ctl_profile_save(const CtlProfile *profile, GError **error);

// Keeps a copy of a CA file beside the profiles and returns its path, owned.
char *ctl_profile_keep_ca(const char *name, const char *file, GError **error);

// Whether the name can be one: letters, digits, . _ - and at most 64 of them.
gboolean ctl_profile_name_check(const char *name, GError **error);
