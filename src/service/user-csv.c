// SPDX-License-Identifier: Apache-2.0
// The CSV reader and writer of the import. Knows no users.

#include "service/user-csv.h"
#include "base/error.h"
#include <string.h>

struct _YdCsv {
    char *text;
    const char *at;
    char delimiter;
    guint line;
    GPtrArray *fields;
};

char *
yd_csv_decode(const char *bytes, gsize length, const char **ret_encoding, GError **error)
{
    g_autoptr(GError) why = NULL;
    char *text;

    if (length >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) {
        yd_error_invalid(error, NULL, "the file is UTF-16; save it as “CSV UTF-8”");
        return NULL;
    }
    if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        bytes += 3;
        length -= 3;
    }
    if (memchr(bytes, 0, length)) {
        yd_error_invalid(error, NULL, "the file holds NUL bytes; it is not a CSV text");
        return NULL;
    }
    if (g_utf8_validate(bytes, (gssize)length, NULL)) {
        *ret_encoding = "UTF-8";
        return g_strndup(bytes, length);
    }
    text = g_convert(bytes, (gssize)length, "UTF-8", "GB18030", NULL, NULL, &why);
    if (!text || strlen(text) == 0 || !g_utf8_validate(text, -1, NULL)) {
        g_free(text);
        yd_error_invalid(error, NULL, "the file is neither UTF-8 nor GB18030%s%s", why ? ": " : "",
                         why ? why->message : "");
        return NULL;
    }
    *ret_encoding = "GB18030";
    return text;
}

char
yd_csv_guess_delimiter(const char *text)
{
    static const char delimiters[] = ",;\t";
    guint counts[3] = {0};
    gboolean quoted = FALSE;
    guint best = 0;

    for (; *text && (quoted || (*text != '\n' && *text != '\r')); text++) {
        const char *which = strchr(delimiters, *text);
        if (*text == '"')
            quoted = !quoted;
        else if (which && !quoted)
            counts[which - delimiters]++;
    }
    for (guint i = 1; i < 3; i++) {
        if (counts[i] > counts[best])
            best = i;
    }
    return delimiters[best];
}

YdCsv *
yd_csv_new(char *text, char delimiter)
{
    YdCsv *csv = g_new0(YdCsv, 1);

    csv->text = text;
    csv->at = text;
    csv->delimiter = delimiter;
    csv->line = 1;
    csv->fields = g_ptr_array_new_with_free_func(g_free);
    return csv;
}

void
yd_csv_free(YdCsv *csv)
{
    if (!csv)
        return;
    g_ptr_array_unref(csv->fields);
    g_free(csv->text);
    g_free(csv);
}

static gboolean
at_line_end(const YdCsv *csv)
{
    return *csv->at == '\n' || *csv->at == '\r' || *csv->at == 0;
}

static void
skip_line_end(YdCsv *csv)
{
    if (*csv->at == 0)
        return;
    csv->at += csv->at[0] == '\r' && csv->at[1] == '\n' ? 2 : 1;
    csv->line++;
}

static void
skip_line(YdCsv *csv)
{
    while (!at_line_end(csv))
        csv->at++;
    skip_line_end(csv);
}

static void
skip_spaces(YdCsv *csv)
{
    while (*csv->at == ' ' || (*csv->at == '\t' && csv->delimiter != '\t'))
        csv->at++;
}

// A field in quotation marks; "" stands for one of them.
static const char *
read_quoted(YdCsv *csv, char **ret_field)
{
    g_autoptr(GString) field = g_string_new(NULL);

    for (csv->at++; *csv->at; csv->at++) {
        if (*csv->at == '"' && csv->at[1] == '"') {
            csv->at++;
        } else if (*csv->at == '"') {
            csv->at++;
            skip_spaces(csv);
            if (!at_line_end(csv) && *csv->at != csv->delimiter)
                return "there is text after the closing quotation mark of a field";
            *ret_field = g_strdup(field->str);
            return NULL;
        } else if (*csv->at == '\n' || (*csv->at == '\r' && csv->at[1] != '\n')) {
            csv->line++;
        }
        g_string_append_c(field, *csv->at);
    }
    return "a quotation mark is never closed";
}

static char *
read_plain(YdCsv *csv)
{
    const char *start = csv->at;

    while (!at_line_end(csv) && *csv->at != csv->delimiter)
        csv->at++;
    return g_strstrip(g_strndup(start, (gsize)(csv->at - start)));
}

// Reads the fields up to the end of the line; the reason when it is broken.
static const char *
read_row(YdCsv *csv)
{
    g_ptr_array_set_size(csv->fields, 0);
    for (;;) {
        const char *reason = NULL;
        char *field = NULL;

        skip_spaces(csv);
        if (*csv->at == '"')
            reason = read_quoted(csv, &field);
        else
            field = read_plain(csv);
        if (reason)
            return reason;
        g_ptr_array_add(csv->fields, field);
        if (at_line_end(csv))
            return NULL;
        csv->at++;
    }
}

static gboolean
is_empty_row(const YdCsv *csv)
{
    for (guint i = 0; i < csv->fields->len; i++) {
        if (*(const char *)csv->fields->pdata[i])
            return FALSE;
    }
    return TRUE;
}

YdCsvResult
yd_csv_next(YdCsv *csv, guint *ret_line, const GPtrArray **ret_fields, const char **ret_reason)
{
    while (*csv->at) {
        guint line = csv->line;
        const char *reason = read_row(csv);

        if (reason) {
            skip_line(csv);
            *ret_line = line;
            *ret_reason = reason;
            return YD_CSV_BAD;
        }
        skip_line_end(csv);
        if (is_empty_row(csv))
            continue;
        *ret_line = line;
        *ret_fields = csv->fields;
        return YD_CSV_ROW;
    }
    return YD_CSV_END;
}

// Whether a spreadsheet would run it as a formula, or could after its leading ' were taken off.
static gboolean
is_formula(const char *field)
{
    field += strspn(field, "'");
    return *field && strchr("=+-@\t\r", *field);
}

static gboolean
needs_quotes(const char *text)
{
    return strpbrk(text, ",;\t\"\r\n'") || g_ascii_isspace(*text) ||
           (*text && g_ascii_isspace(text[strlen(text) - 1]));
}

void
yd_csv_append(GString *out, const char *field, const char *after)
{
    g_autofree char *text = g_strconcat(field && is_formula(field) ? "'" : "", field, NULL);

    if (needs_quotes(text)) {
        g_string_append_c(out, '"');
        for (const char *p = text; *p; p++) {
            if (*p == '"')
                g_string_append_c(out, '"');
            g_string_append_c(out, *p);
        }
        g_string_append_c(out, '"');
    } else {
        g_string_append(out, text);
    }
    g_string_append(out, after);
}

void
yd_csv_unguard(char *field)
{
    if (*field == '\'' && is_formula(field))
        memmove(field, field + 1, strlen(field));
}
