// SPDX-License-Identifier: Apache-2.0
// MariaDB's errors as the store's: which kind, and that the column is named.
#include "store/sql-mariadb-error.h"

#include "base/error.h"

static void
test_table(void)
{
    const struct {
        guint code;
        const char *message;
        YdMariadbOutcome outcome;
        int error;
        const char *starts;
    } cases[] = {
        {1062, "Duplicate entry 'for key 'x' in it' for key 'username'", YD_MARIADB_REFUSED,
         YD_ERROR_EXISTS, "username is taken"},
        {1062, "Duplicate entry 'usr-1' for key 'PRIMARY'", YD_MARIADB_REFUSED, YD_ERROR_EXISTS,
         "id is taken"},
        {1451, "Cannot delete or update a parent row", YD_MARIADB_REFUSED, YD_ERROR_IN_USE,
         "Other"},
        {1452, "Cannot add or update a child row", YD_MARIADB_REFUSED, YD_ERROR_IN_USE, "Other"},
        {1048, "Column 'name' cannot be null", YD_MARIADB_REFUSED, YD_ERROR_INVALID,
         "name: must be given"},
        {1406, "Data too long for column 'name' at row 1", YD_MARIADB_REFUSED, YD_ERROR_INVALID,
         "name: is too long"},
        {1366, "Incorrect string value: '\\xFF' for column `yd`.`users`.`name` at row 1",
         YD_MARIADB_REFUSED, YD_ERROR_INVALID, "name: is not valid"},
        {4025, "CONSTRAINT `users.role` failed for `yd`.`users`", YD_MARIADB_REFUSED,
         YD_ERROR_INVALID, "A value is out of bounds: role"},
        {1114, "The table 'users' is full", YD_MARIADB_REFUSED, YD_ERROR_NO_SPACE, "The store yd"},
        {1030, "Got error 28 \"No space left on device\" from storage engine InnoDB",
         YD_MARIADB_REFUSED, YD_ERROR_NO_SPACE, "The store yd"},
        {1213, "Deadlock found", YD_MARIADB_CONFLICT, YD_ERROR_UNAVAILABLE, "The store yd"},
        {1205, "Lock wait timeout exceeded", YD_MARIADB_REFUSED, YD_ERROR_UNAVAILABLE, "The store"},
        {1047, "WSREP has not yet prepared node for application use", YD_MARIADB_LOST,
         YD_ERROR_UNAVAILABLE, "The store yd"},
        {2013, "Lost connection to server during query", YD_MARIADB_LOST, YD_ERROR_UNAVAILABLE,
         "The store yd"},
        {1290, "The server is running with the --read-only option", YD_MARIADB_REFUSED,
         YD_ERROR_UNAVAILABLE, "The store yd"},
        {1064, "You have an error in your SQL syntax", YD_MARIADB_REFUSED, YD_ERROR_INTERNAL,
         "The store yd"},
        {1062, "", YD_MARIADB_REFUSED, YD_ERROR_EXISTS, "value is taken"},
        {1048, "'", YD_MARIADB_REFUSED, YD_ERROR_INVALID, "value: must be given"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_cmpint(yd_mariadb_fail("yd@a:1/yd", cases[i].code, cases[i].message, &error), ==,
                        cases[i].outcome);
        g_assert_error(error, YD_ERROR, cases[i].error);
        g_assert_true(g_str_has_prefix(error->message, cases[i].starts));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mariadb-error/table", test_table);
    return g_test_run();
}
