// SPDX-License-Identifier: Apache-2.0
// Starts and ends the proxies that bench/gate compares, and tells what they have used.
#pragma once

#include "gate-load.h"

// What they need to know.
typedef struct {
    const char *dir;      // for their files
    const char *deskgate; // the program
    guint16 target;
    const char *host;       // where they listen; NULL: 127.0.0.1 (deskgate and rinetd only)
    const char *congestion; // control of the gate; NULL: reno
} PeerSetting;

// Starts deskgate; two peers, RDP and WebSocket inside TLS, are added to peers (of Peer).
void peers_add_gate(GArray *peers, const PeerSetting *setting);

// Each adds its peers, or says that the program is not installed.
void peers_add_haproxy(GArray *peers, const PeerSetting *setting, gboolean splice);
void peers_add_nginx(GArray *peers, const PeerSetting *setting);
void peers_add_rinetd(GArray *peers, const PeerSetting *setting);
void peers_add_websockify(GArray *peers, const PeerSetting *setting, gboolean tls);

// Ends them all.
void peers_end(GArray *peers);

// CPU time that the proxy and its children have used, in seconds; 0 for no proxy.
double peer_cpu(const Peer *peer);

// Its own memory, and the kernel's on its behalf, in KiB; NAN when unknown.
double peer_user_kib(const Peer *peer);
double peer_kernel_kib(const Peer *peer);
