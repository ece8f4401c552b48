// SPDX-License-Identifier: Apache-2.0
// Options to JSON.
#include "deskctl/body.h"

#include <string.h>

#include "deskctl/refs.h"

typedef struct {
    Ctl *ctl;
    json_t *body;
    GError *error;
} Fill;

static json_t *
value_of(const char *text)
{
    gint64 number;
    if (g_str_equal(text, "true") || g_str_equal(text, "false"))
        return json_boolean(*text == 't');
    if (g_str_equal(text, "null"))
        return json_null();
    if (g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL))
        return json_integer(number);
    return json_string(text);
}

void
ctl_pair_set(json_t *object, const char *pair)
{
    const char *equals = strchr(pair, '=');
    g_autofree char *key = g_strndup(pair, (gsize)(equals - pair));
    g_auto(GStrv) parts = g_strsplit(key, ".", -1);
    guint n = g_strv_length(parts);
    for (guint i = 0; i + 1 < n; i++) {
        json_t *inner = json_object_get(object, parts[i]);
        if (!json_is_object(inner)) {
            inner = json_object();
            json_object_set_new(object, parts[i], inner);
        }
        object = inner;
    }
    json_object_set_new(object, parts[n - 1], value_of(equals + 1));
}

static json_t *
pairs(const GPtrArray *values, const json_t *before)
{
    json_t *object = json_is_object(before) ? json_deep_copy(before) : json_object();
    for (guint i = 0; i < values->len; i++)
        ctl_pair_set(object, g_ptr_array_index(values, i));
    return object;
}

// The option's value as JSON, owned; NULL with an error.
static json_t *
convert(Ctl *ctl, const CtlOption *option, const json_t *before, GError **error)
{
    const char *given = ctl_args_get(ctl->args, option->name);
    const char *usual = option->otherwise ? option->otherwise : "";
    const char *text = given ? given : usual;
    g_autofree char *id = NULL;
    switch (option->kind) {
    case CTL_INT:
    case CTL_MIB:
    case CTL_GIB:
        return json_integer(g_ascii_strtoll(text, NULL, 10));
    case CTL_NUMBER:
        return json_real(g_ascii_strtod(text, NULL));
    case CTL_FLAG:
        return json_true();
    case CTL_PAIR:
        return pairs(ctl_args_all(ctl->args, option->name), before);
    case CTL_REF:
        if (g_str_equal(text, "none"))
            return json_null();
        id = ctl_find_id(ctl, option->noun, text, error);
        return id ? json_string(id) : NULL;
    case CTL_VERSION:
        id = ctl_find_version(ctl, text, error);
        return id ? json_string(id) : NULL;
    case CTL_CHOICE:
        if (g_strcmp0(option->arg, "on|off") == 0)
            return json_boolean(g_str_equal(text, "on"));
        return json_string(text);
    default:
        return json_string(text);
    }
}

static gboolean
fill_one(const CtlOption *option, gpointer user_data)
{
    Fill *fill = user_data;
    if (!option->field || (!option->otherwise && !ctl_args_has(fill->ctl->args, option->name)))
        return FALSE;
    json_t *value =
        convert(fill->ctl, option, json_object_get(fill->body, option->field), &fill->error);
    if (value)
        json_object_set_new(fill->body, option->field, value);
    return fill->error != NULL;
}

gboolean
ctl_body_fill(Ctl *ctl, json_t *body, GError **error)
{
    Fill fill = {ctl, body, NULL};
    ctl_options_each(ctl->args->command, fill_one, &fill);
    if (!fill.error)
        return TRUE;
    g_propagate_error(error, fill.error);
    return FALSE;
}
