// SPDX-License-Identifier: Apache-2.0
// Durable jobs: everything that takes time is a list of idempotent steps with a row in the store.
//
// The name of a step is stored before it runs, so whoever takes up a job that a killed deskd left
// repeats that step and goes on. A step that fails makes the runner call the undo of all steps that
// were begun, newest first (that too goes on after a kill), and then the kind's `failed`. The
// runner is the only place with worker threads; a step that only waits gives its worker back by
// yd_job_run_again(). docs/internals/jobs.md tells the reasons.
//
// Test hook: YD_JOB_STOP=KIND:STEP[:before|:after|:undo] makes the process abort() when a job of
// that kind has stored that step and is about to run it (before, the default), has run it but not
// gone on (after), or is about to undo it (undo).
#pragma once

#include <jansson.h>

#include "service/service.h"

// One job while a worker runs one of its steps; used by that worker's thread only.
typedef struct _YdJobRun YdJobRun;

// Does (or takes back) one step. Must be idempotent: it may have run before, wholly or in part.
typedef gboolean (*YdJobStepFunc)(YdJobRun *run, GError **error);

typedef struct {
    const char *name;
    YdJobStepFunc run;
    YdJobStepFunc undo; // NULL: nothing to take back
    gboolean slot;      // needs one of max_starts slots, kept until a step without the flag begins
                        // (or for 120 s: a guest that hangs must not stop all others)
    guint weight;       // share of the progress, 0 counts as 1
} YdJobStep;

typedef struct {
    const char *kind;        // "desktop-start"
    const char *object_kind; // noun of object_id: "desktop"
    gboolean cancellable;
    const YdJobStep *steps;
    guint n_steps;
    // After all undo steps, in one transaction with the job's end: what is left must say what it
    // is. NULL: nothing. Cancelled jobs come with YD_ERROR_CANCELLED.
    void (*failed)(YdJobRun *run, const GError *why);
} YdJobKind;

// All kinds there are (jobs-table.c), NULL-terminated. Other rooms add theirs there:
// extern const YdJobKind yd_job_kind_template_import;
extern const YdJobKind *const yd_job_kinds[];
const YdJobKind *yd_job_kind(const char *kind);

// --- from outside ---

// Starts the runner: threads (config.workers), takes up what is unfinished. Jobs may be submitted
// before; they wait.
gboolean yd_jobs_start(YdService *service, GError **error);
// Ends the threads after the steps under way (cancelled steps may end early); what is unfinished is
// taken up by the next start. Called by yd_service_free too.
void yd_jobs_stop(YdService *service);

// Stores a job and wakes a worker; joins the transaction under way if there is one. args is
// borrowed (a JSON object or NULL); parent_id NULL: none. A job of that kind that is queued or
// running for that object is given back instead of a second one. Rights are the caller's to check.
// The job belongs to the caller.
YdJob *
yd_job_submit(YdService *service, const YdActor *actor, const char *kind, const char *object_id,
              const char *object_name, json_t *args, const char *parent_id, GError **error);

// Waits until the job has ended (TRUE; look at ret_job->state) or the time is over (TIMEOUT).
gboolean yd_job_wait(YdService *service, const char *job_id, guint timeout_ms, YdJob **ret_job,
                     GError **error);

// Rights JOBS_WRITE, or the job's own user. Queued jobs end at once, running ones after undoing;
// children are cancelled too. STATE when it has ended or its kind cannot be cancelled.
gboolean
yd_job_cancel(YdService *service, const YdActor *actor, const char *job_id, GError **error);
// Cancels what is under way for that object (of that kind; NULL: any), without checks or audit.
void yd_job_cancel_object(YdService *service, const char *object_id, const char *kind);

// --- from a step ---

YdService *yd_job_run_service(YdJobRun *run);
YdStore *yd_job_run_store(YdJobRun *run);       // this thread's
const YdJob *yd_job_run_job(YdJobRun *run);     // as it was stored last
const char *yd_job_run_object(YdJobRun *run);   // id of what it is about
const YdActor *yd_job_run_actor(YdJobRun *run); // who submitted it, with the role admin
// Borrowed objects. result is stored with the job at each step and shown to people.
json_t *yd_job_run_args(YdJobRun *run);
json_t *yd_job_run_result(YdJobRun *run);

// Percent of the step under way, stored now and then. FALSE with CANCELLED when the job shall end.
gboolean yd_job_run_progress(YdJobRun *run, double percent, GError **error);
gboolean yd_job_run_cancelled(YdJobRun *run);
// The same as a callback (YdProgress, YdMigrateProgress); run: the YdJobRun.
gboolean yd_job_run_on_progress(double percent, gpointer run);

// The step is not finished: run it again in ms milliseconds (sooner when a child ends); then return
// TRUE. No worker is held meanwhile.
void yd_job_run_again(YdJobRun *run, guint ms);

// Milliseconds since the step first ran in this process (a fresh count after a restart).
gint64 yd_job_run_step_ms(YdJobRun *run);

// --- tests ---

// Kinds that exist only in a test; NULL-terminated, static. Before the runner starts.
void yd_jobs_add_kinds(const YdJobKind *const *kinds);

// Like YD_JOB_STOP, but the runner is abandoned as a kill would leave it, in place of abort(): no
// further write to the store. NULL: off. yd_jobs_stop() then joins the threads.
void yd_jobs_stop_at(YdService *service, const char *where);
gboolean yd_jobs_stopped(YdService *service);
