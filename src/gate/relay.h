// SPDX-License-Identifier: Apache-2.0
// Carries bytes both ways between a client and its target: copy for little, splice for bulk, TLS
// and WebSocket frames on the client's side where asked for. Half-close and back-pressure follow
// from the state of two flows; the relay never waits and never holds more than a buffer or a pipe
// per direction.
#pragma once

#include "gate/pool.h"
#include "gate/rdp-early.h"
#include "gate/stream.h"
#include "gate/ws-frame.h"

typedef enum {
    YD_GATE_UP,   // client to target
    YD_GATE_DOWN, // target to client
} YdGateWay;

typedef enum {
    YD_GATE_RELAY_WAIT, // poll for yd_gate_relay_interest(), then pump again
    YD_GATE_RELAY_MORE, // did a fair share; pump again soon, without waiting
    YD_GATE_RELAY_DONE, // both sides have ended and all is delivered
} YdGateRelayState;

// One direction. eof, shut and broken only ever become TRUE.
typedef struct {
    YdGateStream *from;
    YdGateStream *to;
    YdGateBuffer *buffer; // bytes to be sent; NULL when there are none
    YdGatePipe *pipe;     // NULL unless splicing
    gsize in_pipe;
    gsize in_frame;     // of these: what is left of the WebSocket frame whose header went ahead
    guint16 farewell;   // code of a close frame that is owed when the pipe is empty; 0: none
    gboolean pipe_full; // the kernel takes no more although bytes would fit
    gboolean bulk;      // much comes at once: splice next
    gsize chunk;        // the most that is in the pipe; grows while the receiver takes all
    gboolean dry;       // nothing is left to read until the loop tells so
    gboolean blocked;   // to takes nothing until the loop tells so
    gboolean eof;       // from sends no more
    gboolean shut;      // all was sent and to was told so
    gboolean in_pieces; // read only when nothing waits
    gboolean broken;    // to takes no more: what still comes is thrown away
    guint64 bytes;      // read from from, since the start
} YdGateFlow;

// What only WebSocket relays need.
typedef struct {
    gboolean close_sent; // our close frame is owed, in the down buffer, or sent
    YdWsDecoder decoder;
    guint8 pong[2 + YD_WS_CONTROL_MAX]; // waits for room in the down buffer
    gsize pong_len;
} YdGateFrames;

typedef struct {
    YdGatePool *pool;
    YdGateFlow flows[2];  // by YdGateWay
    YdGateFrames *frames; // the client's side speaks WebSocket; NULL: it does not
    int trouble[2];       // errno, by the way that its side sends; 0: none
    YdRdpEarly *early;    // rewrites the client's first PDUs; NULL: nothing (any more)
} YdGateRelay;

// Starts a relay between two streams, which must outlive it.
void yd_gate_relay_init(YdGateRelay *relay, YdGatePool *pool, YdGateStream *client,
                        YdGateStream *target, gboolean websocket);

// Gives buffers and pipes back. A relay of zeros is fine.
void yd_gate_relay_clear(YdGateRelay *relay);

// Has the payload of the client's frames rewritten until its log-in has passed; takes early.
// decoder is how far the frames were read. Right after init, for WebSocket relays.
void yd_gate_relay_rewrite(YdGateRelay *relay, const YdWsDecoder *decoder, YdRdpEarly *early);

// Whether the log-in has still to come.
gboolean yd_gate_relay_is_early(const YdGateRelay *relay);

// Puts bytes in front of what will be read: up as if the client had sent them, or down as they are,
// without a frame. Before the first pump; at most YD_GATE_BUFFER_SIZE - 1024 bytes each way.
void yd_gate_relay_prefill(YdGateRelay *relay, YdGateWay way, const void *data, gsize len);

// Puts bytes for the target in front of all others and outside of frames (a PROXY header).
void yd_gate_relay_prefix(YdGateRelay *relay, const void *data, gsize len);

// What the loop has seen on a stream; then pump.
void yd_gate_relay_ready(YdGateRelay *relay, const YdGateStream *stream, guint32 events);

// Moves what can be moved.
YdGateRelayState yd_gate_relay_pump(YdGateRelay *relay);

// What to poll a stream of this relay for.
guint32 yd_gate_relay_interest(const YdGateRelay *relay, const YdGateStream *stream);

// Whether a direction has ended: all delivered, or nobody there to take it.
gboolean yd_gate_relay_ended(const YdGateRelay *relay, YdGateWay way);

// The errno with which the sender of that way failed first (the client's of UP, the target's of
// DOWN); 0: it did not.
int yd_gate_relay_trouble(const YdGateRelay *relay, YdGateWay way);

// Whether a side was reset, so that nothing is left to wait for.
gboolean yd_gate_relay_broken(const YdGateRelay *relay);
