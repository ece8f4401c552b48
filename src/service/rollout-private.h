// SPDX-License-Identifier: Apache-2.0
// What the files of roll-outs share: rollout.c (verbs), rollout-job.c (the process),
// rollout-gate.c (the throw-away desktop), rollout-move.c (system disks).
#pragma once

#include "service/jobs.h"
#include "service/rollout.h"

// rollout-gate.c: has a throw-away desktop of the new version try out what people will need.
// Called again until *ret_tried; then whether it was good, and else why (owned). Its desktop is a
// trial (trial.h) that the job's next step deletes.
gboolean yd_rollout_gate(YdJobRun *run, const YdRollout *rollout, const YdRolloutPlan *plan,
                         gboolean *ret_tried, char **ret_why, GError **error);

// rollout-move.c: removes the files of roll-outs that are to go.
void yd_rollout_remove_files(YdService *service, YdStore *store, gint64 now);

// rollout.c: sets the target of each desktop of the pool to NULL; in the transaction under way.
gboolean yd_rollout_clear_targets(YdStore *store, const char *pool_id, GError **error);
