// SPDX-License-Identifier: Apache-2.0
// Workbenches: desktops of no pool and no person, on which a template is installed from a medium of
// the library. They start, stop and show their screen as other desktops do (service/desktop.h, the
// console); nobody waits for a guest agent. Finishing seals the disk as the template's version 1;
// deleting the workbench (yd_desktop_delete) discards it, and the template when it has no version.
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

// Seals the disk of a workbench that is off as the template's next version, in the job
// workbench-finish. STATE while it is not off; STATE too when the guest's agent never answered,
// unless force.
gboolean yd_workbench_finish(YdService *service, const YdActor *actor, const char *workbench_id,
                             const char *notes, gboolean force, YdJob **ret_job, GError **error);

// Looks whether the agents of running workbenches answer. Called by the reconciler's thread.
void yd_workbench_watch(YdService *service);
