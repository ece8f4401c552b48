// SPDX-License-Identifier: Apache-2.0
// The fake hypervisor's hosts: shared by name within the process, with faults that count down.
#include "hypervisor/fake.h"
#include "hypervisor/fake-private.h"

#include <string.h>

static GMutex hosts_lock;
static GHashTable *hosts; // name -> FakeHost, under hosts_lock

static void
fault_free(FakeFault *fault)
{
    g_free(fault->verb);
    g_free(fault);
}

static FakeHost *
host_new(const char *name)
{
    FakeHost *host = g_new0(FakeHost, 1);
    host->name = g_strdup(name);
    g_mutex_init(&host->lock);
    g_cond_init(&host->changed);
    host->alive = TRUE;
    host->handles = g_ptr_array_new();
    host->machines =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)yd_fake_machine_free);
    host->networks =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)yd_fake_network_free);
    host->faults = g_ptr_array_new_with_free_func((GDestroyNotify)fault_free);
    host->users =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    host->next_port = 5900;
    return host;
}

static void
host_free(FakeHost *host)
{
    g_free(host->name);
    g_mutex_clear(&host->lock);
    g_cond_clear(&host->changed);
    g_ptr_array_unref(host->handles);
    g_hash_table_unref(host->machines);
    g_hash_table_unref(host->networks);
    g_hash_table_unref(host->users);
    g_ptr_array_unref(host->faults);
    g_free(host->exec_output);
    g_free(host);
}

static FakeHost *
host_of(YdHypervisor *hv)
{
    return ((FakeHypervisor *)hv)->host;
}

// Counts down every fault that fits; the first to reach zero strikes.
static gboolean
strikes(FakeHost *host, const char *verb, YdErrorCode *ret_code)
{
    gboolean hit = FALSE;
    for (guint i = 0; i < host->faults->len; i++) {
        FakeFault *fault = host->faults->pdata[i];
        if ((fault->verb && strcmp(fault->verb, verb) != 0) || --fault->left > 0)
            continue;
        if (!hit)
            *ret_code = fault->code;
        hit = TRUE;
        g_ptr_array_remove_index(host->faults, i--);
    }
    return hit;
}

gboolean
yd_fake_begin(YdHypervisor *hv, const char *verb, FakeHost **ret_host, GError **error)
{
    FakeHost *host = host_of(hv);
    YdErrorCode code;
    g_mutex_lock(&host->lock);
    if (strikes(host, verb, &code)) {
        g_mutex_unlock(&host->lock);
        g_set_error(error, YD_ERROR, code, "the fake host '%s' was told to fail '%s'", host->name,
                    verb);
        return FALSE;
    }
    *ret_host = host;
    return TRUE;
}

void
yd_fake_emit(FakeHost *host, const char *uuid, const char *event)
{
    for (guint i = 0; i < host->handles->len; i++)
        yd_hypervisor_emit(host->handles->pdata[i], uuid, event);
}

static void
fake_close(YdHypervisor *hv)
{
    FakeHost *host = host_of(hv);
    g_mutex_lock(&host->lock);
    g_ptr_array_remove_fast(host->handles, hv);
    g_mutex_unlock(&host->lock);
}

static YdHostFacts *
fake_facts(YdHypervisor *hv, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "facts", &host, error))
        return NULL;
    YdHostFacts *facts = g_new0(YdHostFacts, 1);
    facts->hostname = g_strdup(host->name);
    facts->cpu_model = g_strdup("Fake CPU");
    facts->qemu_version = g_strdup("0.0.0");
    facts->libvirt_version = g_strdup("0.0.0");
    facts->cpus = 256;
    facts->memory_mib = facts->memory_free_mib = 4 * 1024 * 1024;
    facts->load = 0.5;
    facts->accel = YD_ACCEL_TCG;
    facts->accel_reason = g_strdup("TCG: a fake host runs nothing");
    GHashTableIter iter;
    FakeMachine *machine;
    g_hash_table_iter_init(&iter, host->machines);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&machine))
        if (machine->state == YD_MACHINE_RUNNING || machine->state == YD_MACHINE_PAUSED)
            facts->memory_free_mib -= machine->memory_mib;
    g_mutex_unlock(&host->lock);
    return facts;
}

static const YdHypervisorFamily fake_family = {
    .close = fake_close,
    .facts = fake_facts,
    .machines = yd_fake_machines,
    .machine_state = yd_fake_machine_state,
    .start = yd_fake_start,
    .freeze = yd_fake_freeze,
    .thaw = yd_fake_thaw,
    .attach_nic = yd_fake_attach_nic,
    .shutdown = yd_fake_shutdown,
    .reboot = yd_fake_reboot,
    .power_off = yd_fake_power_off,
    .remove = yd_fake_remove,
    .pause = yd_fake_pause,
    .resume = yd_fake_resume,
    .migrate = yd_fake_migrate,
    .save = yd_fake_save,
    .is_saved = yd_fake_is_saved,
    .restore = yd_fake_restore,
    .discard_saved = yd_fake_discard_saved,
    .resize = yd_fake_resize,
    .resize_disk = yd_fake_resize_disk,
    .point = yd_fake_point,
    .stats = yd_fake_stats,
    .screenshot = yd_fake_screenshot,
    .spice = yd_fake_spice,
    .set_spice_password = yd_fake_set_spice_password,
    .agent_ping = yd_fake_agent_ping,
    .agent_set_password = yd_fake_agent_set_password,
    .agent_exec = yd_fake_agent_exec,
    .agent_set_time = yd_fake_agent_set_time,
    .agent_still = yd_fake_agent_still,
    .agent_address = yd_fake_agent_address,
    .agent_users = yd_fake_agent_users,
    .network_ensure = yd_fake_network_ensure,
    .network_remove = yd_fake_network_remove,
    .network_active = yd_fake_network_active,
    .network_set_host = yd_fake_network_set_host,
    .network_clear_host = yd_fake_network_clear_host,
};

YdHypervisor *
yd_fake_open(const char *uri, GError **error)
{
    const char *name = uri + strlen("fake:");
    if (!*name) {
        yd_error_invalid(error, "uri", "'%s' names no fake host; use fake:NAME", uri);
        return NULL;
    }
    FakeHypervisor *fake = g_new0(FakeHypervisor, 1);
    g_mutex_lock(&hosts_lock);
    if (!hosts)
        hosts = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)host_free);
    fake->host = g_hash_table_lookup(hosts, name);
    if (!fake->host) {
        fake->host = host_new(name);
        g_hash_table_insert(hosts, fake->host->name, fake->host);
    }
    yd_hypervisor_init(&fake->parent, &fake_family, uri);
    g_mutex_lock(&fake->host->lock);
    g_atomic_int_set(&fake->parent.alive, fake->host->alive);
    g_ptr_array_add(fake->host->handles, fake);
    g_mutex_unlock(&fake->host->lock);
    g_mutex_unlock(&hosts_lock);
    return &fake->parent;
}

void
yd_fake_forget(const char *name)
{
    g_mutex_lock(&hosts_lock);
    FakeHost *host = hosts ? g_hash_table_lookup(hosts, name) : NULL;
    if (host && host->handles->len == 0)
        g_hash_table_remove(hosts, name);
    g_mutex_unlock(&hosts_lock);
}

void
yd_fake_fail(YdHypervisor *hv, const char *verb, guint n, YdErrorCode code)
{
    FakeHost *host = host_of(hv);
    FakeFault *fault = g_new0(FakeFault, 1);
    fault->verb = g_strdup(verb);
    fault->left = MAX(n, 1);
    fault->code = code;
    g_mutex_lock(&host->lock);
    g_ptr_array_add(host->faults, fault);
    g_mutex_unlock(&host->lock);
}

void
yd_fake_agent_delay(YdHypervisor *hv, guint min_ms, guint max_ms)
{
    FakeHost *host = host_of(hv);
    g_mutex_lock(&host->lock);
    host->min_ms = min_ms;
    host->max_ms = MAX(min_ms, max_ms);
    g_mutex_unlock(&host->lock);
}

void
yd_fake_agent_hang(YdHypervisor *hv, const char *uuid, gboolean hang)
{
    FakeHost *host = host_of(hv);
    g_mutex_lock(&host->lock);
    FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    if (machine)
        machine->agent_hangs = hang;
    g_cond_broadcast(&host->changed);
    g_mutex_unlock(&host->lock);
}

void
yd_fake_set_alive(YdHypervisor *hv, gboolean alive)
{
    FakeHost *host = host_of(hv);
    g_mutex_lock(&host->lock);
    host->alive = alive;
    for (guint i = 0; i < host->handles->len; i++)
        yd_hypervisor_set_alive(host->handles->pdata[i], alive);
    g_cond_broadcast(&host->changed);
    g_mutex_unlock(&host->lock);
}

void
yd_fake_machine_ends(YdHypervisor *hv, const char *uuid, gboolean crashed)
{
    FakeHost *host = host_of(hv);
    g_mutex_lock(&host->lock);
    FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    if (machine) {
        machine->state = crashed ? YD_MACHINE_CRASHED : YD_MACHINE_OFF;
        yd_fake_emit(host, uuid, crashed ? "crashed" : "stopped");
    }
    g_cond_broadcast(&host->changed);
    g_mutex_unlock(&host->lock);
}

void
yd_fake_set_users(YdHypervisor *hv, const char *uuid, const char *const *names)
{
    FakeHost *host = host_of(hv);
    GPtrArray *users = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; names && names[i]; i++)
        g_ptr_array_add(users, g_strdup(names[i]));
    g_mutex_lock(&host->lock);
    g_hash_table_insert(host->users, g_strdup(uuid), users);
    g_mutex_unlock(&host->lock);
}

void
yd_fake_exec_answer(YdHypervisor *hv, int status, const char *output)
{
    FakeHost *host = host_of(hv);
    g_mutex_lock(&host->lock);
    host->exec_status = status;
    g_free(host->exec_output);
    host->exec_output = g_strdup(output);
    g_mutex_unlock(&host->lock);
}

gint64
yd_fake_time_set(YdHypervisor *hv, const char *uuid)
{
    FakeHost *host = host_of(hv);
    g_mutex_lock(&host->lock);
    const FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    gint64 when = machine ? machine->time_set : 0;
    g_mutex_unlock(&host->lock);
    return when;
}

static char *
last(YdHypervisor *hv, const char *uuid, goffset offset)
{
    FakeHost *host = host_of(hv);
    g_mutex_lock(&host->lock);
    FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    char *text = machine ? g_strdup(G_STRUCT_MEMBER(char *, machine, offset)) : NULL;
    g_mutex_unlock(&host->lock);
    return text;
}

char *
yd_fake_last_password(YdHypervisor *hv, const char *uuid)
{
    return last(hv, uuid, G_STRUCT_OFFSET(FakeMachine, password));
}

char *
yd_fake_last_input(YdHypervisor *hv, const char *uuid)
{
    return last(hv, uuid, G_STRUCT_OFFSET(FakeMachine, input));
}

char *
yd_fake_last_spice_password(YdHypervisor *hv, const char *uuid)
{
    return last(hv, uuid, G_STRUCT_OFFSET(FakeMachine, spice_password));
}
