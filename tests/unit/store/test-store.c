// SPDX-License-Identifier: Apache-2.0
// The generic verbs on one record: round trip, optimistic lock, transactions, refusals.
#include <locale.h>
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "fixture.h"
#include "model/desktop-state.h"

static void
test_round_trip(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_autoptr(YdHost) host = yd_host_new();
    host->name = g_strdup("主机 'one\"; DROP TABLE hosts;--");
    host->uri = g_strdup("test:///default");
    host->state = g_strdup("up");
    host->cpus = G_MAXINT64;
    host->memory_mib = -7;
    host->load = 0.1;
    host->vcpu_ratio = 4.5;
    g_assert_true(yd_store_insert(store, &yd_host_type, host, &error));
    g_assert_true(yd_id_valid(host->id, "hst"));
    g_assert_cmpint(host->version, ==, 1);
    g_assert_cmpint(host->created, >, 0);
    g_autoptr(YdHost) read = yd_store_get(store, &yd_host_type, host->id, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < yd_host_type.n_fields; i++) {
        const YdField *field = &yd_host_type.fields[i];
        if (field->kind == YD_FIELD_TEXT)
            g_assert_cmpstr(yd_record_text(host, field), ==, yd_record_text(read, field));
        else if (field->kind == YD_FIELD_DOUBLE)
            g_assert_cmpfloat(yd_record_double(host, field), ==, yd_record_double(read, field));
        else
            g_assert_cmpint(yd_record_int(host, field), ==, yd_record_int(read, field));
    }
    g_assert_null(read->error);
}

// Every type's columns are in its table and its view.
static void
test_all_types(void)
{
    g_autoptr(YdStore) store = fixture_open();
    for (const YdRecordType *const *type = yd_record_types(); *type; type++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(yd_store_get(store, *type, "nothing", &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
        g_clear_error(&error);
        gpointer record = yd_record_new(*type);
        g_assert_false(yd_store_insert(store, *type, record, &error)); // empty: values are missing
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_clear_error(&error);
        g_assert_false(yd_store_update(store, *type, record, &error));
        g_clear_error(&error);
        yd_record_free(*type, record);
        YdQuery query = {.limit = 3, .want_total = TRUE};
        g_autoptr(YdPage) page = yd_store_list(store, *type, &query, &error);
        g_assert_no_error(error);
        g_assert_cmpint(page->total, ==, 0);
        g_assert_cmpuint(page->records->len, ==, 0);
    }
}

static void
test_optimistic_lock(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_autofree char *id = fixture_department(store, "1", "Sales");
    g_autoptr(YdDepartment) one = yd_store_get(store, &yd_department_type, id, NULL);
    g_autoptr(YdDepartment) two = yd_store_get(store, &yd_department_type, id, NULL);
    yd_set_string(&one->name, "Selling");
    g_assert_true(yd_store_update(store, &yd_department_type, one, &error));
    g_assert_cmpint(one->version, ==, 2);
    yd_set_string(&two->name, "Late");
    g_assert_false(yd_store_update(store, &yd_department_type, two, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STALE);
    g_assert_cmpint(two->version, ==, 1); // as it was
    g_clear_error(&error);
    g_assert_false(yd_store_delete(store, &yd_department_type, id, 1, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STALE);
    g_clear_error(&error);
    g_assert_true(yd_store_delete(store, &yd_department_type, id, 2, &error));
    g_assert_false(yd_store_update(store, &yd_department_type, one, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(yd_store_delete(store, &yd_department_type, id, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
}

static void
test_refusals(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_autofree char *id = fixture_user(store, "alice", "user");
    g_autoptr(YdUser) user = yd_store_get(store, &yd_user_type, id, NULL);
    g_clear_pointer(&user->id, g_free);
    user->uid = 1;
    g_assert_false(yd_store_insert(store, &yd_user_type, user, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_assert_cmpstr(error->message, ==, "There is already a user with the username “alice”");
    g_clear_error(&error);
    yd_set_string(&user->username, "bob");
    yd_set_string(&user->role, "king");
    g_assert_false(yd_store_insert(store, &yd_user_type, user, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);

    g_autoptr(YdMembership) membership = yd_membership_new();
    membership->department_id = g_strdup("dep-none");
    membership->user_id = g_strdup(id);
    g_assert_false(yd_store_insert(store, &yd_membership_type, membership, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_assert_cmpstr(error->message, ==, "department_id: there is no department “dep-none”");
    g_clear_error(&error);

    g_free(fixture_desktop(store, "d1", NULL, id));
    g_assert_false(yd_store_delete(store, &yd_user_type, id, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_assert_nonnull(strstr(error->message, "is still used by 1 desktop"));
    // a refused verb leaves a transaction usable and writes no event
    g_clear_error(&error);
    gint64 before = 0, after = 0;
    g_ptr_array_unref(yd_store_events(store, 0, 100, NULL, &before, NULL));
    g_assert_true(yd_store_begin(store, NULL));
    g_assert_false(yd_store_delete(store, &yd_user_type, id, 0, NULL));
    g_assert_false(yd_store_insert(store, &yd_membership_type, membership, NULL));
    g_assert_true(yd_store_commit(store, &error));
    g_ptr_array_unref(yd_store_events(store, 0, 100, NULL, &after, NULL));
    g_assert_cmpint(before, ==, after);
}

static void
test_transactions(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    // an inner commit does not count before the outer one
    g_assert_true(yd_store_begin(store, NULL));
    g_assert_true(yd_store_begin(store, NULL));
    g_autofree char *lost = fixture_department(store, "1", "Lost");
    g_assert_true(yd_store_commit(store, NULL));
    yd_store_abort(store);
    g_assert_null(yd_store_get(store, &yd_department_type, lost, NULL));
    // an inner abort spoils the outer ones
    g_assert_true(yd_store_begin(store, NULL));
    g_autofree char *also = fixture_department(store, "2", "Also lost");
    {
        g_autoptr(YdStoreTx) tx = yd_store_tx(store, NULL);
        g_assert_nonnull(tx);
    }
    g_assert_null(yd_store_get(store, &yd_department_type, also, NULL));
    g_assert_false(yd_store_begin(store, &error));
    g_clear_error(&error);
    g_assert_false(yd_store_commit(store, &error));
    g_assert_nonnull(error);
    // and then all is well again
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, NULL);
    g_autofree char *kept = fixture_department(store, "3", "Kept");
    g_clear_error(&error);
    g_assert_true(yd_store_tx_commit(&tx, &error));
    g_assert_null(tx);
    g_autoptr(YdDepartment) read = yd_store_get(store, &yd_department_type, kept, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(read->name, ==, "Kept");
    gint64 newest = 0;
    g_autoptr(GPtrArray) events = yd_store_events(store, 0, 10, NULL, &newest, NULL);
    g_assert_cmpuint(events->len, ==, 1); // those of the aborted ones went with them
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/store/round-trip", test_round_trip);
    g_test_add_func("/store/all-types", test_all_types);
    g_test_add_func("/store/optimistic-lock", test_optimistic_lock);
    g_test_add_func("/store/refusals", test_refusals);
    g_test_add_func("/store/transactions", test_transactions);
    return g_test_run();
}
