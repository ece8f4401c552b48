// SPDX-License-Identifier: Apache-2.0
// The WebSocket opening handshake of a server (RFC 6455, 4.2). Pure.
#pragma once

#include "gate/http-head.h"

// The value of Sec-WebSocket-Accept for a client's key; the caller owns it.
char *yd_ws_accept_key(const char *key);

// Checks that head is a WebSocket request, version 13, and builds the "101 Switching Protocols"
// answer, which takes the subprotocol "binary" when the client offers it. Fails with
// YD_ERROR_INVALID. The caller owns *ret_response.
gboolean yd_ws_upgrade(const YdHttpHead *head, char **ret_response, GError **error);
