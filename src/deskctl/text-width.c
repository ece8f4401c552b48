// SPDX-License-Identifier: Apache-2.0
// Columns by GLib's Unicode tables (East Asian Width of UAX 11).
#include "deskctl/text-width.h"

static guint
width_of(gunichar c)
{
    if (g_unichar_iszerowidth(c))
        return 0;
    return g_unichar_iswide(c) ? 2 : 1;
}

guint
ctl_width(const char *text)
{
    guint sum = 0;
    for (const char *at = text; *at; at = g_utf8_next_char(at))
        sum += width_of(g_utf8_get_char(at));
    return sum;
}

// Explicit directional formatting (UAX 9) and line or paragraph separators.
static gboolean
steers(gunichar c)
{
    return g_unichar_iscntrl(c) || c == 0x200e || c == 0x200f || c == 0x061c ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x2028 ||
           c == 0x2029;
}

char *
ctl_clean(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *out = g_string_new(NULL);
    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        if (c == '\n' || c == '\t')
            g_string_append_c(out, ' ');
        else if (steers(c))
            g_string_append_unichar(out, 0xfffd);
        else
            g_string_append_unichar(out, c);
    }
    return g_string_free(out, FALSE);
}

char *
ctl_cut(const char *text, guint columns)
{
    if (ctl_width(text) <= columns)
        return g_strdup(text);
    if (columns == 0)
        return g_strdup("");
    guint sum = 0;
    const char *at = text;
    for (; *at; at = g_utf8_next_char(at)) {
        guint width = width_of(g_utf8_get_char(at));
        if (sum + width > columns - 1)
            break;
        sum += width;
    }
    g_autofree char *head = g_strndup(text, (gsize)(at - text));
    return g_strconcat(head, "…", NULL);
}
