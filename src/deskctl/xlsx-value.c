// SPDX-License-Identifier: Apache-2.0
// Values of spreadsheet cells as text: number formats, dates, escapes. Pure.
#include "deskctl/xlsx-private.h"

#include <math.h>
#include <string.h>

// Built-in ids that stand for dates and times, also those of East Asian languages (18.8.30).
static gboolean
is_date_id(guint id)
{
    return (id >= 14 && id <= 22) || (id >= 27 && id <= 36) || (id >= 45 && id <= 47) ||
           (id >= 50 && id <= 58);
}

// Whether the code has a letter of dates outside of quotes, brackets and escapes.
static gboolean
is_date_code(const char *code)
{
    for (const char *p = code; *p && *p != ';'; p++) {
        if (*p == '"' || *p == '[') {
            const char *close = strchr(p + 1, *p == '"' ? '"' : ']');
            gsize elapsed = strspn(p + 1, "hHmMsS"); // [h], [mm] and [s]
            if (*p == '[' && elapsed && p[1 + elapsed] == ']')
                return TRUE;
            if (!close)
                return FALSE;
            p = close;
        } else if ((*p == '\\' || *p == '_' || *p == '*') && p[1]) {
            p++;
        } else if (g_ascii_strncasecmp(p, "general", 7) == 0) {
            return FALSE;
        } else if (strchr("yYmMdDhHsS", *p)) {
            return TRUE;
        }
    }
    return FALSE;
}

CtlFormat
ctl_xlsx_format(guint id, const char *code)
{
    gsize zeros = code ? strspn(code, "0") : 0;

    if (code ? is_date_code(code) : is_date_id(id))
        return (CtlFormat){CTL_FORMAT_DATE, 0};
    if (zeros > 1 && zeros <= 32 && !code[zeros])
        return (CtlFormat){CTL_FORMAT_ZEROS, (guint)zeros};
    return (CtlFormat){CTL_FORMAT_NUMBER, 0};
}

// A day number and fraction as ISO 8601; NULL when it is out of range.
static char *
date_text(double value, gboolean from_1904)
{
    gint64 seconds = (gint64)floor(value * 86400 + 0.5);
    gint64 day = seconds / 86400, rest = seconds % 86400;
    g_autoptr(GDateTime) epoch = NULL;
    g_autoptr(GDateTime) date = NULL;

    if (day == 0 && value < 1 && !from_1904)
        return g_strdup_printf("%02d:%02d:%02d", (int)(rest / 3600), (int)(rest / 60 % 60),
                               (int)(rest % 60));
    // 1900 counts a 29th of February that never was.
    if (!from_1904 && day < 60)
        day++;
    epoch = from_1904 ? g_date_time_new_utc(1904, 1, 1, 0, 0, 0)
                      : g_date_time_new_utc(1899, 12, 30, 0, 0, 0);
    date = g_date_time_add_seconds(epoch, (double)(day * 86400 + rest));
    return date ? g_date_time_format(date, rest ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d") : NULL;
}

static gboolean
is_whole(const char *text)
{
    return *text && !text[strspn(text, "0123456789")];
}

// With at most 15 digits, as spreadsheets show; whole numbers never with an exponent.
static char *
plain_text(double value)
{
    char buffer[64];

    if (fabs(value) < 1e21 && value == floor(value))
        return g_strdup_printf("%.0f", value == 0 ? 0 : value);
    return g_strdup(g_ascii_formatd(buffer, sizeof buffer, "%.15g", value));
}

char *
ctl_xlsx_number(const char *text, CtlFormat format, gboolean from_1904)
{
    char *end = NULL;
    double value = g_ascii_strtod(text, &end);
    g_autofree char *shown = NULL;

    if (end == text || *end || !isfinite(value))
        return g_strdup(text);
    if (format.kind == CTL_FORMAT_DATE && value >= 0 && value < 2958466)
        shown = date_text(value, from_1904);
    if (!shown)
        shown = is_whole(text) ? g_strdup(text) : plain_text(value);
    if (format.kind == CTL_FORMAT_ZEROS && is_whole(shown) && strlen(shown) < format.digits)
        return g_strdup_printf("%0*d%s", (int)(format.digits - strlen(shown)), 0, shown);
    return g_steal_pointer(&shown);
}

static int
escaped(const char *text)
{
    int code = 0;

    if (text[0] != '_' || text[1] != 'x')
        return -1;
    for (int i = 2; i < 6; i++) {
        if (!g_ascii_isxdigit(text[i]))
            return -1;
        code = code * 16 + g_ascii_xdigit_value(text[i]);
    }
    // Halves of surrogate pairs and NUL can't be text.
    return text[6] == '_' && code > 0 && (code < 0xd800 || code > 0xdfff) ? code : -1;
}

void
ctl_xlsx_unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from;) {
        int code = escaped(from);
        if (code < 0) {
            *to++ = *from++;
        } else {
            to += g_unichar_to_utf8((gunichar)code, to);
            from += 7;
        }
    }
    *to = 0;
}
