// SPDX-License-Identifier: Apache-2.0
// What the files of the job runner share: jobs.c (from outside), jobs-runner.c (threads, slots,
// leases), jobs-run.c (one job's steps). Nobody else includes it.
#pragma once

#include "service/jobs.h"

typedef struct _YdJobs YdJobs;

struct _YdJobRun {
    YdService *service;
    YdJobs *runner;
    const YdJobKind *kind;
    YdJob *job; // as stored last
    json_t *args, *result;
    YdActor actor;

    guint step;        // index of the step under way
    gboolean begun;    // its name is stored
    gint64 step_since; // monotonic µs; 0: not begun
    GError *why;       // set: undoing
    gint64 progress_time;
    guint again_ms;
    gboolean again;

    // Guarded by the runner's lock.
    gboolean parked, needs_slot, has_slot, slot_spent;
    gboolean woken; // a child ended since its step began
    gint64 due, slot_since;
    gint cancel; // atomic
};

struct _YdJobs {
    YdService *service;
    char *worker; // boot id of this runner

    GMutex lock; // for all below; never held over a call to the store
    GCond wake;  // workers, keeper
    GCond ended; // yd_job_wait
    GPtrArray *threads;
    GHashTable *runs;     // job id -> YdJobRun (owned): with a worker or parked
    GHashTable *unwanted; // ids of jobs cancelled between claim and registration
    guint slots_used;
    gint64 next_claim; // monotonic µs: when somebody looks for queued jobs
    gint64 hurry;      // until then often: whoever kicked may not have committed yet
    gboolean stop;
    gboolean abandoned; // as if killed: not a word to the store any more
    char *stop_at;      // test hook: "kind:step:when"
};

// The service's runner; made at first use.
YdJobs *yd_jobs_of(YdService *service);

// jobs-runner.c: wakes a worker to look for queued jobs.
void yd_jobs_kick(YdJobs *jobs);

// jobs-run.c
YdJobRun *yd_job_run_new(YdJobs *jobs, YdJob *job); // takes the job
void yd_job_run_free(YdJobRun *run);

typedef enum {
    YD_RUN_OVER,   // ended, or left to the next start
    YD_RUN_AGAIN,  // run->again_ms
    YD_RUN_NO_SLOT // needs a slot first
} YdRunOutcome;
// Runs steps until the job ends or has to wait.
YdRunOutcome yd_job_run_execute(YdJobRun *run);

// jobs-runner.c, for jobs-run.c
gboolean yd_jobs_take_slot(YdJobRun *run);
void yd_jobs_give_slot(YdJobRun *run);
gboolean yd_jobs_stopping(YdJobs *jobs);
// The test hook: TRUE when this runner is to be left as a kill would leave it.
gboolean yd_jobs_stop_here(YdJobRun *run, const char *step, const char *when);
