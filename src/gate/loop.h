// SPDX-License-Identifier: Apache-2.0
// A small epoll loop: level-triggered watches and calls posted from other threads. The data path of
// the gate runs on it, one loop per worker thread; it knows nothing of connections.
#pragma once

#include <glib.h>

typedef struct YdGateLoop YdGateLoop;
typedef struct YdGateWatch YdGateWatch;

// Called on the loop's thread with the EPOLL… events that came.
typedef void (*YdGateReadyFunc)(YdGateWatch *watch, guint32 events);

// A watched descriptor; lives inside its owner, who must keep it until the present
// yd_gate_loop_run() has returned, even when it unwatched meanwhile.
struct YdGateWatch {
    int fd;         // -1 when there is none; closed by the owner
    guint32 events; // what is registered; the loop's
    gboolean added; // the loop's
    YdGateReadyFunc ready;
    gpointer owner;
};

YdGateLoop *yd_gate_loop_new(GError **error);

// Destroys what was posted and never ran.
void yd_gate_loop_free(YdGateLoop *loop);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateLoop, yd_gate_loop_free)

// Asks for events (EPOLLIN, EPOLLOUT, EPOLLRDHUP) in place of those asked for before. With 0 only
// an error or hang-up is told, and that once: so a peer that is gone is noticed and does not spin.
// Fails with YD_ERROR_UNAVAILABLE when the kernel has no room.
gboolean yd_gate_loop_watch(YdGateLoop *loop, YdGateWatch *watch, guint32 events, GError **error);

// Must come before the descriptor is closed.
void yd_gate_loop_unwatch(YdGateLoop *loop, YdGateWatch *watch);

// Any thread: has func(data) called once on the loop's thread; destroy(data) frees it afterwards,
// or instead when the loop ends before.
void yd_gate_loop_post(YdGateLoop *loop, void (*func)(gpointer data), gpointer data,
                       GDestroyNotify destroy);

// Waits at most timeout_ms (-1: for ever) for events and posted calls and runs them.
void yd_gate_loop_run(YdGateLoop *loop, int timeout_ms);
