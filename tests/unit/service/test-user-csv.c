// SPDX-License-Identifier: Apache-2.0
// The CSV reader and writer.

#include "service/user-csv.h"
#include "base/error.h"
#include <string.h>

// "line:field|field" for each row, "line!reason" for broken ones, joined by "\n".
static char *
read_all(const char *text, char delimiter)
{
    g_autoptr(YdCsv) csv = yd_csv_new(g_strdup(text), delimiter);
    GString *out = g_string_new(NULL);
    const GPtrArray *fields;
    const char *reason;
    YdCsvResult result;
    guint line;

    while ((result = yd_csv_next(csv, &line, &fields, &reason)) != YD_CSV_END) {
        g_string_append_printf(out, "%s%u%c", out->len ? "\n" : "", line,
                               result == YD_CSV_BAD ? '!' : ':');
        if (result == YD_CSV_BAD)
            g_string_append(out, strstr(reason, "never closed") ? "open" : "after");
        for (guint i = 0; result == YD_CSV_ROW && i < fields->len; i++)
            g_string_append_printf(out, "%s%s", i ? "|" : "", (char *)fields->pdata[i]);
    }
    return g_string_free(out, FALSE);
}

static void
test_rows(void)
{
    const struct {
        const char *text, *rows;
        char delimiter;
    } cases[] = {
        {"", "", ','},
        {"\n\n\r\n", "", ','},
        {" , ,\n", "", ','},
        {"a", "1:a", ','},
        {"a,b\nc,d", "1:a|b\n2:c|d", ','},
        {"a,b\r\nc,d\r\n", "1:a|b\n2:c|d", ','},
        {"a,b\rc,d\r", "1:a|b\n2:c|d", ','},
        {" a , b \n", "1:a|b", ','},
        {"a,\n,b\n", "1:a|\n2:|b", ','},
        {"\n\na\n\nb", "3:a\n5:b", ','},
        {"\"a,b\",\"c\"\"d\"\n", "1:a,b|c\"d", ','},
        {"\"a\nb\",c\nd", "1:a\nb|c\n3:d", ','},
        {"\"a\r\nb\"\nd", "1:a\r\nb\n3:d", ','},
        {"\" a \" , b", "1: a |b", ','},
        {"\"\",x", "1:|x", ','},
        {"a\"b,c", "1:a\"b|c", ','},
        {"\"a\"b,c\nd", "1!after\n2:d", ','},
        {"x\n\"a,b\nc", "1:x\n2!open", ','},
        {"a;b,c", "1:a|b,c", ';'},
        {"a\tb c\t", "1:a|b c|", '\t'},
        {"张伟,王", "1:张伟|王", ','},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *rows = read_all(cases[i].text, cases[i].delimiter);
        g_assert_cmpstr(rows, ==, cases[i].rows);
    }
}

static void
test_delimiter(void)
{
    g_assert_cmpint(yd_csv_guess_delimiter("a,b;c,d\n;;;;;"), ==, ',');
    g_assert_cmpint(yd_csv_guess_delimiter("a;b;c"), ==, ';');
    g_assert_cmpint(yd_csv_guess_delimiter("a\tb"), ==, '\t');
    g_assert_cmpint(yd_csv_guess_delimiter("\"a;b;c;d\",e"), ==, ',');
    g_assert_cmpint(yd_csv_guess_delimiter("abc"), ==, ',');
    g_assert_cmpint(yd_csv_guess_delimiter(""), ==, ',');
}

static void
test_decode(void)
{
    static const char gb[] = "\xd5\xc5\xce\xb0,\x95\x32\x82\x36"; // 张伟 and U+20000 in GB18030
    const char *encoding = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *plain = yd_csv_decode("\xef\xbb\xbf"
                                           "a",
                                           4, &encoding, &error);
    g_autofree char *chinese = NULL;
    const struct {
        const char *bytes;
        gsize length;
    } bad[] = {{"a\0b", 3},
               {"\xff\xfe"
                "a\0",
                4},
               {"\xfe\xff\0a", 4},
               {"\xff\xff\xff", 3},
               {"\x81", 1}};

    g_assert_no_error(error);
    g_assert_cmpstr(plain, ==, "a");
    g_assert_cmpstr(encoding, ==, "UTF-8");
    chinese = yd_csv_decode(gb, strlen(gb), &encoding, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(chinese, ==, "张伟,\U00020000");
    g_assert_cmpstr(encoding, ==, "GB18030");
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(yd_csv_decode(bad[i].bytes, bad[i].length, &encoding, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_clear_error(&error);
    }
}

// What is written is read again as it was, and no spreadsheet runs it.
static void
test_round_trip(void)
{
    static const char *const fields[] = {"",       "a",
                                         "=1+1",   "+49 30",
                                         "-1",     "@SUM(A1)",
                                         "\tx",    "'=1",
                                         "''=1",   "'",
                                         "'a",     "a,b",
                                         "a;b",    "a\tb",
                                         "a\"",    "\"",
                                         "a\nb",   "a\r\nb",
                                         " a ",    "张伟",
                                         "=\"x\"", "|cmd|",
                                         "''",     "'-",
                                         "a'b",    "=cmd|' /C calc'!A0"};

    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
        GString *out = g_string_new(NULL);
        const GPtrArray *row;
        const char *reason;
        guint line;
        g_autoptr(YdCsv) csv = NULL;
        char *cell;

        yd_csv_append(out, fields[i], ",");
        yd_csv_append(out, "end", "\r\n");
        csv = yd_csv_new(g_string_free(out, FALSE), ',');
        g_assert_cmpint(yd_csv_next(csv, &line, &row, &reason), ==, YD_CSV_ROW);
        g_assert_cmpuint(row->len, ==, 2);
        cell = row->pdata[0];
        g_assert_true(!*cell || !strchr("=+-@\t\r", *cell));
        yd_csv_unguard(cell);
        g_assert_cmpstr(cell, ==, fields[i]);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/csv/rows", test_rows);
    g_test_add_func("/csv/delimiter", test_delimiter);
    g_test_add_func("/csv/decode", test_decode);
    g_test_add_func("/csv/round-trip", test_round_trip);
    return g_test_run();
}
