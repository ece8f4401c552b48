// SPDX-License-Identifier: Apache-2.0
// The adjustment of SQL texts to MariaDB: one pass over words and quotes, no grammar.
#include "store/sql-mariadb-text.h"

#include <string.h>

// Columns named by words that MariaDB reserves and that no statement of ours uses as words of SQL.
static const char *const reserved[] = {"condition", "interval", "load",
                                       "range",     "release",  "usage"};

// As g_utf8_casefold() does, but for letters that are rarer than ß.
#define FOLD_BEGIN "REPLACE(LOWER("
#define FOLD_END "), 'ß', 'ss')"

static gsize
word_length(const char *c)
{
    if (!g_ascii_isalpha(*c) && *c != '_')
        return 0;
    gsize n = 1;
    while (g_ascii_isalnum(c[n]) || c[n] == '_')
        n++;
    return n;
}

// What stands between quotes, with them; a quote that never ends takes the rest.
static gsize
quoted_length(const char *c)
{
    const char *end = strchr(c + 1, *c);
    return end ? (gsize)(end - c) + 1 : strlen(c);
}

static gboolean
is_reserved(const char *word, gsize length)
{
    for (gsize i = 0; i < G_N_ELEMENTS(reserved); i++) {
        if (strlen(reserved[i]) == length && strncmp(word, reserved[i], length) == 0)
            return TRUE;
    }
    return FALSE;
}

// c stands behind "yd_contains": appends the search in place of "(column, ?)" and gives the length
// of that; 0 when it is not of this form.
static gsize
append_contains(GString *out, const char *c)
{
    const char *comma = strchr(c, ','), *end = strchr(c, ')');
    if (*c != '(' || !comma || !end || comma > end)
        return 0;
    g_autofree char *column = g_strndup(c + 1, (gsize)(comma - c) - 1);
    g_autofree char *part = g_strndup(comma + 1, (gsize)(end - comma) - 1);
    g_string_append_printf(
        out, "(LOCATE(" FOLD_BEGIN "%s" FOLD_END ", " FOLD_BEGIN "%s" FOLD_END ") > 0)",
        g_strstrip(part), g_strstrip(column));
    return (gsize)(end - c) + 1;
}

char *
yd_mariadb_text(const char *text)
{
    GString *out = g_string_sized_new(strlen(text) + 64);
    for (const char *c = text; *c;) {
        gsize length = 0;
        if (*c == '\'' || *c == '"') {
            length = quoted_length(c);
            g_string_append_len(out, c, (gssize)length);
        } else if ((length = word_length(c)) > 0) {
            gsize more = 0;
            if (length == strlen("yd_contains") && strncmp(c, "yd_contains", length) == 0)
                more = append_contains(out, c + length);
            if (more == 0 && is_reserved(c, length))
                g_string_append_printf(out, "\"%.*s\"", (int)length, c);
            else if (more == 0)
                g_string_append_len(out, c, (gssize)length);
            length += more;
        } else {
            length = 1;
            g_string_append_c(out, *c);
        }
        c += length;
    }
    return g_string_free(out, FALSE);
}

gboolean
yd_mariadb_writes(const char *text)
{
    static const char *const words[] = {"INSERT", "UPDATE", "DELETE", "REPLACE"};
    while (g_ascii_isspace(*text))
        text++;
    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (g_ascii_strncasecmp(text, words[i], strlen(words[i])) == 0)
            return TRUE;
    }
    return FALSE;
}
