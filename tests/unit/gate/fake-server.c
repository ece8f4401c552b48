// SPDX-License-Identifier: Apache-2.0
// Threads and blocking calls: simple enough to be believed when a test fails.
#include "fake-server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct FakeServer {
    int fd;
    guint16 port;
    char *path;
    FakeServe serve;
    gpointer data;
    GThread *thread;
    GMutex lock;
    GPtrArray *threads;
    GHashTable *fds; // open connections
    guint total;
};

typedef struct {
    FakeServer *server;
    int fd;
} Connection;

static gpointer
run_connection(gpointer data)
{
    g_autofree Connection *c = data;
    FakeServer *server = c->server;
    server->serve(c->fd, server->data);
    g_mutex_lock(&server->lock);
    g_hash_table_remove(server->fds, GINT_TO_POINTER(c->fd));
    g_mutex_unlock(&server->lock);
    close(c->fd);
    return NULL;
}

static gpointer
run_server(gpointer data)
{
    FakeServer *server = data;
    for (;;) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0)
            return NULL;
        Connection *c = g_new(Connection, 1);
        *c = (Connection){server, fd};
        g_mutex_lock(&server->lock);
        server->total++;
        g_hash_table_add(server->fds, GINT_TO_POINTER(fd));
        g_ptr_array_add(server->threads, g_thread_new("fake", run_connection, c));
        g_mutex_unlock(&server->lock);
    }
}

static FakeServer *
start(int fd, FakeServe serve, gpointer data)
{
    FakeServer *server = g_new0(FakeServer, 1);
    g_assert_cmpint(listen(fd, 128), ==, 0);
    server->fd = fd;
    server->serve = serve;
    server->data = data;
    server->threads = g_ptr_array_new();
    server->fds = g_hash_table_new(NULL, NULL);
    g_mutex_init(&server->lock);
    return server;
}

FakeServer *
fake_server_tcp(FakeServe serve, gpointer data)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&in, sizeof in), ==, 0);
    FakeServer *server = start(fd, serve, data);
    getsockname(fd, (struct sockaddr *)&in, &len);
    server->port = ntohs(in.sin_port);
    server->thread = g_thread_new("fake", run_server, server);
    return server;
}

FakeServer *
fake_server_unix(const char *path, FakeServe serve, gpointer data)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    g_assert_cmpuint(g_strlcpy(un.sun_path, path, sizeof un.sun_path), <, sizeof un.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(path);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&un, sizeof un), ==, 0);
    FakeServer *server = start(fd, serve, data);
    server->path = g_strdup(path);
    server->thread = g_thread_new("fake", run_server, server);
    return server;
}

void
fake_server_free(FakeServer *server)
{
    if (server == NULL)
        return;
    if (server->path != NULL)
        unlink(server->path);
    shutdown(server->fd, SHUT_RDWR);
    g_thread_join(server->thread);
    close(server->fd);
    g_mutex_lock(&server->lock);
    GHashTableIter iter;
    gpointer fd;
    g_hash_table_iter_init(&iter, server->fds);
    while (g_hash_table_iter_next(&iter, &fd, NULL))
        shutdown(GPOINTER_TO_INT(fd), SHUT_RDWR);
    g_mutex_unlock(&server->lock);
    for (guint i = 0; i < server->threads->len; i++)
        g_thread_join(server->threads->pdata[i]);
    g_ptr_array_unref(server->threads);
    g_hash_table_unref(server->fds);
    g_mutex_clear(&server->lock);
    g_free(server->path);
    g_free(server);
}

guint16
fake_server_port(const FakeServer *server)
{
    return server->port;
}

char *
fake_server_target(const FakeServer *server)
{
    return server->path != NULL ? g_strdup_printf("unix:%s", server->path)
                                : g_strdup_printf("tcp:127.0.0.1:%u", server->port);
}

guint
fake_server_open(FakeServer *server)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&server->lock);
    return g_hash_table_size(server->fds);
}

guint
fake_server_total(FakeServer *server)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&server->lock);
    return server->total;
}

gboolean
fake_write(int fd, const void *data, gsize len)
{
    for (const char *p = data; len > 0;) {
        gssize n = send(fd, p, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        p += n;
        len -= (gsize)n;
    }
    return TRUE;
}

gboolean
fake_read(int fd, void *data, gsize len)
{
    for (char *p = data; len > 0;) {
        gssize n = recv(fd, p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        p += n;
        len -= (gsize)n;
    }
    return TRUE;
}

void
fake_echo(int fd, gpointer data)
{
    char buffer[65536];
    for (gssize n; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;)
        if (!fake_write(fd, buffer, (gsize)n))
            return;
}
