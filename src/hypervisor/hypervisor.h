// SPDX-License-Identifier: Apache-2.0
// The hypervisor seam: verbs on one host's machines and networks. Two families behind it: libvirt
// (qemu:///system, test:///…) and the fake (in memory, with faults, for unit and scale tests).
//
// Threads: a YdHypervisor may be used by any thread; calls may block as long as their time limit
// (10 s unless said; agent calls the timeout given). Calls to a host that is known to be gone fail
// at once with UNAVAILABLE. Errors: NOT_FOUND (no such machine), STATE, UNAVAILABLE, TIMEOUT,
// NO_SPACE, LIMIT (host out of memory), INVALID (its XML was refused), INTERNAL.
#pragma once

#include "base/error.h"

typedef struct _YdHypervisor YdHypervisor;

#define YD_HYPERVISOR_FIRST_WAIT (3 * G_USEC_PER_SEC) // what a host has to answer in when opened

typedef enum {
    YD_ACCEL_AUTO,
    YD_ACCEL_KVM,
    YD_ACCEL_TCG,
} YdAccel;

// By which a guest finds its personal disk: /dev/disk/by-id/virtio-yundesk-home.
#define YD_PERSONAL_SERIAL "yundesk-home"

// Everything a machine is made of. Strings are owned by the caller during the call.
typedef struct {
    const char *mac, *network; // libvirt network name; NULL: no NIC
    const char *ip;            // the only address that it may speak by; NULL: any
    gboolean isolated;         // it reaches the host, and no other of its network
} YdNicSpec;

typedef struct {
    const char *uuid, *name; // name: "yd-<desktop id>"
    const char *desktop_id;  // in the metadata, tells our machines from others
    const char *title;
    gint64 vcpus, memory_mib;
    const char *disk;     // absolute path of the qcow2 overlay
    const char *personal; // likewise of a second disk, YD_PERSONAL_SERIAL; NULL: none
    YdNicSpec nic;
    const char *os; // "linux" | "windows" | "other"
    gboolean uefi;
    const char *cdrom[2];     // ISO images, read-only; NULL: none
    gboolean standard;        // disk and network card that every system knows, in place of virtio
    gboolean tpm;             // TPM 2.0 by swtpm
    const char *nvram;        // path of its own NVRAM file, for uefi
    gboolean console_vdagent; // agent channel for VNC clients instead of SPICE ones
    gboolean no_clipboard;    // SPICE: nothing goes through it
    gboolean balloon_free_pages;
    const char *ram_file;   // its memory lies in this file (and it has no balloon); NULL: nowhere
    gboolean ram_shared;    // what it writes goes into the file; else only it sees it
    const char *vnc_socket; // absolute path; NULL: no VNC
    gboolean spice;         // SPICE on 127.0.0.1, port chosen by QEMU, password set later
    YdAccel accel;
} YdMachineSpec;

typedef enum {
    YD_MACHINE_OFF,
    YD_MACHINE_RUNNING,
    YD_MACHINE_PAUSED,
    YD_MACHINE_CRASHED,
    YD_MACHINE_SHUTTING_DOWN,
} YdMachineState;

// Off, or ended by itself: it has no process that uses its disks.
gboolean yd_machine_is_off(YdMachineState state);

typedef struct {
    char *uuid, *name, *desktop_id;
    YdMachineState state;
} YdMachineInfo;
void yd_machine_info_free(YdMachineInfo *info);

typedef struct {
    char *uuid;
    YdMachineState state;
    gint64 time;    // ms, when it was read
    guint64 cpu_ns; // since start
    gint64 vcpus, memory_mib;
    gint64 memory_used_kib; // as the guest reports, else the process's; -1 unknown
    guint64 disk_read_bytes, disk_written_bytes, net_in_bytes, net_out_bytes;
    gint64 disk_allocated_bytes;
} YdMachineStats;
void yd_machine_stats_free(YdMachineStats *stats);

typedef struct {
    char *hostname, *cpu_model, *qemu_version, *libvirt_version;
    gint64 cpus, memory_mib, memory_free_mib;
    double load;
    YdAccel accel;      // what runs: KVM or TCG
    char *accel_reason; // "KVM: …" / "TCG: the CPU shows neither vmx nor svm"
} YdHostFacts;
void yd_host_facts_free(YdHostFacts *facts);

typedef struct {
    const char *name;       // libvirt network name "yd-<name>"
    const char *uuid;       // NULL: libvirt makes one
    const char *network_id; // metadata
    const char *bridge;
    const char *gateway; // address of the host in it
    guint prefix;
    const char *range_first, *range_last;
    const char *mac; // the host's in it; NULL: libvirt makes one
    guint mtu;       // 0: as usual
} YdNetworkSpec;

typedef struct {
    const char *mac, *ip, *name;
} YdDhcpHost;

// "started", "stopped", "crashed", "connected", "disconnected" (of the host; uuid NULL).
typedef void (*YdMachineEvent)(YdHypervisor *hv, const char *uuid, const char *event,
                               gpointer data);

// Whether machines at that URI are more than words: neither the fake's nor the test driver's.
gboolean yd_hypervisor_is_real(const char *uri);

// uri: "qemu:///system", "test:///default", "test+tcp://…", "fake:NAME". accel is the setting.
// Connects; keeps an own thread for events, keep-alive and reconnection (back-off 1..30 s). Opening
// succeeds even if the host does not answer within YD_HYPERVISOR_FIRST_WAIT; yd_hypervisor_alive
// tells.
YdHypervisor *yd_hypervisor_open(const char *uri, YdAccel accel, GError **error);
// Likewise, without waiting: for many at once, each followed by yd_hypervisor_settle().
YdHypervisor *yd_hypervisor_open_soon(const char *uri, YdAccel accel, GError **error);
// Waits until it was tried once, or until then (monotonic, µs).
void yd_hypervisor_settle(YdHypervisor *hv, gint64 until);
void yd_hypervisor_close(YdHypervisor *hv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdHypervisor, yd_hypervisor_close)
gboolean yd_hypervisor_alive(YdHypervisor *hv);
const char *yd_hypervisor_uri(YdHypervisor *hv);

// The callback comes on the hypervisor's own thread; it must not call back into it. A host that is
// already connected tells so at once ("connected"); after a return with callback NULL none runs.
void yd_hypervisor_on_event(YdHypervisor *hv, YdMachineEvent callback, gpointer data);

YdHostFacts *yd_hypervisor_facts(YdHypervisor *hv, GError **error);

// Machines of ours (by metadata), with their states.
GPtrArray *yd_hypervisor_machines(YdHypervisor *hv, GError **error);
gboolean yd_hypervisor_machine_state(YdHypervisor *hv, const char *uuid, YdMachineState *ret_state,
                                     GError **error);

// Defines (keeping the uuid) and starts. Already running: TRUE.
gboolean yd_hypervisor_start(YdHypervisor *hv, const YdMachineSpec *spec, GError **error);
// Saves a running machine into a file of its host, which libvirt makes, and ends it. Blocks as long
// as the writing takes.
gboolean yd_hypervisor_freeze(YdHypervisor *hv, const char *uuid, const char *path, GError **error);
// Defines spec, and starts it from the saved machine in path. Runs already: TRUE. After a failure
// it is defined and off.
gboolean
yd_hypervisor_thaw(YdHypervisor *hv, const YdMachineSpec *spec, const char *path, GError **error);
// Gives a running machine a (virtio) network card. Has one with that MAC: TRUE.
gboolean
yd_hypervisor_attach_nic(YdHypervisor *hv, const char *uuid, const YdNicSpec *nic, GError **error);
// The XML that a clone is saved with, from the template's machine's: spec's name, uuid, disk,
// memory file and graphics, all else as it was. Pure; owned. INVALID when it is of another size, or
// none of ours.
char *yd_hypervisor_clone_xml(const char *saved, const YdMachineSpec *spec, GError **error);
// Asks the guest to shut down: by the agent when by_agent, else by ACPI. Does not wait.
gboolean
yd_hypervisor_shutdown(YdHypervisor *hv, const char *uuid, gboolean by_agent, GError **error);
gboolean yd_hypervisor_reboot(YdHypervisor *hv, const char *uuid, GError **error);
// Cuts the power. Already off or gone: TRUE.
gboolean yd_hypervisor_power_off(YdHypervisor *hv, const char *uuid, GError **error);
// Powers off and removes the definition (NVRAM too). Gone: TRUE.
gboolean yd_hypervisor_remove(YdHypervisor *hv, const char *uuid, GError **error);
// A machine that sleeps. Pausing keeps its memory, so a paused machine takes as much of its host as
// a running one, but no CPU; its agent does not answer. Paused (running) already: TRUE; STATE when
// it is off.
gboolean yd_hypervisor_pause(YdHypervisor *hv, const char *uuid, GError **error);
gboolean yd_hypervisor_resume(YdHypervisor *hv, const char *uuid, GError **error);
// Writes the memory of a running or paused machine to a file of its host (libvirt's managed save)
// and ends it: its state is off, and only restore knows more. Blocks as long as the writing takes.
// Saved already: TRUE. yd_hypervisor_start never uses the image, it discards it.
gboolean yd_hypervisor_save(YdHypervisor *hv, const char *uuid, GError **error);
gboolean
yd_hypervisor_is_saved(YdHypervisor *hv, const char *uuid, gboolean *ret_saved, GError **error);
// Starts it from its saved image, which is used up, by the definition it was saved with.
// *ret_restored FALSE: the image was of no use and it booted from its disk. NOT_FOUND: there is no
// image; other errors leave the image, discard it before a cold start. Runs already: TRUE.
gboolean
yd_hypervisor_restore(YdHypervisor *hv, const char *uuid, gboolean *ret_restored, GError **error);
// No image, or no machine: TRUE.
gboolean yd_hypervisor_discard_saved(YdHypervisor *hv, const char *uuid, GError **error);
// Moves a running or paused machine by its memory to another host, which sees the same disks at the
// same paths, and takes its definition with it. live: it goes on meanwhile and stands still only
// for a moment at the end; else it stands still all the time. Blocks as long as that takes;
// progress (0..99; NULL: none) comes on the calling thread, FALSE takes it back: CANCELLED. After
// any failure the machine goes on where it was. What somebody else began is gone through to its end
// by the hosts alone: ask both where it runs. ret_pause_ms (may be NULL): how long it stood still,
// -1 unknown. STATE: the target has no address that hosts can reach.
typedef gboolean (*YdMigrateProgress)(double percent, gpointer data);
gboolean yd_hypervisor_migrate(YdHypervisor *hv, YdHypervisor *to, const char *uuid, gboolean live,
                               YdMigrateProgress progress, gpointer data, gint64 *ret_pause_ms,
                               GError **error);
// Live change of vCPUs or memory (0: leave); STATE when the guest does not allow it live.
gboolean yd_hypervisor_resize(YdHypervisor *hv, const char *uuid, gint64 vcpus, gint64 memory_mib,
                              GError **error);
// Grows a disk of a running machine; disk: the path by which its spec named it.
gboolean yd_hypervisor_resize_disk(YdHypervisor *hv, const char *uuid, const char *disk,
                                   gint64 bytes, GError **error);

// A restore point of a running or paused machine: one moment of all those disks (paths by which its
// spec named them, NULL-terminated), kept inside their own files under that name as storage.h's
// yd_storage_point does for images that no machine uses. A disk that has it already is left as it
// is. drop: takes it away again; disks without it: TRUE. NOT_FOUND: the machine has no such disk;
// STATE when QEMU refuses.
gboolean yd_hypervisor_point(YdHypervisor *hv, const char *uuid, const char *const *disks,
                             const char *name, gboolean drop, GError **error);

// Stats of all our running machines in one call; full FALSE reads only state and interfaces (LAB
// 3), what else is told then is not to be relied on.
GPtrArray *yd_hypervisor_stats(YdHypervisor *hv, gboolean full, GError **error);

// PNG of the machine's screen; owned.
GBytes *yd_hypervisor_screenshot(YdHypervisor *hv, const char *uuid, GError **error);

// SPICE: where it listens, and an expiring password (valid_until: UTC seconds).
gboolean yd_hypervisor_spice(YdHypervisor *hv, const char *uuid, guint16 *ret_port, GError **error);
gboolean yd_hypervisor_set_spice_password(YdHypervisor *hv, const char *uuid, const char *password,
                                          gint64 valid_until, GError **error);

// Guest agent. timeout in seconds; one call at a time for each guest (the next waits or times out).
gboolean
yd_hypervisor_agent_ping(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
// hashed: the guest gets a hash only, and has nothing to compute; Windows takes none.
gboolean yd_hypervisor_agent_set_password(YdHypervisor *hv, const char *uuid, const char *user,
                                          const char *password, gboolean hashed, guint timeout,
                                          GError **error);
// Runs argv (argv[0] an absolute path) with input on stdin and waits; output is stdout+stderr, cut
// at 64 KiB, owned; exit status in ret_status.
gboolean yd_hypervisor_agent_exec(YdHypervisor *hv, const char *uuid, const char *const *argv,
                                  const char *input, guint timeout, int *ret_status,
                                  char **ret_output, GError **error);
// Sets the guest's clock to this process's: after a pause or a restore it stands where it was.
// INTERNAL when the guest can't.
gboolean
yd_hypervisor_agent_set_time(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
// As agent_exec, of a script for /bin/sh; ret_output is stripped and never NULL on success.
gboolean
yd_hypervisor_agent_shell(YdHypervisor *hv, const char *uuid, const char *script, guint timeout,
                          int *ret_status, char **ret_output, GError **error);
// File systems of the guest stand still (on), or go on; what was written is on its disks then.
// While they stand still the agent answers little else. INTERNAL when the guest can't, or they
// stand still already.
gboolean yd_hypervisor_agent_still(YdHypervisor *hv, const char *uuid, gboolean on, guint timeout,
                                   GError **error);
// First IPv4 address that is not loopback, as the agent tells; owned.
char *
yd_hypervisor_agent_address(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);
// Names of users with a live session in the guest (guest-get-users); of strings.
GPtrArray *
yd_hypervisor_agent_users(YdHypervisor *hv, const char *uuid, guint timeout, GError **error);

// Networks. ensure defines and starts what is missing and repairs what differs (not while guests
// use it); existing networks of other people with that name or bridge: EXISTS.
gboolean yd_hypervisor_network_ensure(YdHypervisor *hv, const YdNetworkSpec *spec, GError **error);
gboolean yd_hypervisor_network_remove(YdHypervisor *hv, const char *name, GError **error);
gboolean yd_hypervisor_network_active(YdHypervisor *hv, const char *name, gboolean *ret_active,
                                      GError **error);
// Fixed address of a MAC in its DHCP; set replaces, clear of an unknown one is TRUE.
gboolean yd_hypervisor_network_set_host(YdHypervisor *hv, const char *name, const YdDhcpHost *host,
                                        GError **error);
gboolean yd_hypervisor_network_clear_host(YdHypervisor *hv, const char *name, const char *mac,
                                          GError **error);
