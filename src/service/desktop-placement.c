// SPDX-License-Identifier: Apache-2.0
// Gathers what model/placement.h decides on: hosts as the monitor saw them last, what is promised
// there already, and the storage; stores the explanation with the desktop.
#include "service/desktop-private.h"

#include <string.h>

#include "base/id.h"
#include "service/monitor.h"
#include "store/store-connect.h"

// Overlays grow as they are written to: a start with less than this free would only fail later.
#define STORAGE_RESERVE ((gint64)512 << 20)
#define FRESH_MS (10 * 1000)

static void
fill(YdService *service, const YdHost *host, GHashTable *promises, gint64 free_bytes,
     YdPlacementHost *ret)
{
    const YdHostPromise *promise = g_hash_table_lookup(promises, host->id);
    gint64 memory = host->memory_mib, memory_free = host->memory_free_mib, time = 0;
    gint64 seen_memory, seen_free;
    if (yd_monitor_host(service, host->id, &seen_memory, &seen_free, &time) &&
        yd_now_ms() - time < FRESH_MS) {
        memory = seen_memory;
        memory_free = seen_free;
    }
    *ret = (YdPlacementHost){
        .id = host->id,
        .name = host->name,
        .state = host->state,
        .memory_mib = memory,
        .memory_free_mib = memory_free,
        .reserve_mib = host->reserve_mib,
        .memory_promised_mib = promise ? promise->memory_mib : 0,
        .cpus = host->cpus,
        .vcpus_promised = promise ? promise->vcpus : 0,
        .vcpu_ratio = host->vcpu_ratio,
        .storage_free_bytes = free_bytes,
        .same_department = promise ? promise->same_department : 0,
        .has_network = TRUE,  // made there when it is missing
        .has_template = TRUE, // one image directory
    };
}

gboolean
yd_desk_placement_load(YdService *service, YdStore *store, const char *desktop_id,
                       gint64 free_bytes, YdDeskPlacement *ret, GError **error)
{
    const YdQuery query = {0};
    ret->page = yd_store_list(store, &yd_host_type, &query, error);
    g_autoptr(GHashTable) promises =
        ret->page ? yd_store_host_promises(store, desktop_id, error) : NULL;
    if (!promises)
        return FALSE;
    ret->n = ret->page->records->len;
    ret->hosts = g_new0(YdPlacementHost, ret->n + 1);
    for (guint i = 0; i < ret->n; i++)
        fill(service, g_ptr_array_index(ret->page->records, i), promises, free_bytes,
             &ret->hosts[i]);
    return TRUE;
}

void
yd_desk_placement_clear(YdDeskPlacement *placement)
{
    g_clear_pointer(&placement->page, yd_page_free);
    g_clear_pointer(&placement->hosts, g_free);
}

int
yd_desk_placement_choose(const YdDeskPlacement *placement, const YdDesktop *desktop,
                         char **ret_explanation)
{
    const YdPlacementRequest request = {.memory_mib = desktop->memory_mib,
                                        .vcpus = desktop->vcpus,
                                        .storage_bytes = STORAGE_RESERVE};
    return yd_placement_choose(placement->hosts, placement->n, &request, ret_explanation);
}

// Hosts that are left out for another reason than their state; the explanation says so.
static void
leave_out(YdDeskPlacement *placement, const char *only, const char *except)
{
    for (guint i = 0; i < placement->n; i++) {
        YdPlacementHost *host = &placement->hosts[i];
        if (only && strcmp(host->id, only) != 0)
            host->state = "not the one that was asked for";
        if (except && strcmp(host->id, except) == 0)
            host->state = "the one that it is to leave";
    }
}

gboolean
yd_desk_place_among(YdService *service, YdStore *store, YdDesktop *desktop, gint64 free_bytes,
                    const char *only, const char *except, GError **error)
{
    g_auto(YdDeskPlacement) placement = {0};
    if (!yd_desk_placement_load(service, store, desktop->id, free_bytes, &placement, error))
        return FALSE;
    leave_out(&placement, only, except);
    g_clear_pointer(&desktop->placement, g_free);
    int chosen = yd_desk_placement_choose(&placement, desktop, &desktop->placement);
    yd_set_string(&desktop->host_id, chosen < 0 ? NULL : placement.hosts[chosen].id);
    if (desktop->host_id)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_ROOM,
                "no host can take \"%s\" (%" G_GINT64_FORMAT " MiB, %" G_GINT64_FORMAT
                " vCPUs): %s",
                desktop->name, desktop->memory_mib, desktop->vcpus,
                placement.n == 0 ? "there is no host yet; add one"
                                 : (desktop->placement ? desktop->placement : ""));
    return FALSE;
}

gboolean
yd_desk_place(YdService *service, YdStore *store, YdDesktop *desktop, gint64 free_bytes,
              GError **error)
{
    return yd_desk_place_among(service, store, desktop, free_bytes, NULL, NULL, error);
}
