// SPDX-License-Identifier: Apache-2.0
// Wiring of the use cases: configuration, a store for each thread, the hosts' hypervisors, and the
// parts that other files of this room keep here. Decides nothing.

#include "service/service.h"
#include "model/host-state.h"
#include "service/settings.h"

const YdActor yd_actor_system = {.username = "system", .role = YD_ROLE_ADMIN};

// A thread's store. Belongs to the thread and to the service at once; whoever ends first closes it.
// Guarded by stores_lock.
typedef struct {
    YdService *service; // NULL when the service is gone
    YdStore *store;
} ThreadStore;

typedef struct {
    char *name;
    gpointer data;
    GDestroyNotify free_data;
} Part;

typedef struct {
    YdHostOpened callback;
    gpointer data;
} Hook;

struct _YdService {
    YdServiceConfig config;
    YdStorage *storage;
    GPtrArray *stores; // ThreadStore, borrowed; stores_lock
    GMutex lock;       // for all below
    GPtrArray *parts;
    GHashTable *hosts;    // id -> YdHypervisor
    GPtrArray *forgotten; // YdHypervisor
    GArray *hooks;        // Hook
};

static GMutex stores_lock;
static void thread_stores_free(gpointer data);
static GPrivate thread_stores = G_PRIVATE_INIT(thread_stores_free); // GPtrArray of ThreadStore

// ---- configuration ----

void
yd_service_config_init(YdServiceConfig *config)
{
    *config = (YdServiceConfig){
        .database = g_strdup("/var/lib/yundesk/yundesk.db"),
        .state_dir = g_strdup("/var/lib/yundesk"),
        .run_dir = g_strdup("/run/yundesk"),
        .public_port = 443,
        .login_idle_seconds = 12 * 3600,
        .host_down_seconds = 20,
        .login_max_seconds = 7 * 24 * 3600,
        .password_min = 8,
        .lock_after = 10,
        .lock_seconds = 300,
        .max_starts = 2,
        .workers = 6,
        .accel = g_strdup("auto"),
        .first_use_seconds = 60,
        .grace_seconds = 60,
        .reconnects = 10,
        .max_sessions_per_user = 20,
        .fixed_port_first = 50000,
        .fixed_port_last = 59999,
        .log_in_seconds = 90,
        .max_upload = (gint64)64 << 30,
        .media_quota_gib = 200,
        .personal_quota_gib = 1024,
        .template_chain_max = 5,
        .template_scrub_days = 30,
        .backup_hour = 2,
        .backup_keep_daily = 7,
        .backup_keep_weekly = 4,
        .backup_keep_monthly = 6,
        .backup_at_once = 2,
        .balance_spread = 20,
    };
}

void
yd_service_config_clear(YdServiceConfig *config)
{
    g_clear_pointer(&config->database, g_free);
    g_clear_pointer(&config->state_dir, g_free);
    g_clear_pointer(&config->run_dir, g_free);
    g_clear_pointer(&config->public_host, g_free);
    g_clear_pointer(&config->desktop_domain, g_free);
    g_clear_pointer(&config->accel, g_free);
    g_clear_pointer(&config->import_dirs, g_strfreev);
    g_clear_pointer(&config->host_gates, g_strfreev);
    g_clear_pointer(&config->fence_command, g_free);
}

static void
config_copy(YdServiceConfig *to, const YdServiceConfig *from)
{
    *to = *from;
    to->database = g_strdup(from->database);
    to->state_dir = g_strdup(from->state_dir);
    to->run_dir = g_strdup(from->run_dir);
    to->public_host = g_strdup(from->public_host);
    to->desktop_domain = g_strdup(from->desktop_domain);
    to->accel = g_strdup(from->accel);
    to->import_dirs = g_strdupv(from->import_dirs);
    to->host_gates = g_strdupv(from->host_gates);
    to->fence_command = g_strdup(from->fence_command);
}

const YdServiceConfig *
yd_service_config(YdService *service)
{
    return &service->config;
}

YdStorage *
yd_service_storage(YdService *service)
{
    return service->storage;
}

// ---- a store for each thread ----

static void
thread_stores_free(gpointer data)
{
    GPtrArray *mine = data;

    g_mutex_lock(&stores_lock);
    for (guint i = 0; i < mine->len; i++) {
        ThreadStore *entry = mine->pdata[i];
        if (entry->service)
            g_ptr_array_remove_fast(entry->service->stores, entry);
        g_clear_pointer(&entry->store, yd_store_close);
        g_free(entry);
    }
    g_mutex_unlock(&stores_lock);
    g_ptr_array_unref(mine);
}

static YdStore *
thread_store_add(YdService *service, YdStore *store)
{
    GPtrArray *mine = g_private_get(&thread_stores);
    ThreadStore *entry = g_new0(ThreadStore, 1);

    if (!mine) {
        mine = g_ptr_array_new();
        g_private_set(&thread_stores, mine);
    }
    entry->service = service;
    entry->store = store;
    g_ptr_array_add(mine, entry);
    g_mutex_lock(&stores_lock);
    g_ptr_array_add(service->stores, entry);
    g_mutex_unlock(&stores_lock);
    return store;
}

YdStore *
yd_service_store(YdService *service, GError **error)
{
    GPtrArray *mine = g_private_get(&thread_stores);
    YdStore *store;

    for (guint i = 0; mine && i < mine->len; i++) {
        ThreadStore *entry = mine->pdata[i];
        if (entry->service == service)
            return entry->store;
    }
    store = yd_store_open(service->config.database, FALSE, error);
    return store ? thread_store_add(service, store) : NULL;
}

// Drops what ended services left in the calling thread's list.
static void
thread_stores_sweep(void)
{
    GPtrArray *mine = g_private_get(&thread_stores);

    for (guint i = mine ? mine->len : 0; i > 0; i--) {
        ThreadStore *entry = mine->pdata[i - 1];
        if (!entry->service) {
            g_free(entry);
            g_ptr_array_remove_index_fast(mine, i - 1);
        }
    }
}

static void
service_close_stores(YdService *service)
{
    g_mutex_lock(&stores_lock);
    for (guint i = 0; i < service->stores->len; i++) {
        ThreadStore *entry = service->stores->pdata[i];
        entry->service = NULL;
        g_clear_pointer(&entry->store, yd_store_close);
    }
    g_ptr_array_set_size(service->stores, 0);
    thread_stores_sweep();
    g_mutex_unlock(&stores_lock);
}

// ---- life ----

static void
part_free(gpointer data)
{
    Part *part = data;

    if (part->free_data)
        part->free_data(part->data);
    g_free(part->name);
    g_free(part);
}

YdService *
yd_service_new(const YdServiceConfig *config, YdStorage *storage, GError **error)
{
    YdService *service = g_new0(YdService, 1);
    YdStore *store;

    config_copy(&service->config, config);
    service->storage = storage;
    service->stores = g_ptr_array_new();
    service->parts = g_ptr_array_new();
    service->hosts =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)yd_hypervisor_close);
    service->forgotten = g_ptr_array_new_with_free_func((GDestroyNotify)yd_hypervisor_close);
    service->hooks = g_array_new(FALSE, FALSE, sizeof(Hook));
    g_mutex_init(&service->lock);

    store = yd_store_open(service->config.database, TRUE, error);
    if (!store) {
        yd_service_free(service);
        return NULL;
    }
    thread_store_add(service, store);
    yd_settings_load(service);
    return service;
}

// After it no event of a machine reaches a part any more; the parts still may ask their hosts.
static void
silence_hosts(YdService *service)
{
    GHashTableIter iter;
    gpointer hv;

    g_hash_table_iter_init(&iter, service->hosts);
    while (g_hash_table_iter_next(&iter, NULL, &hv))
        yd_hypervisor_on_event(hv, NULL, NULL);
    for (guint i = 0; i < service->forgotten->len; i++)
        yd_hypervisor_on_event(service->forgotten->pdata[i], NULL, NULL);
}

void
yd_service_free(YdService *service)
{
    if (!service)
        return;
    silence_hosts(service);
    while (service->parts->len)
        part_free(g_ptr_array_steal_index(service->parts, service->parts->len - 1));
    g_ptr_array_unref(service->parts);
    g_hash_table_unref(service->hosts);
    g_ptr_array_unref(service->forgotten);
    g_array_unref(service->hooks);
    service_close_stores(service);
    g_ptr_array_unref(service->stores);
    yd_storage_free(service->storage);
    yd_service_config_clear(&service->config);
    g_mutex_clear(&service->lock);
    g_free(service);
}

// ---- parts ----

static Part *
part_find(YdService *service, const char *name)
{
    for (guint i = 0; i < service->parts->len; i++) {
        Part *part = service->parts->pdata[i];
        if (g_str_equal(part->name, name))
            return part;
    }
    return NULL;
}

gpointer
yd_service_part(YdService *service, const char *name)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&service->lock);
    Part *part = part_find(service, name);

    return part ? part->data : NULL;
}

gpointer
yd_service_set_part(YdService *service, const char *name, gpointer data, GDestroyNotify free_data)
{
    gpointer earlier = NULL;

    g_mutex_lock(&service->lock);
    Part *part = part_find(service, name);
    if (part) {
        earlier = part->data;
    } else {
        part = g_new0(Part, 1);
        part->name = g_strdup(name);
        part->data = data;
        part->free_data = free_data;
        g_ptr_array_add(service->parts, part);
    }
    g_mutex_unlock(&service->lock);
    if (earlier && free_data)
        free_data(data);
    return earlier ? earlier : data;
}

// ---- hosts ----

YdHypervisor *
yd_service_hypervisor(YdService *service, const char *host_id, GError **error)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&service->lock);
    YdHypervisor *hv = host_id ? g_hash_table_lookup(service->hosts, host_id) : NULL;

    if (!hv)
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "host “%s” is not known or could not be opened; look at its error",
                    host_id ? host_id : "(none)");
    return hv;
}

static YdAccel
accel_of(const char *name)
{
    if (g_strcmp0(name, "kvm") == 0)
        return YD_ACCEL_KVM;
    if (g_strcmp0(name, "tcg") == 0)
        return YD_ACCEL_TCG;
    return YD_ACCEL_AUTO;
}

// Keeps the new hypervisor unless another thread was quicker, and tells the hooks.
static void
host_opened(YdService *service, const char *host_id, YdHypervisor *hv)
{
    g_autoptr(GArray) hooks = NULL;

    g_mutex_lock(&service->lock);
    if (!g_hash_table_contains(service->hosts, host_id)) {
        g_hash_table_insert(service->hosts, g_strdup(host_id), hv);
        hooks = g_array_copy(service->hooks);
    }
    g_mutex_unlock(&service->lock);
    if (!hooks) {
        yd_hypervisor_close(hv);
        return;
    }
    for (guint i = 0; i < hooks->len; i++) {
        Hook *hook = &g_array_index(hooks, Hook, i);
        hook->callback(service, host_id, hv, hook->data);
    }
}

static gboolean
host_note_error(YdService *service, const char *host_id, const char *message, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdHost) host = tx ? yd_store_get(store, &yd_host_type, host_id, error) : NULL;

    if (!host)
        return FALSE;
    if (g_strcmp0(host->error, message) == 0)
        return TRUE;
    yd_set_string(&host->error, message);
    if (g_strcmp0(host->state, YD_HOST_UP) == 0) {
        yd_set_string(&host->state, YD_HOST_SUSPECT);
        host->since = yd_now_ms();
    }
    return yd_store_update(store, &yd_host_type, host, error) && yd_store_tx_commit(&tx, error);
}

// All at once, so that hosts that do not answer are waited for together.
gboolean
yd_service_open_hosts(YdService *service, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdPage) page = NULL;
    g_autoptr(GPtrArray) opened = g_ptr_array_new(); // one for each host; NULL: nothing to do
    gboolean good = TRUE;
    YdQuery all = {0};

    if (!store || !(page = yd_store_list(store, &yd_host_type, &all, error)))
        return FALSE;
    for (guint i = 0; i < page->records->len; i++) {
        const YdHost *host = page->records->pdata[i];
        g_autoptr(GError) why = NULL;
        YdHypervisor *hv = NULL;
        if (!yd_service_hypervisor(service, host->id, NULL)) {
            hv = yd_hypervisor_open_soon(host->uri, accel_of(service->config.accel), &why);
            good = good && (hv || host_note_error(service, host->id, why->message, error));
        }
        g_ptr_array_add(opened, hv);
    }
    gint64 until = g_get_monotonic_time() + YD_HYPERVISOR_FIRST_WAIT;
    for (guint i = 0; i < opened->len; i++) {
        YdHypervisor *hv = opened->pdata[i];
        if (!hv)
            continue;
        yd_hypervisor_settle(hv, until);
        host_opened(service, ((YdHost *)page->records->pdata[i])->id, hv);
    }
    return good;
}

void
yd_service_on_host_opened(YdService *service, YdHostOpened callback, gpointer data)
{
    Hook hook = {callback, data};
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer id;

    g_mutex_lock(&service->lock);
    g_array_append_val(service->hooks, hook);
    g_hash_table_iter_init(&iter, service->hosts);
    while (g_hash_table_iter_next(&iter, &id, NULL))
        g_ptr_array_add(ids, g_strdup(id));
    g_mutex_unlock(&service->lock);
    for (guint i = 0; i < ids->len; i++) {
        YdHypervisor *hv = yd_service_hypervisor(service, ids->pdata[i], NULL);
        if (hv)
            callback(service, ids->pdata[i], hv, data);
    }
}

void
yd_service_forget_host(YdService *service, const char *host_id)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&service->lock);
    g_autofree char *key = NULL;
    gpointer hv = NULL;

    if (g_hash_table_steal_extended(service->hosts, host_id, (gpointer *)&key, &hv))
        g_ptr_array_add(service->forgotten, hv);
}
