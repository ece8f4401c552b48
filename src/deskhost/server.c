// SPDX-License-Identifier: Apache-2.0
// The accepting thread and the threads of the requests.
#include "deskhost/server.h"
#include "deskhost/verbs.h"
#include "base/error.h"
#include "base/log.h"
#include "storage/backup.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_LENGTH (64 * 1024) // the XML of a machine
#define PATIENCE_SECONDS 10     // for the request line, and for a client that does not read

struct _YdHostServer {
    const YdHostConfig *config;
    YdStorage *storage;
    int listener, wake;
    gboolean has_user, has_gate;
    uid_t user, gate;
    GThread *thread;
    GMutex lock;
    GCond idle;
    GHashTable *open; // fds of requests under way; under lock
    gboolean ending;  // under lock
};

struct client {
    YdHostServer *server;
    int fd;
};

static gboolean
may_ask(YdHostServer *server, int fd, gboolean *ret_gate, GError **error)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    gboolean known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
    *ret_gate = FALSE;
    if (known &&
        (peer.uid == 0 || peer.uid == geteuid() || (server->has_user && peer.uid == server->user)))
        return TRUE;
    *ret_gate = known && server->has_gate && peer.uid == server->gate;
    if (*ret_gate)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_FORBIDDEN, "only root and user '%s' may ask deskhost",
                server->config->user);
    return FALSE;
}

// One line; FALSE when it does not come, or is too long.
static gboolean
read_request(int fd, char *line)
{
    gsize length = 0;
    while (length < LINE_LENGTH - 1) {
        ssize_t n = recv(fd, line + length, LINE_LENGTH - 1 - length, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return FALSE;
        length += (gsize)n;
        line[length] = '\0';
        char *end = memchr(line, '\n', length);
        if (end) {
            *end = '\0';
            return end == line + length - 1; // one request for each connection
        }
    }
    return FALSE;
}

static void
serve(struct client *client)
{
    g_autoptr(GError) error = NULL;
    char line[LINE_LENGTH];
    gboolean from_gate;
    if (!may_ask(client->server, client->fd, &from_gate, &error)) {
        yd_verbs_refuse(client->fd, error);
        yd_log(G_LOG_LEVEL_MESSAGE, NULL, "%s", error->message);
    } else if (!read_request(client->fd, line)) {
        yd_error_invalid(&error, "request", "must be one line of at most %u bytes", LINE_LENGTH);
        yd_verbs_refuse(client->fd, error);
    } else {
        yd_verbs_handle(client->server->config, client->server->storage, client->fd, from_gate,
                        line);
    }
}

static gpointer
request_thread(gpointer data)
{
    struct client *client = data;
    YdHostServer *server = client->server;
    serve(client);
    g_mutex_lock(&server->lock);
    g_hash_table_remove(server->open, GINT_TO_POINTER(client->fd));
    close(client->fd);
    g_cond_broadcast(&server->idle);
    g_mutex_unlock(&server->lock);
    g_free(client);
    return NULL;
}

// Waits a while for a free place, so that a burst is served late rather than refused; FALSE when
// there is none.
static gboolean
enter(YdHostServer *server, int fd)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE_SECONDS * G_USEC_PER_SEC;
    gboolean ok;
    g_mutex_lock(&server->lock);
    do
        ok = g_hash_table_size(server->open) < server->config->max_requests;
    while (!ok && !server->ending && g_cond_wait_until(&server->idle, &server->lock, deadline));
    if (ok)
        g_hash_table_add(server->open, GINT_TO_POINTER(fd));
    g_mutex_unlock(&server->lock);
    return ok;
}

static void
accept_one(YdHostServer *server)
{
    struct timeval patience = {.tv_sec = PATIENCE_SECONDS};
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (!enter(server, fd)) {
        g_autoptr(GError) error =
            g_error_new(YD_ERROR, YD_ERROR_UNAVAILABLE,
                        "deskhost has %" G_GINT64_FORMAT " requests under way (max_requests)",
                        server->config->max_requests);
        yd_verbs_refuse(fd, error);
        close(fd);
        return;
    }
    struct client *client = g_new0(struct client, 1);
    client->server = server;
    client->fd = fd;
    g_thread_unref(g_thread_new("request", request_thread, client));
}

static gpointer
accept_thread(gpointer data)
{
    YdHostServer *server = data;
    struct pollfd fds[2] = {{.fd = server->listener, .events = POLLIN},
                            {.fd = server->wake, .events = POLLIN}};
    while (poll(fds, 2, -1) >= 0 || errno == EINTR) {
        if (fds[1].revents)
            break;
        if (fds[0].revents)
            accept_one(server);
    }
    return NULL;
}

static gboolean
fail(const char *path, GError **error)
{
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot listen on '%s': %s", path,
                g_strerror(errno));
    return FALSE;
}

static gboolean
listen_on(YdHostServer *server, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *path = server->config->socket_path;
    const struct passwd *gate = getpwnam(server->config->gate_user);
    server->has_gate = gate != NULL;
    server->gate = gate ? gate->pw_uid : 0;
    const struct passwd *user = getpwnam(server->config->user);
    if (strlen(path) >= sizeof address.sun_path)
        return yd_error_invalid(error, "run", "'%s' is too long for a socket", path);
    strcpy(address.sun_path, path);
    server->has_user = user != NULL;
    server->user = user ? user->pw_uid : 0;
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(path);
    if (server->listener < 0 ||
        bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        chmod(path, 0660) != 0 || (user && chown(path, (uid_t)-1, user->pw_gid) != 0) ||
        listen(server->listener, 64) != 0)
        return fail(path, error);
    return TRUE;
}

YdHostServer *
yd_host_server_new(const YdHostConfig *config, GError **error)
{
    YdHostServer *server = g_new0(YdHostServer, 1);
    server->config = config;
    server->listener = -1;
    server->wake = eventfd(0, EFD_CLOEXEC);
    server->storage = yd_storage_local(config->images_dir);
    yd_backup_set_place(server->storage, config->backup_dir, config->state_dir,
                        config->config_file);
    server->open = g_hash_table_new(NULL, NULL);
    g_mutex_init(&server->lock);
    g_cond_init(&server->idle);
    if (!listen_on(server, error)) {
        yd_host_server_free(server);
        return NULL;
    }
    server->thread = g_thread_new("accept", accept_thread, server);
    return server;
}

static void
end_requests(YdHostServer *server)
{
    GHashTableIter iter;
    gpointer fd;
    g_mutex_lock(&server->lock);
    g_hash_table_iter_init(&iter, server->open);
    while (g_hash_table_iter_next(&iter, &fd, NULL))
        shutdown(GPOINTER_TO_INT(fd), SHUT_RD); // looks like the client's end: cancels
    while (g_hash_table_size(server->open) > 0)
        g_cond_wait(&server->idle, &server->lock);
    g_mutex_unlock(&server->lock);
}

void
yd_host_server_free(YdHostServer *server)
{
    if (!server)
        return;
    g_mutex_lock(&server->lock);
    server->ending = TRUE;
    g_cond_broadcast(&server->idle);
    g_mutex_unlock(&server->lock);
    if (server->thread) {
        eventfd_write(server->wake, 1);
        g_thread_join(server->thread);
        unlink(server->config->socket_path);
    }
    if (server->listener >= 0)
        close(server->listener);
    end_requests(server);
    close(server->wake);
    g_hash_table_unref(server->open);
    yd_storage_free(server->storage);
    g_mutex_clear(&server->lock);
    g_cond_clear(&server->idle);
    g_free(server);
}
