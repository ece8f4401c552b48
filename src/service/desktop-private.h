// SPDX-License-Identifier: Apache-2.0
// What the desktops' use cases and jobs share among themselves.
#pragma once

#include "model/desktop-state.h"
#include "model/placement.h"
#include "model/policy.h"
#include "service/desktop.h"
#include "service/jobs.h"

// A desktop with what it is made of. pool is NULL for the doctor's.
typedef struct {
    YdDesktop *desktop;
    YdPool *pool;
    YdTemplateVersion *version;
    YdNetwork *network;       // of its address; NULL: none taken yet
    YdPersonalDisk *personal; // NULL: its person has none there
    YdPolicy policy;          // the pool's, or the defaults
} YdDesk;

void yd_desk_clear(YdDesk *desk);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdDesk, yd_desk_clear)

// Whether it is in that state.
gboolean yd_desk_is(const YdDesktop *desktop, const char *state);

// ret_desk must be zeroed; it is filled in as far as it got, clear it in any case.
gboolean yd_desk_load(YdStore *store, const char *id, YdDesk *ret_desk, GError **error);

// The policy of the desktop's pool; defaults without one.
gboolean yd_desk_policy(YdStore *store, const YdDesktop *desktop, YdPolicy *ret, GError **error);

// Has a running Linux guest enforce the policy (guest-policy.h), unless it was told the same
// before. Errors as yd_hypervisor_agent_exec, and STATE when the guest could not. Any thread.
gboolean
yd_desk_policy_apply(YdService *service, YdHypervisor *hv, const char *desktop_id, const char *uuid,
                     const YdPolicy *policy, guint timeout, GError **error);

// Notes that the guest has run that script, whatever it was told before.
void yd_desk_policy_told(YdService *service, const char *desktop_id, const char *script);

// --- desktop-names.c ---

// Sets dns_name from the desktop's name, another one than all others have; NULL without
// desktop_domain. In the transaction that writes the record.
void yd_desk_set_dns_name(YdService *service, YdStore *store, YdDesktop *desktop);

// At start: names in another domain than the configured one are made anew.
gboolean yd_desk_refresh_dns_names(YdService *service, GError **error);

typedef struct {
    char *pem, *key, *fingerprint; // key is wiped by clear
    char *dns_name;                // that it is for; NULL: none
    gint64 expires;                // ms
} YdDeskCertificate;
void yd_desk_certificate_clear(YdDeskCertificate *certificate);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdDeskCertificate, yd_desk_certificate_clear)

// Whether a guest with such a certificate needs a new one: it is for another name, or ends soon.
gboolean yd_desk_certificate_is_due(const char *dns_name, const char *certificate_name,
                                    gint64 expires, gint64 now);

// Issues one (ret zeroed, to be cleared in any case) and notes it in the record once it is in the
// guest.
gboolean yd_desk_certificate_issue(YdService *service, const YdDesktop *desktop,
                                   YdDeskCertificate *ret, GError **error);
void yd_desk_certificate_note(YdDesktop *desktop, const YdDeskCertificate *certificate);

// Gives a running, prepared Linux guest a new certificate and notes it. Connections that are open
// go on. timeout in seconds; errors as yd_hypervisor_agent_exec, and STATE when the guest could
// not.
gboolean yd_desk_certificate_renew(YdService *service, YdHypervisor *hv, const char *desktop_id,
                                   guint timeout, GError **error);

// Read, change, write in one transaction, so that it cannot be stale:
//   desktop = yd_desk_begin(store, id, &tx, error); … change it …;
//   return yd_desk_commit(store, &tx, desktop, state, error);
// state NULL: as it is, else by yd_store_desktop_move().
YdDesktop *yd_desk_begin(YdStore *store, const char *id, YdStoreTx **ret_tx, GError **error);
gboolean yd_desk_commit(YdStore *store, YdStoreTx **tx, YdDesktop *desktop, const char *state,
                        GError **error);

// Whatever runs of the desktop is brought to "off" by as many edges as it takes; desktop as read in
// the transaction under way.
gboolean yd_desk_to_off(YdStore *store, YdDesktop *desktop, GError **error);

// Account and uid in the guest: the owner's, or the doctor's; NULL: a spare's, it has none.
gboolean yd_desk_account(YdStore *store, const YdDesktop *desktop, char **ret_username,
                         gint64 *ret_uid, GError **error);

// The DHCP entry of the desktop on one host, or on all that answer (a host that does not is made
// right when a machine starts there).
gboolean
yd_desk_dhcp_set(YdService *service, const char *host_id, const YdDesk *desk, GError **error);
void yd_desk_dhcp_set_all(YdService *service, YdStore *store, const YdDesk *desk);
void yd_desk_dhcp_clear_all(YdService *service, YdStore *store, const YdDesk *desk);

// Absolute path of the VNC socket (for the console); owned.
// What its network card is; network is its network's name in libvirt (NULL: no card).
YdNicSpec yd_desk_nic(const YdDesk *desk, const char *network);
char *yd_desk_vnc_socket(YdService *service, const char *desktop_id);

// The setting.
YdAccel yd_desk_accel(YdService *service);

// Defines and starts the machine on the desktop's host.
gboolean yd_desk_launch(YdService *service, const YdDesk *desk, GError **error);

// Likewise, but by a function of the caller's, which gets the whole spec and this as data.
typedef struct {
    YdService *service;
    const YdDesk *desk;
    gboolean (*run)(YdHypervisor *hv, const YdMachineSpec *spec, gpointer data, GError **error);
} YdDeskLaunch;
gboolean yd_desk_launch_by(const YdDeskLaunch *launch, GError **error);

// Overlay on that version's image, or on the frozen disk of the desktop's RAM image; its files are
// looked at first (template-image.h); there already: only the look. NULL: an empty disk. 0 bytes:
// as large as the version.
gboolean yd_desk_derive(YdService *service, const YdDesktop *desktop,
                        const YdTemplateVersion *version, GError **error);

// Size of the disk in bytes.
gint64 yd_desk_bytes(const YdDesktop *desktop);

// Cuts the power and discards a saved image; a desktop that was never placed is off. UNAVAILABLE
// when its host does not answer.
gboolean yd_desk_power_off(YdService *service, const YdDesktop *desktop, GError **error);

// Machine state; off when there is none.
gboolean yd_desk_machine(YdService *service, const YdDesktop *desktop, YdMachineState *ret_state,
                         GError **error);

// --- desktop-sleep-job.c ---

// Resumes a paused desktop, sets its clock and, for a person's floating one, makes their account;
// then it is ready. hash: of the password that the account gets (crypt(5)); ret_hashed: it did.
// Both may be NULL. The caller holds it (connect.h). STATE when its machine ended meanwhile: the
// desktop is off then. Errors of the agent as yd_hypervisor_agent_exec.
gboolean yd_desk_wake(YdService *service, YdStore *store, const char *id, const char *hash,
                      gboolean *ret_hashed, GError **error);

// Makes the owner's account in a guest that was prepared for nobody, or for them before.
typedef struct {
    const char *username;
    gint64 uid;
    const char *hash; // of the password that it gets (crypt(5)); NULL: it keeps what it has
    gboolean clock;   // the guest's clock is set, too
    guint timeout;    // in seconds
} YdDeskAccount;
gboolean yd_desk_make_account(YdHypervisor *hv, const char *uuid, const YdDeskAccount *account,
                              GError **error);

// Steps: a sleeping desktop runs again, so that it can be asked to shut down; a spare is paused.
gboolean yd_desk_step_rouse(YdJobRun *run, GError **error);
gboolean yd_desk_step_pause(YdJobRun *run, GError **error);

// desktop-placement.c: chooses a host, in the transaction under way; host_id and placement of the
// desktop are set. free_bytes: of the storage. NO_ROOM with the reasons.
gboolean yd_desk_place(YdService *service, YdStore *store, YdDesktop *desktop, gint64 free_bytes,
                       GError **error);
// Likewise on that host only, or on any but that one; NULL: no such wish.
gboolean
yd_desk_place_among(YdService *service, YdStore *store, YdDesktop *desktop, gint64 free_bytes,
                    const char *only, const char *except, GError **error);

// What placements are made on: hosts as they were seen last, and what is promised there. The names
// are page's.
typedef struct {
    YdPage *page; // of YdHost
    YdPlacementHost *hosts;
    guint n;
} YdDeskPlacement;
// desktop_id: whose own promise does not count; NULL: all do. ret must be zeroed.
gboolean yd_desk_placement_load(YdService *service, YdStore *store, const char *desktop_id,
                                gint64 free_bytes, YdDeskPlacement *ret, GError **error);
void yd_desk_placement_clear(YdDeskPlacement *placement);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdDeskPlacement, yd_desk_placement_clear)
// As yd_placement_choose, for that desktop's size.
int yd_desk_placement_choose(const YdDeskPlacement *placement, const YdDesktop *desktop,
                             char **ret_explanation);

// --- desktop-personal.c ---

// Of yd_desk_load.
gboolean yd_desk_load_personal(YdStore *store, YdDesk *desk, GError **error);
// Step of a start, before the launch: made, checked, said to be this desktop's.
gboolean yd_desk_step_personal(YdJobRun *run, GError **error);
// Whether the guest makes it its person's home.
gboolean yd_desk_has_home(const YdDesk *desk);
// Has the running guest do so, and grow its file system. ret_busy: it is still at that. Errors as
// yd_hypervisor_agent_exec, and STATE when the guest could not.
gboolean yd_desk_mount_personal(YdService *service, YdStore *store, const YdDesktop *desktop,
                                const YdPersonalDisk *disk, guint timeout, gboolean *ret_busy,
                                GError **error);
// Step of a deletion: the disk that its args name goes, too.
gboolean yd_desk_step_delete_personal(YdJobRun *run, GError **error);

// desktop-probe.c: one look over TCP, within timeout_ms.
// X.224 connection request and confirm (MS-RDPBCGR 2.2.1.1, 2.2.1.2); ticket NULL: without a
// routing token. UNAVAILABLE, TIMEOUT, or STATE when something else answers.
gboolean
yd_probe_rdp(const char *host, guint16 port, const char *ticket, guint timeout_ms, GError **error);
// SPICE link (spice-protocol, RedLinkMess) to host:port; ticket not NULL: through a gate that takes
// HTTP CONNECT.
gboolean yd_probe_spice(const char *host, guint16 port, const char *ticket, guint timeout_ms,
                        GError **error);
// TLS to host:port: the certificate must be signed by the CA in that file and name the host.
gboolean
yd_probe_tls(const char *host, guint16 port, const char *ca_file, guint timeout_ms, GError **error);
// desktop-answers.c
// Tests: in place of the look at the guest's RDP port. NULL: the real one.
typedef gboolean (*YdProbe)(const YdDesktop *desktop, GError **error);
void yd_desk_set_probe(YdProbe probe);
// Whether the way in answers; machines of fake: and test: hosts have none to ask.
gboolean yd_desk_answers(YdService *service, const YdDesktop *desktop, GError **error);

// desktop-create-job.c: the record in state "new" with its job, in the transaction under way.
// pool NULL: the doctor's, on that version and network, without an owner. network_id NULL: the
// owner's in that pool.
YdJob *
yd_desk_create(YdService *service, YdStore *store, const YdActor *actor, const YdPool *pool,
               const YdTemplateVersion *version, const char *network_id, const YdUser *user,
               const char *name, const char *parent_id, YdDesktop **ret_desktop, GError **error);

// Waits in a step for the machine to be off, and asks the guest again meanwhile. *ret_late_seconds
// not 0: it is still on after the policy's time, which that is.
gboolean yd_desk_wait_off(YdJobRun *run, gint64 *ret_late_seconds, GError **error);

// Steps that several kinds use.
gboolean yd_desk_step_ask(YdJobRun *run, GError **error);
gboolean yd_desk_step_wait(YdJobRun *run, GError **error);
gboolean yd_desk_step_off(YdJobRun *run, GError **error);
gboolean yd_desk_undo_ask(YdJobRun *run, GError **error);
gboolean yd_desk_step_place(YdJobRun *run, GError **error);
gboolean yd_desk_undo_place(YdJobRun *run, GError **error);
gboolean yd_desk_step_network(YdJobRun *run, GError **error);
gboolean yd_desk_step_disk(YdJobRun *run, GError **error);
gboolean yd_desk_step_launch(YdJobRun *run, GError **error);
gboolean yd_desk_undo_launch(YdJobRun *run, GError **error);
gboolean yd_desk_step_agent(YdJobRun *run, GError **error);
gboolean yd_desk_step_first_boot(YdJobRun *run, GError **error);
gboolean yd_desk_step_home(YdJobRun *run, GError **error);
gboolean yd_desk_step_access(YdJobRun *run, GError **error);
gboolean yd_desk_step_ready(YdJobRun *run, GError **error);
// desktop-disk-job.c: DHCP entries; address and row (of a workbench: and a template without
// version).
gboolean yd_desk_step_delete_address(YdJobRun *run, GError **error);
gboolean yd_desk_step_delete_row(YdJobRun *run, GError **error);
// restore-point-drop.c: of a rebuild, before the old disk goes; of a deletion, before the personal
// disk may go.
gboolean yd_desk_step_fresh_points(YdJobRun *run, GError **error);
gboolean yd_desk_step_delete_points(YdJobRun *run, GError **error);
// Writes why into the desktop's row.
void yd_desk_note_failure(YdJobRun *run, const GError *why);
// Likewise, and its state is failed.
void yd_desk_failed(YdJobRun *run, const GError *why);

// The steps of a start, for tables.
#define YD_DESK_START_STEPS                                                                        \
    {"place", yd_desk_step_place, yd_desk_undo_place, TRUE, 1},                                    \
        {"network", yd_desk_step_network, NULL, TRUE, 1},                                          \
        {"disk", yd_desk_step_disk, NULL, TRUE, 1},                                                \
        {"personal", yd_desk_step_personal, NULL, TRUE, 1},                                        \
        {"launch", yd_desk_step_launch, yd_desk_undo_launch, TRUE, 3},                             \
        {"agent", yd_desk_step_agent, NULL, TRUE, 20},                                             \
        {"first-boot", yd_desk_step_first_boot, NULL, TRUE, 4},                                    \
        {"home", yd_desk_step_home, NULL, TRUE, 1},                                                \
        {"access", yd_desk_step_access, NULL, TRUE, 6},                                            \
    {                                                                                              \
        "ready", yd_desk_step_ready, NULL, FALSE, 1                                                \
    }
