// SPDX-License-Identifier: Apache-2.0
// Shared by the files of the .xlsx reader: walking XML, and what a workbook says of its cells.
#pragma once

#include <glib.h>
#include <libxml/xmlreader.h>

// What a cell's number format makes of its number.
typedef enum {
    CTL_FORMAT_NUMBER,
    CTL_FORMAT_DATE,
    CTL_FORMAT_ZEROS, // "000": that many digits at least
} CtlFormatKind;

typedef struct {
    CtlFormatKind kind;
    guint digits; // of CTL_FORMAT_ZEROS
} CtlFormat;

typedef struct {
    GString *text;      // all shared strings, each ended by NUL
    GArray *strings;    // gsize: where each begins in text
    GArray *formats;    // CtlFormat of each cell style
    gboolean from_1904; // day 0 is 1904-01-01, as old Macs have it
} CtlWorkbook;

// What walking calls, each may be NULL: an element begins (its attributes by ctl_xml_attribute),
// text, an element ends. Names are without prefix. FALSE with an error ends the walk.
typedef struct {
    gboolean (*begin)(gpointer data, xmlTextReader *reader, const char *name, GError **error);
    void (*text)(gpointer data, const char *text);
    gboolean (*end)(gpointer data, const char *name, GError **error);
} CtlXmlHandler;

// INVALID when it is no XML or has a document type: no entities, so nothing can expand.
gboolean ctl_xml_walk(GBytes *xml, const CtlXmlHandler *handler, gpointer data, GError **error);

// The attribute of that name (without prefix) of the element that begins; NULL: none; g_free.
char *ctl_xml_attribute(xmlTextReader *reader, const char *name);

// The format that a number format code (ECMA-376 part 1, 18.8.31) or a built-in id stands for.
CtlFormat ctl_xlsx_format(guint id, const char *code);

// A number as a spreadsheet would show it in that format; owned. Text that is no number stays.
char *ctl_xlsx_number(const char *text, CtlFormat format, gboolean from_1904);

// "_x000D_" in a string stands for that character (18.4.8 ff.); in place.
void ctl_xlsx_unescape(char *text);

// The rows of a sheet's XML as CSV; owned.
char *ctl_xlsx_sheet_csv(GBytes *xml, const CtlWorkbook *workbook, GError **error);
