// SPDX-License-Identifier: Apache-2.0
// A shortage begins with the first failure and is over when none has come for QUIET_US: while
// descriptors come and go one by one it stays one shortage.
#include "gate/shortage.h"

#define QUIET_US (10 * G_USEC_PER_SEC) // between two lines, and until it is over

struct YdGateShortage {
    GMutex lock;
    guint64 count;
    gint lasts;         // atomic: asked in every round of every worker
    gint64 began, last; // of the present shortage: its first failure, the newest one
    gint64 told;
    guint64 before; // count when it began
};

YdGateShortage *
yd_gate_shortage_new(void)
{
    YdGateShortage *shortage = g_new0(YdGateShortage, 1);
    g_mutex_init(&shortage->lock);
    return shortage;
}

void
yd_gate_shortage_free(YdGateShortage *shortage)
{
    if (shortage == NULL)
        return;
    g_mutex_clear(&shortage->lock);
    g_free(shortage);
}

char *
yd_gate_shortage_note(YdGateShortage *shortage, int trouble, gint64 now)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&shortage->lock);
    gboolean first = !shortage->lasts;
    shortage->count++;
    shortage->last = now;
    if (first) {
        shortage->began = now;
        shortage->before = shortage->count - 1;
        g_atomic_int_set(&shortage->lasts, TRUE);
    } else if (now - shortage->told < QUIET_US) {
        return NULL;
    }
    shortage->told = now;
    if (first)
        return g_strdup_printf("cannot accept clients: %s; they wait. A higher limit of open files "
                               "(LimitNOFILE= of the service), or a lower [deskgate] max_sockets, "
                               "helps",
                               g_strerror(trouble));
    return g_strdup_printf("cannot accept clients for %" G_GINT64_FORMAT " s now: %s; %" //
                           G_GUINT64_FORMAT " tries failed",
                           (now - shortage->began) / G_USEC_PER_SEC, g_strerror(trouble),
                           shortage->count - shortage->before);
}

gboolean
yd_gate_shortage_lasts(YdGateShortage *shortage)
{
    return g_atomic_int_get(&shortage->lasts);
}

char *
yd_gate_shortage_check(YdGateShortage *shortage, gint64 now)
{
    if (!yd_gate_shortage_lasts(shortage))
        return NULL;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&shortage->lock);
    if (!shortage->lasts || now - shortage->last < QUIET_US)
        return NULL;
    g_atomic_int_set(&shortage->lasts, FALSE);
    return g_strdup_printf("accepts clients again; for %.1f s it could not, %" G_GUINT64_FORMAT
                           " tries failed",
                           (double)(shortage->last - shortage->began) / G_USEC_PER_SEC,
                           shortage->count - shortage->before);
}

guint64
yd_gate_shortage_count(YdGateShortage *shortage)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&shortage->lock);
    return shortage->count;
}
