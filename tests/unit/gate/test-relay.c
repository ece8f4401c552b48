// SPDX-License-Identifier: Apache-2.0
// The relay alone, between two pairs of sockets: what goes in comes out, whatever the pieces,
// whoever ends first, however slow the other side is.
#include "gate/relay.h"

#include <errno.h>
#include <glib-unix.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <unistd.h>

// client <-> streams[0] relay streams[1] <-> target
typedef struct {
    YdGatePool *pool;
    YdGateStream streams[2];
    int ends[2]; // the client's and the target's sockets
    YdGateRelay relay;
    YdGateRelayState state;
} Fixture;

static void
tcp_pair(int fds[2])
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(bind(listener, (struct sockaddr *)&in, sizeof in), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    getsockname(listener, (struct sockaddr *)&in, &len);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    g_assert_cmpint(connect(fds[0], (struct sockaddr *)&in, sizeof in), ==, 0);
    fds[1] = accept(listener, NULL, NULL);
    close(listener);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    gboolean websocket = GPOINTER_TO_INT(data);
    f->pool = yd_gate_pool_new();
    for (guint i = 0; i < 2; i++) {
        int fds[2];
        tcp_pair(fds);
        f->ends[i] = fds[0];
        g_unix_set_fd_nonblocking(fds[0], TRUE, NULL);
        g_unix_set_fd_nonblocking(fds[1], TRUE, NULL);
        yd_gate_stream_init(&f->streams[i], fds[1], NULL, NULL);
    }
    yd_gate_relay_init(&f->relay, f->pool, &f->streams[0], &f->streams[1], websocket);
}

static void
close_end(Fixture *f, guint i)
{
    if (f->ends[i] >= 0)
        close(f->ends[i]);
    f->ends[i] = -1;
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    yd_gate_relay_clear(&f->relay);
    for (guint i = 0; i < 2; i++) {
        close(f->streams[i].watch.fd);
        close_end(f, i);
    }
    yd_gate_pool_free(f->pool);
}

static short
poll_events(const Fixture *f, guint i)
{
    guint32 events = yd_gate_relay_interest(&f->relay, &f->streams[i]);
    return (short)((events & EPOLLIN ? POLLIN : 0) | (events & EPOLLOUT ? POLLOUT : 0));
}

// Runs the relay until it would wait and nothing it waits for happens within ms.
static void
run(Fixture *f, int ms)
{
    do
        f->state = yd_gate_relay_pump(&f->relay);
    while (f->state == YD_GATE_RELAY_MORE);
    while (f->state == YD_GATE_RELAY_WAIT) {
        struct pollfd fds[2] = {{f->streams[0].watch.fd, poll_events(f, 0), 0},
                                {f->streams[1].watch.fd, poll_events(f, 1), 0}};
        fds[0].fd = fds[0].events == 0 ? -1 : fds[0].fd;
        fds[1].fd = fds[1].events == 0 ? -1 : fds[1].fd;
        if (poll(fds, 2, ms) == 0)
            return;
        for (guint i = 0; i < 2; i++)
            yd_gate_relay_ready(&f->relay, &f->streams[i], (guint32)fds[i].revents);
        do
            f->state = yd_gate_relay_pump(&f->relay);
        while (f->state == YD_GATE_RELAY_MORE);
    }
}

static void
must_send(int fd, const void *data, gsize len)
{
    g_assert_cmpint(send(fd, data, len, MSG_NOSIGNAL), ==, (gssize)len);
}

static void
must_receive(int fd, const void *data, gsize len)
{
    g_autofree char *got = g_malloc(len);
    gsize at = 0;
    while (at < len) {
        struct pollfd p = {fd, POLLIN, 0};
        g_assert_cmpint(poll(&p, 1, 5000), ==, 1);
        gssize n = recv(fd, got + at, len - at, 0);
        g_assert_cmpint(n, >, 0);
        at += (gsize)n;
    }
    g_assert_cmpmem(got, len, data, len);
}

static void
must_end(int fd)
{
    char c;
    struct pollfd p = {fd, POLLIN, 0};
    g_assert_cmpint(poll(&p, 1, 5000), ==, 1);
    g_assert_cmpint(recv(fd, &c, 1, 0), ==, 0);
}

// An idle relay holds nothing.
static void
assert_empty_handed(const Fixture *f)
{
    for (guint way = 0; way < 2; way++) {
        g_assert_null(f->relay.flows[way].buffer);
        g_assert_null(f->relay.flows[way].pipe);
    }
}

static void
test_small(Fixture *f, gconstpointer data)
{
    for (guint i = 0; i < 100; i++) {
        char c = (char)i;
        must_send(f->ends[i % 2], &c, 1);
        run(f, 1);
        must_receive(f->ends[1 - i % 2], &c, 1);
        assert_empty_handed(f);
    }
    g_assert_cmpuint(f->relay.flows[YD_GATE_UP].bytes, ==, 50);
    g_assert_cmpuint(f->relay.flows[YD_GATE_DOWN].bytes, ==, 50);
}

// Sends all of data through in pieces and reads it in other pieces, with the relay between.
static void
carry(Fixture *f, guint from, gsize total, gsize piece, gsize gulp)
{
    g_autofree guint8 *out = g_malloc(MAX(piece, 1));
    g_autofree guint8 *in = g_malloc(gulp);
    gsize sent = 0, got = 0;
    while (got < total) {
        gsize n = MIN(piece, total - sent);
        for (gsize i = 0; i < n; i++)
            out[i] = (guint8)((sent + i) * 131 >> 3);
        gssize k = n == 0 ? 0 : send(f->ends[from], out, n, MSG_NOSIGNAL);
        sent += k > 0 ? (gsize)k : 0;
        run(f, 0);
        k = recv(f->ends[1 - from], in, gulp, 0);
        for (gssize i = 0; i < k; i++)
            g_assert_cmpuint(in[i], ==, (guint8)((got + (gsize)i) * 131 >> 3));
        got += k > 0 ? (gsize)k : 0;
    }
    run(f, 1);
    assert_empty_handed(f);
}

static void
test_bulk(Fixture *f, gconstpointer data)
{
    carry(f, 1, 8 << 20, 256 << 10, 100000);
    carry(f, 0, 8 << 20, 16 << 10, 1 << 20);
}

static void
test_pieces(Fixture *f, gconstpointer data)
{
    carry(f, 0, 5000, 1, 1);
    carry(f, 1, 200000, 1400, 333);
    carry(f, 0, 300000, 16384, 999);
}

static void
test_half_close(Fixture *f, gconstpointer data)
{
    must_send(f->ends[0], "question", 8);
    shutdown(f->ends[0], SHUT_WR);
    run(f, 1);
    must_receive(f->ends[1], "question", 8);
    must_end(f->ends[1]);
    g_assert_cmpint(f->state, ==, YD_GATE_RELAY_WAIT);
    g_assert_true(yd_gate_relay_ended(&f->relay, YD_GATE_UP));
    g_assert_false(yd_gate_relay_ended(&f->relay, YD_GATE_DOWN));
    must_send(f->ends[1], "answer", 6);
    close_end(f, 1);
    run(f, 1);
    must_receive(f->ends[0], "answer", 6);
    must_end(f->ends[0]);
    g_assert_cmpint(f->state, ==, YD_GATE_RELAY_DONE);
}

// A reader that does not read stops the writer, and loses nothing.
static void
test_back_pressure(Fixture *f, gconstpointer data)
{
    g_autofree guint8 *fill = g_malloc0(1 << 16);
    gsize sent = 0, got = 0;
    for (gssize n = 1; n > 0; sent += n > 0 ? (gsize)n : 0) {
        n = send(f->ends[1], fill, 1 << 16, MSG_NOSIGNAL);
        run(f, 0);
        g_assert_cmpuint(sent, <, 256 << 20);
    }
    g_assert_cmpuint(sent, >, 0);
    // It is full: nothing is polled for but the client's room and the client's words.
    g_assert_cmpuint(yd_gate_relay_interest(&f->relay, &f->streams[1]), ==, 0);
    g_assert_cmpuint(yd_gate_relay_interest(&f->relay, &f->streams[0]), ==, EPOLLIN | EPOLLOUT);
    // However much was offered: what waits here is a small chunk.
    const YdGateFlow *down = &f->relay.flows[YD_GATE_DOWN];
    g_assert_cmpuint(down->in_pipe, <=, 512 << 10);
    g_assert_true(down->pipe == NULL || down->buffer == NULL);
    // The other direction is not held up.
    must_send(f->ends[0], "key", 3);
    run(f, 1);
    must_receive(f->ends[1], "key", 3);
    shutdown(f->ends[1], SHUT_WR);
    for (gssize n = 1; n != 0; got += n > 0 ? (gsize)n : 0) {
        run(f, 0);
        n = recv(f->ends[0], fill, 1 << 16, 0);
    }
    g_assert_cmpuint(got, ==, sent);
}

static void
reset_end(Fixture *f, guint i)
{
    const struct linger now = {1, 0};
    setsockopt(f->ends[i], SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close_end(f, i);
}

static void
test_reset(Fixture *f, gconstpointer data)
{
    reset_end(f, 0);
    run(f, 1);
    g_assert_true(yd_gate_relay_broken(&f->relay));
    must_end(f->ends[1]);
    // What the target still says is thrown away; its end ends all.
    must_send(f->ends[1], "late", 4);
    run(f, 1);
    assert_empty_handed(f);
    close_end(f, 1);
    run(f, 1);
    g_assert_cmpint(f->state, ==, YD_GATE_RELAY_DONE);
}

// With nothing, little, bulk or as much as it takes on the way to a side that is reset: the relay
// lets go of it and ends with the other side.
static void
test_reset_stages(Fixture *f, gconstpointer data)
{
    static const gsize offered[] = {0, 1, 20000, 64 << 20};
    g_autofree guint8 *fill = g_malloc0(1 << 16);
    for (guint i = 0; i < 2 * G_N_ELEMENTS(offered); i++) {
        guint side = i % 2;
        gsize left = offered[i / 2];
        if (i > 0) {
            tear_down(f, data);
            set_up(f, data);
        }
        for (gssize n = 1; left > 0 && n > 0; left -= (gsize)MAX(n, 0)) {
            n = send(f->ends[1 - side], fill, MIN(left, 1 << 16), MSG_NOSIGNAL);
            run(f, 0);
        }
        reset_end(f, side);
        run(f, 1);
        g_assert_true(yd_gate_relay_broken(&f->relay));
        assert_empty_handed(f);
        must_end(f->ends[1 - side]);
        close_end(f, 1 - side);
        run(f, 1);
        g_assert_cmpint(f->state, ==, YD_GATE_RELAY_DONE);
    }
}

// The end comes behind bulk that a slow reader has not taken yet; nothing of it is lost, and the
// other direction stays open.
static void
test_half_close_bulk(Fixture *f, gconstpointer data)
{
    g_autofree guint8 *fill = g_malloc0(1 << 16);
    gsize sent = 0, got = 0;
    for (gssize n = 1; n > 0; sent += (gsize)MAX(n, 0)) {
        n = send(f->ends[0], fill, 1 << 16, MSG_NOSIGNAL);
        run(f, 0);
    }
    shutdown(f->ends[0], SHUT_WR);
    run(f, 1);
    g_assert_false(yd_gate_relay_ended(&f->relay, YD_GATE_UP));
    for (gssize n = 1; n != 0; got += (gsize)MAX(n, 0)) {
        n = recv(f->ends[1], fill, 1 << 16, 0);
        run(f, 0);
    }
    g_assert_cmpuint(got, ==, sent);
    g_assert_true(yd_gate_relay_ended(&f->relay, YD_GATE_UP));
    must_send(f->ends[1], "thanks", 6);
    run(f, 1);
    must_receive(f->ends[0], "thanks", 6);
    assert_empty_handed(f);
}

// The target answers and goes without reading all: the answer arrives all the same.
static void
test_answer_before_reset(Fixture *f, gconstpointer data)
{
    g_autofree guint8 *fill = g_malloc0(1 << 20);
    must_send(f->ends[1], "too large", 9);
    while (send(f->ends[0], fill, 1 << 20, MSG_NOSIGNAL) > 0)
        run(f, 0);
    must_receive(f->ends[0], "too large", 9);
    reset_end(f, 1);
    run(f, 10);
    g_assert_true(yd_gate_relay_broken(&f->relay));
    // What the client goes on sending is taken and thrown away.
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpint(send(f->ends[0], fill, 1000, MSG_NOSIGNAL), ==, 1000);
        run(f, 1);
    }
    must_end(f->ends[0]);
    close_end(f, 0);
    run(f, 1);
    g_assert_cmpint(f->state, ==, YD_GATE_RELAY_DONE);
}

static void
test_prefill(Fixture *f, gconstpointer data)
{
    yd_gate_relay_prefix(&f->relay, "PROXY", 5);
    yd_gate_relay_prefill(&f->relay, YD_GATE_UP, "GET", 3);
    yd_gate_relay_prefill(&f->relay, YD_GATE_DOWN, "200", 3);
    must_send(f->ends[0], " /", 2);
    must_send(f->ends[1], " OK", 3);
    run(f, 1);
    must_receive(f->ends[1], "PROXYGET /", 10);
    must_receive(f->ends[0], "200 OK", 6);
    g_assert_cmpuint(f->relay.flows[YD_GATE_UP].bytes, ==, 5);
}

// ---- WebSocket ----

static void
send_frame(int fd, guint8 first, const char *payload, gsize len)
{
    guint8 frame[256] = {first, (guint8)(0x80 | len), 'm', 'a', 's', 'k'};
    for (gsize i = 0; i < len; i++)
        frame[6 + i] = (guint8)payload[i] ^ frame[2 + (i & 3)];
    must_send(fd, frame, 6 + len);
}

static void
test_ws(Fixture *f, gconstpointer data)
{
    send_frame(f->ends[0], 0x82, "RFB 003.008\n", 12);
    send_frame(f->ends[0], 0x89, "are you there", 13);
    send_frame(f->ends[0], 0x82, "more", 4);
    must_send(f->ends[1], "screen", 6);
    run(f, 1);
    must_receive(f->ends[1], "RFB 003.008\nmore", 16);
    must_receive(f->ends[0], "\x82\x06screen", 8);
    must_receive(f->ends[0],
                 "\x8a\x0d"
                 "are you there",
                 15);
    assert_empty_handed(f);
    send_frame(f->ends[0], 0x88, "\x03\xe8", 2);
    run(f, 1);
    must_receive(f->ends[0], "\x88\x02\x03\xe8", 4);
    must_end(f->ends[0]);
    must_end(f->ends[1]);
    g_assert_cmpint(f->state, ==, YD_GATE_RELAY_DONE);
}

static void
test_ws_target_ends(Fixture *f, gconstpointer data)
{
    must_send(f->ends[1], "bye", 3);
    close_end(f, 1);
    run(f, 1);
    must_receive(f->ends[0],
                 "\x82\x03"
                 "bye\x88\x02\x03\xe8",
                 9);
    must_end(f->ends[0]);
    close_end(f, 0);
    run(f, 1);
    g_assert_cmpint(f->state, ==, YD_GATE_RELAY_DONE);
}

static void
test_ws_bad(Fixture *f, gconstpointer data)
{
    send_frame(f->ends[0], 0x82, "good", 4);
    must_send(f->ends[0],
              "\x82\x04"
              "bad!",
              6); // not masked
    run(f, 1);
    must_receive(f->ends[1], "good", 4);
    must_end(f->ends[1]);
    must_receive(f->ends[0], "\x88\x02\x03\xea", 4);
    must_end(f->ends[0]);
}

// Reads the frame at that place: counts its data, which must go on with the pattern, or the pong.
// Returns its size, 0 when it is not whole.
static gsize
check_frame(const GByteArray *raw, gsize at, gsize *data, gsize *pongs)
{
    const guint8 *p = raw->data + at;
    gsize have = raw->len - at;
    if (have < 4 || p[0] == 0x88) // the close frame is for the caller
        return 0;
    gsize len = p[1] == 126 ? (gsize)p[2] << 8 | p[3] : p[1];
    gsize head = p[1] == 126 ? 4 : p[1] == 127 ? 10 : 2;
    if (have < head)
        return 0;
    if (p[1] == 127)
        len = (gsize)p[6] << 24 | (gsize)p[7] << 16 | (gsize)p[8] << 8 | p[9];
    if (have < head + len)
        return 0;
    if (p[0] != 0x82) {
        g_assert_cmpmem(p, 3, "\x8a\x01p", 3);
        ++*pongs;
        return head + len;
    }
    for (gsize i = 0; i < len; i++)
        g_assert_cmpuint(p[head + i], ==, (guint8)((*data + i) * 131 >> 3));
    *data += len;
    return head + len;
}

// Takes what is there of the client's side into raw and checks the frames behind at.
static void
take_frames(const Fixture *f, GByteArray *raw, gsize *at, gsize *got, gsize *pongs)
{
    guint8 in[50000];
    gssize n = recv(f->ends[0], in, sizeof in, 0);
    if (n > 0)
        g_byte_array_append(raw, in, (guint)n);
    for (gsize size; (size = check_frame(raw, *at, got, pongs)) > 0;)
        *at += size;
}

// Bulk towards the browser goes through a pipe: frames must join up to the same bytes; pings are
// answered in between.
static void
test_ws_bulk(Fixture *f, gconstpointer data)
{
    const gsize total = 3 << 20;
    g_autofree guint8 *fill = g_malloc(1 << 16);
    g_autoptr(GByteArray) raw = g_byte_array_new();
    gsize sent = 0, got = 0, pongs = 0, at = 0;
    while (got < total) {
        for (gsize i = 0; i < 1 << 16; i++)
            fill[i] = (guint8)((sent + i) * 131 >> 3);
        gssize n = sent < total ? send(f->ends[1], fill, 1 << 16, MSG_NOSIGNAL) : 0;
        sent += n > 0 ? (gsize)n : 0;
        if (raw->len % 5 == 0)
            send_frame(f->ends[0], 0x89, "p", 1);
        run(f, 0);
        take_frames(f, raw, &at, &got, &pongs);
    }
    g_assert_cmpuint(got, ==, sent);
    g_assert_cmpuint(pongs, >, 0);
}

// The guest's end comes while the pipe is full and a frame is half sent: first all bytes, then the
// close frame.
static void
test_ws_end_behind_pipe(Fixture *f, gconstpointer data)
{
    g_autofree guint8 *fill = g_malloc(1 << 16);
    g_autoptr(GByteArray) raw = g_byte_array_new();
    gsize sent = 0, got = 0, pongs = 0, at = 0;
    gssize n = 1;
    while (n > 0) {
        for (gsize i = 0; i < 1 << 16; i++)
            fill[i] = (guint8)((sent + i) * 131 >> 3);
        n = send(f->ends[1], fill, 1 << 16, MSG_NOSIGNAL);
        sent += n > 0 ? (gsize)n : 0;
        run(f, 10);
    }
    g_assert_cmpuint(f->relay.flows[YD_GATE_DOWN].in_frame, >, 0);
    send_frame(f->ends[0], 0x89, "p", 1);
    close_end(f, 1);
    while (got < sent) {
        run(f, 0);
        take_frames(f, raw, &at, &got, &pongs);
    }
    g_assert_cmpuint(got, ==, sent);
    g_byte_array_remove_range(raw, 0, (guint)at);
    run(f, 1);
    for (guint8 c; recv(f->ends[0], &c, 1, 0) == 1;)
        g_byte_array_append(raw, &c, 1);
    g_assert_cmpuint(raw->len, >=, 4);
    g_assert_cmpmem(raw->data + raw->len - 4, 4, "\x88\x02\x03\xe8", 4);
    assert_empty_handed(f);
}

#define TCP(name, func)                                                                            \
    g_test_add("/gate/relay/" name, Fixture, GINT_TO_POINTER(FALSE), set_up, func, tear_down)
#define WS(name, func)                                                                             \
    g_test_add("/gate/relay/ws-" name, Fixture, GINT_TO_POINTER(TRUE), set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    TCP("small", test_small);
    TCP("bulk", test_bulk);
    TCP("pieces", test_pieces);
    TCP("half-close", test_half_close);
    TCP("back-pressure", test_back_pressure);
    TCP("reset", test_reset);
    TCP("reset-stages", test_reset_stages);
    TCP("half-close-bulk", test_half_close_bulk);
    TCP("answer-before-reset", test_answer_before_reset);
    TCP("prefill", test_prefill);
    WS("both-ways", test_ws);
    WS("target-ends", test_ws_target_ends);
    WS("bad", test_ws_bad);
    WS("bulk", test_ws_bulk);
    WS("end-behind-pipe", test_ws_end_behind_pipe);
    return g_test_run();
}
