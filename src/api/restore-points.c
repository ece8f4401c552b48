// SPDX-License-Identifier: Apache-2.0
// Restore points: making one, going back, deleting. Listing is as of every noun.
#include "service/restore-point.h"

#include "api/handlers.h"
#include "api/resource.h"

gboolean
yd_handle_restore_point_create(YdRequest *request, GError **error)
{
    static const char *const known[] = {"note", NULL};
    const char *note = NULL;
    if (request->input && (!yd_request_only(request, known, error) ||
                           !yd_request_text(request, "note", FALSE, &note, error)))
        return FALSE;
    return yd_answer_job(request, yd_restore_point_create(request->service, &request->actor,
                                                          request->params[0], note, error));
}

gboolean
yd_handle_restore_point_restore(YdRequest *request, GError **error)
{
    static const char *const known[] = {"system", "personal", NULL};
    gboolean system = FALSE, personal = FALSE;
    if (!yd_request_need_input(request, error) || !yd_request_only(request, known, error) ||
        !yd_json_bool(request->input, "system", &system, error) ||
        !yd_json_bool(request->input, "personal", &personal, error))
        return FALSE;
    return yd_answer_job(request,
                         yd_restore_point_restore(request->service, &request->actor,
                                                  request->params[0], system, personal, error));
}

gboolean
yd_handle_restore_point_delete(YdRequest *request, GError **error)
{
    return yd_answer_job(request, yd_restore_point_delete(request->service, &request->actor,
                                                          request->params[0], error));
}
