// SPDX-License-Identifier: Apache-2.0
// What users, departments and log-ins need of the store, and their views.
#include <locale.h>

#include "base/error.h"
#include "base/id.h"
#include "fixture.h"

static char *
login(YdStore *store, const char *user_id, const char *hash, gint64 expires)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdLogin) row = yd_login_new();
    row->user_id = g_strdup(user_id);
    row->token_hash = g_strdup(hash);
    row->kind = g_strdup("bearer");
    row->last_used = 1000;
    row->expires = expires;
    yd_store_insert(store, &yd_login_type, row, &error);
    g_assert_no_error(error);
    return g_strdup(row->id);
}

static void
test_logins(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_autofree char *alice = fixture_user(store, "alice", "manager");
    g_autofree char *first = login(store, alice, "h1", 5000);
    g_autofree char *second = login(store, alice, "h2", 9000);
    g_autoptr(YdLogin) found = yd_store_login_by_token(store, "h1", 4000, &error);
    g_assert_cmpstr(found->username, ==, "alice");
    g_assert_cmpstr(found->role, ==, "manager");
    g_assert_true(found->user_enabled);
    g_assert_null(yd_store_login_by_token(store, "h1", 5000, &error)); // over
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(yd_store_login_by_token(store, "H1", 4000, NULL));
    // noted at most every 20 s
    g_assert_true(yd_store_login_used(store, first, 20000, NULL));
    g_autoptr(YdLogin) read = yd_store_get(store, &yd_login_type, first, NULL);
    g_assert_cmpint(read->last_used, ==, 1000);
    g_assert_true(yd_store_login_used(store, first, 21000, NULL));
    g_autoptr(YdUser) user = yd_store_get(store, &yd_user_type, alice, NULL);
    g_assert_cmpint(user->last_seen, ==, 21000);
    // a disabled user has no live log-in
    user->enabled = FALSE;
    g_assert_true(yd_store_update(store, &yd_user_type, user, NULL));
    g_assert_null(yd_store_login_by_token(store, "h2", 4000, NULL));
    gint64 ended = 0;
    g_assert_true(yd_store_end_logins(store, alice, second, &ended, NULL));
    g_assert_cmpint(ended, ==, 1);
    g_assert_true(yd_store_end_logins(store, alice, NULL, &ended, NULL));
    g_assert_cmpint(ended, ==, 1);
    g_assert_true(yd_store_login_used(store, first, 99000, NULL)); // gone: nothing to note
}

static void
test_uids(void)
{
    g_autoptr(YdStore) store = fixture_open();
    gint64 a = 0, b = 0, c = 0;
    g_assert_true(yd_store_next_uid(store, &a, NULL));
    g_assert_true(yd_store_next_uid(store, &b, NULL));
    g_assert_cmpint(a, ==, 20000);
    g_assert_cmpint(b, ==, 20001);
    g_autofree char *user = fixture_user(store, "gone", "user");
    g_assert_true(yd_store_delete(store, &yd_user_type, user, 0, NULL));
    g_assert_true(yd_store_next_uid(store, &c, NULL));
    g_assert_cmpint(c, ==, 20003); // that of the deleted user is not given again
}

static void
test_failures(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autofree char *alice = fixture_user(store, "alice", "user");
    for (gint64 i = 1; i <= 4; i++) {
        g_assert_true(yd_store_count_failure(store, alice, 3, 7000 + i, NULL));
        g_autoptr(YdUser) user = yd_store_get(store, &yd_user_type, alice, NULL);
        g_assert_cmpint(user->failed_logins, ==, i);
        g_assert_cmpint(user->locked_until, ==, i < 3 ? 0 : 7000 + i);
        g_assert_cmpint(user->version, ==, 1);
    }
}

static void
test_departments(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autofree char *max = fixture_user(store, "max", "manager");
    g_autofree char *sales = fixture_department(store, "1", "Sales");
    g_autofree char *buying = fixture_department(store, "2", "Buying");
    fixture_member(store, sales, max);
    fixture_member(store, buying, max);
    fixture_manager(store, buying, max);
    g_autoptr(GPtrArray) managed = yd_store_managed_departments(store, max, NULL);
    g_assert_cmpuint(managed->len, ==, 1);
    g_assert_cmpstr(managed->pdata[0], ==, buying);
    g_autoptr(YdUser) user = yd_store_get(store, &yd_user_type, max, NULL);
    g_assert_cmpstr(user->department_names, ==, "Buying, Sales");
    g_autoptr(YdDepartment) department = yd_store_get(store, &yd_department_type, buying, NULL);
    g_assert_cmpint(department->members, ==, 1);
    g_assert_cmpint(department->managers, ==, 1);
    g_autoptr(YdManagership) row = yd_store_find(store, &yd_managership_type, "user_id", max, NULL);
    g_assert_cmpstr(row->department_name, ==, "Buying");
    g_assert_true(g_str_has_prefix(row->id, "mgr-"));
    // memberships go with the department
    g_assert_true(yd_store_delete(store, &yd_department_type, buying, 0, NULL));
    g_autoptr(GPtrArray) left = yd_store_all(store, &yd_membership_type, "user_id", max, NULL);
    g_assert_cmpuint(left->len, ==, 1);
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/people/logins", test_logins);
    g_test_add_func("/people/uids", test_uids);
    g_test_add_func("/people/failures", test_failures);
    g_test_add_func("/people/departments", test_departments);
    return g_test_run();
}
