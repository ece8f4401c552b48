// SPDX-License-Identifier: Apache-2.0
// A table of addresses behind one lock. An entry goes when its address has no socket and its
// buckets are empty again, so the table is never larger than the sockets and what came in the last
// minutes.
#include "gate/throttle.h"

#include <netinet/in.h>
#include <string.h>

#define SWEEP_EVERY 1024 // entries and refusals between two looks for entries that can go

typedef struct {
    double level; // at the time `at`; it falls with time
    gint64 at;
} Bucket;

typedef struct {
    YdThrottleKey key;
    guint sockets;
    guint unauthenticated;
    Bucket refused; // tickets
    Bucket opened;  // sockets
} Entry;

struct YdThrottle {
    YdThrottleLimits limits;
    GMutex lock;
    GHashTable *entries; // Entry, by key
    guint sockets;
    guint unauthenticated;
    guint events; // since the last sweep
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

static double
level(const Bucket *bucket, double per_second, gint64 now)
{
    double forgiven = (double)(now - bucket->at) * per_second / G_USEC_PER_SEC;
    return MAX(0, bucket->level - forgiven);
}

static double
refused_level(const YdThrottle *throttle, const Entry *entry, gint64 now)
{
    return level(&entry->refused, throttle->limits.refused_per_minute / 60.0, now);
}

static double
opened_level(const YdThrottle *throttle, const Entry *entry, gint64 now)
{
    return level(&entry->opened, throttle->limits.opened_per_second, now);
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
        if (entry->sockets == 0 && refused_level(throttle, entry, now) <= 0 &&
            opened_level(throttle, entry, now) <= 0)
            g_hash_table_iter_remove(&iter);
    }
}

static void
count_event(YdThrottle *throttle, gint64 now)
{
    if (++throttle->events < SWEEP_EVERY)
        return;
    throttle->events = 0;
    forget_idle(throttle, now);
}

static gboolean
is_nobody(const YdThrottleKey *key)
{
    return key->bytes[sizeof key->bytes - 1] == 0;
}

// The key of the limit of one address that is reached; NULL when none is.
static const char *
what_of_it_is_full(const YdThrottle *throttle, const Entry *entry, gint64 now)
{
    const YdThrottleLimits *l = &throttle->limits;
    if (entry == NULL || is_nobody(&entry->key))
        return NULL;
    if (entry->sockets >= l->max_sockets_per_address)
        return "max_sockets_per_address";
    if (entry->unauthenticated >= l->max_unauthenticated_per_address)
        return "max_unauthenticated_per_address";
    return opened_level(throttle, entry, now) + 1 > l->opened_burst ? "opened_burst" : NULL;
}

// The key of the limit that keeps this address out; NULL when none does.
static const char *
what_is_full(const YdThrottle *throttle, const Entry *entry, gint64 now)
{
    if (throttle->sockets >= throttle->limits.max_sockets)
        return "max_sockets";
    if (throttle->unauthenticated >= throttle->limits.max_unauthenticated)
        return "max_unauthenticated";
    return what_of_it_is_full(throttle, entry, now);
}

static void
add_socket(YdThrottle *throttle, const YdThrottleKey *key, gint64 now)
{
    Entry *entry = get(throttle, key);
    entry->sockets++;
    entry->unauthenticated++;
    entry->opened = (Bucket){opened_level(throttle, entry, now) + 1, now};
}

gboolean
yd_throttle_enter(YdThrottle *throttle, const YdThrottleKey *key, gint64 now,
                  const char **ret_limit)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    const Entry *entry = g_hash_table_lookup(throttle->entries, key);
    const char *limit = what_is_full(throttle, entry, now);
    if (limit != NULL) {
        *ret_limit = limit;
        return FALSE;
    }
    if (entry == NULL)
        count_event(throttle, now);
    throttle->sockets++;
    throttle->unauthenticated++;
    add_socket(throttle, key, now);
    return TRUE;
}

gboolean
yd_throttle_is_of(YdThrottle *throttle, const YdThrottleKey *key, gint64 now,
                  const char **ret_limit)
{
    static const YdThrottleKey nobody = {0};
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    const Entry *entry = g_hash_table_lookup(throttle->entries, key);
    const char *limit = what_of_it_is_full(throttle, entry, now);
    if (limit != NULL) {
        *ret_limit = limit;
        return FALSE;
    }
    if (entry == NULL)
        count_event(throttle, now);
    Entry *before = get(throttle, &nobody);
    before->sockets--;
    before->unauthenticated--;
    add_socket(throttle, key, now);
    return TRUE;
}

// With the lock held.
static void
no_longer_unauthenticated(YdThrottle *throttle, Entry *entry)
{
    throttle->unauthenticated--;
    entry->unauthenticated--;
}

void
yd_throttle_authenticated(YdThrottle *throttle, const YdThrottleKey *key)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    no_longer_unauthenticated(throttle, get(throttle, key));
}

// The entry stays for its buckets; the next sweep looks at them.
void
yd_throttle_leave(YdThrottle *throttle, const YdThrottleKey *key, gboolean authenticated)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    Entry *entry = get(throttle, key);
    throttle->sockets--;
    entry->sockets--;
    if (!authenticated)
        no_longer_unauthenticated(throttle, entry);
}

gboolean
yd_throttle_may_redeem(YdThrottle *throttle, const YdThrottleKey *key, gint64 now)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    const Entry *entry = g_hash_table_lookup(throttle->entries, key);
    return entry == NULL ||
           refused_level(throttle, entry, now) + 1 <= throttle->limits.refused_burst;
}

void
yd_throttle_refused(YdThrottle *throttle, const YdThrottleKey *key, gint64 now)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&throttle->lock);
    Entry *entry = get(throttle, key);
    double refused = refused_level(throttle, entry, now) + 1;
    entry->refused = (Bucket){MIN(refused, throttle->limits.refused_burst), now};
    count_event(throttle, now);
}
