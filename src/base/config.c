// SPDX-License-Identifier: Apache-2.0
// Reads the key file and its drop-ins into one GKeyFile and remembers which file each value is
// from, so that errors can name it.
#include "base/config.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

struct _YdConfig {
    GKeyFile *values;
    GHashTable *origins; // "group\nkey" -> file
};

static char *
origin_key(const char *group, const char *key)
{
    return g_strconcat(group, "\n", key, NULL);
}

static gboolean
merge_file(YdConfig *config, const char *file, GError **error)
{
    g_autoptr(GKeyFile) values = g_key_file_new();
    g_autoptr(GError) cause = NULL;
    if (!g_key_file_load_from_file(values, file, G_KEY_FILE_NONE, &cause)) {
        gboolean missing = g_error_matches(cause, G_FILE_ERROR, G_FILE_ERROR_NOENT);
        g_set_error(error, YD_ERROR, missing ? YD_ERROR_NOT_FOUND : YD_ERROR_INVALID,
                    "The configuration %s can't be read: %s", file, cause->message);
        return FALSE;
    }
    g_auto(GStrv) groups = g_key_file_get_groups(values, NULL);
    for (char **group = groups; *group; group++) {
        g_auto(GStrv) keys = g_key_file_get_keys(values, *group, NULL, NULL);
        for (char **key = keys; key && *key; key++) {
            g_autofree char *value = g_key_file_get_value(values, *group, *key, NULL);
            g_key_file_set_value(config->values, *group, *key, value);
            g_hash_table_replace(config->origins, origin_key(*group, *key), g_strdup(file));
        }
    }
    return TRUE;
}

static int
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean
merge_drop_ins(YdConfig *config, const char *folder, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    if (!dir)
        return TRUE;
    for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir)) {
        if (g_str_has_suffix(name, ".conf") && *name != '.')
            g_ptr_array_add(names, g_build_filename(folder, name, NULL));
    }
    g_ptr_array_sort(names, by_name);
    for (guint i = 0; i < names->len; i++) {
        if (!merge_file(config, names->pdata[i], error))
            return FALSE;
    }
    return TRUE;
}

YdConfig *
yd_config_load(const char *file, GError **error)
{
    g_autoptr(YdConfig) config = g_new0(YdConfig, 1);
    config->values = g_key_file_new();
    config->origins = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    const char *path = file ? file : YD_CONFIG_FILE;
    if ((file || g_file_test(path, G_FILE_TEST_EXISTS)) && !merge_file(config, path, error))
        return NULL;
    g_autofree char *folder = g_strconcat(path, ".d", NULL);
    if (!merge_drop_ins(config, folder, error))
        return NULL;
    return g_steal_pointer(&config);
}

void
yd_config_free(YdConfig *config)
{
    if (!config)
        return;
    g_key_file_unref(config->values);
    g_hash_table_unref(config->origins);
    g_free(config);
}

G_GNUC_PRINTF(5, 6)
static gboolean
wrong(const YdConfig *config, const char *group, const char *key, GError **error,
      const char *format, ...)
{
    g_autofree char *name = origin_key(group, key);
    const char *file = g_hash_table_lookup(config->origins, name);
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "%s: [%s] %s: %s", file ? file : "command line",
                group, key, text);
    return FALSE;
}

// The text of the key, stripped; FALSE with the error when it is no UTF-8. NULL: not there.
static gboolean
get_text(const YdConfig *config, const char *group, const char *key, char **ret_text,
         GError **error)
{
    if (!g_key_file_has_key(config->values, group, key, NULL)) {
        *ret_text = NULL;
        return TRUE;
    }
    g_autoptr(GError) cause = NULL;
    char *text = g_key_file_get_string(config->values, group, key, &cause);
    if (!text)
        return wrong(config, group, key, error, "%s", cause->message);
    *ret_text = g_strstrip(text);
    return TRUE;
}

gboolean
yd_config_string(const YdConfig *config, const char *group, const char *key, char **value,
                 GError **error)
{
    g_autofree char *text = NULL;
    if (!get_text(config, group, key, &text, error))
        return FALSE;
    if (text) {
        g_free(*value);
        *value = *text ? g_steal_pointer(&text) : NULL;
    }
    return TRUE;
}

gboolean
yd_config_strings(const YdConfig *config, const char *group, const char *key, char ***value,
                  GError **error)
{
    g_autofree char *text = NULL;
    if (!get_text(config, group, key, &text, error))
        return FALSE;
    if (!text)
        return TRUE;
    g_auto(GStrv) parts = g_strsplit_set(text, ";,", -1);
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    for (char **part = parts; *part; part++) {
        if (*g_strstrip(*part))
            g_strv_builder_add(list, *part);
    }
    g_strfreev(*value);
    *value = g_strv_builder_end(list);
    return TRUE;
}

gboolean
yd_config_choice(const YdConfig *config, const char *group, const char *key,
                 const char *const *choices, char **value, GError **error)
{
    g_autofree char *text = NULL;
    if (!get_text(config, group, key, &text, error))
        return FALSE;
    if (!text)
        return TRUE;
    if (!g_strv_contains(choices, text)) {
        g_autofree char *list = g_strjoinv(", ", (char **)choices);
        return wrong(config, group, key, error, "“%s” is none of %s", text, list);
    }
    g_free(*value);
    *value = g_steal_pointer(&text);
    return TRUE;
}

// A number of the form DIGITS UNIT; units is a NULL-terminated list of pairs unit, factor.
typedef struct {
    const char *name;
    gint64 factor;
} Unit;

static gboolean
get_number(const YdConfig *config, const char *group, const char *key, const Unit *units,
           const char *what, gint64 min, gint64 max, gint64 *value, GError **error)
{
    g_autofree char *text = NULL;
    if (!get_text(config, group, key, &text, error))
        return FALSE;
    if (!text)
        return TRUE;
    char *end = NULL;
    errno = 0;
    gint64 number = g_ascii_strtoll(text, &end, 10);
    gboolean good = end != text && errno == 0;
    while (g_ascii_isspace(*end))
        end++;
    while (units->name && g_ascii_strcasecmp(units->name, end) != 0)
        units++;
    if (!good || !units->name)
        return wrong(config, group, key, error, "“%s” is not %s", text, what);
    gint64 product = 0;
    if (__builtin_mul_overflow(number, units->factor, &product) || product < min || product > max)
        return wrong(config, group, key, error,
                     "%s is out of bounds (%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ")", text,
                     min, max);
    *value = product;
    return TRUE;
}

gboolean
yd_config_int(const YdConfig *config, const char *group, const char *key, gint64 min, gint64 max,
              gint64 *value, GError **error)
{
    static const Unit units[] = {{"", 1}, {NULL}};
    return get_number(config, group, key, units, "a whole number", min, max, value, error);
}

gboolean
yd_config_bool(const YdConfig *config, const char *group, const char *key, gboolean *value,
               GError **error)
{
    static const char *const yes[] = {"true", "yes", "on", "1", NULL};
    static const char *const no[] = {"false", "no", "off", "0", NULL};
    g_autofree char *text = NULL;
    if (!get_text(config, group, key, &text, error))
        return FALSE;
    if (!text)
        return TRUE;
    if (!g_strv_contains(yes, text) && !g_strv_contains(no, text))
        return wrong(config, group, key, error, "“%s” is neither true nor false", text);
    *value = g_strv_contains(yes, text);
    return TRUE;
}

gboolean
yd_config_ports(const YdConfig *config, const char *group, const char *key, guint16 *ret_first,
                guint16 *ret_last, GError **error)
{
    g_autofree char *text = NULL;
    guint64 first = 0, last = 0;
    if (!get_text(config, group, key, &text, error))
        return FALSE;
    if (!text)
        return TRUE;
    if (strcmp(text, "none") != 0) {
        g_auto(GStrv) ends = g_strsplit(text, "-", 2);
        if (!ends[0] || !ends[1] ||
            !g_ascii_string_to_unsigned(g_strstrip(ends[0]), 10, 1024, 65535, &first, NULL) ||
            !g_ascii_string_to_unsigned(g_strstrip(ends[1]), 10, first, 65535, &last, NULL))
            return wrong(config, group, key, error,
                         "“%s” is neither none nor a range of ports such as 50000-59999 "
                         "(1024 to 65535, the lower one first)",
                         text);
    }
    *ret_first = (guint16)first;
    *ret_last = (guint16)last;
    return TRUE;
}

gboolean
yd_config_seconds(const YdConfig *config, const char *group, const char *key, gint64 min,
                  gint64 max, gint64 *value, GError **error)
{
    static const Unit units[] = {{"", 1},     {"s", 1},         {"min", 60}, {"m", 60},
                                 {"h", 3600}, {"d", 24 * 3600}, {NULL}};
    return get_number(config, group, key, units, "a time such as 90, 5min, 12h or 7d", min, max,
                      value, error);
}

gboolean
yd_config_bytes(const YdConfig *config, const char *group, const char *key, gint64 min, gint64 max,
                gint64 *value, GError **error)
{
    static const Unit units[] = {{"", 1},          {"K", 1LL << 10}, {"M", 1LL << 20},
                                 {"G", 1LL << 30}, {"T", 1LL << 40}, {NULL}};
    return get_number(config, group, key, units, "a size such as 512M or 20G", min, max, value,
                      error);
}

gboolean
yd_config_known(const YdConfig *config, const char *group, const char *const *keys, GError **error)
{
    g_auto(GStrv) present = g_key_file_get_keys(config->values, group, NULL, NULL);
    for (char **key = present; key && *key; key++) {
        if (!g_strv_contains(keys, *key)) {
            g_autofree char *list = g_strjoinv(", ", (char **)keys);
            return wrong(config, group, *key, error, "no such key; known are %s", list);
        }
    }
    return TRUE;
}

void
yd_config_set(YdConfig *config, const char *group, const char *key, const char *value)
{
    g_autofree char *name = origin_key(group, key);
    g_key_file_set_string(config->values, group, key, value);
    g_hash_table_remove(config->origins, name);
}

static char *
path_below(const YdConfig *config, const char *key, const char *fallback, const char *name)
{
    g_autofree char *folder = g_key_file_get_string(config->values, "paths", key, NULL);
    const char *base = folder && *g_strstrip(folder) ? folder : fallback;
    return name ? g_build_filename(base, name, NULL) : g_strdup(base);
}

char *
yd_config_state_path(const YdConfig *config, const char *name)
{
    return path_below(config, "state", "/var/lib/yundesk", name);
}

char *
yd_config_run_path(const YdConfig *config, const char *name)
{
    return path_below(config, "run", "/run/yundesk", name);
}
