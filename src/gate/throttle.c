// SPDX-License-Identifier: Apache-2.0
// A table of addresses behind one lock. An entry goes when its address has no socket and its bucket
// is full again, so the table is never larger than the sockets and the refusals of the last
// minutes.
#include "gate/throttle.h"

#include <netinet/in.h>
#include <string.h>

#define SWEEP_EVERY 1024 // refusals between two looks for entries that can go

typedef struct {
    YdThrottleKey key;
    guint sockets;
    double refused; // level of the bucket at the time `at`
    gint64 at;
} Entry;

struct YdThrottle {
    YdThrottleLimits limits;
    GMutex lock;
    GHashTable *entries; // Entry, by key
    guint sockets;
    guint unauthenticated;
    guint refusals; // since the last sweep
};

static guint
key_hash(gconstpointer data)
{
    guint32 words[4];
    memcpy(words, data, sizeof words);
    guint hash = 5381;
    for (guint i = 0; i < 4; i++)
        hash = hash * 31 + words[i];
    return hash;
}

static gboolean
key_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(YdThrottleKey)) == 0;
}

YdThrottle *
yd_throttle_new(const YdThrottleLimits *limits)
{
    YdThrottle *throttle = g_new0(YdThrottle, 1);
    throttle->limits = *limits;
    g_mutex_init(&throttle->lock);
    throttle->entries = g_hash_table_new_full(key_hash, key_equal, NULL, g_free);
    return throttle;
}

void
yd_throttle_free(YdThrottle *throttle)
{
    if (throttle == NULL)
        return;
    g_hash_table_unref(throttle->entries);
    g_mutex_clear(&throttle->lock);
    g_free(throttle);
}

YdThrottleKey
yd_throttle_key(const struct sockaddr *address)
{
    YdThrottleKey key = {0};
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        memcpy(key.bytes, &in6->sin6_addr, 8);
        key.bytes[15] = 6;
    } else if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        memcpy(key.bytes, &in->sin_addr, 4);
        key.bytes[15] = 4;
    }
    return key;
}

// The bucket's level falls with time.
static double
level(const YdThrottle *throttle, const Entry *entry, gint64 now)
{
    double forgiven =
        (double)(now - entry->at) * throttle->limits.refused_per_minute / (60.0 * G_USEC_PER_SEC);
    return MAX(0, entry->refused - forgiven);
}

static Entry *
get(YdThrottle *throttle, const YdThrottleKey *key)
{
    Entry *entry = g_hash_table_lookup(throttle->entries, key);
    if (entry == NULL) {
        entry = g_new0(Entry, 1);
        entry->key = *key;
        g_hash_table_insert(throttle->entries, &entry->key, entry);
    }
    return entry;
}

static void
forget_idle(YdThrottle *throttle, gint64 now)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, throttle->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const Entry *entry = value;
        if (entry->sockets == 0 && level(throttle, entry, now) <= 0)
            g_hash_table_iter_remove(&iter);
    }
}

gboolean
yd_throttle_enter(YdThrottle *throttle, const YdThrottleKey *key, const char **ret_limit)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    const YdThrottleLimits *l = &throttle->limits;
    const Entry *known = g_hash_table_lookup(throttle->entries, key);
    const char *limit =
        throttle->sockets >= l->max_sockets                             ? "max_sockets"
        : throttle->unauthenticated >= l->max_unauthenticated           ? "max_unauthenticated"
        : known != NULL && known->sockets >= l->max_sockets_per_address ? "max_sockets_per_address"
                                                                        : NULL;
    if (limit != NULL) {
        *ret_limit = limit;
        return FALSE;
    }
    throttle->sockets++;
    throttle->unauthenticated++;
    get(throttle, key)->sockets++;
    return TRUE;
}

void
yd_throttle_authenticated(YdThrottle *throttle)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    throttle->unauthenticated--;
}

void
yd_throttle_leave(YdThrottle *throttle, const YdThrottleKey *key, gboolean authenticated)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    Entry *entry = get(throttle, key);
    throttle->sockets--;
    if (!authenticated)
        throttle->unauthenticated--;
    if (--entry->sockets == 0 && entry->refused <= 0)
        g_hash_table_remove(throttle->entries, key);
}

gboolean
yd_throttle_may_redeem(YdThrottle *throttle, const YdThrottleKey *key, gint64 now)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    const Entry *entry = g_hash_table_lookup(throttle->entries, key);
    return entry == NULL || level(throttle, entry, now) + 1 <= throttle->limits.refused_burst;
}

void
yd_throttle_refused(YdThrottle *throttle, const YdThrottleKey *key, gint64 now)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    Entry *entry = get(throttle, key);
    entry->refused = MIN(level(throttle, entry, now) + 1, throttle->limits.refused_burst);
    entry->at = now;
    if (++throttle->refusals >= SWEEP_EVERY) {
        throttle->refusals = 0;
        forget_idle(throttle, now);
    }
}
