// SPDX-License-Identifier: Apache-2.0
// Two free lists, last in first out so that the memory handed out is still warm.
#include "gate/pool.h"

#include <fcntl.h>
#include <unistd.h>

#define KEEP_BUFFERS 64
#define KEEP_PIPES 256
#define PIPE_SIZE (128 * 1024) // a user's pipes may have 64 MiB together (pipe-user-pages-soft)
#define PIPE_MIN (64 * 1024)   // over that limit the kernel gives pipes that are worse than copying

struct YdGatePool {
    GPtrArray *buffers;
    GPtrArray *pipes;
};

static void
pipe_free(gpointer data)
{
    YdGatePipe *pipe = data;
    close(pipe->fds[0]);
    close(pipe->fds[1]);
    g_free(pipe);
}

YdGatePool *
yd_gate_pool_new(void)
{
    YdGatePool *pool = g_new0(YdGatePool, 1);
    pool->buffers = g_ptr_array_new_with_free_func(g_free);
    pool->pipes = g_ptr_array_new_with_free_func(pipe_free);
    return pool;
}

void
yd_gate_pool_free(YdGatePool *pool)
{
    if (pool == NULL)
        return;
    g_ptr_array_unref(pool->buffers);
    g_ptr_array_unref(pool->pipes);
    g_free(pool);
}

YdGateBuffer *
yd_gate_pool_take_buffer(YdGatePool *pool)
{
    YdGateBuffer *buffer = pool->buffers->len > 0
                               ? g_ptr_array_steal_index_fast(pool->buffers, pool->buffers->len - 1)
                               : g_malloc(sizeof *buffer);
    buffer->start = buffer->end = 0;
    return buffer;
}

void
yd_gate_pool_give_buffer(YdGatePool *pool, YdGateBuffer **buffer)
{
    YdGateBuffer *b = g_steal_pointer(buffer);
    if (b != NULL && pool->buffers->len < KEEP_BUFFERS)
        g_ptr_array_add(pool->buffers, b);
    else
        g_free(b);
}

static YdGatePipe *
pipe_new(void)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return NULL;
    int size = fcntl(fds[1], F_SETPIPE_SZ, PIPE_SIZE);
    YdGatePipe *pipe = g_new(YdGatePipe, 1);
    *pipe = (YdGatePipe){{fds[0], fds[1]}, (gsize)(size > 0 ? size : fcntl(fds[1], F_GETPIPE_SZ))};
    if (pipe->size >= PIPE_MIN)
        return pipe;
    pipe_free(pipe);
    return NULL;
}

YdGatePipe *
yd_gate_pool_take_pipe(YdGatePool *pool)
{
    if (pool->pipes->len > 0)
        return g_ptr_array_steal_index_fast(pool->pipes, pool->pipes->len - 1);
    return pipe_new();
}

void
yd_gate_pool_give_pipe(YdGatePool *pool, YdGatePipe **pipe, gboolean empty)
{
    YdGatePipe *p = g_steal_pointer(pipe);
    if (p == NULL)
        return;
    if (empty && pool->pipes->len < KEEP_PIPES)
        g_ptr_array_add(pool->pipes, p);
    else
        pipe_free(p);
}
