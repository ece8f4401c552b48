// SPDX-License-Identifier: Apache-2.0
// A small HTTP server on a thread of its own for tests of clients: canned answers, requests kept.
#pragma once

#include <glib.h>
#include <jansson.h>

typedef struct _FakeServer FakeServer;

typedef struct {
    char *method, *path, *query, *body, *token, *key, *if_match;
} FakeRequest;

FakeServer *fake_server_new(gboolean tls); // on a free port of 127.0.0.1
void fake_server_free(FakeServer *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeServer, fake_server_free)

const char *fake_server_url(FakeServer *server);
const char *fake_server_ca(FakeServer *server); // PEM file of its self-signed certificate

// The answer to the next request of that method and path (below the root, without the query); the
// last one given stays. status 0: the connection is closed without an answer. Unknown paths are
// 404 problem documents.
void fake_server_answer(FakeServer *server, const char *method, const char *path, guint status,
                        const char *type, const char *body);

// Requests so far; the n-th one (from 0), valid until the server is freed.
guint fake_server_count(FakeServer *server);
const FakeRequest *fake_server_request(FakeServer *server, guint n);
