// SPDX-License-Identifier: Apache-2.0
// The throw-away desktop that tries a new version before anybody gets it: made like the pool's own,
// started, logged in to by an account of the product's, deleted. It belongs to nobody, so whatever
// it does hurts nobody. What it showed stands in the job's result as {"checks": […]}.
#include "service/rollout-private.h"

#include <string.h>

#include "base/secret.h"
#include "service/desktop-private.h"
#include "service/job-checks.h"
#include "service/trial.h"
#include "store/store-desktops.h"

#define AGENT_SECONDS 10
#define LOG_IN_SECONDS 60 // an emulated guest takes its time
#define LOOK_MS 500
#define NAME "yundesk-rollout"

// --- what was seen ---

static const char *
text_of(YdJobRun *run, const char *name)
{
    return json_string_value(json_object_get(yd_job_run_result(run), name));
}

static void
set_text(YdJobRun *run, const char *name, const char *value)
{
    json_object_set_new(yd_job_run_result(run), name, json_string(value));
}

static gboolean
is_bad(YdJobRun *run, const char *check, const char *message, gboolean *ret_tried, char **ret_why)
{
    yd_job_check_put(run, check, json_false(), message);
    *ret_why = g_strdup_printf("a throw-away desktop of the new version failed at “%s”: %s", check,
                               message);
    *ret_tried = TRUE;
    return TRUE;
}

// --- the desktop ---

// As the pool's own.
static gboolean
make_desktop(YdJobRun *run, const YdRollout *rollout, GError **error)
{
    g_autoptr(YdPool) pool =
        yd_store_get(yd_job_run_store(run), &yd_pool_type, rollout->pool_id, error);
    if (!pool)
        return FALSE;
    const YdTrial trial = {.version_id = rollout->to_version_id,
                           .network_id = pool->network_id,
                           .name = NAME,
                           .vcpus = pool->vcpus,
                           .memory_mib = pool->memory_mib};
    return yd_trial_create(run, &trial, error);
}

static gboolean
is_done(const YdJob *job)
{
    return strcmp(job->state, "done") == 0;
}

// --- a session of an account of ours ---

// What xrdp does for a client that logged in, without one: sesman makes the session by PAM, the X
// server and the window manager as for everybody else (xrdp-sesrun(8)). "none": no xrdp here.
static const char session_script[] = "command -v xrdp-sesrun >/dev/null || { echo none; exit 0; }\n"
                                     "exec xrdp-sesrun -t Xorg -g 1024x768 -b 24 -F 0 \"$1\"\n";

typedef enum { SESSION_OPEN, SESSION_NONE, SESSION_BAD } Session;

static Session
open_session(YdJobRun *run, YdHypervisor *hv, const YdDesktop *desktop, GError **error)
{
    g_autofree char *account = NULL, *output = NULL;
    gint64 uid = 0;
    int status = -1;
    if (!yd_desk_account(yd_job_run_store(run), desktop, &account, &uid, error))
        return SESSION_BAD;
    const char *const argv[] = {"/bin/sh", "-c", session_script, "sh", account, NULL};
    char *password = yd_password_random();
    char *input = g_strconcat(password, "\n", NULL);
    gboolean good = yd_hypervisor_agent_set_password(hv, desktop->uuid, account, password,
                                                     g_strcmp0(desktop->os, "linux") == 0,
                                                     AGENT_SECONDS, error) &&
                    yd_hypervisor_agent_exec(hv, desktop->uuid, argv, input, LOG_IN_SECONDS,
                                             &status, &output, error);
    yd_secret_wipe(&password);
    yd_secret_wipe(&input);
    if (good && (!output || !*output || strcmp(output, "none\n") == 0) && status == 0)
        return SESSION_NONE;
    if (good && status == 0)
        return SESSION_OPEN;
    if (good)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "xrdp-sesrun ended with %d: %s", status,
                    output ? g_strstrip(output) : "");
    return SESSION_BAD;
}

static gboolean
session_seen(YdJobRun *run, YdHypervisor *hv, const YdDesktop *desktop)
{
    g_autofree char *account = NULL;
    gint64 uid = 0;
    if (!yd_desk_account(yd_job_run_store(run), desktop, &account, &uid, NULL))
        return FALSE;
    g_autoptr(GPtrArray) users = yd_hypervisor_agent_users(hv, desktop->uuid, AGENT_SECONDS, NULL);
    return users && g_ptr_array_find_with_equal_func(users, account, g_str_equal, NULL);
}

// A guest that is busy with its first session may let its agent wait.
static gboolean
may_try_again(const YdDesktop *desktop, const YdRolloutPlan *plan, const GError *why)
{
    return (g_error_matches(why, YD_ERROR, YD_ERROR_TIMEOUT) ||
            g_error_matches(why, YD_ERROR, YD_ERROR_UNAVAILABLE)) &&
           yd_now_ms() - desktop->ready_at <= plan->seconds * 1000;
}

// Whether the look is over.
static gboolean
look_at_session(YdJobRun *run, const YdDesktop *desktop, const YdRolloutPlan *plan,
                gboolean *ret_tried, char **ret_why, GError **error)
{
    g_autoptr(GError) why = NULL;
    YdHypervisor *hv = yd_service_hypervisor(yd_job_run_service(run), desktop->host_id, error);
    if (!hv)
        return FALSE;
    Session session = SESSION_OPEN;
    if (!text_of(run, "session"))
        session = open_session(run, hv, desktop, &why);
    if (session == SESSION_BAD && may_try_again(desktop, plan, why)) {
        yd_job_run_again(run, LOOK_MS);
        return TRUE;
    }
    if (session == SESSION_BAD)
        return is_bad(run, "session", why->message, ret_tried, ret_why);
    if (session == SESSION_NONE && strcmp(plan->session, "required") == 0)
        return is_bad(run, "session", "the guest has no xrdp-sesrun to begin a session with",
                      ret_tried, ret_why);
    if (session == SESSION_NONE) {
        yd_job_check_put(run, "session", json_null(),
                         "not possible here: the guest has no xrdp-sesrun to begin a session with");
        *ret_tried = TRUE;
        return TRUE;
    }
    set_text(run, "session", "asked");
    if (session_seen(run, hv, desktop)) {
        yd_job_check_put(run, "session", json_true(),
                         "the guest agent sees a session of a probe account");
        *ret_tried = TRUE;
    } else if (yd_now_ms() - desktop->ready_at > plan->seconds * 1000) {
        return is_bad(run, "session", "the guest agent sees no session of the probe account",
                      ret_tried, ret_why);
    } else {
        yd_job_run_again(run, LOOK_MS);
    }
    return TRUE;
}

static gboolean
try_session(YdJobRun *run, const YdRolloutPlan *plan, gboolean *ret_tried, char **ret_why,
            GError **error)
{
    g_autoptr(YdDesktop) desktop =
        yd_store_get(yd_job_run_store(run), &yd_desktop_type, text_of(run, "desktop_id"), error);
    if (!desktop)
        return FALSE;
    gboolean possible =
        g_strcmp0(desktop->os, "linux") == 0 && g_strcmp0(desktop->access, "rdp") == 0;
    if (strcmp(plan->session, "off") != 0 && possible)
        return look_at_session(run, desktop, plan, ret_tried, ret_why, error);
    yd_job_check_put(run, "session", json_null(),
                     possible
                         ? "not looked at: the roll-out does not ask for it"
                         : "not possible here: only Linux guests with xrdp can be logged in to");
    *ret_tried = TRUE;
    return TRUE;
}

// --- start ---

static const struct {
    const char *step, *check, *good;
} hops[] = {
    {"place", "placement", "a host has room for it"},
    {"network", "network", "the host has the network and the address"},
    {"disk", "disk", "the disk is there"},
    {"launch", "boot", "the machine runs"},
    {"agent", "agent", "the guest agent answers"},
    {"first-boot", "first-boot", "identity, certificate and account are made"},
    {"access", "access", "the guest's own way in answers"},
};

// The checks up to the step that the job is at, or failed at.
static const char *
note_hops(YdJobRun *run, const YdJob *job)
{
    for (gsize i = 0; i < G_N_ELEMENTS(hops); i++) {
        if (!is_done(job) && (!job->step || strcmp(job->step, hops[i].step) == 0))
            return hops[i].check;
        if (i >= 3)
            yd_job_check_put(run, hops[i].check, json_true(), hops[i].good);
    }
    return "ready";
}

static gboolean
too_slow(YdJobRun *run, const YdRolloutPlan *plan, const YdJob *job)
{
    g_autoptr(YdDesktop) desktop =
        yd_store_get(yd_job_run_store(run), &yd_desktop_type, text_of(run, "desktop_id"), NULL);
    return desktop && desktop->started >= job->created &&
           yd_now_ms() - desktop->started > plan->seconds * 1000;
}

static gboolean
try_start(YdJobRun *run, const YdRolloutPlan *plan, gboolean *ret_tried, char **ret_why,
          GError **error)
{
    if (!yd_trial_start(run, error))
        return FALSE;
    g_autoptr(YdJob) job =
        yd_store_get(yd_job_run_store(run), &yd_job_type, text_of(run, "start_job"), error);
    if (!job)
        return FALSE;
    const char *at = note_hops(run, job);
    if (job->ended != 0)
        return is_done(job)
                   ? try_session(run, plan, ret_tried, ret_why, error)
                   : is_bad(run, at, job->error ? job->error : job->state, ret_tried, ret_why);
    if (!too_slow(run, plan, job)) {
        yd_job_run_again(run, LOOK_MS);
        return TRUE;
    }
    yd_job_cancel_object(yd_job_run_service(run), text_of(run, "desktop_id"), "desktop-start");
    g_autofree char *slow =
        g_strdup_printf("no answer within %" G_GINT64_FORMAT " s", plan->seconds);
    return is_bad(run, at, slow, ret_tried, ret_why);
}

gboolean
yd_rollout_gate(YdJobRun *run, const YdRollout *rollout, const YdRolloutPlan *plan,
                gboolean *ret_tried, char **ret_why, GError **error)
{
    g_autoptr(GError) why = NULL;
    *ret_tried = FALSE;
    if (!text_of(run, "desktop_id") && !make_desktop(run, rollout, &why))
        return is_bad(run, "create", why->message, ret_tried, ret_why);
    g_autoptr(YdJob) created = yd_trial_ended(run, "create_job", &why);
    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    if (!created)
        return TRUE;
    if (!is_done(created))
        return is_bad(run, "create", created->error ? created->error : created->state, ret_tried,
                      ret_why);
    return try_start(run, plan, ret_tried, ret_why, error);
}
