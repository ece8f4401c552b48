// SPDX-License-Identifier: Apache-2.0
// The store on a cluster of three nodes (Galera): writers on different nodes, a node that is
// killed, the majority lost and made again. Run by tests/lib/with-galera.
#include <mysql.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "fixture.h"
#include "store/store-private.h"

static char *
read_file(const char *name)
{
    char *text = NULL;
    g_autofree char *path = g_build_filename(g_getenv("YD_TEST_GALERA"), name, NULL);
    if (!g_file_get_contents(path, &text, NULL, NULL))
        g_error("%s can't be read", path);
    return g_strstrip(text);
}

static char *
address(guint node)
{
    g_autofree char *name = g_strdup_printf("n%u.port", node);
    g_autofree char *port = read_file(name);
    return g_strconcat("127.0.0.1:", port, NULL);
}

// node 0: all three, from the first on
static char *
url(guint node)
{
    g_autofree char *one = address(node ? node : 1);
    g_autofree char *two = address(2), *three = address(3);
    return node ? g_strdup_printf("mariadb://root@%s/yd_test", one)
                : g_strdup_printf("mariadb://root@%s,%s,%s/yd_test", one, two, three);
}

static void
kill_node(guint node)
{
    g_autofree char *name = g_strdup_printf("n%u.pid", node);
    g_autofree char *pid = read_file(name);
    g_assert_cmpint(kill((pid_t)g_ascii_strtoll(pid, NULL, 10), SIGKILL), ==, 0);
}

static gint64
number(YdSql *sql, const char *text)
{
    g_autoptr(GError) error = NULL;
    gint64 n = -1;
    g_assert_true(yd_store_read_int(yd_sql_query(sql, &error, text, ""), &n, &error));
    g_assert_no_error(error);
    return n;
}

// ---- three writers, each on a node of its own

#define ROUNDS 15

typedef struct {
    char *where;
    guint refused;
} Writer;

// What is read decides what is written: no update is lost, and one that was overtaken is refused,
// never repeated blindly.
static gboolean
add_one(YdSql *sql, GError **error)
{
    gint64 value = 0;
    if (!yd_sql_begin(sql, error))
        return FALSE;
    if (yd_store_read_int(
            yd_sql_query(sql, error, "SELECT value FROM counters WHERE name = 'uid'", ""), &value,
            error) &&
        yd_sql_run(sql, NULL, error, "UPDATE counters SET value = ? WHERE name = 'uid'", "i",
                   value + 1) &&
        yd_sql_commit(sql, error))
        return TRUE;
    yd_sql_rollback(sql);
    return FALSE;
}

static gpointer
write_on_node(gpointer data)
{
    Writer *writer = data;
    g_autoptr(GError) error = NULL;
    YdSql *sql = yd_sql_open(writer->where, FALSE, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < ROUNDS; i++) {
        while (!add_one(sql, &error)) {
            g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
            g_clear_error(&error);
            writer->refused++;
        }
        // repeated under the surface as often as need be
        g_assert_true(yd_sql_run(sql, NULL, &error,
                                 "UPDATE counters SET value = value + 1 WHERE name = 'uid'", ""));
        g_assert_no_error(error);
    }
    yd_sql_close(sql);
    return NULL;
}

static void
test_writers_everywhere(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *all = url(0);
    g_autoptr(YdStore) store = yd_store_open(all, FALSE, &error);
    g_assert_no_error(error);
    Writer writers[3] = {{url(1), 0}, {url(2), 0}, {url(3), 0}};
    GThread *threads[3];
    for (guint i = 0; i < 3; i++)
        threads[i] = g_thread_new("writer", write_on_node, &writers[i]);
    for (guint i = 0; i < 3; i++)
        g_thread_join(threads[i]);
    g_assert_cmpint(number(store->sql, "SELECT value FROM counters WHERE name = 'uid'"), ==,
                    20000 + 3 * ROUNDS * 2);
    g_test_message("overtaken and refused: %u, %u, %u", writers[0].refused, writers[1].refused,
                   writers[2].refused);
    for (guint i = 0; i < 3; i++)
        g_free(writers[i].where);
}

// ---- a node is killed under load

static gint made, stop_after;

static gpointer
make_departments(gpointer where)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(where, FALSE, &error);
    gint64 longest = 0;
    g_assert_no_error(error);
    for (;;) {
        gint n = g_atomic_int_add(&made, 1);
        if (n >= g_atomic_int_get(&stop_after))
            return GINT_TO_POINTER((gint)(longest / 1000));
        g_autofree char *name = g_strdup_printf("d-%d", n);
        gint64 begin = g_get_monotonic_time();
        g_free(fixture_department(store, name, name)); // unique: one that was made twice would fail
        longest = MAX(longest, g_get_monotonic_time() - begin);
    }
}

static void
test_node_killed(void)
{
    g_autofree char *all = url(0);
    GThread *threads[4];
    gint longest = 0;
    g_autoptr(GError) error = NULL;
    g_atomic_int_set(&made, 0);
    g_atomic_int_set(&stop_after, 400);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("maker", make_departments, all);
    while (g_atomic_int_get(&made) < 150)
        g_usleep(1000);
    kill_node(1);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        longest = MAX(longest, GPOINTER_TO_INT(g_thread_join(threads[i])));
    g_test_message("longest wait %d ms", longest);
    g_autoptr(YdStore) store = yd_store_open(all, FALSE, &error);
    g_assert_no_error(error);
    g_assert_cmpint(number(store->sql, "SELECT COUNT(*) FROM departments"), ==, 400);
    g_assert_cmpint(number(store->sql, "SELECT COUNT(DISTINCT name) FROM departments"), ==, 400);
    g_assert_cmpint(number(store->sql, "SELECT COUNT(*) FROM events"), ==, 400);
}

// ---- two of three: no majority, a clear error, and it goes on when an administrator says so

static void
bootstrap(guint node)
{
    g_autofree char *name = g_strdup_printf("%s/n%u.sock", g_getenv("YD_TEST_GALERA"), node);
    MYSQL *mysql = mysql_init(NULL);
    g_assert_nonnull(mysql_real_connect(mysql, "localhost", "root", "", NULL, 0, name, 0));
    g_assert_cmpint(mysql_query(mysql, "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'"),
                    ==, 0);
    mysql_close(mysql);
}

static void
test_majority_lost(void)
{
    g_autofree char *all = url(0);
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(all, FALSE, &error);
    g_assert_no_error(error);
    g_autoptr(YdDepartment) department = yd_department_new();
    department->name = g_strdup("late");
    kill_node(2);
    gint64 begin = g_get_monotonic_time();
    g_assert_false(yd_store_insert(store, &yd_department_type, department, &error));
    g_test_message("refused after %d ms: %s", (gint)((g_get_monotonic_time() - begin) / 1000),
                   error->message);
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_assert_cmpint(g_get_monotonic_time() - begin, <, 60 * G_USEC_PER_SEC);
    g_clear_error(&error);
    // the next one is told at once, a reader too
    g_assert_null(yd_store_find(store, &yd_department_type, "name", "d-1", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_clear_error(&error);
    bootstrap(3);
    begin = g_get_monotonic_time();
    while (!yd_store_insert(store, &yd_department_type, department, &error)) {
        g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
        g_clear_error(&error);
        g_assert_cmpint(g_get_monotonic_time() - begin, <, 60 * G_USEC_PER_SEC);
    }
    g_assert_cmpint(number(store->sql, "SELECT COUNT(*) FROM departments"), ==, 401);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/galera/writers-everywhere", test_writers_everywhere);
    g_test_add_func("/galera/node-killed", test_node_killed);
    g_test_add_func("/galera/majority-lost", test_majority_lost);
    return g_test_run();
}
