// SPDX-License-Identifier: Apache-2.0
// Shared by the libvirt-*.c files: the connection and its errors. Private to this room.
#pragma once

#include "hypervisor/family.h"

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(virConnect, virConnectClose)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virDomain, virDomainFree)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(virNetwork, virNetworkFree)

typedef struct _YdLibvirtLink YdLibvirtLink;
typedef struct _YdLibvirtAgents YdLibvirtAgents;

typedef struct {
    YdHypervisor parent;
    YdLibvirtLink *link;
    YdLibvirtAgents *agents;
    YdAccel accel;  // the setting
    gboolean test;  // libvirt's test driver
    gboolean local; // the host is this machine
    GMutex lock;
    GHashTable *ours; // uuid -> desktop id, "": not ours; what metadata said; under lock
} YdLibvirt;

// --- libvirt-link.c: the connection --------------------------------------------------------------

// Starts the thread that connects and reconnects.
YdLibvirtLink *yd_libvirt_link_new(YdHypervisor *hv);
void yd_libvirt_link_close(YdLibvirtLink *link);
void yd_libvirt_settle(YdHypervisor *hv, gint64 until);

// An own reference of the present connection, to be closed; UNAVAILABLE.
virConnect *yd_libvirt_conn(YdHypervisor *hv, GError **error);

// Opens one more connection to the same host, with keep-alive; NULL with error.
virConnect *yd_libvirt_connect(const char *uri, GError **error);

// The machine; NOT_FOUND.
virDomain *yd_libvirt_domain(YdHypervisor *hv, const char *uuid, GError **error);

// Keeps libvirt's client from damaging memory where it is of a version that does (libvirt-guard.c).
// Once, before the first connection.
void yd_libvirt_guard(void);
// How often that was needed so far; -1: this libvirt needs none. Any thread. For tests.
int yd_libvirt_guard_ended(void);

// --- libvirt-error.c -----------------------------------------------------------------------------

// Sets error from libvirt's last one: "what: libvirt's words". Always FALSE.
gboolean yd_libvirt_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

// Whether libvirt's last error has that code (virErrorNumber).
gboolean yd_libvirt_is(int code);

// Code for a libvirt error; message in its words. For tests.
YdErrorCode yd_libvirt_code(int code, int domain, const char *message);

// --- the verbs -----------------------------------------------------------------------------------

YdHostFacts *yd_libvirt_facts(YdHypervisor *hv, GError **error);
// Which accelerator a machine of this host gets; reason (may be NULL) is owned.
YdAccel yd_libvirt_accel(YdHypervisor *hv, virConnect *conn, char **ret_reason);

GPtrArray *yd_libvirt_machines(YdHypervisor *hv, GError **error);
gboolean yd_libvirt_machine_state(YdHypervisor *hv, const char *uuid, YdMachineState *ret_state,
                                  GError **error);
gboolean yd_libvirt_start(YdHypervisor *hv, const YdMachineSpec *spec, GError **error);
gboolean yd_libvirt_freeze(YdHypervisor *hv, const char *uuid, const char *path, GError **error);
gboolean
yd_libvirt_thaw(YdHypervisor *hv, const YdMachineSpec *spec, const char *path, GError **error);
gboolean
yd_libvirt_attach_nic(YdHypervisor *hv, const char *uuid, const YdNicSpec *nic, GError **error);
// Makes sure of the filter that network cards refer to; does nothing when it is as it should be.
gboolean yd_libvirt_filter_ensure(virConnect *conn, GError **error);
// Defines it anew, keeping its uuid; NULL without an error and with *ret_runs when it runs already.
virDomain *
yd_libvirt_define(YdHypervisor *hv, const YdMachineSpec *spec, gboolean *ret_runs, GError **error);
gboolean yd_libvirt_shutdown(YdHypervisor *hv, const char *uuid, gboolean by_agent, GError **error);
gboolean yd_libvirt_reboot(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_libvirt_power_off(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_libvirt_remove(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_libvirt_resize(YdHypervisor *hv, const char *uuid, gint64 vcpus, gint64 memory_mib,
                           GError **error);
gboolean yd_libvirt_resize_disk(YdHypervisor *hv, const char *uuid, const char *disk, gint64 bytes,
                                GError **error);
// libvirt-point.c
gboolean yd_libvirt_point(YdHypervisor *hv, const char *uuid, const char *const *disks,
                          const char *name, gboolean drop, GError **error);
gboolean yd_libvirt_agent_still(YdHypervisor *hv, const char *uuid, gboolean on, guint timeout,
                                GError **error);
gboolean yd_libvirt_pause(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_libvirt_resume(YdHypervisor *hv, const char *uuid, GError **error);
gboolean
yd_libvirt_migrate(YdHypervisor *hv, YdHypervisor *to, const char *uuid, gboolean live,
                   YdMigrateProgress progress, gpointer data, gint64 *ret_pause_ms, GError **error);
gboolean yd_libvirt_save(YdHypervisor *hv, const char *uuid, GError **error);
gboolean
yd_libvirt_is_saved(YdHypervisor *hv, const char *uuid, gboolean *ret_saved, GError **error);
gboolean
yd_libvirt_restore(YdHypervisor *hv, const char *uuid, gboolean *ret_restored, GError **error);
gboolean yd_libvirt_discard_saved(YdHypervisor *hv, const char *uuid, GError **error);
// Removes the saved image, if there is one.
gboolean yd_libvirt_forget_saved(virDomain *domain, const char *uuid, GError **error);
YdMachineState yd_libvirt_state(int state, int reason);
// Whether the machine is ours, by its metadata; remembered.
gboolean yd_libvirt_ours(YdHypervisor *hv, virDomain *domain, const char *uuid);

GPtrArray *yd_libvirt_stats(YdHypervisor *hv, gboolean full, GError **error);

GBytes *yd_libvirt_screenshot(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_libvirt_spice(YdHypervisor *hv, const char *uuid, guint16 *ret_port, GError **error);
gboolean yd_libvirt_set_spice_password(YdHypervisor *hv, const char *uuid, const char *password,
                                       gint64 valid_until, GError **error);

YdLibvirtAgents *yd_libvirt_agents_new(void);
void yd_libvirt_agents_free(YdLibvirtAgents *agents);
gboolean yd_libvirt_agent_ping(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
gboolean yd_libvirt_agent_shutdown(YdHypervisor *hv, const char *uuid, GError **error);
gboolean
yd_libvirt_agent_set_password(YdHypervisor *hv, const char *uuid, const char *user,
                              const char *password, gboolean hashed, guint timeout, GError **error);
gboolean yd_libvirt_agent_exec(YdHypervisor *hv, const char *uuid, const char *const *argv,
                               const char *input, guint timeout, int *ret_status, char **ret_output,
                               GError **error);
gboolean
yd_libvirt_agent_set_time(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
char *yd_libvirt_agent_address(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
GPtrArray *
yd_libvirt_agent_users(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);

gboolean yd_libvirt_network_ensure(YdHypervisor *hv, const YdNetworkSpec *spec, GError **error);
gboolean yd_libvirt_network_remove(YdHypervisor *hv, const char *name, GError **error);
gboolean
yd_libvirt_network_active(YdHypervisor *hv, const char *name, gboolean *ret_active, GError **error);
gboolean yd_libvirt_network_set_host(YdHypervisor *hv, const char *name, const YdDhcpHost *host,
                                     GError **error);
gboolean
yd_libvirt_network_clear_host(YdHypervisor *hv, const char *name, const char *mac, GError **error);
