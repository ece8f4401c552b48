// SPDX-License-Identifier: Apache-2.0
// The job personal-disk-grow: the image (live where a machine has it), then the file system by the
// guest. A guest that does not do it now does so at its next start.
#include "service/desktop-private.h"
#include "service/personal-disk.h"

#define SCRIPT_SECONDS 60
#define WAIT_MS 1000

static gint64
wanted_gib(YdJobRun *run)
{
    return json_integer_value(json_object_get(yd_job_run_args(run), "size_gib"));
}

// The disk, and the desktop that runs with it (NULL: none).
static YdPersonalDisk *
look(YdJobRun *run, YdDesktop **ret_holder, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    GError *local = NULL;
    g_autoptr(YdPersonalDisk) disk =
        yd_store_get(store, &yd_personal_disk_type, yd_job_run_object(run), error);
    if (!disk)
        return NULL;
    *ret_holder = yd_personal_disk_holder(yd_job_run_service(run), store, disk, &local);
    if (local) {
        g_propagate_error(error, local);
        return NULL;
    }
    return g_steal_pointer(&disk);
}

static gboolean
grow_image(YdJobRun *run, const YdPersonalDisk *disk, const YdDesktop *holder, GError **error)
{
    YdService *service = yd_job_run_service(run);
    gint64 bytes = wanted_gib(run) << 30;
    YdMachineState state = YD_MACHINE_OFF;
    if (holder && !yd_desk_machine(service, holder, &state, error))
        return FALSE;
    if (!holder || yd_machine_is_off(state))
        return yd_storage_grow(yd_service_storage(service), disk->image, bytes, error);
    YdHypervisor *hv = yd_service_hypervisor(service, holder->host_id, error);
    g_autofree char *path = yd_storage_path(yd_service_storage(service), disk->image);
    return hv && yd_hypervisor_resize_disk(hv, holder->uuid, path, bytes, error);
}

static gboolean
step_image(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) holder = NULL;
    g_autoptr(YdPersonalDisk) disk = look(run, &holder, error);
    if (!disk)
        return FALSE;
    // One that is not made yet is made with its new size.
    if (g_strcmp0(disk->state, "ready") == 0 && !grow_image(run, disk, holder, error))
        return FALSE;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdPersonalDisk) fresh =
        tx ? yd_store_get(store, &yd_personal_disk_type, yd_job_run_object(run), error) : NULL;
    if (!fresh)
        return FALSE;
    fresh->size_gib = MAX(fresh->size_gib, wanted_gib(run));
    return yd_store_update(store, &yd_personal_disk_type, fresh, error) &&
           yd_store_tx_commit(&tx, error);
}

static gboolean
step_guest(YdJobRun *run, GError **error)
{
    g_autoptr(YdDesktop) holder = NULL;
    g_autoptr(GError) why = NULL;
    gboolean busy = FALSE;
    g_autoptr(YdPersonalDisk) disk = look(run, &holder, error);
    if (!disk)
        return FALSE;
    gboolean runs = holder && g_strcmp0(holder->state, YD_DESKTOP_READY) == 0 &&
                    g_strcmp0(holder->os, "linux") == 0;
    gboolean done = runs && yd_desk_mount_personal(yd_job_run_service(run), yd_job_run_store(run),
                                                   holder, disk, SCRIPT_SECONDS, &busy, &why);
    if (busy) {
        yd_job_run_again(run, WAIT_MS);
        return TRUE;
    }
    if (why)
        g_message("%s: the guest did not grow its file system now: %s", disk->id, why->message);
    json_object_set_new(yd_job_run_result(run), "at_next_start", json_boolean(!done));
    return TRUE;
}

static const YdJobStep grow_steps[] = {
    {"image", step_image, NULL, FALSE, 1},
    {"guest", step_guest, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_personal_disk_grow = {
    "personal-disk-grow", "personal-disk", FALSE, grow_steps, G_N_ELEMENTS(grow_steps), NULL};
