// SPDX-License-Identifier: Apache-2.0
// The fake's machines: states that change at once, invented figures.
#include "hypervisor/fake-private.h"
#include "base/id.h"

void
yd_fake_machine_free(FakeMachine *machine)
{
    g_free(machine->uuid);
    g_free(machine->name);
    g_free(machine->desktop_id);
    g_free(machine->mac);
    g_free(machine->network);
    g_free(machine->password);
    g_free(machine->input);
    g_free(machine->spice_password);
    g_free(machine);
}

FakeMachine *
yd_fake_machine(FakeHost *host, const char *uuid, gboolean running, GError **error)
{
    FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    if (!machine)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "no machine '%s' on this host", uuid);
    else if (running && machine->state != YD_MACHINE_RUNNING)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "machine '%s' does not run", uuid);
    else
        return machine;
    return NULL;
}

static void
define(FakeHost *host, FakeMachine *machine, const YdMachineSpec *spec)
{
    g_free(machine->name);
    g_free(machine->desktop_id);
    g_free(machine->mac);
    g_free(machine->network);
    machine->name = g_strdup(spec->name);
    machine->desktop_id = g_strdup(spec->desktop_id);
    machine->mac = g_strdup(spec->nic.mac);
    machine->network = g_strdup(spec->nic.network);
    machine->vcpus = spec->vcpus;
    machine->memory_mib = spec->memory_mib;
    machine->spice = spec->spice;
    if (spec->spice && !machine->spice_port) {
        machine->spice_port = host->next_port++;
        if (host->next_port == G_MAXUINT16)
            host->next_port = 5900;
    }
}

static gboolean
start_locked(FakeHost *host, const YdMachineSpec *spec, GError **error)
{
    FakeMachine *machine = g_hash_table_lookup(host->machines, spec->uuid);
    if (machine && (machine->state == YD_MACHINE_RUNNING || machine->state == YD_MACHINE_PAUSED)) {
        machine->state = YD_MACHINE_RUNNING;
        return TRUE;
    }
    FakeNetwork *network =
        spec->nic.network ? g_hash_table_lookup(host->networks, spec->nic.network) : NULL;
    if (spec->nic.network && !(network && network->active)) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "network '%s' is not active on this host",
                    spec->nic.network);
        return FALSE;
    }
    if (!machine) {
        machine = g_new0(FakeMachine, 1);
        machine->uuid = g_strdup(spec->uuid);
        g_hash_table_insert(host->machines, machine->uuid, machine);
    }
    define(host, machine, spec);
    machine->state = YD_MACHINE_RUNNING;
    machine->saved = FALSE;
    machine->started = g_get_monotonic_time();
    yd_fake_emit(host, spec->uuid, "started");
    return TRUE;
}

gboolean
yd_fake_start(YdHypervisor *hv, const YdMachineSpec *spec, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "start", &host, error))
        return FALSE;
    gboolean ok = start_locked(host, spec, error);
    g_mutex_unlock(&host->lock);
    return ok;
}

static void
stop_locked(FakeHost *host, FakeMachine *machine)
{
    if (machine->state == YD_MACHINE_OFF || machine->state == YD_MACHINE_CRASHED)
        return;
    machine->state = YD_MACHINE_OFF;
    yd_fake_emit(host, machine->uuid, "stopped");
    g_cond_broadcast(&host->changed);
}

gboolean
yd_fake_shutdown(YdHypervisor *hv, const char *uuid, gboolean by_agent, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "shutdown", &host, error))
        return FALSE;
    FakeMachine *machine = yd_fake_machine(host, uuid, TRUE, error);
    gboolean ok = machine != NULL;
    if (machine && by_agent && machine->agent_hangs) {
        g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT, "the agent of '%s' does not answer", uuid);
        ok = FALSE;
    } else if (machine) {
        stop_locked(host, machine);
    }
    g_mutex_unlock(&host->lock);
    return ok;
}

gboolean
yd_fake_reboot(YdHypervisor *hv, const char *uuid, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "reboot", &host, error))
        return FALSE;
    FakeMachine *machine = yd_fake_machine(host, uuid, TRUE, error);
    if (machine)
        machine->started = g_get_monotonic_time();
    g_mutex_unlock(&host->lock);
    return machine != NULL;
}

gboolean
yd_fake_power_off(YdHypervisor *hv, const char *uuid, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "power_off", &host, error))
        return FALSE;
    FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    if (machine)
        stop_locked(host, machine);
    g_mutex_unlock(&host->lock);
    return TRUE;
}

gboolean
yd_fake_remove(YdHypervisor *hv, const char *uuid, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "remove", &host, error))
        return FALSE;
    FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    if (machine) {
        stop_locked(host, machine);
        g_hash_table_remove(host->machines, uuid);
        g_hash_table_remove(host->users, uuid);
    }
    g_mutex_unlock(&host->lock);
    return TRUE;
}

gboolean
yd_fake_resize(YdHypervisor *hv, const char *uuid, gint64 vcpus, gint64 memory_mib, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "resize", &host, error))
        return FALSE;
    FakeMachine *machine = yd_fake_machine(host, uuid, TRUE, error);
    if (machine && vcpus > 0)
        machine->vcpus = vcpus;
    if (machine && memory_mib > 0)
        machine->memory_mib = memory_mib;
    g_mutex_unlock(&host->lock);
    return machine != NULL;
}

gboolean
yd_fake_resize_disk(YdHypervisor *hv, const char *uuid, const char *disk, gint64 bytes,
                    GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "resize_disk", &host, error))
        return FALSE;
    FakeMachine *machine = yd_fake_machine(host, uuid, TRUE, error);
    if (machine)
        machine->disk_bytes = bytes;
    g_mutex_unlock(&host->lock);
    return machine != NULL;
}

static YdMachineStats *
stats_of(const FakeMachine *machine)
{
    YdMachineStats *stats = g_new0(YdMachineStats, 1);
    gint64 us = g_get_monotonic_time() - machine->started;
    stats->uuid = g_strdup(machine->uuid);
    stats->state = machine->state;
    stats->time = yd_now_ms();
    stats->cpu_ns = (guint64)us * 100; // a tenth of one CPU
    stats->vcpus = machine->vcpus;
    stats->memory_mib = machine->memory_mib;
    stats->memory_used_kib = machine->memory_mib * 512;
    stats->disk_read_bytes = (guint64)us / 10;
    stats->disk_written_bytes = (guint64)us / 20;
    stats->net_in_bytes = (guint64)us / 50;
    stats->net_out_bytes = (guint64)us / 40;
    stats->disk_allocated_bytes = 64 * 1024 * 1024;
    return stats;
}

GPtrArray *
yd_fake_stats(YdHypervisor *hv, gboolean full, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "stats", &host, error))
        return NULL;
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)yd_machine_stats_free);
    GHashTableIter iter;
    FakeMachine *machine;
    g_hash_table_iter_init(&iter, host->machines);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&machine))
        if (machine->state == YD_MACHINE_RUNNING || machine->state == YD_MACHINE_PAUSED)
            g_ptr_array_add(all, stats_of(machine));
    g_mutex_unlock(&host->lock);
    return all;
}

GPtrArray *
yd_fake_machines(YdHypervisor *hv, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "machines", &host, error))
        return NULL;
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)yd_machine_info_free);
    GHashTableIter iter;
    FakeMachine *machine;
    g_hash_table_iter_init(&iter, host->machines);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&machine)) {
        YdMachineInfo *info = g_new0(YdMachineInfo, 1);
        info->uuid = g_strdup(machine->uuid);
        info->name = g_strdup(machine->name);
        info->desktop_id = g_strdup(machine->desktop_id);
        info->state = machine->state;
        g_ptr_array_add(all, info);
    }
    g_mutex_unlock(&host->lock);
    return all;
}

gboolean
yd_fake_machine_state(YdHypervisor *hv, const char *uuid, YdMachineState *ret_state, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "machine_state", &host, error))
        return FALSE;
    FakeMachine *machine = yd_fake_machine(host, uuid, FALSE, error);
    if (machine)
        *ret_state = machine->state;
    g_mutex_unlock(&host->lock);
    return machine != NULL;
}

GBytes *
yd_fake_screenshot(YdHypervisor *hv, const char *uuid, GError **error)
{
    // one blue pixel
    static const guint8 png[] = {
        0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48,
        0x44, 0x52, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00,
        0x00, 0x90, 0x77, 0x53, 0xde, 0x00, 0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78,
        0x9c, 0x63, 0x50, 0x70, 0x58, 0x00, 0x00, 0x01, 0x84, 0x01, 0x01, 0x7f, 0x83, 0x6f,
        0x3d, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82,
    };
    FakeHost *host;
    if (!yd_fake_begin(hv, "screenshot", &host, error))
        return NULL;
    FakeMachine *machine = yd_fake_machine(host, uuid, TRUE, error);
    g_mutex_unlock(&host->lock);
    return machine ? g_bytes_new_static(png, sizeof png) : NULL;
}

static FakeMachine *
spice_machine(FakeHost *host, const char *uuid, GError **error)
{
    FakeMachine *machine = yd_fake_machine(host, uuid, TRUE, error);
    if (!machine || machine->spice)
        return machine;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "machine '%s' has no SPICE", uuid);
    return NULL;
}

gboolean
yd_fake_spice(YdHypervisor *hv, const char *uuid, guint16 *ret_port, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "spice", &host, error))
        return FALSE;
    FakeMachine *machine = spice_machine(host, uuid, error);
    if (machine)
        *ret_port = machine->spice_port;
    g_mutex_unlock(&host->lock);
    return machine != NULL;
}

gboolean
yd_fake_set_spice_password(YdHypervisor *hv, const char *uuid, const char *password,
                           gint64 valid_until, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "set_spice_password", &host, error))
        return FALSE;
    FakeMachine *machine = spice_machine(host, uuid, error);
    if (machine) {
        g_free(machine->spice_password);
        machine->spice_password = g_strdup(password);
    }
    g_mutex_unlock(&host->lock);
    return machine != NULL;
}
