// SPDX-License-Identifier: Apache-2.0
// See cluster-place.h.
#include "cluster-place.h"

#include <string.h>
#include <time.h>

#include "api-seed.h"
#include "service/desktop-private.h"

#define FREE_BYTES ((gint64)1 << 40) // of the storage
#define ROUND_US G_USEC_PER_SEC      // of measuring what changes nothing

// The test driver's hosts have 3 GiB each; these have room for their desktops and more.
static void
give_room(YdStore *store)
{
    const YdQuery query = {0};
    GError *problem = NULL;
    g_autoptr(YdPage) page = yd_store_list(store, &yd_host_type, &query, &problem);
    must(page != NULL, problem);
    MUST(yd_store_begin(store, &error));
    for (guint i = 0; i < page->records->len; i++) {
        YdHost *host = page->records->pdata[i];
        host->cpus = 64;
        host->vcpu_ratio = 8;
        host->memory_mib = host->memory_free_mib = 512 * 1024;
        MUST(yd_store_update(store, &yd_host_type, host, &error));
    }
    MUST(yd_store_commit(store, &error));
}

static double
process_cpu(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec + (double)used.tv_nsec / 1e9;
}

// Placements a second that are not kept; load: with the look into the store.
static double
rate(YdService *service, YdStore *store, const YdDesktop *desktop, gboolean load)
{
    gint64 since = g_get_monotonic_time();
    guint n = 0;
    GError *error = NULL;
    g_auto(YdDeskPlacement) placement = {0};
    must(yd_desk_placement_load(service, store, desktop->id, FREE_BYTES, &placement, &error),
         error);
    for (; g_get_monotonic_time() - since < ROUND_US; n++) {
        g_autofree char *explanation = NULL;
        if (load) {
            yd_desk_placement_clear(&placement);
            must(
                yd_desk_placement_load(service, store, desktop->id, FREE_BYTES, &placement, &error),
                error);
        }
        must(yd_desk_placement_choose(&placement, desktop, &explanation) >= 0, NULL);
    }
    return n * 1e6 / (double)(g_get_monotonic_time() - since);
}

static void
place_one(YdService *service, YdStore *store, const char *id)
{
    GError *error = NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(store, id, &tx, &error);
    must(desktop != NULL, error);
    yd_set_string(&desktop->wanted, "on");
    must(yd_desk_place(service, store, desktop, FREE_BYTES, &error), error);
    must(yd_desk_commit(store, &tx, desktop, YD_DESKTOP_STARTING, &error), error);
}

ClusterPlacements
cluster_place(YdService *service)
{
    ClusterPlacements result = {0};
    GError *error = NULL;
    YdStore *store = yd_service_store(service, &error);
    must(store != NULL, error);
    give_room(store);
    g_autoptr(GPtrArray) off =
        yd_store_all(store, &yd_desktop_type, "state", YD_DESKTOP_OFF, &error);
    must(off && off->len > 0, error);
    result.choices = rate(service, store, off->pdata[0], FALSE);
    result.looks = rate(service, store, off->pdata[0], TRUE);
    double cpu = process_cpu();
    gint64 since = g_get_monotonic_time();
    for (guint i = 0; i < off->len; i++)
        place_one(service, store, ((const YdDesktop *)off->pdata[i])->id);
    result.seconds = (double)(g_get_monotonic_time() - since) / 1e6;
    result.cpu = process_cpu() - cpu;
    result.placed = off->len;
    return result;
}
