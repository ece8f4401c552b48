// SPDX-License-Identifier: Apache-2.0
// Nothing here knows of a particular proxy.
#include "gate-measure.h"

#include <math.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gate-peers.h"
#include "gate-web.h"

#define AT_ONCE 64
#define MESSAGES_A_SECOND 30

static int
compare(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double
quantile(GArray *values, double share)
{
    if (values->len == 0)
        return NAN;
    g_array_sort(values, compare);
    guint at = (guint)(share * values->len);
    return g_array_index(values, double, MIN(at, values->len - 1));
}

// With the tickets from 0 on, some at a time.
static void
open_all(const Peer *peer, int *fds, guint n, LoadMode mode, guint pieces)
{
    for (guint done = 0; done < n; done += AT_ONCE) {
        guint end = MIN(done + AT_ONCE, n);
        for (guint i = done; i < end; i++)
            fds[i] = load_begin(peer, i, mode, pieces);
        for (guint i = done; i < end; i++)
            load_confirm(peer, fds[i]);
    }
}

// ---- bulk ----

static double
bulk_plain(const Peer *peer, guint streams, guint pieces)
{
    g_autofree int *fds = g_new(int, streams);
    // Only the bytes are measured, not the making of the streams.
    open_all(peer, fds, streams, LOAD_SEND, pieces);
    double cpu = peer_cpu(peer);
    for (guint i = 0; i < streams; i++)
        load_write(fds[i], "g", 1);
    load_drain(fds, streams);
    return peer_cpu(peer) - cpu;
}

static double
bulk_web(const Peer *peer, guint streams, guint pieces)
{
    g_autofree WebStream **all = g_new(WebStream *, streams);
    for (guint i = 0; i < streams; i++)
        all[i] = web_open(peer, LOAD_STAY, pieces);
    double cpu = peer_cpu(peer);
    for (guint i = 0; i < streams; i++)
        web_send(all[i], "g", 1);
    web_drain(all, streams, (guint64)pieces * LOAD_PIECE);
    return peer_cpu(peer) - cpu;
}

double
measure_bulk(const Peer *peer, guint streams, double gb)
{
    guint pieces = (guint)MAX(gb * 1e9 / LOAD_PIECE / streams, 1);
    double used = peer->way == LOAD_PLAIN || peer->way == LOAD_TICKET
                      ? bulk_plain(peer, streams, pieces)
                      : bulk_web(peer, streams, pieces);
    return used / ((double)pieces * LOAD_PIECE * streams / 1e9);
}

// ---- latency ----

void
measure_trips(const Peer *peer, guint n, GArray *times)
{
    char message[LOAD_MESSAGE] = "x";
    int fd = load_open(peer, 0, LOAD_ECHO, 0);
    for (guint i = 0; i < n; i++) {
        gint64 start = load_now_ns();
        if (!load_write(fd, message, sizeof message) || !load_read(fd, message, sizeof message))
            g_error("%s: the echo ended", peer->name);
        double us = (double)(load_now_ns() - start) / 1e3;
        g_array_append_val(times, us);
    }
    close(fd);
}

void
measure_first_byte(const Peer *peer, guint n, GArray *times)
{
    for (guint i = 0; i < n; i++) {
        gint64 start = load_now_ns();
        int fd = load_open(peer, 0, LOAD_ECHO, 0);
        double us = (double)(load_now_ns() - start) / 1e3;
        g_array_append_val(times, us);
        close(fd);
    }
}

Admissions
measure_admissions(const Peer *peer, guint n)
{
    int fds[AT_ONCE];
    double cpu = peer_cpu(peer);
    gint64 start = load_now_ns();
    for (guint done = 0; done < n; done += AT_ONCE) {
        for (guint i = 0; i < AT_ONCE; i++)
            fds[i] = load_begin(peer, done + i, LOAD_ECHO, 0);
        for (guint i = 0; i < AT_ONCE; i++)
            load_confirm(peer, fds[i]);
        for (guint i = 0; i < AT_ONCE; i++)
            close(fds[i]);
    }
    double wall = (double)(load_now_ns() - start) / 1e9;
    return (Admissions){(peer_cpu(peer) - cpu) * 1e6 / n, n / wall};
}

// ---- memory ----

Memory
measure_memory(const Peer *peer, guint n)
{
    g_autofree int *fds = g_new(int, n);
    // What is made once, for the first connection, is not counted.
    close(load_open(peer, 0, LOAD_ECHO, 0));
    double user = peer_user_kib(peer), kernel = peer_kernel_kib(peer);
    open_all(peer, fds, n, LOAD_ECHO, 0);
    Memory memory = {(peer_user_kib(peer) - user) / n, (peer_kernel_kib(peer) - kernel) / n};
    for (guint i = 0; i < n; i++)
        close(fds[i]);
    return memory;
}

// ---- office ----

typedef struct {
    int fd;
    gint64 next; // message, when
    gint64 sent; // the one that is not answered yet; 0: all are
    gsize got;   // of its answer
} Seat;

static void
hear(Seat *seat, GArray *times)
{
    gssize n = recv(seat->fd, NULL, LOAD_ANSWER, MSG_TRUNC | MSG_DONTWAIT);
    if (n == 0)
        g_error("a session ended");
    seat->got += (gsize)MAX(n, 0);
    if (seat->got < LOAD_ANSWER)
        return;
    double us = (double)(load_now_ns() - seat->sent) / 1e3;
    g_array_append_val(times, us);
    seat->sent = 0;
    seat->got = 0;
}

// One that waits for an answer misses its turn, as somebody who waits for the screen would.
static void
speak(const Peer *peer, Seat *seat, gint64 now)
{
    static const guint8 message[LOAD_MESSAGE];
    seat->next += 1000000000 / MESSAGES_A_SECOND;
    if (seat->sent != 0)
        return;
    seat->sent = now;
    if (!load_write(seat->fd, message, sizeof message))
        g_error("%s: a session takes no more", peer->name);
}

Office
measure_office(const Peer *peer, guint sessions, guint seconds)
{
    g_autofree Seat *seats = g_new0(Seat, sessions);
    g_autofree int *fds = g_new(int, sessions);
    g_autoptr(GArray) times = g_array_new(FALSE, FALSE, sizeof(double));
    struct epoll_event events[256];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    open_all(peer, fds, sessions, LOAD_TO_ANSWER, 0);
    for (guint i = 0; i < sessions; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &seats[i]};
        seats[i].fd = fds[i];
        epoll_ctl(epoll, EPOLL_CTL_ADD, seats[i].fd, &event);
    }
    gint64 start = load_now_ns(), now = start;
    for (guint i = 0; i < sessions; i++)
        seats[i].next = start + (gint64)i * 1000000000 / MESSAGES_A_SECOND / sessions;
    double cpu = peer_cpu(peer);
    for (; now - start < (gint64)seconds * 1000000000; now = load_now_ns()) {
        for (guint i = 0; i < sessions; i++)
            if (seats[i].next <= now)
                speak(peer, &seats[i], now);
        int n = epoll_wait(epoll, events, G_N_ELEMENTS(events), 1);
        for (int i = 0; i < n; i++)
            hear(events[i].data.ptr, times);
    }
    double wall = (double)(now - start) / 1e9;
    Office office = {(peer_cpu(peer) - cpu) / wall, times->len / wall, quantile(times, 0.5),
                     quantile(times, 0.99)};
    for (guint i = 0; i < sessions; i++)
        close(seats[i].fd);
    close(epoll);
    return office;
}
