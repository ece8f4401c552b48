// SPDX-License-Identifier: Apache-2.0
// Clients of a gate under test: blocking sockets with a limit on waiting, with TLS or without.
#pragma once

#include <glib.h>

typedef struct GateClient GateClient;

// Connects to the gate on 127.0.0.1; tls: as an https client that checks nothing.
GateClient *gate_client_new(guint16 port, gboolean tls);
void gate_client_free(GateClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GateClient, gate_client_free)

int gate_client_fd(const GateClient *client);

// Asserts that all is written.
void gate_client_send(GateClient *client, const void *data, gsize len);
void gate_client_text(GateClient *client, const char *text);

// As gate_client_send(), but FALSE when the gate takes no more.
gboolean gate_client_try_send(GateClient *client, const void *data, gsize len);

// Reads up to len bytes; 0 at the end of the stream, -1 on an error or after 10 s.
gssize gate_client_read(GateClient *client, void *data, gsize len);

// Asserts that exactly these bytes come next.
void gate_client_expect(GateClient *client, const void *data, gsize len);

// Asserts that nothing more comes (an end or a reset).
void gate_client_expect_end(GateClient *client);

// Reads to the end of the stream; NUL terminated, owned by the caller.
char *gate_client_rest(GateClient *client);

// Reads a whole HTTP answer (by its Content-Length); NUL terminated, owned by the caller, NULL when
// the stream ends before.
char *gate_client_answer(GateClient *client);

// No more bytes from this side.
void gate_client_shut(GateClient *client);

// Writes a self-signed certificate and its key (P-256) for localhost.
void gate_client_make_certificate(const char *certificate, const char *key);

// SHA-256 of the certificate in a PEM file, as deskd names it; owned by the caller.
char *gate_client_fingerprint(const char *certificate);

// The serial number of the certificate that the gate showed, as text; owned by the caller.
char *gate_client_serial(const GateClient *client);

// An X.224 connection request with the ticket; NULL: without a cookie, as a guest gets it. Owned by
// the caller.
GByteArray *gate_client_rdp_request(const char *ticket);
