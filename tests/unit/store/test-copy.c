// SPDX-License-Identifier: Apache-2.0
// Whole databases: from SQLite to the database under test, and back. Nothing is lost, changed or
// forgotten, and nothing is overwritten.
#include "store/store-copy.h"

#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "fixture.h"
#include "store/store-images.h"
#include "store/store-private.h"

typedef struct {
    char *dir, *file, *back, *other; // SQLite's; other: of the database under test
} Places;

static void
places_set_up(Places *places, gconstpointer data)
{
    places->dir = g_dir_make_tmp("store-copy-XXXXXX", NULL);
    places->file = g_build_filename(places->dir, "yundesk.db", NULL);
    places->back = g_build_filename(places->dir, "back.db", NULL);
    places->other = fixture_where();
}

static void
places_tear_down(Places *places, gconstpointer data)
{
    g_unlink(places->file);
    g_unlink(places->back);
    g_assert_cmpint(g_rmdir(places->dir), ==, 0);
    fixture_where_free(places->other);
    g_free(places->dir);
    g_free(places->file);
    g_free(places->back);
}

// More rows than a page, versions that come from versions, NULL, empty, long and Chinese texts.
static void
fill(const char *where)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(where, FALSE, &error);
    g_assert_no_error(error);
    g_assert_true(yd_store_begin(store, NULL));
    g_autofree char *version = fixture_template_version(store, "Büro");
    g_autofree char *net = fixture_network(store, "net", "10.99.0.10", "10.99.255.250");
    g_autofree char *pool = fixture_pool(store, "研发部", version, net);
    g_autofree char *department = fixture_department(store, "", "Größe ' \" \\ \n 😀");
    for (guint i = 0; i < 1100; i++) {
        g_autofree char *name = g_strdup_printf("user-%u", i);
        g_autofree char *user = fixture_user(store, name, "user");
        if (i % 10 == 0)
            fixture_member(store, department, user);
        if (i < 20)
            g_free(fixture_desktop(store, name, pool, user));
    }
    fixture_entitle(store, pool, department, NULL);
    g_autoptr(YdTemplateVersion) next =
        yd_store_get(store, &yd_template_version_type, version, NULL);
    g_clear_pointer(&next->id, g_free);
    next->number = 2;
    next->parent_id = g_strdup(version);
    next->notes = g_strnfill(300000, 'n');
    g_assert_true(yd_store_insert(store, &yd_template_version_type, next, &error));
    g_autoptr(YdHost) host = yd_host_new();
    host->name = g_strdup("local");
    host->uri = g_strdup("qemu:///system");
    host->state = g_strdup("up");
    host->load = 0.1 + 0.2;
    host->vcpu_ratio = 1e-300;
    g_assert_true(yd_store_insert(store, &yd_host_type, host, &error));
    const YdAudit row = {.act = (char *)"user.create", .outcome = (char *)"done"};
    g_assert_true(yd_store_audit(store, &row, &error));
    g_assert_true(yd_store_set_setting(store, "x", "{\"a\":[1,2]}", &error));
    g_assert_true(yd_store_idempotent_put(store, "usr-1", "key", "hash", 200, "{}", &error));
    g_assert_true(yd_store_set_disk_use(store, (const char *[]){"a.qcow2"}, (gint64[]){G_MAXINT64},
                                        1, &error));
    g_assert_true(yd_store_commit(store, &error));
}

static void
count_rows(const char *table, gint64 rows, gpointer data)
{
    *(gint64 *)data += rows;
}

static void
test_there_and_back(Places *places, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    gint64 there = 0, back = 0, uid = 0, newest = 0, newer = 0;
    fill(places->file);
    g_autofree char *before = NULL, *after = NULL;
    gsize length = 0, length_after = 0;
    g_assert_true(g_file_get_contents(places->file, &before, &length, NULL));
    g_assert_true(yd_store_copy_all(places->file, places->other, count_rows, &there, &error));
    g_assert_no_error(error);
    g_assert_cmpint(there, >, 2400); // people, their events, …
    g_assert_true(g_file_get_contents(places->file, &after, &length_after, NULL));
    g_assert_cmpmem(before, length, after, length_after); // untouched
    g_assert_true(yd_store_copy_all(places->other, places->back, count_rows, &back, &error));
    g_assert_no_error(error);
    g_assert_cmpint(there, ==, back);
    g_assert_true(yd_store_compare_all(places->file, places->back, NULL, NULL, &error));
    // it goes on where it was: numbers are not given twice
    g_autoptr(YdStore) store = yd_store_open(places->other, FALSE, &error);
    g_assert_true(yd_store_next_uid(store, &uid, &error));
    g_assert_cmpint(uid, ==, 21100);
    g_ptr_array_unref(yd_store_events(store, 0, 1, NULL, &newest, &error));
    g_free(fixture_department(store, "2", "new"));
    g_ptr_array_unref(yd_store_events(store, newest, 9, NULL, &newer, &error));
    g_assert_cmpint(newer, >, newest);
    g_assert_false(
        yd_sql_run(store->sql, NULL, NULL, "DELETE FROM audit", "")); // guarded there, too
    // a target that is not empty is refused, and left as it is
    g_assert_false(yd_store_copy_all(places->file, places->other, NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "not empty"));
    g_clear_error(&error);
    g_autoptr(YdDepartment) kept = yd_store_find(store, &yd_department_type, "name", "new", &error);
    g_assert_no_error(error);
}

static void
assert_differs(const Places *places, const char *change, const char *word)
{
    g_autoptr(GError) error = NULL;
    YdSql *sql = yd_sql_open(places->other, FALSE, NULL);
    g_assert_true(yd_sql_run(sql, NULL, &error, change, ""));
    yd_sql_close(sql);
    g_assert_false(yd_store_compare_all(places->file, places->other, NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, word));
}

// One value, one row less, one row more: each is found.
static void
test_compare(Places *places, gconstpointer data)
{
    fill(places->file);
    g_assert_true(yd_store_copy_all(places->file, places->other, NULL, NULL, NULL));
    assert_differs(places, "UPDATE users SET email = '' WHERE username = 'user-1099'", "users");
    assert_differs(places, "UPDATE users SET last_login = 1 WHERE username = 'user-7'",
                   "other values");
    g_autoptr(GError) error = NULL;
    YdSql *sql = yd_sql_open(places->other, FALSE, NULL);
    g_assert_true(yd_sql_run(
        sql, NULL, NULL,
        "UPDATE users SET last_login = 0, email = NULL WHERE username IN ('user-7', 'user-1099')",
        ""));
    yd_sql_close(sql);
    g_assert_true(yd_store_compare_all(places->file, places->other, NULL, NULL, &error));
    g_assert_no_error(error);
    assert_differs(places, "INSERT INTO settings (name, value, changed) VALUES ('z', '1', 1)",
                   "too much");
    assert_differs(places, "DELETE FROM settings", "missing");
}

static void
test_refused(Places *places, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_store_copy_all("/nowhere/yundesk.db", places->other, NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_false(g_file_test("/nowhere", G_FILE_TEST_EXISTS));
    g_clear_error(&error);
    // an old schema is not taken up behind the administrator's back
    YdSql *sql = yd_sql_open(places->file, FALSE, NULL);
    g_assert_true(yd_sql_script(sql,
                                "CREATE TABLE schema_steps (number INTEGER NOT NULL PRIMARY KEY, "
                                "name TEXT NOT NULL, applied BIGINT NOT NULL)",
                                NULL));
    g_assert_true(
        yd_sql_run(sql, NULL, NULL, "INSERT INTO schema_steps VALUES (3, 'three', 1)", ""));
    yd_sql_close(sql);
    g_assert_false(yd_store_copy_all(places->file, places->other, NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "start this version"));
    YdStore *made = yd_store_open(places->other, FALSE, NULL); // for the tear-down
    yd_store_close(made);
}

// Names that differ in SQLite and are the same in MariaDB: told with table and row.
static void
test_same_names(Places *places, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(places->file, FALSE, &error);
    g_free(fixture_network(store, "Ärzte", "10.99.0.10", "10.99.0.12"));
    g_free(fixture_network(store, "ärzte", "10.99.0.10", "10.99.0.12"));
    g_clear_pointer(&store, yd_store_close);
    gboolean copied = yd_store_copy_all(places->file, places->other, NULL, NULL, &error);
    g_assert_true(copied != fixture_is_mariadb());
    if (copied)
        return;
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_assert_nonnull(strstr(error->message, "networks"));
    g_assert_nonnull(strstr(error->message, "name is taken"));
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    const struct {
        const char *name;
        void (*run)(Places *, gconstpointer);
    } tests[] = {{"/copy/there-and-back", test_there_and_back},
                 {"/copy/compare", test_compare},
                 {"/copy/refused", test_refused},
                 {"/copy/same-names", test_same_names}};
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, Places, NULL, places_set_up, tests[i].run, places_tear_down);
    return g_test_run();
}
