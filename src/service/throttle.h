// SPDX-License-Identifier: Apache-2.0
// A token bucket for each client address, in memory: how often one address may try a password.
// Pure but for its lock; any thread.
#pragma once

#include <glib.h>

typedef struct _YdThrottle YdThrottle;

// burst tries at once, then one more every refill_ms.
YdThrottle *yd_throttle_new(guint burst, guint refill_ms);
void yd_throttle_free(YdThrottle *throttle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdThrottle, yd_throttle_free)

// Takes a token. FALSE when there is none: ret_wait_ms tells when there will be. IPv6 addresses
// count by /64, IPv4 ones inside IPv6 as IPv4; texts that are no address, and NULL, share one
// bucket. now: ms.
gboolean
yd_throttle_take(YdThrottle *throttle, const char *address, gint64 now, gint64 *ret_wait_ms);

// Gives the token back: the try was good.
void yd_throttle_give_back(YdThrottle *throttle, const char *address);

// Buckets in memory (at most YD_THROTTLE_MAX; new addresses share one bucket when they are used
// up).
guint yd_throttle_size(YdThrottle *throttle);
#define YD_THROTTLE_MAX 65536
