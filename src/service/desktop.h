// SPDX-License-Identifier: Apache-2.0
// Use cases on desktops: handing out, power, rebuilding, hardware, deleting. Every verb checks
// right and scope, writes its audit row, and leaves the work to a job; it gives the job back (owned
// by the caller), or NULL with an error. How the jobs go: desktop-*-job.c and
// docs/internals/jobs.md.
#pragma once

#include "service/service.h"

// One desktop for each member of the department, or for each of user_ids (NULL-terminated); exactly
// one of both is given. People who have one already are left as they are. The whole is one job
// ("pool-handout") with a child ("desktop-create") for each desktop. Errors: NOT_FOUND; FORBIDDEN;
// NOT_ENTITLED when the pool is not given to one of them (named); LIMIT (pool's max_desktops or the
// network's range, with both numbers); STATE when the pool is disabled or its version not ready.
YdJob *yd_desktop_handout(YdService *service, const YdActor *actor, const char *pool_id,
                          const char *department_id, const char *const *user_ids, GError **error);

// The record and the job for one person's first connect (the actor's own; entitlement checked).
// Their desktop of that pool, when there is one already, with ret_job NULL.
gboolean yd_desktop_derive(YdService *service, const YdActor *actor, const char *pool_id,
                           YdDesktop **ret_desktop, YdJob **ret_job, GError **error);

// Power. start of a desktop that runs or starts gives the job under way, or STATE. shutdown asks
// the guest (agent, then ACPI) and cuts the power after the policy's time; reboot is a shut-down
// and a start, so that changed hardware counts; power_off cuts at once, whatever else is under way.
YdJob *yd_desktop_start(YdService *service, const YdActor *actor, const char *id, GError **error);
YdJob *
yd_desktop_shutdown(YdService *service, const YdActor *actor, const char *id, GError **error);
YdJob *yd_desktop_reboot(YdService *service, const YdActor *actor, const char *id, GError **error);
YdJob *
yd_desktop_power_off(YdService *service, const YdActor *actor, const char *id, GError **error);

// A fresh overlay on the pool's present template version; name and address stay, sessions are cut,
// all that was on the system disk is gone. The desktop is off afterwards.
YdJob *yd_desktop_rebuild(YdService *service, const YdActor *actor, const char *id, GError **error);

// Machine, overlay, NVRAM, DHCP entry, address, secrets and row. version 0: any.
YdJob *yd_desktop_delete(YdService *service, const YdActor *actor, const char *id, gint64 version,
                         GError **error);
// Likewise, with the personal disk of that id (NULL: it stays), which must be the desktop's.
YdJob *yd_desktop_delete_with(YdService *service, const YdActor *actor, const char *id,
                              gint64 version, const char *personal_disk, GError **error);

// What people may change. 0 or NULL: leave. vcpus 1..64, memory_mib 64..1048576, disk_gib only
// grows. Off: counts at once. Running: live where the guest allows it, else kept in next_* for the
// next start.
typedef struct {
    const char *name;
    gint64 vcpus, memory_mib, disk_gib;
} YdDesktopChange;

// ret_job: NULL when nothing takes time (only the name). ret_desktop: as it is now.
gboolean yd_desktop_change(YdService *service, const YdActor *actor, const char *id, gint64 version,
                           const YdDesktopChange *change, YdDesktop **ret_desktop, YdJob **ret_job,
                           GError **error);

// PNG of the screen; rights as for the console (CONSOLE).
GBytes *
yd_desktop_screenshot(YdService *service, const YdActor *actor, const char *id, GError **error);

// Moves a running desktop to another host while it runs (DESKTOPS_WRITE of an administrator:
// HOSTS_WRITE). host_id NULL: where placement says. STATE when it does not run, or is there. The
// job belongs to the caller.
YdJob *yd_desktop_migrate(YdService *service, const YdActor *actor, const char *id,
                          const char *host_id, GError **error);

#define YD_DESKTOP_PICTURE_WIDTH 480

// Small PNG of the screen of one's own desktop (CONNECT), at most YD_DESKTOP_PICTURE_WIDTH wide and
// ten seconds old; each desktop's host is asked once in that time. STATE when it is not ready or is
// reached by RDP: its screen shows nobody's session.
GBytes *
yd_desktop_picture(YdService *service, const YdActor *actor, const char *id, GError **error);

// Wiring for deskd: keys (ca.h), job runner, monitor, reconciler. Call after yd_service_new() and
// yd_service_open_hosts(); stop before yd_service_free().
gboolean yd_desktops_start(YdService *service, GError **error);
void yd_desktops_stop(YdService *service);
