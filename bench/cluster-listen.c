// SPDX-License-Identifier: Apache-2.0
// See cluster-listen.h. The stream's chunk borders are lines of their own, so it is read by lines.
#include "cluster-listen.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "api-seed.h"
#include "base/proxy-v2.h"

struct _ClusterListen {
    int fd;
    GThread *thread;
    GMutex lock;
    GCond changed;
    gboolean greeted, over; // lock
    guint missing;          // lock: expected and not come
    GHashTable *when;       // lock: desktop id -> gint64, 0: expected
};

// The text of a field of the event's JSON, which deskd writes compactly; owned.
static char *
field(const char *line, const char *name)
{
    g_autofree char *begin = g_strdup_printf("\"%s\":\"", name);
    const char *at = strstr(line, begin);
    const char *end = at ? strchr(at + strlen(begin), '"') : NULL;
    return end ? g_strndup(at + strlen(begin), (gsize)(end - at) - strlen(begin)) : NULL;
}

static void
take_line(ClusterListen *listen, const char *line)
{
    gint64 now = g_get_monotonic_time();
    g_autofree char *noun = field(line, "noun");
    g_autofree char *id = field(line, "id");
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&listen->lock);
    if (g_str_has_prefix(line, "event: hello"))
        listen->greeted = TRUE;
    gint64 *when =
        id && g_strcmp0(noun, "desktop") == 0 ? g_hash_table_lookup(listen->when, id) : NULL;
    if (when && *when == 0) {
        *when = now;
        listen->missing--;
    }
    g_cond_broadcast(&listen->changed);
}

static gpointer
read_lines(gpointer data)
{
    ClusterListen *listen = data;
    FILE *stream = fdopen(listen->fd, "r");
    char *line = NULL;
    size_t size = 0;
    while (stream && getline(&line, &size, stream) > 0)
        take_line(listen, line);
    free(line);
    g_mutex_lock(&listen->lock);
    listen->over = TRUE;
    g_cond_broadcast(&listen->changed);
    g_mutex_unlock(&listen->lock);
    if (stream)
        fclose(stream);
    return NULL;
}

static void
ask(ClusterListen *listen, const char *socket_path, const char *token)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    YdProxyV2 proxy = {.source = "10.1.0.1",
                       .source_port = 50000,
                       .destination = "192.0.2.1",
                       .destination_port = 443};
    guint8 header[YD_PROXY_V2_WRITE_MAX];
    g_autofree char *text = g_strdup_printf("GET /api/v1/events HTTP/1.1\r\nHost: desk.example\r\n"
                                            "Authorization: Bearer %s\r\n\r\n",
                                            token);
    gsize length = yd_proxy_v2_write(&proxy, header);
    g_strlcpy(name.sun_path, socket_path, sizeof name.sun_path);
    listen->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(listen->fd >= 0 && connect(listen->fd, (struct sockaddr *)&name, sizeof name) == 0, NULL);
    must(write(listen->fd, header, length) == (gssize)length, NULL);
    must(write(listen->fd, text, strlen(text)) == (gssize)strlen(text), NULL);
}

ClusterListen *
cluster_listen_open(const char *socket_path, const char *token)
{
    ClusterListen *listen = g_new0(ClusterListen, 1);
    g_mutex_init(&listen->lock);
    g_cond_init(&listen->changed);
    listen->when = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    ask(listen, socket_path, token);
    listen->thread = g_thread_new("listen", read_lines, listen);
    g_mutex_lock(&listen->lock);
    while (!listen->greeted && !listen->over)
        g_cond_wait(&listen->changed, &listen->lock);
    must(listen->greeted, NULL);
    g_mutex_unlock(&listen->lock);
    return listen;
}

void
cluster_listen_expect(ClusterListen *listen, const char *desktop_id)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&listen->lock);
    g_hash_table_insert(listen->when, g_strdup(desktop_id), g_new0(gint64, 1));
    listen->missing++;
}

guint
cluster_listen_wait(ClusterListen *listen, gint64 until)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&listen->lock);
    while (listen->missing > 0 && !listen->over)
        if (!g_cond_wait_until(&listen->changed, &listen->lock, until))
            break;
    return listen->missing;
}

gint64
cluster_listen_take(ClusterListen *listen, const char *desktop_id)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&listen->lock);
    const gint64 *when = g_hash_table_lookup(listen->when, desktop_id);
    gint64 came = when ? *when : 0;
    if (when && came == 0)
        listen->missing--;
    g_hash_table_remove(listen->when, desktop_id);
    return came;
}

void
cluster_listen_close(ClusterListen *listen)
{
    shutdown(listen->fd, SHUT_RDWR);
    g_thread_join(listen->thread);
    g_hash_table_unref(listen->when);
    g_mutex_clear(&listen->lock);
    g_cond_clear(&listen->changed);
    g_free(listen);
}
