// SPDX-License-Identifier: Apache-2.0
// The reader of .xlsx files: real ones against the CSV beside them, values, and files that mean
// ill.
#include "deskctl/xlsx.h"

#include <archive.h>
#include <archive_entry.h>
#include <string.h>

#include "base/error.h"
#include "deskctl/xlsx-private.h"

// ---- files made here ----

typedef struct {
    const char *name, *text;
} Part;

#define RELATIONS                                                                                  \
    "<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>"
#define OFFICE "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
static const Part root_relations = {"_rels/.rels",
                                    RELATIONS "<Relationship Id='r1' Type='" OFFICE
                                              "/officeDocument' Target='xl/workbook.xml'/>"
                                              "</Relationships>"};
static const Part book_relations = {
    "xl/_rels/workbook.xml.rels", RELATIONS
    "<Relationship Id='r1' Type='" OFFICE "/worksheet' Target='worksheets/a.xml'/>"
    "<Relationship Id='r2' Type='" OFFICE "/worksheet' Target='/xl/worksheets/b.xml'/>"
    "<Relationship Id='r3' Type='" OFFICE "/chartsheet' Target='charts/c.xml'/>"
    "<Relationship Id='r4' Type='" OFFICE "/sharedStrings' Target='sharedStrings.xml'/>"
    "<Relationship Id='r5' Type='" OFFICE "/styles' Target='styles.xml'/></Relationships>"};
static const Part book = {"xl/workbook.xml",
                          "<x:workbook xmlns:x='m' xmlns:r='" OFFICE "'><x:sheets>"
                          "<x:sheet name='Chart' sheetId='1' r:id='r3'/>"
                          "<x:sheet name='Secret' sheetId='2' state='hidden' r:id='r2'/>"
                          "<x:sheet name='People' sheetId='3' r:id='r1'/></x:sheets></x:workbook>"};

static GBytes *
zip_of(const Part *parts, guint n)
{
    static char buffer[4 << 20];
    struct archive *archive = archive_write_new();
    size_t used = 0;

    archive_write_set_format_zip(archive);
    g_assert_cmpint(archive_write_open_memory(archive, buffer, sizeof buffer, &used), ==, 0);
    for (guint i = 0; i < n; i++) {
        struct archive_entry *entry = archive_entry_new();
        archive_entry_set_pathname(entry, parts[i].name);
        archive_entry_set_filetype(entry, AE_IFREG);
        archive_entry_set_size(entry, (la_int64_t)strlen(parts[i].text));
        g_assert_cmpint(archive_write_header(archive, entry), ==, 0);
        archive_write_data(archive, parts[i].text, strlen(parts[i].text));
        archive_entry_free(entry);
    }
    g_assert_cmpint(archive_write_close(archive), ==, 0);
    archive_write_free(archive);
    return g_bytes_new(buffer, used);
}

static GBytes *
xlsx_of(const char *sheet, const char *strings)
{
    const Part parts[] = {
        root_relations,
        book,
        book_relations,
        {"xl/worksheets/A.xml", sheet}, // case is of no matter
        {"xl/worksheets/b.xml",
         "<worksheet><sheetData><row><c><v>5</v></c></row></sheetData></worksheet>"},
        {"xl/sharedStrings.xml", strings ? strings : "<sst/>"},
    };
    return zip_of(parts, G_N_ELEMENTS(parts));
}

static void
check_refused(GBytes *bytes, const char *name, int code, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *csv = ctl_xlsx_to_csv(bytes, name, &error);

    g_assert_null(csv);
    g_assert_error(error, YD_ERROR, code);
    if (!strstr(error->message, words))
        g_error("“%s” does not say “%s”", error->message, words);
}

static void
check_sheet(const char *rows, const char *strings, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *sheet =
        g_strdup_printf("<worksheet><sheetData>%s</sheetData></worksheet>", rows);
    g_autoptr(GBytes) bytes = xlsx_of(sheet, strings);
    g_autofree char *csv = ctl_xlsx_to_csv(bytes, NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpstr(csv, ==, expected);
}

// ---- tests ----

// What LibreOffice wrote, with the CSV that it must become.
static void
test_files(void)
{
    g_autofree char *folder = g_build_filename(g_getenv("YD_TEST_DATA"), "xlsx", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;
    guint n = 0;

    g_assert_nonnull(dir);
    while ((name = g_dir_read_name(dir))) {
        g_auto(GStrv) names = g_strsplit(name, ".", 3); // BOOK.SHEET.csv
        g_autoptr(GError) error = NULL;
        g_autofree char *golden = g_build_filename(folder, name, NULL);
        g_autofree char *file = g_strdup_printf("%s/%s.xlsx", folder, names[0]);
        g_autofree char *expected = NULL;
        g_autofree char *data = NULL;
        g_autofree char *csv = NULL;
        gsize length;

        if (!g_str_has_suffix(name, ".csv"))
            continue;
        g_assert_true(g_file_get_contents(golden, &expected, NULL, NULL));
        g_assert_true(g_file_get_contents(file, &data, &length, NULL));
        g_autoptr(GBytes) bytes = g_bytes_new(data, length);
        csv = ctl_xlsx_to_csv(bytes, strcmp(names[1], "first") == 0 ? NULL : names[1], &error);
        g_assert_no_error(error);
        g_assert_cmpstr(csv, ==, expected);
        n++;
    }
    g_assert_cmpuint(n, >=, 3);
}

static void
test_cells(void)
{
    static const char strings[] =
        "<sst><si><t>007</t></si><si><r><t>rich </t></r><r><t>text</t></r></si>"
        "<si><t>东京</t><rPh sb='0' eb='2'><t>トウキョウ</t></rPh></si>"
        "<si><t>two_x000D_\nlines</t></si></sst>";

    check_sheet("<row r='1'><c r='A1' t='s'><v>0</v></c><c r='B1' t='s'><v>1</v></c>"
                "<c r='C1' t='s'><v>2</v></c><c r='D1' t='s'><v>3</v></c></row>",
                strings, "007,rich text,东京,two  lines\n");
    check_sheet("<row r='3'><c r='B3' t='inlineStr'><is><t> a, \"b\" </t></is></c></row>"
                "<row><c><v>1001.0</v></c><c t='b'><v>1</v></c><c "
                "t='str'><f>A1</f><v>x&amp;y</v></c></row>",
                NULL, "\n\n,\"a, \"\"b\"\"\"\n1001,true,x&y\n");
    check_sheet("<row r='1'><c r='AB1'><v>1E+5</v></c></row><row r='9'><c r='A9' s='3'/></row>",
                NULL, ",,,,,,,,,,,,,,,,,,,,,,,,,,,100000\n");
    check_sheet("", NULL, "");
}

static void
test_numbers(void)
{
    const struct {
        guint id;
        const char *code, *text, *shown;
        gboolean from_1904;
    } cases[] = {
        {0, NULL, "1001", "1001"},
        {0, NULL, "1001.0", "1001"},
        {0, NULL, "0.30000000000000004", "0.3"},
        {0, NULL, "1.5e3", "1500"},
        {0, NULL, "12345678901234567890", "12345678901234567890"},
        {0, NULL, "007", "007"},
        {0, NULL, "-0", "0"},
        {0, NULL, "1,5", "1,5"},
        {0, NULL, "nan", "nan"},
        {1, NULL, "42", "42"},
        {164, "000", "7", "007"},
        {164, "00000", "123456", "123456"},
        {14, NULL, "45443", "2024-05-31"},
        {22, NULL, "45443.354166666664", "2024-05-31T08:30:00"},
        {21, NULL, "0.5", "12:00:00"},
        {14, NULL, "1", "1900-01-01"},
        {14, NULL, "61", "1900-03-01"},
        {14, NULL, "43981", "2024-05-31", TRUE},
        {14, NULL, "-1", "-1"},
        {14, NULL, "99999999999", "99999999999"},
        {31, NULL, "45443", "2024-05-31"},
        {164, "yyyy\\-mm\\-dd", "45443", "2024-05-31"},
        {164, "[$-804]yyyy\"年\"m\"月\"d\"日\";@", "45443", "2024-05-31"},
        {164, "[h]:mm", "0.25", "06:00:00"},
        {164, "[Magenta]0.00", "2.5", "2.5"},
        {164, "0\" days\"", "2", "2"},
        {164, "General;[Red]\"d\"", "2", "2"},
        {164, "\"open", "2", "2"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *shown = ctl_xlsx_number(
            cases[i].text, ctl_xlsx_format(cases[i].id, cases[i].code), cases[i].from_1904);
        g_assert_cmpstr(shown, ==, cases[i].shown);
    }
}

static void
test_sheets(void)
{
    g_autoptr(GBytes) bytes = xlsx_of("<worksheet/>", NULL);
    g_autofree char *hidden = ctl_xlsx_to_csv(bytes, "Secret", NULL);

    g_assert_cmpstr(hidden, ==, "5\n");
    check_refused(bytes, "Staff", YD_ERROR_INVALID, "“People”");
    check_refused(bytes, "Chart", YD_ERROR_INVALID, "no sheet “Chart”");
}

static void
test_no_xlsx(void)
{
    static const char old_xls[] = "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
    const Part document[] = {{"mimetype", "application/vnd.oasis.opendocument.spreadsheet"}};
    const Part half[] = {root_relations, {"xl/workbook.xml", "<workbook/>"}};
    g_autoptr(GBytes) empty = g_bytes_new(NULL, 0);
    g_autoptr(GBytes) old = g_bytes_new_static(old_xls, sizeof old_xls);
    g_autoptr(GBytes) ods = zip_of(document, 1);
    g_autoptr(GBytes) no_sheets = zip_of(half, 2);
    g_autoptr(GBytes) whole = xlsx_of("<worksheet/>", NULL);

    check_refused(empty, NULL, YD_ERROR_INVALID, "no .xlsx file");
    check_refused(old, NULL, YD_ERROR_INVALID, "no .xlsx file");
    check_refused(ods, NULL, YD_ERROR_INVALID, "no .xlsx file");
    check_refused(no_sheets, NULL, YD_ERROR_INVALID, "no .xlsx file");
    for (gsize n = 4; n < g_bytes_get_size(whole); n += 97) {
        g_autoptr(GBytes) cut = g_bytes_new_from_bytes(whole, 0, n);
        check_refused(cut, NULL, YD_ERROR_INVALID, "");
    }
}

static void
test_hostile(void)
{
    static const char *const sheets[] = {
        "<!DOCTYPE worksheet [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><worksheet/>",
        "<!DOCTYPE worksheet SYSTEM 'file:///etc/passwd'><worksheet/>",
        "<worksheet><sheetData><row><c><v>&undeclared;</v></c></row></sheetData></worksheet>",
        "<worksheet><row r='5'/><row r='5'/></worksheet>",
        "<worksheet><row r='1048577'/></worksheet>",
        "<worksheet><row r='-1'/></worksheet>",
        "<worksheet><row><c r='XFE1'><v>1</v></c></row></worksheet>",
        "<worksheet><row><c r='A'><v>1</v></c></row></worksheet>",
        "<worksheet><row><c s='-1'><v>1</v></c></row></worksheet>",
        "<worksheet><row><c t='s'><v>4</v></c></row></worksheet>",
        "<worksheet><row><c t='s'><v>-1</v></c></row></worksheet>",
        "<worksheet><row><c t='e'><v>#N/A</v></c></row></worksheet>",
        "<worksheet><row>",
        "no XML at all",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(sheets); i++) {
        g_autoptr(GBytes) bytes = xlsx_of(sheets[i], NULL);
        check_refused(bytes, NULL, YD_ERROR_INVALID, "");
    }
}

// A part of 70 MB in 70 kB; one long text that is named by many cells; a row of nothing but
// commas.
static void
test_bombs(void)
{
    g_autofree char *zeros = g_strnfill(70 << 20, ' ');
    g_autofree char *letters = g_strnfill(1 << 20, 'x');
    g_autofree char *strings = g_strconcat("<sst><si><t>", letters, "</t></si></sst>", NULL);
    g_autoptr(GString) many = g_string_new("<worksheet><row>");
    g_autoptr(GString) wide = g_string_new("<worksheet>");
    g_autoptr(GBytes) bomb = xlsx_of(zeros, NULL);
    g_autoptr(GBytes) repeated = NULL;
    g_autoptr(GBytes) commas = NULL;

    check_refused(bomb, NULL, YD_ERROR_TOO_LARGE, "64 MiB");
    for (guint i = 0; i < 16000; i++)
        g_string_append(many, "<c t='s'><v>0</v></c>");
    repeated = xlsx_of(g_string_append(many, "</row></worksheet>")->str, strings);
    check_refused(repeated, NULL, YD_ERROR_TOO_LARGE, "split it");
    for (guint i = 0; i < 3000; i++)
        g_string_append(wide, "<row><c r='XFD1'><v>1</v></c></row>");
    commas = xlsx_of(g_string_append(wide, "</worksheet>")->str, NULL);
    check_refused(commas, NULL, YD_ERROR_TOO_LARGE, "split it");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xlsx/files", test_files);
    g_test_add_func("/xlsx/cells", test_cells);
    g_test_add_func("/xlsx/numbers", test_numbers);
    g_test_add_func("/xlsx/sheets", test_sheets);
    g_test_add_func("/xlsx/no-xlsx", test_no_xlsx);
    g_test_add_func("/xlsx/hostile", test_hostile);
    g_test_add_func("/xlsx/bombs", test_bombs);
    return g_test_run();
}
