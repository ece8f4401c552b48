// SPDX-License-Identifier: Apache-2.0
// What all verbs and jobs of desktops need: reading a desktop with what it is made of, changing its
// row safely, its machine and its DHCP entry.
#include "service/desktop-private.h"

#include <string.h>
#include <glib/gstdio.h>

#include "model/power.h"
#include "service/media.h"
#include "service/network.h"
#include "service/template-image.h"
#include "store/store-desktops.h"

gboolean
yd_desk_is(const YdDesktop *desktop, const char *state)
{
    return strcmp(desktop->state, state) == 0;
}

void
yd_desk_clear(YdDesk *desk)
{
    g_clear_pointer(&desk->desktop, yd_desktop_free);
    g_clear_pointer(&desk->pool, yd_pool_free);
    g_clear_pointer(&desk->version, yd_template_version_free);
    g_clear_pointer(&desk->network, yd_network_free);
    g_clear_pointer(&desk->personal, yd_personal_disk_free);
}

static gboolean
load_pool(YdStore *store, YdDesk *desk, GError **error)
{
    yd_policy_init(&desk->policy);
    if (!desk->desktop->pool_id)
        return TRUE;
    desk->pool = yd_store_get(store, &yd_pool_type, desk->desktop->pool_id, error);
    return desk->pool && yd_policy_parse(desk->pool->policy, &desk->policy, error);
}

gboolean
yd_desk_load(YdStore *store, const char *id, YdDesk *ret_desk, GError **error)
{
    ret_desk->desktop = yd_store_get(store, &yd_desktop_type, id, error);
    if (!ret_desk->desktop || !load_pool(store, ret_desk, error) ||
        !yd_desk_load_personal(store, ret_desk, error))
        return FALSE;
    const char *version_id = ret_desk->desktop->template_version_id;
    if (version_id) {
        ret_desk->version = yd_store_get(store, &yd_template_version_type, version_id, error);
        if (!ret_desk->version)
            return FALSE;
    }
    if (ret_desk->desktop->network_id) {
        ret_desk->network =
            yd_store_get(store, &yd_network_type, ret_desk->desktop->network_id, error);
        if (!ret_desk->network)
            return FALSE;
    }
    return TRUE;
}

gboolean
yd_desk_policy(YdStore *store, const YdDesktop *desktop, YdPolicy *ret, GError **error)
{
    yd_policy_init(ret);
    if (!desktop->pool_id)
        return TRUE;
    g_autoptr(YdPool) pool = yd_store_get(store, &yd_pool_type, desktop->pool_id, error);
    return pool && yd_policy_parse(pool->policy, ret, error);
}

// --- the row ---

YdDesktop *
yd_desk_begin(YdStore *store, const char *id, YdStoreTx **ret_tx, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdDesktop) desktop = tx ? yd_store_get(store, &yd_desktop_type, id, error) : NULL;
    if (!desktop)
        return NULL;
    *ret_tx = g_steal_pointer(&tx);
    return g_steal_pointer(&desktop);
}

gboolean
yd_desk_commit(YdStore *store, YdStoreTx **tx, YdDesktop *desktop, const char *state,
               GError **error)
{
    gboolean moves = state && strcmp(state, desktop->state) != 0; // writes the rest too
    return (moves ? yd_store_desktop_move(store, desktop, state, error)
                  : yd_store_update(store, &yd_desktop_type, desktop, error)) &&
           yd_store_tx_commit(tx, error);
}

gboolean
yd_desk_to_off(YdStore *store, YdDesktop *desktop, GError **error)
{
    if (strcmp(desktop->state, YD_DESKTOP_OFF) == 0)
        return TRUE;
    return yd_store_desktop_move(store, desktop, YD_DESKTOP_OFF, error);
}

gboolean
yd_desk_account(YdStore *store, const YdDesktop *desktop, char **ret_username, gint64 *ret_uid,
                GError **error)
{
    *ret_username = NULL;
    *ret_uid = 0;
    if (!desktop->user_id && desktop->pool_id) // a spare
        return TRUE;
    if (!desktop->user_id) {
        *ret_username = g_strdup("yundesk-doctor");
        *ret_uid = 19999;
        return TRUE;
    }
    g_autoptr(YdUser) user = yd_store_get(store, &yd_user_type, desktop->user_id, error);
    if (!user)
        return FALSE;
    *ret_username = g_strdup(user->username);
    *ret_uid = user->uid;
    return TRUE;
}

// --- DHCP ---

gboolean
yd_desk_dhcp_set(YdService *service, const char *host_id, const YdDesk *desk, GError **error)
{
    if (!desk->network)
        return TRUE;
    YdHypervisor *hv = yd_service_hypervisor(service, host_id, error);
    if (!hv || !yd_network_ensure(service, host_id, desk->network, error))
        return FALSE;
    g_autofree char *network = yd_network_libvirt_name(desk->network);
    const YdDhcpHost host = {
        .mac = desk->desktop->mac, .ip = desk->desktop->ip, .name = desk->desktop->id};
    return yd_hypervisor_network_set_host(hv, network, &host, error);
}

static GPtrArray *
all_hosts(YdStore *store)
{
    g_autoptr(GError) error = NULL;
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_host_type, &query, &error);
    if (!page) {
        g_warning("cannot list the hosts: %s, ignoring", error->message);
        return g_ptr_array_new();
    }
    return g_steal_pointer(&page->records);
}

void
yd_desk_dhcp_set_all(YdService *service, YdStore *store, const YdDesk *desk)
{
    g_autoptr(GPtrArray) hosts = all_hosts(store);
    for (guint i = 0; i < hosts->len; i++) {
        const YdHost *host = g_ptr_array_index(hosts, i);
        g_autoptr(GError) error = NULL;
        YdHypervisor *hv = yd_service_hypervisor(service, host->id, NULL);
        if (hv && yd_hypervisor_alive(hv) && !yd_desk_dhcp_set(service, host->id, desk, &error))
            g_warning("cannot give %s its address on host %s: %s, ignoring", desk->desktop->id,
                      host->name, error->message);
    }
}

void
yd_desk_dhcp_clear_all(YdService *service, YdStore *store, const YdDesk *desk)
{
    if (!desk->network || !desk->desktop->mac)
        return;
    g_autofree char *network = yd_network_libvirt_name(desk->network);
    g_autoptr(GPtrArray) hosts = all_hosts(store);
    for (guint i = 0; i < hosts->len; i++) {
        const YdHost *host = g_ptr_array_index(hosts, i);
        g_autoptr(GError) error = NULL;
        YdHypervisor *hv = yd_service_hypervisor(service, host->id, NULL);
        if (hv && yd_hypervisor_alive(hv) &&
            !yd_hypervisor_network_clear_host(hv, network, desk->desktop->mac, &error))
            g_debug("cannot take the address of %s from host %s: %s, ignoring", desk->desktop->id,
                    host->name, error->message);
    }
}

// --- machine and disk ---

YdNicSpec
yd_desk_nic(const YdDesk *desk, const char *network)
{
    return (YdNicSpec){.mac = desk->desktop->mac,
                       .network = network,
                       .ip = desk->desktop->ip,
                       .isolated = desk->network && desk->network->isolated};
}

char *
yd_desk_vnc_socket(YdService *service, const char *desktop_id)
{
    return g_strdup_printf("%s/vnc/%s.sock", yd_service_config(service)->run_dir, desktop_id);
}

YdAccel
yd_desk_accel(YdService *service)
{
    const char *name = yd_service_config(service)->accel;
    if (g_strcmp0(name, "kvm") == 0)
        return YD_ACCEL_KVM;
    return g_strcmp0(name, "tcg") == 0 ? YD_ACCEL_TCG : YD_ACCEL_AUTO;
}

// Beside the disk that it belongs to, so that a system disk that is kept keeps its own.
static char *
nvram_path(const char *disk, const char *image)
{
    g_autofree char *images = g_path_get_dirname(disk);
    g_autofree char *stem = g_strndup(image, strlen(image) - strlen(".qcow2"));
    return g_strdup_printf("%s/nvram/%s.fd", images, stem);
}

// QEMU (7.2) can neither move nor save a machine with the agent's channel for the screen's
// clipboard. Where there are several hosts, or a pool saves what idles, clients of the console have
// no clipboard; those of RDP and SPICE have theirs.
static gboolean
may_move(YdService *service)
{
    const YdQuery query = {.limit = 2};
    YdStore *store = yd_service_store(service, NULL);
    g_autoptr(YdPage) page = store ? yd_store_list(store, &yd_host_type, &query, NULL) : NULL;
    return page && page->records->len > 1;
}

static gboolean
is_saved_when_idle(const YdDesk *desk)
{
    g_auto(YdPower) power;
    return yd_power_parse(desk->pool ? desk->pool->power : NULL, &power, NULL) &&
           power.save_seconds > 0;
}

gboolean
yd_desk_launch(YdService *service, const YdDesk *desk, GError **error)
{
    const YdDeskLaunch launch = {service, desk, NULL};
    return yd_desk_launch_by(&launch, error);
}

gboolean
yd_desk_launch_by(const YdDeskLaunch *launch, GError **error)
{
    YdService *service = launch->service;
    const YdDesk *desk = launch->desk;
    const YdDesktop *desktop = desk->desktop;
    YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
    if (!hv)
        return FALSE;
    g_autofree char *name = g_strdup_printf("yd-%s", desktop->id);
    g_autofree char *disk = yd_storage_path(yd_service_storage(service), desktop->image);
    g_autofree char *personal =
        desk->personal ? yd_storage_path(yd_service_storage(service), desk->personal->image) : NULL;
    g_autofree char *nvram = nvram_path(disk, desktop->image);
    g_autofree char *network = desk->network ? yd_network_libvirt_name(desk->network) : NULL;
    g_autofree char *vnc = yd_desk_vnc_socket(service, desktop->id);
    g_autofree char *cdrom = desktop->media_id ? yd_media_path(service, desktop->media_id) : NULL;
    g_autofree char *drivers =
        desktop->drivers_id ? yd_media_path(service, desktop->drivers_id) : NULL;
    gboolean spice = g_strcmp0(desktop->access, "spice") == 0;
    const YdMachineSpec spec = {.uuid = desktop->uuid,
                                .name = name,
                                .desktop_id = desktop->id,
                                .title = desktop->name,
                                .vcpus = desktop->vcpus,
                                .memory_mib = desktop->memory_mib,
                                .disk = disk,
                                .personal = personal,
                                .nic = yd_desk_nic(desk, network),
                                .os = desktop->os,
                                .uefi = g_strcmp0(desktop->firmware, "uefi") == 0,
                                .cdrom = {cdrom, drivers},
                                .standard = g_strcmp0(desktop->devices, "standard") == 0,
                                .tpm = desktop->tpm,
                                .nvram = nvram,
                                .console_vdagent = !spice && desk->policy.clipboard &&
                                                   !is_saved_when_idle(desk) && !may_move(service),
                                .no_clipboard = !desk->policy.clipboard,
                                .balloon_free_pages = desk->policy.balloon_free_pages,
                                .vnc_socket = vnc,
                                .spice = TRUE, // R18: also a way in when RDP is not there
                                .accel = yd_desk_accel(service)};
    return launch->run ? launch->run(hv, &spec, (gpointer)launch, error)
                       : yd_hypervisor_start(hv, &spec, error);
}

gint64
yd_desk_bytes(const YdDesktop *desktop)
{
    return desktop->disk_gib << 30;
}

gboolean
yd_desk_derive(YdService *service, const YdDesktop *desktop, const YdTemplateVersion *version,
               GError **error)
{
    YdStore *store = yd_service_store(service, error);
    gint64 bytes = yd_desk_bytes(desktop);
    gboolean there = FALSE;
    if (!version) // a workbench on which a system is installed begins with nothing
        return yd_storage_derive(yd_service_storage(service), NULL, desktop->image, bytes, error);
    if (!store || !yd_template_image_guard(service, store, desktop->image, version, &there, error))
        return FALSE;
    if (there) // maybe on a file that the version had before it was flattened
        return TRUE;
    if (bytes != 0 && bytes < version->virtual_bytes) // the template has grown since
        bytes = 0;
    g_autofree char *frozen =
        desktop->ram_image && g_str_has_prefix(desktop->ram_image, version->id)
            ? g_strdup_printf("%s.qcow2", desktop->ram_image)
            : NULL; // one of another version: it has moved since
    return yd_storage_derive(yd_service_storage(service), frozen ? frozen : version->image,
                             desktop->image, bytes, error);
}

gboolean
yd_desk_power_off(YdService *service, const YdDesktop *desktop, GError **error)
{
    if (!desktop->host_id)
        return TRUE;
    YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
    return hv && yd_hypervisor_power_off(hv, desktop->uuid, error) &&
           yd_hypervisor_discard_saved(hv, desktop->uuid, error);
}

gboolean
yd_desk_machine(YdService *service, const YdDesktop *desktop, YdMachineState *ret_state,
                GError **error)
{
    if (!desktop->host_id) {
        *ret_state = YD_MACHINE_OFF;
        return TRUE;
    }
    YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
    GError *local = NULL;
    if (!hv)
        return FALSE;
    if (yd_hypervisor_machine_state(hv, desktop->uuid, ret_state, &local))
        return TRUE;
    if (!g_error_matches(local, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        g_propagate_error(error, local);
        return FALSE;
    }
    g_error_free(local);
    *ret_state = YD_MACHINE_OFF;
    return TRUE;
}

// --- what a failed job leaves in the row ---

static void
note(YdJobRun *run, const GError *why, const char *state)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_job_run_store(run);
    const char *id = yd_job_run_object(run);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = store ? yd_desk_begin(store, id, &tx, &error) : NULL;
    if (desktop) {
        if (!g_error_matches(why, YD_ERROR, YD_ERROR_CANCELLED))
            yd_set_string(&desktop->error, why->message);
        yd_desk_commit(store, &tx, desktop, state, &error);
    }
    if (error)
        g_warning("cannot note at %s why it failed: %s, ignoring", id, error->message);
}

void
yd_desk_note_failure(YdJobRun *run, const GError *why)
{
    note(run, why, NULL);
}

void
yd_desk_failed(YdJobRun *run, const GError *why)
{
    note(run, why, YD_DESKTOP_FAILED);
}
