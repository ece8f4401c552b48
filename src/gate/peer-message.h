// SPDX-License-Identifier: Apache-2.0
// What one gate says to another, inside mutual TLS (docs/internals/gate.md, "Between gates"): one
// line of JSON that says what the connection is for, and for a passed-on client one line back; what
// follows belongs to whoever is meant. Pure.
#pragma once

#include <glib.h>

// The longest line, with its "\n".
#define YD_PEER_LINE_MAX 1024

// What ALPN calls this (RFC 7301), and what a gate's certificate calls itself before its name.
#define YD_PEER_ALPN "yundesk-gate"
#define YD_PEER_URI "yundesk-gate:"
#define YD_PEER_NAME_MAX 64

typedef enum {
    YD_PEER_LINK, // a remote gate's connection to deskd's gate.sock
    YD_PEER_WEB,  // a browser's to deskd.sock, with its PROXY header
    YD_PEER_PASS, // a client's to the desktop, with a grant for once
} YdPeerOp;

typedef struct {
    YdPeerOp op;
    // pass:
    char *grant, *protocol, *address; // address of the client, as the first gate saw it
    guint16 port;
    guint32 keyboard; // rdp-web
    // Without TLS: who the first gate says it is. NULL with TLS, where its certificate says so.
    char *edge;
} YdPeerRequest;

// Letters, digits, ".", "-", "_"; 1 to YD_PEER_NAME_MAX of them.
gboolean yd_peer_name_valid(const char *name);

// The line of a request, with "\n"; owned, to be wiped when it has a grant.
char *yd_peer_request_line(const YdPeerRequest *request);

// Reads a line of len bytes without "\n". Fails with YD_ERROR_INVALID.
YdPeerRequest *yd_peer_request_parse(const char *line, gsize len, GError **error);
void yd_peer_request_free(YdPeerRequest *request); // wipes the grant
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdPeerRequest, yd_peer_request_free)

// The answer to a pass: code NULL is "go". Owned.
char *yd_peer_answer_line(const char *code, const char *text);

// *ret_code is NULL for "go"; *ret_code and *ret_text are owned by the caller.
gboolean
yd_peer_answer_parse(const char *line, gsize len, char **ret_code, char **ret_text, GError **error);
