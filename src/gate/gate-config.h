// SPDX-License-Identifier: Apache-2.0
// What [deskgate] of the configuration says: where to listen, the certificate, and the limits. Read
// once.
#pragma once

#include "base/config.h"
#include "gate/lockdown.h"
#include "gate/throttle.h"

typedef struct {
    char **listen;     // listen=ADDRESS:PORT,…
    guint workers;     // workers=; 0 has been replaced by the number of processors
    char *certificate; // certificate=, PEM chain; default state/keys/gate.pem
    char *key;         // key=; default state/keys/gate.key
    char *name;        // name= of this gate, told to deskd
    char *congestion;  // congestion= control of clients' sockets ("bbr"), where the kernel has it
    char **origins;    // origins= whose pages may open WebSockets, beside the gate's own; or NULL
    char *deskd;       // run/deskd.sock
    char *tickets;     // run/gate.sock
    char *deskhost;    // run/deskhost.sock
    guint16 fixed_port_first, fixed_port_last; // fixed_ports=; 0: none is ever opened
    char *ca, *link_certificate, *link_key;    // ca=, link_certificate=, link_key=: for other gates
    char *gates;    // state/keys/gates: certificates of remote gates (beside deskd)
    char *manager;  // manager=NAME@ADDRESS:PORT, the gate beside deskd; NULL: deskd is beside us
    char **edges;   // edges=NAME,…: gates that may pass clients on; NULL: any of the CA
    char **proxies; // trusted_proxies=ADDRESS,…: they say for whom they come (PROXY, version 2)
    gboolean peer_tls;     // peer_tls=: FALSE: clients are passed on and taken without TLS
    gboolean ktls;         // ktls=: the kernel encrypts where it can
    char *user;            // user=: whom a gate that root starts becomes
    gboolean json_log;     // log=json
    YdGateSeccomp seccomp; // seccomp=
    YdThrottleLimits limits;
    guint max_sockets_per_session; // a SPICE client has 6 to 10, an RDP client up to 3

    // Seconds.
    guint hello_seconds;       // until the protocol is known and an RDP request has come
    guint head_seconds;        // for a TLS handshake and an HTTP head together
    guint redeem_seconds;      // for deskd's answer
    guint connect_seconds;     // for a target to take the connection
    guint half_closed_seconds; // without a byte, when one side has ended
    guint https_idle_seconds;  // without a byte, for relayed https
    guint drain_seconds;       // drain_time=: for its sessions when the gate leaves; 0: no limit

    // Options of clients' sockets (tcp(7)).
    guint keepalive_seconds;    // without a word, until the kernel asks whether it is there
    guint user_timeout_seconds; // for the client to confirm what was sent; 0: the kernel's
    guint unsent_kib;           // that wait in the kernel for a slow client; 0: no limit

    // Likewise of the sockets to desktops and other gates: a machine that is gone sends no reset.
    guint target_keepalive_seconds, target_user_timeout_seconds;
} YdGateConfig;

// Reads [deskgate]; config NULL gives the defaults (for tests, which then set what they need).
// Fails as yd_config_int() and its like do.
YdGateConfig *yd_gate_config_new(const YdConfig *config, GError **error);
void yd_gate_config_free(YdGateConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateConfig, yd_gate_config_free)
