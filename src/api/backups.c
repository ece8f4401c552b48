// SPDX-License-Identifier: Apache-2.0
// Backups: making, putting back, reading again, deleting, and how it stands with them. Listing is
// as of every noun.
#include "service/backup.h"

#include "api/handlers.h"
#include "api/resource.h"

gboolean
yd_handle_backup_create(YdRequest *request, GError **error)
{
    static const char *const known[] = {"what", "object_id", NULL};
    const char *what = NULL, *object_id = NULL;
    if (!yd_request_need_input(request, error) || !yd_request_only(request, known, error) ||
        !yd_request_text(request, "what", TRUE, &what, error) ||
        !yd_request_text(request, "object_id", FALSE, &object_id, error))
        return FALSE;
    return yd_answer_job(request,
                         yd_backup_make(request->service, &request->actor, what, object_id, error));
}

gboolean
yd_handle_backup_restore(YdRequest *request, GError **error)
{
    return yd_answer_job(
        request, yd_backup_restore(request->service, &request->actor, request->params[0], error));
}

gboolean
yd_handle_backup_verify(YdRequest *request, GError **error)
{
    return yd_answer_job(
        request, yd_backup_recheck(request->service, &request->actor, request->params[0], error));
}

gboolean
yd_handle_backup_delete(YdRequest *request, GError **error)
{
    return yd_answer_job(
        request, yd_backup_delete(request->service, &request->actor, request->params[0], error));
}

gboolean
yd_handle_backup_status(YdRequest *request, GError **error)
{
    json_t *status = yd_backup_status(request->service, &request->actor, error);
    if (!status)
        return FALSE;
    yd_request_answer(request, 200, status);
    return TRUE;
}
