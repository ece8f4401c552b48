// SPDX-License-Identifier: Apache-2.0
// See host-clean.h. A second machine on one disk destroys it: so what is in doubt is ended on the
// host that came back, never on the one that the desktop's row names.
#include "service/host-clean.h"

#include <string.h>

#include "model/desktop-state.h"
#include "store/store-desktops.h"

static gboolean
is_on_its_way(YdStore *store, const char *desktop_id, gboolean *ret_moves, GError **error)
{
    GError *why = NULL;
    g_autoptr(YdJob) job = yd_store_job_live(store, desktop_id, "desktop-migrate", &why);
    *ret_moves = job != NULL;
    if (why)
        g_propagate_error(error, why);
    return why == NULL;
}

gboolean
yd_host_clean_machine(YdService *service, const char *host_id, const YdMachineInfo *machine,
                      const YdDesktop *desktop, gboolean returned, gboolean *ret_removed,
                      GError **error)
{
    gboolean moves = FALSE;
    gboolean elsewhere = desktop->host_id && strcmp(desktop->host_id, host_id) != 0;
    gboolean over = returned && !yd_machine_is_off(machine->state) &&
                    strcmp(desktop->state, YD_DESKTOP_OFF) == 0;
    *ret_removed = FALSE;
    if (!elsewhere && !over)
        return TRUE;
    YdStore *store = yd_service_store(service, error);
    YdHypervisor *hv = yd_service_hypervisor(service, host_id, error);
    if (!store || !hv || !is_on_its_way(store, desktop->id, &moves, error))
        return FALSE;
    if (moves)
        return TRUE;
    g_message("machine %s does not belong on host %s: ending it there", machine->name, host_id);
    *ret_removed = TRUE;
    return elsewhere ? yd_hypervisor_remove(hv, machine->uuid, error)
                     : yd_hypervisor_power_off(hv, machine->uuid, error);
}

// One whose desktop there is not is the reconciler's.
static gboolean
clean_one(YdService *service, YdStore *store, const char *host_id, const YdMachineInfo *machine,
          guint *removed, GError **error)
{
    gboolean one = FALSE;
    GError *why = NULL;
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, machine->desktop_id, &why);
    if (!desktop && g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        g_error_free(why);
        return TRUE;
    }
    if (!desktop) {
        g_propagate_error(error, why);
        return FALSE;
    }
    if (!yd_host_clean_machine(service, host_id, machine, desktop, TRUE, &one, error))
        return FALSE;
    *removed += one;
    return TRUE;
}

gboolean
yd_host_clean(YdService *service, const char *host_id, guint *ret_removed, GError **error)
{
    guint removed = 0;
    YdStore *store = yd_service_store(service, error);
    YdHypervisor *hv = store ? yd_service_hypervisor(service, host_id, error) : NULL;
    g_autoptr(GPtrArray) machines = hv ? yd_hypervisor_machines(hv, error) : NULL;
    for (guint i = 0; machines && i < machines->len; i++) {
        if (!clean_one(service, store, host_id, machines->pdata[i], &removed, error))
            return FALSE;
    }
    if (ret_removed)
        *ret_removed = removed;
    return machines != NULL;
}
