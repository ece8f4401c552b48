// SPDX-License-Identifier: Apache-2.0
// Figures over time, and that they read an index.
#include "store/store-activity.h"

#include <sqlite3.h>

#include "base/id.h"
#include "fixture.h"
#include "store/store-private.h"

#define HOUR (3600 * 1000LL)

static void
job(YdStore *store, const char *kind, const char *state, gint64 ended)
{
    g_autofree char *id = fixture_job(store, kind, NULL, NULL);
    g_assert_true(yd_sql_run(store->sql, NULL, NULL,
                             "UPDATE jobs SET state = ?, ended = ? WHERE id = ?", "tit", state,
                             ended, id));
}

static void
session(YdStore *store, const char *user, gint64 used, gint64 ended)
{
    g_autofree char *id = fixture_connection(store, "dsk-1", user, ended ? "ended" : "open");
    g_assert_true(yd_sql_run(store->sql, NULL, NULL,
                             "UPDATE connections SET first_used = ?, ended = ? WHERE id = ?", "iit",
                             used, ended, id));
}

static void
test_buckets(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autoptr(GError) error = NULL;
    gint64 from = (yd_now_ms() / HOUR - 3) * HOUR; // the fourth bucket is the present one
    g_autofree char *alice = fixture_user(store, "alice", "user");
    g_autofree char *bob = fixture_user(store, "bob", "user");

    job(store, "desktop-start", "done", from - 1);
    job(store, "desktop-start", "done", from);
    job(store, "desktop-start", "done", from + HOUR - 1);
    job(store, "desktop-start", "failed", from + HOUR);
    job(store, "desktop-rebuild", "failed", from + HOUR);
    job(store, "desktop-rebuild", "done", from + 2 * HOUR);
    job(store, "desktop-start", "done", from + 4 * HOUR);
    job(store, "desktop-start", "running", 0);
    session(store, alice, from - 5 * HOUR, from - 1);            // before
    session(store, alice, from - 5 * HOUR, from + HOUR / 2);     // into the first
    session(store, alice, from + HOUR / 4, from + 2 * HOUR - 1); // overlaps: one person
    session(store, bob, from + HOUR, 0);                         // still open
    session(store, bob, 0, from + HOUR);                         // never used
    g_autofree YdActivity *buckets = yd_store_activity(store, from, HOUR, 4, &error);
    g_assert_no_error(error);
    const YdActivity expected[] = {{2, 0, 1}, {0, 2, 2}, {0, 0, 1}, {0, 0, 1}};
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_cmpint(buckets[i].starts, ==, expected[i].starts);
        g_assert_cmpint(buckets[i].failures, ==, expected[i].failures);
        g_assert_cmpint(buckets[i].people, ==, expected[i].people);
    }
}

// A pool that was taken back: no longer among those given, but among the lost ones while a desktop
// is left.
static void
test_lost(void)
{
    g_autoptr(YdStore) store = fixture_open();
    g_autofree char *net = fixture_network(store, "n", "10.99.0.10", "10.99.0.12");
    g_autofree char *version = fixture_template_version(store, "t");
    g_autofree char *given = fixture_pool(store, "given", version, net);
    g_autofree char *lost = fixture_pool(store, "lost", version, net);
    g_autofree char *never = fixture_pool(store, "never", version, net);
    g_autofree char *alice = fixture_user(store, "alice", "user");
    G_GNUC_UNUSED g_autofree char *kept = fixture_desktop(store, "kept", lost, alice);
    G_GNUC_UNUSED g_autofree char *open = fixture_desktop(store, "open", given, alice);

    fixture_entitle(store, given, NULL, alice);
    g_autoptr(GPtrArray) mine = yd_store_pools_of_user(store, alice, NULL);
    g_autoptr(GPtrArray) gone = yd_store_pools_lost(store, alice, NULL);
    g_assert_cmpuint(mine->len, ==, 1);
    g_assert_cmpuint(gone->len, ==, 1);
    g_assert_cmpstr(((YdPool *)gone->pdata[0])->name, ==, "lost");
    g_assert_nonnull(never);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/activity/buckets", test_buckets);
    g_test_add_func("/activity/lost-pools", test_lost);
    return g_test_run();
}
