// SPDX-License-Identifier: Apache-2.0
// All users that somebody may see as CSV, in the form that the import reads.

#include "service/user-csv.h"
#include "service/user-import.h"

// Adds the department's number or name to what the user has so far.
static void
add_department(GHashTable *by_user, const YdMembership *membership, const char *name)
{
    const char *so_far = g_hash_table_lookup(by_user, membership->user_id);

    g_hash_table_insert(by_user, g_strdup(membership->user_id),
                        so_far ? g_strconcat(so_far, "|", name, NULL) : g_strdup(name));
}

// Department id -> number (or name), of those that the actor may see.
static GHashTable *
department_names(YdService *service, const YdActor *actor, GError **error)
{
    g_autoptr(YdPage) page = NULL;
    YdQuery all = {0};
    GHashTable *names;

    page = yd_service_list(service, actor, YD_RIGHT_DEPARTMENTS_READ, &yd_department_type, &all,
                           error);
    if (!page)
        return NULL;
    names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < page->records->len; i++) {
        const YdDepartment *department = page->records->pdata[i];
        g_hash_table_insert(names, g_strdup(department->id),
                            g_strdup(department->number ? department->number : department->name));
    }
    return names;
}

// User id -> "number|number".
static GHashTable *
departments_by_user(YdService *service, const YdActor *actor, GError **error)
{
    g_autoptr(GHashTable) names = department_names(service, actor, error);
    g_autoptr(YdPage) page = NULL;
    YdQuery all = {0};
    GHashTable *by_user;

    if (!names || !(page = yd_service_list(service, actor, YD_RIGHT_DEPARTMENTS_READ,
                                           &yd_membership_type, &all, error)))
        return NULL;
    by_user = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (guint i = 0; i < page->records->len; i++) {
        const YdMembership *membership = page->records->pdata[i];
        const char *name = g_hash_table_lookup(names, membership->department_id);
        if (name)
            add_department(by_user, membership, name);
    }
    return by_user;
}

char *
yd_user_export(YdService *service, const YdActor *actor, GError **error)
{
    g_autoptr(GHashTable) departments = NULL;
    g_autoptr(YdPage) page = NULL;
    YdQuery all = {.sort = "username"};
    GString *out;

    page = yd_service_list(service, actor, YD_RIGHT_USERS_READ, &yd_user_type, &all, error);
    if (!page || !(departments = departments_by_user(service, actor, error)))
        return NULL;
    out = g_string_new("\xef\xbb\xbfusername,name,number,email,role,departments\r\n");
    for (guint i = 0; i < page->records->len; i++) {
        const YdUser *user = page->records->pdata[i];
        yd_csv_append(out, user->username, ",");
        yd_csv_append(out, user->name, ",");
        yd_csv_append(out, user->number, ",");
        yd_csv_append(out, user->email, ",");
        yd_csv_append(out, user->role, ",");
        yd_csv_append(out, g_hash_table_lookup(departments, user->id), "\r\n");
    }
    return g_string_free(out, FALSE);
}
