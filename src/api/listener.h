// SPDX-License-Identifier: Apache-2.0
// Accepts connections on the API's unix socket, reads the PROXY v2 header that tells the client's
// true address, and watches limits and time. Knows nothing of HTTP.
#pragma once

#include <gio/gio.h>

#include "api/client-stream.h"
#include "api/request.h"

typedef struct _YdListener YdListener;

// One accepted connection; borrowed from the socket address that it hangs on.
struct _YdClient {
    YdListener *listener; // NULL once it is gone
    GSocket *socket;
    YdClientStream *stream; // borrowed; NULL once it is gone
    char *address;          // numeric
    gboolean loopback;
    gint64 deadline; // monotonic µs by which the present phase must be over; 0: none
};

// A connection whose header was read. remote carries the YdClient.
typedef void (*YdListenerReady)(GIOStream *stream, GSocketAddress *local, GSocketAddress *remote,
                                gpointer data);

YdListener *yd_listener_new(const YdApiConfig *config, GMainContext *context, YdListenerReady ready,
                            gpointer data, GError **error);
// No new connections; those there are live on.
void yd_listener_stop(YdListener *listener);
// Shuts all connections down.
void yd_listener_free(YdListener *listener);
guint yd_listener_count(YdListener *listener);

// The client of a remote address that came by YdListenerReady.
YdClient *yd_client_of(GSocketAddress *remote);

// One more holder of the client, and one less; NULL is allowed.
YdClient *yd_client_ref(YdClient *client);
void yd_client_unref(YdClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdClient, yd_client_unref)

// From now on the client has that long; 0: no limit.
void yd_client_give(YdClient *client, guint seconds);

// The client's request is answered: that long until the next one.
void yd_client_idle(YdClient *client, guint seconds);

// Ends the connection both ways at once; its owner sees an end of file.
void yd_client_cut(YdClient *client);

// A listening unix socket at path with mode 0660; a stale file is replaced, one that somebody
// listens on is EXISTS. Shared with the gate link.
GSocket *yd_listen_unix(const char *path, GError **error);
