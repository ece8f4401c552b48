// SPDX-License-Identifier: Apache-2.0
// Reads deskd's part of the configuration into the configurations of its rooms.
#include "deskd/deskd-config.h"

#include <string.h>

#include "base/error.h"
#include "model/names.h"
#include "service/route.h"
#include "store/sql-mariadb-url.h"

#define GROUP "deskd"

static const char *const known[] = {
    "hypervisor",
    "database",
    "accel",
    "public_host",
    "desktop_domain",
    "spice_plain",
    "public_port",
    "login_idle",
    "login_max",
    "password_min",
    "lock_after",
    "lock_time",
    "max_starts",
    "workers",
    "cheap_passwords",
    "first_use",
    "grace",
    "log_in",
    "reconnects",
    "max_sessions_per_user",
    "import_dirs",
    "host_gates",
    "host_down",
    "fence_command",
    "max_upload",
    "media_quota_gib",
    "personal_quota_gib",
    "template_chain_max",
    "template_scrub_days",
    "backup_hour",
    "backup_keep_daily",
    "backup_keep_weekly",
    "backup_keep_monthly",
    "backup_at_once",
    "balance_moves",
    "balance_spread",
    "max_connections",
    "max_per_address",
    "max_streams",
    "max_streams_user",
    "max_body",
    "max_import",
    "max_uploads",
    "max_waiting",
    "act_threads",
    "hash_threads",
    "connect_threads",
    "header_time",
    "idle_time",
    "body_time",
    "answer_time",
    "heartbeat",
    "gate_user",
    "max_gates",
    "web",
    NULL,
};

static gboolean
read_uint(const YdConfig *file, const char *key, gint64 min, gint64 max, guint *value,
          GError **error)
{
    gint64 number = *value;
    if (!yd_config_int(file, GROUP, key, min, max, &number, error))
        return FALSE;
    *value = (guint)number;
    return TRUE;
}

static gboolean
read_time(const YdConfig *file, const char *key, guint *value, GError **error)
{
    gint64 seconds = *value;
    if (!yd_config_seconds(file, GROUP, key, 1, 86400, &seconds, error))
        return FALSE;
    *value = (guint)seconds;
    return TRUE;
}

static gboolean
read_size(const YdConfig *file, const char *key, gsize *value, GError **error)
{
    gint64 bytes = (gint64)*value;
    if (!yd_config_bytes(file, GROUP, key, 1024, (gint64)1 << 30, &bytes, error))
        return FALSE;
    *value = (gsize)bytes;
    return TRUE;
}

static gboolean
read_fence_command(const YdConfig *file, YdServiceConfig *config, GError **error)
{
    if (!yd_config_string(file, GROUP, "fence_command", &config->fence_command, error))
        return FALSE;
    if (!config->fence_command || g_path_is_absolute(config->fence_command))
        return TRUE;
    return yd_error_invalid(error, "fence_command",
                            "[deskd] fence_command: “%.100s” is no absolute path of a program",
                            config->fence_command);
}

// What is kept, copied and moved by itself, and how much of it.
static gboolean
read_upkeep(const YdConfig *file, YdServiceConfig *config, GError **error)
{
    return read_uint(file, "media_quota_gib", 1, 1 << 20, &config->media_quota_gib, error) &&
           read_uint(file, "personal_quota_gib", 1, 1 << 20, &config->personal_quota_gib, error) &&
           read_uint(file, "template_chain_max", 1, 30, &config->template_chain_max, error) &&
           read_uint(file, "template_scrub_days", 0, 3650, &config->template_scrub_days, error) &&
           read_uint(file, "backup_hour", 0, 23, &config->backup_hour, error) &&
           read_uint(file, "backup_keep_daily", 1, 366, &config->backup_keep_daily, error) &&
           read_uint(file, "backup_keep_weekly", 0, 520, &config->backup_keep_weekly, error) &&
           read_uint(file, "backup_keep_monthly", 0, 120, &config->backup_keep_monthly, error) &&
           read_uint(file, "backup_at_once", 1, 16, &config->backup_at_once, error) &&
           read_uint(file, "balance_moves", 0, 64, &config->balance_moves, error) &&
           read_uint(file, "balance_spread", 1, 100, &config->balance_spread, error);
}

static gboolean
read_service(const YdConfig *file, YdServiceConfig *config, GError **error)
{
    static const char *const accels[] = {"auto", "kvm", "tcg", NULL};
    const gint64 day = 86400;
    guint port = config->public_port;
    if (!yd_config_choice(file, GROUP, "accel", accels, &config->accel, error) ||
        !yd_config_string(file, GROUP, "public_host", &config->public_host, error) ||
        !yd_config_string(file, GROUP, "desktop_domain", &config->desktop_domain, error) ||
        !yd_config_bool(file, GROUP, "spice_plain", &config->spice_plain, error) ||
        !read_uint(file, "public_port", 1, 65535, &port, error) ||
        !yd_config_seconds(file, GROUP, "login_idle", 60, 365 * day, &config->login_idle_seconds,
                           error) ||
        !yd_config_seconds(file, GROUP, "login_max", 60, 365 * day, &config->login_max_seconds,
                           error) ||
        !read_uint(file, "password_min", 4, 64, &config->password_min, error) ||
        !read_uint(file, "lock_after", 1, 1000, &config->lock_after, error) ||
        !read_time(file, "lock_time", &config->lock_seconds, error) ||
        !read_uint(file, "max_starts", 1, 64, &config->max_starts, error) ||
        !read_uint(file, "workers", 1, 64, &config->workers, error) ||
        !yd_config_bool(file, GROUP, "cheap_passwords", &config->cheap_passwords, error) ||
        !yd_config_seconds(file, GROUP, "first_use", 5, day, &config->first_use_seconds, error) ||
        !yd_config_seconds(file, GROUP, "grace", 1, day, &config->grace_seconds, error) ||
        !yd_config_seconds(file, GROUP, "log_in", 5, 3600, &config->log_in_seconds, error) ||
        !read_uint(file, "reconnects", 0, 1000, &config->reconnects, error) ||
        !read_uint(file, "max_sessions_per_user", 0, 10000, &config->max_sessions_per_user,
                   error) ||
        !yd_config_strings(file, GROUP, "import_dirs", &config->import_dirs, error) ||
        !yd_config_strings(file, GROUP, "host_gates", &config->host_gates, error) ||
        !yd_route_check((const char *const *)config->host_gates, error) ||
        !yd_config_seconds(file, GROUP, "host_down", 1, 3600, &config->host_down_seconds, error) ||
        !read_fence_command(file, config, error) || !read_upkeep(file, config, error) ||
        !yd_config_bytes(file, GROUP, "max_upload", 1024, (gint64)1 << 50, &config->max_upload,
                         error))
        return FALSE;
    config->public_port = (guint16)port;
    return TRUE;
}

static gboolean
read_api(const YdConfig *file, YdApiConfig *config, GError **error)
{
    return read_uint(file, "max_connections", 1, 100000, &config->max_connections, error) &&
           read_uint(file, "max_per_address", 1, 100000, &config->max_per_address, error) &&
           read_uint(file, "max_streams", 1, 100000, &config->max_streams, error) &&
           read_uint(file, "max_streams_user", 1, 1000, &config->max_streams_user, error) &&
           read_size(file, "max_body", &config->max_body, error) &&
           read_size(file, "max_import", &config->max_import, error) &&
           read_uint(file, "max_uploads", 1, 1000, &config->max_uploads, error) &&
           read_uint(file, "max_waiting", 1, 100000, &config->max_waiting, error) &&
           read_uint(file, "act_threads", 1, 256, &config->act_threads, error) &&
           read_uint(file, "hash_threads", 1, 64, &config->hash_threads, error) &&
           read_uint(file, "connect_threads", 1, 1024, &config->connect_threads, error) &&
           read_time(file, "header_time", &config->header_seconds, error) &&
           read_time(file, "idle_time", &config->idle_seconds, error) &&
           read_time(file, "body_time", &config->body_seconds, error) &&
           read_time(file, "answer_time", &config->answer_seconds, error) &&
           read_time(file, "heartbeat", &config->heartbeat_seconds, error);
}

// No desktop may get a name that a gate has: who is root in it could pass for the gate.
static gboolean
check_domain(const DeskdConfig *config, GError **error)
{
    const char *domain = config->service.desktop_domain;
    const char *const host[] = {config->service.public_host, NULL};
    return !domain || (yd_domain_check("[deskd] desktop_domain", domain, host, error) &&
                       yd_domain_check("[deskd] desktop_domain", domain,
                                       (const char *const *)config->gate_names, error));
}

static void
set_paths(const YdConfig *file, DeskdConfig *config)
{
    YdServiceConfig *service = &config->service;
    g_free(service->state_dir);
    service->state_dir = yd_config_state_path(file, NULL);
    g_free(service->run_dir);
    service->run_dir = yd_config_run_path(file, NULL);
    g_free(service->database);
    service->database = yd_config_state_path(file, "yundesk.db");
    config->api.socket = yd_config_run_path(file, "deskd.sock");
    config->gate_link.socket = yd_config_run_path(file, "gate.sock");
    config->images_dir = yd_config_state_path(file, "images");
    config->keys_dir = yd_config_state_path(file, "keys");
    config->deskhost_socket = yd_config_run_path(file, "deskhost.sock");
    config->pid_file = yd_config_run_path(file, "deskd.pid");
}

// A URL of MariaDB is looked at now, so that its mistakes are told as mistakes of the
// configuration.
static gboolean
read_database(const YdConfig *file, char **database, GError **error)
{
    if (!yd_config_string(file, GROUP, "database", database, error))
        return FALSE;
    if (!*database)
        return yd_error_invalid(error, "[deskd] database",
                                "is empty; leave it out, or give a path "
                                "or mariadb://…");
    if (!strstr(*database, "://"))
        return TRUE;
    g_autoptr(YdMariadbUrl) url = yd_mariadb_url_parse(*database, error);
    if (!url)
        g_prefix_error_literal(error, "[deskd] ");
    return url != NULL;
}

gboolean
deskd_config_read(const YdConfig *file, DeskdConfig *ret_config, GError **error)
{
    DeskdConfig config = {.hypervisor = g_strdup("qemu:///system"),
                          .gate_name = g_strdup("gate-1")};
    yd_service_config_init(&config.service);
    yd_api_config_init(&config.api);
    yd_gate_link_config_init(&config.gate_link);
    set_paths(file, &config);
    if (!yd_config_known(file, GROUP, known, error) ||
        !yd_config_string(file, GROUP, "hypervisor", &config.hypervisor, error) ||
        !read_database(file, &config.service.database, error) ||
        !yd_config_strings(file, "deskgate", "names", &config.gate_names, error) ||
        !yd_config_string(file, "deskgate", "name", &config.gate_name, error) ||
        !yd_config_ports(file, "deskgate", "fixed_ports", &config.service.fixed_port_first,
                         &config.service.fixed_port_last, error) ||
        !yd_config_bool(file, "storage", "local", &config.local_images, error) ||
        !yd_config_string(file, "deskhost", "backup_dir", &config.backup_dir, error) ||
        !yd_config_string(file, GROUP, "gate_user", &config.gate_link.user, error) ||
        !yd_config_string(file, GROUP, "web", &config.api.web, error) ||
        !read_uint(file, "max_gates", 1, 1000, &config.gate_link.max_gates, error) ||
        !read_service(file, &config.service, error) || !check_domain(&config, error) ||
        !read_api(file, &config.api, error)) {
        deskd_config_clear(&config);
        return FALSE;
    }
    config.service.backups = config.backup_dir != NULL;
    *ret_config = config;
    return TRUE;
}

void
deskd_config_clear(DeskdConfig *config)
{
    yd_service_config_clear(&config->service);
    yd_api_config_clear(&config->api);
    yd_gate_link_config_clear(&config->gate_link);
    g_free(config->hypervisor);
    g_strfreev(config->gate_names);
    g_free(config->gate_name);
    g_free(config->images_dir);
    g_free(config->keys_dir);
    g_free(config->deskhost_socket);
    g_free(config->pid_file);
    g_free(config->backup_dir);
    *config = (DeskdConfig){0};
}
