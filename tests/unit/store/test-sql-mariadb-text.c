// SPDX-License-Identifier: Apache-2.0
// What is changed in a text for MariaDB, and what is not.
#include "store/sql-mariadb-text.h"

static void
test_text(void)
{
    const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"SELECT id, load FROM hosts h WHERE h.load > ? AND payload = 'load' AND loads = 1",
         "SELECT id, \"load\" FROM hosts h WHERE h.\"load\" > ? AND payload = 'load' AND loads = "
         "1"},
        {"SELECT \"load\", 'it''s a range', usage", "SELECT \"load\", 'it''s a range', \"usage\""},
        {"WHERE 1 = 1 AND (yd_contains(name, ?) OR yd_contains(d.ip, ?))",
         "WHERE 1 = 1 AND ((LOCATE(REPLACE(LOWER(?), 'ß', 'ss'), REPLACE(LOWER(name), 'ß', 'ss')) "
         "> "
         "0) OR (LOCATE(REPLACE(LOWER(?), 'ß', 'ss'), REPLACE(LOWER(d.ip), 'ß', 'ss')) > 0))"},
        {"'yd_contains(name, ?)'", "'yd_contains(name, ?)'"},
        {"yd_contains", "yd_contains"},
        {"yd_contains(x)", "yd_contains(x)"},
        {"'never ended load", "'never ended load"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *out = yd_mariadb_text(cases[i].in);
        g_assert_cmpstr(out, ==, cases[i].out);
    }
}

static void
test_writes(void)
{
    g_assert_true(yd_mariadb_writes("INSERT INTO a VALUES (1)"));
    g_assert_true(yd_mariadb_writes("  update a SET b = 1"));
    g_assert_true(yd_mariadb_writes("DELETE FROM a"));
    g_assert_true(yd_mariadb_writes("REPLACE INTO a VALUES (1)"));
    g_assert_false(yd_mariadb_writes("SELECT 'INSERT'"));
    g_assert_false(yd_mariadb_writes(""));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mariadb-text/text", test_text);
    g_test_add_func("/mariadb-text/writes", test_writes);
    return g_test_run();
}
