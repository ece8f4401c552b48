// SPDX-License-Identifier: Apache-2.0
// Networks × hosts: look, repair, write down. A row changes when there is something new in it, else
// every few minutes.
#include "service/network-keeper.h"

#include "base/id.h"
#include "service/network-segment.h"
#include "service/network.h"

#define PASS_US (30 * G_USEC_PER_SEC)
#define NOTE_MS                                                                                    \
    (5 * 60 * 1000) // when there is nothing new, so often it is written that it was seen

typedef struct {
    YdService *service;
    GThread *thread;
    GAsyncQueue *kicks; // of WORK or STOP
} Keeper;

static char WORK[] = "work", STOP[] = "stop";

static void
keeper_free(gpointer data)
{
    Keeper *keeper = data;
    g_async_queue_unref(keeper->kicks);
    g_free(keeper);
}

static Keeper *
keeper_of(YdService *service)
{
    Keeper *keeper = yd_service_part(service, "network-keeper");
    if (keeper)
        return keeper;
    keeper = g_new0(Keeper, 1);
    keeper->service = service;
    keeper->kicks = g_async_queue_new();
    return yd_service_set_part(service, "network-keeper", keeper, keeper_free);
}

// --- one network on one host ---

static YdNetworkHost *
row_of(GPtrArray *rows, const char *host_id)
{
    for (guint i = 0; i < rows->len; i++) {
        YdNetworkHost *row = rows->pdata[i];
        if (g_strcmp0(row->host_id, host_id) == 0)
            return row;
    }
    return NULL;
}

static gboolean
write_down(YdStore *store, const YdNetworkHost *old, const YdNetworkHost *now, GError **error)
{
    if (!old) {
        g_autoptr(YdNetworkHost) made = yd_network_host_copy(now);
        return yd_store_insert(store, &yd_network_host_type, made, error);
    }
    if (g_strcmp0(old->state, now->state) == 0 && g_strcmp0(old->error, now->error) == 0 &&
        !now->repaired && now->checked - old->checked < NOTE_MS)
        return TRUE;
    g_autoptr(YdNetworkHost) row = yd_network_host_copy(old);
    yd_set_string(&row->state, now->state);
    yd_set_string(&row->error, now->error);
    row->checked = now->checked;
    if (now->repaired) {
        yd_set_string(&row->repaired, now->repaired);
        row->repaired_at = now->repaired_at;
    }
    return yd_store_update(store, &yd_network_host_type, row, error);
}

// What is wrong, before it is put right: "missing", or nothing that could be seen from here.
static gboolean
is_missing(YdHypervisor *hv, const YdNetwork *network)
{
    g_autofree char *name = yd_network_libvirt_name(network);
    gboolean active = FALSE;
    return !yd_hypervisor_network_active(hv, name, &active, NULL) || !active;
}

static void
look(YdService *service, const YdHost *host, const YdNetwork *network, YdNetworkHost *now)
{
    YdHypervisor *hv = yd_service_hypervisor(service, host->id, NULL);
    g_autofree char *repaired = NULL;
    g_autoptr(GError) why = NULL;
    if (!hv || !yd_hypervisor_alive(hv)) {
        now->state = g_strdup("unreachable");
        return;
    }
    gboolean missing = is_missing(hv, network);
    gboolean good = yd_network_ensure_seen(service, host, network, &repaired, &why);
    const char *bad = missing ? "missing" : "drift";
    if (g_error_matches(why, YD_ERROR, YD_ERROR_UNAVAILABLE) ||
        g_error_matches(why, YD_ERROR, YD_ERROR_TIMEOUT))
        bad = "unreachable";
    now->state = g_strdup(good ? "ok" : bad);
    now->error = why ? g_strdup(why->message) : NULL;
    if (good && (missing || repaired)) {
        now->repaired = missing ? g_strconcat("network", repaired ? ", " : NULL, repaired, NULL)
                                : g_steal_pointer(&repaired);
        now->repaired_at = yd_now_ms();
    }
}

static gboolean
keep_one(YdService *service, YdStore *store, const YdHost *host, const YdNetwork *network,
         GPtrArray *rows, GError **error)
{
    const YdNetworkHost *old = row_of(rows, host->id);
    g_autoptr(YdNetworkHost) now = yd_network_host_new();
    yd_set_string(&now->network_id, network->id);
    yd_set_string(&now->host_id, host->id);
    now->checked = yd_now_ms();
    look(service, host, network, now);
    if (!old) // nothing was repaired: it is new here
        g_clear_pointer(&now->repaired, g_free);
    else if (now->repaired)
        g_message("network %s on host %s was put right: %s", network->name, host->name,
                  now->repaired);
    g_autoptr(GError) why = NULL;
    if (write_down(store, old, now, &why) || g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND) ||
        g_error_matches(why, YD_ERROR, YD_ERROR_EXISTS) ||
        g_error_matches(why, YD_ERROR, YD_ERROR_IN_USE))
        return TRUE; // the network or the host has gone meanwhile, or another deskd wrote it
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

gboolean
yd_network_keep(YdService *service, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    const YdQuery all = {0};
    g_autoptr(YdPage) hosts = store ? yd_store_list(store, &yd_host_type, &all, error) : NULL;
    g_autoptr(YdPage) networks = hosts ? yd_store_list(store, &yd_network_type, &all, error) : NULL;
    if (!networks)
        return FALSE;
    for (guint n = 0; n < networks->records->len; n++) {
        const YdNetwork *network = networks->records->pdata[n];
        if (g_strcmp0(network->state, "active") != 0) // its job is at work
            continue;
        g_autoptr(GPtrArray) rows =
            yd_store_all(store, &yd_network_host_type, "network_id", network->id, error);
        for (guint h = 0; rows && h < hosts->records->len; h++)
            if (!keep_one(service, store, hosts->records->pdata[h], network, rows, error))
                return FALSE;
        if (!rows)
            return FALSE;
    }
    for (guint h = 0; h < hosts->records->len; h++) {
        const YdHost *host = hosts->records->pdata[h];
        g_autoptr(GError) why = NULL;
        if (!yd_network_segment_tidy(service, host, NULL, &why))
            g_debug("segments of host %s: %s, ignoring", host->name, why->message);
    }
    return TRUE;
}

// --- the thread ---

static gpointer
run(gpointer data)
{
    Keeper *keeper = data;
    for (;;) {
        gpointer kick = g_async_queue_timeout_pop(keeper->kicks, PASS_US);
        while (kick == WORK) { // several are one
            gpointer next = g_async_queue_try_pop(keeper->kicks);
            if (!next)
                break;
            kick = next;
        }
        if (kick == STOP)
            return NULL;
        g_autoptr(GError) error = NULL;
        if (!yd_network_keep(keeper->service, &error))
            g_warning("networks: %s, trying again later", error->message);
    }
}

void
yd_network_keeper_kick(YdService *service)
{
    g_async_queue_push(keeper_of(service)->kicks, WORK);
}

gboolean
yd_network_keeper_start(YdService *service, GError **error)
{
    Keeper *keeper = keeper_of(service);
    if (!keeper->thread)
        keeper->thread = g_thread_new("networks", run, keeper);
    yd_network_keeper_kick(service);
    return TRUE;
}

void
yd_network_keeper_stop(YdService *service)
{
    Keeper *keeper = keeper_of(service);
    if (!keeper->thread)
        return;
    g_async_queue_push(keeper->kicks, STOP);
    g_thread_join(keeper->thread);
    keeper->thread = NULL;
}
