// SPDX-License-Identifier: Apache-2.0
#include "model/members.h"

#include <string.h>

#include "base/error.h"
#include "base/json-util.h"

gboolean
yd_member_read(const YdMember *table, gsize n, gpointer ret_struct, const json_t *object,
               const char *name, gboolean *ret_known, GError **error)
{
    for (gsize i = 0; i < n; i++) {
        gpointer at = G_STRUCT_MEMBER_P(ret_struct, table[i].offset);
        if (strcmp(name, table[i].name) != 0)
            continue;
        *ret_known = TRUE;
        return table[i].number ? yd_json_int(object, name, table[i].min, table[i].max, at, error)
                               : yd_json_bool(object, name, at, error);
    }
    *ret_known = FALSE;
    return TRUE;
}

void
yd_members_write(const YdMember *table, gsize n, gconstpointer of, json_t *object)
{
    for (gsize i = 0; i < n; i++) {
        gconstpointer at = (const guint8 *)of + table[i].offset;
        json_object_set_new(object, table[i].name,
                            table[i].number ? json_integer(*(const gint64 *)at)
                                            : json_boolean(*(const gboolean *)at));
    }
}

gboolean
yd_members_parse(const char *json, const char *what, YdMemberReader read, gpointer ret_struct,
                 GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(json_t) object = json && *json ? yd_json_parse_object(json, &cause) : json_object();
    if (!object)
        return yd_error_invalid(error, what, "%s", cause ? cause->message : "no JSON");
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        gboolean known = FALSE;
        if (!read(ret_struct, object, name, &known, &cause)) {
            g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "%s.%s", what, cause->message);
            return FALSE;
        }
        if (!known) {
            g_autofree char *shown = g_strescape(name, NULL);
            return yd_error_invalid(error, what, "there is no member “%s”", shown);
        }
    }
    return TRUE;
}
