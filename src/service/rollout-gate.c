// SPDX-License-Identifier: Apache-2.0
// The throw-away desktop that tries a new version before anybody gets it: made like the pool's own,
// started, logged in to by an account of the product's, deleted. It belongs to nobody, so whatever
// it does hurts nobody. What it showed stands in the job's result as {"checks": […]}.
#include "service/rollout-private.h"

#include <string.h>

#include "base/secret.h"
#include "service/desktop-private.h"
#include "store/store-desktops.h"

#define AGENT_SECONDS 10
#define LOG_IN_SECONDS 60 // an emulated guest takes its time
#define LOOK_MS 500
#define NAME "yundesk-rollout"

// --- what was seen ---

static json_t *
checks_of(YdJobRun *run)
{
    json_t *checks = json_object_get(yd_job_run_result(run), "checks");
    if (!checks) {
        checks = json_array();
        json_object_set_new(yd_job_run_result(run), "checks", checks);
    }
    return checks;
}

// ok NULL: not looked at. A repeated step says its checks anew.
static void
put_check(YdJobRun *run, const char *name, json_t *ok, const char *message)
{
    json_t *checks = checks_of(run), *check = NULL, *one;
    gsize i;
    json_array_foreach(checks, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "check")), name) == 0)
            check = one;
    }
    if (!check) {
        check = json_object();
        json_array_append_new(checks, check);
    }
    g_autofree char *valid = g_utf8_make_valid(message ? message : "", -1);
    json_object_set_new(check, "check", json_string(name));
    json_object_set_new(check, "ok", ok);
    json_object_set_new(check, "message", json_string(valid));
}

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
    put_check(run, check, json_false(), message);
    *ret_why = g_strdup_printf("a throw-away desktop of the new version failed at “%s”: %s", check,
                               message);
    *ret_tried = TRUE;
    return TRUE;
}

// --- the desktop ---

static gboolean
make_desktop(YdJobRun *run, const YdRollout *rollout, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdPool) pool =
        tx ? yd_store_get(store, &yd_pool_type, rollout->pool_id, error) : NULL;
    g_autoptr(YdTemplateVersion) version =
        pool ? yd_store_get(store, &yd_template_version_type, rollout->to_version_id, error) : NULL;
    if (!version)
        return FALSE;
    g_autoptr(YdJob) job =
        yd_desk_create(yd_job_run_service(run), store, yd_job_run_actor(run), NULL, version,
                       pool->network_id, NULL, NAME, yd_job_run_job(run)->id, &desktop, error);
    if (!job)
        return FALSE;
    desktop->vcpus = pool->vcpus;
    desktop->memory_mib = pool->memory_mib;
    if (!yd_store_update(store, &yd_desktop_type, desktop, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    set_text(run, "desktop_id", desktop->id);
    set_text(run, "create_job", job->id);
    return TRUE;
}

// By its parent, when a kill came before its id was stored.
static void
find_lost(YdJobRun *run)
{
    if (text_of(run, "desktop_id"))
        return;
    g_autoptr(GPtrArray) children = yd_store_all(yd_job_run_store(run), &yd_job_type, "parent_id",
                                                 yd_job_run_job(run)->id, NULL);
    for (guint i = 0; children && i < children->len; i++) {
        const YdJob *child = g_ptr_array_index(children, i);
        if (strcmp(child->kind, "desktop-create") != 0)
            continue;
        set_text(run, "desktop_id", child->object_id);
        set_text(run, "create_job", child->id);
    }
}

// The child under that name once it has ended; NULL and "again" before.
static YdJob *
ended_child(YdJobRun *run, const char *name, GError **error)
{
    g_autoptr(YdJob) job =
        yd_store_get(yd_job_run_store(run), &yd_job_type, text_of(run, name), error);
    if (job && job->ended == 0)
        yd_job_run_again(run, LOOK_MS);
    return job && job->ended != 0 ? g_steal_pointer(&job) : NULL;
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
        put_check(run, "session", json_null(),
                  "not possible here: the guest has no xrdp-sesrun to begin a session with");
        *ret_tried = TRUE;
        return TRUE;
    }
    set_text(run, "session", "asked");
    if (session_seen(run, hv, desktop)) {
        put_check(run, "session", json_true(), "the guest agent sees a session of a probe account");
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
    put_check(run, "session", json_null(),
              possible ? "not looked at: the roll-out does not ask for it"
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
            put_check(run, hops[i].check, json_true(), hops[i].good);
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
start(YdJobRun *run, GError **error)
{
    if (text_of(run, "start_job"))
        return TRUE;
    g_autoptr(YdJob) job =
        yd_job_submit(yd_job_run_service(run), yd_job_run_actor(run), "desktop-start",
                      text_of(run, "desktop_id"), NAME, NULL, yd_job_run_job(run)->id, error);
    if (job)
        set_text(run, "start_job", job->id);
    return job != NULL;
}

static gboolean
try_start(YdJobRun *run, const YdRolloutPlan *plan, gboolean *ret_tried, char **ret_why,
          GError **error)
{
    if (!start(run, error))
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
    find_lost(run);
    if (!text_of(run, "desktop_id") && !make_desktop(run, rollout, &why))
        return is_bad(run, "create", why->message, ret_tried, ret_why);
    g_autoptr(YdJob) created = ended_child(run, "create_job", &why);
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

// --- afterwards ---

static gboolean
submit_delete(YdJobRun *run, const char *id, GError **error)
{
    g_autoptr(YdJob) job =
        yd_job_submit(yd_job_run_service(run), yd_job_run_actor(run), "desktop-delete", id, NAME,
                      NULL, yd_job_run_job(run)->id, error);
    if (job)
        set_text(run, "delete_job", job->id);
    yd_job_run_again(run, LOOK_MS);
    return job != NULL;
}

gboolean
yd_rollout_gate_clean(YdJobRun *run, gboolean *ret_gone, GError **error)
{
    g_autoptr(GError) why = NULL;
    find_lost(run);
    const char *id = text_of(run, "desktop_id");
    g_autoptr(YdDesktop) desktop =
        id ? yd_store_get(yd_job_run_store(run), &yd_desktop_type, id, &why) : NULL;
    *ret_gone = !id || g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND);
    if (*ret_gone)
        return TRUE;
    if (!desktop) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    if (!text_of(run, "delete_job"))
        return submit_delete(run, id, error);
    g_autoptr(YdJob) job = ended_child(run, "delete_job", error);
    if (job && !is_done(job))
        g_message("the throw-away desktop %s is left: %s; delete it by hand", id,
                  job->error ? job->error : job->state);
    *ret_gone = job != NULL;
    return job || !error || !*error;
}
