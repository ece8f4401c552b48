// SPDX-License-Identifier: Apache-2.0
// A browser's event stream (GET /api/v1/events) for bench/cluster: notes when deskd tells of each
// desktop. Its thread reads as fast as events come.
#pragma once

#include <glib.h>

typedef struct _ClusterListen ClusterListen;

// socket_path: deskd's. Returns once deskd has greeted; ends the program when it refuses.
ClusterListen *cluster_listen_open(const char *socket_path, const char *token);
// From now on the first event about that desktop counts.
void cluster_listen_expect(ClusterListen *listen, const char *desktop_id);
// Waits until all expected ones came, or until that (monotonic µs): how many did not.
guint cluster_listen_wait(ClusterListen *listen, gint64 until);
// When the event came (monotonic µs), 0: it did not; not asked for again.
gint64 cluster_listen_take(ClusterListen *listen, const char *desktop_id);
void cluster_listen_close(ClusterListen *listen);
