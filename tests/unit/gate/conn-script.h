// SPDX-License-Identifier: Apache-2.0
// What a client of each protocol says, generated from a seed, what its guest has to hear, and
// whether the answer is whole. Pure, but for the random numbers.
#pragma once

#include <glib.h>

#define SCRIPT_X224_SIZE 19 // of the request that a guest gets

typedef enum {
    SCRIPT_RDP,
    SCRIPT_SPICE,
    SCRIPT_SPICE_TLS,
    SCRIPT_CONSOLE,
    SCRIPT_PROXIED, // a console by way of a proxy that ended TLS
    SCRIPT_RDP_WEB,
    SCRIPT_HTTPS,     // to deskd
    SCRIPT_HTTP,      // moved
    SCRIPT_NO_TICKET, // RDP with one that deskd does not know
    SCRIPT_N_KINDS
} ScriptKind;

typedef struct {
    ScriptKind kind;
    gboolean tls;
    gboolean changed;   // by script_change()
    gboolean doubled;   // some bytes are there twice now
    GByteArray *client; // what it says
    GByteArray *second; // and when it was answered first; NULL for nothing
    GByteArray *guest;  // what the guest has to hear; NULL: no guest takes part
} Script;

const char *script_name(ScriptKind kind);

// What deskd calls the protocol, when there is a good ticket for it; else NULL.
const char *script_protocol(ScriptKind kind);
const char *script_ticket(ScriptKind kind);

void script_build(Script *script, ScriptKind kind, GRand *rand);
void script_clear(Script *script);

// Flips, deletes, inserts or doubles bytes of what the client says.
void script_change(Script *script, GRand *rand);

// What the client has to say now that it got this; NULL for nothing (more). The caller owns it.
GByteArray *script_next(Script *script, const GByteArray *got);

// Whether got is all that an undisturbed client hears of a guest that says that many zeros and
// echoes.
gboolean script_is_answered(const Script *script, const GByteArray *got, gsize zeros);
