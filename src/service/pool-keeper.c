// SPDX-License-Identifier: Apache-2.0
// The keeper's passes: spares, the morning, and who is idle. What a guest has to be asked for is in
// pool-look.c.
#include "service/pool-keeper.h"

#include <string.h>

#include "base/id.h"
#include "model/power.h"
#include "service/desktop-private.h"
#include "service/floating.h"
#include "service/monitor.h"
#include "service/pool-look.h"
#include "service/table.h"
#include "store/store-desktops.h"
#include "store/store-floating.h"

#define RETRY_MS (60 * 1000)    // after a spare that could not be made or started
#define TAKEN_MS (120 * 1000)   // who was given a desktop that is off starts it within this time
#define AWAY_MS (5 * 1000)      // a client that comes back at once was never away
#define UNSAVED_MS (600 * 1000) // after a machine that could not be saved
#define WINDOW_MS (300 * 1000)

// A pool with its policy, while it is looked at.
typedef struct {
    YdService *service;
    YdStore *store;
    YdPool *pool;
    YdPower power;
    YdCalendar calendar;
    gint64 now;
} Look;

static gboolean
submit(Look *look, const char *kind, const char *desktop_id, GError **error)
{
    g_autoptr(YdDesktop) desktop = yd_store_get(look->store, &yd_desktop_type, desktop_id, error);
    g_autoptr(YdJob) job = desktop ? yd_job_submit(look->service, &yd_actor_system, kind,
                                                   desktop->id, desktop->name, NULL, NULL, error)
                                   : NULL;
    return job != NULL;
}

// --- spares ---

typedef struct {
    char *job;         // of the last spare that was made
    gint64 not_before; // ms
} Making;

static void
making_free(gpointer data)
{
    Making *making = data;
    g_free(making->job);
    g_free(making);
}

static GHashTable *
making_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, making_free);
}

// Whether the last spare could be made, or that is long ago. Only the keeper's thread is here.
static gboolean
may_make(Look *look)
{
    YdTable *table = yd_table_of(look->service, "pool-making", making_new);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&table->lock);
    Making *making = g_hash_table_lookup(table->rows, look->pool->id);
    if (!making)
        return TRUE;
    g_autoptr(YdJob) job =
        making->job ? yd_store_get(look->store, &yd_job_type, making->job, NULL) : NULL;
    if (job && strcmp(job->state, "failed") == 0) {
        making->not_before = look->now + RETRY_MS;
        g_clear_pointer(&making->job, g_free);
    }
    return look->now >= making->not_before;
}

static void
note_making(Look *look, const YdJob *job)
{
    YdTable *table = yd_table_of(look->service, "pool-making", making_new);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&table->lock);
    Making *making = g_hash_table_lookup(table->rows, look->pool->id);
    if (!making) {
        making = g_new0(Making, 1);
        g_hash_table_insert(table->rows, g_strdup(look->pool->id), making);
    }
    yd_set_string(&making->job, job->id);
}

static gboolean
make_spares(Look *look, guint n, GError **error)
{
    if (n == 0 || !may_make(look))
        return TRUE;
    for (guint i = 0; i < n; i++) {
        g_autoptr(YdStoreTx) tx = yd_store_tx(look->store, error);
        g_autoptr(YdTemplateVersion) version =
            tx ? yd_store_get(look->store, &yd_template_version_type,
                              look->pool->template_version_id, error)
               : NULL;
        if (!version)
            return FALSE;
        if (strcmp(version->state, "ready") != 0)
            return TRUE;
        g_autoptr(YdJob) job =
            yd_floating_make(look->service, look->store, look->pool, version, error);
        if (!job || !yd_store_tx_commit(&tx, error))
            return FALSE;
        note_making(look, job);
    }
    return TRUE;
}

// Submits the job for n spares of that kind, looked at again in the transaction: they may have been
// given to somebody.
static gboolean
each_spare(Look *look, YdSpareKind which, guint n, const char *kind, GError **error)
{
    if (n == 0)
        return TRUE;
    g_autoptr(YdStoreTx) tx = yd_store_tx(look->store, error);
    g_autoptr(GPtrArray) ids =
        tx ? yd_store_spares(look->store, look->pool->id, which, n, error) : NULL;
    for (guint i = 0; ids && i < ids->len; i++)
        if (!submit(look, kind, g_ptr_array_index(ids, i), error))
            return FALSE;
    return ids && yd_store_tx_commit(&tx, error);
}

static gboolean
remove_spares(Look *look, guint n, GError **error)
{
    g_autoptr(GPtrArray) useless =
        yd_store_spares(look->store, look->pool->id, YD_SPARE_USELESS, n, error);
    return useless && each_spare(look, YD_SPARE_USELESS, useless->len, "desktop-delete", error) &&
           each_spare(look, YD_SPARE_OFF, n - MIN(n, useless->len), "desktop-delete", error);
}

// Machines may start one after another: the runner's slots bound those that wait here too.
static gboolean
free_starts(Look *look, guint *ret_starts, GError **error)
{
    gint64 queued = 0, running = 0;
    guint most = yd_service_config(look->service)->max_starts;
    if (!yd_store_job_counts(look->store, &queued, &running, error))
        return FALSE;
    *ret_starts = queued + running >= (gint64)most ? 0 : most - (guint)(queued + running);
    return TRUE;
}

static gboolean
keep_spares(Look *look, GError **error)
{
    YdSizingCounts counts;
    gboolean working = look->calendar.open;
    gint64 since = 0;
    guint starts = 0;
    if (!yd_store_sizing_counts(look->store, look->pool->id, look->now - RETRY_MS, &counts,
                                error) ||
        !free_starts(look, &starts, error))
        return FALSE;
    gint64 warm = look->pool->warm;
    // In the hours, and before they begin, the calendar wants more of them.
    if (look->power.calendar &&
        (working || yd_power_opens(&look->power, &look->calendar, look->now, &since)))
        warm = MAX(warm, look->power.open_desktops);
    const YdSizingWish wish = {.enabled = look->pool->enabled,
                               .min_ready = look->pool->min_ready,
                               .max_desktops = look->pool->max_desktops,
                               .warm = warm,
                               .starts = starts};
    YdSizing sizing = yd_sizing(&counts, &wish);
    return remove_spares(look, sizing.remove, error) && make_spares(look, sizing.make, error) &&
           each_spare(look, YD_SPARE_OFF, sizing.start, "desktop-warm", error) &&
           each_spare(look, YD_SPARE_RUNNING, sizing.pause, "desktop-pause", error) &&
           each_spare(look, YD_SPARE_WARM, sizing.stop, "desktop-power-off", error);
}

// --- the morning ---

static gint
by_last_use(gconstpointer a, gconstpointer b)
{
    const YdIdleFacts *x = *(const YdIdleFacts *const *)a, *y = *(const YdIdleFacts *const *)b;
    gint64 left = MAX(x->last_end, x->ready_at), right = MAX(y->last_end, y->ready_at);
    return (left < right) - (left > right);
}

// Before the hours begin: those that were used last, up to the number wanted; once each morning.
static gboolean
open_up(Look *look, GPtrArray *facts, gint64 since, GError **error)
{
    gint64 left = look->power.open_desktops < 0 ? G_MAXINT64 : look->power.open_desktops;
    g_ptr_array_sort(facts, by_last_use);
    for (guint i = 0; i < facts->len && left > 0; i++, left--) {
        const YdIdleFacts *one = g_ptr_array_index(facts, i);
        if (one->started >= since || one->ready_at >= since)
            continue;
        gboolean off = strcmp(one->state, YD_DESKTOP_OFF) == 0;
        gboolean sleeps =
            strcmp(one->state, YD_DESKTOP_PAUSED) == 0 || strcmp(one->state, YD_DESKTOP_SAVED) == 0;
        if ((off || sleeps) &&
            !submit(look, off ? "desktop-start" : "desktop-wake", one->id, error))
            return FALSE;
    }
    return TRUE;
}

// --- who is idle ---

// Kept while the desktop is ready: how busy its processor was on average.
typedef struct {
    double average;
    gint64 sampled;
} Busy;

static gboolean
is_busy(Look *look, const YdIdleFacts *facts)
{
    if (look->power.hold_cpu_percent == 0 || strcmp(facts->state, YD_DESKTOP_READY) != 0)
        return FALSE;
    YdDesktopStats stats;
    YdTable *table = yd_table_of(look->service, "pool-busy", yd_table_texts_owned);
    gboolean there = yd_monitor_machine(look->service, facts->uuid, &stats);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&table->lock);
    Busy *busy = g_hash_table_lookup(table->rows, facts->id);
    if (!busy) {
        busy = g_new0(Busy, 1);
        busy->average = -1;
        g_hash_table_insert(table->rows, g_strdup(facts->id), busy);
    }
    if (there && stats.cpu_percent >= 0 && stats.time > busy->sampled) {
        busy->average = yd_power_average(busy->average, stats.cpu_percent,
                                         stats.time - busy->sampled, WINDOW_MS);
        busy->sampled = stats.time;
    }
    return busy->average > (double)look->power.hold_cpu_percent;
}

// Floating: whether the person is done with it.
static gboolean
take_back(Look *look, const YdIdleFacts *facts, gboolean *ret_done, GError **error)
{
    gint64 keep = look->power.keep_seconds * 1000;
    gint64 left = MAX(MAX(facts->last_end, facts->last_seen), MAX(facts->taken, facts->ready_at));
    gboolean was_used = facts->started > facts->taken || facts->ready_at > facts->taken;
    gboolean off = strcmp(facts->state, YD_DESKTOP_OFF) == 0;
    *ret_done = TRUE;
    if (!facts->user_id) // taken back, but its rebuild failed or was lost
        return strcmp(facts->state, YD_DESKTOP_FAILED) == 0
                   ? submit(look, "desktop-delete", facts->id, error)
                   : submit(look, "desktop-rebuild", facts->id, error);
    if (strcmp(facts->state, YD_DESKTOP_FAILED) == 0 ||
        (off && (was_used || look->now > facts->taken + TAKEN_MS)))
        return yd_floating_release(look->service, facts->id, facts->taken,
                                   "the desktop was switched off", TRUE, error);
    gboolean away = facts->sessions == facts->dropped;
    // Who was never seen logged in may still be at a question of their client.
    gint64 patience = facts->logged_in ? AWAY_MS : TAKEN_MS;
    if (away && facts->dropped == 0 && look->now > left + keep)
        return yd_floating_release(look->service, facts->id, facts->taken,
                                   "the desktop was not used any more", FALSE, error);
    if (away && strcmp(facts->state, YD_DESKTOP_READY) == 0 &&
        MAX(facts->last_end, facts->last_seen) > facts->taken &&
        look->now > MAX(facts->last_end, facts->last_seen) + patience)
        yd_pool_look(look->service, facts, YD_LOOK_LOGGED_OFF);
    *ret_done = FALSE;
    return TRUE;
}

static gboolean
step_down(Look *look, const YdIdleFacts *facts, GError **error)
{
    const YdPowerFacts state = {.state = facts->state,
                                .session = facts->sessions > 0,
                                .idle_since =
                                    MAX(facts->last_end, MAX(facts->ready_at, facts->started))};
    static const struct {
        const char *kind;
        YdLookFor look;
    } acts[] = {
        [YD_POWER_PAUSE] = {"desktop-pause", YD_LOOK_PAUSE},
        [YD_POWER_SAVE] = {"desktop-save", YD_LOOK_SAVE},
        [YD_POWER_OFF] = {"desktop-shutdown", YD_LOOK_SHUT_DOWN},
    };
    gboolean busy = is_busy(look, facts);
    YdPowerStep step = yd_power_step(&look->power, &look->calendar, &state, look->now);
    if (step == YD_POWER_STAY || busy ||
        (step == YD_POWER_SAVE && facts->unsaved > 0 && look->now < facts->unsaved + UNSAVED_MS))
        return TRUE;
    // A guest that sleeps has nothing to say.
    if (look->power.hold && strcmp(facts->state, YD_DESKTOP_READY) == 0)
        yd_pool_look(look->service, facts, acts[step].look);
    else
        return submit(look, acts[step].kind, facts->id, error);
    return TRUE;
}

static gboolean
has_ladder(const YdPower *power)
{
    return power->pause_seconds > 0 || power->save_seconds > 0 || power->off_seconds > 0 ||
           power->calendar;
}

static gboolean
keep(Look *look, GError **error)
{
    gboolean floating = yd_pool_is_floating(look->pool);
    if (!yd_power_parse(look->pool->power, &look->power, error))
        return FALSE;
    look->calendar = yd_power_calendar(&look->power, look->now);
    if (!floating && !has_ladder(&look->power))
        return TRUE;
    gint64 since = 0;
    gboolean opens = !floating && look->pool->enabled &&
                     yd_power_opens(&look->power, &look->calendar, look->now, &since);
    g_autoptr(GPtrArray) facts =
        yd_store_idle_facts(look->store, look->pool->id, floating || opens, error);
    if (!facts || (opens && !open_up(look, facts, since, error)))
        return FALSE;
    for (guint i = 0; i < facts->len; i++) {
        g_autoptr(GError) why = NULL;
        gboolean done = FALSE;
        const YdIdleFacts *one = g_ptr_array_index(facts, i);
        if ((floating && !take_back(look, one, &done, &why)) ||
            (!done && !step_down(look, one, &why)))
            g_warning("%s: %s, trying again later", one->id, why ? why->message : "no reason");
    }
    return !floating || keep_spares(look, error);
}

void
yd_pool_keep(YdService *service, gint64 now)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(service, &error);
    const YdQuery query = {0};
    g_autoptr(YdPage) pools = store ? yd_store_list(store, &yd_pool_type, &query, &error) : NULL;
    if (!pools)
        g_warning("cannot look at the pools: %s, trying again later", error->message);
    for (guint i = 0; pools && i < pools->records->len; i++) {
        g_autoptr(GError) why = NULL;
        Look look = {.service = service, .store = store, .now = now};
        look.pool = g_ptr_array_index(pools->records, i);
        yd_power_init(&look.power);
        if (!keep(&look, &why))
            g_warning("pool %s: %s, trying again later", look.pool->name,
                      why ? why->message : "no reason");
        yd_power_clear(&look.power);
    }
}
