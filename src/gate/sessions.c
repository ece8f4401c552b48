// SPDX-License-Identifier: Apache-2.0
// A table of sessions behind one lock; each call holds it for a few instructions. Byte totals live
// as long as the entry: it stays for a while after the last socket, so that a reconnect goes on
// counting.
#include "gate/sessions.h"

#define FIGURE_STEP 5000               // microseconds, or of a million: less is no news
#define KEEP_US (180 * G_USEC_PER_SEC) // longer than deskd's grace for reconnects

struct YdGateSession {
    char *id;
    char *user;
    guint used; // sockets that reached the guest
    gint64 began;
    guint64 before_up, before_down; // bytes when this use began
    guint sockets;
    guint64 bytes_up, bytes_down, lost;
    YdGateQuality quality;
    gint64 started; // the first socket; monotonic, 0: not told yet
    guint64 first_byte_ms, first_picture_ms;
    gboolean changed;      // since the last statistics
    gboolean lost_desktop; // in this use
    gboolean muted;        // another gate tells of it
    YdGateFigures told;    // in the last statistics
    gint cut;              // atomic: read without the lock
    gint64 empty_since;    // monotonic, when sockets is 0
};

struct YdGateSessions {
    GMutex lock;
    GHashTable *table; // id of the session -> YdGateSession
};

static void
session_free(gpointer data)
{
    YdGateSession *session = data;
    g_free(session->id);
    g_free(session->user);
    g_free(session);
}

YdGateSessions *
yd_gate_sessions_new(void)
{
    YdGateSessions *sessions = g_new0(YdGateSessions, 1);
    g_mutex_init(&sessions->lock);
    sessions->table = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, session_free);
    return sessions;
}

void
yd_gate_sessions_free(YdGateSessions *sessions)
{
    if (sessions == NULL)
        return;
    g_hash_table_unref(sessions->table);
    g_mutex_clear(&sessions->lock);
    g_free(sessions);
}

// With the lock held.
static YdGateSession *
get(YdGateSessions *sessions, const char *id)
{
    YdGateSession *session = g_hash_table_lookup(sessions->table, id);
    if (session == NULL) {
        session = g_new0(YdGateSession, 1);
        session->id = g_strdup(id);
        session->empty_since = g_get_monotonic_time();
        g_hash_table_insert(sessions->table, session->id, session);
    }
    session->changed = TRUE;
    return session;
}

YdGateSession *
yd_gate_sessions_join(YdGateSessions *sessions, const char *id)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    YdGateSession *session = get(sessions, id);
    session->sockets++;
    return session;
}

guint
yd_gate_session_sockets(YdGateSessions *sessions, const YdGateSession *session)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    return session->sockets;
}

gboolean
yd_gate_sessions_begin(YdGateSessions *sessions, YdGateSession *session, const char *user)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    if (session->user == NULL)
        session->user = g_strdup(user);
    if (session->used++ > 0)
        return FALSE;
    session->began = g_get_monotonic_time();
    session->lost_desktop = FALSE;
    session->before_up = session->bytes_up;
    session->before_down = session->bytes_down;
    return TRUE;
}

gboolean
yd_gate_sessions_end(YdGateSessions *sessions, YdGateSession *session, YdGateUse *ret_use)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    if (--session->used > 0)
        return FALSE;
    ret_use->bytes_up = session->bytes_up - session->before_up;
    ret_use->bytes_down = session->bytes_down - session->before_down;
    ret_use->us = g_get_monotonic_time() - session->began;
    return TRUE;
}

const char *
yd_gate_session_user(const YdGateSession *session)
{
    return session->user;
}

void
yd_gate_sessions_leave(YdGateSessions *sessions, YdGateSession **session)
{
    YdGateSession *s = g_steal_pointer(session);
    if (s == NULL)
        return;
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    s->sockets--;
    s->changed = TRUE;
    if (s->sockets == 0)
        s->empty_since = g_get_monotonic_time();
}

void
yd_gate_sessions_mute(YdGateSessions *sessions, YdGateSession *session, gboolean muted)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    session->muted = muted;
}

void
yd_gate_sessions_desktop_lost(YdGateSessions *sessions, YdGateSession *session)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    session->lost_desktop = TRUE;
}

void
yd_gate_sessions_cut(YdGateSessions *sessions, const char *id)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    g_atomic_int_set(&get(sessions, id)->cut, TRUE);
}

static gboolean
has_moved(guint64 now, guint64 told)
{
    return (now > told ? now - told : told - now) >= FIGURE_STEP;
}

// Some figures come to rest only after the last byte.
static gboolean
have_moved(const YdGateSession *session)
{
    YdGateFigures now;
    yd_gate_quality_figures(&session->quality, &now);
    return has_moved(now.rtt_us, session->told.rtt_us) ||
           has_moved(now.jitter_us, session->told.jitter_us) ||
           has_moved(now.loss_ppm, session->told.loss_ppm) ||
           has_moved(now.queue_us, session->told.queue_us) ||
           has_moved(now.server_us, session->told.server_us);
}

// The first one counts, also when the session comes back later; never 0.
static void
note_first(const YdGateSession *session, guint64 *ms, gint64 at)
{
    if (*ms == 0 && at != 0)
        *ms = (guint64)MAX((at - session->started) / 1000, 1);
}

void
yd_gate_sessions_add(YdGateSessions *sessions, YdGateSession *session, const YdGateNews *news)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    session->changed = session->changed || news->bytes_up > 0 || news->bytes_down > 0;
    session->bytes_up += news->bytes_up;
    session->bytes_down += news->bytes_down;
    if (session->started == 0)
        session->started = news->started;
    note_first(session, &session->first_byte_ms, news->first_byte);
    note_first(session, &session->first_picture_ms, news->first_picture);
    if (news->reading == NULL)
        return;
    if (news->reading->lost > news->before->lost)
        session->lost += news->reading->lost - news->before->lost;
    yd_gate_quality_add(&session->quality, news->reading, news->before, news->server, news->now);
    session->changed = session->changed || have_moved(session);
}

static YdGateStats
stats_of(YdGateSession *session)
{
    YdGateStats stats = {
        .session = session->id,
        .sockets = session->sockets,
        .bytes_up = session->bytes_up,
        .bytes_down = session->bytes_down,
        .lost = session->lost,
        .desktop_lost = session->sockets == 0 && session->lost_desktop,
        .first_byte_ms = session->first_byte_ms,
        .first_picture_ms = session->first_picture_ms,
    };
    yd_gate_quality_figures(&session->quality, &stats.figures);
    session->told = stats.figures;
    return stats;
}

static void
touch(YdGateSessions *sessions, guint min_sockets)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, sessions->table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        YdGateSession *session = value;
        session->changed = session->changed || session->sockets >= min_sockets;
    }
}

void
yd_gate_sessions_touch_open(YdGateSessions *sessions)
{
    touch(sessions, 1);
}

void
yd_gate_sessions_touch_all(YdGateSessions *sessions)
{
    touch(sessions, 0);
}

char *
yd_gate_sessions_take_stats(YdGateSessions *sessions)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    YdGateStats stats[YD_GATE_STATS_MAX];
    guint n = 0;
    gint64 forget = g_get_monotonic_time() - KEEP_US;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, sessions->table);
    while (n < YD_GATE_STATS_MAX && g_hash_table_iter_next(&iter, NULL, &value)) {
        YdGateSession *s = value;
        gboolean tell = s->changed && !s->muted;
        s->changed = FALSE;
        if (tell)
            stats[n++] = stats_of(s);
        else if (s->sockets == 0 && s->empty_since < forget)
            g_hash_table_iter_remove(&iter);
    }
    return n == 0 ? NULL : yd_gate_message_stats(stats, n);
}

void
yd_gate_sessions_count(YdGateSessions *sessions, guint *ret_sessions, guint *ret_sockets)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&sessions->lock);
    GHashTableIter iter;
    gpointer value;
    *ret_sessions = *ret_sockets = 0;
    g_hash_table_iter_init(&iter, sessions->table);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const YdGateSession *s = value;
        *ret_sessions += s->sockets > 0 ? 1 : 0;
        *ret_sockets += s->sockets;
    }
}

const char *
yd_gate_session_id(const YdGateSession *session)
{
    return session->id;
}

gboolean
yd_gate_session_is_cut(YdGateSession *session)
{
    return g_atomic_int_get(&session->cut);
}
