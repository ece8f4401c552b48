// SPDX-License-Identifier: Apache-2.0
// deskhost's socket: who may ask, one thread for each request, a limit on them, an orderly end.
#pragma once

#include "deskhost/host-config.h"

typedef struct _YdHostServer YdHostServer;

// Listens on config->socket_path (mode 0660, group of config->user where that user exists). Only
// root, that user, and whoever runs deskhost are served. config is borrowed for the server's life.
YdHostServer *yd_host_server_new(const YdHostConfig *config, GError **error);

// Takes no more requests, cancels those under way, waits for them.
void yd_host_server_free(YdHostServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdHostServer, yd_host_server_free)
