// SPDX-License-Identifier: Apache-2.0
// What a job looked at, in its result as {"checks": [{"check", "ok", "message"}, …]}. A step that
// is repeated says its checks anew.
#pragma once

#include "service/jobs.h"

// Borrowed; NULL: not looked at yet.
json_t *yd_job_check(YdJobRun *run, const char *name);

// Takes ok (true, false, or null: not looked at). message: any bytes; NULL: none. Returns the
// check, borrowed, for more members.
json_t *yd_job_check_put(YdJobRun *run, const char *name, json_t *ok, const char *message);
