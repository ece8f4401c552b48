// SPDX-License-Identifier: Apache-2.0
// Pools: to whom they are given, and handing out.
#include "service/pool.h"

#include "api/handlers.h"
#include "api/query.h"
#include "api/resource.h"
#include "service/desktop.h"

gboolean
yd_handle_pool_entitlements(YdRequest *request, GError **error)
{
    g_autoptr(YdListQuery) list = yd_list_query_new(request, &yd_entitlement_type, error);
    if (!list)
        return FALSE;
    g_autoptr(YdPage) page = yd_pool_entitlements(request->service, &request->actor,
                                                  request->params[0], &list->query, error);
    if (!page)
        return FALSE;
    yd_answer_page(request, &yd_entitlement_type, page);
    return TRUE;
}

gboolean
yd_handle_pool_entitle(YdRequest *request, GError **error)
{
    static const char *const known[] = {"department_id", "user_id", NULL};
    const char *department_id = NULL, *user_id = NULL;
    g_autoptr(YdEntitlement) entitlement = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "department_id", FALSE, &department_id, error) ||
        !yd_request_text(request, "user_id", FALSE, &user_id, error))
        return FALSE;
    if (!department_id == !user_id)
        return yd_error_invalid(error, "department_id", "give either department_id or user_id");
    if (!yd_pool_entitle(request->service, &request->actor, request->params[0], department_id,
                         user_id, &entitlement, error))
        return FALSE;
    yd_answer_record(request, 200, &yd_entitlement_type, entitlement);
    request->status = 201;
    return TRUE;
}

gboolean
yd_handle_pool_unentitle(YdRequest *request, GError **error)
{
    if (!yd_pool_unentitle(request->service, &request->actor, request->params[0],
                           request->params[1], error))
        return FALSE;
    return yd_answer_nothing(request);
}

// The texts of the input's user_ids; NULL without error when there are none.
static gboolean
user_ids(YdRequest *request, char ***ret_ids, GError **error)
{
    json_t *list = json_object_get(request->input, "user_ids");
    if (!list || json_is_null(list))
        return TRUE;
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > 1000)
        return yd_error_invalid(error, "user_ids", "must be a list of 1 to 1000 ids");
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    gsize i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        if (!json_is_string(one))
            return yd_error_invalid(error, "user_ids", "must hold texts only");
        g_ptr_array_add(ids, g_strdup(json_string_value(one)));
    }
    g_ptr_array_add(ids, NULL);
    *ret_ids = (char **)g_ptr_array_free(g_steal_pointer(&ids), FALSE);
    return TRUE;
}

gboolean
yd_handle_pool_handout(YdRequest *request, GError **error)
{
    static const char *const known[] = {"department_id", "user_ids", NULL};
    const char *department_id = NULL;
    g_auto(GStrv) ids = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "department_id", FALSE, &department_id, error) ||
        !user_ids(request, &ids, error))
        return FALSE;
    if (!department_id == !ids)
        return yd_error_invalid(error, "department_id", "give either department_id or user_ids");
    return yd_answer_job(request,
                         yd_desktop_handout(request->service, &request->actor, request->params[0],
                                            department_id, (const char *const *)ids, error));
}
