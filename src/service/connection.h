// SPDX-License-Identifier: Apache-2.0
// The life of a connection after its making: redeeming tickets for the gates, what they report, and
// cutting. Gates only ask; all rules are here (one session per ticket, first use, grace, source).
#pragma once

#include "service/log-in-watch.h"

typedef struct {
    char *session; // con-…; NULL: refused
    char *user;    // the person's log-in name; NULL: nobody's (an administrator's console)
    char *target;  // "tcp:10.99.0.12:3389" | "unix:/run/…"
    gint64 idle_seconds;
    // rdp-web only: with what the gate logs the person in, and the SHA-256 (hex) that the guest's
    // TLS certificate must have.
    char *username, *password, *certificate;
    const char *closed[5]; // rdp-web: static channels that the policy closes; NULL at the end
    // The target is another gate, which is shown this grant (route.h).
    char *via_gate, *via_grant;
    // Refused: "ticket-unknown" | "ticket-expired" | "ticket-used" | "wrong-source" |
    // "wrong-protocol" | "session-ended" | "desktop-not-running" | "too-many-sessions" |
    // "unavailable"
    const char *code; // static
    char *message;
} YdGrant;
void yd_grant_clear(YdGrant *grant);

// What a person is told whose sessions are too many; with the limit as a guint.
#define YD_TOO_MANY_SESSIONS                                                                       \
    "you have as many sessions open as one person may have (%u); end one of them first, for "      \
    "example in the portal ([deskd] max_sessions_per_user)"

// Whether the person (NULL: nobody's session) has fewer sessions open than
// max_sessions_per_user. ret_limit: the limit.
gboolean yd_connection_has_room(YdService *service, const char *user_id, gboolean *ret_room,
                                guint *ret_limit, GError **error);

// One socket wants in. FALSE only when the question could not be answered (tell the gate
// "unavailable"). Any thread; gate is the gate's name.
gboolean
yd_connection_redeem(YdService *service, const char *gate, const char *ticket, const char *protocol,
                     const char *address, YdGrant *ret_grant, GError **error);

typedef struct {
    const char *session;
    gint64 sockets, bytes_up, bytes_down, lost; // totals since the session's start
    // Of the last seconds, as in YdExperience; rate in bytes/s. 0: not measured.
    gint64 rtt_us, min_rtt_us, jitter_us, loss_ppm, queue_us, rate, server_us;
    gint64 first_byte_ms, first_picture_ms;
    gboolean desktop_lost; // its last socket ended because the desktop went silent
} YdConnectionStats;

// What a gate reports, several sessions in one transaction. Unknown and ended sessions that still
// have sockets are cut again. People who look hear of figures only when the score has moved.
gboolean yd_connection_stats(YdService *service, const char *gate, const YdConnectionStats *stats,
                             gsize n, GError **error);

// Ends a connection by an act of somebody (CONNECTIONS_CUT, scoped): audit, row, gate.
gboolean
yd_connection_cut(YdService *service, const YdActor *actor, const char *id, GError **error);

// Ends all live connections of a user, a desktop or a log-in, without checks: for the use cases
// that end those. Join the transaction under way; the gate is told at once. ret_cut may be NULL.
gboolean yd_connection_cut_user(YdService *service, const char *user_id, const char *reason,
                                guint *ret_cut, GError **error);
gboolean yd_connection_cut_desktop(YdService *service, const char *desktop_id, const char *reason,
                                   guint *ret_cut, GError **error);
gboolean yd_connection_cut_login(YdService *service, const char *login_id, const char *reason,
                                 guint *ret_cut, GError **error);

// Ends one live connection, without checks; one that has ended already is fine.
gboolean yd_connection_end(YdService *service, const char *id, const char *reason, GError **error);

// How the gates are told: called on the thread that cuts, may only queue. gate NULL: whoever has
// it.
typedef void (*YdCutFunc)(const char *gate, const char *session, const char *reason, gpointer data);
void yd_connection_on_cut(YdService *service, YdCutFunc callback, gpointer data);

// Notes what the guest says of a person's log-in, once, while the connection lives and waits for
// it. A browser's session that was refused, or not logged in within log_in_seconds, is ended and
// the desktop's password forgotten, so that the next connect makes a new one; other clients show
// the server's own log-in box, there the record alone tells.
gboolean yd_connection_logged_in(YdService *service, const char *id, YdLogIn verdict, gint64 now,
                                 GError **error);

// Looks whether who came in by RDP was logged in, and ends what was not used in time, dropped for
// longer than the grace, or silent (gate gone for five minutes). Called by the reconciler every few
// seconds.
gboolean yd_connection_sweep(YdService *service, gint64 now, GError **error);

// Compares the wall clock with one that never jumps. When it has jumped by more than 5 s since the
// last call, the times of live connections are moved with it: tickets neither die nor come back to
// life, and no session is taken for silent. Called by redeem and sweep themselves.
gboolean
yd_connection_settle_clock(YdService *service, gint64 wall_ms, gint64 steady_ms, GError **error);
