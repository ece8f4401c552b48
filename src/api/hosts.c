// SPDX-License-Identifier: Apache-2.0
// Hosts: draining, fencing, the question what if, balancing; and moving a desktop from one to
// another. The rest is as of every noun.
#include "service/host.h"

#include "api/handlers.h"
#include "api/resource.h"
#include "service/desktop.h"
#include "service/host-balance.h"

gboolean
yd_handle_host_drain(YdRequest *request, GError **error)
{
    static const char *const known[] = {"parallel", NULL};
    gint64 parallel = 0;
    if (!yd_request_only(request, known, error) ||
        !yd_json_int(request->input, "parallel", 1, G_MAXINT32, &parallel, error))
        return FALSE;
    return yd_answer_job(request, yd_host_drain(request->service, &request->actor,
                                                request->params[0], parallel, error));
}

gboolean
yd_handle_host_fence(YdRequest *request, GError **error)
{
    static const char *const known[] = {"confirmed", NULL};
    gboolean confirmed = FALSE;
    if (!yd_request_only(request, known, error) ||
        !yd_json_bool(request->input, "confirmed", &confirmed, error))
        return FALSE;
    return yd_answer_job(request, yd_host_fence(request->service, &request->actor,
                                                request->params[0], confirmed, error));
}

gboolean
yd_handle_host_what_if(YdRequest *request, GError **error)
{
    json_t *answer = yd_host_what_if(request->service, &request->actor, request->params[0], error);
    if (!answer)
        return FALSE;
    yd_request_answer(request, 200, answer);
    return TRUE;
}

gboolean
yd_handle_balance_propose(YdRequest *request, GError **error)
{
    gint64 spread = 0, moves = 0;
    if (!yd_request_query_int(request, "spread", 1, 100, &spread, error) ||
        !yd_request_query_int(request, "moves", 1, YD_BALANCE_MOVES_MAX, &moves, error))
        return FALSE;
    json_t *answer = yd_balance_propose(request->service, &request->actor, spread, moves, error);
    if (!answer)
        return FALSE;
    yd_request_answer(request, 200, answer);
    return TRUE;
}

gboolean
yd_handle_balance_apply(YdRequest *request, GError **error)
{
    static const char *const known[] = {"spread", "moves", NULL};
    gint64 spread = 0, moves = 0;
    if (!yd_request_only(request, known, error) ||
        !yd_json_int(request->input, "spread", 1, 100, &spread, error) ||
        !yd_json_int(request->input, "moves", 1, YD_BALANCE_MOVES_MAX, &moves, error))
        return FALSE;
    return yd_answer_job(request,
                         yd_balance_apply(request->service, &request->actor, spread, moves, error));
}

gboolean
yd_handle_desktop_migrate(YdRequest *request, GError **error)
{
    static const char *const known[] = {"host_id", NULL};
    const char *host_id = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "host_id", FALSE, &host_id, error))
        return FALSE;
    return yd_answer_job(request, yd_desktop_migrate(request->service, &request->actor,
                                                     request->params[0], host_id, error));
}
