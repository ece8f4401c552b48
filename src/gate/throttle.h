// SPDX-License-Identifier: Apache-2.0
// How much of the gate one address, and all together, may take: sockets, sockets that have not
// shown a ticket yet, sockets opened in a row, and tickets that were refused. An IPv6 address
// counts as its /64, which one client has to itself. All functions: any thread.
#pragma once

#include <glib.h>
#include <sys/socket.h>

typedef struct {
    guint max_sockets;             // at once, in all
    guint max_sockets_per_address; // at once
    guint max_unauthenticated;     // at once, in all: no ticket shown and no request relayed yet
    guint max_unauthenticated_per_address;
    guint opened_burst;       // sockets that one address may open in a row …
    guint opened_per_second;  // … and how many of them are forgiven in a second
    guint refused_burst;      // tickets that one address may have refused …
    guint refused_per_minute; // … and how many of them are forgiven in a minute
} YdThrottleLimits;

typedef struct YdThrottle YdThrottle;

// An address and what is counted for it.
typedef struct YdThrottleKey {
    guint8 bytes[16];
} YdThrottleKey;

YdThrottle *yd_throttle_new(const YdThrottleLimits *limits);
void yd_throttle_free(YdThrottle *throttle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdThrottle, yd_throttle_free)

// Of an address that is neither IPv4 nor IPv6 it is the key of nobody, which only what counts in
// all limits.
YdThrottleKey yd_throttle_key(const struct sockaddr *address);

// Lets one more, unauthenticated, socket in at the time now (monotonic, microseconds). FALSE when a
// limit is reached: *ret_limit is the name of its key in the configuration (static). Pair with
// yd_throttle_leave().
gboolean yd_throttle_enter(YdThrottle *throttle, const YdThrottleKey *key, gint64 now,
                           const char **ret_limit);

// An unauthenticated socket that came in for the key of nobody turns out to be key's. FALSE when
// one of its limits is reached: *ret_limit as above, and it is still nobody's.
gboolean yd_throttle_is_of(YdThrottle *throttle, const YdThrottleKey *key, gint64 now,
                           const char **ret_limit);

// The socket is no longer among the unauthenticated ones; once per socket.
void yd_throttle_authenticated(YdThrottle *throttle, const YdThrottleKey *key);

void yd_throttle_leave(YdThrottle *throttle, const YdThrottleKey *key, gboolean authenticated);

// Whether the address may show a ticket at the time now (monotonic, microseconds).
gboolean yd_throttle_may_redeem(YdThrottle *throttle, const YdThrottleKey *key, gint64 now);

// A ticket of the address was refused.
void yd_throttle_refused(YdThrottle *throttle, const YdThrottleKey *key, gint64 now);
