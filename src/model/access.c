// SPDX-License-Identifier: Apache-2.0
// The table role × right → scope.
#include "model/access.h"

#include <string.h>

#define NOTHING YD_SCOPE_NOTHING
#define OWN YD_SCOPE_OWN
#define DEPT YD_SCOPE_DEPARTMENT
#define ALL YD_SCOPE_ALL

static const struct {
    const char *name;
    YdScope user, manager, admin;
} rights[] = {
    [YD_RIGHT_NONE] = {"none", ALL, ALL, ALL},
    [YD_RIGHT_SELF] = {"self", OWN, OWN, OWN},
    [YD_RIGHT_USERS_READ] = {"users.read", NOTHING, DEPT, ALL},
    [YD_RIGHT_USERS_WRITE] = {"users.write", NOTHING, NOTHING, ALL},
    [YD_RIGHT_DEPARTMENTS_READ] = {"departments.read", NOTHING, DEPT, ALL},
    [YD_RIGHT_DEPARTMENTS_WRITE] = {"departments.write", NOTHING, NOTHING, ALL},
    [YD_RIGHT_TEMPLATES_READ] = {"templates.read", NOTHING, NOTHING, ALL},
    [YD_RIGHT_TEMPLATES_WRITE] = {"templates.write", NOTHING, NOTHING, ALL},
    [YD_RIGHT_NETWORKS_READ] = {"networks.read", NOTHING, NOTHING, ALL},
    [YD_RIGHT_NETWORKS_WRITE] = {"networks.write", NOTHING, NOTHING, ALL},
    [YD_RIGHT_POOLS_READ] = {"pools.read", OWN, DEPT, ALL},
    [YD_RIGHT_POOLS_WRITE] = {"pools.write", NOTHING, NOTHING, ALL},
    [YD_RIGHT_HOSTS_READ] = {"hosts.read", NOTHING, NOTHING, ALL},
    [YD_RIGHT_HOSTS_WRITE] = {"hosts.write", NOTHING, NOTHING, ALL},
    [YD_RIGHT_DESKTOPS_READ] = {"desktops.read", OWN, DEPT, ALL},
    [YD_RIGHT_DESKTOPS_POWER] = {"desktops.power", OWN, DEPT, ALL},
    [YD_RIGHT_DESKTOPS_HANDOUT] = {"desktops.handout", NOTHING, DEPT, ALL},
    [YD_RIGHT_DESKTOPS_WRITE] = {"desktops.write", NOTHING, NOTHING, ALL},
    [YD_RIGHT_DESKTOPS_FILES] = {"desktops.files", NOTHING, NOTHING, ALL},
    [YD_RIGHT_CONNECT] = {"connect", OWN, OWN, OWN},
    [YD_RIGHT_CONSOLE] = {"console", NOTHING, NOTHING, ALL},
    [YD_RIGHT_CONNECTIONS_READ] = {"connections.read", OWN, DEPT, ALL},
    [YD_RIGHT_CONNECTIONS_CUT] = {"connections.cut", OWN, DEPT, ALL},
    [YD_RIGHT_JOBS_READ] = {"jobs.read", OWN, DEPT, ALL},
    [YD_RIGHT_JOBS_WRITE] = {"jobs.write", NOTHING, NOTHING, ALL},
    [YD_RIGHT_AUDIT_READ] = {"audit.read", NOTHING, NOTHING, ALL},
    [YD_RIGHT_SETTINGS] = {"settings", NOTHING, NOTHING, ALL},
    [YD_RIGHT_DOCTOR] = {"doctor", NOTHING, NOTHING, ALL},
    [YD_RIGHT_BACKUPS] = {"backups", NOTHING, NOTHING, ALL},
};
G_STATIC_ASSERT(G_N_ELEMENTS(rights) == YD_N_RIGHTS);

static const char *const roles[] = {
    [YD_ROLE_USER] = "user", [YD_ROLE_MANAGER] = "manager", [YD_ROLE_ADMIN] = "admin"};

gboolean
yd_role_from_name(const char *name, YdRole *ret_role)
{
    for (guint i = 0; name && i < G_N_ELEMENTS(roles); i++) {
        if (strcmp(roles[i], name) == 0) {
            *ret_role = (YdRole)i;
            return TRUE;
        }
    }
    return FALSE;
}

const char *
yd_role_name(YdRole role)
{
    g_return_val_if_fail((guint)role < G_N_ELEMENTS(roles), "user");
    return roles[role];
}

const char *
yd_right_name(YdRight right)
{
    g_return_val_if_fail((guint)right < YD_N_RIGHTS, "none");
    return rights[right].name;
}

YdScope
yd_access_scope(YdRole role, YdRight right)
{
    g_return_val_if_fail((guint)right < YD_N_RIGHTS, YD_SCOPE_NOTHING);
    switch (role) {
    case YD_ROLE_USER:
        return rights[right].user;
    case YD_ROLE_MANAGER:
        return rights[right].manager;
    case YD_ROLE_ADMIN:
        return rights[right].admin;
    default:
        return YD_SCOPE_NOTHING;
    }
}
