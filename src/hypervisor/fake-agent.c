// SPDX-License-Identifier: Apache-2.0
// The fake's guest agents: one call at a time for each guest, with delays and hangs.
#include "hypervisor/fake-private.h"
#include "base/id.h"

#include <stdio.h>

// Waits until the wanted moment of this machine comes or the deadline passes. The machine is looked
// up anew after each wait, as it may be gone.
static FakeMachine *
wait_turn(FakeHost *host, const char *uuid, gint64 deadline, GError **error)
{
    for (;;) {
        if (!host->alive) {
            g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "the fake host '%s' is gone",
                        host->name);
            return NULL;
        }
        FakeMachine *machine = yd_fake_machine(host, uuid, TRUE, error);
        if (!machine || (!machine->agent_busy && !machine->agent_hangs))
            return machine;
        if (!g_cond_wait_until(&host->changed, &host->lock, deadline)) {
            g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT, "the agent of '%s' does not answer",
                        uuid);
            return NULL;
        }
    }
}

static gint64
next_delay(FakeHost *host)
{
    guint span = host->max_ms - host->min_ms + 1;
    return ((gint64)host->min_ms + host->delays++ * 7919u % span) * 1000;
}

// Host locked before and after; unlocked while the delay lasts.
static FakeMachine *
answer(FakeHost *host, const char *uuid, guint timeout, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout * G_USEC_PER_SEC;
    FakeMachine *machine = wait_turn(host, uuid, deadline, error);
    if (!machine || host->max_ms == 0)
        return machine;
    gint64 end = g_get_monotonic_time() + next_delay(host);
    machine->agent_busy = TRUE;
    g_mutex_unlock(&host->lock);
    g_usleep((gulong)MAX(0, MIN(end, deadline) - g_get_monotonic_time()));
    g_mutex_lock(&host->lock);
    machine = g_hash_table_lookup(host->machines, uuid);
    if (machine)
        machine->agent_busy = FALSE;
    g_cond_broadcast(&host->changed);
    if (end > deadline) {
        g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT, "the agent of '%s' does not answer", uuid);
        return NULL;
    }
    return yd_fake_machine(host, uuid, TRUE, error);
}

// Begins an agent call: TRUE with the host locked and the agent ready to answer.
static FakeMachine *
begin(YdHypervisor *hv, const char *verb, const char *uuid, guint timeout, FakeHost **ret_host,
      GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, verb, &host, error))
        return NULL;
    FakeMachine *machine = answer(host, uuid, timeout, error);
    if (!machine)
        g_mutex_unlock(&host->lock);
    *ret_host = host;
    return machine;
}

gboolean
yd_fake_agent_ping(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    FakeHost *host;
    if (!begin(hv, "agent_ping", uuid, timeout, &host, error))
        return FALSE;
    g_mutex_unlock(&host->lock);
    return TRUE;
}

gboolean
yd_fake_agent_set_password(YdHypervisor *hv, const char *uuid, const char *user,
                           const char *password, gboolean hashed, guint timeout, GError **error)
{
    FakeHost *host;
    FakeMachine *machine = begin(hv, "set_password", uuid, timeout, &host, error);
    if (!machine)
        return FALSE;
    g_free(machine->password);
    machine->password = g_strdup(password);
    g_mutex_unlock(&host->lock);
    return TRUE;
}

gboolean
yd_fake_agent_exec(YdHypervisor *hv, const char *uuid, const char *const *argv, const char *input,
                   guint timeout, int *ret_status, char **ret_output, GError **error)
{
    FakeHost *host;
    FakeMachine *machine = begin(hv, "agent_exec", uuid, timeout, &host, error);
    if (!machine)
        return FALSE;
    g_free(machine->input);
    machine->input = g_strdup(input);
    if (ret_status)
        *ret_status = host->exec_status;
    if (ret_output)
        *ret_output = g_strdup(host->exec_output ? host->exec_output : "");
    g_mutex_unlock(&host->lock);
    return TRUE;
}

gboolean
yd_fake_agent_set_time(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    FakeHost *host;
    FakeMachine *machine = begin(hv, "agent_set_time", uuid, timeout, &host, error);
    if (!machine)
        return FALSE;
    machine->time_set = yd_now_ms();
    g_mutex_unlock(&host->lock);
    return TRUE;
}

// What its network's DHCP would give, else the address that the MAC is made of.
static char *
address_of(FakeHost *host, const FakeMachine *machine)
{
    FakeNetwork *network =
        machine->network ? g_hash_table_lookup(host->networks, machine->network) : NULL;
    const char *ip =
        network && machine->mac ? g_hash_table_lookup(network->hosts, machine->mac) : NULL;
    guint byte[4];
    if (ip)
        return g_strdup(ip);
    if (machine->mac &&
        sscanf(machine->mac, "52:54:%2x:%2x:%2x:%2x", &byte[0], &byte[1], &byte[2], &byte[3]) == 4)
        return g_strdup_printf("%u.%u.%u.%u", byte[0], byte[1], byte[2], byte[3]);
    return NULL;
}

gboolean
yd_fake_agent_still(YdHypervisor *hv, const char *uuid, gboolean on, guint timeout, GError **error)
{
    FakeHost *host;
    FakeMachine *machine = begin(hv, on ? "agent_still" : "agent_on", uuid, timeout, &host, error);
    if (!machine)
        return FALSE;
    gboolean good = !on || !machine->still;
    if (!good)
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "the guest '%s' stands still already",
                    uuid);
    machine->still = on;
    g_mutex_unlock(&host->lock);
    return good;
}

char *
yd_fake_agent_address(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    FakeHost *host;
    FakeMachine *machine = begin(hv, "agent_address", uuid, timeout, &host, error);
    if (!machine)
        return NULL;
    char *address = address_of(host, machine);
    g_mutex_unlock(&host->lock);
    if (!address)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "machine '%s' has no address", uuid);
    return address;
}

GPtrArray *
yd_fake_agent_users(YdHypervisor *hv, const char *uuid, guint timeout, GError **error)
{
    FakeHost *host;
    if (!begin(hv, "agent_users", uuid, timeout, &host, error))
        return NULL;
    GPtrArray *users = g_ptr_array_new_with_free_func(g_free);
    GPtrArray *known = g_hash_table_lookup(host->users, uuid);
    for (guint i = 0; known && i < known->len; i++)
        g_ptr_array_add(users, g_strdup(known->pdata[i]));
    g_mutex_unlock(&host->lock);
    return users;
}
