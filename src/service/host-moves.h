// SPDX-License-Identifier: Apache-2.0
// Moves of desktops that are children of a job (drain, balance). Any thread.
#pragma once

#include "service/jobs.h"

// Submits the desktop's move as a child of that job; host_id NULL: wherever there is room.
gboolean yd_moves_submit(YdJobRun *run, const char *desktop_id, const char *desktop_name,
                         const char *host_id, GError **error);

// The desktop's move among the children (of YdJob), NULL: none.
const YdJob *yd_moves_find(GPtrArray *children, const char *desktop_id);

// How many of the children are under way; ret_done: how many of those that ended did move.
guint yd_moves_count(GPtrArray *children, guint *ret_done);

// {"desktop_id", "desktop_name", "reason"}: for the job's list "stuck" of what could not be moved.
json_t *yd_moves_stuck(const char *desktop_id, const char *desktop_name, const char *reason);
