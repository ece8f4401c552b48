// SPDX-License-Identifier: Apache-2.0
// SOCK_SEQPACKET: a request is a packet, so nothing has to be put together. Few and trusted
// clients: a small table, one poll().
#include "gate/control.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "gate/sockets.h"

#define MAX_CLIENTS 8
#define PACKET_MAX 8192
#define FDS_MAX (YD_GATE_SOCKETS_MAX + 1)
#define CALL_SECONDS 30

typedef struct {
    int fd; // -1: free
    guint64 number;
} Client;

struct YdGateControl {
    char *path;
    int fd;
    ino_t inode;
    Client clients[MAX_CLIENTS];
    guint64 last_number;
};

static gboolean
set_path(struct sockaddr_un *address, const char *path, GError **error)
{
    *address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (g_strlcpy(address->sun_path, path, sizeof address->sun_path) < sizeof address->sun_path)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                "\"%s\" is too long for a socket; choose a shorter [paths] run=", path);
    return FALSE;
}

// ---- packets ----

static gboolean
send_packet(int fd, json_t *message, const GArray *fds)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
        struct cmsghdr align;
    } control = {0};
    char *text = json_dumps(message, JSON_COMPACT);
    struct iovec data = {text, strlen(text)};
    struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1};
    gsize size = fds == NULL ? 0 : fds->len * sizeof(int);
    if (size > 0 && fds->len <= FDS_MAX) {
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(size);
        struct cmsghdr *first = CMSG_FIRSTHDR(&header);
        *first = (struct cmsghdr){CMSG_LEN(size), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(first), fds->data, size);
    }
    gboolean sent = sendmsg(fd, &header, MSG_NOSIGNAL) == (gssize)data.iov_len;
    free(text);
    return sent;
}

static void
take_fds(struct msghdr *header, GArray *fds)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c != NULL; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        gsize n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (gsize i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
            if (fds != NULL)
                g_array_append_val(fds, fd);
            else
                close(fd);
        }
    }
}

// NULL with errno 0 at the end of the stream, EAGAIN when nothing is there.
static json_t *
receive_packet(int fd, int flags, GArray *fds)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int) * FDS_MAX)];
        struct cmsghdr align;
    } control;
    char text[PACKET_MAX];
    struct iovec data = {text, sizeof text};
    struct msghdr header = {.msg_iov = &data,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    gssize n = recvmsg(fd, &header, flags | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return NULL;
    take_fds(&header, fds);
    json_t *message = n == 0 ? NULL : json_loadb(text, (gsize)n, JSON_REJECT_DUPLICATES, NULL);
    errno = n == 0 ? 0 : EPROTO;
    return message;
}

// ---- serving ----

static int
bind_at(const char *path, GError **error)
{
    struct sockaddr_un address;
    if (!set_path(&address, path, error))
        return -1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t mask = umask(0177);
    g_unlink(path);
    gboolean good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
                    listen(fd, MAX_CLIENTS) == 0;
    int code = errno;
    umask(mask);
    if (good)
        return fd;
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot listen at %s: %s", path,
                g_strerror(code));
    if (fd >= 0)
        close(fd);
    return -1;
}

static ino_t
inode_at(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_ino : 0;
}

YdGateControl *
yd_gate_control_new(const char *path, GError **error)
{
    g_autofree char *fresh = g_strdup_printf("%s.%d", path, (int)getpid());
    g_autoptr(YdGateControl) control = g_new0(YdGateControl, 1);
    control->path = g_strdup(path);
    for (guint i = 0; i < MAX_CLIENTS; i++)
        control->clients[i].fd = -1;
    control->fd = bind_at(fresh, error);
    if (control->fd < 0)
        return NULL;
    control->inode = inode_at(fresh);
    if (g_rename(fresh, path) == 0)
        return g_steal_pointer(&control);
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot listen at %s: %s", path,
                g_strerror(errno));
    g_unlink(fresh);
    return NULL;
}

gboolean
yd_gate_control_is_replaced(const YdGateControl *control)
{
    return inode_at(control->path) != control->inode;
}

void
yd_gate_control_free(YdGateControl *control)
{
    if (control == NULL)
        return;
    for (guint i = 0; i < MAX_CLIENTS; i++)
        if (control->clients[i].fd >= 0)
            close(control->clients[i].fd);
    if (control->fd >= 0) {
        if (!yd_gate_control_is_replaced(control))
            g_unlink(control->path);
        close(control->fd);
    }
    g_free(control->path);
    g_free(control);
}

static void
take_client(YdGateControl *control)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    gboolean known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
                     (peer.uid == 0 || peer.uid == geteuid());
    for (guint i = 0; known && i < MAX_CLIENTS; i++)
        if (control->clients[i].fd < 0) {
            control->clients[i] = (Client){fd, ++control->last_number};
            return;
        }
    close(fd);
}

static void
drop_client(Client *client, YdGateControlFunc func, gpointer data)
{
    close(client->fd);
    client->fd = -1;
    json_decref(func(client->number, NULL, NULL, data));
}

static void
serve_client(Client *client, YdGateControlFunc func, gpointer data)
{
    json_t *request = receive_packet(client->fd, MSG_DONTWAIT, NULL);
    if (request == NULL) {
        if (errno != EAGAIN && errno != EINTR)
            drop_client(client, func, data);
        return;
    }
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
    json_t *answer = func(client->number, request, fds, data);
    if (!send_packet(client->fd, answer, fds))
        drop_client(client, func, data);
    json_decref(answer);
    json_decref(request);
}

gboolean
yd_gate_control_wait(YdGateControl *control, int fd, int timeout_ms, YdGateControlFunc func,
                     gpointer data)
{
    struct pollfd polls[MAX_CLIENTS + 2] = {{fd, POLLIN, 0}, {control->fd, POLLIN, 0}};
    for (guint i = 0; i < MAX_CLIENTS; i++)
        polls[i + 2] = (struct pollfd){control->clients[i].fd, POLLIN, 0};
    if (poll(polls, G_N_ELEMENTS(polls), timeout_ms) <= 0)
        return FALSE;
    for (guint i = 0; i < MAX_CLIENTS; i++)
        if (polls[i + 2].revents != 0)
            serve_client(&control->clients[i], func, data);
    if (polls[1].revents != 0)
        take_client(control);
    return polls[0].revents != 0;
}

// ---- asking ----

int
yd_gate_control_connect(const char *path, GError **error)
{
    struct sockaddr_un address;
    if (!set_path(&address, path, error))
        return -1;
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
        const struct timeval patience = {.tv_sec = CALL_SECONDS};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        return fd;
    }
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "no gate answers at %s: %s; is it running?",
                path, g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

json_t *
yd_gate_control_call(int fd, json_t *request, GArray *fds, GError **error)
{
    gboolean sent = send_packet(fd, request, NULL);
    json_decref(request);
    json_t *answer = sent ? receive_packet(fd, 0, fds) : NULL;
    if (answer == NULL) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "the gate did not answer: %s",
                    errno == 0 ? "it closed the connection" : g_strerror(errno));
        return NULL;
    }
    const char *why = json_string_value(json_object_get(answer, "error"));
    if (why == NULL)
        return answer;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the gate refused: %s", why);
    json_decref(answer);
    return NULL;
}
