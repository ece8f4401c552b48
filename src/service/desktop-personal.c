// SPDX-License-Identifier: Apache-2.0
// The personal disk's part in the jobs of its desktop: made and checked before the machine starts,
// made the home by the guest before the desktop counts as ready.
#include "service/desktop-private.h"

#include <string.h>

#include "service/guest-home.h"
#include "service/personal-disk.h"

#define WAIT_MS 500

gboolean
yd_desk_load_personal(YdStore *store, YdDesk *desk, GError **error)
{
    GError *local = NULL;
    if (!desk->pool || !desk->desktop->user_id)
        return TRUE;
    desk->personal = yd_personal_disk_of(store, desk->pool->id, desk->desktop->user_id, &local);
    if (!local)
        return TRUE;
    g_propagate_error(error, local);
    return FALSE;
}

gboolean
yd_desk_step_personal(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    g_auto(YdDesk) desk = {0};
    g_autoptr(YdPersonalDisk) disk = NULL;
    gboolean wait = FALSE;
    YdMachineState state = YD_MACHINE_OFF;
    if (!yd_desk_load(store, yd_job_run_object(run), &desk, error) ||
        !yd_desk_machine(service, desk.desktop, &state, error))
        return FALSE;
    if (!desk.pool || !desk.desktop->user_id || !yd_machine_is_off(state))
        return TRUE; // none, or launched before a restart
    if (!yd_personal_disk_ready(service, store, desk.desktop, desk.pool, &disk, &wait, error))
        return FALSE;
    if (wait)
        yd_job_run_again(run, WAIT_MS);
    return TRUE;
}

gboolean
yd_desk_mount_personal(YdService *service, YdStore *store, const YdDesktop *desktop,
                       const YdPersonalDisk *disk, guint timeout, gboolean *ret_busy,
                       GError **error)
{
    YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
    g_autofree char *username = NULL, *output = NULL;
    gint64 uid = 0;
    int status = -1;
    *ret_busy = FALSE;
    if (!hv || !yd_desk_account(store, desktop, &username, &uid, error))
        return FALSE;
    const YdGuestHome what = {.username = username, .uid = uid, .fresh = !disk->formatted};
    g_autofree char *script = yd_guest_home_script(&what);
    if (!yd_hypervisor_agent_shell(hv, desktop->uuid, script, timeout, &status, &output, error))
        return FALSE;
    *ret_busy = status == YD_GUEST_HOME_BUSY;
    if (status != 0 && !*ret_busy) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the personal disk “%s” was not made the home in “%s”: %s", disk->name,
                    desktop->name, output);
        return FALSE;
    }
    if (*output)
        g_message("%s: the guest says of its personal disk: %s", desktop->id, output);
    return *ret_busy || disk->formatted || yd_personal_disk_used(store, disk->id, error);
}

gboolean
yd_desk_has_home(const YdDesk *desk)
{
    return desk->personal && g_strcmp0(desk->desktop->os, "linux") == 0;
}

gboolean
yd_desk_step_delete_personal(YdJobRun *run, GError **error)
{
    const char *id = json_string_value(json_object_get(yd_job_run_args(run), "personal_disk"));
    return !id ||
           yd_personal_disk_remove(yd_job_run_service(run), yd_job_run_store(run), id, error);
}
