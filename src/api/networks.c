// SPDX-License-Identifier: Apache-2.0
// Networks: what has to be done on the hosts is a job, so the answers are jobs.
#include "service/network.h"

#include "api/handlers.h"
#include "api/resource.h"
#include "model/record-json.h"

gboolean
yd_handle_network_create(YdRequest *request, GError **error)
{
    g_autoptr(YdNetwork) network = yd_network_new();
    YdJob *job = NULL;
    if (!yd_request_need_input(request, error) ||
        !yd_record_apply_json(&yd_network_type, network, request->input, TRUE, NULL, error) ||
        !yd_network_create(request->service, &request->actor, network, &job, error))
        return FALSE;
    return yd_answer_job(request, job);
}

gboolean
yd_handle_network_update(YdRequest *request, GError **error)
{
    g_autoptr(YdNetwork) network = yd_resource_changed(request, &yd_network_type, error);
    YdJob *job = NULL;
    if (!network || !yd_network_update(request->service, &request->actor, network,
                                       request->if_match, &job, error))
        return FALSE;
    if (job)
        return yd_answer_job(request, job);
    return yd_answer_fresh(request, 200, yd_resource(&yd_network_type), network->id, error);
}

gboolean
yd_handle_network_delete(YdRequest *request, GError **error)
{
    YdJob *job = NULL;
    if (!yd_network_delete(request->service, &request->actor, request->params[0], request->if_match,
                           &job, error))
        return FALSE;
    return yd_answer_job(request, job);
}
