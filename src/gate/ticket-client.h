// SPDX-License-Identifier: Apache-2.0
// The gate's one connection to deskd (run/gate.sock): asks whether tickets are good, tells
// statistics, hears of sessions that are cut. It has a thread of its own, comes back when deskd
// does, and gives every question an answer in time.
#pragma once

#include "gate/drain.h"
#include "gate/sessions.h"

typedef struct YdTicketClient YdTicketClient;

// deskd's answer to a redeem. All strings are borrowed for the call.
typedef struct {
    // Granted: joined for the asker, who takes it (and sets it to NULL) or it is left again. NULL:
    // refused.
    YdGateSession *session;
    const char *target;
    guint idle_seconds;
    const char *user;                              // the person, for the log; NULL: not told
    const char *username, *password, *certificate; // rdp-web
    guint closed;                                  // rdp-web: channels, YD_RDP_CLOSE_…
    const char *via_gate, *via_grant;              // the target is another gate; NULL: it is not
    const char *code; // refused: "ticket-unknown", … , or "unavailable"
    const char *text;
} YdTicketVerdict;

// Called on the client's thread, once for each redeem.
typedef void (*YdTicketFunc)(YdTicketVerdict *verdict, gpointer data);

// Called on the client's thread when deskd has cut a session; sessions has it marked already.
typedef void (*YdTicketCutFunc)(const char *session, const char *reason, gpointer data);

// Called on the client's thread: deskd opens a fixed port to these addresses, or closes it (none).
// port 0: all are closed, since deskd is gone.
typedef void (*YdTicketPortFunc)(guint16 port, const char *const *sources, gpointer data);

// Called on the client's thread: a connected stream socket (non-blocking, taken) that leads to
// deskd by way of another gate, or -1.
typedef int (*YdTicketDialFunc)(gpointer data);

// Called on the client's thread: the line that tells what the gate is and does; owned by the
// caller.
typedef char *(*YdTicketAboutFunc)(gpointer data);

typedef struct {
    const char *socket;       // path of deskd's gate.sock
    const char *deskhost;     // path of deskhost's socket; NULL: there is none
    const char *name;         // of this gate, told in hello
    guint redeem_seconds;     // then a redeem is refused as unavailable
    guint stats_seconds;      // between two rounds of statistics
    guint alive_seconds;      // between two rounds that tell of quiet sessions as well
    YdGateSessions *sessions; // borrowed, must outlive the client
    YdTicketCutFunc cut;
    YdTicketPortFunc port;
    YdGateOrderFunc order;   // called on the client's thread; NULL: orders are ignored
    YdTicketDialFunc dial;   // NULL: by socket
    YdTicketAboutFunc about; // told to deskd with statistics, when it has changed
    gpointer gate;           // for all of them
} YdTicketClientConfig;

// Starts the thread; a deskd that is not there yet is no error. Strings of config are copied.
YdTicketClient *yd_ticket_client_new(const YdTicketClientConfig *config, GError **error);

// Tells the last statistics when deskd listens, refuses what is still asked, and ends the thread.
void yd_ticket_client_free(YdTicketClient *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdTicketClient, yd_ticket_client_free)

// Asks whether the ticket is good for protocol ("rdp", "spice", "rdp-web", "console") from address
// and port. Any thread.
void yd_ticket_client_redeem(YdTicketClient *client, const char *ticket, const char *protocol,
                             const char *address, guint16 port, YdTicketFunc func, gpointer data);

// Asks whether address and port may enter by a fixed port. As yd_ticket_client_redeem().
void yd_ticket_client_enter(YdTicketClient *client, guint16 fixed_port, const char *address,
                            guint16 port, YdTicketFunc func, gpointer data);

// Asks what another gate, edge, was granted for a client whom it passes on to this one. As
// yd_ticket_client_redeem().
void yd_ticket_client_pass(YdTicketClient *client, const char *grant, const char *edge,
                           const char *protocol, const char *address, guint16 port,
                           YdTicketFunc func, gpointer data);

// A socket came or went: statistics soon. NULL is fine. Any thread.
void yd_ticket_client_hurry(YdTicketClient *client);

// Whether deskd has welcomed this gate and is connected. Any thread.
gboolean yd_ticket_client_is_connected(YdTicketClient *client);
