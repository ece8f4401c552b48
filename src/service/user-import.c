// SPDX-License-Identifier: Apache-2.0
// The CSV import: reads and checks all rows first, then hashes, then stores all in one
// transaction. The export is user-export.c, the reader user-csv.c.

#include "service/user-import.h"
#include "base/json-util.h"
#include "base/secret.h"
#include "service/change.h"
#include "service/check.h"
#include "service/login.h"
#include "service/login-password.h"
#include "service/user.h"
#include "service/user-csv.h"
#include <string.h>

typedef enum {
    USERNAME,
    NAME,
    NUMBER,
    EMAIL,
    ROLE,
    DEPARTMENTS,
    PASSWORD,
    N_COLUMNS,
} Column;

static const char *const column_names[N_COLUMNS] = {
    "username", "name", "number", "email", "role", "departments", "password",
};

typedef struct {
    guint line;
    YdUser *user;
    GPtrArray *departments; // ids
    char *password, *hash;
    gboolean bad;
} Row;

// An import under way.
typedef struct {
    YdService *service;
    YdStore *store;
    const YdImportOptions *options;
    YdImportReport *report;
    int index[N_COLUMNS]; // of each column in the file, -1: not there
    guint n_fields;
    GHashTable *departments; // number or name -> id
    GHashTable *usernames;   // seen in the file -> line
    GHashTable *numbers;
    GPtrArray *rows; // Row
    guint n_passwords;
} Import;

// ---- the report ----

static void
import_error_free(gpointer data)
{
    YdImportError *error = data;

    g_free(error->field);
    g_free(error->reason);
    g_free(error);
}

static void
import_password_free(gpointer data)
{
    YdImportPassword *password = data;

    g_free(password->username);
    yd_secret_wipe(&password->password);
    g_free(password);
}

static YdImportReport *
report_new(void)
{
    YdImportReport *report = g_new0(YdImportReport, 1);

    report->errors = g_ptr_array_new_with_free_func(import_error_free);
    report->passwords = g_ptr_array_new_with_free_func(import_password_free);
    return report;
}

void
yd_import_report_free(YdImportReport *report)
{
    if (!report)
        return;
    g_ptr_array_unref(report->errors);
    g_ptr_array_unref(report->passwords);
    g_free(report);
}

static void
note_error(Import *import, guint line, const char *field, const char *reason)
{
    YdImportReport *report = import->report;
    YdImportError *error;

    report->n_errors++;
    if (report->errors->len >= YD_IMPORT_MAX_ERRORS)
        return;
    error = g_new0(YdImportError, 1);
    error->line = line;
    error->field = g_strdup(field);
    error->reason = g_strdup(reason);
    g_ptr_array_add(report->errors, error);
}

// The row is wrong for that reason.
static gboolean
row_is_bad(Import *import, Row *row, const GError *why)
{
    g_autofree char *field = NULL;
    const char *text;

    yd_error_split(why, &field, &text);
    note_error(import, row->line, field, field ? text : why->message);
    row->bad = TRUE;
    return FALSE;
}

// ---- life ----

static void
row_free(gpointer data)
{
    Row *row = data;

    yd_user_free(row->user);
    g_ptr_array_unref(row->departments);
    yd_secret_wipe(&row->password);
    g_free(row->hash);
    g_free(row);
}

static void
import_clear(Import *import)
{
    g_clear_pointer(&import->departments, g_hash_table_unref);
    g_clear_pointer(&import->usernames, g_hash_table_unref);
    g_clear_pointer(&import->numbers, g_hash_table_unref);
    g_clear_pointer(&import->rows, g_ptr_array_unref);
    g_clear_pointer(&import->report, yd_import_report_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Import, import_clear)

// Departments by number and by name; numbers win.
static gboolean
load_departments(Import *import, GError **error)
{
    g_autoptr(YdPage) page = NULL;
    YdQuery all = {0};

    if (!(page = yd_store_list(import->store, &yd_department_type, &all, error)))
        return FALSE;
    import->departments = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < page->records->len; i++) {
        const YdDepartment *department = page->records->pdata[i];
        g_hash_table_insert(import->departments, g_strdup(department->name),
                            g_strdup(department->id));
    }
    for (guint i = 0; i < page->records->len; i++) {
        const YdDepartment *department = page->records->pdata[i];
        if (department->number)
            g_hash_table_insert(import->departments, g_strdup(department->number),
                                g_strdup(department->id));
    }
    return TRUE;
}

static gboolean
import_init(Import *import, GError **error)
{
    import->report = report_new();
    import->usernames = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    import->numbers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    import->rows = g_ptr_array_new_with_free_func(row_free);
    import->store = yd_service_store(import->service, error);
    return import->store && load_departments(import, error);
}

// ---- reading ----

static int
column_of(const char *name)
{
    for (int i = 0; i < N_COLUMNS; i++) {
        if (g_ascii_strcasecmp(column_names[i], name) == 0)
            return i;
    }
    return -1;
}

static gboolean
read_header(Import *import, const GPtrArray *fields, GError **error)
{
    for (int i = 0; i < N_COLUMNS; i++)
        import->index[i] = -1;
    import->n_fields = fields->len;
    for (guint i = 0; i < fields->len; i++) {
        g_autofree char *quoted = yd_check_quote(fields->pdata[i]);
        int column = column_of(fields->pdata[i]);
        if (column < 0)
            return yd_error_invalid(error, NULL,
                                    "line 1: there is no column %s; known are username, name, "
                                    "number, email, role, departments, password",
                                    quoted);
        if (import->index[column] >= 0)
            return yd_error_invalid(error, NULL, "line 1: the column %s stands there twice",
                                    quoted);
        import->index[column] = (int)i;
    }
    if (import->index[USERNAME] < 0 || import->index[NAME] < 0)
        return yd_error_invalid(error, NULL, "line 1: the columns username and name are needed");
    return TRUE;
}

// A field of the row, unguarded; owned; NULL when empty.
static char *
take_field(const Import *import, const GPtrArray *fields, Column column)
{
    int index = import->index[column];
    char *field;

    if (index < 0 || (guint)index >= fields->len || !*(char *)fields->pdata[index])
        return NULL;
    field = g_strdup(fields->pdata[index]);
    if (column != PASSWORD)
        yd_csv_unguard(field);
    return field;
}

// Ids of the departments in "d1|d2".
static gboolean
read_departments(const Import *import, Row *row, const char *text, GError **error)
{
    g_auto(GStrv) names = g_strsplit(text ? text : "", "|", -1);

    for (char **name = names; *name; name++) {
        const char *id = g_hash_table_lookup(import->departments, g_strstrip(*name));
        if (!**name)
            continue;
        if (!id) {
            g_autofree char *quoted = yd_check_quote(*name);
            return yd_error_invalid(error, "departments",
                                    "there is no department with the number or name %s", quoted);
        }
        if (!g_ptr_array_find_with_equal_func(row->departments, id, g_str_equal, NULL))
            g_ptr_array_add(row->departments, g_strdup(id));
    }
    return TRUE;
}

// The value must be new in the file and in the store.
static gboolean
check_new(Import *import, GHashTable *seen, const Row *row, const char *field, const char *value,
          GError **error)
{
    g_autoptr(GError) why = NULL;
    guint line = GPOINTER_TO_UINT(value ? g_hash_table_lookup(seen, value) : NULL);

    if (!value)
        return TRUE;
    if (line)
        return yd_error_invalid(error, field, "“%s” stands in line %u already", value, line);
    g_hash_table_insert(seen, g_strdup(value), GUINT_TO_POINTER(row->line));
    if (yd_check_unique(import->store, &yd_user_type, field, value, NULL, &why))
        return TRUE;
    if (!g_error_matches(why, YD_ERROR, YD_ERROR_EXISTS)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    return yd_error_invalid(error, field, "“%s” is taken by a user that is there already", value);
}

static gboolean
check_row(Import *import, Row *row, const char *departments, GError **error)
{
    return yd_user_check(row->user, error) && read_departments(import, row, departments, error) &&
           (!row->password || yd_password_check(import->service, "password", row->user->username,
                                                row->password, error)) &&
           check_new(import, import->usernames, row, "username", row->user->username, error) &&
           check_new(import, import->numbers, row, "number", row->user->number, error);
}

// FALSE only for what is wrong with more than this row.
static gboolean
read_row(Import *import, guint line, const GPtrArray *fields, GError **error)
{
    g_autofree char *departments = take_field(import, fields, DEPARTMENTS);
    g_autoptr(GError) why = NULL;
    Row *row = g_new0(Row, 1);

    g_ptr_array_add(import->rows, row);
    row->line = line;
    row->departments = g_ptr_array_new_with_free_func(g_free);
    row->user = yd_user_new();
    row->user->username = take_field(import, fields, USERNAME);
    row->user->name = take_field(import, fields, NAME);
    row->user->number = take_field(import, fields, NUMBER);
    row->user->email = take_field(import, fields, EMAIL);
    row->user->role = take_field(import, fields, ROLE);
    row->user->enabled = TRUE;
    row->password = take_field(import, fields, PASSWORD);
    if (!row->user->role)
        row->user->role = g_strdup("user");
    if (fields->len > import->n_fields) {
        yd_error_invalid(&why, NULL, "the row has %u fields, the header %u", fields->len,
                         import->n_fields);
        row_is_bad(import, row, why);
        return TRUE;
    }
    if (check_row(import, row, departments, &why)) {
        import->n_passwords += row->password || import->options->initial_passwords;
        return TRUE;
    }
    if (!g_error_matches(why, YD_ERROR, YD_ERROR_INVALID)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    row_is_bad(import, row, why);
    return TRUE;
}

static gboolean
read_rows(Import *import, YdCsv *csv, GError **error)
{
    const GPtrArray *fields;
    const char *reason;
    YdCsvResult result;
    guint line;

    while ((result = yd_csv_next(csv, &line, &fields, &reason)) != YD_CSV_END) {
        import->report->rows++;
        if (import->report->rows > YD_IMPORT_MAX_LINES) {
            g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                        "the file has more than %d rows; split it", YD_IMPORT_MAX_LINES);
            return FALSE;
        }
        if (result == YD_CSV_BAD)
            note_error(import, line, NULL, reason);
        else if (!read_row(import, line, fields, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_file(Import *import, const char *bytes, gsize length, GError **error)
{
    g_autoptr(YdCsv) csv = NULL;
    const GPtrArray *fields;
    const char *reason = NULL;
    YdCsvResult result;
    guint line;
    char *text;

    if (length > YD_IMPORT_MAX_BYTES) {
        g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                    "the file has %" G_GSIZE_FORMAT " bytes, at most %d are allowed; split it",
                    length, YD_IMPORT_MAX_BYTES);
        return FALSE;
    }
    if (!(text = yd_csv_decode(bytes, length, &import->report->encoding, error)))
        return FALSE;
    import->report->delimiter = yd_csv_guess_delimiter(text);
    csv = yd_csv_new(text, import->report->delimiter);
    result = yd_csv_next(csv, &line, &fields, &reason);
    if (result != YD_CSV_ROW)
        return yd_error_invalid(error, NULL, "the file has no header line%s%s", reason ? ": " : "",
                                reason ? reason : "");
    return read_header(import, fields, error) && read_rows(import, csv, error);
}

// ---- applying ----

static gboolean
check_passwords(const Import *import, GError **error)
{
    if (import->n_passwords <= YD_IMPORT_MAX_PASSWORDS)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                "%u rows have or get a password, at most %d may in one import (hashing is slow on "
                "purpose); leave the column out and set passwords later, or split the file",
                import->n_passwords, YD_IMPORT_MAX_PASSWORDS);
    return FALSE;
}

// Before the transaction, since it takes long.
static gboolean
hash_passwords(Import *import, GError **error)
{
    for (guint i = 0; i < import->rows->len; i++) {
        Row *row = import->rows->pdata[i];
        if (row->bad || (!row->password && !import->options->initial_passwords))
            continue;
        if (!row->password) {
            YdImportPassword *shown = g_new0(YdImportPassword, 1);
            row->password = yd_password_random();
            shown->username = g_strdup(row->user->username);
            shown->password = g_strdup(row->password);
            g_ptr_array_add(import->report->passwords, shown);
        }
        row->hash = yd_login_password_hash(import->service, row->password, error);
        if (!row->hash)
            return FALSE;
        yd_secret_wipe(&row->password);
    }
    return TRUE;
}

static gboolean
store_row(Import *import, const YdActor *actor, Row *row, GError **error)
{
    if (!yd_user_insert(import->service, actor, row->user, row->hash, error)) {
        g_prefix_error(error, "line %u: ", row->line);
        return FALSE;
    }
    for (guint i = 0; i < row->departments->len; i++) {
        g_autoptr(YdMembership) membership = yd_membership_new();
        membership->department_id = g_strdup(row->departments->pdata[i]);
        membership->user_id = g_strdup(row->user->id);
        if (!yd_store_insert(import->store, &yd_membership_type, membership, error))
            return FALSE;
    }
    import->report->created++;
    return TRUE;
}

static gboolean
store_rows(Import *import, const YdActor *actor, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(import->store, error);
    g_autoptr(json_t) details = NULL;
    g_autofree char *text = NULL;

    if (!tx)
        return FALSE;
    for (guint i = 0; i < import->rows->len; i++) {
        Row *row = import->rows->pdata[i];
        if (!row->bad && !store_row(import, actor, row, error))
            return FALSE;
    }
    details = json_pack("{s:i, s:i, s:i, s:s}", "rows", (int)import->report->rows, "created",
                        (int)import->report->created, "errors", (int)import->report->n_errors,
                        "encoding", import->report->encoding);
    text = yd_json_text(details);
    return yd_service_audit(import->service, actor, "user.import", "user", NULL, NULL, text,
                            error) &&
           yd_store_tx_commit(&tx, error);
}

static void
count_good(Import *import)
{
    for (guint i = 0; i < import->rows->len; i++)
        import->report->good += !((Row *)import->rows->pdata[i])->bad;
}

YdImportReport *
yd_user_import(YdService *service, const YdActor *actor, const char *csv, gsize length,
               const YdImportOptions *options, GError **error)
{
    g_auto(Import) import = {.service = service, .options = options};

    if (!yd_service_allowed(actor, YD_RIGHT_USERS_WRITE, error) || !import_init(&import, error) ||
        !read_file(&import, csv, length, error) || !check_passwords(&import, error))
        return NULL;
    count_good(&import);
    if (options->dry_run || (import.report->n_errors && !options->partial))
        return g_steal_pointer(&import.report);
    if (!hash_passwords(&import, error) || !store_rows(&import, actor, error))
        return NULL;
    import.report->applied = TRUE;
    return g_steal_pointer(&import.report);
}
