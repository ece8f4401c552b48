// SPDX-License-Identifier: Apache-2.0
// The whole gate in this process, between real sockets: a fake deskd, a guest behind TCP and one
// behind a unix socket that echo, and what clients of each protocol say first.
#pragma once

#include <glib.h>

#include "../wait-for.h"
#include "fake-deskd.h"
#include "gate-client.h"
#include "gate/gate.h"

#define RDP_TICKET "RdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpR"
#define SPICE_TICKET "SpiceSpiceSpiceSpiceSpiceSpiceSpiceSpiceSpi"
#define CONSOLE_TICKET "Console-Console-Console-Console-Console-Con"
#define DEAD_TICKET "Dead_Dead_Dead_Dead_Dead_Dead_Dead_Dead_Dea"
#define WRONG_TICKET "WrongWrongWrongWrongWrongWrongWrongWrongWro"

typedef struct {
    char *dir;
    FakeDeskd *deskd;
    FakeServer *guest; // TCP: RDP and SPICE
    FakeServer *vnc;   // unix socket
    YdGateConfig *config;
    YdGate *gate;
    guint fds;
    guint16 port;
} Fixture;

// A test's before and after. After each no descriptor may be left.
void set_up(Fixture *f, gconstpointer data);
void tear_down(Fixture *f, gconstpointer data);

// Makes deskd with the tickets above; starts the gate; starts it again after a change of the
// configuration.
void start_deskd(Fixture *f);
void start_gate(Fixture *f);
void restart_gate(Fixture *f);

// Open descriptors of this process.
guint count_fds(void);

// ---- what clients say ----

// Comes in with RDP_TICKET, its request cut into pieces, and checks what the guest got.
GateClient *rdp_connect(Fixture *f, gsize piece);

void rdp_expect_refusal(Fixture *f, const char *ticket);

// Sends a CONNECT with the ticket, cut into pieces.
void spice_connect(GateClient *client, const char *ticket, gsize piece);

// Sends the request for a console's WebSocket.
void console_request(GateClient *client, const char *ticket);

// Sends a masked WebSocket frame; first is its first byte.
void send_frame(GateClient *client, guint8 first, const char *payload);

// Sends an HTTP request and reads to the end; owned by the caller.
char *ask(Fixture *f, gboolean tls, const char *request);
