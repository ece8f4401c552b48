// SPDX-License-Identifier: Apache-2.0
// Who sees which rows, as SQL conditions, and whom an event about a row concerns. One table; a type
// that is not in it is seen by administrators only.
#include <string.h>

#include "store/store-private.h"

// Departments that the user manages, and the members of these.
#define MANAGED "(SELECT g.department_id FROM department_managers g WHERE g.user_id = ?)"
#define PEOPLE                                                                                     \
    "(SELECT m.user_id FROM memberships m JOIN department_managers g"                              \
    " ON g.department_id = m.department_id WHERE g.user_id = ?)"
#define MINE "(SELECT m.department_id FROM memberships m WHERE m.user_id = ?)"

#define DEPARTMENTS_OF(user)                                                                       \
    "SELECT GROUP_CONCAT(m.department_id) FROM memberships m WHERE m.user_id = " user

#define OF_USER "(SELECT r.user_id FROM "

static const YdScopeRule rules[] = {
    {.type = &yd_user_type,
     .own = "id = ?",
     .department = "(id = ? OR id IN " PEOPLE ")",
     .event_user = "SELECT ?",
     .event_departments = DEPARTMENTS_OF("?")},
    {.type = &yd_department_type,
     .own = "id IN " MINE,
     .department = "(id IN " MANAGED " OR id IN " MINE ")",
     .event_departments = "SELECT ?"},
    {.type = &yd_membership_type,
     .own = "user_id = ?",
     .department = "(user_id = ? OR department_id IN " MANAGED ")",
     .event_user = "SELECT user_id FROM memberships WHERE id = ?",
     .event_departments = "SELECT department_id FROM memberships WHERE id = ?"},
    {.type = &yd_managership_type,
     .own = "user_id = ?",
     .department = "(user_id = ? OR department_id IN " MANAGED ")",
     .event_user = "SELECT user_id FROM department_managers WHERE id = ?",
     .event_departments = "SELECT department_id FROM department_managers WHERE id = ?"},
    {.type = &yd_login_type, .own = "user_id = ?", .department = "user_id = ?", .silent = TRUE},
    {.type = &yd_address_type, .silent = TRUE},
    {.type = &yd_network_host_type, .silent = TRUE},
    {.type = &yd_audit_type, .silent = TRUE},
    {.type = &yd_template_type},
    {.type = &yd_template_version_type},
    {.type = &yd_media_type},
    {.type = &yd_network_type},
    {.type = &yd_host_type},
    {.type = &yd_backup_type},
    {.type = &yd_pool_type,
     .own = "id IN (SELECT e.pool_id FROM entitlements e WHERE e.user_id = ? OR e.department_id "
            "IN " MINE ")",
     .department = "id IN (SELECT e.pool_id FROM entitlements e WHERE e.user_id = ? OR "
                   "e.department_id IN " MINE " OR e.department_id IN " MANAGED
                   " OR e.user_id IN " PEOPLE ")",
     .event_departments = "SELECT GROUP_CONCAT(department_id) FROM entitlements WHERE pool_id = ?"},
    {.type = &yd_entitlement_type,
     .own = "(user_id = ? OR department_id IN " MINE ")",
     .department = "(user_id = ? OR department_id IN " MINE " OR department_id IN " MANAGED
                   " OR user_id IN " PEOPLE ")",
     .event_user = "SELECT user_id FROM entitlements WHERE id = ?",
     .event_departments = "SELECT department_id FROM entitlements WHERE id = ?"},
    {.type = &yd_desktop_type,
     .own = "user_id = ?",
     .department = "(user_id = ? OR user_id IN " PEOPLE ")",
     .event_user = "SELECT user_id FROM desktops WHERE id = ?",
     .event_departments = DEPARTMENTS_OF(OF_USER "desktops r WHERE r.id = ?)")},
    {.type = &yd_personal_disk_type,
     .own = "user_id = ?",
     .department = "(user_id = ? OR user_id IN " PEOPLE ")",
     .event_user = "SELECT user_id FROM personal_disks WHERE id = ?",
     .event_departments = DEPARTMENTS_OF(OF_USER "personal_disks r WHERE r.id = ?)")},
    {.type = &yd_restore_point_type,
     .own = "desktop_id IN (SELECT d.id FROM desktops d WHERE d.user_id = ?)",
     .department =
         "desktop_id IN (SELECT d.id FROM desktops d WHERE d.user_id = ? OR d.user_id IN " PEOPLE
         ")",
     .event_user = "SELECT d.user_id FROM restore_points r JOIN desktops d ON d.id = r.desktop_id "
                   "WHERE r.id = ?",
     .event_departments = DEPARTMENTS_OF("(SELECT d.user_id FROM restore_points r JOIN desktops d "
                                         "ON d.id = r.desktop_id WHERE r.id = ?)")},
    {.type = &yd_connection_type,
     .own = "user_id = ?",
     .department = "(user_id = ? OR user_id IN " PEOPLE ")",
     .event_user = "SELECT user_id FROM connections WHERE id = ?",
     .event_departments = DEPARTMENTS_OF(OF_USER "connections r WHERE r.id = ?)")},
    {.type = &yd_rollout_type,
     .department =
         "pool_id IN (SELECT e.pool_id FROM entitlements e WHERE e.department_id IN " MANAGED
         " OR e.user_id IN " PEOPLE ")",
     .event_departments =
         "SELECT GROUP_CONCAT(e.department_id) FROM entitlements e JOIN rollouts r "
         "ON r.pool_id = e.pool_id WHERE r.id = ?"},
    {.type = &yd_rollout_desktop_type,
     .department = "desktop_id IN (SELECT d.id FROM desktops d WHERE d.user_id IN " PEOPLE ")",
     .event_departments =
         DEPARTMENTS_OF("(SELECT d.user_id FROM rollout_desktops r JOIN desktops d "
                        "ON d.id = r.desktop_id WHERE r.id = ?)")},
    // Jobs of one's own, and those on one's desktops whoever began them.
    {.type = &yd_job_type,
     .own = "(user_id = ? OR object_id IN (SELECT d.id FROM desktops d WHERE d.user_id = ?))",
     .department = "(user_id = ? OR user_id IN " PEOPLE
                   " OR object_id IN (SELECT d.id FROM desktops d WHERE d.user_id = ? OR d.user_id "
                   "IN " PEOPLE "))",
     .event_user = "SELECT COALESCE((SELECT d.user_id FROM desktops d WHERE d.id = j.object_id), "
                   "j.user_id) FROM jobs j WHERE j.id = ?",
     .event_departments = DEPARTMENTS_OF(
         "(SELECT COALESCE((SELECT d.user_id FROM desktops d WHERE d.id = j.object_id), "
         "j.user_id) FROM jobs j WHERE j.id = ?)")},
};

const YdScopeRule *
yd_scope_rule(const YdRecordType *type)
{
    for (guint i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (rules[i].type == type)
            return &rules[i];
    }
    g_return_val_if_reached(NULL);
}

guint
yd_scope_parameters(const char *condition)
{
    guint n = 0;
    for (const char *c = condition; c && *c; c++)
        n += *c == '?';
    return n;
}

gboolean
yd_store_visible(YdStore *store, const YdRecordType *type, const char *id, const char *only_user,
                 const char *only_manager, GError **error)
{
    const YdScopeRule *rule = yd_scope_rule(type);
    const char *who = only_user ? only_user : only_manager;
    const char *scope = NULL;
    if (who)
        scope = only_user ? rule->own : rule->department;
    g_autofree char *text =
        g_strdup_printf("SELECT COUNT(*) FROM %s WHERE id = ? AND %s", type->table,
                        !who    ? "1 = 1"
                        : scope ? scope
                                : "1 = 0");
    YdStatement *statement = yd_sql_query(store->sql, error, text, "t", id);
    if (!statement)
        return FALSE;
    for (guint i = 0; i < yd_scope_parameters(scope); i++)
        yd_statement_bind_text(statement, (int)i + 2, who);
    gint64 n = 0;
    if (!yd_store_read_int(statement, &n, error))
        return FALSE;
    if (n > 0)
        return TRUE;
    g_autofree char *shown = g_utf8_make_valid(id ? id : "", -1);
    g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "There is no %s with the id “%.100s”",
                type->noun, shown);
    return FALSE;
}
