// SPDX-License-Identifier: Apache-2.0
// What all use cases share: who acts, and the parts they act on. Wired once in deskd.c.
//
// Use cases are synchronous and run on worker threads; each takes the acting person first, checks
// the right and the scope (model/access.h) itself, writes its audit row in the same transaction as
// the change, and fails with a YD_ERROR. A denied look at something that one may not see is
// NOT_FOUND (gives nothing away); a verb that the role never has is FORBIDDEN.
#pragma once

#include "base/error.h"
#include "base/id.h"
#include "model/access.h"
#include "store/store.h"
#include "hypervisor/hypervisor.h"
#include "storage/storage.h"

typedef struct _YdService YdService;

// Who acts. Strings are borrowed during the call. The system itself: user_id NULL, role admin.
typedef struct {
    const char *user_id, *username, *login_id, *address, *request_id;
    YdRole role;
} YdActor;

// The product itself: the reconciler, keepers, roll-outs that follow a template.
extern const YdActor yd_actor_system;

typedef struct {
    char *database; // path, or URL of MariaDB (store/sql-mariadb-url.h)
    char *state_dir, *run_dir;
    char *public_host;    // what clients connect to; NULL: the address they came by
    guint16 public_port;  // 443
    char *desktop_domain; // desktops are NAME.desktop_domain for RDP clients; NULL: no such names
    gint64 login_idle_seconds, login_max_seconds; // 12 h, 7 d
    guint password_min;                           // 8
    guint lock_after, lock_seconds;               // 10 wrong passwords, 300 s
    guint max_starts;                             // machines starting at the same time: 2
    guint workers;                                // of the job runner: 6
    char *accel;                                  // "auto" | "kvm" | "tcg"
    gboolean cheap_passwords;                     // tests only: argon2id with the least cost
    gint64 first_use_seconds, grace_seconds;      // tickets: 60, 60
    guint reconnects;                             // 10
    guint max_sessions_per_user;                  // open at the same time: 20; 0: no limit
    gint64 log_in_seconds;                     // how long a guest may take to log a person in: 90
    guint16 fixed_port_first, fixed_port_last; // 50000, 59999; 0: no fixed ports
    gboolean spice_plain;                      // .vv files without TLS to the gate (tests)
    char **host_gates;                         // "HOST=GATE@ADDRESS:PORT", see route.h
    gint64 host_down_seconds;                  // a suspect host's, until it counts as down: 20
    char *fence_command;                       // run with the host's name; NULL: a person confirms
    char **import_dirs;                        // images may be imported from below these
    gint64 max_upload;                         // bytes: 64 GiB
    guint media_quota_gib;                     // of the media library: 200
    guint personal_quota_gib;                  // of one person's personal disks: 1024
    guint template_chain_max; // files that a version may consist of before it is flattened: 5
    gboolean backups;         // deskhost has a folder for backups
    guint backup_hour;        // of the server's day when they are made: 2
    guint backup_keep_daily, backup_keep_weekly, backup_keep_monthly; // 7, 4, 6
    guint backup_at_once;      // disks that are copied at the same time: 2
    guint balance_moves;       // desktops moved in ten minutes to even out hosts: 0
    guint balance_spread;      // percent of memory by which two hosts may differ: 20
    guint template_scrub_days; // after how long a version's files are read again: 30; 0: never
} YdServiceConfig;

void yd_service_config_init(YdServiceConfig *config); // the defaults
void yd_service_config_clear(YdServiceConfig *config);

// Opens nothing but the store (checks and migrates it). Copies config; takes storage, also when it
// fails.
YdService *yd_service_new(const YdServiceConfig *config, YdStorage *storage, GError **error);
void yd_service_free(YdService *service);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdService, yd_service_free)

// What a file of this room keeps beside the service (job runner, throttle, hooks): set once at
// wiring or first use, found by name from any thread, freed in reverse order by yd_service_free
// before storage and hypervisors. set gives back the part that counts: an earlier one of that name
// wins, and then data is freed.
gpointer yd_service_part(YdService *service, const char *name);
gpointer
yd_service_set_part(YdService *service, const char *name, gpointer data, GDestroyNotify free_data);

const YdServiceConfig *yd_service_config(YdService *service);
YdStorage *yd_service_storage(YdService *service);

// The calling thread's own store; opened at first use, closed when the thread or the service ends
// (no other thread may be using the service then). NULL with error.
YdStore *yd_service_store(YdService *service, GError **error);

// The hypervisor of a host (borrowed, lives as long as the service); UNAVAILABLE when the host is
// not known or not open.
YdHypervisor *yd_service_hypervisor(YdService *service, const char *host_id, GError **error);

// Opens hypervisors for all hosts of the store that have none yet (at start, after host add).
gboolean yd_service_open_hosts(YdService *service, GError **error);

// Called for each hypervisor that is open or gets opened later, on the thread that opens it (the
// monitor and the reconciler hang their callbacks on it).
typedef void (*YdHostOpened)(YdService *service, const char *host_id, YdHypervisor *hypervisor,
                             gpointer data);
void yd_service_on_host_opened(YdService *service, YdHostOpened callback, gpointer data);

// Lets go of a host that was removed; its hypervisor is closed with the service, since somebody may
// still be in a call to it.
void yd_service_forget_host(YdService *service, const char *host_id);

// Checks the role's right at all: FORBIDDEN when its scope is nothing.
gboolean yd_service_allowed(const YdActor *actor, YdRight right, GError **error);

// Checks right and scope for one object of that type.
gboolean yd_service_may(YdService *service, const YdActor *actor, YdRight right,
                        const YdRecordType *type, const char *id, GError **error);

// Sets only_user / only_manager of a query as the actor's scope for the right demands.
gboolean yd_service_scope(const YdActor *actor, YdRight right, YdQuery *query, GError **error);

// get and list with right and scope, for every noun that people see.
gpointer yd_service_get(YdService *service, const YdActor *actor, YdRight right,
                        const YdRecordType *type, const char *id, GError **error);
YdPage *yd_service_list(YdService *service, const YdActor *actor, YdRight right,
                        const YdRecordType *type, YdQuery *query, GError **error);

// One audit row in the transaction under way: act "user.create", object, outcome "ok". details:
// JSON or NULL.
gboolean yd_service_audit(YdService *service, const YdActor *actor, const char *act,
                          const char *object_kind, const char *object_id, const char *object_name,
                          const char *details, GError **error);

// An audit row of its own for an act that failed or was denied (outcome = code's name).
void yd_service_audit_failure(YdService *service, const YdActor *actor, const char *act,
                              const char *object_kind, const char *object_id, const GError *why);
