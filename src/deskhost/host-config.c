// SPDX-License-Identifier: Apache-2.0
// Reads deskhost's configuration.
#include "deskhost/host-config.h"

#include <string.h>

#include "base/error.h"

void
yd_host_config_clear(YdHostConfig *config)
{
    g_clear_pointer(&config->run_dir, g_free);
    g_clear_pointer(&config->state_dir, g_free);
    g_clear_pointer(&config->images_dir, g_free);
    g_clear_pointer(&config->socket_path, g_free);
    g_clear_pointer(&config->vnc_dir, g_free);
    g_clear_pointer(&config->import_dirs, g_strfreev);
    g_clear_pointer(&config->user, g_free);
    g_clear_pointer(&config->qemu_user, g_free);
    g_clear_pointer(&config->gate_user, g_free);
    g_clear_pointer(&config->backup_dir, g_free);
    g_clear_pointer(&config->config_file, g_free);
}

static void
add_uploads(YdHostConfig *config)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_autofree char *uploads = g_build_filename(config->state_dir, "uploads", NULL);
    if (config->import_dirs)
        g_strv_builder_addv(builder, (const char **)config->import_dirs);
    g_strv_builder_add(builder, uploads);
    g_strfreev(config->import_dirs);
    config->import_dirs = g_strv_builder_end(builder);
}

// A copy beside what it is a copy of would be lost with it.
static gboolean
check_backup_dir(const YdHostConfig *config, GError **error)
{
    if (!config->backup_dir)
        return TRUE;
    g_autofree char *below = g_strconcat(config->state_dir, "/", NULL);
    g_autofree char *path = g_canonicalize_filename(config->backup_dir, "/");
    if (!g_path_is_absolute(config->backup_dir))
        return yd_error_invalid(error, "[deskhost] backup_dir", "“%s” must begin with /",
                                config->backup_dir);
    if (g_str_has_prefix(path, below) || strcmp(path, config->state_dir) == 0)
        return yd_error_invalid(
            error, "[deskhost] backup_dir",
            "“%s” lies in [paths] state, with what it is to save; take a folder "
            "on another disk",
            config->backup_dir);
    return TRUE;
}

gboolean
yd_host_config_load(const char *file, YdHostConfig *ret_config, GError **error)
{
    static const char *const known[] = {"import_dirs",  "user",       "qemu_user", "gate_user",
                                        "max_requests", "backup_dir", NULL};
    g_autoptr(YdConfig) from = yd_config_load(file, error);
    if (!from)
        return FALSE;
    YdHostConfig config = {.user = g_strdup("yundesk"),
                           .qemu_user = g_strdup("libvirt-qemu"),
                           .gate_user = g_strdup("yundesk-gate"),
                           .max_requests = 16};
    config.run_dir = yd_config_run_path(from, NULL);
    config.state_dir = yd_config_state_path(from, NULL);
    config.images_dir = yd_config_state_path(from, "images");
    config.socket_path = yd_config_run_path(from, "deskhost.sock");
    config.vnc_dir = yd_config_run_path(from, "vnc");
    if (!yd_config_known(from, "deskhost", known, error) ||
        !yd_config_strings(from, "deskd", "import_dirs", &config.import_dirs, error) ||
        !yd_config_strings(from, "deskhost", "import_dirs", &config.import_dirs, error) ||
        !yd_config_string(from, "deskhost", "user", &config.user, error) ||
        !yd_config_string(from, "deskhost", "qemu_user", &config.qemu_user, error) ||
        !yd_config_string(from, "deskhost", "gate_user", &config.gate_user, error) ||
        !yd_config_int(from, "deskhost", "max_requests", 1, 256, &config.max_requests, error) ||
        !yd_config_string(from, "deskhost", "backup_dir", &config.backup_dir, error) ||
        !check_backup_dir(&config, error)) {
        yd_host_config_clear(&config);
        return FALSE;
    }
    add_uploads(&config);
    config.config_file = g_strdup(file);
    *ret_config = config;
    return TRUE;
}
