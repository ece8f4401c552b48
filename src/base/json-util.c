// SPDX-License-Identifier: Apache-2.0
// Strict parsing and typed access to members.
#include "base/json-util.h"

#include <string.h>

#include "base/error.h"

// jansson's own limit (2048) is fixed when it is built, so the depth is counted beforehand. A text
// that is no JSON may be counted wrongly, but then the parser refuses it.
static gboolean
check_depth(const char *text, gsize length, GError **error)
{
    guint depth = 0;
    gboolean quoted = FALSE;
    for (gsize i = 0; i < length; i++) {
        char c = text[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > YD_JSON_DEPTH)
            return yd_error_invalid(error, NULL, "The JSON is nested deeper than %d levels",
                                    YD_JSON_DEPTH);
    }
    return TRUE;
}

json_t *
yd_json_parse(const char *text, gsize length, GError **error)
{
    if (!check_depth(text, length, error))
        return NULL;
    json_error_t cause;
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &cause);
    if (!json) {
        // The message may quote bytes of the input: make it fit for an answer.
        g_autofree char *why = g_utf8_make_valid(cause.text, -1);
        yd_error_invalid(error, NULL, "Not valid JSON at line %d, column %d: %s", cause.line,
                         cause.column, why);
    }
    return json;
}

json_t *
yd_json_parse_object(const char *text, GError **error)
{
    g_autoptr(json_t) json = yd_json_parse(text, strlen(text), error);
    if (json && !json_is_object(json)) {
        yd_error_invalid(error, NULL, "The JSON is %s, not an object", yd_json_type_name(json));
        return NULL;
    }
    return g_steal_pointer(&json);
}

char *
yd_json_text(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    char *copy = g_strdup(text ? text : "null");
    free(text);
    return copy;
}

const char *
yd_json_type_name(const json_t *json)
{
    if (json_is_string(json))
        return "a text";
    if (json_is_integer(json))
        return "a whole number";
    if (json_is_real(json))
        return "a decimal number";
    if (json_is_boolean(json))
        return "true or false";
    if (json_is_object(json))
        return "an object";
    return json_is_array(json) ? "a list" : "null";
}

gboolean
yd_json_string(const json_t *object, const char *name, const char **value, GError **error)
{
    const json_t *member = json_object_get(object, name);
    if (!member || json_is_null(member))
        return TRUE;
    if (!json_is_string(member))
        return yd_error_invalid(error, name, "must be a text, not %s", yd_json_type_name(member));
    *value = json_string_value(member);
    return TRUE;
}

gboolean
yd_json_int(const json_t *object, const char *name, gint64 min, gint64 max, gint64 *value,
            GError **error)
{
    const json_t *member = json_object_get(object, name);
    if (!member || json_is_null(member))
        return TRUE;
    if (!json_is_integer(member))
        return yd_error_invalid(error, name, "must be a whole number, not %s",
                                yd_json_type_name(member));
    gint64 number = json_integer_value(member);
    if (number < min || number > max)
        return yd_error_invalid(error, name,
                                "%" G_GINT64_FORMAT " is out of bounds (%" G_GINT64_FORMAT
                                " to %" G_GINT64_FORMAT ")",
                                number, min, max);
    *value = number;
    return TRUE;
}

gboolean
yd_json_bool(const json_t *object, const char *name, gboolean *value, GError **error)
{
    const json_t *member = json_object_get(object, name);
    if (!member || json_is_null(member))
        return TRUE;
    if (!json_is_boolean(member))
        return yd_error_invalid(error, name, "must be true or false, not %s",
                                yd_json_type_name(member));
    *value = json_is_true(member);
    return TRUE;
}

gboolean
yd_json_unknown(GError **error, const char *name, const char *known)
{
    // Names are the client's: quote them, and let only plain ones stand as the field.
    g_autofree char *valid = g_utf8_make_valid(name, (gssize)MIN(strlen(name), 64));
    if (*name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name))
        return yd_error_invalid(error, name, "there is no such field; known are %s", known);
    g_autofree char *shown = g_strescape(valid, NULL);
    return yd_error_invalid(error, NULL, "There is no field “%s”; known are %s", shown, known);
}

gboolean
yd_json_known(const json_t *object, const char *const *names, GError **error)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (!g_strv_contains(names, name)) {
            g_autofree char *list = g_strjoinv(", ", (char **)names);
            return yd_json_unknown(error, name, list);
        }
    }
    return TRUE;
}
