// SPDX-License-Identifier: Apache-2.0
// What the families behind hypervisor.h have in common: a table of verbs, and one thread for each
// open hypervisor that hands its events to the callback. Private to this room.
#pragma once

#include "hypervisor/hypervisor.h"

typedef struct {
    void (*close)(YdHypervisor *hv); // ends all that may still emit, and frees hv's own parts
    void (*settle)(YdHypervisor *hv, gint64 until); // NULL: it is ready once it is open
    YdHostFacts *(*facts)(YdHypervisor *hv, GError **error);
    GPtrArray *(*machines)(YdHypervisor *hv, GError **error);
    gboolean (*machine_state)(YdHypervisor *hv, const char *uuid, YdMachineState *ret_state,
                              GError **error);
    gboolean (*start)(YdHypervisor *hv, const YdMachineSpec *spec, GError **error);
    gboolean (*freeze)(YdHypervisor *hv, const char *uuid, const char *path, GError **error);
    gboolean (*thaw)(YdHypervisor *hv, const YdMachineSpec *spec, const char *path, GError **error);
    gboolean (*attach_nic)(YdHypervisor *hv, const char *uuid, const YdNicSpec *nic,
                           GError **error);
    gboolean (*shutdown)(YdHypervisor *hv, const char *uuid, gboolean by_agent, GError **error);
    gboolean (*reboot)(YdHypervisor *hv, const char *uuid, GError **error);
    gboolean (*power_off)(YdHypervisor *hv, const char *uuid, GError **error);
    gboolean (*remove)(YdHypervisor *hv, const char *uuid, GError **error);
    gboolean (*pause)(YdHypervisor *hv, const char *uuid, GError **error);
    gboolean (*resume)(YdHypervisor *hv, const char *uuid, GError **error);
    gboolean (*save)(YdHypervisor *hv, const char *uuid, GError **error);
    gboolean (*is_saved)(YdHypervisor *hv, const char *uuid, gboolean *ret_saved, GError **error);
    gboolean (*restore)(YdHypervisor *hv, const char *uuid, gboolean *ret_restored, GError **error);
    gboolean (*discard_saved)(YdHypervisor *hv, const char *uuid, GError **error);
    gboolean (*resize)(YdHypervisor *hv, const char *uuid, gint64 vcpus, gint64 memory_mib,
                       GError **error);
    gboolean (*resize_disk)(YdHypervisor *hv, const char *uuid, const char *disk, gint64 bytes,
                            GError **error);
    gboolean (*point)(YdHypervisor *hv, const char *uuid, const char *const *disks,
                      const char *name, gboolean drop, GError **error);
    GPtrArray *(*stats)(YdHypervisor *hv, gboolean full, GError **error);
    GBytes *(*screenshot)(YdHypervisor *hv, const char *uuid, GError **error);
    gboolean (*spice)(YdHypervisor *hv, const char *uuid, guint16 *ret_port, GError **error);
    gboolean (*set_spice_password)(YdHypervisor *hv, const char *uuid, const char *password,
                                   gint64 valid_until, GError **error);
    gboolean (*agent_ping)(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
    gboolean (*agent_set_password)(YdHypervisor *hv, const char *uuid, const char *user,
                                   const char *password, gboolean hashed, guint timeout,
                                   GError **error);
    gboolean (*agent_still)(YdHypervisor *hv, const char *uuid, gboolean on, guint timeout,
                            GError **error);
    gboolean (*migrate)(YdHypervisor *hv, YdHypervisor *to, const char *uuid, gboolean live,
                        YdMigrateProgress progress, gpointer data, gint64 *ret_pause_ms,
                        GError **error);
    gboolean (*agent_exec)(YdHypervisor *hv, const char *uuid, const char *const *argv,
                           const char *input, guint timeout, int *ret_status, char **ret_output,
                           GError **error);
    gboolean (*agent_set_time)(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
    char *(*agent_address)(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
    GPtrArray *(*agent_users)(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
    gboolean (*network_ensure)(YdHypervisor *hv, const YdNetworkSpec *spec, GError **error);
    gboolean (*network_remove)(YdHypervisor *hv, const char *name, GError **error);
    gboolean (*network_active)(YdHypervisor *hv, const char *name, gboolean *ret_active,
                               GError **error);
    gboolean (*network_set_host)(YdHypervisor *hv, const char *name, const YdDhcpHost *host,
                                 GError **error);
    gboolean (*network_clear_host)(YdHypervisor *hv, const char *name, const char *mac,
                                   GError **error);
} YdHypervisorFamily;

// The first member of each family's own struct.
struct _YdHypervisor {
    const YdHypervisorFamily *family;
    char *uri;
    gint alive; // atomic
    GThread *thread;
    GAsyncQueue *events;     // of struct event; owned
    GMutex lock;             // held while the callback runs
    YdMachineEvent callback; // under lock
    gpointer data;           // under lock, borrowed
};

YdHypervisor *yd_fake_open(const char *uri, GError **error);
YdHypervisor *yd_libvirt_open(const char *uri, YdAccel accel, GError **error);

// For a family's open: fills the common part and starts the events' thread.
void yd_hypervisor_init(YdHypervisor *hv, const YdHypervisorFamily *family, const char *uri);

// Queues an event for the callback; any thread, never blocks. uuid NULL: of the host.
void yd_hypervisor_emit(YdHypervisor *hv, const char *uuid, const char *event);

// Sets alive; emits "connected" or "disconnected" when that is a change.
void yd_hypervisor_set_alive(YdHypervisor *hv, gboolean alive);
