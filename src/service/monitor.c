// SPDX-License-Identifier: Apache-2.0
// One thread per host reads what its machines use; the figures stay in memory. A host that does not
// answer holds up only its own thread.
#include "service/monitor.h"

#include <string.h>

#include "base/id.h"
#include "model/desktop-state.h"
#include "service/host.h"

#define POLL_US (2 * G_USEC_PER_SEC)
#define FULL_EVERY 2  // polls: CPU, memory and disk every 4 s, so that none is older than 5 s
#define FACTS_EVERY 5 // polls
#define FORGET_MS (60 * 1000)

typedef struct {
    YdDesktopStats stats;
    char *host_id;
    gint64 full_time, light_time; // of the values that the next rates are computed from
    guint64 cpu_ns, net_in, net_out, disk_read, disk_written;
} Machine;

typedef struct {
    struct Monitor *monitor;
    char *host_id;
    YdHypervisor *hv;
    GThread *thread;
    guint polls;
    gboolean settled;                         // it answered at the last look
    gint64 stored;                            // when its row was written last
    gboolean over;                            // lock
    gint64 memory_mib, memory_free_mib, time; // facts; lock
} Watch;

typedef struct Monitor {
    YdService *service;
    GMutex lock;
    GCond wake;
    gboolean stop, started;
    GHashTable *machines; // uuid -> Machine
    GHashTable *watches;  // host id -> Watch
} Monitor;

static void
machine_free(gpointer data)
{
    Machine *machine = data;
    g_free(machine->host_id);
    g_free(machine);
}

static void
watch_free(gpointer data)
{
    Watch *watch = data;
    g_free(watch->host_id);
    g_free(watch);
}

static void stop_watching(Monitor *monitor);

static void
monitor_free(gpointer data)
{
    Monitor *monitor = data;
    stop_watching(monitor);
    g_hash_table_unref(monitor->machines);
    g_hash_table_unref(monitor->watches);
    g_mutex_clear(&monitor->lock);
    g_cond_clear(&monitor->wake);
    g_free(monitor);
}

static Monitor *
monitor_of(YdService *service)
{
    Monitor *monitor = yd_service_part(service, "monitor");
    if (monitor)
        return monitor;
    monitor = g_new0(Monitor, 1);
    monitor->service = service;
    monitor->machines = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, machine_free);
    monitor->watches = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, watch_free);
    g_mutex_init(&monitor->lock);
    g_cond_init(&monitor->wake);
    return yd_service_set_part(service, "monitor", monitor, monitor_free);
}

// --- machines; lock held ---

static double
rate(guint64 now, guint64 before, gint64 ms)
{
    return now >= before && ms > 0 ? (double)(now - before) * 1000 / (double)ms : 0;
}

static void
take_network(Machine *machine, const YdMachineStats *read)
{
    YdDesktopStats *stats = &machine->stats;
    gint64 ms = machine->light_time ? read->time - machine->light_time : 0;
    if (ms > 0) {
        stats->net_in_rate = rate(read->net_in_bytes, machine->net_in, ms);
        stats->net_out_rate = rate(read->net_out_bytes, machine->net_out, ms);
    }
    stats->net_in_bytes = (gint64)read->net_in_bytes;
    stats->net_out_bytes = (gint64)read->net_out_bytes;
    machine->net_in = read->net_in_bytes;
    machine->net_out = read->net_out_bytes;
    machine->light_time = read->time;
}

static void
take_rest(Machine *machine, const YdMachineStats *read)
{
    YdDesktopStats *stats = &machine->stats;
    gint64 ms = machine->full_time ? read->time - machine->full_time : 0;
    stats->cpu_percent = -1;
    if (ms > 0 && read->vcpus > 0 && read->cpu_ns >= machine->cpu_ns) {
        double share = rate(read->cpu_ns, machine->cpu_ns, ms) / 1e9 / (double)read->vcpus;
        stats->cpu_percent = CLAMP(share * 100, 0, 100);
        stats->disk_read_rate = rate(read->disk_read_bytes, machine->disk_read, ms);
        stats->disk_written_rate = rate(read->disk_written_bytes, machine->disk_written, ms);
    }
    stats->memory_mib = read->memory_mib;
    stats->memory_used_mib = read->memory_used_kib < 0 ? -1 : read->memory_used_kib / 1024;
    stats->disk_read_bytes = (gint64)read->disk_read_bytes;
    stats->disk_written_bytes = (gint64)read->disk_written_bytes;
    stats->disk_allocated_bytes = read->disk_allocated_bytes;
    stats->time = read->time;
    machine->cpu_ns = read->cpu_ns;
    machine->disk_read = read->disk_read_bytes;
    machine->disk_written = read->disk_written_bytes;
    machine->full_time = read->time;
}

static void
take(Monitor *monitor, const char *host_id, const YdMachineStats *read, gboolean full)
{
    Machine *machine = g_hash_table_lookup(monitor->machines, read->uuid);
    if (!machine) {
        machine = g_new0(Machine, 1);
        machine->host_id = g_strdup(host_id);
        machine->stats.cpu_percent = -1;
        machine->stats.memory_used_mib = -1;
        g_hash_table_insert(monitor->machines, g_strdup(read->uuid), machine);
    }
    if (g_strcmp0(machine->host_id, host_id) != 0) {
        g_free(machine->host_id);
        machine->host_id = g_strdup(host_id);
    }
    take_network(machine, read);
    if (full)
        take_rest(machine, read);
}

static gboolean
is_old(gpointer key, gpointer value, gpointer data)
{
    const Machine *machine = value;
    const gint64 *now = data;
    return machine->light_time + FORGET_MS < *now;
}

// --- one poll of one host ---

static gboolean
poll_machines(Watch *watch, gboolean full, GError **error)
{
    Monitor *monitor = watch->monitor;
    g_autoptr(GPtrArray) all = yd_hypervisor_stats(watch->hv, full, error);
    if (!all)
        return FALSE;
    gint64 now = yd_now_ms();
    g_mutex_lock(&monitor->lock);
    for (guint i = 0; i < all->len; i++)
        take(monitor, watch->host_id, g_ptr_array_index(all, i), full);
    g_hash_table_foreach_remove(monitor->machines, is_old, &now);
    g_mutex_unlock(&monitor->lock);
    return TRUE;
}

static void
poll_facts(Watch *watch)
{
    Monitor *monitor = watch->monitor;
    g_autoptr(GError) error = NULL;
    YdHostFacts *facts = yd_hypervisor_facts(watch->hv, &error);
    if (facts) {
        g_mutex_lock(&monitor->lock);
        watch->memory_mib = facts->memory_mib;
        watch->memory_free_mib = facts->memory_free_mib;
        watch->time = yd_now_ms();
        g_mutex_unlock(&monitor->lock);
    }
    g_autoptr(GError) local = NULL;
    if (!yd_host_seen(monitor->service, watch->host_id, facts, error, &watch->stored, &local)) {
        watch->over = g_error_matches(local, YD_ERROR, YD_ERROR_NOT_FOUND); // removed
        g_debug("host %s: %s, the next poll writes", watch->host_id, local->message);
    }
    watch->settled = facts != NULL;
    yd_host_facts_free(facts);
}

static void
poll_host(Watch *watch)
{
    g_autoptr(GError) error = NULL;
    // A host that is away, or was, is looked at each time: its state moves on by the clock.
    if (watch->polls % FACTS_EVERY == 0 || !watch->settled || !yd_hypervisor_alive(watch->hv))
        poll_facts(watch);
    if (!poll_machines(watch, watch->polls % FULL_EVERY == 0, &error))
        g_debug("host %s: no figures: %s, ignoring", watch->host_id, error->message);
    watch->polls++;
}

static gpointer
watch_thread(gpointer data)
{
    Watch *watch = data;
    Monitor *monitor = watch->monitor;
    g_mutex_lock(&monitor->lock);
    while (!monitor->stop && !watch->over) {
        gint64 next = g_get_monotonic_time() + POLL_US;
        g_mutex_unlock(&monitor->lock);
        poll_host(watch);
        g_mutex_lock(&monitor->lock);
        while (!monitor->stop && g_cond_wait_until(&monitor->wake, &monitor->lock, next))
            ;
    }
    g_mutex_unlock(&monitor->lock);
    return NULL;
}

// --- start and stop ---

static Watch *
watch_of(Monitor *monitor, const char *host_id, YdHypervisor *hv)
{
    Watch *watch = g_hash_table_lookup(monitor->watches, host_id);
    if (!watch) {
        watch = g_new0(Watch, 1);
        watch->monitor = monitor;
        watch->host_id = g_strdup(host_id);
        g_hash_table_insert(monitor->watches, watch->host_id, watch);
    }
    watch->hv = hv;
    return watch;
}

static void
host_opened(YdService *service, const char *host_id, YdHypervisor *hv, gpointer data)
{
    Monitor *monitor = data;
    g_mutex_lock(&monitor->lock);
    Watch *watch = watch_of(monitor, host_id, hv);
    if (monitor->started && !monitor->stop && !watch->thread)
        watch->thread = g_thread_new("monitor", watch_thread, watch);
    g_mutex_unlock(&monitor->lock);
}

gboolean
yd_monitor_start(YdService *service, GError **error)
{
    Monitor *monitor = monitor_of(service);
    g_mutex_lock(&monitor->lock);
    gboolean first = !monitor->started;
    monitor->started = TRUE;
    monitor->stop = FALSE;
    g_mutex_unlock(&monitor->lock);
    if (first)
        yd_service_on_host_opened(service, host_opened, monitor);
    return TRUE;
}

static void
stop_watching(Monitor *monitor)
{
    GHashTableIter iter;
    Watch *watch;
    g_mutex_lock(&monitor->lock);
    monitor->stop = TRUE;
    g_cond_broadcast(&monitor->wake);
    g_mutex_unlock(&monitor->lock);
    g_hash_table_iter_init(&iter, monitor->watches);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&watch)) {
        if (watch->thread)
            g_thread_join(watch->thread);
        watch->thread = NULL;
    }
}

void
yd_monitor_stop(YdService *service)
{
    stop_watching(monitor_of(service));
}

gboolean
yd_monitor_poll(YdService *service, GError **error)
{
    Monitor *monitor = monitor_of(service);
    YdStore *store = yd_service_store(service, error);
    const YdQuery query = {0};
    g_autoptr(YdPage) page = store ? yd_store_list(store, &yd_host_type, &query, error) : NULL;
    for (guint i = 0; page && i < page->records->len; i++) {
        const YdHost *host = g_ptr_array_index(page->records, i);
        YdHypervisor *hv = yd_service_hypervisor(service, host->id, NULL);
        if (!hv)
            continue;
        Watch once = {.monitor = monitor, .host_id = host->id, .hv = hv};
        poll_host(&once);
        g_mutex_lock(&monitor->lock);
        Watch *watch = watch_of(monitor, host->id, hv);
        watch->memory_mib = once.memory_mib;
        watch->memory_free_mib = once.memory_free_mib;
        watch->time = once.time;
        g_mutex_unlock(&monitor->lock);
    }
    return page != NULL;
}

// --- reading ---

gboolean
yd_monitor_machine(YdService *service, const char *uuid, YdDesktopStats *ret_stats)
{
    Monitor *monitor = monitor_of(service);
    g_mutex_lock(&monitor->lock);
    const Machine *machine = g_hash_table_lookup(monitor->machines, uuid);
    gboolean there = machine && machine->stats.time != 0;
    if (there)
        *ret_stats = machine->stats;
    g_mutex_unlock(&monitor->lock);
    return there;
}

gboolean
yd_monitor_host(YdService *service, const char *host_id, gint64 *ret_memory_mib,
                gint64 *ret_free_mib, gint64 *ret_time)
{
    Monitor *monitor = monitor_of(service);
    g_mutex_lock(&monitor->lock);
    const Watch *watch = g_hash_table_lookup(monitor->watches, host_id);
    gboolean there = watch && watch->time != 0;
    if (there) {
        *ret_memory_mib = watch->memory_mib;
        *ret_free_mib = watch->memory_free_mib;
        *ret_time = watch->time;
    }
    g_mutex_unlock(&monitor->lock);
    return there;
}

gboolean
yd_monitor_desktop(YdService *service, const YdActor *actor, const char *desktop_id,
                   YdDesktopStats *ret_stats, gint64 *ret_age_ms, GError **error)
{
    g_autoptr(YdDesktop) desktop =
        yd_service_get(service, actor, YD_RIGHT_DESKTOPS_READ, &yd_desktop_type, desktop_id, error);
    if (!desktop)
        return FALSE;
    if (!yd_desktop_state_runs(desktop->state)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "\"%s\" is %s: it uses nothing", desktop->name,
                    desktop->state);
        return FALSE;
    }
    if (!yd_monitor_machine(service, desktop->uuid, ret_stats)) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "no figures of \"%s\" yet; ask again in a few seconds", desktop->name);
        return FALSE;
    }
    *ret_age_ms = MAX(0, yd_now_ms() - ret_stats->time);
    return TRUE;
}
