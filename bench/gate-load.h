// SPDX-License-Identifier: Apache-2.0
// The two ends between which bench/gate puts a proxy: a target on a thread of its own, and clients.
// All over loopback; whatever fails ends the program. The target learns from the client's first
// packet, an X.224 connection request, what is wanted of it, and confirms with one byte.
#pragma once

#include <glib.h>

#define LOAD_PIECE (64 * 1024)
#define LOAD_MESSAGE 64
#define LOAD_ANSWER 1024
#define LOAD_REQUEST_SIZE 19

typedef enum {
    LOAD_ECHO,      // sends back what comes
    LOAD_SEND,      // on a byte: so many pieces, then the end
    LOAD_STAY,      // likewise, but the end is the client's (websockify drops what it holds then)
    LOAD_TO_ANSWER, // LOAD_ANSWER bytes for every LOAD_MESSAGE bytes
} LoadMode;

// How a proxy wants to be spoken to.
typedef enum {
    LOAD_PLAIN,
    LOAD_TICKET,        // a ticket in the request
    LOAD_TLS,           // TLS around all
    LOAD_WEBSOCKET,     // frames
    LOAD_TLS_WEBSOCKET, // frames inside TLS
} LoadWay;

typedef struct {
    const char *name;
    const char *host; // NULL: 127.0.0.1
    guint16 port;
    int pid;             // 0: no proxy
    LoadWay way;         // of the port
    const char *path;    // of the WebSocket, with its ticket
    gboolean tls_before; // speak as a proxy that has ended TLS: a PROXY header first
    guint most;          // connections that it is asked for; 0: any number
    char *group;         // its memory cgroup, or NULL
} Peer;

// Starts the target and returns its port.
guint16 load_target_start(void);

// The ticket number i, 43 characters; owned by the caller.
char *load_ticket(guint i);

// The request for the target.
void load_request(guint8 request[LOAD_REQUEST_SIZE], LoadMode mode, guint pieces);

// Connects (LOAD_PLAIN or LOAD_TICKET) and sends the request with the ticket number i.
int load_begin(const Peer *peer, guint ticket, LoadMode mode, guint pieces);

// Connects only.
int load_connect(const Peer *peer);

// Waits for the target's confirmation.
void load_confirm(const Peer *peer, int fd);

// Both.
int load_open(const Peer *peer, guint ticket, LoadMode mode, guint pieces);

// Reads all n streams to their ends and closes them.
void load_drain(const int *fds, guint n);

// Blocking; FALSE at the end of the stream or on an error.
gboolean load_write(int fd, const void *data, gsize len);
gboolean load_read(int fd, void *data, gsize len);

gint64 load_now_ns(void);
