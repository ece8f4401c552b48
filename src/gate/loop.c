// SPDX-License-Identifier: Apache-2.0
// epoll, level-triggered: a watch that still wants something is told again, so no wake-up can be
// lost.
#include "gate/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"

#define MAX_EVENTS 128

typedef struct {
    void (*func)(gpointer data);
    gpointer data;
    GDestroyNotify destroy;
} Call;

struct YdGateLoop {
    int epoll;
    YdGateWatch wake; // eventfd: something was posted
    GMutex lock;      // guards calls
    GQueue calls;     // of Call
};

static void
run_calls(YdGateWatch *watch, guint32 events)
{
    YdGateLoop *loop = watch->owner;
    guint64 count;
    if (read(watch->fd, &count, sizeof count) < 0 && errno != EAGAIN)
        return;
    for (;;) {
        g_mutex_lock(&loop->lock);
        g_autofree Call *call = g_queue_pop_head(&loop->calls);
        g_mutex_unlock(&loop->lock);
        if (call == NULL)
            return;
        call->func(call->data);
        if (call->destroy != NULL)
            call->destroy(call->data);
    }
}

YdGateLoop *
yd_gate_loop_new(GError **error)
{
    g_autoptr(YdGateLoop) loop = g_new0(YdGateLoop, 1);
    g_mutex_init(&loop->lock);
    g_queue_init(&loop->calls);
    loop->wake = (YdGateWatch){.fd = -1, .ready = run_calls, .owner = loop};
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll < 0 || loop->wake.fd < 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot make an event loop: %s",
                    g_strerror(errno));
        return NULL;
    }
    if (!yd_gate_loop_watch(loop, &loop->wake, EPOLLIN, error))
        return NULL;
    return g_steal_pointer(&loop);
}

void
yd_gate_loop_free(YdGateLoop *loop)
{
    if (loop == NULL)
        return;
    for (Call *call; (call = g_queue_pop_head(&loop->calls)) != NULL; g_free(call))
        if (call->destroy != NULL)
            call->destroy(call->data);
    if (loop->wake.fd >= 0)
        close(loop->wake.fd);
    if (loop->epoll >= 0)
        close(loop->epoll);
    g_mutex_clear(&loop->lock);
    g_free(loop);
}

gboolean
yd_gate_loop_watch(YdGateLoop *loop, YdGateWatch *watch, guint32 events, GError **error)
{
    if (watch->added && watch->events == events)
        return TRUE;
    // No wish: level-triggered EPOLLHUP would come for ever, so it is asked for by edge.
    struct epoll_event event = {.events = events == 0 ? EPOLLET : events, .data.ptr = watch};
    int op = watch->added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(loop->epoll, op, watch->fd, &event) < 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot watch descriptor %d: %s",
                    watch->fd, g_strerror(errno));
        return FALSE;
    }
    watch->added = TRUE;
    watch->events = events;
    return TRUE;
}

void
yd_gate_loop_unwatch(YdGateLoop *loop, YdGateWatch *watch)
{
    if (!watch->added)
        return;
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->added = FALSE;
    watch->events = 0;
}

void
yd_gate_loop_post(YdGateLoop *loop, void (*func)(gpointer data), gpointer data,
                  GDestroyNotify destroy)
{
    Call *call = g_new(Call, 1);
    *call = (Call){func, data, destroy};
    g_mutex_lock(&loop->lock);
    g_queue_push_tail(&loop->calls, call);
    g_mutex_unlock(&loop->lock);
    const guint64 one = 1;
    // Fails only when the counter is full: then the loop is woken anyway.
    G_GNUC_UNUSED gssize n = write(loop->wake.fd, &one, sizeof one);
}

void
yd_gate_loop_run(YdGateLoop *loop, int timeout_ms)
{
    struct epoll_event events[MAX_EVENTS];
    int n = epoll_wait(loop->epoll, events, MAX_EVENTS, timeout_ms);
    for (int i = 0; i < n; i++) {
        YdGateWatch *watch = events[i].data.ptr;
        // It may have been unwatched by an earlier event of this round.
        if (watch->added)
            watch->ready(watch, events[i].events);
    }
}
