// SPDX-License-Identifier: Apache-2.0
// Departments, their members and managers.

#include "service/department.h"
#include "service/change.h"
#include "service/check.h"
#include "service/pool.h"
#include <string.h>

static gboolean
check_fields(YdStore *store, YdDepartment *department, GError **error)
{
    if (!yd_check_name("number", department->number, YD_CHECK_LOWER YD_CHECK_UPPER YD_CHECK_DIGITS,
                       "._-", 32, "letters, digits, “.”, “_” and “-”", error) ||
        !yd_check_text("name", &department->name, TRUE, 100, FALSE, error) ||
        !yd_check_text("unit", &department->unit, FALSE, 100, FALSE, error))
        return FALSE;
    if (strchr(department->name, '|'))
        return yd_error_invalid(error, "name", "must not have a “|”, which separates departments");
    return (department->founded == 0 ||
            yd_check_int("founded", department->founded, 1000, 9999, error)) &&
           yd_check_reference(store, "network_id", &yd_network_type, department->network_id,
                              error) &&
           yd_check_unique(store, &yd_department_type, "number", department->number, department->id,
                           error) &&
           yd_check_unique(store, &yd_department_type, "name", department->name, department->id,
                           error);
}

gboolean
yd_department_create(YdService *service, const YdActor *actor, YdDepartment *department,
                     GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdDepartment) made = yd_change_given(&yd_department_type, department);
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_DEPARTMENTS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) || !check_fields(store, made, error) ||
        !yd_store_insert(store, &yd_department_type, made, error))
        return FALSE;
    details = yd_change_made(&yd_department_type, made);
    if (!yd_service_audit(service, actor, "department.create", "department", made->id, made->name,
                          details, error) ||
        !yd_store_tx_commit(&tx, error) ||
        !yd_change_reload(store, &yd_department_type, made, error))
        return FALSE;
    yd_change_assign(&yd_department_type, department, made);
    return TRUE;
}

gboolean
yd_department_update(YdService *service, const YdActor *actor, YdDepartment *department,
                     gint64 version, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdDepartment) current = NULL;
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_DEPARTMENTS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(current = yd_store_get(store, &yd_department_type, department->id, error)) ||
        !yd_change_check_version(&yd_department_type, current, department, version, error))
        return FALSE;
    details = yd_change_apply(&yd_department_type, current, department);
    if (!check_fields(store, current, error))
        return FALSE;
    if (details && (!yd_store_update(store, &yd_department_type, current, error) ||
                    !yd_service_audit(service, actor, "department.change", "department",
                                      current->id, current->name, details, error)))
        return FALSE;
    if (!yd_store_tx_commit(&tx, error) ||
        !yd_change_reload(store, &yd_department_type, current, error))
        return FALSE;
    yd_change_assign(&yd_department_type, department, current);
    return TRUE;
}

// How many rows of that type name the department.
static gboolean
count_of(YdStore *store, const YdRecordType *type, const char *department_id, guint *ret_count,
         GError **error)
{
    g_autoptr(GPtrArray) rows = yd_store_all(store, type, "department_id", department_id, error);

    if (rows)
        *ret_count = rows->len;
    return rows != NULL;
}

static gboolean
check_unused(YdStore *store, const YdDepartment *department, GError **error)
{
    guint members = 0, entitlements = 0;

    if (!count_of(store, &yd_membership_type, department->id, &members, error) ||
        !count_of(store, &yd_entitlement_type, department->id, &entitlements, error))
        return FALSE;
    if (members == 0 && entitlements == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                "department “%s” still has %u member(s) and %u pool(s) are given to it; remove "
                "these first",
                department->name, members, entitlements);
    return FALSE;
}

static gboolean
remove_managers(YdStore *store, const char *department_id, GError **error)
{
    g_autoptr(GPtrArray) rows =
        yd_store_all(store, &yd_managership_type, "department_id", department_id, error);

    for (guint i = 0; rows && i < rows->len; i++) {
        const YdMembership *row = rows->pdata[i];
        if (!yd_store_delete(store, &yd_managership_type, row->id, 0, error))
            return FALSE;
    }
    return rows != NULL;
}

gboolean
yd_department_delete(YdService *service, const YdActor *actor, const char *department_id,
                     gint64 version, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdDepartment) department = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_DEPARTMENTS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(department = yd_store_get(store, &yd_department_type, department_id, error)) ||
        !yd_change_check_version(&yd_department_type, department, department, version, error))
        return FALSE;
    return check_unused(store, department, error) && remove_managers(store, department_id, error) &&
           yd_store_delete(store, &yd_department_type, department_id, 0, error) &&
           yd_service_audit(service, actor, "department.delete", "department", department_id,
                            department->name, NULL, error) &&
           yd_store_tx_commit(&tx, error);
}

// ---- members and managers ----

// The department must be visible; the rows then need no further scope.
static YdPage *
list_of(YdService *service, const YdActor *actor, const YdRecordType *type,
        const char *department_id, YdQuery *query, GError **error)
{
    const char *values[] = {department_id, NULL};
    g_autofree YdCondition *conditions = g_new0(YdCondition, query->n_conditions + 1);
    YdQuery own = *query;
    YdStore *store = yd_service_store(service, error);

    if (!store || !yd_service_may(service, actor, YD_RIGHT_DEPARTMENTS_READ, &yd_department_type,
                                  department_id, error))
        return NULL;
    for (gsize i = 0; i < query->n_conditions; i++)
        conditions[i] = query->conditions[i];
    conditions[query->n_conditions] = (YdCondition){"department_id", "=", values};
    own.conditions = conditions;
    own.n_conditions = query->n_conditions + 1;
    own.only_user = own.only_manager = NULL;
    return yd_store_list(store, type, &own, error);
}

YdPage *
yd_department_members(YdService *service, const YdActor *actor, const char *department_id,
                      YdQuery *query, GError **error)
{
    return list_of(service, actor, &yd_membership_type, department_id, query, error);
}

YdPage *
yd_department_managers(YdService *service, const YdActor *actor, const char *department_id,
                       YdQuery *query, GError **error)
{
    return list_of(service, actor, &yd_managership_type, department_id, query, error);
}

// The row of that user in that department; NULL without an error when there is none.
static gboolean
find_row(YdStore *store, const YdRecordType *type, const char *department_id, const char *user_id,
         YdMembership **ret_row, GError **error)
{
    g_autoptr(GPtrArray) rows = yd_store_all(store, type, "user_id", user_id, error);

    *ret_row = NULL;
    for (guint i = 0; rows && i < rows->len && !*ret_row; i++) {
        const YdMembership *row = rows->pdata[i];
        if (g_str_equal(row->department_id, department_id))
            *ret_row = yd_membership_copy(row);
    }
    return rows != NULL;
}

// {"username":…} of a person in the audit of a department.
static gboolean
audit_person(YdService *service, const YdActor *actor, const char *act, YdStore *store,
             const char *department_id, const char *user_id, GError **error)
{
    g_autoptr(YdDepartment) department =
        yd_store_get(store, &yd_department_type, department_id, error);
    g_autoptr(YdUser) user = department ? yd_store_get(store, &yd_user_type, user_id, error) : NULL;
    g_autofree char *details = user ? yd_change_note("username", user->username) : NULL;

    return user && yd_service_audit(service, actor, act, "department", department_id,
                                    department->name, details, error);
}

static gboolean
add_row(YdService *service, const YdActor *actor, const YdRecordType *type, const char *act,
        const char *department_id, const char *user_id, YdMembership **ret_row, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdMembership) row = NULL;
    g_autoptr(YdMembership) there = NULL;

    // Reads both first, so that a wrong id is NOT_FOUND and not a foreign key's failure.
    if (!tx || !audit_person(service, actor, act, store, department_id, user_id, error) ||
        !find_row(store, type, department_id, user_id, &there, error))
        return FALSE;
    if (there) {
        g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "“%s” is in the list of “%s” already",
                    there->username, there->department_name);
        return FALSE;
    }
    row = yd_record_new(type);
    row->department_id = g_strdup(department_id);
    row->user_id = g_strdup(user_id);
    if (!yd_store_insert(store, type, row, error) || !yd_store_tx_commit(&tx, error) ||
        !yd_change_reload(store, type, row, error))
        return FALSE;
    if (ret_row)
        *ret_row = g_steal_pointer(&row);
    return TRUE;
}

// Who left the department loses what was given to them only by it.
static gboolean
cut_unentitled(YdService *service, YdStore *store, const char *department_id, const char *user_id,
               GError **error)
{
    g_autoptr(GPtrArray) given =
        yd_store_all(store, &yd_entitlement_type, "department_id", department_id, error);

    for (guint i = 0; given && i < given->len; i++) {
        const YdEntitlement *entitlement = given->pdata[i];
        if (!yd_pool_cut_unentitled(service, entitlement->pool_id, user_id, error))
            return FALSE;
    }
    return given != NULL;
}

static gboolean
remove_row(YdService *service, const YdActor *actor, const YdRecordType *type, const char *act,
           const char *department_id, const char *user_id, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdMembership) row = NULL;

    if (!tx || !audit_person(service, actor, act, store, department_id, user_id, error) ||
        !find_row(store, type, department_id, user_id, &row, error))
        return FALSE;
    if (!row) {
        g_autofree char *quoted = yd_check_quote(user_id);
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "no %s of the department has the id %s",
                    type->noun, quoted);
        return FALSE;
    }
    return yd_store_delete(store, type, row->id, 0, error) &&
           (type != &yd_membership_type ||
            cut_unentitled(service, store, department_id, user_id, error)) &&
           yd_store_tx_commit(&tx, error);
}

gboolean
yd_department_add_member(YdService *service, const YdActor *actor, const char *department_id,
                         const char *user_id, YdMembership **ret_membership, GError **error)
{
    return yd_service_allowed(actor, YD_RIGHT_DEPARTMENTS_WRITE, error) &&
           add_row(service, actor, &yd_membership_type, "department.member.add", department_id,
                   user_id, ret_membership, error);
}

gboolean
yd_department_remove_member(YdService *service, const YdActor *actor, const char *department_id,
                            const char *user_id, GError **error)
{
    return yd_service_allowed(actor, YD_RIGHT_DEPARTMENTS_WRITE, error) &&
           remove_row(service, actor, &yd_membership_type, "department.member.remove",
                      department_id, user_id, error);
}

gboolean
yd_department_add_manager(YdService *service, const YdActor *actor, const char *department_id,
                          const char *user_id, YdMembership **ret_managership, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdUser) user = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_DEPARTMENTS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(user = yd_store_get(store, &yd_user_type, user_id, error)))
        return FALSE;
    if (g_strcmp0(user->role, "user") == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "“%s” has the role “user”; give them the role “manager” first", user->username);
        return FALSE;
    }
    return add_row(service, actor, &yd_managership_type, "department.manager.add", department_id,
                   user_id, ret_managership, error) &&
           yd_store_tx_commit(&tx, error);
}

gboolean
yd_department_remove_manager(YdService *service, const YdActor *actor, const char *department_id,
                             const char *user_id, GError **error)
{
    return yd_service_allowed(actor, YD_RIGHT_DEPARTMENTS_WRITE, error) &&
           remove_row(service, actor, &yd_managership_type, "department.manager.remove",
                      department_id, user_id, error);
}
