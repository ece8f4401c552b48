// SPDX-License-Identifier: Apache-2.0
// The fake's machines that sleep: a saved one is off and has a mark.
#include "hypervisor/fake-private.h"

// Paused or running; STATE otherwise.
static FakeMachine *
awake(FakeHost *host, const char *uuid, GError **error)
{
    FakeMachine *machine = yd_fake_machine(host, uuid, FALSE, error);
    if (!machine || machine->state == YD_MACHINE_RUNNING || machine->state == YD_MACHINE_PAUSED)
        return machine;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "machine '%s' does not run", uuid);
    return NULL;
}

static gboolean
turn(YdHypervisor *hv, const char *verb, const char *uuid, YdMachineState to, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, verb, &host, error))
        return FALSE;
    FakeMachine *machine = awake(host, uuid, error);
    if (machine)
        machine->state = to;
    g_mutex_unlock(&host->lock);
    return machine != NULL;
}

gboolean
yd_fake_pause(YdHypervisor *hv, const char *uuid, GError **error)
{
    return turn(hv, "pause", uuid, YD_MACHINE_PAUSED, error);
}

gboolean
yd_fake_resume(YdHypervisor *hv, const char *uuid, GError **error)
{
    return turn(hv, "resume", uuid, YD_MACHINE_RUNNING, error);
}

gboolean
yd_fake_save(YdHypervisor *hv, const char *uuid, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "save", &host, error))
        return FALSE;
    FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    gboolean done = machine && machine->state == YD_MACHINE_OFF && machine->saved;
    if (!done && (machine = awake(host, uuid, error))) {
        machine->state = YD_MACHINE_OFF;
        machine->saved = done = TRUE;
        yd_fake_emit(host, uuid, "stopped");
        g_cond_broadcast(&host->changed);
    }
    g_mutex_unlock(&host->lock);
    return done;
}

gboolean
yd_fake_is_saved(YdHypervisor *hv, const char *uuid, gboolean *ret_saved, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "is_saved", &host, error))
        return FALSE;
    FakeMachine *machine = yd_fake_machine(host, uuid, FALSE, error);
    if (machine)
        *ret_saved = machine->saved;
    g_mutex_unlock(&host->lock);
    return machine != NULL;
}

gboolean
yd_fake_restore(YdHypervisor *hv, const char *uuid, gboolean *ret_restored, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "restore", &host, error))
        return FALSE;
    FakeMachine *machine = yd_fake_machine(host, uuid, FALSE, error);
    gboolean awake_already =
        machine && (machine->state == YD_MACHINE_RUNNING || machine->state == YD_MACHINE_PAUSED);
    gboolean done = machine && (awake_already || machine->saved);
    if (machine && !done)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "machine '%s' has no saved image", uuid);
    if (done) {
        *ret_restored = awake_already || !machine->saved_badly;
        if (!awake_already)
            yd_fake_emit(host, uuid, "started");
        machine->state = YD_MACHINE_RUNNING;
        machine->saved = machine->saved_badly = FALSE;
    }
    g_mutex_unlock(&host->lock);
    return done;
}

gboolean
yd_fake_discard_saved(YdHypervisor *hv, const char *uuid, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "discard_saved", &host, error))
        return FALSE;
    FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    if (machine)
        machine->saved = FALSE;
    g_mutex_unlock(&host->lock);
    return TRUE;
}

void
yd_fake_spoil_saved(YdHypervisor *hv, const char *uuid)
{
    FakeHost *host = ((FakeHypervisor *)hv)->host;
    g_mutex_lock(&host->lock);
    FakeMachine *machine = g_hash_table_lookup(host->machines, uuid);
    if (machine)
        machine->saved_badly = machine->saved;
    g_mutex_unlock(&host->lock);
}
