// SPDX-License-Identifier: Apache-2.0
// Departments, their members and managers. Reading and listing is yd_service_get/_list with
// YD_RIGHT_DEPARTMENTS_READ and &yd_department_type; writing is for administrators
// (YD_RIGHT_DEPARTMENTS_WRITE).
//
// Rules of the fields: number [A-Za-z0-9._-]{1,32}, unique; name 1..100 characters, unique, without
// "|"; unit up to 100; founded 0 or 1000..9999; network_id of an existing network or NULL.
#pragma once

#include "service/service.h"

// Fills in the record as stored. Errors: INVALID, EXISTS, FORBIDDEN.
gboolean yd_department_create(YdService *service, const YdActor *actor, YdDepartment *department,
                              GError **error);

// As yd_user_update: record with the changes applied, expected version (0: the record's own).
gboolean yd_department_update(YdService *service, const YdActor *actor, YdDepartment *department,
                              gint64 version, GError **error);

// Refused (IN_USE) while it has members or pools are given to it; its managers cease to be that.
gboolean yd_department_delete(YdService *service, const YdActor *actor, const char *department_id,
                              gint64 version, GError **error);

// Members as YdMembership, managers as YdMembership of &yd_managership_type. query as for
// yd_service_list (conditions, paging); the department is added to it. The department must be
// visible to the actor.
YdPage *yd_department_members(YdService *service, const YdActor *actor, const char *department_id,
                              YdQuery *query, GError **error);
YdPage *yd_department_managers(YdService *service, const YdActor *actor, const char *department_id,
                               YdQuery *query, GError **error);

// Already a member: EXISTS. ret_membership may be NULL.
gboolean
yd_department_add_member(YdService *service, const YdActor *actor, const char *department_id,
                         const char *user_id, YdMembership **ret_membership, GError **error);
// Desktops stay; connecting to what was given through the department is NOT_ENTITLED from now on.
gboolean
yd_department_remove_member(YdService *service, const YdActor *actor, const char *department_id,
                            const char *user_id, GError **error);

// A manager needs the role "manager" (or "admin"): STATE else.
gboolean
yd_department_add_manager(YdService *service, const YdActor *actor, const char *department_id,
                          const char *user_id, YdMembership **ret_managership, GError **error);
gboolean
yd_department_remove_manager(YdService *service, const YdActor *actor, const char *department_id,
                             const char *user_id, GError **error);
