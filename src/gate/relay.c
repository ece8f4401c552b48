// SPDX-License-Identifier: Apache-2.0
// The pump. Everything follows from three questions about a flow: can it read, can it write, has it
// to pass an end on. They are asked again after each step, and whatever is still answered by yes
// when no step gets further is what the loop polls for. The kernel is asked only for what it is
// likely to give: dry and blocked remember its last no until the loop tells of a change.
#include "gate/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/log.h"

#define PIECE (16 * 1024)        // a read that fills this starts splicing
#define SMALL_CHUNK (64 * 1024)  // goes into the pipe of a slow receiver: little is under way to it
#define LARGE_CHUNK (512 * 1024) // of one that always took all
#define FAIR_SHARE (512 * 1024)  // bytes after which other connections get their turn
#define CONTROL_ROOM 256         // of the down buffer: kept free for control frames
#define FRAME_ROOM 4             // header of a server's frame below 64 KiB

// ---- the three questions ----

static gsize
buffered(const YdGateFlow *flow)
{
    return flow->buffer == NULL ? 0 : flow->buffer->end - flow->buffer->start;
}

static gsize
waiting(const YdGateFlow *flow)
{
    return buffered(flow) + flow->in_pipe;
}

static gboolean
can_read(const YdGateFlow *flow)
{
    if (flow->eof)
        return FALSE;
    if (flow->in_pieces) // what was rewritten has to go first: it may have grown
        return waiting(flow) == 0;
    if (flow->pipe != NULL)
        return !flow->pipe_full && flow->in_pipe < flow->chunk;
    return buffered(flow) < YD_GATE_BUFFER_SIZE - 2 * CONTROL_ROOM;
}

static gboolean
can_write(const YdGateFlow *flow)
{
    return waiting(flow) > 0;
}

static gboolean
needs_shut(const YdGateFlow *flow)
{
    return flow->eof && !flow->shut && waiting(flow) == 0 && flow->farewell == 0;
}

// ---- buffers ----

// Room at the end of the flow's buffer, which is made when there is none.
static gsize
make_room(YdGateRelay *relay, YdGateFlow *flow)
{
    if (flow->buffer == NULL)
        flow->buffer = yd_gate_pool_take_buffer(relay->pool);
    YdGateBuffer *b = flow->buffer;
    if (b->start > 0 && sizeof b->data - b->end < PIECE + 2 * CONTROL_ROOM) {
        memmove(b->data, b->data + b->start, b->end - b->start);
        b->end -= b->start;
        b->start = 0;
    }
    return sizeof b->data - b->end;
}

static void
append(YdGateRelay *relay, YdGateFlow *flow, const void *data, gsize len)
{
    gsize room = make_room(relay, flow);
    g_return_if_fail(len <= room);
    memcpy(flow->buffer->data + flow->buffer->end, data, len);
    flow->buffer->end += len;
}

static void
drop_waiting(YdGateRelay *relay, YdGateFlow *flow)
{
    yd_gate_pool_give_buffer(relay->pool, &flow->buffer);
    yd_gate_pool_give_pipe(relay->pool, &flow->pipe, flow->in_pipe == 0);
    flow->in_pipe = flow->in_frame = 0;
    flow->farewell = 0;
    flow->pipe_full = flow->bulk = flow->blocked = FALSE;
}

// The receiver is gone: what comes from now on is read only to see the sender's end.
static void
break_flow(YdGateRelay *relay, YdGateFlow *flow)
{
    flow->broken = TRUE;
    drop_waiting(relay, flow);
}

// ---- WebSocket ----

// Behind what waits in the pipe: it came before.
static void
send_close(YdGateRelay *relay, guint16 code)
{
    YdGateFlow *down = &relay->flows[YD_GATE_DOWN];
    if (!relay->frames->close_sent && !down->broken)
        down->farewell = code;
    relay->frames->close_sent = TRUE;
    relay->frames->pong_len = 0;
}

static void
send_farewell(YdGateRelay *relay)
{
    guint8 frame[2 + YD_WS_CONTROL_MAX];
    YdGateFlow *down = &relay->flows[YD_GATE_DOWN];
    if (down->farewell == 0 || down->in_pipe > 0)
        return;
    append(relay, down, frame, yd_ws_close(down->farewell, frame));
    down->farewell = 0;
}

// The client said goodbye, or broke the protocol: nothing more goes either way after our close
// frame.
static void
end_websocket(YdGateRelay *relay, guint16 code)
{
    send_close(relay, code);
    relay->flows[YD_GATE_UP].eof = TRUE;
    relay->flows[YD_GATE_DOWN].eof = TRUE;
}

static void
take_control(YdGateRelay *relay, const YdWsPart *part)
{
    if (part->opcode == YD_WS_CLOSE)
        end_websocket(relay, YD_WS_NORMAL);
    if (part->opcode == YD_WS_PING && !relay->frames->close_sent)
        relay->frames->pong_len =
            yd_ws_control(YD_WS_PONG, part->payload, part->len, relay->frames->pong);
}

// What the client's log-in became takes the place of the n bytes at the end of the up buffer.
static void
replace(YdGateRelay *relay, YdGateFlow *up, const GByteArray *rewritten)
{
    YdGateBuffer *b = up->buffer;
    if (rewritten->len > sizeof b->data - b->end) {
        end_websocket(relay, YD_WS_TOO_BIG);
        return;
    }
    if (rewritten->len > 0)
        memcpy(b->data + b->end, rewritten->data, rewritten->len);
    b->end += rewritten->len;
}

static void
end_early(YdGateRelay *relay)
{
    g_clear_pointer(&relay->early, yd_rdp_early_free);
    relay->flows[YD_GATE_UP].in_pieces = FALSE;
}

// As decode(), for the first PDUs of an RDP client.
static void
decode_early(YdGateRelay *relay, YdGateFlow *up, gsize n)
{
    guint8 *in = up->buffer->data + up->buffer->end;
    g_autoptr(GByteArray) out = g_byte_array_new();
    g_autoptr(GError) error = NULL;
    YdWsPart part;
    do {
        gsize used = yd_ws_decode(&relay->frames->decoder, in, n, &part);
        in += used;
        n -= used;
        if (part.kind == YD_WS_PART_DATA &&
            !yd_rdp_early_feed(relay->early, part.payload, part.len, out, &error)) {
            g_message("a browser's RDP session is closed: %s", error->message);
            end_websocket(relay, YD_WS_UNSUPPORTED);
        } else if (part.kind == YD_WS_PART_CONTROL) {
            take_control(relay, &part);
        } else if (part.kind == YD_WS_PART_BAD) {
            end_websocket(relay, part.close_code);
        }
    } while (part.kind != YD_WS_PART_MORE && part.kind != YD_WS_PART_BAD && !up->eof);
    replace(relay, up, out);
    if (out->len > 0)
        explicit_bzero(out->data, out->len);
    if (yd_rdp_early_done(relay->early))
        end_early(relay);
}

// Decodes the n bytes at the end of the up buffer, in place.
static void
decode(YdGateRelay *relay, YdGateFlow *up, gsize n)
{
    YdGateBuffer *b = up->buffer;
    guint8 *in = b->data + b->end;
    YdWsPart part;
    do {
        gsize used = yd_ws_decode(&relay->frames->decoder, in, n, &part);
        in += used;
        n -= used;
        if (part.kind == YD_WS_PART_DATA) {
            // The first payload stays where it is; others close up to it.
            if (buffered(up) == 0)
                b->start = b->end = (gsize)(part.payload - b->data);
            else
                memmove(b->data + b->end, part.payload, part.len);
            b->end += part.len;
        } else if (part.kind == YD_WS_PART_CONTROL) {
            take_control(relay, &part);
        } else if (part.kind == YD_WS_PART_BAD) {
            end_websocket(relay, part.close_code);
        }
    } while (part.kind != YD_WS_PART_MORE && part.kind != YD_WS_PART_BAD && !up->eof);
}

// Makes a frame of the n bytes that lie FRAME_ROOM behind the end of the down buffer.
static void
encode(YdGateFlow *down, gsize n)
{
    guint8 header[YD_WS_SERVER_HEADER_MAX];
    gsize size = yd_ws_header(YD_WS_BINARY, n, header);
    guint8 *at = down->buffer->data + down->buffer->end;
    if (size != FRAME_ROOM)
        memmove(at + size, at + FRAME_ROOM, n);
    memcpy(at, header, size);
    down->buffer->end += size + n;
}

// The header of a frame for what is in the pipe; nothing may come between the two. A browser hands
// a frame on when it is whole: on a slow line it is as small as the chunk.
static void
begin_frame(YdGateRelay *relay, YdGateFlow *down)
{
    guint8 header[YD_WS_SERVER_HEADER_MAX];
    down->in_frame = down->in_pipe;
    append(relay, down, header, yd_ws_header(YD_WS_BINARY, down->in_frame, header));
}

// A pong waits until the down buffer has room, and until no frame is begun; only the newest one is
// owed (RFC 6455, 5.5.3).
static void
send_pong(YdGateRelay *relay)
{
    YdGateFlow *down = &relay->flows[YD_GATE_DOWN];
    if (relay->frames->pong_len == 0 || down->in_frame > 0 ||
        buffered(down) + relay->frames->pong_len > YD_GATE_BUFFER_SIZE - CONTROL_ROOM)
        return;
    if (!down->broken)
        append(relay, down, relay->frames->pong, relay->frames->pong_len);
    relay->frames->pong_len = 0;
}

// ---- reading ----

static void
end_reading(YdGateRelay *relay, YdGateFlow *flow)
{
    flow->eof = TRUE;
    flow->bulk = FALSE;
    if (relay->frames != NULL && flow == &relay->flows[YD_GATE_DOWN])
        send_close(relay, YD_WS_NORMAL);
}

// Which side it is that failed, and how, at first.
static void
note_trouble(YdGateRelay *relay, const YdGateStream *stream)
{
    YdGateWay way = stream == relay->flows[YD_GATE_UP].from ? YD_GATE_UP : YD_GATE_DOWN;
    if (relay->trouble[way] == 0)
        relay->trouble[way] = errno != 0 ? errno : ECONNRESET;
}

// From a reset sender: what it sent before still goes on; it takes no more itself.
static void
took_no_bytes(YdGateRelay *relay, YdGateFlow *flow, YdGateIo io)
{
    flow->dry = TRUE;
    if (io == YD_GATE_IO_ERROR) {
        note_trouble(relay, flow->from);
        break_flow(relay, flow == &relay->flows[YD_GATE_UP] ? &relay->flows[YD_GATE_DOWN]
                                                            : &relay->flows[YD_GATE_UP]);
    }
    if (io != YD_GATE_IO_AGAIN)
        end_reading(relay, flow);
}

static gsize
read_to_buffer(YdGateRelay *relay, YdGateFlow *flow)
{
    gboolean down = flow == &relay->flows[YD_GATE_DOWN];
    gsize gap = relay->frames != NULL && down ? FRAME_ROOM : 0;
    gboolean plain =
        flow->from->ssl == NULL && flow->to->ssl == NULL && (relay->frames == NULL || down);
    gsize room = make_room(relay, flow) - CONTROL_ROOM - gap;
    gsize limit = plain || flow->in_pieces ? MIN(room, PIECE) : room;
    gsize n = 0;
    guint8 *at = flow->buffer->data + flow->buffer->end + gap;
    YdGateIo io = yd_gate_stream_read(flow->from, at, limit, &n);
    if (io != YD_GATE_IO_OK) {
        took_no_bytes(relay, flow, io);
        return 0;
    }
    flow->bytes += n;
    flow->bulk = plain && n == PIECE;
    // A socket that gave less than asked is empty; OpenSSL gives one record at a time. If that is
    // wrong by now, the loop tells.
    flow->dry = flow->from->ssl == NULL ? n < limit : !SSL_has_pending(flow->from->ssl);
    if (flow->broken)
        return n;
    if (relay->frames == NULL)
        flow->buffer->end += n;
    else if (down)
        encode(flow, n);
    else if (relay->early != NULL)
        decode_early(relay, flow, n);
    else
        decode(relay, flow, n);
    return n;
}

static gsize
read_to_pipe(YdGateRelay *relay, YdGateFlow *flow)
{
    // The kernel stops where the slots of the pipe are full, each with up to 32 KiB and more of a
    // fast sender's.
    gsize asked = flow->chunk - flow->in_pipe;
    gssize n = splice(flow->from->watch.fd, NULL, flow->pipe->fds[1], NULL, asked,
                      SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n > 0) {
        flow->in_pipe += (gsize)n;
        flow->bytes += (guint64)n;
        flow->bulk = n >= PIECE || flow->in_pipe >= PIECE;
        flow->dry = (gsize)n < asked;
        return (gsize)n;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        // Either the socket is empty, or the pipe has no slot left for small segments.
        flow->pipe_full = TRUE;
        flow->dry = flow->in_pipe == 0;
    } else {
        took_no_bytes(relay, flow, n == 0 ? YD_GATE_IO_EOF : YD_GATE_IO_ERROR);
    }
    return 0;
}

static gsize
read_some(YdGateRelay *relay, YdGateFlow *flow)
{
    if (flow->bulk && flow->pipe == NULL && !flow->broken && buffered(flow) == 0)
        flow->pipe = yd_gate_pool_take_pipe(relay->pool);
    gsize n = flow->pipe != NULL ? read_to_pipe(relay, flow) : read_to_buffer(relay, flow);
    if (buffered(flow) == 0)
        yd_gate_pool_give_buffer(relay->pool, &flow->buffer);
    return n;
}

// ---- writing ----

static gsize
write_buffer(YdGateRelay *relay, YdGateFlow *flow)
{
    gsize n = 0;
    YdGateBuffer *b = flow->buffer;
    gsize asked = b->end - b->start;
    flow->to->more = flow->in_pipe > 0;
    YdGateIo io = yd_gate_stream_write(flow->to, b->data + b->start, asked, &n);
    flow->to->more = FALSE;
    // What took less than offered is full.
    flow->blocked = n < asked;
    if (io == YD_GATE_IO_OK) {
        b->start += n;
    } else if (io != YD_GATE_IO_AGAIN) {
        note_trouble(relay, flow->to);
        break_flow(relay, flow);
    }
    if (buffered(flow) == 0)
        yd_gate_pool_give_buffer(relay->pool, &flow->buffer);
    return n;
}

static gsize
write_pipe(YdGateRelay *relay, YdGateFlow *flow)
{
    gsize asked = flow->in_frame > 0 ? flow->in_frame : flow->in_pipe;
    gssize n = splice(flow->pipe->fds[0], NULL, flow->to->watch.fd, NULL, asked,
                      SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (n <= 0) {
        flow->blocked = TRUE;
        flow->chunk = SMALL_CHUNK;
        if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
            note_trouble(relay, flow->to);
            break_flow(relay, flow);
        }
        return 0;
    }
    flow->in_pipe -= (gsize)n;
    flow->in_frame -= MIN(flow->in_frame, (gsize)n);
    flow->blocked = (gsize)n < asked;
    if (flow->in_pipe == 0)
        flow->pipe_full = FALSE;
    flow->chunk = flow->blocked ? SMALL_CHUNK : MIN(flow->chunk * 2, LARGE_CHUNK);
    return (gsize)n;
}

static gsize
write_some(YdGateRelay *relay, YdGateFlow *flow)
{
    gboolean framed = relay->frames != NULL && flow == &relay->flows[YD_GATE_DOWN];
    if (framed && buffered(flow) == 0 && flow->in_frame == 0)
        begin_frame(relay, flow);
    gsize n = buffered(flow) > 0 ? write_buffer(relay, flow) : 0;
    if (buffered(flow) == 0 && flow->in_pipe > 0 && !flow->blocked &&
        (!framed || flow->in_frame > 0))
        n += write_pipe(relay, flow);
    return n;
}

// A pipe that ran dry goes back to the pool; whether the next bytes go through one again is up to
// bulk.
static void
give_empty_pipe_back(YdGateRelay *relay, YdGateFlow *flow)
{
    if (flow->pipe == NULL || flow->in_pipe > 0)
        return;
    yd_gate_pool_give_pipe(relay->pool, &flow->pipe, TRUE);
    flow->pipe_full = FALSE;
}

// ---- the pump ----

// One step of one direction; returns whether it got further.
static gboolean
step(YdGateRelay *relay, YdGateFlow *flow, gsize *moved)
{
    gboolean eof = flow->eof, broken = flow->broken;
    gsize n = 0;
    // While nothing could be read nobody looked whether there was anything.
    if (!can_read(flow))
        flow->dry = FALSE;
    else if (!flow->dry)
        n += read_some(relay, flow);
    *moved += n;
    if (relay->frames != NULL && flow == &relay->flows[YD_GATE_DOWN]) {
        send_pong(relay);
        send_farewell(relay);
    }
    if (can_write(flow) && !flow->blocked)
        n += write_some(relay, flow);
    give_empty_pipe_back(relay, flow);
    if (needs_shut(flow)) {
        flow->shut = yd_gate_stream_shut(flow->to) != YD_GATE_IO_AGAIN;
        return flow->shut;
    }
    return n > 0 || eof != flow->eof || broken != flow->broken;
}

void
yd_gate_relay_init(YdGateRelay *relay, YdGatePool *pool, YdGateStream *client, YdGateStream *target,
                   gboolean websocket)
{
    *relay = (YdGateRelay){.pool = pool};
    if (websocket)
        relay->frames = g_new0(YdGateFrames, 1);
    relay->flows[YD_GATE_UP].from = relay->flows[YD_GATE_DOWN].to = client;
    relay->flows[YD_GATE_UP].to = relay->flows[YD_GATE_DOWN].from = target;
    relay->flows[YD_GATE_UP].chunk = relay->flows[YD_GATE_DOWN].chunk = SMALL_CHUNK;
}

void
yd_gate_relay_clear(YdGateRelay *relay)
{
    if (relay->pool == NULL)
        return;
    drop_waiting(relay, &relay->flows[YD_GATE_UP]);
    drop_waiting(relay, &relay->flows[YD_GATE_DOWN]);
    g_clear_pointer(&relay->early, yd_rdp_early_free);
    g_clear_pointer(&relay->frames, g_free);
    relay->pool = NULL;
}

void
yd_gate_relay_rewrite(YdGateRelay *relay, const YdWsDecoder *decoder, YdRdpEarly *early)
{
    relay->frames->decoder = *decoder;
    relay->early = early;
    relay->flows[YD_GATE_UP].in_pieces = TRUE;
}

gboolean
yd_gate_relay_is_early(const YdGateRelay *relay)
{
    return relay->early != NULL;
}

void
yd_gate_relay_prefill(YdGateRelay *relay, YdGateWay way, const void *data, gsize len)
{
    YdGateFlow *flow = &relay->flows[way];
    gsize room = make_room(relay, flow);
    g_return_if_fail(len <= room - 2 * CONTROL_ROOM);
    memcpy(flow->buffer->data + flow->buffer->end, data, len);
    if (way == YD_GATE_UP)
        flow->bytes += len;
    if (way == YD_GATE_UP && relay->frames != NULL)
        decode(relay, flow, len);
    else
        flow->buffer->end += len;
    if (buffered(flow) == 0)
        yd_gate_pool_give_buffer(relay->pool, &flow->buffer);
}

void
yd_gate_relay_prefix(YdGateRelay *relay, const void *data, gsize len)
{
    g_return_if_fail(buffered(&relay->flows[YD_GATE_UP]) == 0);
    append(relay, &relay->flows[YD_GATE_UP], data, len);
}

void
yd_gate_relay_ready(YdGateRelay *relay, const YdGateStream *stream, guint32 events)
{
    const guint32 trouble = EPOLLERR | EPOLLHUP | EPOLLRDHUP;
    for (guint i = 0; i < G_N_ELEMENTS(relay->flows); i++) {
        YdGateFlow *flow = &relay->flows[i];
        if (flow->from == stream && (events & (stream->read_wants | trouble)) != 0)
            flow->dry = FALSE;
        if (flow->to == stream && (events & (stream->write_wants | trouble)) != 0)
            flow->blocked = FALSE;
    }
}

YdGateRelayState
yd_gate_relay_pump(YdGateRelay *relay)
{
    gsize moved = 0;
    gboolean further = TRUE;
    while (further && moved < FAIR_SHARE) {
        further = step(relay, &relay->flows[YD_GATE_UP], &moved);
        further = step(relay, &relay->flows[YD_GATE_DOWN], &moved) || further;
    }
    if (yd_gate_relay_ended(relay, YD_GATE_UP) && yd_gate_relay_ended(relay, YD_GATE_DOWN))
        return YD_GATE_RELAY_DONE;
    return further ? YD_GATE_RELAY_MORE : YD_GATE_RELAY_WAIT;
}

guint32
yd_gate_relay_interest(const YdGateRelay *relay, const YdGateStream *stream)
{
    guint32 events = 0;
    for (guint i = 0; i < G_N_ELEMENTS(relay->flows); i++) {
        const YdGateFlow *flow = &relay->flows[i];
        if (flow->from == stream && can_read(flow))
            events |= stream->read_wants;
        if (flow->to == stream && ((can_write(flow) && flow->blocked) || needs_shut(flow)))
            events |= stream->write_wants;
    }
    return events;
}

gboolean
yd_gate_relay_ended(const YdGateRelay *relay, YdGateWay way)
{
    const YdGateFlow *flow = &relay->flows[way];
    return flow->shut;
}

int
yd_gate_relay_trouble(const YdGateRelay *relay, YdGateWay way)
{
    return relay->trouble[way];
}

gboolean
yd_gate_relay_broken(const YdGateRelay *relay)
{
    return relay->flows[YD_GATE_UP].broken || relay->flows[YD_GATE_DOWN].broken;
}
