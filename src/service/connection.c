// SPDX-License-Identifier: Apache-2.0
// The life of connections: what a ticket is good for, what gates report, and the ends. Gates are
// told of a cut after the row says so; a gate that was away then hears it with its next report.
#include "service/connection.h"

#include <string.h>
#include <time.h>
#include <gio/gio.h>

#include "base/id.h"
#include "base/log.h"
#include "base/secret.h"
#include "model/desktop-state.h"
#include "model/experience.h"
#include "model/policy.h"
#include "service/connect.h"
#include "service/desktop-private.h"
#include "service/log-in-watch.h"
#include "service/route.h"
#include "store/store-connect.h"
#include "store/store-desktops.h"

#define SILENT_MS (5 * 60 * 1000) // a session whose gate says nothing for so long is over
#define DESKTOP_LOST "the desktop does not answer any more"
#define SCORE_STEP 5 // smaller moves of a score are no news

// --- telling the gates ---

typedef struct {
    GMutex lock;
    YdCutFunc callback;
    gpointer data;
} Hub;

static void
hub_free(gpointer data)
{
    Hub *hub = data;
    g_mutex_clear(&hub->lock);
    g_free(hub);
}

static Hub *
hub_of(YdService *service)
{
    Hub *hub = yd_service_part(service, "connection-hub");
    if (hub)
        return hub;
    hub = g_new0(Hub, 1);
    g_mutex_init(&hub->lock);
    return yd_service_set_part(service, "connection-hub", hub, hub_free);
}

void
yd_connection_on_cut(YdService *service, YdCutFunc callback, gpointer data)
{
    Hub *hub = hub_of(service);
    g_mutex_lock(&hub->lock);
    hub->callback = callback;
    hub->data = data;
    g_mutex_unlock(&hub->lock);
}

static void
tell_gate(YdService *service, const char *gate, const char *session, const char *reason)
{
    Hub *hub = hub_of(service);
    g_mutex_lock(&hub->lock);
    if (hub->callback)
        hub->callback(gate, session, reason, hub->data);
    g_mutex_unlock(&hub->lock);
}

// --- the clock ---

#define JUMP_MS 5000 // more than a clock that is kept right is moved at once

typedef struct {
    GMutex lock;
    gboolean known;
    gint64 offset; // of the wall clock to one that never jumps
} Clock;

static void
clock_free(gpointer data)
{
    Clock *clock = data;
    g_mutex_clear(&clock->lock);
    g_free(clock);
}

static Clock *
clock_of(YdService *service)
{
    Clock *clock = yd_service_part(service, "connection-clock");
    if (clock)
        return clock;
    clock = g_new0(Clock, 1);
    g_mutex_init(&clock->lock);
    return yd_service_set_part(service, "connection-clock", clock, clock_free);
}

// How far the wall clock jumped since the last call; 0 for no jump.
static gint64
jump_of(Clock *clock, gint64 offset)
{
    g_mutex_lock(&clock->lock);
    gint64 jump = clock->known ? offset - clock->offset : 0;
    clock->known = TRUE;
    clock->offset = offset;
    g_mutex_unlock(&clock->lock);
    return ABS(jump) > JUMP_MS ? jump : 0;
}

gboolean
yd_connection_settle_clock(YdService *service, gint64 wall_ms, gint64 steady_ms, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    gint64 jump = store ? jump_of(clock_of(service), wall_ms - steady_ms) : 0;
    if (jump == 0)
        return store != NULL;
    g_message("the clock jumped by %" G_GINT64_FORMAT " s; tickets and sessions follow it",
              jump / 1000);
    return yd_store_connections_shift(store, jump, error);
}

static gboolean
settle_clock(YdService *service, GError **error)
{
    struct timespec steady; // goes on while the machine sleeps
    clock_gettime(CLOCK_BOOTTIME, &steady);
    return yd_connection_settle_clock(service, yd_now_ms(),
                                      steady.tv_sec * 1000 + steady.tv_nsec / 1000000, error);
}

// --- tickets ---

void
yd_grant_clear(YdGrant *grant)
{
    g_clear_pointer(&grant->session, g_free);
    g_clear_pointer(&grant->user, g_free);
    g_clear_pointer(&grant->target, g_free);
    g_clear_pointer(&grant->message, g_free);
    g_clear_pointer(&grant->username, g_free);
    g_clear_pointer(&grant->certificate, g_free);
    yd_secret_wipe(&grant->password);
    g_clear_pointer(&grant->via_gate, g_free);
    yd_secret_wipe(&grant->via_grant);
    grant->code = NULL;
}

static gboolean
refuse(YdGrant *grant, const char *code, const char *format, ...) G_GNUC_PRINTF(3, 4);

// TRUE: the question is answered.
static gboolean
refuse(YdGrant *grant, const char *code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    grant->code = code;
    grant->message = g_strdup_vprintf(format, args);
    va_end(args);
    return TRUE;
}

// IPv4-mapped IPv6 addresses count as IPv4; a zone is dropped.
static gboolean
address_bytes(const char *text, guint8 bytes[16], gsize *ret_length)
{
    g_autofree char *plain = g_strdup(text ? text : "");
    *strchrnul(plain, '%') = '\0';
    g_autoptr(GInetAddress) address = g_inet_address_new_from_string(plain);
    if (!address)
        return FALSE;
    gsize length = g_inet_address_get_native_size(address);
    const guint8 *native = g_inet_address_to_bytes(address);
    static const guint8 mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (length == 16 && memcmp(native, mapped, sizeof mapped) == 0) {
        native += 12;
        length = 4;
    }
    memcpy(bytes, native, length);
    *ret_length = length;
    return TRUE;
}

static gboolean
is_loopback(const guint8 *bytes, gsize length)
{
    static const guint8 one[16] = {[15] = 1};
    return length == 4 ? bytes[0] == 127 : memcmp(bytes, one, sizeof one) == 0;
}

// All loopback addresses are one, because "localhost" stands for either of two.
// source "exact": the same address; "net": the same /24 or /64; "none": anywhere.
static gboolean
source_fits(const YdConnection *connection, const char *address)
{
    guint8 a[16], b[16];
    gsize length_a, length_b;
    if (strcmp(connection->source, "none") == 0)
        return TRUE;
    if (!address_bytes(connection->client_address, a, &length_a) ||
        !address_bytes(address, b, &length_b))
        return FALSE;
    if (is_loopback(a, length_a) && is_loopback(b, length_b))
        return TRUE;
    if (length_a != length_b)
        return FALSE;
    gsize compared = length_a;
    if (strcmp(connection->source, "net") == 0)
        compared = length_a == 4 ? 3 : 8;
    return memcmp(a, b, compared) == 0;
}

static gboolean
is_live(const YdConnection *connection)
{
    return strcmp(connection->state, "ended") != 0;
}

// What the ticket itself says; FALSE: refused.
static gboolean
ticket_fits(YdService *service, const YdConnection *connection, const char *protocol,
            const char *address, gint64 now, YdGrant *grant)
{
    const YdServiceConfig *config = yd_service_config(service);
    gboolean unused = strcmp(connection->state, "new") == 0;
    gboolean dropped = strcmp(connection->state, "dropped") == 0;
    if (!is_live(connection))
        return !refuse(grant, "session-ended", "this session has ended: %s",
                       connection->reason ? connection->reason : "ask for a new one");
    if (unused && now > connection->expires)
        return !refuse(grant, "ticket-expired",
                       "the ticket was good for %" G_GINT64_FORMAT
                       " s to its first use; ask for a new one",
                       config->first_use_seconds);
    if (strcmp(connection->protocol, protocol) != 0)
        return !refuse(grant, "wrong-protocol", "the ticket is for %s, not for %s",
                       connection->protocol, protocol);
    if (!source_fits(connection, address))
        return !refuse(grant, "wrong-source",
                       "the ticket was given to another address; ask for a new one from here");
    if (dropped && now > connection->last_seen + config->grace_seconds * 1000)
        return !refuse(grant, "session-ended",
                       "the session was away for longer than %" G_GINT64_FORMAT
                       " s; ask for a new one",
                       config->grace_seconds);
    if (dropped && connection->redeems >= (gint64)config->reconnects)
        return !refuse(grant, "ticket-used",
                       "the ticket was used %" G_GINT64_FORMAT
                       " times to come back; ask for a new one",
                       connection->redeems);
    return TRUE;
}

// Where the gate shall connect to. Asks the hypervisor for SPICE's port: no transaction is open.
static gboolean
find_target(YdService *service, const YdConnection *connection, const YdConnectFacts *facts,
            char **ret_target, GError **error)
{
    if (strcmp(connection->protocol, "console") == 0) {
        g_autofree char *path = yd_desk_vnc_socket(service, connection->desktop_id);
        *ret_target = g_strconcat("unix:", path, NULL);
        return TRUE;
    }
    if (strcmp(connection->protocol, "spice") == 0) {
        guint16 port = 0;
        YdHypervisor *hv = yd_service_hypervisor(service, facts->host_id, error);
        if (!hv || !yd_hypervisor_spice(hv, facts->uuid, &port, error))
            return FALSE;
        *ret_target = g_strdup_printf("tcp:127.0.0.1:%u", port);
        return TRUE;
    }
    if (!facts->ip) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the desktop has no address");
        return FALSE;
    }
    *ret_target = g_strdup_printf("tcp:%s:3389", facts->ip);
    return TRUE;
}

// What a pool's policy forbids must not depend on the browser's good will. One channel carries all
// kinds of devices, and IronRDP brings none of them along: it is open when all are allowed. Dynamic
// channels carry microphone and USB.
static gboolean
close_channels(const char *policy_json, YdGrant *grant, GError **error)
{
    YdPolicy policy;
    if (!yd_policy_parse(policy_json, &policy, error))
        return FALSE;
    guint n = 0;
    if (!policy.clipboard)
        grant->closed[n++] = "cliprdr";
    if (!policy.drives || !policy.printers || !policy.serial || !policy.smartcards)
        grant->closed[n++] = "rdpdr";
    if (!policy.audio)
        grant->closed[n++] = "rdpsnd";
    if (!policy.audio || !policy.usb)
        grant->closed[n++] = "drdynvc";
    return TRUE;
}

// rdp-web: what the gate needs to stand between a browser and the guest.
static gboolean
add_log_in(YdService *service, const YdConnection *connection, const YdConnectFacts *facts,
           YdGrant *grant, GError **error)
{
    if (strcmp(connection->protocol, "rdp-web") != 0)
        return TRUE;
    if (!facts->certificate) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_STATE,
                            "the desktop has no certificate of ours; restart it");
        return FALSE;
    }
    grant->username = g_strdup(facts->username);
    grant->certificate = g_strdup(facts->certificate);
    return close_channels(facts->policy, grant, error) &&
           yd_connect_unseal(service, facts->sealed, &grant->password, error);
}

// The rules that are not the ticket's: the desktop runs, the person still may. FALSE: refused.
static gboolean
facts_fit(const YdConnection *connection, const YdConnectFacts *facts, YdGrant *grant)
{
    if (!facts->login_alive)
        return !refuse(grant, "session-ended", "the log-in that this session belongs to has ended");
    // A floating desktop may be another person's by now, or nobody's.
    if (g_strcmp0(facts->pool_kind, "floating") == 0 &&
        strcmp(connection->protocol, "console") != 0 &&
        g_strcmp0(connection->user_id, facts->owner_id) != 0)
        return !refuse(grant, "session-ended", "the desktop is not this person's any more");
    if (facts->owner_id && !facts->user_enabled)
        return !refuse(grant, "session-ended", "the user is disabled");
    gboolean runs = yd_desktop_state_runs(facts->state);
    gboolean ready = strcmp(facts->state, YD_DESKTOP_READY) == 0;
    gboolean screen = !g_str_has_prefix(connection->protocol, "rdp"); // there from power-on
    if (!facts->host_id || !(ready || (screen && runs)))
        return !refuse(grant, "desktop-not-running", "the desktop is %s; start it first",
                       facts->state);
    return TRUE;
}

gboolean
yd_connection_has_room(YdService *service, const char *user_id, gboolean *ret_room,
                       guint *ret_limit, GError **error)
{
    const char *const users[] = {user_id, NULL}, *const open[] = {"open", NULL};
    const YdCondition conditions[] = {{"user_id", "=", users}, {"state", "=", open}};
    const YdQuery query = {.conditions = conditions,
                           .n_conditions = G_N_ELEMENTS(conditions),
                           .limit = 1,
                           .want_total = TRUE};
    *ret_limit = yd_service_config(service)->max_sessions_per_user;
    *ret_room = TRUE;
    if (*ret_limit == 0 || !user_id)
        return TRUE;
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdPage) page =
        store ? yd_store_list(store, &yd_connection_type, &query, error) : NULL;
    if (page)
        *ret_room = page->total < *ret_limit;
    return page != NULL;
}

// Of a session that is not open yet; within the transaction that opens it.
static gboolean
user_has_room(YdService *service, const YdConnection *connection, YdGrant *grant,
              gboolean *ret_room, GError **error)
{
    guint limit = 0;
    *ret_room = TRUE;
    if (strcmp(connection->state, "open") == 0)
        return TRUE;
    if (!yd_connection_has_room(service, connection->user_id, ret_room, &limit, error))
        return FALSE;
    if (!*ret_room)
        refuse(grant, "too-many-sessions", YD_TOO_MANY_SESSIONS, limit);
    return TRUE;
}

// Counts the redeem; looked at again in the transaction, since two sockets may come at once.
static gboolean
note_redeem(YdStore *store, YdService *service, const char *gate, const char *hash,
            const char *protocol, const char *address, gint64 now, YdGrant *grant, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdConnection) connection =
        tx ? yd_store_connection_by_ticket(store, hash, error) : NULL;
    gboolean room;
    if (!connection)
        return FALSE;
    if (!ticket_fits(service, connection, protocol, address, now, grant))
        return TRUE;
    if (!user_has_room(service, connection, grant, &room, error))
        return FALSE;
    if (!room)
        return TRUE;
    if (strcmp(connection->state, "dropped") == 0)
        connection->redeems++;
    if (connection->first_used == 0) {
        connection->first_used = now;
        if (g_str_has_prefix(connection->protocol, "rdp") && connection->user_id)
            yd_set_string(&connection->log_in, "waiting");
    }
    connection->last_seen = now;
    connection->sockets++;
    yd_set_string(&connection->gate, gate);
    yd_set_string(&connection->state, "open");
    yd_set_string(&connection->reason, NULL);
    grant->session = g_strdup(connection->id);
    grant->user = g_strdup(connection->username);
    return yd_store_update(store, &yd_connection_type, connection, error) &&
           yd_store_tx_commit(&tx, error);
}

gboolean
yd_connection_redeem(YdService *service, const char *gate, const char *ticket, const char *protocol,
                     const char *address, YdGrant *ret_grant, GError **error)
{
    YdStore *store = settle_clock(service, error) ? yd_service_store(service, error) : NULL;
    gint64 now = yd_now_ms();
    GError *local = NULL;
    YdGrant grant = {0};
    g_auto(YdConnectFacts) facts = {0};
    g_autofree char *hash = yd_token_hash(ticket);
    if (!store)
        return FALSE;
    g_autoptr(YdConnection) connection = yd_store_connection_by_ticket(store, hash, &local);
    gboolean good = connection != NULL;
    if (g_error_matches(local, YD_ERROR, YD_ERROR_NOT_FOUND))
        good = refuse(&grant, "ticket-unknown", "there is no such ticket; ask for a new one");
    else if (good && ticket_fits(service, connection, protocol, address, now, &grant)) {
        if (!yd_store_connect_facts(store, connection->desktop_id, connection->login_id, now,
                                    &facts, &local))
            good = refuse(&grant, "session-ended", "the desktop is gone");
        else if (facts_fit(connection, &facts, &grant)) {
            g_clear_error(&local);
            good =
                find_target(service, connection, &facts, &grant.target, &local) &&
                add_log_in(service, connection, &facts, &grant, &local) &&
                note_redeem(store, service, gate, hash, protocol, address, now, &grant, &local) &&
                (!grant.session ||
                 yd_route_grant(service, gate, facts.host_id, protocol, &grant, &local));
        }
    }
    if (!good) {
        yd_grant_clear(&grant);
        g_propagate_error(error, local);
        return FALSE;
    }
    g_clear_error(&local);
    *ret_grant = grant;
    return TRUE;
}

// --- reports ---

static gboolean
end_connection(YdStore *store, YdConnection *connection, const char *reason, gint64 now,
               GError **error)
{
    yd_set_string(&connection->state, "ended");
    yd_set_string(&connection->reason, reason);
    if (g_strcmp0(connection->log_in, "waiting") == 0)
        yd_set_string(&connection->log_in, "unknown");
    connection->ended = now;
    connection->sockets = 0;
    return yd_store_update(store, &yd_connection_type, connection, error);
}

// Whether the score has moved so far that people should see it. A score that wavers stays as it
// was, with its reason: nobody is helped by a number that never rests.
static gboolean
take_score(YdConnection *connection, const YdConnectionStats *report)
{
    const YdExperience measured = {
        .rtt_us = report->rtt_us,
        .min_rtt_us = report->min_rtt_us,
        .jitter_us = report->jitter_us,
        .loss_ppm = report->loss_ppm,
        .queue_us = report->queue_us,
        .server_us = report->server_us,
    };
    gint64 score;
    const char *reason;
    if (!yd_experience_rate(&measured, &score, &reason))
        return FALSE;
    gboolean other = g_strcmp0(reason, connection->score_reason) != 0;
    if (connection->score_reason && ABS(score - connection->score) < (other ? 2 : SCORE_STEP))
        return FALSE;
    connection->score = score;
    yd_set_string(&connection->score_reason, reason);
    return TRUE;
}

static gboolean
take_figures(YdConnection *connection, const YdConnectionStats *report, gint64 now)
{
    connection->sockets = report->sockets;
    connection->bytes_up = report->bytes_up;
    connection->bytes_down = report->bytes_down;
    connection->rtt_us = report->rtt_us;
    connection->min_rtt_us = report->min_rtt_us;
    connection->jitter_us = report->jitter_us;
    connection->loss_ppm = report->loss_ppm;
    connection->lost = report->lost;
    connection->queue_us = report->queue_us;
    connection->rate = report->rate;
    connection->server_us = report->server_us;
    connection->first_byte_ms = report->first_byte_ms;
    connection->first_picture_ms = report->first_picture_ms;
    connection->last_seen = now;
    return take_score(connection, report);
}

// The last socket closed: dropped, and with the grace over, ended by the sweep.
static gboolean
take_report(YdService *service, YdStore *store, const char *gate, const YdConnectionStats *report,
            gint64 now, GError **error)
{
    g_autoptr(GError) local = NULL;
    g_autoptr(YdConnection) connection =
        yd_store_get(store, &yd_connection_type, report->session, &local);
    if (!connection || !is_live(connection)) {
        if (report->sockets > 0)
            tell_gate(service, gate, report->session, "the session has ended");
        return TRUE;
    }
    // A session is its present gate's: one that it left reports no sockets for it, say.
    if (connection->gate && strcmp(connection->gate, gate) != 0)
        return TRUE;
    gboolean open = report->sockets > 0;
    gboolean moved = take_figures(connection, report, now);
    if (strcmp(connection->state, "new") == 0 || open == (strcmp(connection->state, "open") == 0))
        return yd_store_connection_figures(store, connection, moved, error);
    yd_set_string(&connection->state, open ? "open" : "dropped");
    yd_set_string(&connection->reason, !open && report->desktop_lost ? DESKTOP_LOST : NULL);
    return yd_store_update(store, &yd_connection_type, connection, error);
}

gboolean
yd_connection_stats(YdService *service, const char *gate, const YdConnectionStats *stats, gsize n,
                    GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    gint64 now = yd_now_ms();
    if (!tx)
        return FALSE;
    for (gsize i = 0; i < n; i++) {
        if (!take_report(service, store, gate, &stats[i], now, error))
            return FALSE;
    }
    return yd_store_tx_commit(&tx, error);
}

// --- cutting ---

gboolean
yd_connection_cut(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    if (!store ||
        !yd_service_may(service, actor, YD_RIGHT_CONNECTIONS_CUT, &yd_connection_type, id, error))
        return FALSE;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdConnection) connection =
        tx ? yd_store_get(store, &yd_connection_type, id, error) : NULL;
    if (!connection)
        return FALSE;
    if (!is_live(connection)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the connection \"%s\" has ended already: %s",
                    id, connection->reason ? connection->reason : "");
        return FALSE;
    }
    gboolean own = g_strcmp0(actor->user_id, connection->user_id) == 0;
    const char *reason = own ? "disconnected by the user" : "disconnected by an administrator";
    if (!end_connection(store, connection, reason, yd_now_ms(), error) ||
        !yd_service_audit(service, actor, "connection.cut", "connection", id,
                          connection->desktop_name, NULL, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    tell_gate(service, connection->gate, id, reason);
    return TRUE;
}

static gboolean
cut_all(YdService *service, const char *desktop_id, const char *user_id, const char *login_id,
        const char *reason, guint *ret_cut, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(GPtrArray) live =
        store ? yd_store_live_connections(store, desktop_id, user_id, login_id, error) : NULL;
    gint64 now = yd_now_ms();
    if (!live)
        return FALSE;
    if (live->len > 0) {
        g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
        if (!tx)
            return FALSE;
        for (guint i = 0; i < live->len; i++) {
            if (!end_connection(store, g_ptr_array_index(live, i), reason, now, error))
                return FALSE;
        }
        if (!yd_store_tx_commit(&tx, error))
            return FALSE;
    }
    for (guint i = 0; i < live->len; i++) {
        const YdConnection *connection = g_ptr_array_index(live, i);
        tell_gate(service, connection->gate, connection->id, reason);
    }
    if (ret_cut)
        *ret_cut = live->len;
    return TRUE;
}

gboolean
yd_connection_cut_user(YdService *service, const char *user_id, const char *reason, guint *ret_cut,
                       GError **error)
{
    return cut_all(service, NULL, user_id, NULL, reason, ret_cut, error);
}

gboolean
yd_connection_cut_desktop(YdService *service, const char *desktop_id, const char *reason,
                          guint *ret_cut, GError **error)
{
    return cut_all(service, desktop_id, NULL, NULL, reason, ret_cut, error);
}

gboolean
yd_connection_cut_login(YdService *service, const char *login_id, const char *reason,
                        guint *ret_cut, GError **error)
{
    return cut_all(service, NULL, NULL, login_id, reason, ret_cut, error);
}

// --- log-ins ---

// Ended, so that nobody is left alone with the server's own log-in box. The password is forgotten:
// the next connect makes a new one.
static gboolean
end_refused(YdStore *store, YdConnection *connection, const char *reason, gint64 now,
            GError **error)
{
    return yd_store_secret_delete(store, connection->desktop_id, error) &&
           end_connection(store, connection, reason, now, error);
}

// What to note; *ret_word NULL: nothing yet.
static void
word_for(const YdServiceConfig *config, const YdConnection *connection, YdLogIn verdict, gint64 now,
         const char **ret_word, const char **ret_reason)
{
    gboolean late = now > connection->first_used + config->log_in_seconds * 1000;
    *ret_word = verdict == YD_LOG_IN_IN        ? "in"
                : verdict == YD_LOG_IN_UNKNOWN ? "unknown"
                : verdict == YD_LOG_IN_REFUSED ? "failed"
                : late                         ? "failed"
                                               : NULL;
    *ret_reason = verdict == YD_LOG_IN_REFUSED ? "the desktop refused the log-in"
                                               : "the desktop did not log the person in";
}

gboolean
yd_connection_logged_in(YdService *service, const char *id, YdLogIn verdict, gint64 now,
                        GError **error)
{
    const char *word = NULL, *reason = NULL;
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdConnection) connection =
        tx ? yd_store_get(store, &yd_connection_type, id, error) : NULL;
    if (!connection)
        return FALSE;
    word_for(yd_service_config(service), connection, verdict, now, &word, &reason);
    if (!word || !is_live(connection) || g_strcmp0(connection->log_in, "waiting") != 0)
        return TRUE;
    yd_set_string(&connection->log_in, word);
    gboolean end = strcmp(word, "failed") == 0 && strcmp(connection->protocol, "rdp-web") == 0;
    if (!(end ? end_refused(store, connection, reason, now, error)
              : yd_store_update(store, &yd_connection_type, connection, error)) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (strcmp(word, "failed") == 0)
        yd_log(G_LOG_LEVEL_MESSAGE,
               &(YdLogFields){.session = id, .desktop = connection->desktop_id}, "%s", reason);
    if (end)
        tell_gate(service, connection->gate, id, reason);
    return TRUE;
}

gboolean
yd_connection_end(YdService *service, const char *id, const char *reason, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdStoreTx) tx = store ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdConnection) connection =
        tx ? yd_store_get(store, &yd_connection_type, id, error) : NULL;
    if (!connection)
        return FALSE;
    if (!is_live(connection))
        return TRUE;
    if (!end_connection(store, connection, reason, yd_now_ms(), error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    tell_gate(service, connection->gate, id, reason);
    return TRUE;
}

// --- the sweep ---

// Why the connection is over, or NULL.
static const char *
over(const YdServiceConfig *config, const YdConnection *connection, gint64 now)
{
    if (strcmp(connection->state, "new") == 0)
        return now > connection->expires ? "not used in time" : NULL;
    if (strcmp(connection->state, "dropped") == 0)
        return now <= connection->last_seen + config->grace_seconds * 1000 ? NULL
               : connection->reason                                        ? DESKTOP_LOST
                                                                           : "closed by the client";
    return now > connection->last_seen + SILENT_MS ? "its gate does not answer" : NULL;
}

static gboolean
end_strays(YdService *service, YdStore *store, gint64 now, GError **error)
{
    g_autoptr(GPtrArray) strays = yd_store_stray_connections(store, now, error);
    for (guint i = 0; strays && i < strays->len; i++) {
        if (!yd_connection_end(service, strays->pdata[i], "the log-in has ended", error))
            return FALSE;
    }
    return strays != NULL;
}

gboolean
yd_connection_sweep(YdService *service, gint64 now, GError **error)
{
    YdStore *store = settle_clock(service, error) ? yd_service_store(service, error) : NULL;
    g_autoptr(GPtrArray) live =
        store ? yd_store_live_connections(store, NULL, NULL, NULL, error) : NULL;
    if (!live)
        return FALSE;
    for (guint i = 0; i < live->len; i++) {
        const YdConnection *seen = g_ptr_array_index(live, i);
        const char *id = seen->id;
        if (!over(yd_service_config(service), seen, now)) {
            if (strcmp(seen->state, "open") == 0 && g_strcmp0(seen->log_in, "waiting") == 0)
                yd_log_in_watch(service, seen, now);
            continue;
        }
        g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
        g_autoptr(YdConnection) connection =
            tx ? yd_store_get(store, &yd_connection_type, id, error) : NULL;
        if (!connection)
            return FALSE;
        const char *reason = over(yd_service_config(service), connection, now);
        if (!is_live(connection) || !reason)
            continue; // came back meanwhile
        if (!end_connection(store, connection, reason, now, error) ||
            !yd_store_tx_commit(&tx, error))
            return FALSE;
        tell_gate(service, connection->gate, id, reason);
    }
    return end_strays(service, store, now, error);
}
