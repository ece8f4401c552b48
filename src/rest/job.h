// SPDX-License-Identifier: Apache-2.0
// Follows a job until it has ended: looks once a second, sooner when the event stream says that it
// changed.
#pragma once

#include "rest/rest.h"

// Called for each look at the job (its JSON object, borrowed). FALSE stops following.
typedef gboolean (*YdJobFunc)(const json_t *job, gpointer user_data);

// Whether that state is a last one: "done", "failed", "cancelled".
gboolean yd_job_ended(const json_t *job);

// The job in an answer, which is either {"job":{…}} or the job itself; NULL when there is none.
// Borrowed.
const json_t *yd_answer_job(const json_t *answer);

// Blocks until the job with that id ended (the result: its JSON, owned) or limit_seconds (0: none)
// have passed (YD_ERROR_TIMEOUT: it goes on at the server). A server that is away is waited for,
// up to a minute: jobs outlive its restart. A job that failed is no error here.
json_t *yd_job_follow(YdRest *rest, const char *id, guint limit_seconds, YdJobFunc func,
                      gpointer user_data, GError **error);

// The YD_ERROR of a job that failed or was cancelled: FALSE; TRUE for one that is done.
gboolean yd_job_check(const json_t *job, GError **error);
