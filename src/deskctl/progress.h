// SPDX-License-Identifier: Apache-2.0
// Waiting for jobs, with a bar on a terminal and plain lines elsewhere.
#pragma once

#include "deskctl/ctl.h"

// Waits for the job in an answer (see yd_answer_job()) unless --no-wait was given. The job as last
// seen, owned; NULL with its error when it failed. An answer without a job: NULL without error.
json_t *ctl_wait(Ctl *ctl, const json_t *answer, GError **error);

// Waits likewise for the job of answer (NULL: the request has failed) and prints how it ended:
// "template debian: ready", with no-wait the job's id, or JSON.
gboolean ctl_tell_job(Ctl *ctl, const json_t *answer, const char *noun, const char *name,
                      const char *done, GError **error);

// The same for a job by id, whatever the options say.
json_t *ctl_follow(Ctl *ctl, const char *id, GError **error);

// "[#####.....]  50 % 3/6 starting the machine", at most width columns; owned. Pure.
char *ctl_bar(const json_t *job, guint width);

// A bar for bytes on their way; done ends the line.
void ctl_bytes_bar(Ctl *ctl, const char *what, goffset done, goffset total);
