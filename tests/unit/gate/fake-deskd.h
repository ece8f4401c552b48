// SPDX-License-Identifier: Apache-2.0
// deskd as the gate sees it: gate.sock with a table of tickets, deskd.sock with a small HTTP
// server.
#pragma once

#include "fake-server.h"

typedef struct FakeDeskd FakeDeskd;

// Makes DIR/gate.sock and DIR/deskd.sock.
FakeDeskd *fake_deskd_new(const char *dir);
void fake_deskd_free(FakeDeskd *deskd);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeDeskd, fake_deskd_free)

// From now on the ticket opens session and target to sockets of that protocol.
void fake_deskd_ticket(FakeDeskd *deskd, const char *ticket, const char *protocol,
                       const char *session, const char *target);

// The grant of that ticket (rdp-web) brings this log-in and the certificate to pin.
void fake_deskd_log_in(FakeDeskd *deskd, const char *ticket, const char *username,
                       const char *password, const char *certificate);

// Where clients have to come from, in place of 127.0.0.1; static; NULL: anywhere. Before the first
// one comes.
void fake_deskd_set_source(FakeDeskd *deskd, const char *address);

// Takes redeems and says nothing.
void fake_deskd_set_silent(FakeDeskd *deskd, gboolean silent);

// Tells every connected gate.
void fake_deskd_cut(FakeDeskd *deskd, const char *session);

// Opens the fixed port to one address (NULL: closes it); who enters by it gets session and target.
void fake_deskd_port(FakeDeskd *deskd, guint16 port, const char *source, const char *session,
                     const char *target);

// A gate behind another one is granted that ticket through gate at target, with grant; the gate
// shown the grant hears the ticket's own target, once.
void fake_deskd_via(FakeDeskd *deskd, const char *ticket, const char *gate, const char *target,
                    const char *grant);

// The name of the gate behind another one that spoke last, "" if none did; owned.
char *fake_deskd_behind(FakeDeskd *deskd);

// What the statistics said last; -1 when they said nothing of the session yet.
gint64 fake_deskd_sockets(FakeDeskd *deskd, const char *session);
gint64 fake_deskd_bytes_up(FakeDeskd *deskd, const char *session);

// Redeems that came, and those that were granted.
guint fake_deskd_redeems(FakeDeskd *deskd);
guint fake_deskd_grants(FakeDeskd *deskd);

// Requests that the HTTP server has answered.
guint fake_deskd_requests(FakeDeskd *deskd);

// Gates that are connected and said hello.
guint fake_deskd_gates(FakeDeskd *deskd);
