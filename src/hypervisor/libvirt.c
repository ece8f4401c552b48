// SPDX-License-Identifier: Apache-2.0
// The libvirt family: opening, closing, the table of verbs.
#include "hypervisor/libvirt-private.h"

#include <string.h>

static void
libvirt_close(YdHypervisor *hv)
{
    YdLibvirt *self = (YdLibvirt *)hv;
    yd_libvirt_link_close(self->link);
    yd_libvirt_agents_free(self->agents);
    g_hash_table_unref(self->ours);
    g_mutex_clear(&self->lock);
}

static const YdHypervisorFamily libvirt_family = {
    .close = libvirt_close,
    .settle = yd_libvirt_settle,
    .facts = yd_libvirt_facts,
    .machines = yd_libvirt_machines,
    .machine_state = yd_libvirt_machine_state,
    .start = yd_libvirt_start,
    .freeze = yd_libvirt_freeze,
    .thaw = yd_libvirt_thaw,
    .attach_nic = yd_libvirt_attach_nic,
    .shutdown = yd_libvirt_shutdown,
    .reboot = yd_libvirt_reboot,
    .power_off = yd_libvirt_power_off,
    .remove = yd_libvirt_remove,
    .pause = yd_libvirt_pause,
    .resume = yd_libvirt_resume,
    .migrate = yd_libvirt_migrate,
    .save = yd_libvirt_save,
    .is_saved = yd_libvirt_is_saved,
    .restore = yd_libvirt_restore,
    .discard_saved = yd_libvirt_discard_saved,
    .resize = yd_libvirt_resize,
    .resize_disk = yd_libvirt_resize_disk,
    .point = yd_libvirt_point,
    .stats = yd_libvirt_stats,
    .screenshot = yd_libvirt_screenshot,
    .spice = yd_libvirt_spice,
    .set_spice_password = yd_libvirt_set_spice_password,
    .agent_ping = yd_libvirt_agent_ping,
    .agent_set_password = yd_libvirt_agent_set_password,
    .agent_exec = yd_libvirt_agent_exec,
    .agent_set_time = yd_libvirt_agent_set_time,
    .agent_still = yd_libvirt_agent_still,
    .agent_address = yd_libvirt_agent_address,
    .agent_users = yd_libvirt_agent_users,
    .network_ensure = yd_libvirt_network_ensure,
    .network_remove = yd_libvirt_network_remove,
    .network_active = yd_libvirt_network_active,
    .network_set_host = yd_libvirt_network_set_host,
    .network_clear_host = yd_libvirt_network_clear_host,
};

// Whether the URI names no other host: "qemu:///system", "qemu+unix:///system".
static gboolean
is_local(const char *uri)
{
    const char *host = strstr(uri, "://");
    return host && host[3] == '/';
}

YdHypervisor *
yd_libvirt_open(const char *uri, YdAccel accel, GError **error)
{
    YdLibvirt *self = g_new0(YdLibvirt, 1);
    yd_hypervisor_init(&self->parent, &libvirt_family, uri);
    g_mutex_init(&self->lock);
    self->ours = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->accel = accel;
    self->test = g_str_has_prefix(uri, "test");
    self->local = is_local(uri);
    self->agents = yd_libvirt_agents_new();
    self->link = yd_libvirt_link_new(&self->parent);
    return &self->parent;
}
