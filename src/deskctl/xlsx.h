// SPDX-License-Identifier: Apache-2.0
// Turns a sheet of an .xlsx file (ECMA-376 part 1, SpreadsheetML) into CSV for the import of
// people. The console has a reader of its own (web/src/data/xlsx.ts); both are tried with the files
// of tests/data/xlsx. Fuzzed by fuzz/xlsx.c.
#pragma once

#include <glib.h>

#define CTL_XLSX_MAX_BYTES (32u << 20) // of the file
#define CTL_XLSX_MAX_PART (64u << 20)  // of one part when unpacked
#define CTL_XLSX_MAX_CSV (20u << 20)   // what the server takes

// The sheet of that name, or the first visible one when name is NULL, as CSV in UTF-8; owned. Line
// n of it is row n of the sheet. Text stays as it is (007); numbers as the sheet shows them (1001,
// never 1001.0); dates as 2024-05-31, with a time as 2024-05-31T08:30:00. Errors: INVALID (no
// .xlsx, damaged, locked by a password, no such sheet: the message lists them), TOO_LARGE.
char *ctl_xlsx_to_csv(GBytes *xlsx, const char *name, GError **error);
