// SPDX-License-Identifier: Apache-2.0
// Buffers and pipes of one worker, kept for reuse: a connection holds one only while bytes are
// under way, so an idle connection costs next to nothing. One thread; no locks.
#pragma once

#include <glib.h>

#define YD_GATE_BUFFER_SIZE (64 * 1024)

// Bytes from start to end are waiting.
typedef struct {
    gsize start;
    gsize end;
    guint8 data[YD_GATE_BUFFER_SIZE];
} YdGateBuffer;

typedef struct {
    int fds[2]; // read end, write end
    gsize size; // capacity in bytes
} YdGatePipe;

typedef struct YdGatePool YdGatePool;

YdGatePool *yd_gate_pool_new(void);
void yd_gate_pool_free(YdGatePool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGatePool, yd_gate_pool_free)

// An empty buffer; give it back.
YdGateBuffer *yd_gate_pool_take_buffer(YdGatePool *pool);

// Takes *buffer back and sets it to NULL; NULL is fine.
void yd_gate_pool_give_buffer(YdGatePool *pool, YdGateBuffer **buffer);

// An empty, non-blocking pipe, or NULL when the kernel has no good one left: then copy.
YdGatePipe *yd_gate_pool_take_pipe(YdGatePool *pool);

// Takes *pipe back and sets it to NULL; NULL is fine. A pipe that is not empty is closed.
void yd_gate_pool_give_pipe(YdGatePool *pool, YdGatePipe **pipe, gboolean empty);
