// SPDX-License-Identifier: Apache-2.0
// What only MariaDB can get wrong: strictness, collations, one writer at a time, transactions that
// are repeated, and commits whose answer was lost.
#include <mysql.h>
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "fixture.h"
#include "store/store-private.h"

static gint64
number(YdSql *sql, const char *text)
{
    g_autoptr(GError) error = NULL;
    gint64 n = -1;
    g_assert_true(yd_store_read_int(yd_sql_query(sql, &error, text, ""), &n, &error));
    g_assert_no_error(error);
    return n;
}

static void
test_collations(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_free(fixture_department(store, "a", "Sales"));
    g_free(fixture_department(store, "A", "Sales 2"));  // numbers compare by bytes
    g_free(fixture_department(store, "a ", "Sales 3")); // and no space is forgotten
    g_autofree char *version = fixture_template_version(store, "Größe");
    g_autofree char *net = fixture_network(store, "Ärzte", "10.99.0.10", "10.99.0.12");
    g_free(fixture_pool(store, "Sales", version, net));
    g_autoptr(YdPool) pool = yd_store_find(store, &yd_pool_type, "name", "sALES", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(pool->name, ==, "Sales");
    g_clear_pointer(&pool->id, g_free);
    yd_set_string(&pool->name, "SALES");
    g_assert_false(yd_store_insert(store, &yd_pool_type, pool, &error));
    g_assert_cmpstr(error->message, ==, "There is already a pool with the name “SALES”");
    g_clear_error(&error);
    yd_set_string(&pool->name, "Sales "); // another name, as in SQLite
    g_assert_true(yd_store_insert(store, &yd_pool_type, pool, &error));
    // accents make another name; usernames tell the case
    g_free(fixture_network(store, "Arzte", "10.99.0.20", "10.99.0.22"));
    g_free(fixture_user(store, "Alice", "user"));
    g_free(fixture_user(store, "alice", "user"));
    g_assert_null(yd_store_find(store, &yd_user_type, "username", "ALICE", NULL));
}

static void
test_strict(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_autofree char *id = fixture_user(store, "alice", "user");
    const struct {
        const char *text, *starts;
    } cases[] = {
        {"UPDATE users SET username = NULL WHERE id = ?", "username: must be given"},
        {"UPDATE users SET username = REPEAT('x', 300) WHERE id = ?", "username: is too long"},
        {"UPDATE users SET uid = 'many' WHERE id = ?", "uid: is not valid"},
        {"UPDATE users SET username = CONCAT(x'ff', '') WHERE id = ?", "username: is not valid"},
        {"UPDATE users SET role = 'king' WHERE id = ?", "A value is out of bounds: role"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_assert_false(yd_sql_run(store->sql, NULL, &error, cases[i].text, "t", id));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_assert_true(g_str_has_prefix(error->message, cases[i].starts));
        g_clear_error(&error);
    }
    g_assert_false(yd_sql_run(store->sql, NULL, &error, "SELECT 1 FROM nothing", ""));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    g_clear_error(&error);
    g_assert_false(yd_sql_run(store->sql, NULL, &error, "SELECT ?", ""));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL); // no parameter
    // assignments see the row as it was
    g_assert_true(yd_sql_run(store->sql, NULL, NULL,
                             "UPDATE users SET failed_logins = 5, locked_until = failed_logins "
                             "WHERE id = ?",
                             "t", id));
    g_assert_cmpint(number(store->sql, "SELECT locked_until FROM users"), ==, 0);
}

// ---- one writer at a time

typedef struct {
    const char *where;
    guint n;
} Adder;

// Reads, thinks, writes what it has read and one more: lost updates would show.
static gpointer
add(gpointer data)
{
    Adder *adder = data;
    g_autoptr(GError) error = NULL;
    YdSql *sql = yd_sql_open(adder->where, FALSE, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < adder->n; i++) {
        g_assert_true(yd_sql_begin(sql, &error));
        gint64 value = number(sql, "SELECT value FROM counters WHERE name = 'uid'");
        g_assert_true(yd_sql_run(
            sql, NULL, &error, "UPDATE counters SET value = ? WHERE name = 'uid'", "i", value + 1));
        g_assert_true(yd_sql_commit(sql, &error));
        // a single change waits for its turn as well
        g_assert_true(yd_sql_run(sql, NULL, &error,
                                 "UPDATE counters SET value = value + 1 WHERE name = 'uid'", ""));
        g_assert_no_error(error);
    }
    yd_sql_close(sql);
    return NULL;
}

static void
test_one_writer(void)
{
    char *where = fixture_where();
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(where, FALSE, &error);
    g_assert_no_error(error);
    gint64 before = number(store->sql, "SELECT value FROM counters WHERE name = 'uid'");
    Adder adder = {where, 25};
    GThread *threads[8];
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("add", add, &adder);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
    g_assert_cmpint(number(store->sql, "SELECT value FROM counters WHERE name = 'uid'"), ==,
                    before + 8 * 25 * 2);
    // the rows of connections that are closed are gone
    g_assert_cmpint(number(store->sql, "SELECT COUNT(*) FROM store_turns"), <=, 2);
    g_clear_pointer(&store, yd_store_close);
    fixture_where_free(where);
}

// Check, then insert, as services do: only one of those that come at the same time may.
static gpointer
check_then_insert(gpointer where)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(where, FALSE, &error);
    g_assert_no_error(error);
    guint made = 0;
    for (guint i = 0; i < 20; i++) {
        g_autofree char *noun = g_strdup_printf("noun-%u", i);
        g_autoptr(YdStoreTx) tx = yd_store_tx(store, &error);
        gint64 n = 0;
        g_assert_true(
            yd_store_read_int(yd_sql_query(store->sql, &error,
                                           "SELECT COUNT(*) FROM events WHERE noun = ?", "t", noun),
                              &n, &error));
        if (n == 0) {
            g_assert_true(yd_store_event(store, "created", noun, NULL, NULL, NULL, &error));
            made++;
        }
        g_assert_true(yd_store_tx_commit(&tx, &error));
        g_assert_no_error(error);
    }
    return GUINT_TO_POINTER(made);
}

static void
test_check_then_insert(void)
{
    char *where = fixture_where();
    g_autoptr(YdStore) store = yd_store_open(where, FALSE, NULL);
    GThread *threads[6];
    guint made = 0;
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("insert", check_then_insert, where);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        made += GPOINTER_TO_UINT(g_thread_join(threads[i]));
    g_assert_cmpuint(made, ==, 20);
    g_assert_cmpint(number(store->sql, "SELECT COUNT(*) FROM events"), ==, 20);
    g_clear_pointer(&store, yd_store_close);
    fixture_where_free(where);
}

// ---- faults: a second connection without the driver plays them

static MYSQL *
administrator(const char *where)
{
    g_auto(GStrv) parts = g_strsplit_set(where, "/?", -1);
    MYSQL *mysql = mysql_init(NULL);
    g_assert_nonnull(mysql_real_connect(mysql, "localhost", "root", "", parts[3], 0,
                                        g_getenv("YD_TEST_MARIADB"), 0));
    return mysql;
}

static void
run(MYSQL *mysql, const char *text)
{
    if (mysql_query(mysql, text) != 0)
        g_error("%s: %s", text, mysql_error(mysql));
    mysql_free_result(mysql_store_result(mysql));
}

static void
kill_connection(MYSQL *mysql, gint64 id)
{
    g_autofree char *text = g_strdup_printf("KILL CONNECTION %" G_GINT64_FORMAT, id);
    run(mysql, text);
    // it is gone when the server says so
    g_autofree char *look = g_strdup_printf(
        "SELECT COUNT(*) FROM information_schema.processlist WHERE id = %" G_GINT64_FORMAT, id);
    for (guint i = 0; i < 500; i++) {
        g_assert_cmpint(mysql_query(mysql, look), ==, 0);
        MYSQL_RES *result = mysql_store_result(mysql);
        gboolean gone = g_str_equal(mysql_fetch_row(result)[0], "0");
        mysql_free_result(result);
        if (gone)
            return;
        g_usleep(10000);
    }
    g_error("connection %" G_GINT64_FORMAT " does not end", id);
}

#define ME "SELECT CONNECTION_ID()"

// The connection goes between statements, and between the last one and COMMIT: nobody notices.
static void
test_repeated(void)
{
    char *where = fixture_where();
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(where, FALSE, &error);
    MYSQL *mysql = administrator(where);
    for (guint when = 0; when < 3; when++) {
        gint64 me = number(store->sql, ME);
        if (when == 0)
            kill_connection(mysql, me);
        g_autoptr(YdStoreTx) tx = yd_store_tx(store, &error);
        g_assert_no_error(error);
        g_autofree char *name = g_strdup_printf("user-%u", when);
        g_autofree char *id = fixture_user(store, name, "user"); // takes a number, too
        g_autoptr(YdUser) user = yd_store_get(store, &yd_user_type, id, &error);
        // refused once, refused again: part of what is repeated
        g_clear_pointer(&user->id, g_free);
        user->uid += 1000;
        g_assert_false(yd_store_insert(store, &yd_user_type, user, NULL));
        if (when == 1)
            kill_connection(mysql, me);
        g_free(fixture_department(store, name, name));
        if (when == 2)
            kill_connection(mysql, me);
        g_assert_true(yd_store_tx_commit(&tx, &error));
        g_assert_no_error(error);
        g_assert_cmpint(number(store->sql, "SELECT COUNT(*) FROM users"), ==, when + 1);
        g_assert_cmpint(number(store->sql, "SELECT COUNT(*) FROM departments"), ==, when + 1);
        g_assert_cmpint(number(store->sql, "SELECT COUNT(*) FROM events"), ==, 2 * (when + 1));
        g_assert_cmpint(number(store->sql, ME), !=, me);
    }
    mysql_close(mysql);
    g_clear_pointer(&store, yd_store_close);
    fixture_where_free(where);
}

// What it had read has changed meanwhile: it is not repeated blindly.
static void
test_not_repeated(void)
{
    char *where = fixture_where();
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(where, FALSE, &error);
    MYSQL *mysql = administrator(where);
    gint64 me = number(store->sql, ME);
    g_assert_true(yd_store_begin(store, &error));
    g_assert_cmpint(number(store->sql, "SELECT value FROM counters WHERE name = 'uid'"), ==, 20000);
    kill_connection(mysql, me);
    run(mysql, "UPDATE counters SET value = 30000 WHERE name = 'uid'");
    g_assert_false(yd_sql_run(store->sql, NULL, &error,
                              "UPDATE counters SET value = 20001 WHERE name = 'uid'", ""));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_assert_nonnull(strstr(error->message, "try again"));
    yd_store_abort(store);
    g_assert_cmpint(number(store->sql, "SELECT value FROM counters WHERE name = 'uid'"), ==, 30000);
    g_clear_error(&error);
    g_free(fixture_user(store, "after", "user"));
    mysql_close(mysql);
    g_clear_pointer(&store, yd_store_close);
    fixture_where_free(where);
}

// The answer to COMMIT is lost, once although it was carried out, once because it was not. The row
// of the connection decides, so nothing is done twice or forgotten.
static void
test_uncertain(void)
{
    char *where = fixture_where();
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(where, FALSE, &error);
    MYSQL *mysql = administrator(where);
    for (guint carried_out = 0; carried_out < 2; carried_out++) {
        gint64 me = number(store->sql, ME);
        g_assert_true(yd_sql_begin(store->sql, &error));
        g_assert_true(yd_sql_run(store->sql, NULL, &error,
                                 "INSERT INTO counters (name, value) VALUES (?, 1)", "t",
                                 carried_out ? "b" : "a"));
        // COMMIT by the back door: the driver sends its own after that and finds no connection
        if (carried_out)
            g_assert_true(yd_sql_script(store->sql, "COMMIT", &error));
        kill_connection(mysql, me);
        g_assert_true(yd_sql_commit(store->sql, &error));
        g_assert_no_error(error);
        g_assert_cmpint(number(store->sql, "SELECT COUNT(*) FROM counters"), ==, 2 + carried_out);
    }
    mysql_close(mysql);
    g_clear_pointer(&store, yd_store_close);
    fixture_where_free(where);
}

// A turn that somebody holds for ever: an error after the time, not a hang; and then it goes on.
static void
test_turn_held(void)
{
    char *where = fixture_where();
    g_autoptr(GError) error = NULL;
    g_autoptr(YdStore) store = yd_store_open(where, FALSE, &error);
    MYSQL *mysql = administrator(where);
    g_assert_true(yd_sql_script(store->sql, "SET SESSION innodb_lock_wait_timeout = 1", &error));
    run(mysql, "BEGIN");
    run(mysql, "UPDATE store_turns SET turn = turn WHERE writer = ''");
    g_assert_false(yd_sql_begin(store->sql, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_assert_false(yd_sql_in_transaction(store->sql));
    g_assert_cmpint(number(store->sql, "SELECT COUNT(*) FROM users"), ==, 0); // readers don't wait
    run(mysql, "ROLLBACK");
    g_free(fixture_user(store, "after", "user"));
    mysql_close(mysql);
    g_clear_pointer(&store, yd_store_close);
    fixture_where_free(where);
}

static void
test_unreachable(void)
{
    const struct {
        const char *url, *word;
    } cases[] = {
        {"mariadb://nobody@/yundesk?socket=%s", "Access denied"},
        {"mariadb://root@/yundesk?socket=%s&password-file=/nowhere/password", "/nowhere/password"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        gint64 begin = g_get_monotonic_time();
        g_auto(GStrv) parts = g_strsplit(cases[i].url, "%s", 2);
        g_autofree char *url = g_strconcat(parts[0], g_getenv("YD_TEST_MARIADB"), parts[1], NULL);
        g_assert_null(yd_store_open(url, FALSE, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
        g_assert_nonnull(strstr(error->message, cases[i].word));
        g_assert_cmpint(g_get_monotonic_time() - begin, <,
                        14 * G_USEC_PER_SEC); // waits in vain? no
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mariadb/collations", test_collations);
    g_test_add_func("/mariadb/strict", test_strict);
    g_test_add_func("/mariadb/one-writer", test_one_writer);
    g_test_add_func("/mariadb/check-then-insert", test_check_then_insert);
    g_test_add_func("/mariadb/repeated", test_repeated);
    g_test_add_func("/mariadb/not-repeated", test_not_repeated);
    g_test_add_func("/mariadb/uncertain", test_uncertain);
    g_test_add_func("/mariadb/turn-held", test_turn_held);
    g_test_add_func("/mariadb/unreachable", test_unreachable);
    return g_test_run();
}
