// SPDX-License-Identifier: Apache-2.0
// The WebSocket opening handshake of a server (RFC 6455, 4.2). Pure.
#pragma once

#include "gate/http-head.h"

// The value of Sec-WebSocket-Accept for a client's key; the caller owns it.
char *yd_ws_accept_key(const char *key);

// Whether a page may open the WebSocket: a browser names the page's Origin, which must be https and
// the Host of the request, or one of origins ("https://desk.example"; NULL for none). Programs send
// no Origin, which is fine: it is a browser's pages that have to be held back (RFC 6455, 10.2).
gboolean yd_ws_origin_fits(const YdHttpHead *head, char *const *origins);

// Checks that head is a WebSocket request, version 13, and builds the "101 Switching Protocols"
// answer, which takes the subprotocol "binary" when the client offers it. Fails with
// YD_ERROR_INVALID, or YD_ERROR_FORBIDDEN where the origin does not fit. The caller owns
// *ret_response.
gboolean
yd_ws_upgrade(const YdHttpHead *head, char *const *origins, char **ret_response, GError **error);
