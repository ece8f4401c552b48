// SPDX-License-Identifier: Apache-2.0
// The configuration: one key file (yundesk.conf) and its drop-ins (yundesk.conf.d/*.conf, by name,
// later ones win), read once at start. Every getter leaves *value, which holds the default, as it
// is when the key is not there, and fails with INVALID naming file, group and key when the value
// does not fit. Immutable after loading: any thread may read.
#pragma once

#include <glib.h>

#define YD_CONFIG_FILE "/etc/yundesk/yundesk.conf"

typedef struct _YdConfig YdConfig;

// Reads file and the drop-ins in the folder "FILE.d". NULL: YD_CONFIG_FILE, which may be missing
// (all defaults); a file that was asked for by name may not (NOT_FOUND).
YdConfig *yd_config_load(const char *file, GError **error);
void yd_config_free(YdConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdConfig, yd_config_free)

// *value is owned by the caller (may be NULL before) and replaced. An empty text is NULL.
gboolean yd_config_string(const YdConfig *config, const char *group, const char *key, char **value,
                          GError **error);

// A list separated by ";" or ","; *value is a g_strfreev()-able vector (may be NULL before).
gboolean yd_config_strings(const YdConfig *config, const char *group, const char *key,
                           char ***value, GError **error);

// One of the NULL-terminated choices.
gboolean yd_config_choice(const YdConfig *config, const char *group, const char *key,
                          const char *const *choices, char **value, GError **error);

// A whole number within min..max.
gboolean yd_config_int(const YdConfig *config, const char *group, const char *key, gint64 min,
                       gint64 max, gint64 *value, GError **error);

// true, yes, on, 1 | false, no, off, 0.
gboolean yd_config_bool(const YdConfig *config, const char *group, const char *key, gboolean *value,
                        GError **error);

// A time in seconds: a number with s (or nothing), min, h or d after it: "90", "5min", "12h", "7d".
gboolean yd_config_seconds(const YdConfig *config, const char *group, const char *key, gint64 min,
                           gint64 max, gint64 *value, GError **error);

// A size in bytes: a number with nothing, K, M, G or T after it (powers of 1024).
gboolean yd_config_bytes(const YdConfig *config, const char *group, const char *key, gint64 min,
                         gint64 max, gint64 *value, GError **error);

// A range of ports "FIRST-LAST" within 1024..65535, or "none" (both 0).
gboolean yd_config_ports(const YdConfig *config, const char *group, const char *key,
                         guint16 *ret_first, guint16 *ret_last, GError **error);

// Fails when the group has a key that is not in the NULL-terminated list (a slip of the pen).
gboolean
yd_config_known(const YdConfig *config, const char *group, const char *const *keys, GError **error);

// Sets a value as if it stood in the last file (options of the command line, tests).
void yd_config_set(YdConfig *config, const char *group, const char *key, const char *value);

// Path of a file below [paths] state (default /var/lib/yundesk) or run (/run/yundesk); name NULL:
// the folder itself. Owned.
char *yd_config_state_path(const YdConfig *config, const char *name);
char *yd_config_run_path(const YdConfig *config, const char *name);
