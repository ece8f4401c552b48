// SPDX-License-Identifier: Apache-2.0
// See host-moves.h.
#include "service/host-moves.h"

#include "base/json-util.h"

gboolean
yd_moves_submit(YdJobRun *run, const char *desktop_id, const char *desktop_name,
                const char *host_id, GError **error)
{
    g_autoptr(json_t) args = json_pack("{s:s*}", "host_id", host_id);
    g_autoptr(YdJob) job =
        yd_job_submit(yd_job_run_service(run), yd_job_run_actor(run), "desktop-migrate", desktop_id,
                      desktop_name, args, yd_job_run_job(run)->id, error);
    return job != NULL;
}

const YdJob *
yd_moves_find(GPtrArray *children, const char *desktop_id)
{
    for (guint i = 0; i < children->len; i++) {
        const YdJob *job = children->pdata[i];
        if (g_strcmp0(job->object_id, desktop_id) == 0)
            return job;
    }
    return NULL;
}

guint
yd_moves_count(GPtrArray *children, guint *ret_done)
{
    guint under_way = 0, done = 0;
    for (guint i = 0; i < children->len; i++) {
        const YdJob *job = children->pdata[i];
        under_way += job->ended == 0;
        done += g_strcmp0(job->state, "done") == 0;
    }
    *ret_done = done;
    return under_way;
}

json_t *
yd_moves_stuck(const char *desktop_id, const char *desktop_name, const char *reason)
{
    return json_pack("{s:s, s:s?, s:s}", "desktop_id", desktop_id, "desktop_name", desktop_name,
                     "reason", reason);
}
