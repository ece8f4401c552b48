// SPDX-License-Identifier: Apache-2.0
// Reads and writes CSV (RFC 4180) as spreadsheets in the field make it: UTF-8 with or without BOM,
// GB18030, comma, semicolon or tab. Pure; fuzzed by fuzz/fuzz-user-csv.c.
#pragma once

#include <glib.h>

// The text in UTF-8 without BOM, owned. ret_encoding: "UTF-8" | "GB18030", static. INVALID when it
// is neither, holds NUL, or is UTF-16.
char *yd_csv_decode(const char *bytes, gsize length, const char **ret_encoding, GError **error);

// Which of comma, semicolon and tab stands most often in the first line outside of quotes.
char yd_csv_guess_delimiter(const char *text);

typedef struct _YdCsv YdCsv;
// Takes text.
YdCsv *yd_csv_new(char *text, char delimiter);
void yd_csv_free(YdCsv *csv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdCsv, yd_csv_free)

typedef enum {
    YD_CSV_ROW,
    YD_CSV_BAD, // this row is broken; the next one may be good
    YD_CSV_END,
} YdCsvResult;

// The next row that is not empty. ret_line: where it begins, from 1. ROW: ret_fields are its
// fields, white space taken off both ends unless quoted (borrowed until the next call); BAD:
// ret_reason, static.
YdCsvResult
yd_csv_next(YdCsv *csv, guint *ret_line, const GPtrArray **ret_fields, const char **ret_reason);

// Appends a field, quoted when needed, made safe for spreadsheets (a leading ' before = + - @ tab
// CR), and the text after it ("," or "\r\n").
void yd_csv_append(GString *out, const char *field, const char *after);

// Takes the leading ' off again that yd_csv_append put there; changes the text in place.
void yd_csv_unguard(char *field);
