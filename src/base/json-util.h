// SPDX-License-Identifier: Apache-2.0
// Strict JSON on top of jansson: limited depth, no duplicate keys, errors that say where. Pure.
#pragma once

#include <glib.h>
#include <jansson.h>

#define YD_JSON_DEPTH 16

G_DEFINE_AUTOPTR_CLEANUP_FUNC(json_t, json_decref)

// Parses any JSON value; INVALID with line and column. NUL characters, invalid UTF-8, duplicate
// keys and more than YD_JSON_DEPTH levels are refused.
json_t *yd_json_parse(const char *text, gsize length, GError **error);

// The same, and INVALID when it is not an object. text ends with NUL.
json_t *yd_json_parse_object(const char *text, GError **error);

// Compact text in the order of insertion; owned (g_free).
char *yd_json_text(const json_t *json);

// Members of an object. Missing or null: TRUE, and *value is left as it is. Another type: INVALID
// naming the member. Texts are borrowed from the object.
gboolean yd_json_string(const json_t *object, const char *name, const char **value, GError **error);
gboolean yd_json_int(const json_t *object, const char *name, gint64 min, gint64 max, gint64 *value,
                     GError **error);
gboolean yd_json_bool(const json_t *object, const char *name, gboolean *value, GError **error);

// INVALID naming the first member that is not in the NULL-terminated list.
gboolean yd_json_known(const json_t *object, const char *const *names, GError **error);

// INVALID about an unknown member of that name; known is the list that is shown. Returns FALSE.
gboolean yd_json_unknown(GError **error, const char *name, const char *known);

// "a text", "a number", …; static.
const char *yd_json_type_name(const json_t *json);
