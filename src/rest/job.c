// SPDX-License-Identifier: Apache-2.0
// Following a job. The event stream is read on a thread of its own, begun when there is something
// to wait for, which only wakes the follower: what counts is what GET /jobs/{id} says, so a stream
// that is missing, late or cut does no harm.
#include "rest/job.h"

#include <string.h>

#include "base/error.h"
#include "rest/path.h"

#define AWAY_SECONDS 60

typedef struct {
    YdRest *rest; // the thread's own
    GThread *thread;
    char *id;
    GCancellable *cancel;
    GMutex lock;
    GCond changed;
    gboolean wake;
} Watch;

gboolean
yd_job_ended(const json_t *job)
{
    const char *state = json_string_value(json_object_get(job, "state"));
    return state && (g_str_equal(state, "done") || g_str_equal(state, "failed") ||
                     g_str_equal(state, "cancelled"));
}

const json_t *
yd_answer_job(const json_t *answer)
{
    const json_t *inner = json_object_get(answer, "job");
    if (json_is_object(inner))
        return inner;
    const char *id = json_string_value(json_object_get(answer, "id"));
    return id && g_str_has_prefix(id, "job-") ? answer : NULL;
}

static void
on_event(const char *id, const char *type, const char *data, gpointer user_data)
{
    Watch *watch = user_data;
    if (!strstr(data, watch->id))
        return;
    g_mutex_lock(&watch->lock);
    watch->wake = TRUE;
    g_cond_signal(&watch->changed);
    g_mutex_unlock(&watch->lock);
}

static gpointer
watch_thread(gpointer user_data)
{
    Watch *watch = user_data;
    // Failing is fine: then the follower looks once a second.
    yd_rest_events(watch->rest, NULL, on_event, watch, watch->cancel, NULL);
    return NULL;
}

// Up to a second, or until an event names the job.
static void
rest_a_while(Watch *watch)
{
    if (!watch->thread)
        watch->thread = g_thread_new("events", watch_thread, watch);
    gint64 until = g_get_monotonic_time() + G_TIME_SPAN_SECOND;
    g_mutex_lock(&watch->lock);
    while (!watch->wake && g_cond_wait_until(&watch->changed, &watch->lock, until))
        ;
    watch->wake = FALSE;
    g_mutex_unlock(&watch->lock);
}

// One look; NULL without error when the server is away and may come back.
static json_t *
look(YdRest *rest, const char *path, gint64 *away_since, GError **error)
{
    g_autoptr(GError) cause = NULL;
    json_t *job = yd_rest_get(rest, path, &cause);
    if (job) {
        *away_since = 0;
        return job;
    }
    gint64 now = g_get_monotonic_time();
    if (!*away_since)
        *away_since = now;
    if (g_error_matches(cause, YD_ERROR, YD_ERROR_UNAVAILABLE) && !yd_rest_refused(rest, NULL) &&
        now - *away_since < AWAY_SECONDS * G_TIME_SPAN_SECOND)
        return NULL;
    g_propagate_error(error, g_steal_pointer(&cause));
    return NULL;
}

static json_t *
follow(YdRest *rest, Watch *watch, gint64 until, YdJobFunc func, gpointer user_data, GError **error)
{
    g_autofree char *path = yd_path("jobs", watch->id, NULL);
    gint64 away_since = 0;
    for (;;) {
        g_autoptr(GError) cause = NULL;
        json_t *job = look(rest, path, &away_since, &cause);
        if (cause) {
            g_propagate_error(error, g_steal_pointer(&cause));
            return NULL;
        }
        gboolean on = !job || !func || func(job, user_data);
        if (job && (!on || yd_job_ended(job)))
            return job;
        json_decref(job);
        if (until && g_get_monotonic_time() > until) {
            g_set_error(error, YD_ERROR, YD_ERROR_TIMEOUT,
                        "job %s has not ended yet; it goes on (deskctl job follow %s)", watch->id,
                        watch->id);
            return NULL;
        }
        rest_a_while(watch);
    }
}

json_t *
yd_job_follow(YdRest *rest, const char *id, guint limit_seconds, YdJobFunc func, gpointer user_data,
              GError **error)
{
    gint64 until = limit_seconds ? g_get_monotonic_time() + limit_seconds * G_TIME_SPAN_SECOND : 0;
    Watch watch = {.rest = yd_rest_copy(rest), .id = g_strdup(id), .cancel = g_cancellable_new()};
    g_mutex_init(&watch.lock);
    g_cond_init(&watch.changed);
    json_t *job = follow(rest, &watch, until, func, user_data, error);
    g_cancellable_cancel(watch.cancel);
    if (watch.thread)
        g_thread_join(watch.thread);
    yd_rest_free(watch.rest);
    g_object_unref(watch.cancel);
    g_mutex_clear(&watch.lock);
    g_cond_clear(&watch.changed);
    g_free(watch.id);
    return job;
}

gboolean
yd_job_check(const json_t *job, GError **error)
{
    const char *state = json_string_value(json_object_get(job, "state"));
    if (g_strcmp0(state, "done") == 0)
        return TRUE;
    const char *name = json_string_value(json_object_get(job, "error_code"));
    const char *text = json_string_value(json_object_get(job, "error"));
    YdErrorCode code;
    if (!name || !yd_error_code_from_name(name, &code))
        code = g_strcmp0(state, "cancelled") == 0 ? YD_ERROR_CANCELLED : YD_ERROR_INTERNAL;
    g_set_error(error, YD_ERROR, code, "job %s %s: %s",
                json_string_value(json_object_get(job, "id")), state ? state : "has no state",
                text && *text ? text : "no reason given");
    return FALSE;
}
