// SPDX-License-Identifier: Apache-2.0
// The plain structs of all nouns that the store keeps. Their field tables (records.c) give each
// member its column, its JSON name and what people may do with it. Times are UTC milliseconds,
// sizes are bytes unless the name says MiB or GiB; strings are owned by the record.
#pragma once

#include "model/record.h"

typedef struct {
    char *id; // usr-…
    char *username, *number, *name, *email;
    char *role;     // "admin" | "manager" | "user"
    char *password; // argon2id string; SECRET
    gboolean enabled, must_change;
    gint64 failed_logins, locked_until;
    gint64 uid; // of the account in guests, stable, from 20000 up
    char *language;
    gint64 created, changed, last_login, version;
    char *department_names; // VIEW: joined by ", "
    char *department_ids;   // VIEW: their ids joined by ","
    gint64 last_seen;       // VIEW: newest use of a live log-in
    gint64 open_sessions;   // VIEW
    gint64 disk_bytes;      // VIEW: that the disks of their desktops and their own ones take
} YdUser;
YD_RECORD(YdUser, yd_user)

typedef struct {
    char *id; // dep-…
    char *number, *name, *unit;
    gint64 founded; // year, 0 unknown
    char *network_id;
    gint64 created, changed, version;
    char *network_name;       // VIEW
    gint64 members, managers; // VIEW: counts
} YdDepartment;
YD_RECORD(YdDepartment, yd_department)

// One membership or one managership (two tables of the same shape).
typedef struct {
    char *id; // mem-… / mgr-…
    char *department_id, *user_id;
    gint64 created;
    char *department_name, *username, *user_name, *role; // VIEW
} YdMembership;
YD_RECORD(YdMembership, yd_membership)
typedef YdMembership YdManagership;
YD_RECORD(YdManagership, yd_managership)

typedef struct {
    char *id;                                      // log-…
    char *user_id, *token_hash, *csrf_hash, *kind; // kind: "cookie" | "bearer"
    char *address, *agent;
    gint64 created, last_used, expires;
    char *username, *role;              // VIEW
    gboolean user_enabled, must_change; // VIEW
} YdLogin;
YD_RECORD(YdLogin, yd_login)

typedef struct {
    char *id;                      // tpl-…
    char *name, *description, *os; // os: "linux" | "windows" | "other"
    char *firmware;                // "bios" | "uefi"
    char *access;                  // the one way in: "rdp" | "spice"
    char *os_type; // as it was installed: "linux" | "windows-10" | …; NULL: imported
    char *devices; // "virtio" | "standard": disk and network card
    gboolean tpm;
    gint64 created, changed, version;
    gint64 versions, desktops; // VIEW
    gint64 newest;             // VIEW: number of the newest ready version, 0 none
    char *workbench_id;        // VIEW: the oldest of the desktops on which it is being changed
    gint64 workbenches;        // VIEW: how many of them there are
    gint64 disk_bytes;         // VIEW: that all files of its versions take, kept ones too
    gint64 desktops_bytes;     // VIEW: that the disks of its desktops and workbenches take
} YdTemplate;
YD_RECORD(YdTemplate, yd_template)

typedef struct {
    char *id; // tpv-…
    char *template_id;
    gint64 number;
    char *state;                     // "importing" | "checking" | "ready" | "failed" | "deleting"
    char *image;                     // file name below images/
    char *format, *checksum, *notes; // checksum: sha256 of the sealed image, hex
    gint64 size_bytes, virtual_bytes;
    char *error;
    char *ram_image; // name of its RAM image (storage/ram-image.h); NULL: none
    gint64 ram_vcpus, ram_memory_mib, ram_made; // of it; 0: none
    char *ram_error;                            // why the last one could not be made
    char *parent_id; // the version that it was made from; NULL: imported, installed, or gone
    char *author;    // username of who made it
    gint64 depth;    // files that its image consists of; 1: flat
    gint64 created, changed, version;
    char *template_name, *os, *firmware, *access; // VIEW
    gint64 parent_number;                         // VIEW; 0: none
    gint64 pools, desktops, workbenches;          // VIEW
    char *damage;                      // VIEW: what is wrong with its files; NULL: nothing known
    gint64 checked;                    // VIEW: when its checksum was found right last, ms
    gint64 disk_bytes, desktops_bytes; // VIEW: that its files, its desktops' take
} YdTemplateVersion;
YD_RECORD(YdTemplateVersion, yd_template_version)

// An ISO image of the media library.
typedef struct {
    char *id; // med-…
    char *name;
    char *state; // "uploading" | "checking" | "ready" | "failed"
    gint64 size_bytes, received_bytes;
    char *sha256;   // as announced, hex; NULL: not
    char *checksum; // as found, hex; NULL until it is ready
    char *label;    // name of its ISO 9660 volume
    gboolean bootable;
    char *error;
    gint64 created, changed, version;
} YdMedia;
YD_RECORD(YdMedia, yd_media)

typedef struct {
    char *id;          // net-…
    char *name, *mode; // mode: "nat"
    char *cidr, *gateway, *range_first, *range_last;
    gint64 vlan;
    gint64 vni;        // over all hosts by VXLAN, with that number; 0: each host has its own
    gboolean isolated; // its desktops don't reach each other
    char *bridge;      // name of the bridge, at most 15 characters
    char *state;       // "new" | "active" | "failed"
    char *error;
    gint64 created, changed, version;
    gint64 addresses_used, addresses_total, pools; // VIEW (total is computed from the range)
} YdNetwork;
YD_RECORD(YdNetwork, yd_network)

// How a network is on one host, as it was seen last.
typedef struct {
    char *id; // nwh-…
    char *network_id, *host_id;
    char *state; // "ok" | "missing" | "drift" | "unreachable"
    char *error;
    char *repaired; // what was put right last
    gint64 checked, repaired_at;
    char *network_name, *host_name; // VIEW
} YdNetworkHost;
YD_RECORD(YdNetworkHost, yd_network_host)

typedef struct {
    char *id; // adr-…
    char *network_id, *desktop_id, *ip, *mac;
    gint64 ip_number, created;
    char *network_name, *desktop_name; // VIEW
} YdAddress;
YD_RECORD(YdAddress, yd_address)

typedef struct {
    char *id; // pol-…
    char *name, *description;
    char *template_version_id, *network_id;
    gint64 vcpus, memory_mib, disk_gib; // disk_gib 0: as large as the template
    gint64 personal_disk_gib;           // of each person's own disk; 0: none are made
    gint64 max_desktops;                // 0: no limit
    char *policy;                       // JSON, see model/policy.h
    char *kind; // "dedicated": a desktop for each person | "floating": any, fresh each time
    gint64 min_ready, warm; // floating: spares to keep, and how many of them running and paused
    char *power;            // JSON, see model/power.h
    gboolean enabled;
    gboolean instant; // fresh desktops start from the version's RAM image where that fits
    char *follow;     // "pinned" | "newest" | "staged"
    char *rollout;    // JSON, see model/rollout.h: how it follows
    gint64 created, changed, version;
    char *template_id, *template_name, *network_name, *access, *os; // VIEW
    gint64 template_number, desktops, desktops_ready;               // VIEW
    gint64 desktops_used, desktops_warm; // VIEW: floating: somebody's; paused spares
} YdPool;
YD_RECORD(YdPool, yd_pool)

// A pool given to a department or to one user; exactly one of both is set.
typedef struct {
    char *id; // ent-…
    char *pool_id, *department_id, *user_id;
    gint64 created;
    char *pool_name, *department_name, *username; // VIEW
} YdEntitlement;
YD_RECORD(YdEntitlement, yd_entitlement)

typedef struct {
    char *id; // hst-…
    char *name, *uri;
    char *state;  // YD_HOST_…, model/host-state.h
    char *wanted; // "up" (or NULL) | "maintenance"
    gint64 since; // ms, of the state
    char *accel, *accel_reason, *cpu_model, *error;
    gint64 cpus, memory_mib, memory_free_mib, reserve_mib;
    double load, vcpu_ratio;
    gint64 storage_bytes, storage_free_bytes;
    gint64 seen, created, changed, version;
    gint64 desktops, desktops_running; // VIEW
} YdHost;
YD_RECORD(YdHost, yd_host)

typedef struct {
    char *id; // dsk-…
    char *name, *pool_id, *user_id, *template_version_id, *host_id;
    char *state;  // model/desktop-state.h
    char *wanted; // "on" | "off"
    char *uuid, *image, *error;
    gint64 vcpus, memory_mib, disk_gib;
    gint64 next_vcpus, next_memory_mib, next_disk_gib; // counts at the next start; 0: none
    gint64 started, ready_at;
    char *certificate;          // SHA-256 of the guest's TLS certificate (DER), hex
    char *dns_name;             // by which RDP clients find it; NULL: there are no such names
    char *certificate_name;     // the dns_name that the certificate is for
    gint64 certificate_expires; // ms; 0: not known
    char *placement;            // JSON: the explanation of the last placement
    gboolean prepared;          // first boot done on this overlay
    gint64 taken;      // floating: when it was given to a person; 0: nobody has had its overlay
    gint64 fixed_port; // of the gates, for its RDP; 0: none
    // A workbench: the template that its own disk becomes, its media, whether its agent ever
    // answered
    char *template_id, *media_id, *drivers_id;
    char *ram_image; // its disk lies on that RAM image's frozen disk; NULL: on its version's
    gboolean agent_seen;
    char *target_version_id; // where it moves when it is off; NULL: it stays
    gint64 created, changed, version;
    char *pool_name, *username, *user_name, *host_name, *template_name, *access, *os; // VIEW
    gint64 template_number;                                                           // VIEW
    char *firmware, *devices;                                                         // VIEW
    gboolean tpm;                                                                     // VIEW
    char *network_id, *ip, *mac;                                                      // VIEW
    char *department_ids;     // VIEW: ids of the owner's departments joined by ","
    gint64 open_sessions;     // VIEW
    char *personal_disk_id;   // VIEW: of its person in its pool
    gint64 personal_disk_gib; // VIEW: its size, or the one it will have; 0: none
    gint64 disk_bytes;        // VIEW: that its disk takes
} YdDesktop;
YD_RECORD(YdDesktop, yd_desktop)

// A person's own disk in a pool: their home, beside the system disk of their desktop.
typedef struct {
    char *id; // pdk-…
    char *pool_id, *user_id;
    char *owner;         // username when it was made: the person may be gone
    char *image, *state; // state: "new" (no file yet) | "ready" | "deleting"
    gint64 size_gib;
    gboolean formatted; // a guest has made it somebody's home once
    char *desktop_id;   // whose machine had it last
    char *error;
    gint64 created, changed, version;
    char *name, *pool_name, *username, *user_name; // VIEW; name: "alice@office"
    char *desktop_name, *desktop_state;            // VIEW
    gint64 disk_bytes;                             // VIEW: that it takes
} YdPersonalDisk;
YD_RECORD(YdPersonalDisk, yd_personal_disk)

// A moment of a desktop's disks to which it can go back; the moment itself is in the disks' files,
// under the point's id.
typedef struct {
    char *id; // rpt-…
    char *desktop_id;
    char *kind;  // "nightly" | "manual" | "before-restore"
    char *state; // "making" | "ready" | "failed" | "deleting"
    char *note;
    char *image;            // file of the system disk that has it; NULL: that is gone
    char *personal_disk_id; // the personal disk that has it; NULL: none
    gboolean frozen;        // the guest's file systems stood still, or it was shut down
    gint64 taken;
    char *error;
    gint64 created, changed, version;
    gboolean system;                         // VIEW: image is the desktop's system disk now
    char *desktop_name, *user_id, *username; // VIEW
} YdRestorePoint;
YD_RECORD(YdRestorePoint, yd_restore_point)

// One moment of a disk, or of the product itself, in the folder of backups (storage/backup.h).
typedef struct {
    char *id;                      // bkp-…
    char *what;                    // "product" | "desktop" (its system disk) | "personal-disk"
    char *object_id, *object_name; // NULL, "yundesk" for the product
    char *desktop_id;              // whose machine had the disk; NULL: none
    char *pool_id;
    char *kind;   // "full" | "incremental": only what changed was read
    char *origin; // "nightly" | "manual" | "before-restore"
    char *state;  // "making" | "ready" | "failed" | "damaged" | "deleting"
    char *image, *base;
    char *previous_id; // that it was compared with
    gboolean point;    // its moment is still inside the image
    gboolean frozen;   // the guest's file systems stood still, or it was shut down
    gint64 bytes, held_bytes, stored_bytes; // of the disk, in the backup, new in the folder
    char *checksum;                         // of its list, hex
    gint64 taken, ended, verified;          // ms; 0: not yet
    char *error;
    gint64 created, changed, version;
    char *pool_name; // VIEW
} YdBackup;
YD_RECORD(YdBackup, yd_backup)

// A new version of a template on its way to the desktops of one pool.
typedef struct {
    char *id; // rol-…
    char *pool_id, *from_version_id, *to_version_id;
    gint64 from_number, to_number;
    char *mode;    // "all" | "staged" | "newest"
    char *plan;    // JSON, see model/rollout.h
    char *state;   // model/rollout.h
    char *resumes; // paused: the state that it goes on with
    gint64 forgiven;
    char *gate;   // JSON: what the throw-away desktop showed
    char *reason; // why it paused, went back or failed
    char *user_id;
    gint64 created, changed, ended;
    gint64 keep_until; // old system disks are there until then; 0: not decided, or gone
    gint64 version;
    char *pool_name, *template_name, *username; // VIEW
    gint64 total, moved, healthy, failed, kept; // VIEW: desktops; kept: old system disks there are
} YdRollout;
YD_RECORD(YdRollout, yd_rollout)

// One desktop in a roll-out.
typedef struct {
    char *id; // rod-…
    char *rollout_id, *desktop_id, *from_version_id;
    char *stage;      // "first" | "rest"
    char *state;      // "waiting" | "moved" | "healthy" | "failed" | "back" | "gone"
    char *kept_image; // its old system disk; NULL: none
    char *kept;       // JSON: what the desktop's row said with it
    char *left_image; // a file that is to go
    gint64 moved;     // ms; 0: not yet
    gint64 tried;     // ms: when it was started to see whether it is healthy; 0: not
    char *error;
    gint64 created, changed, version;
    char *desktop_name, *desktop_state, *username, *user_name; // VIEW
    gint64 open_sessions;                                      // VIEW
} YdRolloutDesktop;
YD_RECORD(YdRolloutDesktop, yd_rollout_desktop)

typedef struct {
    char *id; // con-…
    char *desktop_id, *user_id, *login_id, *protocol,
        *ticket_hash;                     // "rdp"|"spice"|"console"|"rdp-web"
    char *gate, *client_address, *source; // source: "exact" | "net" | "none"
    char *state;                          // "new" | "open" | "dropped" | "ended"
    gint64 created, expires, first_used, last_seen, ended;
    gint64 sockets, redeems, bytes_up, bytes_down, rtt_us;
    // What the gate measured (model/experience.h); 0: nothing
    gint64 min_rtt_us, jitter_us, loss_ppm, lost, queue_us, rate, server_us;
    gint64 first_byte_ms, first_picture_ms;
    gint64 score;       // 0..100, -1: nothing was measured
    char *score_reason; // "good" | "delay" | "loss" | "jitter" | "bandwidth" | "server"
    char *reason;       // why it ended
    gint64 fixed_port;  // by which it came; 0: with a ticket
    char *log_in;       // "waiting" | "in" | "failed" | "unknown"; NULL: nobody asks (no RDP)
    char *desktop_name, *username, *pool_name, *department_ids; // VIEW
} YdConnection;
YD_RECORD(YdConnection, yd_connection)

typedef struct {
    char *id; // job-…
    char *kind, *object_kind, *object_id, *object_name, *user_id;
    char *state;                         // "queued" | "running" | "done" | "failed" | "cancelled"
    char *step;                          // name of the step under way or last done
    gint64 step_number, steps, progress; // progress 0..100
    char *args, *result;                 // JSON
    char *parent_id;
    char *error_code, *error;
    gint64 attempts, created, started, ended, changed;
    char *worker;   // who runs it: boot id of the deskd
    gint64 lease;   // until when it counts as alive
    char *username; // VIEW
} YdJob;
YD_RECORD(YdJob, yd_job)

// The outbox: what changed, in order; read by the event streams.
typedef struct {
    gint64 seq;
    char *kind; // "created" | "changed" | "deleted"
    char *noun, *object_id;
    char *user_id;        // owner whom it concerns, NULL: only administrators
    char *department_ids; // joined by ","
    gint64 created;
} YdEvent;

typedef struct {
    char *id; // aud-…
    gint64 time;
    char *user_id, *username, *address, *request_id;
    char *act; // "desktop.start"
    char *object_kind, *object_id, *object_name;
    char *outcome; // "ok" | the error's code
    char *details; // JSON; never a secret
} YdAudit;
YD_RECORD(YdAudit, yd_audit)

// All types, NULL-terminated.
const YdRecordType *const *yd_record_types(void);

// The type with that noun or NULL.
const YdRecordType *yd_record_type(const char *noun);
