// SPDX-License-Identifier: Apache-2.0
// Nightly restore points, and the end of those that nobody needs any more. Looks without a lock
// first; what is to be done is decided anew inside a transaction.
#include "service/restore-point-private.h"

#include "base/id.h"
#include "model/power.h"
#include "store/store-desktops.h"
#include "store/store-rollouts.h"

#define AT_ONCE 20 // begun in one pass: nights must not stall a host

typedef struct {
    YdService *service;
    YdStore *store;
    gint64 now;
    guint left; // that may still be begun
    gint64 keep, hour;
    char *zone; // borrowed
} Night;

static gboolean
is(const char *text, const char *word)
{
    return g_strcmp0(text, word) == 0;
}

gboolean
yd_restore_point_due(gint64 now, const char *zone, gint64 hour, gint64 newest)
{
    g_autoptr(GTimeZone) tz = zone ? g_time_zone_new_identifier(zone) : NULL;
    if (!tz)
        tz = g_time_zone_new_local();
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(now / 1000);
    g_autoptr(GDateTime) time = utc ? g_date_time_to_timezone(utc, tz) : NULL;
    if (!time)
        return FALSE;
    // An hour that a change of the clock skips counts as the one after it.
    g_autoptr(GDateTime) at =
        g_date_time_new(tz, g_date_time_get_year(time), g_date_time_get_month(time),
                        g_date_time_get_day_of_month(time), (int)hour, 0, 0);
    gint64 begin_ms = at ? g_date_time_to_unix(at) * 1000 : G_MAXINT64;
    return now >= begin_ms && newest < begin_ms;
}

typedef struct {
    gint64 newest;       // when the newest nightly one was begun
    YdRestorePoint *old; // the oldest that may go; borrowed
    gboolean stuck;      // one is to go, and its job was lost
} Look;

// Neither disk that has it can come back.
static gboolean
is_empty(YdStore *store, const YdRestorePoint *point)
{
    gboolean known = TRUE;
    if (!is(point->state, "ready") || point->system || point->personal_disk_id)
        return FALSE;
    return !point->image || (yd_store_image_known(store, point->image, &known, NULL) && !known);
}

// points: sorted by id, that is by time.
static Look
look(const Night *night, const GPtrArray *points)
{
    Look found = {0};
    gint64 nightly = 0, before = 0;
    for (guint i = points ? points->len : 0; i-- > 0;) {
        YdRestorePoint *point = g_ptr_array_index(points, i);
        gboolean ready = is(point->state, "ready"), ends = FALSE;
        found.stuck = found.stuck || is(point->state, "deleting");
        if (is(point->kind, "nightly")) {
            // One that failed says so until the next night.
            ends = (ready && ++nightly > night->keep) ||
                   (is(point->state, "failed") && found.newest > 0);
            found.newest = MAX(found.newest, point->created);
        } else if (is(point->kind, "before-restore")) {
            ends = ready && ++before > YD_RESTORE_BEFORE_MAX;
        }
        if (ends || is_empty(night->store, point))
            found.old = point;
    }
    return found;
}

// A desktop that was off since has nothing new.
static gboolean
is_due(const Night *night, const YdDesktop *desktop, const Look *found)
{
    gboolean used = found->newest == 0 || yd_desktop_state_runs(desktop->state) ||
                    desktop->changed > found->newest;
    return night->keep > 0 && used &&
           yd_restore_point_due(night->now, night->zone, night->hour,
                                MAX(found->newest, desktop->created));
}

static gboolean
act(Night *night, const char *desktop_id, GError **error)
{
    YdStore *store = night->store;
    GError *local = NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, desktop_id, &tx, error);
    g_autoptr(GPtrArray) points =
        desktop ? yd_store_all(store, &yd_restore_point_type, "desktop_id", desktop_id, error)
                : NULL;
    g_autoptr(YdJob) live = points ? yd_store_job_live(store, desktop_id, NULL, &local) : NULL;
    if (local)
        g_propagate_error(error, local);
    if (!points || local || live)
        return points && !local; // another time
    Look found = look(night, points);
    if (found.old)
        job = yd_restore_point_begin_delete(night->service, store, &yd_actor_system, desktop,
                                            found.old, error);
    else if (found.stuck)
        job = yd_job_submit(night->service, &yd_actor_system, "restore-point-delete", desktop->id,
                            desktop->name, NULL, NULL, error);
    else if (is_due(night, desktop, &found) && points->len < YD_RESTORE_POINTS_MAX &&
             yd_restore_point_check(store, desktop, NULL))
        job = yd_restore_point_begin(night->service, store, &yd_actor_system, desktop, "nightly",
                                     NULL, error);
    else
        return TRUE;
    night->left--;
    return job && yd_store_tx_commit(&tx, error);
}

// Points by their desktops; sorted by id.
static GHashTable *
by_desktop(YdStore *store, GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_restore_point_type, &query, error);
    if (!page)
        return NULL;
    GHashTable *table =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    for (guint i = 0; i < page->records->len; i++) {
        const YdRestorePoint *point = g_ptr_array_index(page->records, i);
        GPtrArray *points = g_hash_table_lookup(table, point->desktop_id);
        if (!points) {
            points = g_ptr_array_new_with_free_func((GDestroyNotify)yd_restore_point_free);
            g_hash_table_insert(table, g_strdup(point->desktop_id), points);
        }
        g_ptr_array_add(points, yd_restore_point_copy(point));
    }
    return table;
}

static gboolean
tidy_pool(Night *night, const YdPool *pool, GHashTable *points, GError **error)
{
    g_autoptr(GPtrArray) desktops =
        yd_store_all(night->store, &yd_desktop_type, "pool_id", pool->id, error);
    for (guint i = 0; desktops && i < desktops->len && night->left > 0; i++) {
        const YdDesktop *desktop = g_ptr_array_index(desktops, i);
        Look found = look(night, g_hash_table_lookup(points, desktop->id));
        if ((found.old || found.stuck || is_due(night, desktop, &found)) &&
            !act(night, desktop->id, error))
            return FALSE;
    }
    return desktops != NULL;
}

void
yd_restore_points_tidy(YdService *service, gint64 now)
{
    g_autoptr(GError) error = NULL;
    const YdQuery query = {0};
    Night night = {.service = service,
                   .store = yd_service_store(service, &error),
                   .now = now,
                   .left = AT_ONCE};
    g_autoptr(GHashTable) points = night.store ? by_desktop(night.store, &error) : NULL;
    g_autoptr(YdPage) pools =
        points ? yd_store_list(night.store, &yd_pool_type, &query, &error) : NULL;
    for (guint i = 0; pools && i < pools->records->len && !error; i++) {
        const YdPool *pool = g_ptr_array_index(pools->records, i);
        YdPolicy policy;
        g_auto(YdPower) power = {0};
        if (!yd_policy_parse(pool->policy, &policy, NULL))
            yd_policy_init(&policy);
        if (policy.restore_nightly == 0 && g_hash_table_size(points) == 0)
            continue;
        yd_power_parse(pool->power, &power, NULL);
        night.keep = policy.restore_nightly;
        night.hour = policy.restore_hour;
        night.zone = power.time_zone;
        tidy_pool(&night, pool, points, &error);
    }
    if (error)
        g_warning("restore points: %s, trying again later", error->message);
}
