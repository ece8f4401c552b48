// SPDX-License-Identifier: Apache-2.0
// Personal disks: growing and moving. Listing and deleting are as of every noun.
#include "service/personal-disk.h"

#include "api/handlers.h"
#include "api/resource.h"

gboolean
yd_handle_personal_disk_grow(YdRequest *request, GError **error)
{
    static const char *const known[] = {"size_gib", NULL};
    gint64 size_gib = 0;
    YdJob *job = NULL;
    if (!yd_request_need_input(request, error) || !yd_request_only(request, known, error) ||
        !yd_json_int(request->input, "size_gib", 1, G_MAXINT32, &size_gib, error) ||
        !yd_personal_disk_grow(request->service, &request->actor, request->params[0], size_gib,
                               &job, error))
        return FALSE;
    return yd_answer_job(request, job);
}

gboolean
yd_handle_personal_disk_move(YdRequest *request, GError **error)
{
    static const char *const known[] = {"pool_id", NULL};
    const char *pool_id = NULL;
    if (!yd_request_need_input(request, error) || !yd_request_only(request, known, error) ||
        !yd_request_text(request, "pool_id", TRUE, &pool_id, error) ||
        !yd_personal_disk_move(request->service, &request->actor, request->params[0], pool_id,
                               error))
        return FALSE;
    return yd_answer_fresh(request, 200, yd_resource(&yd_personal_disk_type), request->params[0],
                           error);
}
