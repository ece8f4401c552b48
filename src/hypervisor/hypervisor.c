// SPDX-License-Identifier: Apache-2.0
// Chooses the family by the URI, hands the verbs on to it, and delivers events on an own thread.
// Knows neither libvirt nor the fake.
#include "hypervisor/hypervisor.h"
#include "hypervisor/family.h"

#include <string.h>

gboolean
yd_machine_is_off(YdMachineState state)
{
    return state == YD_MACHINE_OFF || state == YD_MACHINE_CRASHED;
}

struct event {
    gboolean quit;
    char *uuid;
    const char *name; // static
};

static void
event_free(struct event *event)
{
    g_free(event->uuid);
    g_free(event);
}

void
yd_machine_info_free(YdMachineInfo *info)
{
    if (!info)
        return;
    g_free(info->uuid);
    g_free(info->name);
    g_free(info->desktop_id);
    g_free(info);
}

void
yd_machine_stats_free(YdMachineStats *stats)
{
    if (!stats)
        return;
    g_free(stats->uuid);
    g_free(stats);
}

void
yd_host_facts_free(YdHostFacts *facts)
{
    if (!facts)
        return;
    g_free(facts->hostname);
    g_free(facts->cpu_model);
    g_free(facts->qemu_version);
    g_free(facts->libvirt_version);
    g_free(facts->accel_reason);
    g_free(facts);
}

static gpointer
deliver(gpointer data)
{
    YdHypervisor *hv = data;
    for (;;) {
        struct event *event = g_async_queue_pop(hv->events);
        gboolean quit = event->quit;
        if (!quit) {
            g_mutex_lock(&hv->lock);
            if (hv->callback)
                hv->callback(hv, event->uuid, event->name, hv->data);
            g_mutex_unlock(&hv->lock);
        }
        event_free(event);
        if (quit)
            return NULL;
    }
}

static void
push(YdHypervisor *hv, gboolean quit, const char *uuid, const char *name)
{
    struct event *event = g_new0(struct event, 1);
    event->quit = quit;
    event->uuid = g_strdup(uuid);
    event->name = g_intern_string(name);
    g_async_queue_push(hv->events, event);
}

void
yd_hypervisor_init(YdHypervisor *hv, const YdHypervisorFamily *family, const char *uri)
{
    hv->family = family;
    hv->uri = g_strdup(uri);
    hv->events = g_async_queue_new_full((GDestroyNotify)event_free);
    g_mutex_init(&hv->lock);
    hv->thread = g_thread_new("hv-events", deliver, hv);
}

void
yd_hypervisor_emit(YdHypervisor *hv, const char *uuid, const char *event)
{
    push(hv, FALSE, uuid, event);
}

void
yd_hypervisor_set_alive(YdHypervisor *hv, gboolean alive)
{
    if (g_atomic_int_compare_and_exchange(&hv->alive, !alive, !!alive))
        yd_hypervisor_emit(hv, NULL, alive ? "connected" : "disconnected");
}

gboolean
yd_hypervisor_is_real(const char *uri)
{
    return !g_str_has_prefix(uri, "fake:") && !g_str_has_prefix(uri, "test");
}

YdHypervisor *
yd_hypervisor_open_soon(const char *uri, YdAccel accel, GError **error)
{
    g_return_val_if_fail(uri, NULL);
    if (g_str_has_prefix(uri, "fake:"))
        return yd_fake_open(uri, error);
    if (g_str_has_prefix(uri, "qemu") || g_str_has_prefix(uri, "test"))
        return yd_libvirt_open(uri, accel, error);
    yd_error_invalid(error, "uri",
                     "'%s' is not known; use qemu:///system, qemu+tls://HOST/system or test:///…",
                     uri);
    return NULL;
}

void
yd_hypervisor_settle(YdHypervisor *hv, gint64 until)
{
    if (hv->family->settle)
        hv->family->settle(hv, until);
}

YdHypervisor *
yd_hypervisor_open(const char *uri, YdAccel accel, GError **error)
{
    YdHypervisor *hv = yd_hypervisor_open_soon(uri, accel, error);
    if (hv)
        yd_hypervisor_settle(hv, g_get_monotonic_time() + YD_HYPERVISOR_FIRST_WAIT);
    return hv;
}

void
yd_hypervisor_close(YdHypervisor *hv)
{
    if (!hv)
        return;
    hv->family->close(hv);
    push(hv, TRUE, NULL, NULL);
    g_thread_join(hv->thread);
    g_async_queue_unref(hv->events);
    g_mutex_clear(&hv->lock);
    g_free(hv->uri);
    g_free(hv);
}

gboolean
yd_hypervisor_alive(YdHypervisor *hv)
{
    return g_atomic_int_get(&hv->alive) != 0;
}

const char *
yd_hypervisor_uri(YdHypervisor *hv)
{
    return hv->uri;
}

void
yd_hypervisor_on_event(YdHypervisor *hv, YdMachineEvent callback, gpointer data)
{
    g_mutex_lock(&hv->lock);
    hv->callback = callback;
    hv->data = data;
    g_mutex_unlock(&hv->lock);
    if (callback && yd_hypervisor_alive(hv))
        yd_hypervisor_emit(hv, NULL, "connected");
}

// A host that is known to be gone is not asked: its calls would only wait.
static gboolean
reachable(YdHypervisor *hv, GError **error)
{
    if (yd_hypervisor_alive(hv))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                "the host at '%s' does not answer; check that its libvirtd runs", hv->uri);
    return FALSE;
}

#define CALL(verb, ...) (reachable(hv, error) && hv->family->verb(hv, __VA_ARGS__, error))
#define CALL_PTR(verb, ...) (reachable(hv, error) ? hv->family->verb(hv, __VA_ARGS__, error) : NULL)

YdHostFacts *
yd_hypervisor_facts(YdHypervisor *hv, GError **error)
{
    return reachable(hv, error) ? hv->family->facts(hv, error) : NULL;
}

GPtrArray *
yd_hypervisor_machines(YdHypervisor *hv, GError **error)
{
    return reachable(hv, error) ? hv->family->machines(hv, error) : NULL;
}

gboolean
yd_hypervisor_machine_state(YdHypervisor *hv, const char *uuid, YdMachineState *ret_state,
                            GError **error)
{
    return CALL(machine_state, uuid, ret_state);
}

gboolean
yd_hypervisor_start(YdHypervisor *hv, const YdMachineSpec *spec, GError **error)
{
    return CALL(start, spec);
}

gboolean
yd_hypervisor_freeze(YdHypervisor *hv, const char *uuid, const char *path, GError **error)
{
    return CALL(freeze, uuid, path);
}

gboolean
yd_hypervisor_thaw(YdHypervisor *hv, const YdMachineSpec *spec, const char *path, GError **error)
{
    return CALL(thaw, spec, path);
}

gboolean
yd_hypervisor_attach_nic(YdHypervisor *hv, const char *uuid, const YdNicSpec *nic, GError **error)
{
    return CALL(attach_nic, uuid, nic);
}

gboolean
yd_hypervisor_shutdown(YdHypervisor *hv, const char *uuid, gboolean by_agent, GError **error)
{
    return CALL(shutdown, uuid, by_agent);
}

gboolean
yd_hypervisor_reboot(YdHypervisor *hv, const char *uuid, GError **error)
{
    return CALL(reboot, uuid);
}

gboolean
yd_hypervisor_power_off(YdHypervisor *hv, const char *uuid, GError **error)
{
    return CALL(power_off, uuid);
}

gboolean
yd_hypervisor_remove(YdHypervisor *hv, const char *uuid, GError **error)
{
    return CALL(remove, uuid);
}

gboolean
yd_hypervisor_pause(YdHypervisor *hv, const char *uuid, GError **error)
{
    return CALL(pause, uuid);
}

gboolean
yd_hypervisor_resume(YdHypervisor *hv, const char *uuid, GError **error)
{
    return CALL(resume, uuid);
}

gboolean
yd_hypervisor_save(YdHypervisor *hv, const char *uuid, GError **error)
{
    return CALL(save, uuid);
}

gboolean
yd_hypervisor_is_saved(YdHypervisor *hv, const char *uuid, gboolean *ret_saved, GError **error)
{
    return CALL(is_saved, uuid, ret_saved);
}

gboolean
yd_hypervisor_restore(YdHypervisor *hv, const char *uuid, gboolean *ret_restored, GError **error)
{
    return CALL(restore, uuid, ret_restored);
}

gboolean
yd_hypervisor_discard_saved(YdHypervisor *hv, const char *uuid, GError **error)
{
    return CALL(discard_saved, uuid);
}

gboolean
yd_hypervisor_resize(YdHypervisor *hv, const char *uuid, gint64 vcpus, gint64 memory_mib,
                     GError **error)
{
    return CALL(resize, uuid, vcpus, memory_mib);
}

gboolean
yd_hypervisor_resize_disk(YdHypervisor *hv, const char *uuid, const char *disk, gint64 bytes,
                          GError **error)
{
    return CALL(resize_disk, uuid, disk, bytes);
}

gboolean
yd_hypervisor_point(YdHypervisor *hv, const char *uuid, const char *const *disks, const char *name,
                    gboolean drop, GError **error)
{
    return CALL(point, uuid, disks, name, drop);
}

GPtrArray *
yd_hypervisor_stats(YdHypervisor *hv, gboolean full, GError **error)
{
    return CALL_PTR(stats, full);
}

GBytes *
yd_hypervisor_screenshot(YdHypervisor *hv, const char *uuid, GError **error)
{
    return CALL_PTR(screenshot, uuid);
}

gboolean
yd_hypervisor_spice(YdHypervisor *hv, const char *uuid, guint16 *ret_port, GError **error)
{
    return CALL(spice, uuid, ret_port);
}

gboolean
yd_hypervisor_set_spice_password(YdHypervisor *hv, const char *uuid, const char *password,
                                 gint64 valid_until, GError **error)
{
    return CALL(set_spice_password, uuid, password, valid_until);
}

gboolean
yd_hypervisor_agent_ping(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    return CALL(agent_ping, uuid, timeout);
}

gboolean
yd_hypervisor_agent_set_password(YdHypervisor *hv, const char *uuid, const char *user,
                                 const char *password, gboolean hashed, guint timeout,
                                 GError **error)
{
    return CALL(agent_set_password, uuid, user, password, hashed, timeout);
}

gboolean
yd_hypervisor_agent_exec(YdHypervisor *hv, const char *uuid, const char *const *argv,
                         const char *input, guint timeout, int *ret_status, char **ret_output,
                         GError **error)
{
    return CALL(agent_exec, uuid, argv, input, timeout, ret_status, ret_output);
}

gboolean
yd_hypervisor_agent_shell(YdHypervisor *hv, const char *uuid, const char *script, guint timeout,
                          int *ret_status, char **ret_output, GError **error)
{
    static const char *const argv[] = {"/bin/sh", "-s", NULL};
    g_autofree char *output = NULL;
    if (!yd_hypervisor_agent_exec(hv, uuid, argv, script, timeout, ret_status, &output, error))
        return FALSE;
    *ret_output = output ? g_strstrip(g_steal_pointer(&output)) : g_strdup("");
    return TRUE;
}

gboolean
yd_hypervisor_migrate(YdHypervisor *hv, YdHypervisor *to, const char *uuid, gboolean live,
                      YdMigrateProgress progress, gpointer data, gint64 *ret_pause_ms,
                      GError **error)
{
    if (hv == to || hv->family != to->family) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "a machine cannot move from '%s' to '%s'",
                    hv->uri, to->uri);
        return FALSE;
    }
    return CALL(migrate, to, uuid, live, progress, data, ret_pause_ms);
}

gboolean
yd_hypervisor_agent_set_time(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    return CALL(agent_set_time, uuid, timeout);
}

gboolean
yd_hypervisor_agent_still(YdHypervisor *hv, const char *uuid, gboolean on, guint timeout,
                          GError **error)
{
    return CALL(agent_still, uuid, on, timeout);
}

char *
yd_hypervisor_agent_address(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    return CALL_PTR(agent_address, uuid, timeout);
}

GPtrArray *
yd_hypervisor_agent_users(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    return CALL_PTR(agent_users, uuid, timeout);
}

gboolean
yd_hypervisor_network_ensure(YdHypervisor *hv, const YdNetworkSpec *spec, GError **error)
{
    return CALL(network_ensure, spec);
}

gboolean
yd_hypervisor_network_remove(YdHypervisor *hv, const char *name, GError **error)
{
    return CALL(network_remove, name);
}

gboolean
yd_hypervisor_network_active(YdHypervisor *hv, const char *name, gboolean *ret_active,
                             GError **error)
{
    return CALL(network_active, name, ret_active);
}

gboolean
yd_hypervisor_network_set_host(YdHypervisor *hv, const char *name, const YdDhcpHost *host,
                               GError **error)
{
    return CALL(network_set_host, name, host);
}

gboolean
yd_hypervisor_network_clear_host(YdHypervisor *hv, const char *name, const char *mac,
                                 GError **error)
{
    return CALL(network_clear_host, name, mac);
}
