// SPDX-License-Identifier: Apache-2.0
// Nights: disks first, a few at a time, the product last, so that its plan names tonight's backups.
// Then the end of what nobody needs any more, and how it all stands. Looks without a lock first;
// what is to be done is decided anew inside a transaction.
#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/backup-private.h"
#include "service/restore-point.h"
#include "service/settings.h"
#include "storage/backup.h"

#define DAY_MS ((gint64)24 * 3600 * 1000)
#define FAILED_MS DAY_MS       // rows of failed ones stay so long
#define RETRY_MS (3600 * 1000) // a disk that failed is tried again
#define DROPS_AT_ONCE 20

typedef struct {
    YdService *service;
    YdStore *store;
    gint64 now, begin; // begin: when tonight's work begins; 0: not yet
    guint making, left;
    YdPage *page;          // of all backups
    GHashTable *by_object; // object id ("" the product) -> GPtrArray of page's, by time
    gboolean waiting;      // disks are still due or under way: the product comes later
} Night;

static gboolean
is(const char *text, const char *word)
{
    return g_strcmp0(text, word) == 0;
}

// --- retention ---

static gint64
period_of(gint64 taken, GTimeZone *zone, guint which)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(taken / 1000);
    g_autoptr(GDateTime) time = utc ? g_date_time_to_timezone(utc, zone) : NULL;
    if (!time)
        return 0;
    if (which == 0)
        return g_date_time_get_year(time) * 1000 + g_date_time_get_day_of_year(time);
    if (which == 1)
        return g_date_time_get_week_numbering_year(time) * 100 + g_date_time_get_week_of_year(time);
    return g_date_time_get_year(time) * 100 + g_date_time_get_month(time);
}

void
yd_backup_keep(const gint64 *taken, gsize n, const char *zone, gint64 daily, gint64 weekly,
               gint64 monthly, gboolean *keep)
{
    g_autoptr(GTimeZone) tz = zone ? g_time_zone_new_identifier(zone) : NULL;
    const gint64 most[] = {daily, weekly, monthly};
    if (!tz)
        tz = g_time_zone_new_local();
    for (gsize i = 0; i < n; i++)
        keep[i] = i == 0;
    for (guint which = 0; which < G_N_ELEMENTS(most); which++) {
        gint64 last = -1, found = 0;
        for (gsize i = 0; i < n && found < most[which]; i++) {
            gint64 period = period_of(taken[i], tz, which);
            if (period == last)
                continue;
            last = period;
            found++;
            keep[i] = TRUE;
        }
    }
}

// --- what there is ---

static void
night_clear(Night *night)
{
    g_clear_pointer(&night->by_object, g_hash_table_unref);
    g_clear_pointer(&night->page, yd_page_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Night, night_clear)

static gboolean
load(Night *night, GError **error)
{
    const YdQuery query = {0};
    YdPage *page = night->page = yd_store_list(night->store, &yd_backup_type, &query, error);
    night->by_object =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);
    for (guint i = 0; page && i < page->records->len; i++) {
        YdBackup *backup = page->records->pdata[i];
        const char *key = backup->object_id ? backup->object_id : "";
        GPtrArray *all = g_hash_table_lookup(night->by_object, key);
        if (!all) {
            all = g_ptr_array_new();
            g_hash_table_insert(night->by_object, (gpointer)key, all);
        }
        g_ptr_array_add(all, backup);
        if (is(backup->state, "making")) {
            night->making++;
            night->waiting = night->waiting || !is(backup->what, "product");
        }
    }
    return page != NULL;
}

// When today's work begins, on the server's clock.
static gint64
hour_of(gint64 now, gint64 hour)
{
    g_autoptr(GDateTime) local = g_date_time_new_from_unix_local(now / 1000);
    g_autoptr(GDateTime) then =
        local ? g_date_time_new_local(g_date_time_get_year(local), g_date_time_get_month(local),
                                      g_date_time_get_day_of_month(local), (int)hour, 0, 0)
              : NULL;
    return then ? g_date_time_to_unix(then) * 1000 : 0;
}

// The same, 0 while it is not yet time. A day that was missed altogether is not made up for.
static gint64
night_of(gint64 now, gint64 hour)
{
    gint64 begin = hour_of(now, hour);
    return begin <= now ? begin : 0;
}

// Of tonight, whatever became of it; a failed one is tried again after a while.
static gboolean
is_done(const Night *night, const char *object_id)
{
    const GPtrArray *all = g_hash_table_lookup(night->by_object, object_id ? object_id : "");
    for (guint i = all ? all->len : 0; i-- > 0;) {
        const YdBackup *backup = all->pdata[i];
        gboolean counts = !is(backup->state, "failed") || backup->ended > night->now - RETRY_MS;
        if (is(backup->origin, "nightly") && backup->created >= night->begin && counts)
            return TRUE;
    }
    return FALSE;
}

// --- what is due ---

static gboolean
start(Night *night, const char *what, const char *object_id, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(night->store, error);
    g_autoptr(YdBackup) backup = yd_backup_new();
    if (!tx)
        return FALSE;
    yd_set_string(&backup->origin, "nightly");
    if (!yd_backup_describe(night->store, what, object_id, backup, &why))
        return TRUE; // never used, or gone since
    g_autoptr(YdJob) job =
        yd_backup_begin(night->service, night->store, &yd_actor_system, backup, error);
    night->making++;
    night->waiting = night->waiting || !is(what, "product");
    return job && yd_store_tx_commit(&tx, error);
}

static gboolean
consider(Night *night, const char *what, const char *object_id, GError **error)
{
    if (is_done(night, object_id))
        return TRUE;
    night->waiting = TRUE;
    return night->making >= night->left || start(night, what, object_id, error);
}

static gboolean
pool_disks(Night *night, const YdPool *pool, GError **error)
{
    YdPolicy policy;
    if (!yd_policy_parse(pool->policy, &policy, NULL))
        yd_policy_init(&policy);
    g_autoptr(GPtrArray) desktops =
        yd_store_all(night->store, &yd_desktop_type, "pool_id", pool->id, error);
    for (guint i = 0; desktops && i < desktops->len; i++) {
        const YdDesktop *desktop = desktops->pdata[i];
        if (policy.backup_desktops && desktop->prepared && !is(pool->kind, "floating") &&
            !is(desktop->state, "deleting") && !consider(night, "desktop", desktop->id, error))
            return FALSE;
    }
    g_autoptr(GPtrArray) disks =
        desktops ? yd_store_all(night->store, &yd_personal_disk_type, "pool_id", pool->id, error)
                 : NULL;
    for (guint i = 0; disks && i < disks->len; i++) {
        const YdPersonalDisk *disk = disks->pdata[i];
        if (policy.backup_personal && is(disk->state, "ready") &&
            !consider(night, "personal-disk", disk->id, error))
            return FALSE;
    }
    return disks != NULL;
}

static gboolean
make_due(Night *night, GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) pools = yd_store_list(night->store, &yd_pool_type, &query, error);
    for (guint i = 0; pools && i < pools->records->len; i++)
        if (!pool_disks(night, pools->records->pdata[i], error))
            return FALSE;
    if (!pools || night->waiting || is_done(night, NULL))
        return pools != NULL;
    return start(night, "product", NULL, error);
}

// --- what may go ---

static gboolean
remove_one(Night *night, const YdBackup *backup, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(night->store, error);
    g_autoptr(YdBackup) fresh =
        tx ? yd_store_get(night->store, &yd_backup_type, backup->id, error) : NULL;
    if (!fresh)
        return FALSE;
    yd_set_string(&fresh->state, "deleting");
    night->left--;
    if (!yd_store_update(night->store, &yd_backup_type, fresh, error))
        return FALSE;
    g_autoptr(YdJob) job = yd_job_submit(night->service, &yd_actor_system, "backup-delete",
                                         fresh->id, fresh->object_name, NULL, NULL, error);
    return job &&
           yd_service_audit(night->service, &yd_actor_system, "backup.delete", "backup", fresh->id,
                            fresh->object_name, NULL, error) &&
           yd_store_tx_commit(&tx, error);
}

// Only nightly ones; what somebody asked for stays until somebody deletes it. Of an object whose
// newest ones all failed the last good ones are kept by the same rule.
static gboolean
end_old(Night *night, const GPtrArray *all, GError **error)
{
    g_autoptr(GPtrArray) ready = g_ptr_array_new();
    g_autofree gint64 *taken = g_new0(gint64, all->len + 1);
    g_autofree gboolean *keep = g_new0(gboolean, all->len + 1);
    for (guint i = all->len; i-- > 0;) {
        YdBackup *backup = all->pdata[i];
        if (is(backup->origin, "nightly") && is(backup->state, "ready")) {
            taken[ready->len] = backup->taken;
            g_ptr_array_add(ready, backup);
        } else if ((is(backup->state, "failed") && backup->ended < night->now - FAILED_MS) ||
                   is(backup->state, "deleting")) {
            if (night->left > 0 && !remove_one(night, backup, error))
                return FALSE;
        }
    }
    yd_backup_keep(taken, ready->len, NULL, yd_settings_int(night->service, "backup_keep_daily"),
                   yd_settings_int(night->service, "backup_keep_weekly"),
                   yd_settings_int(night->service, "backup_keep_monthly"), keep);
    for (guint i = 0; i < ready->len && night->left > 0; i++)
        if (!keep[i] && !remove_one(night, ready->pdata[i], error))
            return FALSE;
    return TRUE;
}

static gboolean
end_all_old(Night *night, GError **error)
{
    GHashTableIter each;
    gpointer all;
    night->left = DROPS_AT_ONCE;
    g_hash_table_iter_init(&each, night->by_object);
    while (g_hash_table_iter_next(&each, NULL, &all))
        if (!end_old(night, all, error))
            return FALSE;
    return TRUE;
}

void
yd_backups_tidy(YdService *service, gint64 now)
{
    g_autoptr(GError) error = NULL;
    if (!yd_service_config(service)->backups)
        return;
    g_auto(Night) night = {.service = service,
                           .store = yd_service_store(service, &error),
                           .now = now,
                           .begin = night_of(now, yd_settings_int(service, "backup_hour")),
                           .left = (guint)yd_settings_int(service, "backup_at_once")};
    if (night.store && load(&night, &error) && (!night.begin || make_due(&night, &error)))
        end_all_old(&night, &error);
    if (error)
        g_warning("backups: %s, trying again later", error->message);
}

// --- how it stands ---

typedef struct {
    gint64 good, first;    // newest good one of the product; when the first backup was wanted
    char *failed, *reason; // name and error of one whose newest try failed
    char *damaged;
} Standing;

static void
standing_clear(Standing *standing)
{
    g_free(standing->failed);
    g_free(standing->reason);
    g_free(standing->damaged);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Standing, standing_clear)

// all: sorted by time, so the last of an object's is its newest.
static void
look_at(Standing *standing, const GPtrArray *all)
{
    const YdBackup *last = NULL;
    for (guint i = 0; i < all->len; i++) {
        const YdBackup *backup = all->pdata[i];
        if (is(backup->state, "damaged"))
            yd_set_string(&standing->damaged, backup->object_name);
        if (!is(backup->state, "making") && !is(backup->state, "deleting"))
            last = backup;
        if (is(backup->what, "product") && is(backup->state, "ready"))
            standing->good = MAX(standing->good, backup->taken);
    }
    if (last && is(last->state, "failed")) {
        yd_set_string(&standing->failed, last->object_name);
        yd_set_string(&standing->reason, last->error);
    }
}

static gboolean
stand(YdService *service, YdStore *store, gint64 now, Standing *ret, GError **error)
{
    g_auto(Night) night = {.service = service, .store = store, .now = now};
    GHashTableIter each;
    gpointer all;
    gboolean good = load(&night, error);
    g_hash_table_iter_init(&each, night.by_object);
    while (good && g_hash_table_iter_next(&each, NULL, &all))
        look_at(ret, all);
    return good;
}

static char *
alarm_of(const Standing *standing, gint64 now)
{
    if (standing->good && standing->good < now - 2 * DAY_MS)
        return g_strdup_printf("the newest good backup of the product is %" G_GINT64_FORMAT
                               " days old",
                               (now - standing->good) / DAY_MS);
    if (standing->failed)
        return g_strdup_printf("the newest backup of “%s” failed: %s", standing->failed,
                               standing->reason ? standing->reason : "");
    if (standing->damaged)
        return g_strdup_printf("a backup of “%s” is damaged; delete it and make a new one",
                               standing->damaged);
    if (!standing->good)
        return g_strdup("there is no backup of the product yet; one is made at night, or by: "
                        "deskctl backup make product");
    return NULL;
}

char *
yd_backup_alarm(YdService *service, YdStore *store, gint64 now)
{
    g_auto(Standing) standing = {0};
    if (!yd_service_config(service)->backups || !stand(service, store, now, &standing, NULL))
        return NULL;
    return alarm_of(&standing, now);
}

static void
put_time(json_t *status, const char *name, gint64 ms)
{
    g_autofree char *text = ms ? yd_time_text(ms) : NULL;
    json_object_set_new(status, name, text ? json_string(text) : json_null());
}

json_t *
yd_backup_status(YdService *service, const YdActor *actor, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_auto(Standing) standing = {0};
    gint64 now = yd_now_ms();
    gboolean known = FALSE;
    g_autoptr(GError) why = NULL;
    if (!store || !yd_service_allowed(actor, YD_RIGHT_BACKUPS, error) ||
        !yd_backup_any(store, &known, error) || !stand(service, store, now, &standing, error))
        return NULL;
    gboolean on = yd_service_config(service)->backups;
    g_autoptr(json_t) space = on ? yd_backup_space(yd_service_storage(service), known, &why) : NULL;
    g_autofree char *alarm = on ? alarm_of(&standing, now) : NULL;
    json_t *status =
        json_pack("{s:b, s:s?, s:O?, s:O?, s:s?, s:s?}", "configured", on, "directory",
                  json_string_value(json_object_get(space, "directory")), "bytes",
                  json_object_get(space, "bytes"), "free_bytes", json_object_get(space, "free"),
                  "problem", why ? why->message : NULL, "alarm", alarm);
    put_time(status, "last", standing.good);
    gint64 next = hour_of(now, yd_settings_int(service, "backup_hour"));
    put_time(status, "next", !on ? 0 : next > now ? next : next + DAY_MS);
    return status;
}
