// SPDX-License-Identifier: Apache-2.0
// Workbenches: templates that are installed from a medium or changed.
#include "service/workbench.h"

#include "api/handlers.h"
#include "api/resource.h"

gboolean
yd_handle_workbench_create(YdRequest *request, GError **error)
{
    static const char *const known[] = {"name",   "description", "os_type",    "firmware",
                                        "access", "media_id",    "drivers_id", "network_id",
                                        "vcpus",  "memory_mib",  "disk_gib",   NULL};
    YdWorkbenchSpec spec = {.vcpus = 2, .memory_mib = 2048, .disk_gib = 20};
    YdJob *job = NULL;
    if (!yd_request_need_input(request, error) || !yd_request_only(request, known, error) ||
        !yd_request_text(request, "name", TRUE, &spec.name, error) ||
        !yd_request_text(request, "description", FALSE, &spec.description, error) ||
        !yd_request_text(request, "os_type", TRUE, &spec.os_type, error) ||
        !yd_request_text(request, "firmware", FALSE, &spec.firmware, error) ||
        !yd_request_text(request, "access", FALSE, &spec.access, error) ||
        !yd_request_text(request, "media_id", TRUE, &spec.media_id, error) ||
        !yd_request_text(request, "drivers_id", FALSE, &spec.drivers_id, error) ||
        !yd_request_text(request, "network_id", FALSE, &spec.network_id, error) ||
        !yd_json_int(request->input, "vcpus", 1, G_MAXINT32, &spec.vcpus, error) ||
        !yd_json_int(request->input, "memory_mib", 1, G_MAXINT32, &spec.memory_mib, error) ||
        !yd_json_int(request->input, "disk_gib", 1, G_MAXINT32, &spec.disk_gib, error) ||
        !yd_workbench_create(request->service, &request->actor, &spec, &job, error))
        return FALSE;
    return yd_answer_job(request, job);
}

gboolean
yd_handle_workbench_finish(YdRequest *request, GError **error)
{
    static const char *const known[] = {"notes", "force", "shutdown", NULL};
    YdWorkbenchPublish publish = {0};
    YdJob *job = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "notes", FALSE, &publish.notes, error) ||
        !yd_json_bool(request->input, "force", &publish.force, error) ||
        !yd_json_bool(request->input, "shutdown", &publish.shutdown, error) ||
        !yd_workbench_finish(request->service, &request->actor, request->params[0], &publish, &job,
                             error))
        return FALSE;
    return yd_answer_job(request, job);
}

gboolean
yd_handle_workbench_open(YdRequest *request, GError **error)
{
    static const char *const known[] = {"version_id", "network_id", "vcpus",
                                        "memory_mib", "disk_gib",   NULL};
    YdWorkbenchOpen spec = {.template_id = request->params[0]};
    YdJob *job = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "version_id", FALSE, &spec.version_id, error) ||
        !yd_request_text(request, "network_id", FALSE, &spec.network_id, error) ||
        !yd_json_int(request->input, "vcpus", 1, G_MAXINT32, &spec.vcpus, error) ||
        !yd_json_int(request->input, "memory_mib", 1, G_MAXINT32, &spec.memory_mib, error) ||
        !yd_json_int(request->input, "disk_gib", 1, G_MAXINT32, &spec.disk_gib, error) ||
        !yd_workbench_open(request->service, &request->actor, &spec, NULL, &job, error))
        return FALSE;
    return yd_answer_job(request, job);
}
