// SPDX-License-Identifier: Apache-2.0
// See host-clean.h. A second machine on one disk destroys it: so what is in doubt is ended on the
// host that came back, never on the one that the desktop's row names.
#include "service/host-clean.h"

#include <string.h>

#include "model/desktop-state.h"
#include "store/store-desktops.h"

// Whether its machine is here now although the row, which is still the one that was read before
// this look, says otherwise, and nobody moves it. Then no move can bring it here before it is gone:
// a host refuses a machine that it has.
static gboolean
is_surely_astray(YdStore *store, YdHypervisor *hv, const YdDesktop *seen, gboolean *ret_astray,
                 GError **error)
{
    YdMachineState state;
    GError *why = NULL;
    *ret_astray = FALSE;
    if (!yd_hypervisor_machine_state(hv, seen->uuid, &state, &why)) {
        if (!g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)) {
            g_propagate_error(error, why);
            return FALSE;
        }
        g_error_free(why); // it left meanwhile
        return TRUE;
    }
    // The job before the row: one that ended in between changed the row.
    g_autoptr(YdJob) job = yd_store_job_live(store, seen->id, "desktop-migrate", &why);
    if (why) {
        g_propagate_error(error, why);
        return FALSE;
    }
    g_autoptr(YdDesktop) now = yd_store_get(store, &yd_desktop_type, seen->id, &why);
    if (!now && !g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        g_propagate_error(error, why);
        return FALSE;
    }
    g_clear_error(&why);
    *ret_astray = !job && now && now->version == seen->version;
    return TRUE;
}

gboolean
yd_host_clean_machine(YdService *service, const char *host_id, const YdMachineInfo *machine,
                      const YdDesktop *desktop, gboolean returned, gboolean *ret_removed,
                      GError **error)
{
    gboolean elsewhere = desktop->host_id && strcmp(desktop->host_id, host_id) != 0;
    gboolean over = returned && !yd_machine_is_off(machine->state) &&
                    strcmp(desktop->state, YD_DESKTOP_OFF) == 0;
    gboolean astray = FALSE;
    *ret_removed = FALSE;
    if (!elsewhere && !over)
        return TRUE;
    YdStore *store = yd_service_store(service, error);
    YdHypervisor *hv = yd_service_hypervisor(service, host_id, error);
    if (!store || !hv || !is_surely_astray(store, hv, desktop, &astray, error))
        return FALSE;
    if (!astray)
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
