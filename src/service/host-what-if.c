// SPDX-License-Identifier: Apache-2.0
// "What if that host dies on Monday?": the placements of what runs there, one after another, on the
// hosts that would be left. Changes nothing.
#include "service/host.h"

#include <string.h>

#include "base/json-util.h"
#include "service/desktop-private.h"

// Only what runs needs room; the rest finds one when it starts.
static GPtrArray *
running_on(YdStore *store, const char *host_id, GError **error)
{
    g_autoptr(GPtrArray) all = yd_store_all(store, &yd_desktop_type, "host_id", host_id, error);
    for (guint i = all ? all->len : 0; i > 0; i--) {
        const YdDesktop *desktop = all->pdata[i - 1];
        if (!yd_desktop_state_runs(desktop->state))
            g_ptr_array_remove_index(all, i - 1);
    }
    return g_steal_pointer(&all);
}

static void
without(YdDeskPlacement *placement, const char *host_id)
{
    for (guint i = 0; i < placement->n; i++) {
        if (strcmp(placement->hosts[i].id, host_id) == 0)
            placement->hosts[i].state = "the one that is gone";
    }
}

// Places one as a start would, and remembers the room that it takes.
static json_t *
place(YdDeskPlacement *placement, const YdDesktop *desktop, gboolean *ret_fits)
{
    g_autofree char *text = NULL;
    int chosen = yd_desk_placement_choose(placement, desktop, &text);
    g_autoptr(json_t) explanation = text ? yd_json_parse_object(text, NULL) : NULL;
    *ret_fits = chosen >= 0;
    if (chosen >= 0) {
        YdPlacementHost *host = &placement->hosts[chosen];
        host->memory_promised_mib += desktop->memory_mib;
        host->memory_free_mib -= desktop->memory_mib;
        host->vcpus_promised += desktop->vcpus;
    }
    return json_pack("{s:s, s:s, s:s?, s:O?}", "desktop_id", desktop->id, "desktop_name",
                     desktop->name, "host_name", chosen < 0 ? NULL : placement->hosts[chosen].name,
                     "placement", explanation);
}

json_t *
yd_host_what_if(YdService *service, const YdActor *actor, const char *host_id, GError **error)
{
    gint64 bytes = 0, free_bytes = 0;
    json_int_t fit = 0;
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdHost) host =
        store ? yd_service_get(service, actor, YD_RIGHT_HOSTS_READ, &yd_host_type, host_id, error)
              : NULL;
    g_autoptr(GPtrArray) desktops = host ? running_on(store, host_id, error) : NULL;
    g_auto(YdDeskPlacement) placement = {0};
    if (!desktops || !yd_storage_space(yd_service_storage(service), &bytes, &free_bytes, error) ||
        !yd_desk_placement_load(service, store, NULL, free_bytes, &placement, error))
        return NULL;
    without(&placement, host_id);
    json_t *list = json_array();
    for (guint i = 0; i < desktops->len; i++) {
        gboolean fits = FALSE;
        json_array_append_new(list, place(&placement, desktops->pdata[i], &fits));
        fit += fits;
    }
    return json_pack("{s:s, s:s, s:I, s:I, s:o}", "host_id", host->id, "host_name", host->name,
                     "fit", fit, "left", (json_int_t)desktops->len - fit, "desktops", list);
}
