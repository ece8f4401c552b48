// SPDX-License-Identifier: Apache-2.0
// Reads deskd's part of the configuration into the configurations of its rooms.
#pragma once

#include "api/api.h"
#include "api/gate-link.h"
#include "base/config.h"

typedef struct {
    YdServiceConfig service;
    YdApiConfig api;
    YdGateLinkConfig gate_link;
    char *hypervisor;      // URI of the host that the first start adds; "none": no host
    char **gate_names;     // names and addresses of the gate's certificate; NULL: only the own ones
    char *gate_name;       // of the gate beside deskd
    gboolean local_images; // work on images in this process (tests), not by deskhost
    char *images_dir, *keys_dir, *deskhost_socket, *pid_file;
    char *backup_dir; // deskhost's folder for backups; NULL: none
} DeskdConfig;

// Fails with INVALID naming file, group and key.
gboolean deskd_config_read(const YdConfig *file, DeskdConfig *ret_config, GError **error);
void deskd_config_clear(DeskdConfig *config);
