// SPDX-License-Identifier: Apache-2.0
// See host-clean.h. A second machine on one disk destroys it: so what is in doubt is ended on the
// host that came back, never on the one that the desktop's row names.
#include "service/host-clean.h"

#include <string.h>

#include "model/desktop-state.h"
#include "store/store-desktops.h"

// The desktop of a machine, and whether it is on its way from one host to another; NULL without
// error: none.
static YdDesktop *
desktop_of(YdStore *store, const YdMachineInfo *machine, gboolean *ret_moves, GError **error)
{
    GError *why = NULL;
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, machine->desktop_id, &why);
    if (!desktop && g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        g_error_free(why);
        return NULL; // the reconciler's
    }
    g_autoptr(YdJob) job =
        desktop ? yd_store_job_live(store, desktop->id, "desktop-migrate", &why) : NULL;
    if (why) {
        g_propagate_error(error, why);
        return NULL;
    }
    *ret_moves = job != NULL;
    return g_steal_pointer(&desktop);
}

gboolean
yd_host_clean_machine(YdService *service, const char *host_id, const YdMachineInfo *machine,
                      gboolean returned, gboolean *ret_removed, GError **error)
{
    gboolean moves = FALSE;
    GError *why = NULL;
    YdStore *store = yd_service_store(service, error);
    YdHypervisor *hv = yd_service_hypervisor(service, host_id, error);
    *ret_removed = FALSE;
    if (!store || !hv)
        return FALSE;
    g_autoptr(YdDesktop) desktop = desktop_of(store, machine, &moves, &why);
    if (!desktop || moves) {
        if (why)
            g_propagate_error(error, why);
        return why == NULL;
    }
    gboolean elsewhere = desktop->host_id && strcmp(desktop->host_id, host_id) != 0;
    gboolean over = returned && !yd_machine_is_off(machine->state) &&
                    strcmp(desktop->state, YD_DESKTOP_OFF) == 0;
    if (!elsewhere && !over)
        return TRUE;
    g_message("machine %s does not belong on host %s: ending it there", machine->name, host_id);
    *ret_removed = TRUE;
    return elsewhere ? yd_hypervisor_remove(hv, machine->uuid, error)
                     : yd_hypervisor_power_off(hv, machine->uuid, error);
}

gboolean
yd_host_clean(YdService *service, const char *host_id, guint *ret_removed, GError **error)
{
    guint removed = 0;
    YdHypervisor *hv = yd_service_hypervisor(service, host_id, error);
    g_autoptr(GPtrArray) machines = hv ? yd_hypervisor_machines(hv, error) : NULL;
    for (guint i = 0; machines && i < machines->len; i++) {
        gboolean one = FALSE;
        if (!yd_host_clean_machine(service, host_id, machines->pdata[i], TRUE, &one, error))
            return FALSE;
        removed += one;
    }
    if (ret_removed)
        *ret_removed = removed;
    return machines != NULL;
}
