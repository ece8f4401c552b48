// SPDX-License-Identifier: Apache-2.0
// Token buckets by client address. Knows no users and no passwords.

#include "service/throttle.h"
#include <arpa/inet.h>
#include <string.h>

typedef struct {
    double tokens;
    gint64 at; // ms, when tokens was right
} Bucket;

struct _YdThrottle {
    GMutex lock;
    guint burst, refill_ms;
    GHashTable *buckets; // network -> Bucket
    gint64 swept;
};

YdThrottle *
yd_throttle_new(guint burst, guint refill_ms)
{
    YdThrottle *throttle = g_new0(YdThrottle, 1);

    g_mutex_init(&throttle->lock);
    throttle->burst = MAX(burst, 1);
    throttle->refill_ms = MAX(refill_ms, 1);
    throttle->buckets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return throttle;
}

void
yd_throttle_free(YdThrottle *throttle)
{
    if (!throttle)
        return;
    g_hash_table_unref(throttle->buckets);
    g_mutex_clear(&throttle->lock);
    g_free(throttle);
}

// What one client may be behind: the IPv4 address, the /64 of an IPv6 one. Owned.
static char *
network_of(const char *address)
{
    static const guchar mapped[12] = {[10] = 0xff, [11] = 0xff};
    guchar bytes[16];
    char text[INET6_ADDRSTRLEN];

    if (address && inet_pton(AF_INET, address, bytes) == 1)
        return g_strdup(address);
    if (!address || inet_pton(AF_INET6, address, bytes) != 1)
        return g_strdup("?");
    if (memcmp(bytes, mapped, sizeof mapped) == 0)
        return g_strdup(inet_ntop(AF_INET, bytes + 12, text, sizeof text));
    memset(bytes + 8, 0, 8);
    return g_strdup(inet_ntop(AF_INET6, bytes, text, sizeof text));
}

static void
bucket_refill(const YdThrottle *throttle, Bucket *bucket, gint64 now)
{
    if (now > bucket->at)
        bucket->tokens += (double)(now - bucket->at) / throttle->refill_ms;
    bucket->tokens = MIN(bucket->tokens, throttle->burst);
    bucket->at = now;
}

// Full buckets tell nothing: drops them, at most once a second.
static void
sweep(YdThrottle *throttle, gint64 now)
{
    GHashTableIter iter;
    gpointer bucket;

    if (now - throttle->swept < 1000 && now >= throttle->swept)
        return;
    throttle->swept = now;
    g_hash_table_iter_init(&iter, throttle->buckets);
    while (g_hash_table_iter_next(&iter, NULL, &bucket)) {
        bucket_refill(throttle, bucket, now);
        if (((Bucket *)bucket)->tokens >= throttle->burst)
            g_hash_table_iter_remove(&iter);
    }
}

static Bucket *
bucket_get(YdThrottle *throttle, const char *address, gint64 now)
{
    g_autofree char *network = network_of(address);
    Bucket *bucket = g_hash_table_lookup(throttle->buckets, network);

    if (bucket)
        return bucket;
    if (g_hash_table_size(throttle->buckets) >= YD_THROTTLE_MAX - 1)
        sweep(throttle, now);
    if (g_hash_table_size(throttle->buckets) >= YD_THROTTLE_MAX - 1) {
        g_free(network);
        network = g_strdup("?");
        if ((bucket = g_hash_table_lookup(throttle->buckets, network)))
            return bucket;
    }
    bucket = g_new0(Bucket, 1);
    bucket->tokens = throttle->burst;
    bucket->at = now;
    g_hash_table_insert(throttle->buckets, g_steal_pointer(&network), bucket);
    return bucket;
}

gboolean
yd_throttle_take(YdThrottle *throttle, const char *address, gint64 now, gint64 *ret_wait_ms)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    Bucket *bucket = bucket_get(throttle, address, now);

    bucket_refill(throttle, bucket, now);
    if (bucket->tokens >= 1) {
        bucket->tokens -= 1;
        return TRUE;
    }
    if (ret_wait_ms)
        *ret_wait_ms = (gint64)((1 - bucket->tokens) * throttle->refill_ms) + 1;
    return FALSE;
}

void
yd_throttle_give_back(YdThrottle *throttle, const char *address)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    g_autofree char *network = network_of(address);
    Bucket *bucket = g_hash_table_lookup(throttle->buckets, network);

    if (bucket)
        bucket->tokens = MIN(bucket->tokens + 1, throttle->burst);
}

guint
yd_throttle_size(YdThrottle *throttle)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);

    return g_hash_table_size(throttle->buckets);
}
