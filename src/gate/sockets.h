// SPDX-License-Identifier: Apache-2.0
// The gate's listening sockets, wherever they come from: bound here, handed over by the service
// manager (sd_listen_fds(3)), or by the gate that ran before. They stay open while connections wait
// in them, so handing them on loses none.
#pragma once

#include <glib.h>

// The name that the service manager gives to the one port (FileDescriptorName=).
#define YD_GATE_SOCKET_NAME "gate"

// What can be handed over in one message (SCM_MAX_FD of Linux is 253), with one for the pid file.
#define YD_GATE_SOCKETS_MAX 250

typedef struct {
    GArray *fds;        // of int, closed by yd_gate_sockets_free()
    gboolean activated; // the service manager made them: listen= does not count
} YdGateSockets;

YdGateSockets *yd_gate_sockets_new(void);
void yd_gate_sockets_free(YdGateSockets *sockets);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateSockets, yd_gate_sockets_free)

// What the environment brought (LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES), which it forgets; empty
// when it brought nothing. Fails with YD_ERROR_INVALID for a socket that is none of ours or does
// not listen. Before any thread.
YdGateSockets *yd_gate_sockets_from_environment(GError **error);

// Makes sure that every address of listen (NULL-terminated) has a socket: those in sockets that fit
// are kept, those of no address are closed, what is missing is bound, each_times for each address.
// Activated ones stay as they are. Fails with YD_ERROR_INVALID or YD_ERROR_UNAVAILABLE.
gboolean
yd_gate_sockets_open(YdGateSockets *sockets, char *const *listen, guint each_times, GError **error);

// The sockets that worker number `index` of `n_workers` accepts on, new descriptors which the
// caller closes: each socket has at least one worker, each worker at least one of each address.
GArray *yd_gate_sockets_for_worker(const YdGateSockets *sockets, guint index, guint n_workers);

// "127.0.0.1:443, [::]:443"; owned by the caller.
char *yd_gate_sockets_describe(const YdGateSockets *sockets);

// The port of the first one; 0 when there is none.
guint16 yd_gate_sockets_port(const YdGateSockets *sockets);
