// SPDX-License-Identifier: Apache-2.0
// Accepts connections, reads the PROXY v2 header, watches limits and time.
#include "api/listener.h"

#include <string.h>
#include <sys/stat.h>

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#include "base/proxy-v2.h"

#define PROXY_SECONDS 5

struct _YdListener {
    YdApiConfig limits; // numbers only
    GMainContext *context;
    char *path;
    GSocket *socket;
    GSource *accept_source, *sweep_source;
    GHashTable *clients;     // YdClient, all that are open
    GHashTable *per_address; // address -> count
    YdListenerReady ready;
    gpointer data;
};

// A connection whose header is being read.
typedef struct {
    YdClientStream *stream;
    YdClient *client;
    guint8 header[YD_PROXY_V2_MAX];
} Pending;

static void read_rest(GObject *source, GAsyncResult *result, gpointer data);

static GQuark
client_quark(void)
{
    return g_quark_from_static_string("yd-client");
}

YdClient *
yd_client_of(GSocketAddress *remote)
{
    return remote ? g_object_get_qdata(G_OBJECT(remote), client_quark()) : NULL;
}

void
yd_client_give(YdClient *client, guint seconds)
{
    client->deadline = seconds ? g_get_monotonic_time() + (gint64)seconds * G_USEC_PER_SEC : 0;
}

void
yd_client_idle(YdClient *client, guint seconds)
{
    yd_client_give(client, seconds);
    if (client->stream)
        yd_client_stream_between(client->stream);
}

void
yd_client_cut(YdClient *client)
{
    if (!g_socket_is_closed(client->socket))
        g_socket_shutdown(client->socket, TRUE, TRUE, NULL);
}

static void
client_clear(gpointer data)
{
    YdClient *client = data;
    g_clear_object(&client->socket);
    g_free(client->address);
}

static void
client_release(gpointer data)
{
    g_atomic_rc_box_release_full(data, client_clear);
}

YdClient *
yd_client_ref(YdClient *client)
{
    return client ? g_atomic_rc_box_acquire(client) : NULL;
}

void
yd_client_unref(YdClient *client)
{
    if (client)
        client_release(client);
}

static void
count_address(YdListener *listener, const char *address, int by)
{
    gpointer count = g_hash_table_lookup(listener->per_address, address);
    int now = GPOINTER_TO_INT(count) + by;
    if (now > 0)
        g_hash_table_replace(listener->per_address, g_strdup(address), GINT_TO_POINTER(now));
    else
        g_hash_table_remove(listener->per_address, address);
}

// The stream is finalized: libsoup (or we) let go of the connection.
static void
stream_gone(gpointer data, GObject *gone)
{
    YdClient *client = data;
    client->stream = NULL;
    if (client->listener) {
        if (client->address)
            count_address(client->listener, client->address, -1);
        g_hash_table_remove(client->listener->clients, client);
        client->listener = NULL;
    }
    client_release(client);
}

static void
pending_free(Pending *pending)
{
    g_object_unref(pending->stream);
    client_release(pending->client);
    g_free(pending);
}

static GSocketAddress *
socket_address(const char *address, guint16 port)
{
    GSocketAddress *made = g_inet_socket_address_new_from_string(address, port);
    return made ? made : g_inet_socket_address_new_from_string("127.0.0.1", 0);
}

// The header is whole: hand the connection over, unless its address has too many.
static void
hand_over(Pending *pending)
{
    YdClient *client = pending->client;
    YdListener *listener = client->listener; // NULL when deskd ends
    YdProxyV2 proxy;
    gsize size = YD_PROXY_V2_FIXED + (pending->header[14] << 8 | pending->header[15]);
    if (!listener || !yd_proxy_v2_parse(pending->header, size, &proxy, NULL))
        return;
    client->address = g_strdup(proxy.local ? "127.0.0.1" : proxy.source);
    count_address(listener, client->address, 1);
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(listener->per_address, client->address));
    if (!proxy.local && count > listener->limits.max_per_address) {
        g_message("more than %u connections from %s, closing", listener->limits.max_per_address,
                  client->address);
        return;
    }
    g_autoptr(GSocketAddress) local =
        socket_address(proxy.local ? "127.0.0.1" : proxy.destination, proxy.destination_port);
    g_autoptr(GSocketAddress) remote = socket_address(client->address, proxy.source_port);
    client->loopback =
        proxy.local || g_inet_address_get_is_loopback(
                           g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(remote)));
    g_object_set_qdata_full(G_OBJECT(remote), client_quark(), g_atomic_rc_box_acquire(client),
                            client_release);
    yd_client_give(client, listener->limits.header_seconds);
    listener->ready(G_IO_STREAM(pending->stream), local, remote, listener->data);
}

static void
read_fixed(GObject *source, GAsyncResult *result, gpointer data)
{
    Pending *pending = data;
    gsize done = 0, size = 0;
    if (!g_input_stream_read_all_finish(G_INPUT_STREAM(source), result, &done, NULL) ||
        done < YD_PROXY_V2_FIXED ||
        !yd_proxy_v2_size(pending->header, YD_PROXY_V2_FIXED, &size, NULL) ||
        size < YD_PROXY_V2_FIXED || size > sizeof pending->header) {
        pending_free(pending);
        return;
    }
    if (size == YD_PROXY_V2_FIXED) {
        hand_over(pending);
        pending_free(pending);
        return;
    }
    g_input_stream_read_all_async(G_INPUT_STREAM(source), pending->header + YD_PROXY_V2_FIXED,
                                  size - YD_PROXY_V2_FIXED, G_PRIORITY_DEFAULT, NULL, read_rest,
                                  pending);
}

static void
read_rest(GObject *source, GAsyncResult *result, gpointer data)
{
    Pending *pending = data;
    gsize done = 0;
    gsize rest = (gsize)(pending->header[14] << 8 | pending->header[15]);
    if (g_input_stream_read_all_finish(G_INPUT_STREAM(source), result, &done, NULL) && done == rest)
        hand_over(pending);
    pending_free(pending);
}

static void
take_socket(YdListener *listener, GSocket *socket)
{
    if (g_hash_table_size(listener->clients) >= listener->limits.max_connections) {
        g_message("%u connections are open, closing a new one ([deskd] max_connections)",
                  listener->limits.max_connections);
        return;
    }
    Pending *pending = g_new0(Pending, 1);
    g_autoptr(GSocketConnection) base = g_socket_connection_factory_create_connection(socket);
    pending->stream = yd_client_stream_new(base);
    pending->client = g_atomic_rc_box_new0(YdClient);
    pending->client->listener = listener;
    pending->client->socket = g_object_ref(socket);
    pending->client->stream = pending->stream;
    yd_client_give(pending->client, PROXY_SECONDS);
    g_hash_table_add(listener->clients, pending->client);
    g_object_weak_ref(G_OBJECT(pending->stream), stream_gone,
                      g_atomic_rc_box_acquire(pending->client));
    g_input_stream_read_all_async(g_io_stream_get_input_stream(G_IO_STREAM(pending->stream)),
                                  pending->header, YD_PROXY_V2_FIXED, G_PRIORITY_DEFAULT, NULL,
                                  read_fixed, pending);
}

static gboolean
on_accept(GSocket *server, GIOCondition condition, gpointer data)
{
    YdListener *listener = data;
    for (guint i = 0; i < 64; i++) { // a fair share for those that are there
        g_autoptr(GError) error = NULL;
        g_autoptr(GSocket) socket = g_socket_accept(server, NULL, &error);
        if (!socket) {
            if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
                g_message("cannot accept a connection: %s", error->message);
            break;
        }
        g_socket_set_blocking(socket, FALSE);
        take_socket(listener, socket);
    }
    return G_SOURCE_CONTINUE;
}

static gboolean
on_sweep(gpointer data)
{
    YdListener *listener = data;
    gint64 now = g_get_monotonic_time();
    GHashTableIter iter;
    gpointer client;
    g_hash_table_iter_init(&iter, listener->clients);
    while (g_hash_table_iter_next(&iter, &client, NULL))
        if (((YdClient *)client)->deadline && now > ((YdClient *)client)->deadline)
            yd_client_cut(client);
    return G_SOURCE_CONTINUE;
}

// Whether somebody answers there.
static gboolean
is_alive(GSocketAddress *address)
{
    g_autoptr(GSocket) probe =
        g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL);
    return probe && g_socket_connect(probe, address, NULL, NULL);
}

GSocket *
yd_listen_unix(const char *path, GError **error)
{
    if (strlen(path) > 107) {
        g_set_error(
            error, YD_ERROR, YD_ERROR_INVALID,
            "The socket's path \"%s\" is longer than 107 bytes; choose a shorter run folder.",
            path);
        return NULL;
    }
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    if (is_alive(address)) {
        g_set_error(error, YD_ERROR, YD_ERROR_EXISTS,
                    "Somebody listens at %s already; stop the other deskd first.", path);
        return NULL;
    }
    g_unlink(path);
    g_autoptr(GError) problem = NULL;
    g_autoptr(GSocket) socket = g_socket_new(G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM,
                                             G_SOCKET_PROTOCOL_DEFAULT, &problem);
    if (socket)
        g_socket_set_listen_backlog(socket, 512);
    mode_t mask = umask(0117); // 0660 from the first moment
    gboolean bound = socket && g_socket_bind(socket, address, TRUE, &problem);
    umask(mask);
    if (!bound || !g_socket_listen(socket, &problem)) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "Cannot listen at %s: %s", path,
                    problem->message);
        return NULL;
    }
    g_socket_set_blocking(socket, FALSE);
    return g_steal_pointer(&socket);
}

YdListener *
yd_listener_new(const YdApiConfig *config, GMainContext *context, YdListenerReady ready,
                gpointer data, GError **error)
{
    GSocket *socket = yd_listen_unix(config->socket, error);
    if (!socket)
        return NULL;
    YdListener *listener = g_new0(YdListener, 1);
    listener->limits = *config;
    listener->context = context;
    listener->path = g_strdup(config->socket);
    listener->socket = socket;
    listener->ready = ready;
    listener->data = data;
    listener->clients = g_hash_table_new(NULL, NULL);
    listener->per_address = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    listener->accept_source = g_socket_create_source(socket, G_IO_IN, NULL);
    g_source_set_callback(listener->accept_source, G_SOURCE_FUNC(on_accept), listener, NULL);
    g_source_attach(listener->accept_source, context);
    listener->sweep_source = g_timeout_source_new(1000);
    g_source_set_callback(listener->sweep_source, on_sweep, listener, NULL);
    g_source_attach(listener->sweep_source, context);
    return listener;
}

static void
drop_source(GSource **source)
{
    if (*source)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

void
yd_listener_stop(YdListener *listener)
{
    drop_source(&listener->accept_source);
    if (listener->socket) {
        g_socket_close(listener->socket, NULL);
        g_unlink(listener->path);
    }
    g_clear_object(&listener->socket);
}

void
yd_listener_free(YdListener *listener)
{
    if (!listener)
        return;
    yd_listener_stop(listener);
    drop_source(&listener->sweep_source);
    GHashTableIter iter;
    gpointer client;
    g_hash_table_iter_init(&iter, listener->clients);
    while (g_hash_table_iter_next(&iter, &client, NULL)) {
        yd_client_cut(client);
        ((YdClient *)client)->listener = NULL;
    }
    g_hash_table_unref(listener->clients);
    g_hash_table_unref(listener->per_address);
    g_free(listener->path);
    g_free(listener);
}

guint
yd_listener_count(YdListener *listener)
{
    return g_hash_table_size(listener->clients);
}
