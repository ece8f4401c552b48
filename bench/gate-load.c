// SPDX-License-Identifier: Apache-2.0
// The target is one thread with one epoll, so that few wake-ups are charged to the proxy.
#include "gate-load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int fd;
    guint got; // of the request
    guint8 request[LOAD_REQUEST_SIZE];
    LoadMode mode;
    guint64 left; // bytes to send
    guint64 owed; // bytes that came and were not answered
} Service;

static int target_fd, target_epoll;

gboolean
load_write(int fd, const void *data, gsize len)
{
    for (const char *p = data; len > 0;) {
        gssize n = send(fd, p, len, MSG_NOSIGNAL);
        struct pollfd room = {fd, POLLOUT, 0};
        if (n < 0 && errno == EAGAIN)
            poll(&room, 1, -1);
        else if (n <= 0 && errno != EINTR)
            return FALSE;
        p += MAX(n, 0);
        len -= (gsize)MAX(n, 0);
    }
    return TRUE;
}

gboolean
load_read(int fd, void *data, gsize len)
{
    for (char *p = data; len > 0;) {
        gssize n = recv(fd, p, len, 0);
        if (n == 0 || (n < 0 && errno != EINTR))
            return FALSE;
        p += MAX(n, 0);
        len -= (gsize)MAX(n, 0);
    }
    return TRUE;
}

gint64
load_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * G_GINT64_CONSTANT(1000000000) + t.tv_nsec;
}

// ---- the target ----

static void
service_end(Service *service)
{
    close(service->fd);
    g_free(service);
}

static gboolean
feed(Service *service)
{
    static const guint8 piece[LOAD_PIECE];
    gsize n = MIN(service->left, sizeof piece);
    gssize sent = send(service->fd, piece, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EAGAIN;
    service->left -= (guint64)sent;
    return service->left > 0;
}

static gboolean
take_request(Service *service)
{
    gssize n = recv(service->fd, service->request + service->got, LOAD_REQUEST_SIZE - service->got,
                    MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    service->got += (guint)n;
    if (service->got < LOAD_REQUEST_SIZE)
        return TRUE;
    guint32 word;
    memcpy(&word, service->request + LOAD_REQUEST_SIZE - sizeof word, sizeof word);
    service->mode = (LoadMode)(word & 3);
    service->left = (guint64)(word >> 2) * LOAD_PIECE;
    return load_write(service->fd, "r", 1);
}

static gboolean
answer(Service *service, const guint8 *data, gsize n)
{
    static const guint8 text[LOAD_ANSWER];
    if (service->mode == LOAD_ECHO)
        return load_write(service->fd, data, n);
    for (service->owed += n; service->owed >= LOAD_MESSAGE; service->owed -= LOAD_MESSAGE)
        if (!load_write(service->fd, text, sizeof text))
            return FALSE;
    return TRUE;
}

static gboolean
watch(Service *service, guint32 events)
{
    struct epoll_event event = {.events = events, .data.ptr = service};
    return epoll_ctl(target_epoll, EPOLL_CTL_MOD, service->fd, &event) == 0;
}

// Returns FALSE when the connection has ended.
static gboolean
serve(Service *service, guint32 events)
{
    static guint8 data[LOAD_PIECE];
    if (service->got < LOAD_REQUEST_SIZE)
        return take_request(service);
    if ((events & EPOLLOUT) != 0)
        return feed(service) || (service->mode == LOAD_STAY && watch(service, EPOLLIN));
    gssize n = recv(service->fd, data, sizeof data, MSG_DONTWAIT);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    if (service->mode != LOAD_SEND && service->mode != LOAD_STAY)
        return answer(service, data, (gsize)n);
    return service->left == 0 || watch(service, EPOLLOUT);
}

static void
accept_one(void)
{
    const int one = 1;
    int fd = accept4(target_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    Service *service = g_new0(Service, 1);
    service->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = service};
    epoll_ctl(target_epoll, EPOLL_CTL_ADD, fd, &event);
}

static gpointer
run_target(gpointer data)
{
    struct epoll_event events[64];
    for (;;) {
        int n = epoll_wait(target_epoll, events, G_N_ELEMENTS(events), -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                accept_one();
            else if (!serve(events[i].data.ptr, events[i].events))
                service_end(events[i].data.ptr);
        }
    }
    return NULL;
}

guint16
load_target_start(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;
    struct epoll_event event = {.events = EPOLLIN};
    target_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    target_epoll = epoll_create1(EPOLL_CLOEXEC);
    if (bind(target_fd, (struct sockaddr *)&in, sizeof in) < 0 || listen(target_fd, 4096) < 0 ||
        getsockname(target_fd, (struct sockaddr *)&in, &len) < 0 ||
        epoll_ctl(target_epoll, EPOLL_CTL_ADD, target_fd, &event) < 0)
        g_error("the target cannot listen: %s", g_strerror(errno));
    g_thread_unref(g_thread_new("target", run_target, NULL));
    return ntohs(in.sin_port);
}

// ---- clients ----

char *
load_ticket(guint i)
{
    return g_strdup_printf("Bench%038u", i);
}

void
load_request(guint8 request[LOAD_REQUEST_SIZE], LoadMode mode, guint pieces)
{
    static const guint8 fixed[LOAD_REQUEST_SIZE] = {
        3, 0, 0, LOAD_REQUEST_SIZE, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0};
    guint32 word = pieces << 2 | mode;
    memcpy(request, fixed, sizeof fixed);
    memcpy(request + LOAD_REQUEST_SIZE - sizeof word, &word, sizeof word);
}

int
load_connect(const Peer *peer)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(peer->port)};
    const int one = 1;
    inet_pton(AF_INET, peer->host != NULL ? peer->host : "127.0.0.1", &in.sin_addr);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fd < 0 || connect(fd, (struct sockaddr *)&in, sizeof in) != 0)
        g_error("%s: cannot connect: %s", peer->name, g_strerror(errno));
    return fd;
}

int
load_begin(const Peer *peer, guint ticket, LoadMode mode, guint pieces)
{
    guint8 request[LOAD_REQUEST_SIZE], packet[128];
    const gsize at = 11; // of the cookie
    gsize n = 0;
    load_request(request, mode, pieces);
    if (peer->way == LOAD_TICKET) {
        g_autofree char *text = load_ticket(ticket);
        g_autofree char *cookie = g_strdup_printf("Cookie: msts=%s\r\n", text);
        n = strlen(cookie);
        memcpy(packet + at, cookie, n);
    }
    memcpy(packet, request, at);
    memcpy(packet + at + n, request + at, sizeof request - at);
    packet[3] = (guint8)(sizeof request + n);
    packet[4] = (guint8)(packet[3] - 5);
    int fd = load_connect(peer);
    if (!load_write(fd, packet, sizeof request + n))
        g_error("%s: takes no request", peer->name);
    return fd;
}

void
load_confirm(const Peer *peer, int fd)
{
    char c;
    if (!load_read(fd, &c, 1))
        g_error("%s: a connection ended before the target confirmed it", peer->name);
}

int
load_open(const Peer *peer, guint ticket, LoadMode mode, guint pieces)
{
    int fd = load_begin(peer, ticket, mode, pieces);
    load_confirm(peer, fd);
    return fd;
}

void
load_drain(const int *fds, guint n)
{
    struct epoll_event events[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    for (guint i = 0; i < n; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event);
    }
    while (n > 0) {
        int m = epoll_wait(epoll, events, G_N_ELEMENTS(events), -1);
        for (int i = 0; i < m; i++) {
            // MSG_TRUNC: the bytes are not even copied to us.
            gssize got = recv(events[i].data.fd, NULL, 1 << 20, MSG_TRUNC | MSG_DONTWAIT);
            if (got > 0 || (got < 0 && errno == EAGAIN))
                continue;
            close(events[i].data.fd);
            n--;
        }
    }
    close(epoll);
}
