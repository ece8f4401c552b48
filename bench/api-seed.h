// SPDX-License-Identifier: Apache-2.0
// An organisation for the benchmarks: people with a desktop each, some of them ready on a fake
// host, and a log-in for each person whose token is known.
#pragma once

#include "service/service.h"

typedef struct {
    YdServiceConfig config;
    const char *uri;         // of the one host
    const char *const *uris; // of several, in its place: desktop i is on host i modulo their number
    guint desktops;          // people and desktops
    guint ready; // of them with a running machine; token i belongs to the owner of machine i
} Seed;

// Everybody's.
#define SEED_PASSWORD "Correct-Horse-9"

// Fills an empty store. Ends the program when something fails.
void seed_store(YdService *service, const Seed *seed);

// Starts the machines of the ready desktops (in this process' fake host).
void seed_machines(YdService *service);

// "token-…" of person i; owned.
char *seed_token(guint i);

// Ends the program with the error's message unless good.
void must(gboolean good, GError *error);
#define MUST(call)                                                                                 \
    do {                                                                                           \
        GError *error = NULL;                                                                      \
        must((call), error);                                                                       \
    } while (0)
