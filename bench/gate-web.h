// SPDX-License-Identifier: Apache-2.0
// Clients of bench/gate that speak TLS, WebSocket or both. They offer AES-128-GCM first, as
// browsers do.
#pragma once

#include "gate-load.h"

typedef struct WebStream WebStream;

// Connects, shakes hands, asks for the upgrade, sends the request, and waits for the confirmation.
WebStream *web_open(const Peer *peer, LoadMode mode, guint pieces);

// A message up; at most 125 bytes.
void web_send(WebStream *stream, const void *data, gsize len);

// Reads bytes (frames' headers count) of each of the n streams, and ends and frees them.
void web_drain(WebStream **streams, guint n, guint64 bytes);
