// SPDX-License-Identifier: Apache-2.0
// The check of a version that was published: its file is read and summed up, a throw-away desktop
// boots from it, its agent answers, its way in answers. Then it is ready; else it is failed and
// says why, with its disk kept.
#pragma once

#include "service/jobs.h"

typedef struct {
    const char *network_id; // NULL: of a pool of the version or its parent, or any
    gint64 vcpus, memory_mib;
    gboolean trial; // FALSE: only summed up
} YdTemplateCheck;

// Submits the job template-check for a version in state "checking", in the transaction under way.
YdJob *
yd_template_check_submit(YdService *service, const YdActor *actor, const YdTemplateVersion *version,
                         const YdTemplateCheck *check, GError **error);

// Checks a version that failed once more. STATE when it did not, or has no disk. The job is owned.
YdJob *yd_template_version_check(YdService *service, const YdActor *actor, const char *version_id,
                                 GError **error);

// Has all files that the version consists of read and compared with their checksums, in the job
// template-verify, which fails when one is damaged and takes a damage back that is no more. STATE
// unless it is ready or failed with a disk.
YdJob *yd_template_version_verify(YdService *service, const YdActor *actor, const char *version_id,
                                  GError **error);

// Has the version's image converted to one file that is built on nothing, in the job
// template-flatten; what is built on the former notices nothing. STATE when it is flat, or not
// ready.
YdJob *yd_template_version_flatten(YdService *service, const YdActor *actor, const char *version_id,
                                   GError **error);

// Submits template-flatten when a version that became ready is built on more files than the
// configuration allows (chain_max). In the transaction under way, or none.
gboolean yd_template_flatten_if_deep(YdService *service, YdStore *store, const YdActor *actor,
                                     const char *version_id, GError **error);
