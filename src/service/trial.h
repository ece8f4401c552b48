// SPDX-License-Identifier: Apache-2.0
// A throw-away desktop of a template version, made, started and deleted by child jobs of the job
// under way. What it is at stands in that job's result ("desktop_id", "create_job", "start_job",
// "delete_job"), so that it survives a kill.
#pragma once

#include "service/jobs.h"

typedef struct {
    const char *version_id, *network_id, *name;
    gint64 vcpus, memory_mib;
} YdTrial;

// Makes the record and submits its creation, unless that was done before.
gboolean yd_trial_create(YdJobRun *run, const YdTrial *trial, GError **error);
// Submits its start, unless that was done before.
gboolean yd_trial_start(YdJobRun *run, GError **error);
// Submits its deletion, unless that was done before or it is gone: then *ret_gone.
gboolean yd_trial_delete(YdJobRun *run, gboolean *ret_gone, GError **error);
// As a step: deletes it and waits for that. One that cannot be deleted is told in the log, and
// left.
gboolean yd_trial_clean(YdJobRun *run, GError **error);
// As an undo step: cancels what is under way; the deletion goes on by itself.
gboolean yd_trial_undo(YdJobRun *run, GError **error);

// The child job under that name in the result, owned; NULL without an error while it runs (and the
// step is to run again).
YdJob *yd_trial_ended(YdJobRun *run, const char *name, GError **error);

// Why a job did not end as done; NULL: it did. Owned.
GError *yd_trial_error(const YdJob *job);
