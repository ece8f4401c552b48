// SPDX-License-Identifier: Apache-2.0
// A blocking server for tests: a thread that accepts, a thread per connection that runs a function.
#pragma once

#include <glib.h>

typedef struct FakeServer FakeServer;

// Serves one connection; the server closes fd afterwards.
typedef void (*FakeServe)(int fd, gpointer data);

// Listens on 127.0.0.1 with a free port, or on a unix socket at path.
FakeServer *fake_server_tcp(FakeServe serve, gpointer data);
FakeServer *fake_server_unix(const char *path, FakeServe serve, gpointer data);

// Ends all connections, joins all threads.
void fake_server_free(FakeServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeServer, fake_server_free)

guint16 fake_server_port(const FakeServer *server);

// "tcp:…" or "unix:…", as deskd would grant it; owned by the caller.
char *fake_server_target(const FakeServer *server);

// How many connections are open now, and have been made.
guint fake_server_open(FakeServer *server);
guint fake_server_total(FakeServer *server);

// Ready-made function: sends everything back, then ends.
void fake_echo(int fd, gpointer data);

// Blocking helpers; FALSE at the end of the stream or on an error.
gboolean fake_write(int fd, const void *data, gsize len);
gboolean fake_read(int fd, void *data, gsize len);
