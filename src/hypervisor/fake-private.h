// SPDX-License-Identifier: Apache-2.0
// The fake's insides, shared by fake.c (host, faults, controls), fake-machine.c, fake-agent.c and
// fake-network.c.
#pragma once

#include "hypervisor/family.h"
#include "hypervisor/fake.h"

typedef struct {
    char *uuid, *name, *desktop_id, *mac, *network;
    YdMachineState state;
    gint64 vcpus, memory_mib, disk_bytes, started; // started: monotonic us
    gboolean spice, saved, saved_badly;
    gint64 time_set; // by agent_set_time, ms
    guint16 spice_port;
    gboolean agent_busy, agent_hangs, still;
    char *password, *input, *spice_password;
} FakeMachine;

typedef struct {
    char *name, *bridge;
    gboolean active;
    GHashTable *hosts; // mac -> ip, both owned
} FakeNetwork;

typedef struct {
    char *verb; // NULL: any
    guint left;
    YdErrorCode code;
} FakeFault;

// Lives as long as the process or until yd_fake_forget, so that a service that is opened anew finds
// its machines again.
typedef struct {
    char *name;
    GMutex lock; // guards all below
    GCond changed;
    gboolean alive;
    GPtrArray *handles;   // of FakeHypervisor, borrowed
    GHashTable *machines; // uuid -> FakeMachine, owned
    GHashTable *networks; // name -> FakeNetwork, owned
    GPtrArray *faults;    // of FakeFault
    GHashTable *users;    // uuid -> GPtrArray of names, owned
    guint min_ms, max_ms, delays;
    guint16 next_port;
    int exec_status;
    char *exec_output;
} FakeHost;

typedef struct {
    YdHypervisor parent;
    FakeHost *host;
} FakeHypervisor;

// Locks the host and lets an armed fault of that verb strike: FALSE, unlocked, with error.
gboolean yd_fake_begin(YdHypervisor *hv, const char *verb, FakeHost **ret_host, GError **error);

// The machine, NOT_FOUND otherwise; running: STATE when it does not run. Host locked.
FakeMachine *yd_fake_machine(FakeHost *host, const char *uuid, gboolean running, GError **error);

// Tells all handles. Host locked.
void yd_fake_emit(FakeHost *host, const char *uuid, const char *event);

void yd_fake_machine_free(FakeMachine *machine);
void yd_fake_network_free(FakeNetwork *network);

gboolean yd_fake_start(YdHypervisor *hv, const YdMachineSpec *spec, GError **error);
gboolean yd_fake_freeze(YdHypervisor *hv, const char *uuid, const char *path, GError **error);
gboolean
yd_fake_thaw(YdHypervisor *hv, const YdMachineSpec *spec, const char *path, GError **error);
gboolean
yd_fake_attach_nic(YdHypervisor *hv, const char *uuid, const YdNicSpec *nic, GError **error);
gboolean yd_fake_shutdown(YdHypervisor *hv, const char *uuid, gboolean by_agent, GError **error);
gboolean yd_fake_reboot(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_fake_power_off(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_fake_remove(YdHypervisor *hv, const char *uuid, GError **error);
gboolean
yd_fake_resize(YdHypervisor *hv, const char *uuid, gint64 vcpus, gint64 memory_mib, GError **error);
gboolean yd_fake_resize_disk(YdHypervisor *hv, const char *uuid, const char *disk, gint64 bytes,
                             GError **error);
gboolean yd_fake_point(YdHypervisor *hv, const char *uuid, const char *const *disks,
                       const char *name, gboolean drop, GError **error);
gboolean
yd_fake_agent_still(YdHypervisor *hv, const char *uuid, gboolean on, guint timeout, GError **error);
GPtrArray *yd_fake_stats(YdHypervisor *hv, gboolean full, GError **error);
gboolean yd_fake_pause(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_fake_resume(YdHypervisor *hv, const char *uuid, GError **error);
gboolean
yd_fake_migrate(YdHypervisor *hv, YdHypervisor *to, const char *uuid, gboolean live,
                YdMigrateProgress progress, gpointer data, gint64 *ret_pause_ms, GError **error);
gboolean yd_fake_save(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_fake_is_saved(YdHypervisor *hv, const char *uuid, gboolean *ret_saved, GError **error);
gboolean
yd_fake_restore(YdHypervisor *hv, const char *uuid, gboolean *ret_restored, GError **error);
gboolean yd_fake_discard_saved(YdHypervisor *hv, const char *uuid, GError **error);
GBytes *yd_fake_screenshot(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_fake_spice(YdHypervisor *hv, const char *uuid, guint16 *ret_port, GError **error);
gboolean yd_fake_set_spice_password(YdHypervisor *hv, const char *uuid, const char *password,
                                    gint64 valid_until, GError **error);
GPtrArray *yd_fake_machines(YdHypervisor *hv, GError **error);
gboolean yd_fake_machine_state(YdHypervisor *hv, const char *uuid, YdMachineState *ret_state,
                               GError **error);

gboolean yd_fake_agent_ping(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
gboolean
yd_fake_agent_set_password(YdHypervisor *hv, const char *uuid, const char *user,
                           const char *password, gboolean hashed, guint timeout, GError **error);
gboolean
yd_fake_agent_exec(YdHypervisor *hv, const char *uuid, const char *const *argv, const char *input,
                   guint timeout, int *ret_status, char **ret_output, GError **error);
gboolean yd_fake_agent_set_time(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
char *yd_fake_agent_address(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
GPtrArray *yd_fake_agent_users(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);

gboolean yd_fake_network_ensure(YdHypervisor *hv, const YdNetworkSpec *spec, GError **error);
gboolean yd_fake_network_remove(YdHypervisor *hv, const char *name, GError **error);
gboolean
yd_fake_network_active(YdHypervisor *hv, const char *name, gboolean *ret_active, GError **error);
gboolean yd_fake_network_set_host(YdHypervisor *hv, const char *name, const YdDhcpHost *host,
                                  GError **error);
gboolean
yd_fake_network_clear_host(YdHypervisor *hv, const char *name, const char *mac, GError **error);
