// SPDX-License-Identifier: Apache-2.0
// Who may do what: one table of role × right × scope. Pure. The same table is printed in
// docs/roles.md by the tests' check.
#pragma once

#include <glib.h>

typedef enum {
    YD_ROLE_USER,
    YD_ROLE_MANAGER,
    YD_ROLE_ADMIN,
} YdRole;

typedef enum {
    YD_RIGHT_NONE,             // nobody needs a right: log-in, health
    YD_RIGHT_SELF,             // everybody who is logged in, about themself
    YD_RIGHT_USERS_READ,       // admin all, manager department
    YD_RIGHT_USERS_WRITE,      // admin
    YD_RIGHT_DEPARTMENTS_READ, // admin all, manager department
    YD_RIGHT_DEPARTMENTS_WRITE,
    YD_RIGHT_TEMPLATES_READ, // admin
    YD_RIGHT_TEMPLATES_WRITE,
    YD_RIGHT_NETWORKS_READ, // admin
    YD_RIGHT_NETWORKS_WRITE,
    YD_RIGHT_POOLS_READ, // admin all, manager department, user own
    YD_RIGHT_POOLS_WRITE,
    YD_RIGHT_HOSTS_READ, // admin
    YD_RIGHT_HOSTS_WRITE,
    YD_RIGHT_DESKTOPS_READ,    // admin all, manager department, user own
    YD_RIGHT_DESKTOPS_POWER,   // start, shut down, reboot, power off, rebuild: as above
    YD_RIGHT_DESKTOPS_HANDOUT, // admin all, manager department
    YD_RIGHT_DESKTOPS_WRITE,   // delete, hardware: admin
    YD_RIGHT_DESKTOPS_FILES,   // look into restore points, give a file back: admin
    YD_RIGHT_CONNECT,          // own desktops only, every role
    YD_RIGHT_CONSOLE,          // the VM's screen: admin all
    YD_RIGHT_CONNECTIONS_READ, // admin all, manager department, user own
    YD_RIGHT_CONNECTIONS_CUT,  // admin all, manager department, user own
    YD_RIGHT_JOBS_READ,        // admin all, manager department, user own
    YD_RIGHT_JOBS_WRITE,       // cancel: admin
    YD_RIGHT_AUDIT_READ,       // admin
    YD_RIGHT_SETTINGS,         // admin
    YD_RIGHT_DOCTOR,           // admin
    YD_RIGHT_BACKUPS,          // see, make, put back, delete: admin
    YD_N_RIGHTS
} YdRight;

typedef enum {
    YD_SCOPE_NOTHING,
    YD_SCOPE_OWN,
    YD_SCOPE_DEPARTMENT, // own, and the people and desktops of the departments one manages
    YD_SCOPE_ALL,
} YdScope;

gboolean yd_role_from_name(const char *name, YdRole *ret_role);
const char *yd_role_name(YdRole role);
const char *yd_right_name(YdRight right); // "desktops.power"

// How far that right goes for that role.
YdScope yd_access_scope(YdRole role, YdRight right);
