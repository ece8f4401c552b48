// SPDX-License-Identifier: Apache-2.0
// An .xlsx file: which parts it has, what its sheets are called, its shared strings and cell
// styles. A sheet itself is xlsx-sheet.c.
#include "deskctl/xlsx.h"

#include <string.h>

#include "base/error.h"
#include "deskctl/xlsx-private.h"
#include "deskctl/zip-part.h"

typedef struct {
    char *name, *relation;
    gboolean hidden;
} SheetEntry;

typedef struct {
    char *id, *type, *target;
} Relation;

typedef struct {
    GBytes *zip;
    char *part;           // the workbook's, such as "xl/workbook.xml"
    GPtrArray *sheets;    // SheetEntry
    GPtrArray *relations; // Relation, of the part read last
    GHashTable *codes;    // number format id → code
    gboolean in_styles, in_text, in_sound;
    CtlWorkbook book;
} Xlsx;

static void
sheet_entry_free(gpointer data)
{
    SheetEntry *sheet = data;
    g_free(sheet->name);
    g_free(sheet->relation);
    g_free(sheet);
}

static void
relation_free(gpointer data)
{
    Relation *relation = data;
    g_free(relation->id);
    g_free(relation->type);
    g_free(relation->target);
    g_free(relation);
}

static void
xlsx_clear(Xlsx *xlsx)
{
    g_free(xlsx->part);
    g_ptr_array_unref(xlsx->sheets);
    g_ptr_array_unref(xlsx->relations);
    g_hash_table_unref(xlsx->codes);
    g_string_free(xlsx->book.text, TRUE);
    g_array_unref(xlsx->book.strings);
    g_array_unref(xlsx->book.formats);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Xlsx, xlsx_clear)

static gboolean
no_xlsx(GError **error)
{
    return yd_error_invalid(error, NULL,
                            "this is no .xlsx file (an old .xls, an .ods or one locked by a "
                            "password?); save it as .xlsx without password, or as CSV");
}

// Walks a part if it is there; *ret_there says whether.
static gboolean
walk_part(Xlsx *xlsx, const char *part, const CtlXmlHandler *handler, gboolean *ret_there,
          GError **error)
{
    g_autoptr(GBytes) bytes = NULL;

    if (!part) {
        *ret_there = FALSE;
        return TRUE;
    }
    if (!ctl_zip_part(xlsx->zip, part, CTL_XLSX_MAX_PART, &bytes, error))
        return FALSE;
    *ret_there = bytes != NULL;
    return !bytes || ctl_xml_walk(bytes, handler, xlsx, error);
}

// ---- relations: which part is what ----

static gboolean
begin_relation(gpointer data, xmlTextReader *reader, const char *name, GError **error)
{
    Xlsx *xlsx = data;
    Relation *relation;

    if (strcmp(name, "Relationship") != 0)
        return TRUE;
    relation = g_new0(Relation, 1);
    relation->id = ctl_xml_attribute(reader, "Id");
    relation->type = ctl_xml_attribute(reader, "Type");
    relation->target = ctl_xml_attribute(reader, "Target");
    g_ptr_array_add(xlsx->relations, relation);
    return TRUE;
}

// The relations of a part ("" for the whole file).
static gboolean
read_relations(Xlsx *xlsx, const char *part, GError **error)
{
    static const CtlXmlHandler handler = {.begin = begin_relation};
    const char *slash = strrchr(part, '/');
    const char *base = slash ? slash + 1 : part;
    g_autofree char *path = g_strdup_printf("%.*s_rels/%s.rels", (int)(base - part), part, base);
    gboolean there;

    g_ptr_array_set_size(xlsx->relations, 0);
    return walk_part(xlsx, path, &handler, &there, error) && (there || no_xlsx(error));
}

// Targets are relative to the folder of the part, or absolute; owned.
static char *
resolve(const char *part, const char *target)
{
    const char *slash = part ? strrchr(part, '/') : NULL;
    g_autofree char *folder = slash ? g_strndup(part, (gsize)(slash - part)) : g_strdup("");
    g_autofree char *path = NULL;

    if (!target)
        return NULL;
    path = *target == '/' ? g_strdup(target) : g_strconcat("/", folder, "/", target, NULL);
    // "/xl/../x" and "//" become plain
    g_autofree char *plain = g_canonicalize_filename(path, "/");
    return g_strdup(plain + strspn(plain, "/"));
}

// The part that has this id, or whose type ends so; owned, NULL: none.
static char *
related(const Xlsx *xlsx, const char *part, const char *id, const char *type)
{
    for (guint i = 0; i < xlsx->relations->len; i++) {
        const Relation *relation = xlsx->relations->pdata[i];
        if ((!id || g_strcmp0(relation->id, id) == 0) && relation->type &&
            g_str_has_suffix(relation->type, type))
            return resolve(part, relation->target);
    }
    return NULL;
}

// ---- the workbook ----

static gboolean
begin_workbook(gpointer data, xmlTextReader *reader, const char *name, GError **error)
{
    Xlsx *xlsx = data;

    if (strcmp(name, "workbookPr") == 0) {
        g_autofree char *flag = ctl_xml_attribute(reader, "date1904");
        xlsx->book.from_1904 = flag && (strcmp(flag, "1") == 0 || strcmp(flag, "true") == 0);
    } else if (strcmp(name, "sheet") == 0) {
        g_autofree char *state = ctl_xml_attribute(reader, "state");
        SheetEntry *sheet = g_new0(SheetEntry, 1);
        sheet->name = ctl_xml_attribute(reader, "name");
        sheet->relation = ctl_xml_attribute(reader, "id");
        sheet->hidden = state && strcmp(state, "visible") != 0;
        g_ptr_array_add(xlsx->sheets, sheet);
    }
    return TRUE;
}

static gboolean
begin_style(gpointer data, xmlTextReader *reader, const char *name, GError **error)
{
    Xlsx *xlsx = data;

    if (strcmp(name, "cellXfs") == 0)
        xlsx->in_styles = TRUE;
    g_autofree char *id = ctl_xml_attribute(reader, "numFmtId");
    guint64 number = 0;
    if (id && !g_ascii_string_to_unsigned(id, 10, 0, G_MAXINT, &number, NULL))
        number = 0;
    if (strcmp(name, "numFmt") == 0) {
        g_hash_table_insert(xlsx->codes, GUINT_TO_POINTER((guint)number),
                            ctl_xml_attribute(reader, "formatCode"));
    } else if (strcmp(name, "xf") == 0 && xlsx->in_styles) {
        CtlFormat format = ctl_xlsx_format(
            (guint)number, g_hash_table_lookup(xlsx->codes, GUINT_TO_POINTER((guint)number)));
        g_array_append_val(xlsx->book.formats, format);
    }
    return TRUE;
}

static gboolean
end_style(gpointer data, const char *name, GError **error)
{
    Xlsx *xlsx = data;

    if (strcmp(name, "cellXfs") == 0)
        xlsx->in_styles = FALSE;
    return TRUE;
}

static gboolean
begin_string(gpointer data, xmlTextReader *reader, const char *name, GError **error)
{
    Xlsx *xlsx = data;

    if (strcmp(name, "si") == 0)
        g_array_append_val(xlsx->book.strings, xlsx->book.text->len);
    else if (strcmp(name, "t") == 0)
        xlsx->in_text = TRUE;
    else if (strcmp(name, "rPh") == 0) // how it sounds: no part of the text
        xlsx->in_sound = TRUE;
    return TRUE;
}

static void
string_text(gpointer data, const char *text)
{
    Xlsx *xlsx = data;

    if (xlsx->in_text && !xlsx->in_sound)
        g_string_append(xlsx->book.text, text);
}

static gboolean
end_string(gpointer data, const char *name, GError **error)
{
    Xlsx *xlsx = data;
    GArray *strings = xlsx->book.strings;

    if (strcmp(name, "t") == 0) {
        xlsx->in_text = FALSE;
    } else if (strcmp(name, "rPh") == 0) {
        xlsx->in_sound = FALSE;
    } else if (strcmp(name, "si") == 0 && strings->len) {
        gsize start = g_array_index(strings, gsize, strings->len - 1);
        ctl_xlsx_unescape(xlsx->book.text->str + start);
        g_string_truncate(xlsx->book.text, start + strlen(xlsx->book.text->str + start));
        g_string_append_c(xlsx->book.text, 0);
    }
    return TRUE;
}

static gboolean
open_workbook(Xlsx *xlsx, GError **error)
{
    static const CtlXmlHandler workbook = {.begin = begin_workbook};
    static const CtlXmlHandler styles = {.begin = begin_style, .end = end_style};
    static const CtlXmlHandler strings = {begin_string, string_text, end_string};
    g_autofree char *styles_part = NULL;
    g_autofree char *strings_part = NULL;
    gboolean there;

    if (!ctl_is_zip(xlsx->zip))
        return no_xlsx(error);
    if (!read_relations(xlsx, "", error))
        return FALSE;
    xlsx->part = related(xlsx, "", NULL, "/officeDocument");
    if (!walk_part(xlsx, xlsx->part, &workbook, &there, error))
        return FALSE;
    if (!there || xlsx->sheets->len == 0)
        return no_xlsx(error);
    if (!read_relations(xlsx, xlsx->part, error))
        return FALSE;
    styles_part = related(xlsx, xlsx->part, NULL, "/styles");
    strings_part = related(xlsx, xlsx->part, NULL, "/sharedStrings");
    return walk_part(xlsx, styles_part, &styles, &there, error) &&
           walk_part(xlsx, strings_part, &strings, &there, error);
}

// ---- which sheet ----

static gboolean
no_sheet(const Xlsx *xlsx, const char *name, GError **error)
{
    g_autoptr(GString) names = g_string_new(NULL);

    if (!name)
        return yd_error_invalid(error, NULL, "the file has no sheet with cells that is visible");
    for (guint i = 0; i < xlsx->sheets->len && i < 20; i++) {
        const SheetEntry *sheet = xlsx->sheets->pdata[i];
        g_string_append_printf(names, "%s“%s”", i ? ", " : "", sheet->name ? sheet->name : "");
    }
    return yd_error_invalid(error, "sheet", "there is no sheet “%s” with cells; the file has %s",
                            name, names->str);
}

// The part of the sheet; owned. Charts are no sheets with cells.
static char *
sheet_part(const Xlsx *xlsx, const char *name, GError **error)
{
    for (guint i = 0; i < xlsx->sheets->len; i++) {
        const SheetEntry *sheet = xlsx->sheets->pdata[i];
        char *part;
        if (!sheet->relation || (name ? g_strcmp0(sheet->name, name) != 0 : sheet->hidden))
            continue;
        if ((part = related(xlsx, xlsx->part, sheet->relation, "/worksheet")))
            return part;
    }
    no_sheet(xlsx, name, error);
    return NULL;
}

char *
ctl_xlsx_to_csv(GBytes *bytes, const char *name, GError **error)
{
    g_auto(Xlsx) xlsx = {
        .zip = bytes,
        .sheets = g_ptr_array_new_with_free_func(sheet_entry_free),
        .relations = g_ptr_array_new_with_free_func(relation_free),
        .codes = g_hash_table_new_full(NULL, NULL, NULL, g_free),
        .book = {.text = g_string_new(NULL),
                 .strings = g_array_new(FALSE, FALSE, sizeof(gsize)),
                 .formats = g_array_new(FALSE, FALSE, sizeof(CtlFormat))},
    };
    g_autofree char *part = NULL;
    g_autoptr(GBytes) sheet = NULL;

    if (!open_workbook(&xlsx, error) || !(part = sheet_part(&xlsx, name, error)) ||
        !ctl_zip_part(bytes, part, CTL_XLSX_MAX_PART, &sheet, error))
        return NULL;
    if (!sheet) {
        no_xlsx(error);
        return NULL;
    }
    return ctl_xlsx_sheet_csv(sheet, &xlsx.book, error);
}
