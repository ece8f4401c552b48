// SPDX-License-Identifier: Apache-2.0
// Workbenches: desktops of no pool and no person, on which a template is installed from a medium of
// the library, or changed: then the disk is built on the sealed image of a version. They start,
// stop and show their screen as other desktops do (service/desktop.h, the console); nobody waits
// for a guest agent. Publishing seals the disk as the template's next version; a workbench that is
// off keeps its disk for later; deleting it (yd_desktop_delete) discards it, and the template when
// that has no version.
#pragma once

#include "service/service.h"

typedef struct {
    const char *name, *description; // of the template
    const char *os_type;            // "linux" | "windows-10" | "windows-11" | "windows-old"
    const char *firmware;           // "bios" | "uefi"; NULL: what the system wants
    const char *access;             // "rdp" | "spice"; NULL: rdp
    const char *media_id;           // ready; its boot medium
    const char *drivers_id;         // Windows: drivers for virtio; NULL: looked for in the library
    const char *network_id;         // NULL: the only one there is
    gint64 vcpus, memory_mib, disk_gib;
} YdWorkbenchSpec;

// Makes the template with a workbench that has an empty disk, and submits its creation and start;
// ret_job is that of the start. Windows gets virtio devices where the library has a medium with the
// label virtio-win…, else such as it knows by itself; Windows 11 gets UEFI and a TPM (UNAVAILABLE
// without swtpm). Right: YD_RIGHT_TEMPLATES_WRITE. Errors: INVALID, EXISTS (name), STATE (the
// medium is not ready).
gboolean yd_workbench_create(YdService *service, const YdActor *actor, const YdWorkbenchSpec *spec,
                             YdJob **ret_job, GError **error);

typedef struct {
    const char *template_id;
    const char *version_id; // NULL: the newest that is ready
    const char *network_id; // NULL: of a pool of that version, or the only one there is
    gint64 vcpus, memory_mib,
        disk_gib; // 0: as a pool of that version has them; disk as the version
} YdWorkbenchOpen;

// Makes a workbench on a version that is ready or failed its check, and submits its creation and
// start; ret_job is that of the start. Right: YD_RIGHT_TEMPLATES_WRITE. Errors: NOT_FOUND, INVALID,
// STATE (the version), LIMIT (20 workbenches of one template).
gboolean yd_workbench_open(YdService *service, const YdActor *actor, const YdWorkbenchOpen *spec,
                           YdDesktop **ret_desktop, YdJob **ret_job, GError **error);

typedef struct {
    const char *notes;
    gboolean shutdown; // asks the guest first; without, the workbench must be off
    gboolean force;    // although the agent never answered; without a trial boot
} YdWorkbenchPublish;

// Seals the disk of a workbench as the template's next version, in the job workbench-finish. The
// version is "checking" then, and the job template-check (named in the result as "check_job") goes
// on. STATE while it is not off, or busy; STATE too when a system was installed whose agent never
// answered, unless force. A guest that does not shut down within the policy's time leaves all as it
// was.
gboolean yd_workbench_finish(YdService *service, const YdActor *actor, const char *workbench_id,
                             const YdWorkbenchPublish *publish, YdJob **ret_job, GError **error);

// Looks whether the agents of running workbenches answer. Called by the reconciler's thread.
void yd_workbench_watch(YdService *service);
