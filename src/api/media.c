// SPDX-License-Identifier: Apache-2.0
// The media library. The bytes themselves are received in upload.c.
#include "service/media.h"

#include "api/handlers.h"
#include "api/resource.h"

gboolean
yd_handle_media_get(YdRequest *request, GError **error)
{
    g_autoptr(YdMedia) media =
        yd_media_get(request->service, &request->actor, request->params[0], error);
    if (!media)
        return FALSE;
    yd_answer_record(request, 200, &yd_media_type, media);
    return TRUE;
}

gboolean
yd_handle_media_finish(YdRequest *request, GError **error)
{
    YdJob *job = NULL;
    if (!yd_media_finish(request->service, &request->actor, request->params[0], &job, error))
        return FALSE;
    return yd_answer_job(request, job);
}
