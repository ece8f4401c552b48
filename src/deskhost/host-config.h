// SPDX-License-Identifier: Apache-2.0
// deskhost's part of the configuration: [paths] and [deskhost].
#pragma once

#include "base/config.h"

typedef struct {
    char *run_dir, *state_dir, *images_dir, *socket_path, *vnc_dir;
    char **import_dirs;     // sources of imports must lie below one of these
    char *user, *qemu_user; // who may ask; whom QEMU runs as
    char *gate_user;        // whom deskgate runs as: may ask for networks
    gint64 max_requests;    // at the same time
    char *backup_dir;       // where backups lie; NULL: there are none
    char *config_file;      // that was read; NULL: the usual one
} YdHostConfig;

// Import directories are [deskhost] import_dirs, else [deskd] import_dirs, and always
// state/uploads.
gboolean yd_host_config_load(const char *file, YdHostConfig *ret_config, GError **error);
void yd_host_config_clear(YdHostConfig *config);
