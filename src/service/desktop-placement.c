// SPDX-License-Identifier: Apache-2.0
// Gathers what model/placement.h decides on: hosts as the monitor saw them last, what is promised
// there already, and the storage; stores the explanation with the desktop.
#include "service/desktop-private.h"

#include "base/id.h"
#include "model/placement.h"
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

static void
choose(YdService *service, GPtrArray *hosts, GHashTable *promises, YdDesktop *desktop,
       gint64 free_bytes)
{
    g_autofree YdPlacementHost *list = g_new0(YdPlacementHost, hosts->len + 1);
    const YdPlacementRequest request = {.memory_mib = desktop->memory_mib,
                                        .vcpus = desktop->vcpus,
                                        .storage_bytes = STORAGE_RESERVE};
    for (guint i = 0; i < hosts->len; i++)
        fill(service, g_ptr_array_index(hosts, i), promises, free_bytes, &list[i]);
    g_clear_pointer(&desktop->placement, g_free);
    int chosen = yd_placement_choose(list, hosts->len, &request, &desktop->placement);
    yd_set_string(&desktop->host_id, chosen < 0 ? NULL : list[chosen].id);
}

gboolean
yd_desk_place(YdService *service, YdStore *store, YdDesktop *desktop, gint64 free_bytes,
              GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_host_type, &query, error);
    g_autoptr(GHashTable) promises =
        page ? yd_store_host_promises(store, desktop->id, error) : NULL;
    if (!promises)
        return FALSE;
    choose(service, page->records, promises, desktop, free_bytes);
    if (desktop->host_id)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_ROOM,
                "no host can take \"%s\" (%" G_GINT64_FORMAT " MiB, %" G_GINT64_FORMAT
                " vCPUs): %s",
                desktop->name, desktop->memory_mib, desktop->vcpus,
                page->records->len == 0 ? "there is no host yet; add one"
                                        : (desktop->placement ? desktop->placement : ""));
    return FALSE;
}
