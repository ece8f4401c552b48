// SPDX-License-Identifier: Apache-2.0
// Importing people from CSV and exporting them.

#include "people-fixture.h"
#include "service/user-import.h"
#include <string.h>

static YdImportReport *
import(Fixture *f, const char *csv, YdImportOptions options, GError **error)
{
    return yd_user_import(f->service, &f->system, csv, strlen(csv), &options, error);
}

static guint
count_users(Fixture *f)
{
    YdQuery query = {.want_total = TRUE, .limit = 1};
    g_autoptr(YdPage) page = yd_store_list(f->store, &yd_user_type, &query, NULL);

    return (guint)page->total;
}

static YdUser *
find(Fixture *f, const char *username)
{
    return yd_store_find(f->store, &yd_user_type, "username", username, NULL);
}

static void
assert_wrong(const YdImportReport *report, guint index, guint line, const char *field,
             const char *reason)
{
    const YdImportError *wrong = report->errors->pdata[index];

    g_assert_cmpuint(wrong->line, ==, line);
    g_assert_cmpstr(wrong->field, ==, field);
    if (!strstr(wrong->reason, reason))
        g_error("“%s” does not have “%s”", wrong->reason, reason);
}

static void
test_good(Fixture *f, gconstpointer data)
{
    G_GNUC_UNUSED g_autofree char *d1 = fixture_department(f, "D1", "Research");
    G_GNUC_UNUSED g_autofree char *d2 = fixture_department(f, "D2", "销售部");
    g_autoptr(GError) error = NULL;
    g_autoptr(YdImportReport) report =
        import(f,
               "\xef\xbb\xbfUsername;Name;Number;Departments;role;password\r\n"
               "zhang;张伟;1001;D1|销售部;manager;\r\n"
               "\"li\";\"Li; Na\";;D2;;Secret-Pass-1\r\n"
               "\r\n"
               "wang;Wang\r\n",
               (YdImportOptions){0}, &error);
    g_autoptr(YdUser) zhang = NULL;
    g_autoptr(YdUser) li = NULL;
    YdLoginRequest request = {
        .address = "192.0.2.1", .username = "li", .password = "Secret-Pass-1", .kind = "bearer"};
    g_autofree char *token = NULL;

    g_assert_no_error(error);
    g_assert_true(report->applied);
    g_assert_cmpuint(report->rows, ==, 3);
    g_assert_cmpuint(report->good, ==, 3);
    g_assert_cmpuint(report->created, ==, 3);
    g_assert_cmpuint(report->n_errors, ==, 0);
    g_assert_cmpuint(report->passwords->len, ==, 0);
    g_assert_cmpint(report->delimiter, ==, ';');
    zhang = find(f, "zhang");
    g_assert_cmpstr(zhang->name, ==, "张伟");
    g_assert_cmpstr(zhang->role, ==, "manager");
    g_assert_cmpstr(zhang->number, ==, "1001");
    g_assert_null(zhang->password);
    g_assert_nonnull(strstr(zhang->department_names, "Research"));
    g_assert_nonnull(strstr(zhang->department_names, "销售部"));
    li = find(f, "li");
    g_assert_cmpstr(li->name, ==, "Li; Na");
    g_assert_true(li->must_change);
    g_assert_true(yd_login_start(f->service, &request, &token, NULL, NULL, &error));
    g_assert_cmpuint(fixture_audits(f, "user.create", "ok"), ==, 3);
    g_assert_cmpuint(fixture_audits(f, "user.import", "ok"), ==, 1);
}

static const char *const wrong_rows = "username,name,number,email,departments,role,password\n"
                                      "good,Good,1,,,,\n"        // 2
                                      "Bad Name,X,,,,,\n"        // 3
                                      "nobody2,,,,,,\n"          // 4
                                      "there,There,,,,,\n"       // 5
                                      "good,Again,,,,,\n"        // 6
                                      "n1,N,1,,,,\n"             // 7
                                      "n2,N,,x@y,,,\n"           // 8
                                      "n3,N,,,Nowhere,,\n"       // 9
                                      "n4,N,,,,king,\n"          // 10
                                      "n5,N,,,,,short\n"         // 11
                                      "n6,\"N\"x,,,,,\n"         // 12
                                      "n7,N,,,,,,one,too,many\n" // 13
                                      "n8,N\xe2\x80\xae,,,,,\n"  // 14
                                      "good2,Good,2,,,,\n"       // 15
                                      "n9,\"half a line";        // 16

static void
check_wrong(const YdImportReport *report)
{
    g_assert_cmpuint(report->rows, ==, 15);
    g_assert_cmpuint(report->good, ==, 2);
    g_assert_cmpuint(report->n_errors, ==, 13);
    g_assert_cmpuint(report->errors->len, ==, 13);
    assert_wrong(report, 0, 3, "username", "a-z");
    assert_wrong(report, 1, 4, "name", "missing");
    assert_wrong(report, 2, 5, "username", "taken");
    assert_wrong(report, 3, 6, "username", "line 2");
    assert_wrong(report, 4, 7, "number", "line 2");
    assert_wrong(report, 5, 8, "email", "x@y");
    assert_wrong(report, 6, 9, "departments", "Nowhere");
    assert_wrong(report, 7, 10, "role", "king");
    assert_wrong(report, 8, 11, "password", "5 characters");
    assert_wrong(report, 9, 12, NULL, "closing quotation");
    assert_wrong(report, 10, 13, NULL, "10 fields");
    assert_wrong(report, 11, 14, "name", "U+202E");
    assert_wrong(report, 12, 16, NULL, "never closed");
}

static void
test_wrong(Fixture *f, gconstpointer data)
{
    G_GNUC_UNUSED g_autofree char *there = fixture_user(f, "there", "user");
    g_autoptr(GError) error = NULL;
    g_autoptr(YdImportReport) strict = import(f, wrong_rows, (YdImportOptions){0}, &error);
    g_autoptr(YdImportReport) dry = NULL;
    g_autoptr(YdImportReport) partial = NULL;

    g_assert_no_error(error);
    g_assert_false(strict->applied);
    g_assert_cmpuint(strict->created, ==, 0);
    check_wrong(strict);
    g_assert_cmpuint(count_users(f), ==, 1);
    dry = import(f, wrong_rows, (YdImportOptions){.dry_run = TRUE, .partial = TRUE}, &error);
    g_assert_no_error(error);
    g_assert_false(dry->applied);
    check_wrong(dry);
    g_assert_cmpuint(count_users(f), ==, 1);
    partial = import(f, wrong_rows, (YdImportOptions){.partial = TRUE}, &error);
    g_assert_no_error(error);
    g_assert_true(partial->applied);
    g_assert_cmpuint(partial->created, ==, 2);
    check_wrong(partial);
    g_assert_cmpuint(count_users(f), ==, 3);
}

static void
test_gb18030(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdImportReport) report =
        import(f, "username\tname\nzhang\t\xd5\xc5\xce\xb0\n", (YdImportOptions){0}, &error);
    g_autoptr(YdUser) zhang = find(f, "zhang");

    g_assert_no_error(error);
    g_assert_cmpstr(report->encoding, ==, "GB18030");
    g_assert_cmpstr(zhang->name, ==, "张伟");
}

static void
test_bad_files(Fixture *f, gconstpointer data)
{
    static const char *const files[] = {
        "",
        "\n\n",
        "\xef\xbb\xbf",
        "username",
        "name,number\na,1",
        "username,name,username\n",
        "username,name,shoe size\n",
        "username,name,=1+1\n",
        "\"username,name\n",
        "\xff\xfe\xfd",
    };
    g_autoptr(GError) error = NULL;
    g_autofree char *big = g_malloc0(YD_IMPORT_MAX_BYTES + 1);
    YdImportOptions options = {0};

    for (gsize i = 0; i < G_N_ELEMENTS(files); i++) {
        g_assert_null(import(f, files[i], options, &error));
        fixture_assert_error(error, YD_ERROR_INVALID, "");
    }
    g_assert_null(
        yd_user_import(f->service, &f->system, big, YD_IMPORT_MAX_BYTES + 1, &options, &error));
    fixture_assert_error(error, YD_ERROR_TOO_LARGE, "split it");
    g_assert_null(yd_user_import(f->service, &f->system, big, 100, &options, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "NUL");
}

static void
test_rights(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "manager", "manager");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, id);
    YdImportOptions options = {.dry_run = TRUE};
    g_autoptr(GError) error = NULL;

    g_assert_null(yd_user_import(f->service, &actor->actor, "x", 1, &options, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "users.write");
}

static void
test_initial_passwords(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdImportReport) report = import(f, "username,name,password\na,A,\nb,B,Given-Pass-1\n",
                                              (YdImportOptions){.initial_passwords = TRUE}, &error);
    const YdImportPassword *shown;
    YdLoginRequest request = {.address = "192.0.2.1", .kind = "bearer"};
    g_autofree char *token = NULL;

    g_assert_no_error(error);
    g_assert_cmpuint(report->passwords->len, ==, 1);
    shown = report->passwords->pdata[0];
    g_assert_cmpstr(shown->username, ==, "a");
    request.username = "a";
    request.password = shown->password;
    g_assert_true(yd_login_start(f->service, &request, &token, NULL, NULL, &error));
}

static char *
many(guint n, const char *password)
{
    GString *csv = g_string_new("username,name,number,password\n");

    for (guint i = 0; i < n; i++)
        g_string_append_printf(csv, "u%u,User %u,%u,%s\n", i, i, i, password);
    return g_string_free(csv, FALSE);
}

static void
test_limits(Fixture *f, gconstpointer data)
{
    g_autofree char *passwords = many(YD_IMPORT_MAX_PASSWORDS + 1, "Given-Pass-1");
    g_autofree char *none = many(YD_IMPORT_MAX_PASSWORDS + 1, "");
    g_autofree char *rows = many(YD_IMPORT_MAX_LINES + 1, "");
    g_autofree char *wrong = many(YD_IMPORT_MAX_ERRORS + 50, "x");
    g_autoptr(GError) error = NULL;
    g_autoptr(YdImportReport) report = NULL;

    g_assert_null(import(f, passwords, (YdImportOptions){.dry_run = TRUE}, &error));
    fixture_assert_error(error, YD_ERROR_TOO_LARGE, "2001 rows");
    g_assert_null(import(f, none, (YdImportOptions){.initial_passwords = TRUE}, &error));
    fixture_assert_error(error, YD_ERROR_TOO_LARGE, "2001 rows");
    g_assert_null(import(f, rows, (YdImportOptions){.dry_run = TRUE}, &error));
    fixture_assert_error(error, YD_ERROR_TOO_LARGE, "100000 rows");
    report = import(f, wrong, (YdImportOptions){0}, &error);
    g_assert_cmpuint(report->n_errors, ==, YD_IMPORT_MAX_ERRORS + 50);
    g_assert_cmpuint(report->errors->len, ==, YD_IMPORT_MAX_ERRORS);
    g_assert_cmpuint(count_users(f), ==, 0);
}

// Slow under the sanitizers, hence few; ./bench has the hundred thousand.
static void
test_many(Fixture *f, gconstpointer data)
{
    guint n = g_test_slow() ? YD_IMPORT_MAX_LINES : 2000;
    g_autofree char *csv = many(n, "");
    g_autoptr(GError) error = NULL;
    g_autoptr(YdImportReport) report = import(f, csv, (YdImportOptions){0}, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(report->created, ==, n);
    g_assert_cmpuint(count_users(f), ==, n);
}

static void
test_export(Fixture *f, gconstpointer data)
{
    g_autofree char *d1 = fixture_department(f, "D1", "Research");
    G_GNUC_UNUSED g_autofree char *d2 = fixture_department(f, "D2", "Sales");
    g_autofree char *manager = fixture_user(f, "boss", "manager");
    g_autofree char *again = NULL, *csv = NULL, *part = NULL;
    g_autoptr(YdActorOwned) actor = fixture_actor(f, manager);
    g_autoptr(YdImportReport) report = NULL;
    g_autoptr(YdUser) evil = NULL;
    g_autoptr(GError) error = NULL;

    report = import(f,
                    "username,name,number,email,departments\n"
                    "evil,\"=cmd|' /C calc'!A0\",-1,,D1|D2\n"
                    "quiet,\"a \"\"b\"\", c\",,q@example.org,D2\n",
                    (YdImportOptions){0}, &error);
    g_assert_no_error(error);
    g_assert_true(report->applied);
    csv = yd_user_export(f->service, &f->system, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(csv, "evil,\"'=cmd|' /C calc'!A0\",\"'-1\",,user,D1|D2\r\n"));
    g_assert_nonnull(strstr(csv, "quiet,\"a \"\"b\"\", c\",,q@example.org,user,D2\r\n"));
    g_assert_null(strstr(csv, "argon2"));

    yd_department_add_manager(f->service, &f->system, d1, manager, NULL, &error);
    g_assert_no_error(error);
    part = yd_user_export(f->service, &actor->actor, &error);
    g_assert_no_error(error);
    g_assert_nonnull(strstr(part, "evil,"));
    g_assert_null(strstr(part, "quiet,"));
    g_assert_null(strstr(part, "D2"));

    // The export is an import.
    evil = find(f, "evil");
    g_assert_true(yd_user_delete(f->service, &f->system, evil->id, 0, &error));
    g_clear_pointer(&evil, yd_user_free);
    g_clear_pointer(&report, yd_import_report_free);
    report = import(f, csv, (YdImportOptions){.partial = TRUE}, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(report->created, ==, 1);
    evil = find(f, "evil");
    g_assert_cmpstr(evil->name, ==, "=cmd|' /C calc'!A0");
    g_assert_cmpstr(evil->number, ==, "-1");
    again = yd_user_export(f->service, &f->system, &error);
    g_assert_cmpstr(again, ==, csv);
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/import/good", test_good);
    ADD("/import/wrong", test_wrong);
    ADD("/import/gb18030", test_gb18030);
    ADD("/import/bad-files", test_bad_files);
    ADD("/import/rights", test_rights);
    ADD("/import/initial-passwords", test_initial_passwords);
    ADD("/import/limits", test_limits);
    ADD("/import/many", test_many);
    ADD("/export/all", test_export);
    return g_test_run();
}
