// SPDX-License-Identifier: Apache-2.0
// Many people at once from CSV, and the CSV export. The file: UTF-8 (with or without BOM) or
// GB18030; comma, semicolon or tab, as the header line shows; RFC 4180 quoting. Header names, in
// any order: username, name (both needed), number, email, role, departments, password.
// `departments` holds numbers or names joined by "|"; they must exist.
//
// Hashing is slow on purpose, so passwords are few: a row without password makes a person who can't
// log in until an administrator sets one; at most YD_IMPORT_MAX_PASSWORDS rows may have (or, with
// initial_passwords, get) one. All passwords of an import must be changed at the first log-in.
#pragma once

#include "service/service.h"

#define YD_IMPORT_MAX_BYTES (20 * 1024 * 1024)
#define YD_IMPORT_MAX_LINES 100000
#define YD_IMPORT_MAX_PASSWORDS 2000
#define YD_IMPORT_MAX_ERRORS 1000 // reported; all are counted

typedef struct {
    gboolean dry_run;           // check all, change nothing
    gboolean partial;           // apply the good rows even if others are wrong
    gboolean initial_passwords; // random one-time passwords for rows without one, in the report
} YdImportOptions;

typedef struct {
    guint line;  // of the file, the header is line 1; a row in quotes counts where it begins
    char *field; // header name, NULL: the whole row
    char *reason;
} YdImportError;

typedef struct {
    char *username, *password;
} YdImportPassword;

typedef struct {
    gboolean applied;     // FALSE: dry run, or errors without partial
    guint rows;           // data rows in the file
    guint good;           // rows without error
    guint created;        // people made (0 unless applied)
    guint n_errors;       // in all
    GPtrArray *errors;    // YdImportError, the first YD_IMPORT_MAX_ERRORS by line
    GPtrArray *passwords; // YdImportPassword: the random ones; wiped by free
    const char *encoding; // "UTF-8" | "GB18030"; static
    char delimiter;
} YdImportReport;
void yd_import_report_free(YdImportReport *report);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdImportReport, yd_import_report_free)

// Needs YD_RIGHT_USERS_WRITE. Wrong rows are no error of the call: look at the report. Errors:
// TOO_LARGE (bytes, lines, passwords), INVALID (neither UTF-8 nor GB18030, empty, header wrong).
// One transaction; one audit row for the import and one for each person made.
YdImportReport *yd_user_import(YdService *service, const YdActor *actor, const char *csv,
                               gsize length, const YdImportOptions *options, GError **error);

// All users that the actor may see as CSV: UTF-8 with BOM, comma, CRLF, the import's header without
// password; owned. Cells that a spreadsheet would run as formulas (= + - @ tab CR first) get a
// leading ', which the import takes off again.
char *yd_user_export(YdService *service, const YdActor *actor, GError **error);
