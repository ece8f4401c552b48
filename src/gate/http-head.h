// SPDX-License-Identifier: Apache-2.0
// The head of an HTTP/1.x request (RFC 9112): request line and fields, strict and bounded. It is
// what the gate needs to choose a way for a connection; bodies and answers are not read here.
#pragma once

#include <glib.h>

// A longer head is refused.
#define YD_HTTP_HEAD_MAX (16 * 1024)

// More fields than this are refused.
#define YD_HTTP_HEAD_FIELDS 100

typedef struct YdHttpHead YdHttpHead;

// The size of the head at the start of data, its empty line included, or 0 while that line has not
// come yet. seen is how many bytes an earlier call has looked at already (0 at first).
gsize yd_http_head_size(const char *data, gsize len, gsize seen);

// Parses a whole head of exactly len bytes (from yd_http_head_size()). Two Host or Content-Length
// fields, or a Content-Length beside a Transfer-Encoding, are refused: others might read them in
// another way (RFC 9112, 6.3). Fails with YD_ERROR_INVALID
// or, over YD_HTTP_HEAD_MAX, YD_ERROR_TOO_LARGE. The caller owns the result.
YdHttpHead *yd_http_head_parse(const char *data, gsize len, GError **error);

void yd_http_head_free(YdHttpHead *head);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdHttpHead, yd_http_head_free)

const char *yd_http_head_method(const YdHttpHead *head);

// The request target as sent: "/path?query", or "host:port" of a CONNECT.
const char *yd_http_head_target(const YdHttpHead *head);

// The value of the first field of that name (any case), without the white space around it; NULL
// when there is none. Borrowed.
const char *yd_http_head_field(const YdHttpHead *head, const char *name);

// How many fields of that name there are.
guint yd_http_head_count(const YdHttpHead *head, const char *name);

// Whether the comma separated list of a field of that name holds token (any case; RFC 9110, 5.6.1).
gboolean yd_http_head_has_token(const YdHttpHead *head, const char *name, const char *token);

// Whether the path of the target (without its query) equals path.
gboolean yd_http_head_path_is(const YdHttpHead *head, const char *path);

// The value of name in the target's query, as sent (no percent decoding); NULL when it is not
// there. The caller owns it.
char *yd_http_head_query(const YdHttpHead *head, const char *name);

// The ticket in "Proxy-Authorization: Basic base64(ticket:TICKET)" (RFC 7617). Fails with
// YD_ERROR_UNAUTHENTICATED when the field is missing, given twice, or names another user.
char *yd_http_head_proxy_ticket(const YdHttpHead *head, GError **error);
