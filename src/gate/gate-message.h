// SPDX-License-Identifier: Apache-2.0
// The lines between deskgate and deskd (docs/internals/gate.md, "Gate protocol"): one JSON object
// per line, at most 64 KiB. This file builds what the gate says and reads what deskd says. Pure.
#pragma once

#include <glib.h>
#include <jansson.h>

#include "gate/quality.h"

#define YD_GATE_LINE_MAX (64 * 1024)

// Characters of a ticket: 32 bytes as url-safe base64 without padding.
#define YD_GATE_TICKET_LEN 43

// The most addresses to which one fixed port is open.
#define YD_GATE_SOURCES_MAX 16

// The longest time that sessions of a draining gate may be given: a year.
#define YD_GATE_DRAIN_SECONDS_MAX (366 * 24 * 3600)

// The most sessions in one line of statistics, so that it stays well below YD_GATE_LINE_MAX.
#define YD_GATE_STATS_MAX 100

typedef enum {
    YD_GATE_OP_WELCOME,
    YD_GATE_OP_GRANT,
    YD_GATE_OP_REFUSE,
    YD_GATE_OP_CUT,
    YD_GATE_OP_PORT,
    YD_GATE_OP_DRAIN,
    YD_GATE_OP_RESUME,
    YD_GATE_OP_HOST,
} YdGateOp;

// A line of deskd. Which fields are set depends on op; all are owned by it.
typedef struct {
    YdGateOp op;
    guint64 id;         // grant, refuse: of the redeem; host: of the request
    char *request;      // host: what deskhost is asked, JSON
    char *session;      // grant, cut
    char *target;       // grant: "tcp:ADDRESS:PORT" or "unix:PATH"
    guint idle_seconds; // grant: 0 for no limit
    char *user;         // grant: the person's log-in name; NULL when deskd did not say
    // grant of rdp-web: the log-in, and SHA-256 (hex) of the guest's certificate
    char *username, *password, *certificate;
    guint closed;               // grant of rdp-web: channels, as YD_RDP_CLOSE_… of rdp-connect.h
    char *via_gate, *via_grant; // grant: the target is that gate, which wants to see this
    char *code;                 // refuse
    char *text;                 // refuse: the message; cut: the reason. NULL when deskd gave none
    guint16 fixed_port;         // port
    char **sources;             // port: the addresses it is open to; none: it is closed
    gint64 seconds; // drain: how long sessions may go on; 0: for ever, -1: as configured
} YdGateMessage;

// What the gate tells about one session. Byte totals count since the session's first socket here.
typedef struct {
    const char *session;
    guint sockets;
    guint64 bytes_up; // client to guest
    guint64 bytes_down;
    guint64 lost; // TCP segments sent again to the client
    YdGateFigures figures;
    // From the session's first socket to the first byte of the guest, and to as many bytes as a
    // first picture takes (docs/experience.md); 0: not yet.
    guint64 first_byte_ms, first_picture_ms;
    gboolean desktop_lost; // sockets is 0 because the desktop went silent
} YdGateStats;

// What the gate tells about itself; counts since its start.
typedef struct {
    const char *version, *state;
    guint sessions, sockets;
    guint64 accept_failures, tls_handshakes, tls_in_kernel;
    gint64 certificate_expires; // seconds since 1970; 0: not known
} YdGateAbout;

// Whether text has the form of a ticket. Anything else need not be shown to deskd.
gboolean yd_gate_ticket_valid(const char *text);

// Builders of lines, each with its "\n"; the caller owns them.
char *yd_gate_message_hello(const char *gate);
char *yd_gate_message_redeem(guint64 id, const char *ticket, const char *protocol,
                             const char *address, guint16 port);
char *yd_gate_message_enter(guint64 id, guint16 fixed_port, const char *address, guint16 port);
char *yd_gate_message_pass(guint64 id, const char *grant, const char *edge, const char *protocol,
                           const char *address, guint16 port);
char *yd_gate_message_about(const YdGateAbout *about);
// What deskhost answered; takes answer.
char *yd_gate_message_host(guint64 id, json_t *answer);
char *yd_gate_message_stats(const YdGateStats *stats, guint n_stats);

// Reads a line of deskd, len bytes without the "\n". An op that is not known gives
// YD_ERROR_NOT_FOUND (skip the line), anything else that is wrong YD_ERROR_INVALID. Unknown members
// are ignored.
YdGateMessage *yd_gate_message_parse(const char *line, gsize len, GError **error);

void yd_gate_message_free(YdGateMessage *message);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateMessage, yd_gate_message_free)
