// SPDX-License-Identifier: Apache-2.0
// Checks of what people type: texts, names, numbers, uniqueness, references. No rule of a single
// noun.

#include "service/check.h"
#include <string.h>

// Direction marks, zero-width and other characters that can make two texts look alike. The joiners
// are needed to write some languages.
static gboolean
is_hidden(gunichar c)
{
    GUnicodeType type = g_unichar_type(c);

    if (c == 0x200c || c == 0x200d)
        return FALSE;
    return type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT ||
           type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR ||
           type == G_UNICODE_UNASSIGNED || type == G_UNICODE_PRIVATE_USE;
}

char *
yd_check_quote(const char *value)
{
    GString *out = g_string_new("“");
    const char *p = value ? value : "";

    for (guint n = 0; *p && n < 40; n++) {
        gunichar c = g_utf8_get_char_validated(p, -1);
        if (c == (gunichar)-1 || c == (gunichar)-2) {
            g_string_append_printf(out, "\\x%02x", (guint)(guchar)*p++);
            continue;
        }
        if (is_hidden(c))
            g_string_append_printf(out, "\\x{%x}", c);
        else
            g_string_append_unichar(out, c);
        p = g_utf8_next_char(p);
    }
    g_string_append(out, *p ? "…”" : "”");
    return g_string_free(out, FALSE);
}

gboolean
yd_check_text(const char *field, char **value, gboolean needed, guint max, gboolean long_text,
              GError **error)
{
    char *clean = NULL;

    if (!yd_text_check(field, *value, max, long_text, &clean, error))
        return FALSE;
    g_free(*value);
    *value = clean;
    return clean || !needed ? TRUE : yd_error_invalid(error, field, "is missing");
}

gboolean
yd_check_name(const char *field, const char *value, const char *first, const char *more, guint max,
              const char *hint, GError **error)
{
    g_autofree char *quoted = yd_check_quote(value);
    g_autofree char *all = g_strconcat(first, more, NULL);

    if (!value || !*value)
        return yd_error_invalid(error, field, "is missing");
    if (!strchr(first, *value) || strspn(value, all) != strlen(value) || strlen(value) > max)
        return yd_error_invalid(error, field, "%s does not fit: %s, at most %u characters", quoted,
                                hint, max);
    return TRUE;
}

gboolean
yd_check_int(const char *field, gint64 value, gint64 min, gint64 max, GError **error)
{
    if (value >= min && value <= max)
        return TRUE;
    return yd_error_invalid(error, field,
                            "%" G_GINT64_FORMAT " is outside of %" G_GINT64_FORMAT
                            " to %" G_GINT64_FORMAT,
                            value, min, max);
}

gboolean
yd_check_choice(const char *field, const char *value, const char *const *choices, GError **error)
{
    g_autofree char *quoted = yd_check_quote(value);
    g_autofree char *all = NULL;

    if (value && g_strv_contains(choices, value))
        return TRUE;
    all = g_strjoinv(", ", (char **)choices);
    return yd_error_invalid(error, field, "%s is none of %s", quoted, all);
}

// The first record with that value; NULL without an error when there is none.
static gpointer
find_quietly(YdStore *store, const YdRecordType *type, const char *column, const char *value,
             GError **error)
{
    g_autoptr(GError) why = NULL;
    gpointer found = yd_store_find(store, type, column, value, &why);

    if (!found && !g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND))
        g_propagate_error(error, g_steal_pointer(&why));
    return found;
}

gboolean
yd_check_unique(YdStore *store, const YdRecordType *type, const char *column, const char *value,
                const char *own_id, GError **error)
{
    g_autoptr(GError) why = NULL;
    gpointer found;
    gboolean other;

    if (!value)
        return TRUE;
    found = find_quietly(store, type, column, value, &why);
    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    other = found && g_strcmp0(*(char **)found, own_id) != 0;
    yd_record_free(type, found);
    if (other) {
        g_autofree char *quoted = yd_check_quote(value);
        g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "%s: %s is taken by another %s", column,
                    quoted, type->noun);
    }
    return !other;
}

gboolean
yd_check_reference(YdStore *store, const char *field, const YdRecordType *type, const char *id,
                   GError **error)
{
    g_autoptr(GError) why = NULL;
    gpointer found;

    if (!id)
        return TRUE;
    found = yd_store_get(store, type, id, &why);
    yd_record_free(type, found);
    if (found)
        return TRUE;
    if (g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        g_autofree char *quoted = yd_check_quote(id);
        return yd_error_invalid(error, field, "there is no %s with the id %s", type->noun, quoted);
    }
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}
