// SPDX-License-Identifier: Apache-2.0
// The HTTP API: what deskd needs to start, stop and describe it. Handlers decide nothing; every one
// parses, makes one service call and writes the answer. api/openapi.yaml is its contract.
//
// Threads: everything here belongs to the thread that runs the main context given (the "loop"),
// which does sockets only; requests are worked on by the lanes' threads
// (docs/internals/threads.md).
#pragma once

#include "service/service.h"

typedef struct _YdApi YdApi;

// Every limit has its name in the configuration ([deskd] section).
typedef struct {
    char *socket;            // path of the unix socket
    char *web;               // folder of the built console; NULL: none is served
    guint max_connections;   // open connections in all: 4096
    guint max_per_address;   // of one client address: 256
    guint max_streams;       // event streams in all: 1024
    guint max_streams_user;  // event streams of one person: 32
    gsize max_body;          // bytes of a JSON body: 1 MiB
    gsize max_import;        // bytes of a CSV body: 20 MiB
    guint max_uploads;       // uploads at the same time: 4
    guint max_waiting;       // requests that wait in one lane: 1024
    guint act_threads;       // 8
    guint hash_threads;      // log-ins and password changes: 2
    guint connect_threads;   // 128: they wait for guest agents
    guint header_seconds;    // from connecting to the end of the first head: 15
    guint idle_seconds;      // between requests of one connection: 75
    guint body_seconds;      // for a body; uploads: without progress: 30
    guint answer_seconds;    // until the client has taken the answer: 60
    guint heartbeat_seconds; // comment lines on quiet event streams: 15
} YdApiConfig;

void yd_api_config_init(YdApiConfig *config); // the defaults
void yd_api_config_clear(YdApiConfig *config);

// Listens at config->socket (mode 0660; a stale file is replaced). config is copied.
YdApi *
yd_api_new(YdService *service, const YdApiConfig *config, GMainContext *context, GError **error);

// Stops accepting, ends event streams, lets requests finish for at most that long.
void yd_api_stop(YdApi *api, guint milliseconds);

void yd_api_free(YdApi *api);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdApi, yd_api_free)

// The routes and the fields of all records as JSON, for tools/check-openapi; owned.
char *yd_api_describe(void);
