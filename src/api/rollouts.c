// SPDX-License-Identifier: Apache-2.0
// Roll-outs: starting one, and its switches. Lists and gets are resource.c's.
#include "service/rollout.h"

#include <string.h>

#include "api/handlers.h"
#include "api/resource.h"

static gboolean
answer(YdRequest *request, guint status, YdRollout *rollout)
{
    if (!rollout)
        return FALSE;
    yd_answer_record(request, status, &yd_rollout_type, rollout);
    yd_rollout_free(rollout);
    return TRUE;
}

static gboolean
read_plan(YdRequest *request, YdRolloutPlan *ret_plan, GError **error)
{
    json_t *plan = json_object_get(request->input, "plan");
    g_autofree char *text = plan && !json_is_null(plan) ? yd_json_text(plan) : NULL;
    if (plan && !json_is_null(plan) && !json_is_object(plan))
        return yd_error_invalid(error, "plan", "must be an object");
    return yd_rollout_plan_parse(text, ret_plan, error);
}

gboolean
yd_handle_rollout_start(YdRequest *request, GError **error)
{
    static const char *const known[] = {"version_id", "mode", "plan", NULL};
    const char *version_id = NULL, *mode = NULL;
    g_auto(YdRolloutPlan) plan = {0};
    if (!yd_request_need_input(request, error) || !yd_request_only(request, known, error) ||
        !yd_request_text(request, "version_id", TRUE, &version_id, error) ||
        !yd_request_text(request, "mode", FALSE, &mode, error) || !read_plan(request, &plan, error))
        return FALSE;
    if (!mode)
        mode = yd_rollout_plan_has_first(&plan) ? YD_FOLLOW_STAGED : "all";
    return answer(request, 201,
                  yd_rollout_start(request->service, &request->actor, request->params[0],
                                   version_id, mode, &plan, error));
}

gboolean
yd_handle_rollout_pause(YdRequest *request, GError **error)
{
    return answer(request, 200,
                  yd_rollout_pause(request->service, &request->actor, request->params[0], error));
}

gboolean
yd_handle_rollout_resume(YdRequest *request, GError **error)
{
    return answer(request, 200,
                  yd_rollout_resume(request->service, &request->actor, request->params[0], error));
}

gboolean
yd_handle_rollout_back(YdRequest *request, GError **error)
{
    return answer(request, 200,
                  yd_rollout_back(request->service, &request->actor, request->params[0], error));
}
