// SPDX-License-Identifier: Apache-2.0
// RAM images of template versions, from which fresh desktops start at once (clone.h). For
// administrators (YD_RIGHT_TEMPLATES_WRITE).
#pragma once

#include "service/service.h"

// Submits the job template-ram: a throw-away machine of the version boots, settles and is frozen;
// an earlier RAM image goes when the new one is there. vcpus or memory_mib 0: as the pools of that
// version have. Errors: INVALID (no size given or found; the guest must be Linux by BIOS with
// virtio devices), STATE (the version is not ready).
gboolean yd_ram_make(YdService *service, const YdActor *actor, const char *version_id, gint64 vcpus,
                     gint64 memory_mib, YdJob **ret_job, GError **error);

// Removes it; desktops that run from it go on. NOT_FOUND when there is none.
gboolean
yd_ram_delete(YdService *service, const YdActor *actor, const char *version_id, GError **error);

// Removes all of a version's but one (NULL: none is kept).
gboolean yd_ram_sweep(YdService *service, const char *version_id, const char *keep, GError **error);
