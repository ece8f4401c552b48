// SPDX-License-Identifier: Apache-2.0
// Members and managers of departments.
#include "service/department.h"

#include "api/handlers.h"
#include "api/query.h"
#include "api/resource.h"

typedef YdPage *(*ListPeople)(YdService *service, const YdActor *actor, const char *department_id,
                              YdQuery *query, GError **error);
typedef gboolean (*AddPerson)(YdService *service, const YdActor *actor, const char *department_id,
                              const char *user_id, YdMembership **ret, GError **error);

static gboolean
list_people(YdRequest *request, ListPeople list_them, GError **error)
{
    const YdRecordType *type = request->route->type;
    g_autoptr(YdListQuery) list = yd_list_query_new(request, type, error);
    if (!list)
        return FALSE;
    g_autoptr(YdPage) page =
        list_them(request->service, &request->actor, request->params[0], &list->query, error);
    if (!page)
        return FALSE;
    yd_answer_page(request, type, page);
    return TRUE;
}

static gboolean
add_person(YdRequest *request, const YdRecordType *type, AddPerson add, GError **error)
{
    static const char *const known[] = {"user_id", NULL};
    const char *user_id = NULL;
    g_autoptr(YdMembership) membership = NULL;
    if (!yd_request_only(request, known, error) ||
        !yd_request_text(request, "user_id", TRUE, &user_id, error) ||
        !add(request->service, &request->actor, request->params[0], user_id, &membership, error))
        return FALSE;
    yd_answer_record(request, 200, type, membership);
    request->status = 201;
    return TRUE;
}

gboolean
yd_handle_department_members(YdRequest *request, GError **error)
{
    return list_people(request, yd_department_members, error);
}

gboolean
yd_handle_department_managers(YdRequest *request, GError **error)
{
    return list_people(request, yd_department_managers, error);
}

gboolean
yd_handle_department_member_add(YdRequest *request, GError **error)
{
    return add_person(request, &yd_membership_type, yd_department_add_member, error);
}

gboolean
yd_handle_department_manager_add(YdRequest *request, GError **error)
{
    return add_person(request, &yd_managership_type, yd_department_add_manager, error);
}

gboolean
yd_handle_department_member_remove(YdRequest *request, GError **error)
{
    if (!yd_department_remove_member(request->service, &request->actor, request->params[0],
                                     request->params[1], error))
        return FALSE;
    return yd_answer_nothing(request);
}

gboolean
yd_handle_department_manager_remove(YdRequest *request, GError **error)
{
    if (!yd_department_remove_manager(request->service, &request->actor, request->params[0],
                                      request->params[1], error))
        return FALSE;
    return yd_answer_nothing(request);
}
