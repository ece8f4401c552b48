// SPDX-License-Identifier: Apache-2.0
// What the gate knows of its sessions: how many sockets each has, the bytes they carried, and
// whether deskd has cut it. Filled by the workers, emptied into lines of statistics by the ticket
// client. It decides nothing. All functions: any thread.
#pragma once

#include "gate/gate-message.h"

typedef struct YdGateSessions YdGateSessions;
typedef struct YdGateSession YdGateSession;

YdGateSessions *yd_gate_sessions_new(void);

// All sessions must have been left before.
void yd_gate_sessions_free(YdGateSessions *sessions);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(YdGateSessions, yd_gate_sessions_free)

// One more socket of the session with that id, which is made when it is new; leave it in the end. A
// session that was cut comes back as one that yd_gate_session_is_cut().
YdGateSession *yd_gate_sessions_join(YdGateSessions *sessions, const char *id);

// How many sockets it has now.
guint yd_gate_session_sockets(YdGateSessions *sessions, const YdGateSession *session);

// A session's use, from the first socket that reached the guest to the last one.
typedef struct {
    guint64 bytes_up, bytes_down; // of this use
    gint64 us;                    // since it began
} YdGateUse;

// A socket of it has reached the guest: whether it is the only one now. user may be NULL (copied).
gboolean yd_gate_sessions_begin(YdGateSessions *sessions, YdGateSession *session, const char *user);

// One of those ends: whether it was the last one; *ret_use then says what was.
gboolean yd_gate_sessions_end(YdGateSessions *sessions, YdGateSession *session, YdGateUse *ret_use);

// Whom deskd named; NULL when it named nobody. Borrowed while the session is joined.
const char *yd_gate_session_user(const YdGateSession *session);

// Takes *session and sets it to NULL; NULL is fine.
void yd_gate_sessions_leave(YdGateSessions *sessions, YdGateSession **session);

// The session's sockets here come from another gate, which tells deskd of them: no statistics until
// a socket of its own joins.
void yd_gate_sessions_mute(YdGateSessions *sessions, YdGateSession *session, gboolean muted);

// A socket of it ends because the desktop has gone silent: the statistics that tell of the last
// socket's end say so.
void yd_gate_sessions_desktop_lost(YdGateSessions *sessions, YdGateSession *session);

// Marks a session as cut; the statistics will tell of it even when it has no socket here.
void yd_gate_sessions_cut(YdGateSessions *sessions, const char *id);

// What a socket has to tell since the last time; zeros for nothing. Times are monotonic.
typedef struct {
    gint64 now;
    guint64 bytes_up, bytes_down;
    const YdGateReading *reading, *before, *server; // as in yd_gate_quality_add()
    gint64 started;                                 // when the socket was accepted
    gint64 first_byte, first_picture;
} YdGateNews;
void yd_gate_sessions_add(YdGateSessions *sessions, YdGateSession *session, const YdGateNews *news);

// Has the next statistics tell of every session that has a socket, so that deskd knows a quiet one
// from one whose gate is gone.
void yd_gate_sessions_touch_open(YdGateSessions *sessions);

// Has the next statistics tell of every session, also of those that ended a short while ago (the
// last statistics may not have arrived).
void yd_gate_sessions_touch_all(YdGateSessions *sessions);

// The next line of statistics about sessions that changed since they were last told of; NULL when
// there are none. Forgets sessions that have had no socket for a while. The caller owns the line.
char *yd_gate_sessions_take_stats(YdGateSessions *sessions);

// Sessions that have a socket now, and their sockets.
void yd_gate_sessions_count(YdGateSessions *sessions, guint *ret_sessions, guint *ret_sockets);

const char *yd_gate_session_id(const YdGateSession *session);
gboolean yd_gate_session_is_cut(YdGateSession *session);
