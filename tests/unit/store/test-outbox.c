// SPDX-License-Identifier: Apache-2.0
// Events, audit rows, settings, idempotency keys, pruning.
#include <locale.h>
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "fixture.h"
#include "store/sql.h"

// A reader on another connection sees events only when their transaction is over.
static void
test_commit_shows(void)
{
    char *path = fixture_where();
    g_autoptr(YdStore) writer = yd_store_open(path, FALSE, NULL);
    g_autoptr(YdStore) reader = yd_store_open(path, FALSE, NULL);
    gint64 newest = -1;
    g_assert_true(yd_store_begin(writer, NULL));
    g_autofree char *id = fixture_department(writer, "1", "Sales");
    g_autoptr(GPtrArray) before = yd_store_events(reader, 0, 10, NULL, &newest, NULL);
    g_assert_cmpuint(before->len, ==, 0);
    g_assert_cmpint(newest, ==, 0);
    g_assert_null(yd_store_get(reader, &yd_department_type, id, NULL));
    g_assert_true(yd_store_commit(writer, NULL));
    g_autoptr(GPtrArray) after = yd_store_events(reader, 0, 10, NULL, &newest, NULL);
    g_assert_cmpuint(after->len, ==, 1);
    const YdEvent *event = after->pdata[0];
    g_assert_cmpstr(event->noun, ==, "department");
    g_assert_cmpstr(event->kind, ==, "created");
    g_assert_cmpstr(event->department_ids, ==, id);
    g_assert_null(event->user_id);
    g_clear_pointer(&writer, yd_store_close);
    g_clear_pointer(&reader, yd_store_close);
    fixture_where_free(path);
}

static void
test_prune(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autofree char *done = fixture_job(store, "start", "dsk-a", NULL);
    g_autofree char *queued = fixture_job(store, "start", "dsk-b", NULL);
    g_autoptr(YdJob) job = yd_store_get(store, &yd_job_type, done, NULL);
    yd_set_string(&job->state, "done");
    job->ended = yd_now_ms() - 1000;
    g_assert_true(yd_store_update(store, &yd_job_type, job, NULL));
    g_autofree char *over = fixture_connection(store, "dsk-a", "usr-a", "ended");
    g_autofree char *open = fixture_connection(store, "dsk-a", "usr-a", "open");
    gint64 oldest = 0, newest = 0;
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_store_prune(store, yd_now_ms() + 1, yd_now_ms(), 1, &error));
    g_autoptr(GPtrArray) events = yd_store_events(store, 0, 10, &oldest, &newest, NULL);
    g_assert_cmpuint(events->len, ==, 1); // the newest stays: its number is still known
    g_assert_cmpint(oldest, ==, newest);
    g_assert_null(yd_store_get(store, &yd_connection_type, over, NULL));
    g_autoptr(YdConnection) lives = yd_store_get(store, &yd_connection_type, open, NULL);
    g_assert_nonnull(lives);
    g_assert_null(yd_store_get(store, &yd_job_type, done, NULL));
    g_autoptr(YdJob) kept = yd_store_get(store, &yd_job_type, queued, NULL);
    g_assert_nonnull(kept);
    g_assert_true(yd_store_event(store, "changed", "overview", NULL, NULL, NULL, NULL));
    gint64 next = 0;
    g_ptr_array_unref(yd_store_events(store, newest, 10, NULL, &next, NULL));
    g_assert_cmpint(next, ==, newest + 1);
}

static void
test_audit(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    YdAudit row = {.username = (char *)"alice",
                   .act = (char *)"desktop.start",
                   .outcome = (char *)"ok",
                   .details = (char *)"{\"a\":1}"};
    g_assert_true(yd_store_audit(store, &row, &error));
    g_assert_null(row.id); // copied
    g_autoptr(YdAudit) read = yd_store_find(store, &yd_audit_type, "act", "desktop.start", &error);
    g_assert_cmpint(read->time, >, 0);
    // append-only, whatever the way
    g_assert_false(yd_store_update(store, &yd_audit_type, read, &error));
    g_assert_nonnull(strstr(error->message, "never changed"));
    g_clear_error(&error);
    g_assert_false(yd_store_delete(store, &yd_audit_type, read->id, 0, &error));
    g_assert_nonnull(strstr(error->message, "never deleted"));
    g_clear_error(&error);
    // goes with its transaction
    g_assert_true(yd_store_begin(store, NULL));
    row.act = (char *)"desktop.stop";
    g_assert_true(yd_store_audit(store, &row, NULL));
    yd_store_abort(store);
    g_assert_null(yd_store_find(store, &yd_audit_type, "act", "desktop.stop", &error));
}

static void
test_settings(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_store_setting(store, "theme", &error));
    g_assert_no_error(error);
    g_assert_true(yd_store_set_setting(store, "theme", "{\"dark\":true}", &error));
    g_assert_true(yd_store_set_setting(store, "theme", "{\"dark\":false}", &error));
    g_autofree char *value = yd_store_setting(store, "theme", &error);
    g_assert_cmpstr(value, ==, "{\"dark\":false}");
    g_assert_true(yd_store_set_setting(store, "theme", NULL, &error));
    g_assert_null(yd_store_setting(store, "theme", &error));
    g_assert_no_error(error);
}

static void
test_idempotency(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    gboolean known = TRUE;
    guint status = 0;
    g_autofree char *body = NULL;
    g_assert_true(yd_store_idempotent_get(store, "u", "k", "h", &known, &status, &body, &error));
    g_assert_false(known);
    g_assert_true(yd_store_idempotent_put(store, "u", "k", "h", 201, "{}", &error));
    g_assert_true(yd_store_idempotent_get(store, "u", "k", "h", &known, &status, &body, &error));
    g_assert_true(known);
    g_assert_cmpuint(status, ==, 201);
    g_assert_cmpstr(body, ==, "{}");
    g_assert_false(
        yd_store_idempotent_get(store, "u", "k", "other", &known, &status, &body, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_autofree char *none = NULL;
    g_assert_true(yd_store_idempotent_get(store, "v", "k", "h", &known, &status, &none, &error));
    g_assert_false(known); // another user's
    g_assert_false(yd_store_idempotent_put(store, "u", "k", "h", 201, "{}", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS); // two at once: the second one hears it
}

int
main(int argc, char **argv)
{
    setlocale(LC_ALL, "");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outbox/commit-shows", test_commit_shows);
    g_test_add_func("/outbox/prune", test_prune);
    g_test_add_func("/outbox/audit", test_audit);
    g_test_add_func("/outbox/settings", test_settings);
    g_test_add_func("/outbox/idempotency", test_idempotency);
    return g_test_run();
}
