// SPDX-License-Identifier: Apache-2.0
// Figures over time out of jobs and connections.
#include "store/store-activity.h"

#include "base/id.h"
#include "store/store-private.h"

typedef struct {
    gint64 from, length;
    guint n;
    YdActivity *buckets;
    GHashTable *people; // user id → char[n]: in which buckets
} Activity;

static void
activity_clear(Activity *activity)
{
    g_free(activity->buckets);
    g_hash_table_unref(activity->people);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Activity, activity_clear)

static gboolean
count_jobs(Activity *activity, YdStore *store, GError **error)
{
    g_autoptr(YdStatement) row = yd_sql_query(
        store->sql, error,
        "SELECT (ended - ?) - (ended - ?) % ? AS bucket, SUM(kind = 'desktop-start' AND state = "
        "'done'), "
        "SUM(state = 'failed') FROM jobs WHERE ended >= ? AND ended < ? GROUP BY bucket",
        "iiiii", activity->from, activity->from, activity->length, activity->from,
        activity->from + activity->length * activity->n);
    gboolean more = row != NULL;

    while (more) {
        if (!yd_statement_step(row, &more, error))
            return FALSE;
        if (!more)
            break;
        YdActivity *bucket = &activity->buckets[yd_statement_int(row, 0) / activity->length];
        bucket->starts = yd_statement_int(row, 1);
        bucket->failures = yd_statement_int(row, 2);
    }
    return row != NULL;
}

// A session counts in each bucket that it touches.
static void
mark(Activity *activity, const char *user_id, gint64 begin, gint64 end)
{
    gint64 first = MAX(0, (begin - activity->from) / activity->length);
    gint64 last = MIN((gint64)activity->n - 1, (end - activity->from) / activity->length);
    char *marks = g_hash_table_lookup(activity->people, user_id);

    if (!marks) {
        marks = g_new0(char, activity->n);
        g_hash_table_insert(activity->people, g_strdup(user_id), marks);
    }
    for (gint64 i = first; i <= last; i++) {
        activity->buckets[i].people += !marks[i];
        marks[i] = 1;
    }
}

static gboolean
count_people(Activity *activity, YdStore *store, GError **error)
{
    gint64 now = yd_now_ms();
    gint64 until = activity->from + activity->length * activity->n;
    g_autoptr(YdStatement) row = yd_sql_query(
        store->sql, error,
        "SELECT user_id, first_used, ended FROM connections WHERE (ended >= ? OR ended = 0) AND "
        "first_used > 0 AND first_used < ? AND user_id IS NOT NULL",
        "ii", activity->from, until);
    gboolean more = row != NULL;

    while (more) {
        if (!yd_statement_step(row, &more, error))
            return FALSE;
        if (!more)
            break;
        gint64 ended = yd_statement_int(row, 2);
        mark(activity, yd_statement_text(row, 0), yd_statement_int(row, 1), ended ? ended : now);
    }
    return row != NULL;
}

YdActivity *
yd_store_activity(YdStore *store, gint64 from, gint64 length, guint n, GError **error)
{
    g_return_val_if_fail(n > 0 && n <= YD_ACTIVITY_MAX_BUCKETS && length > 0, NULL);
    g_auto(Activity) activity = {
        .from = from,
        .length = length,
        .n = n,
        .buckets = g_new0(YdActivity, n),
        .people = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free),
    };

    if (!count_jobs(&activity, store, error) || !count_people(&activity, store, error))
        return NULL;
    return g_steal_pointer(&activity.buckets);
}
