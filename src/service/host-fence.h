// SPDX-License-Identifier: Apache-2.0
// What the watch of hosts and the job that fences one share.
#pragma once

#include "service/jobs.h"

extern const YdJobKind yd_job_kind_host_fence;
extern const YdJobKind yd_job_kind_host_drain;

// Whether the host is known to live although its libvirt is silent: its gate was just heard of.
gboolean yd_host_gate_lives(YdService *service, const YdHost *host);

// Submits the job that fences a host and starts its desktops elsewhere, without checks.
YdJob *yd_host_fence_submit(YdService *service, const YdActor *actor, const YdHost *host,
                            gboolean confirmed, GError **error);
