// SPDX-License-Identifier: Apache-2.0
// Escaping of path segments and query values (RFC 3986).
#include "rest/path.h"

#include <string.h>

char *
yd_path(const char *plural, const char *id, const char *act)
{
    g_autofree char *segment = g_uri_escape_string(id, NULL, FALSE);
    // "." and ".." are made of unreserved characters, yet mean something else in a path.
    if (g_str_equal(id, ".") || g_str_equal(id, "..")) {
        g_free(segment);
        segment = g_strdup(id[1] ? "%2E%2E" : "%2E");
    }
    return act ? g_strdup_printf("/%s/%s/%s", plural, segment, act)
               : g_strdup_printf("/%s/%s", plural, segment);
}

void
yd_path_query(GString *path, const char *name, const char *value)
{
    if (!value)
        return;
    g_string_append_c(path, strchr(path->str, '?') ? '&' : '?');
    g_string_append_uri_escaped(path, name, NULL, FALSE);
    g_string_append_c(path, '=');
    g_string_append_uri_escaped(path, value, NULL, FALSE);
}
