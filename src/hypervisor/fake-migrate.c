// SPDX-License-Identifier: Apache-2.0
// The fake's machines that move: from one host's table to the other's.
#include "hypervisor/fake-private.h"

static gboolean
take(FakeHost *host, const char *uuid, FakeMachine **ret_machine, GError **error)
{
    FakeMachine *machine = yd_fake_machine(host, uuid, FALSE, error);
    if (machine && machine->state != YD_MACHINE_RUNNING && machine->state != YD_MACHINE_PAUSED) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "machine '%s' does not run", uuid);
        machine = NULL;
    }
    if (!machine)
        return FALSE;
    g_hash_table_steal(host->machines, uuid);
    yd_fake_emit(host, uuid, "stopped");
    *ret_machine = machine;
    return TRUE;
}

static void
put(FakeHost *host, FakeMachine *machine)
{
    g_hash_table_replace(host->machines, machine->uuid, machine);
    yd_fake_emit(host, machine->uuid, "started");
}

static gboolean
cancelled(GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_CANCELLED, "the move was taken back");
    return FALSE;
}

// Both hosts are never locked at once: an armed fault of the target ("migrate_in") strikes first.
gboolean
yd_fake_migrate(YdHypervisor *hv, YdHypervisor *to, const char *uuid, gboolean live,
                YdMigrateProgress progress, gpointer data, gint64 *ret_pause_ms, GError **error)
{
    FakeHost *host;
    FakeMachine *machine = NULL;
    if (!yd_fake_begin(to, "migrate_in", &host, error))
        return FALSE;
    g_mutex_unlock(&host->lock);
    if (progress && !progress(50, data))
        return cancelled(error);
    if (!yd_fake_begin(hv, "migrate", &host, error))
        return FALSE;
    gboolean taken = take(host, uuid, &machine, error);
    g_mutex_unlock(&host->lock);
    if (!taken)
        return FALSE;
    host = ((FakeHypervisor *)to)->host;
    g_mutex_lock(&host->lock);
    put(host, machine);
    g_mutex_unlock(&host->lock);
    if (ret_pause_ms)
        *ret_pause_ms = 10;
    return TRUE;
}
