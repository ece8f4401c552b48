// SPDX-License-Identifier: Apache-2.0
// THE table: method, path, right, handler. Every route names its right; one without does not
// compile. tools/check-openapi compares the table with api/openapi.yaml both ways.
#include "api/request.h"

#include <string.h>

#include "api/handlers.h"

#define V1 "/api/v1"
#define ROUTE(method_, path_, right_, handler_, ...)                                               \
    {                                                                                              \
        .method = (method_), .path = (path_), .right = YD_RIGHT_##right_,                          \
        .handler = yd_handle_##handler_, ##__VA_ARGS__                                             \
    }
// A noun's list and get need its type; .secret: the answer holds secrets.
#define OF(noun) .type = &yd_##noun##_type
#define UNDER(noun, column) .parent_type = &yd_##noun##_type, .parent = #column

static const YdRoute routes[] = {
    ROUTE("GET", "/healthz", NONE, healthz),
    ROUTE("GET", "/readyz", NONE, readyz),
    ROUTE("GET", "/metrics", NONE, metrics, .changeless = TRUE),

    ROUTE("POST", V1 "/login", NONE, login, .lane = YD_LANE_HASH, .secret = TRUE,
          .changeless = TRUE),
    ROUTE("POST", V1 "/logout", SELF, logout, .changeless = TRUE),
    ROUTE("GET", V1 "/me", SELF, me, .changeless = TRUE),
    ROUTE("PATCH", V1 "/me", SELF, me_update),
    ROUTE("POST", V1 "/me/password", SELF, me_password, .lane = YD_LANE_HASH, .secret = TRUE,
          .changeless = TRUE),
    ROUTE("GET", V1 "/me/logins", SELF, me_logins),
    ROUTE("DELETE", V1 "/me/logins/{id}", SELF, me_login_end),
    ROUTE("GET", V1 "/me/desktops", SELF, me_desktops),

    ROUTE("GET", V1 "/users", USERS_READ, list, OF(user)),
    ROUTE("POST", V1 "/users", USERS_WRITE, user_create, .lane = YD_LANE_HASH, OF(user)),
    ROUTE("POST", V1 "/users/import", USERS_WRITE, user_import, .lane = YD_LANE_HASH,
          .body = YD_BODY_CSV, .secret = TRUE),
    ROUTE("GET", V1 "/users/export", USERS_READ, user_export),
    ROUTE("GET", V1 "/users/{id}", USERS_READ, get, OF(user)),
    ROUTE("PATCH", V1 "/users/{id}", USERS_WRITE, update, OF(user)),
    ROUTE("DELETE", V1 "/users/{id}", USERS_WRITE, remove, OF(user)),
    ROUTE("POST", V1 "/users/{id}/password", USERS_WRITE, user_password, .lane = YD_LANE_HASH,
          .secret = TRUE),

    ROUTE("GET", V1 "/departments", DEPARTMENTS_READ, list, OF(department)),
    ROUTE("POST", V1 "/departments", DEPARTMENTS_WRITE, create, OF(department)),
    ROUTE("GET", V1 "/departments/{id}", DEPARTMENTS_READ, get, OF(department)),
    ROUTE("PATCH", V1 "/departments/{id}", DEPARTMENTS_WRITE, update, OF(department)),
    ROUTE("DELETE", V1 "/departments/{id}", DEPARTMENTS_WRITE, remove, OF(department)),
    ROUTE("GET", V1 "/departments/{id}/members", DEPARTMENTS_READ, department_members,
          OF(membership)),
    ROUTE("POST", V1 "/departments/{id}/members", DEPARTMENTS_WRITE, department_member_add),
    ROUTE("DELETE", V1 "/departments/{id}/members/{user_id}", DEPARTMENTS_WRITE,
          department_member_remove),
    ROUTE("GET", V1 "/departments/{id}/managers", DEPARTMENTS_READ, department_managers,
          OF(managership)),
    ROUTE("POST", V1 "/departments/{id}/managers", DEPARTMENTS_WRITE, department_manager_add),
    ROUTE("DELETE", V1 "/departments/{id}/managers/{user_id}", DEPARTMENTS_WRITE,
          department_manager_remove),

    ROUTE("GET", V1 "/templates", TEMPLATES_READ, list, OF(template)),
    ROUTE("POST", V1 "/templates", TEMPLATES_WRITE, create, OF(template)),
    ROUTE("GET", V1 "/templates/{id}", TEMPLATES_READ, get, OF(template)),
    ROUTE("PATCH", V1 "/templates/{id}", TEMPLATES_WRITE, update, OF(template)),
    ROUTE("DELETE", V1 "/templates/{id}", TEMPLATES_WRITE, remove, OF(template)),
    ROUTE("GET", V1 "/templates/{id}/versions", TEMPLATES_READ, list, OF(template_version),
          UNDER(template, template_id)),
    ROUTE("POST", V1 "/templates/{id}/versions", TEMPLATES_WRITE, version_import),
    ROUTE("GET", V1 "/template-versions/{id}", TEMPLATES_READ, get, OF(template_version)),
    ROUTE("DELETE", V1 "/template-versions/{id}", TEMPLATES_WRITE, version_delete,
          OF(template_version)),
    ROUTE("PATCH", V1 "/template-versions/{id}", TEMPLATES_WRITE, update, OF(template_version)),
    ROUTE("POST", V1 "/template-versions/{id}/check", TEMPLATES_WRITE, version_check),
    ROUTE("POST", V1 "/template-versions/{id}/verify", TEMPLATES_WRITE, version_verify),
    ROUTE("POST", V1 "/template-versions/{id}/flatten", TEMPLATES_WRITE, version_flatten),
    ROUTE("POST", V1 "/templates/{id}/workbenches", TEMPLATES_WRITE, workbench_open),
    ROUTE("POST", V1 "/template-versions/{id}/ram", TEMPLATES_WRITE, version_ram_make),
    ROUTE("DELETE", V1 "/template-versions/{id}/ram", TEMPLATES_WRITE, version_ram_delete),
    ROUTE("PUT", V1 "/uploads", TEMPLATES_WRITE, upload, .body = YD_BODY_UPLOAD),

    ROUTE("GET", V1 "/media", TEMPLATES_READ, list, OF(media)),
    ROUTE("POST", V1 "/media", TEMPLATES_WRITE, create, OF(media)),
    ROUTE("GET", V1 "/media/{id}", TEMPLATES_READ, media_get, OF(media)),
    ROUTE("DELETE", V1 "/media/{id}", TEMPLATES_WRITE, remove, OF(media)),
    ROUTE("PUT", V1 "/media/{id}/content", TEMPLATES_WRITE, media_content, .body = YD_BODY_UPLOAD),
    ROUTE("POST", V1 "/media/{id}/finish", TEMPLATES_WRITE, media_finish),

    ROUTE("POST", V1 "/workbenches", TEMPLATES_WRITE, workbench_create),
    ROUTE("POST", V1 "/workbenches/{id}/finish", TEMPLATES_WRITE, workbench_finish),

    ROUTE("GET", V1 "/networks", NETWORKS_READ, list, OF(network)),
    ROUTE("POST", V1 "/networks", NETWORKS_WRITE, network_create, OF(network)),
    ROUTE("GET", V1 "/networks/{id}", NETWORKS_READ, get, OF(network)),
    ROUTE("PATCH", V1 "/networks/{id}", NETWORKS_WRITE, network_update, OF(network)),
    ROUTE("DELETE", V1 "/networks/{id}", NETWORKS_WRITE, network_delete, OF(network)),
    ROUTE("GET", V1 "/networks/{id}/addresses", NETWORKS_READ, list, OF(address),
          UNDER(network, network_id)),
    ROUTE("GET", V1 "/networks/{id}/hosts", NETWORKS_READ, list, OF(network_host),
          UNDER(network, network_id)),

    ROUTE("GET", V1 "/pools", POOLS_READ, list, OF(pool)),
    ROUTE("POST", V1 "/pools", POOLS_WRITE, create, OF(pool)),
    ROUTE("GET", V1 "/pools/{id}", POOLS_READ, get, OF(pool)),
    ROUTE("PATCH", V1 "/pools/{id}", POOLS_WRITE, update, OF(pool)),
    ROUTE("DELETE", V1 "/pools/{id}", POOLS_WRITE, remove, OF(pool)),
    ROUTE("GET", V1 "/pools/{id}/entitlements", POOLS_READ, pool_entitlements, OF(entitlement)),
    ROUTE("POST", V1 "/pools/{id}/entitlements", POOLS_WRITE, pool_entitle),
    ROUTE("DELETE", V1 "/pools/{id}/entitlements/{entitlement_id}", POOLS_WRITE, pool_unentitle),
    ROUTE("POST", V1 "/pools/{id}/handout", DESKTOPS_HANDOUT, pool_handout),
    ROUTE("POST", V1 "/pools/{id}/connections", CONNECT, pool_connect, .lane = YD_LANE_CONNECT,
          .secret = TRUE),

    ROUTE("POST", V1 "/pools/{id}/rollouts", POOLS_WRITE, rollout_start),
    ROUTE("GET", V1 "/rollouts", POOLS_READ, list, OF(rollout)),
    ROUTE("GET", V1 "/rollouts/{id}", POOLS_READ, get, OF(rollout)),
    ROUTE("GET", V1 "/rollouts/{id}/desktops", POOLS_READ, list, OF(rollout_desktop),
          UNDER(rollout, rollout_id)),
    ROUTE("POST", V1 "/rollouts/{id}/pause", POOLS_WRITE, rollout_pause),
    ROUTE("POST", V1 "/rollouts/{id}/resume", POOLS_WRITE, rollout_resume),
    ROUTE("POST", V1 "/rollouts/{id}/back", POOLS_WRITE, rollout_back),

    ROUTE("GET", V1 "/desktops", DESKTOPS_READ, list, OF(desktop)),
    ROUTE("GET", V1 "/desktops/{id}", DESKTOPS_READ, get, OF(desktop)),
    ROUTE("PATCH", V1 "/desktops/{id}", DESKTOPS_WRITE, desktop_update, OF(desktop),
          .lane = YD_LANE_CONNECT),
    ROUTE("DELETE", V1 "/desktops/{id}", DESKTOPS_WRITE, desktop_delete, OF(desktop)),
    ROUTE("POST", V1 "/desktops/{id}/start", DESKTOPS_POWER, desktop_start),
    ROUTE("POST", V1 "/desktops/{id}/shutdown", DESKTOPS_POWER, desktop_shutdown),
    ROUTE("POST", V1 "/desktops/{id}/reboot", DESKTOPS_POWER, desktop_reboot),
    ROUTE("POST", V1 "/desktops/{id}/power-off", DESKTOPS_POWER, desktop_power_off),
    ROUTE("POST", V1 "/desktops/{id}/rebuild", DESKTOPS_POWER, desktop_rebuild),
    ROUTE("POST", V1 "/desktops/{id}/migrate", HOSTS_WRITE, desktop_migrate),
    ROUTE("GET", V1 "/desktops/{id}/stats", DESKTOPS_READ, desktop_stats),
    ROUTE("GET", V1 "/desktops/{id}/screenshot", CONSOLE, desktop_screenshot,
          .lane = YD_LANE_CONNECT),
    ROUTE("GET", V1 "/desktops/{id}/picture", CONNECT, desktop_picture, .lane = YD_LANE_CONNECT),
    ROUTE("POST", V1 "/desktops/{id}/connections", CONNECT, desktop_connect,
          .lane = YD_LANE_CONNECT, .secret = TRUE),

    ROUTE("GET", V1 "/restore-points", DESKTOPS_READ, list, OF(restore_point)),
    ROUTE("GET", V1 "/restore-points/{id}", DESKTOPS_READ, get, OF(restore_point)),
    ROUTE("POST", V1 "/desktops/{id}/restore-points", DESKTOPS_POWER, restore_point_create),
    ROUTE("POST", V1 "/restore-points/{id}/restore", DESKTOPS_POWER, restore_point_restore),
    ROUTE("DELETE", V1 "/restore-points/{id}", DESKTOPS_POWER, restore_point_delete),
    ROUTE("GET", V1 "/restore-points/{id}/files", DESKTOPS_FILES, restore_files_list,
          .lane = YD_LANE_CONNECT),
    ROUTE("GET", V1 "/restore-points/{id}/file", DESKTOPS_FILES, restore_files_get,
          .lane = YD_LANE_CONNECT),
    ROUTE("POST", V1 "/restore-points/{id}/give-back", DESKTOPS_FILES, restore_files_give),

    ROUTE("GET", V1 "/personal-disks", DESKTOPS_READ, list, OF(personal_disk)),
    ROUTE("GET", V1 "/personal-disks/{id}", DESKTOPS_READ, get, OF(personal_disk)),
    ROUTE("DELETE", V1 "/personal-disks/{id}", DESKTOPS_WRITE, remove, OF(personal_disk)),
    ROUTE("POST", V1 "/personal-disks/{id}/grow", DESKTOPS_WRITE, personal_disk_grow),
    ROUTE("POST", V1 "/personal-disks/{id}/move", DESKTOPS_WRITE, personal_disk_move),

    ROUTE("GET", V1 "/backups", BACKUPS, list, OF(backup)),
    ROUTE("POST", V1 "/backups", BACKUPS, backup_create),
    ROUTE("GET", V1 "/backups/{id}", BACKUPS, get, OF(backup)),
    ROUTE("DELETE", V1 "/backups/{id}", BACKUPS, backup_delete),
    ROUTE("POST", V1 "/backups/{id}/restore", BACKUPS, backup_restore),
    ROUTE("POST", V1 "/backups/{id}/verify", BACKUPS, backup_verify),
    ROUTE("GET", V1 "/backup-status", BACKUPS, backup_status, .changeless = TRUE),

    ROUTE("GET", V1 "/connections", CONNECTIONS_READ, list, OF(connection)),
    ROUTE("GET", V1 "/connections/{id}", CONNECTIONS_READ, get, OF(connection)),
    ROUTE("DELETE", V1 "/connections/{id}", CONNECTIONS_CUT, connection_cut),

    ROUTE("GET", V1 "/hosts", HOSTS_READ, list, OF(host)),
    ROUTE("POST", V1 "/hosts", HOSTS_WRITE, create, OF(host), .lane = YD_LANE_CONNECT),
    ROUTE("GET", V1 "/hosts/{id}", HOSTS_READ, get, OF(host)),
    ROUTE("PATCH", V1 "/hosts/{id}", HOSTS_WRITE, update, OF(host), .lane = YD_LANE_CONNECT),
    ROUTE("DELETE", V1 "/hosts/{id}", HOSTS_WRITE, remove, OF(host), .lane = YD_LANE_CONNECT),
    ROUTE("POST", V1 "/hosts/{id}/drain", HOSTS_WRITE, host_drain),
    ROUTE("POST", V1 "/hosts/{id}/fence", HOSTS_WRITE, host_fence),
    ROUTE("GET", V1 "/hosts/{id}/what-if", HOSTS_READ, host_what_if),
    ROUTE("GET", V1 "/balance", HOSTS_READ, balance_propose),
    ROUTE("POST", V1 "/balance", HOSTS_WRITE, balance_apply),

    ROUTE("GET", V1 "/ca", NONE, ca, .changeless = TRUE),
    ROUTE("GET", V1 "/gates", HOSTS_READ, gates, .changeless = TRUE),
    ROUTE("POST", V1 "/gates/{name}/drain", HOSTS_WRITE, gate_drain),
    ROUTE("POST", V1 "/gates/{name}/resume", HOSTS_WRITE, gate_resume),

    ROUTE("GET", V1 "/jobs", JOBS_READ, list, OF(job)),
    ROUTE("GET", V1 "/jobs/{id}", JOBS_READ, get, OF(job)),
    ROUTE("POST", V1 "/jobs/{id}/cancel", JOBS_READ, job_cancel),
    ROUTE("GET", V1 "/audit", AUDIT_READ, list, OF(audit)),
    ROUTE("GET", V1 "/settings", SETTINGS, settings),
    ROUTE("PATCH", V1 "/settings", SETTINGS, settings_update),
    ROUTE("GET", V1 "/overview", HOSTS_READ, overview),
    ROUTE("GET", V1 "/overview/activity", HOSTS_READ, activity),
    ROUTE("POST", V1 "/doctor", DOCTOR, doctor),
    ROUTE("GET", V1 "/events", SELF, events, .stream = TRUE),
};

const YdRoute *
yd_routes(guint *ret_n)
{
    *ret_n = G_N_ELEMENTS(routes);
    return routes;
}

// Whether the path fits the pattern; params gets the escaped segments where it does.
static gboolean
path_fits(const char *pattern, const char *path, char *params[2])
{
    guint n = 0;
    char *found[2] = {NULL, NULL};
    while (*pattern && *path) {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                break;
            continue;
        }
        gsize length = strcspn(path, "/");
        if (length == 0 || n == 2)
            break;
        found[n++] = g_strndup(path, length);
        path += length;
        pattern = strchr(pattern, '}') + 1;
    }
    gboolean fits = *pattern == '\0' && *path == '\0';
    for (guint i = 0; i < 2; i++) {
        if (fits)
            params[i] = found[i];
        else
            g_free(found[i]);
    }
    return fits;
}

static gboolean
unescape(char *params[2], GError **error)
{
    for (guint i = 0; i < 2; i++) {
        if (!params[i])
            continue;
        char *text = g_uri_unescape_string(params[i], NULL);
        if (!text || !g_utf8_validate(text, -1, NULL)) {
            g_free(text);
            return yd_error_invalid(error, "path", "\"%s\" is not UTF-8 in percent encoding",
                                    params[i]);
        }
        g_free(params[i]);
        params[i] = text;
    }
    return TRUE;
}

const YdRoute *
yd_route_find(const char *method, const char *path, char *params[2], char **ret_allow,
              GError **error)
{
    g_autoptr(GString) allow = g_string_new(NULL);
    params[0] = params[1] = NULL;
    if (strcmp(method, "HEAD") == 0)
        method = "GET";
    for (guint i = 0; i < G_N_ELEMENTS(routes); i++) {
        if (!path_fits(routes[i].path, path, params))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return unescape(params, error) ? &routes[i] : NULL;
        g_clear_pointer(&params[0], g_free);
        g_clear_pointer(&params[1], g_free);
        g_string_append_printf(allow, "%s%s", allow->len ? ", " : "", routes[i].method);
    }
    g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "There is no %s here.", path);
    *ret_allow = allow->len ? g_string_free(g_steal_pointer(&allow), FALSE) : NULL;
    return NULL;
}
