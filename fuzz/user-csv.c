// SPDX-License-Identifier: Apache-2.0
// The CSV of the user import: any bytes are decoded or refused; every row that is read can be
// written and read again.
#include <string.h>

#include "fuzz.h"
#include "service/user-csv.h"

static void
check_field(const char *field)
{
    GString *out = g_string_new(NULL);
    const GPtrArray *row = NULL;
    const char *reason = NULL;
    guint line = 0;

    yd_csv_append(out, field, ",");
    yd_csv_append(out, "end", "\r\n");
    g_autoptr(YdCsv) csv = yd_csv_new(g_string_free(out, FALSE), ',');
    g_assert_cmpint(yd_csv_next(csv, &line, &row, &reason), ==, YD_CSV_ROW);
    g_assert_cmpuint(row->len, ==, 2);
    yd_csv_unguard(row->pdata[0]);
    g_assert_cmpstr(row->pdata[0], ==, field);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    const char *encoding = NULL;
    char *text = yd_csv_decode((const char *)data, size, &encoding, &error);
    guint line = 0, last = 0, rows = 0;
    const char *reason = NULL;
    const GPtrArray *fields = NULL;
    YdCsvResult result;

    if (!text) {
        g_assert_nonnull(error);
        return 0;
    }
    g_assert_true(g_utf8_validate(text, -1, NULL));
    g_autoptr(YdCsv) csv = yd_csv_new(text, yd_csv_guess_delimiter(text));
    while ((result = yd_csv_next(csv, &line, &fields, &reason)) != YD_CSV_END) {
        g_assert_cmpuint(line, >, last);
        last = line;
        g_assert_cmpuint(++rows, <=, size);
        if (result == YD_CSV_BAD)
            g_assert_nonnull(reason);
        for (guint i = 0; result == YD_CSV_ROW && i < fields->len; i++)
            check_field(fields->pdata[i]);
    }
    return 0;
}
