// SPDX-License-Identifier: Apache-2.0
// The rows of a sheet as CSV, read from its XML in one pass (18.3.1).
#include "deskctl/xlsx-private.h"

#include <string.h>

#include "base/error.h"
#include "deskctl/xlsx.h"

#define MAX_ROWS 1048576
#define MAX_COLUMNS 16384

typedef struct {
    const CtlWorkbook *workbook;
    GString *csv;
    guint lines; // of csv that are ended
    guint row;   // from 1
    guint column;
    GPtrArray *cells; // of the row; NULL: empty
    gsize bytes;      // of all cells read: a shared string may be named many times
    char *type;       // of the cell, or NULL
    guint style;
    gboolean in_value, in_text, in_sound;
    GString *value;
} Sheet;

static void
sheet_clear(Sheet *sheet)
{
    g_string_free(sheet->csv, TRUE);
    g_string_free(sheet->value, TRUE);
    g_ptr_array_unref(sheet->cells);
    g_free(sheet->type);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Sheet, sheet_clear)

static gboolean
wrong(GError **error, const char *what)
{
    return yd_error_invalid(error, NULL, "the sheet is damaged: %s; save the file anew", what);
}

static gboolean
too_large(GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                "the sheet makes more than %u MiB of text; split it", CTL_XLSX_MAX_CSV >> 20);
    return FALSE;
}

// "AB12" → 28; 0 when it is no cell's name.
static guint
column_of(const char *cell)
{
    guint column = 0;

    for (; g_ascii_isalpha(*cell) && column <= MAX_COLUMNS; cell++)
        column = column * 26 + (guint)(g_ascii_toupper(*cell) - 'A') + 1;
    return column <= MAX_COLUMNS && g_ascii_isdigit(*cell) ? column : 0;
}

static gboolean
begin_row(Sheet *sheet, xmlTextReader *reader, GError **error)
{
    g_autofree char *number = ctl_xml_attribute(reader, "r");
    guint64 row = sheet->row + 1;

    if (number &&
        (!g_ascii_string_to_unsigned(number, 10, 1, MAX_ROWS, &row, NULL) || row <= sheet->row))
        return wrong(error, "its rows are not in order");
    if (row > MAX_ROWS)
        return wrong(error, "it has too many rows");
    sheet->row = (guint)row;
    sheet->column = 0;
    g_ptr_array_set_size(sheet->cells, 0);
    return TRUE;
}

static gboolean
begin_cell(Sheet *sheet, xmlTextReader *reader, GError **error)
{
    g_autofree char *name = ctl_xml_attribute(reader, "r");
    g_autofree char *style = ctl_xml_attribute(reader, "s");
    guint64 number = 0;

    sheet->column = name ? column_of(name) : sheet->column + 1;
    if (sheet->column == 0 || sheet->column > MAX_COLUMNS)
        return wrong(error, "a cell has no place");
    if (style && !g_ascii_string_to_unsigned(style, 10, 0, G_MAXINT, &number, NULL))
        return wrong(error, "a cell has no style");
    sheet->style = (guint)number;
    g_free(sheet->type);
    sheet->type = ctl_xml_attribute(reader, "t");
    g_string_truncate(sheet->value, 0);
    return TRUE;
}

static gboolean
begin(gpointer data, xmlTextReader *reader, const char *name, GError **error)
{
    Sheet *sheet = data;

    if (strcmp(name, "row") == 0)
        return begin_row(sheet, reader, error);
    if (strcmp(name, "c") == 0)
        return begin_cell(sheet, reader, error);
    if (strcmp(name, "v") == 0)
        sheet->in_value = TRUE;
    else if (strcmp(name, "t") == 0)
        sheet->in_text = TRUE;
    else if (strcmp(name, "rPh") == 0)
        sheet->in_sound = TRUE;
    return TRUE;
}

static void
text(gpointer data, const char *part)
{
    Sheet *sheet = data;

    if (sheet->in_value || (sheet->in_text && !sheet->in_sound))
        g_string_append(sheet->value, part);
}

static const char *
shared(const CtlWorkbook *workbook, const char *index)
{
    guint64 i = 0;

    if (!g_ascii_string_to_unsigned(index, 10, 0, G_MAXUINT, &i, NULL) ||
        i >= workbook->strings->len)
        return NULL;
    return workbook->text->str + g_array_index(workbook->strings, gsize, i);
}

// What the cell shows; owned, NULL with an error.
static char *
cell_text(const Sheet *sheet, GError **error)
{
    const char *type = sheet->type ? sheet->type : "n";
    const GArray *formats = sheet->workbook->formats;
    CtlFormat format = {CTL_FORMAT_NUMBER, 0};
    const char *found;
    char *copy;

    if (strcmp(type, "s") == 0) {
        if ((found = shared(sheet->workbook, sheet->value->str)))
            return g_strdup(found);
        wrong(error, "a cell's text is not there");
        return NULL;
    }
    if (strcmp(type, "e") == 0) {
        yd_error_invalid(error, NULL,
                         "row %u, column %u of the sheet holds the error “%s”; mend it there first",
                         sheet->row, sheet->column, sheet->value->str);
        return NULL;
    }
    if (strcmp(type, "b") == 0)
        return g_strdup(strcmp(sheet->value->str, "1") == 0 ? "true" : "false");
    if (strcmp(type, "n") == 0) {
        if (sheet->style < formats->len)
            format = g_array_index(formats, CtlFormat, sheet->style);
        return ctl_xlsx_number(sheet->value->str, format, sheet->workbook->from_1904);
    }
    copy = g_strdup(sheet->value->str);
    ctl_xlsx_unescape(copy);
    return copy;
}

// One line, whatever is in it: line n of the CSV must be row n of the sheet.
static char *
one_line(char *value)
{
    for (char *p = value; *p; p++) {
        if (*p == '\n' || *p == '\r')
            *p = ' ';
    }
    return g_strstrip(value);
}

static gboolean
end_cell(Sheet *sheet, GError **error)
{
    g_autofree char *value = NULL;

    if (sheet->value->len == 0)
        return TRUE;
    if (!(value = cell_text(sheet, error)))
        return FALSE;
    if (!*one_line(value))
        return TRUE;
    sheet->bytes += strlen(value);
    if (sheet->bytes > CTL_XLSX_MAX_CSV)
        return too_large(error);
    if (sheet->cells->len < sheet->column)
        g_ptr_array_set_size(sheet->cells, (int)sheet->column);
    g_free(sheet->cells->pdata[sheet->column - 1]);
    sheet->cells->pdata[sheet->column - 1] = g_steal_pointer(&value);
    return TRUE;
}

static void
append_field(GString *csv, const char *value)
{
    if (!value)
        return;
    if (!strpbrk(value, ",;\t\"")) {
        g_string_append(csv, value);
        return;
    }
    g_string_append_c(csv, '"');
    for (; *value; value++) {
        if (*value == '"')
            g_string_append_c(csv, '"');
        g_string_append_c(csv, *value);
    }
    g_string_append_c(csv, '"');
}

static gboolean
end_row(Sheet *sheet, GError **error)
{
    if (sheet->cells->len == 0)
        return TRUE;
    for (; sheet->lines + 1 < sheet->row; sheet->lines++)
        g_string_append_c(sheet->csv, '\n');
    for (guint i = 0; i < sheet->cells->len; i++) {
        if (i)
            g_string_append_c(sheet->csv, ',');
        append_field(sheet->csv, sheet->cells->pdata[i]);
    }
    g_string_append_c(sheet->csv, '\n');
    sheet->lines++;
    return sheet->csv->len <= CTL_XLSX_MAX_CSV || too_large(error);
}

static gboolean
end(gpointer data, const char *name, GError **error)
{
    Sheet *sheet = data;

    if (strcmp(name, "row") == 0)
        return end_row(sheet, error);
    if (strcmp(name, "c") == 0)
        return end_cell(sheet, error);
    if (strcmp(name, "v") == 0)
        sheet->in_value = FALSE;
    else if (strcmp(name, "t") == 0)
        sheet->in_text = FALSE;
    else if (strcmp(name, "rPh") == 0)
        sheet->in_sound = FALSE;
    return TRUE;
}

char *
ctl_xlsx_sheet_csv(GBytes *xml, const CtlWorkbook *workbook, GError **error)
{
    static const CtlXmlHandler handler = {begin, text, end};
    g_auto(Sheet) sheet = {
        .workbook = workbook,
        .csv = g_string_new(NULL),
        .value = g_string_new(NULL),
        .cells = g_ptr_array_new_with_free_func(g_free),
    };

    if (!ctl_xml_walk(xml, &handler, &sheet, error))
        return NULL;
    return g_strdup(sheet.csv->str);
}
