// SPDX-License-Identifier: Apache-2.0
// The schema from every earlier step, and databases that can't be used.
#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "fixture.h"
#include "store/migrate.h"

typedef struct {
    char *dir, *path;
} Place;

static void
place_set_up(Place *place, gconstpointer data)
{
    place->dir = g_dir_make_tmp("store-migrate-XXXXXX", NULL);
    place->path =
        fixture_is_mariadb() ? fixture_where() : g_build_filename(place->dir, "yundesk.db", NULL);
}

static void
place_tear_down(Place *place, gconstpointer data)
{
    g_autofree char *wal = g_strconcat(place->path, "-wal", NULL);
    g_autofree char *shm = g_strconcat(place->path, "-shm", NULL);
    g_unlink(place->path);
    g_unlink(wal);
    g_unlink(shm);
    g_assert_cmpint(g_rmdir(place->dir), ==, 0);
    if (fixture_is_mariadb())
        fixture_where_free(place->path);
    else
        g_free(place->path);
    g_free(place->dir);
}

static gint64
number(YdSql *sql, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStatement) statement = yd_sql_query(sql, &error, text, "");
    gboolean row = FALSE;
    g_assert_no_error(error);
    g_assert_true(yd_statement_step(statement, &row, &error) && row);
    return yd_statement_int(statement, 0);
}

static void
test_every_step(Place *place, gconstpointer data)
{
    gint64 first = fixture_is_mariadb() ? yd_migrations_mariadb[0].number : 1;
    for (gint64 from = first; from <= (gint64)yd_n_migrations; from++) {
        g_autoptr(GError) error = NULL;
        YdSql *sql = yd_sql_open(place->path, TRUE, &error);
        g_assert_true(yd_migrate(sql, from, &error));
        g_assert_no_error(error);
        g_assert_cmpint(number(sql, "SELECT MAX(number) FROM schema_steps"), ==, from);
        g_assert_true(yd_migrate(sql, from, &error)); // twice is once
        yd_sql_close(sql);
        g_autoptr(YdStore) store = yd_store_open(place->path, TRUE, &error);
        g_assert_no_error(error);
        g_free(fixture_user(store, "alice", "user"));
        g_clear_pointer(&store, yd_store_close);
        sql = yd_sql_open(place->path, TRUE, &error);
        g_assert_cmpint(number(sql, "SELECT COUNT(*) FROM schema_steps"), ==,
                        yd_n_migrations - first + 1);
        yd_sql_close(sql);
        if (fixture_is_mariadb()) {
            fixture_where_free(place->path);
            place->path = fixture_where();
        } else {
            g_assert_cmpint(g_unlink(place->path), ==, 0);
        }
    }
}

// MariaDB has no transaction around a step: one that was interrupted anywhere is run again.
static void
test_interrupted(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < yd_n_migrations_mariadb; i++) {
        g_auto(GStrv) statements = g_strsplit(yd_migrations_mariadb[i].text, ";\n", -1);
        guint n = g_strv_length(statements);
        for (guint part = 1; part <= 3; part++) {
            char *where = fixture_where();
            YdSql *sql = yd_sql_open(where, FALSE, &error);
            g_assert_no_error(error);
            if (i > 0)
                g_assert_true(yd_migrate(sql, yd_migrations_mariadb[i].number - 1, &error));
            else // the driver's own tables, as the lock makes them
                g_assert_true(yd_sql_lock_schema(sql, &error));
            for (guint j = 0; j < n * part / 4; j++)
                g_assert_true(yd_sql_script(sql, statements[j], &error));
            yd_sql_unlock_schema(sql);
            g_assert_true(yd_migrate(sql, 0, &error));
            g_assert_no_error(error);
            yd_sql_close(sql);
            g_autoptr(YdStore) store = yd_store_open(where, FALSE, &error);
            g_assert_no_error(error);
            g_free(fixture_user(store, "alice", "user"));
            g_clear_pointer(&store, yd_store_close);
            fixture_where_free(where);
        }
    }
}

// Password hashes are in it: nobody else reads it, nor what SQLite keeps beside it.
static void
test_private(Place *place, gconstpointer data)
{
    g_autoptr(YdStore) store = yd_store_open(place->path, FALSE, NULL);
    g_free(fixture_user(store, "alice", "user"));
    g_autoptr(GDir) dir = g_dir_open(place->dir, 0, NULL);
    guint n = 0;
    for (const char *name = g_dir_read_name(dir); name; name = g_dir_read_name(dir), n++) {
        g_autofree char *path = g_build_filename(place->dir, name, NULL);
        GStatBuf info;
        g_assert_cmpint(g_stat(path, &info), ==, 0);
        g_assert_cmpint(info.st_mode & 0777, ==, 0600);
    }
    g_assert_cmpuint(n, ==, 3); // the database, -wal and -shm
}

static void
test_newer(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(place->path, FALSE, NULL);
    g_clear_pointer(&store, yd_store_close);
    YdSql *sql = yd_sql_open(place->path, FALSE, NULL);
    g_assert_true(yd_sql_script(sql, "INSERT INTO schema_steps VALUES (9999, 'later', 1)", NULL));
    yd_sql_close(sql);
    g_assert_null(yd_store_open(place->path, FALSE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "9999"));
}

// A step that fails leaves the schema as it was.
static void
test_failing_step(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    YdSql *sql = yd_sql_open(place->path, FALSE, NULL);
    g_assert_true(yd_migrate(sql, 1, NULL));
    // the last table of step 2 is in the way
    g_assert_true(yd_sql_script(sql, "CREATE TABLE counters (x INTEGER)", NULL));
    g_assert_false(yd_migrate(sql, 0, &error));
    g_assert_nonnull(strstr(error->message, "0002-people"));
    g_assert_cmpint(number(sql, "SELECT MAX(number) FROM schema_steps"), ==, 1);
    g_assert_cmpint(number(sql, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'users'"), ==, 0);
    yd_sql_close(sql);
}

static void
test_not_a_database(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strnfill(8192, 'x');
    g_assert_true(g_file_set_contents(place->path, text, -1, NULL));
    g_assert_null(yd_store_open(place->path, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    g_assert_nonnull(strstr(error->message, place->path));
    g_assert_nonnull(strstr(error->message, "backup"));
}

static void
test_damaged(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(place->path, FALSE, NULL);
    for (guint i = 0; i < 200; i++) {
        g_autofree char *name = g_strdup_printf("user%u", i);
        g_free(fixture_user(store, name, "user"));
    }
    g_clear_pointer(&store, yd_store_close);
    // one page in the middle is overwritten
    GStatBuf info;
    g_assert_cmpint(g_stat(place->path, &info), ==, 0);
    int fd = g_open(place->path, O_WRONLY, 0);
    char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    for (off_t at = 4096 * 3; at + 4096 < info.st_size; at += 4096 * 5)
        g_assert_cmpint(pwrite(fd, junk, sizeof junk, at), ==, sizeof junk);
    close(fd);
    g_assert_null(yd_store_open(place->path, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    g_assert_nonnull(strstr(error->message, "damaged"));
}

static void
test_no_folder(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(place->dir, "missing", "yundesk.db", NULL);
    g_assert_null(yd_store_open(path, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, path));
}

static void
test_read_only(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    // root may write in every folder but those of the kernel
    g_autofree char *path = g_strdup(geteuid() == 0 ? "/proc/yundesk.db" : place->path);
    g_assert_cmpint(g_chmod(place->dir, 0500), ==, 0);
    g_assert_null(yd_store_open(path, TRUE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, "can be written"));
    g_assert_cmpint(g_chmod(place->dir, 0700), ==, 0);
}

// No room: NO_SPACE, nothing half done, and the store goes on once there is room.
static void
test_full(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    YdSql *sql = yd_sql_open(place->path, FALSE, NULL);
    g_assert_true(yd_sql_script(sql, "CREATE TABLE t (x TEXT); PRAGMA max_page_count = 20", NULL));
    g_autofree char *text = g_strnfill(10000, 'x');
    g_assert_true(yd_sql_begin(sql, NULL));
    gboolean good = TRUE;
    for (guint i = 0; i < 100 && good; i++)
        good = yd_sql_run(sql, NULL, &error, "INSERT INTO t (x) VALUES (?)", "t", text);
    g_assert_error(error, YD_ERROR, YD_ERROR_NO_SPACE);
    yd_sql_rollback(sql);
    g_assert_cmpint(number(sql, "SELECT COUNT(*) FROM t"), ==, 0);
    g_assert_true(yd_sql_run(sql, NULL, NULL, "INSERT INTO t (x) VALUES ('y')", ""));
    yd_sql_close(sql);
}

// Another writer holds the lock for longer than we wait.
static void
test_busy(Place *place, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    YdSql *holder = yd_sql_open(place->path, FALSE, NULL);
    g_assert_true(yd_sql_begin(holder, NULL));
    YdSql *other = yd_sql_open(place->path, FALSE, NULL);
    g_assert_true(yd_sql_script(other, "PRAGMA busy_timeout = 20", NULL));
    g_assert_false(yd_sql_begin(other, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    yd_sql_rollback(holder);
    g_assert_true(yd_sql_begin(other, NULL));
    yd_sql_rollback(other);
    yd_sql_close(other);
    yd_sql_close(holder);
}

static gpointer
open_one(gpointer path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(path, TRUE, &error);
    g_assert_no_error(error);
    g_assert_nonnull(store);
    return NULL;
}

// Several that start at the same time on an empty file.
static void
test_race(Place *place, gconstpointer data)
{
    GThread *threads[4];
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("open", open_one, place->path);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    enum { BOTH, SQLITE, MARIADB };
    const struct {
        const char *name;
        void (*run)(Place *, gconstpointer);
        int on;
    } tests[] = {{"/migrate/every-step", test_every_step, BOTH},
                 {"/migrate/private", test_private, SQLITE},
                 {"/migrate/newer", test_newer, BOTH},
                 {"/migrate/failing-step", test_failing_step, SQLITE},
                 {"/migrate/interrupted", test_interrupted, MARIADB},
                 {"/migrate/not-a-database", test_not_a_database, SQLITE},
                 {"/migrate/damaged", test_damaged, SQLITE},
                 {"/migrate/no-folder", test_no_folder, SQLITE},
                 {"/migrate/read-only", test_read_only, SQLITE},
                 {"/migrate/full", test_full, SQLITE},
                 {"/migrate/busy", test_busy, SQLITE},
                 {"/migrate/race", test_race, BOTH}};
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        if (tests[i].on == (fixture_is_mariadb() ? SQLITE : MARIADB))
            continue;
        g_test_add(tests[i].name, Place, NULL, place_set_up, tests[i].run, place_tear_down);
    }
    return g_test_run();
}
