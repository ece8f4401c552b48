// SPDX-License-Identifier: Apache-2.0
// Builds the parts in the order in which they need each other and takes them down in the other one.
#include "gate/gate.h"

#include "base/error.h"
#include "base/log.h"
#include "gate/ktls.h"
#include "gate/worker.h"

#define STATS_SECONDS 5
// Well within deskd's grace: when a session has sockets in both processes of an upgrade and the
// last one of one process closes, the other says in time that it lives.
#define ALIVE_SECONDS 20

struct YdGate {
    YdGateParts parts;
    YdGateSockets *sockets;
    GPtrArray *workers;
    GMutex order_lock; // guards the next two
    YdGateOrderFunc order;
    gpointer order_data;
};

static void
cut_session(const char *session, const char *reason, gpointer data)
{
    YdGate *gate = data;
    YdLogFields fields = {.session = session};
    yd_log(G_LOG_LEVEL_MESSAGE, &fields, "deskd cuts the session: %s",
           reason != NULL ? reason : "no reason given");
    for (guint i = 0; i < gate->workers->len; i++)
        yd_gate_worker_cut(gate->workers->pdata[i], session,
                           reason != NULL ? reason : "cut by deskd");
}

static void
take_order(gboolean drain, gint64 seconds, gpointer data)
{
    YdGate *gate = data;
    yd_log(G_LOG_LEVEL_MESSAGE, NULL, "an administrator has this gate %s",
           drain ? "drain" : "take new sessions again");
    g_mutex_lock(&gate->order_lock);
    if (gate->order != NULL)
        gate->order(drain, seconds, gate->order_data);
    g_mutex_unlock(&gate->order_lock);
}

void
yd_gate_on_order(YdGate *gate, YdGateOrderFunc func, gpointer data)
{
    g_mutex_lock(&gate->order_lock);
    gate->order = func;
    gate->order_data = data;
    g_mutex_unlock(&gate->order_lock);
}

// A fixed port belongs to one worker. deskd may name only what this gate's own configuration
// allows.
static void
set_port(guint16 port, const char *const *sources, gpointer data)
{
    const YdGate *gate = data;
    const YdGateConfig *config = gate->parts.config;
    if (port == 0) {
        for (guint i = 0; i < gate->workers->len; i++)
            yd_gate_worker_port(gate->workers->pdata[i], 0, NULL);
    } else if (port >= config->fixed_port_first && port <= config->fixed_port_last) {
        yd_gate_worker_port(gate->workers->pdata[port % gate->workers->len], port, sources);
    } else {
        yd_log(G_LOG_LEVEL_MESSAGE, NULL,
               "the fixed port %u is not within [deskgate] fixed_ports here, ignoring", port);
    }
}

// deskd is behind another gate: one worker carries our words there.
static int
dial(gpointer data)
{
    const YdGate *gate = data;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    yd_gate_worker_link(gate->workers->pdata[0], ends[1]);
    return ends[0];
}

// "NAME@ADDRESS:PORT".
static gboolean
parse_manager(YdGate *gate, GError **error)
{
    const char *text = gate->parts.config->manager;
    const char *at = text != NULL ? strchr(text, '@') : NULL;
    if (text == NULL)
        return TRUE;
    gate->parts.manager_name = at != NULL ? g_strndup(text, (gsize)(at - text)) : NULL;
    if (at == NULL || !yd_peer_name_valid(gate->parts.manager_name) ||
        !yd_gate_address_parse(at + 1, FALSE, &gate->parts.manager_at, error)) {
        g_prefix_error(error, "[deskgate] manager=%s: ", text);
        if (error != NULL && *error == NULL)
            g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                        "[deskgate] manager=%s is not NAME@ADDRESS:PORT, such as "
                        "gate-1@192.0.2.10:443",
                        text);
        return FALSE;
    }
    return TRUE;
}

static gboolean
start_peers(YdGate *gate, GError **error)
{
    const YdGateConfig *config = gate->parts.config;
    GError *local = NULL;
    gate->parts.peers = yd_peer_tls_new(config->link_certificate, config->link_key, config->ca,
                                        config->gates, &local);
    if (local != NULL) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (gate->parts.peers != NULL)
        yd_gate_tls_serve_peers(gate->parts.tls, gate->parts.peers);
    if (gate->parts.peers != NULL || config->manager == NULL)
        return parse_manager(gate, error);
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID,
                "[deskgate] manager= needs a certificate for other gates: \"%s\" is not there "
                "(deskd --add-gate makes it)",
                config->link_certificate);
    return FALSE;
}

static gboolean
add_worker(YdGate *gate, guint index, GError **error)
{
    const YdGateConfig *config = gate->parts.config;
    g_autoptr(GArray) fds = yd_gate_sockets_for_worker(gate->sockets, index, config->workers);
    int *fd = (int *)(void *)fds->data;
    YdGateWorker *worker = yd_gate_worker_new(&gate->parts, fd, fds->len, error);
    if (worker != NULL)
        g_ptr_array_add(gate->workers, worker);
    return worker != NULL;
}

static char *
about(gpointer data)
{
    YdGate *gate = data;
    YdGateTlsCount tls;
    YdGateAbout about = {.version = YD_VERSION,
                         .state = yd_gate_state_name(yd_gate_state(gate)),
                         .accept_failures = yd_gate_accept_failures(gate),
                         .certificate_expires = yd_gate_tls_expires(gate->parts.tls)};
    yd_gate_count(gate, &about.sessions, &about.sockets);
    yd_gate_tls_count(gate->parts.tls, &tls);
    about.tls_handshakes = tls.handshakes;
    about.tls_in_kernel = tls.in_kernel;
    return yd_gate_message_about(&about);
}

static gboolean
start_tickets(YdGate *gate, GError **error)
{
    const YdGateConfig *config = gate->parts.config;
    const YdTicketClientConfig tickets = {
        .socket = config->tickets,
        .deskhost = config->deskhost,
        .name = config->name,
        .redeem_seconds = config->redeem_seconds,
        .stats_seconds = STATS_SECONDS,
        .alive_seconds = ALIVE_SECONDS,
        .sessions = gate->parts.sessions,
        .cut = cut_session,
        .port = set_port,
        .order = take_order,
        .dial = config->manager != NULL ? dial : NULL,
        .about = about,
        .gate = gate,
    };
    gate->parts.tickets = yd_ticket_client_new(&tickets, error);
    return gate->parts.tickets != NULL;
}

static gboolean
start(YdGate *gate, GError **error)
{
    const YdGateConfig *config = gate->parts.config;
    const char *why = "[deskgate] ktls=off";
    gboolean ktls = config->ktls && yd_ktls_available(&why);
    yd_log(G_LOG_LEVEL_INFO, NULL, "TLS in the kernel: %s", ktls ? "yes" : why);
    gate->parts.tls = yd_gate_tls_new(config->certificate, config->key, ktls, error);
    if (gate->parts.tls == NULL || !start_peers(gate, error) ||
        !yd_gate_sockets_open(gate->sockets, config->listen, config->workers, error))
        return FALSE;
    for (guint i = 0; i < config->workers; i++)
        if (!add_worker(gate, i, error))
            return FALSE;
    if (!start_tickets(gate, error))
        return FALSE;
    g_ptr_array_foreach(gate->workers, (GFunc)(void (*)(void))yd_gate_worker_start, NULL);
    return TRUE;
}

static void
worker_free(gpointer worker)
{
    yd_gate_worker_free(worker);
}

YdGate *
yd_gate_new_on(const YdGateConfig *config, YdGateSockets **sockets, GError **error)
{
    g_autoptr(YdGate) gate = g_new0(YdGate, 1);
    g_mutex_init(&gate->order_lock);
    gate->sockets = g_steal_pointer(sockets);
    gate->workers = g_ptr_array_new_with_free_func(worker_free);
    gate->parts.config = config;
    gate->parts.throttle = yd_throttle_new(&config->limits);
    gate->parts.shortage = yd_gate_shortage_new();
    gate->parts.sessions = yd_gate_sessions_new();
    return start(gate, error) ? g_steal_pointer(&gate) : NULL;
}

YdGate *
yd_gate_new(const YdGateConfig *config, GError **error)
{
    YdGateSockets *sockets = yd_gate_sockets_new();
    return yd_gate_new_on(config, &sockets, error);
}

void
yd_gate_free(YdGate *gate)
{
    if (gate == NULL)
        return;
    for (guint i = 0; i < gate->workers->len; i++)
        yd_gate_worker_stop(gate->workers->pdata[i]);
    // It posts to the workers' loops until it has ended, so they stay until then.
    yd_ticket_client_free(g_steal_pointer(&gate->parts.tickets));
    g_ptr_array_unref(gate->workers);
    yd_gate_tls_free(gate->parts.tls);
    yd_peer_tls_free(gate->parts.peers);
    g_free(gate->parts.manager_name);
    yd_gate_sessions_free(gate->parts.sessions);
    yd_gate_shortage_free(gate->parts.shortage);
    yd_throttle_free(gate->parts.throttle);
    yd_gate_sockets_free(gate->sockets);
    g_mutex_clear(&gate->order_lock);
    g_free(gate);
}

guint16
yd_gate_port(const YdGate *gate)
{
    return yd_gate_sockets_port(gate->sockets);
}

const YdGateSockets *
yd_gate_sockets(const YdGate *gate)
{
    return gate->sockets;
}

void
yd_gate_set_state(YdGate *gate, YdGateState state)
{
    g_atomic_int_set(&gate->parts.state, (gint)state);
    if (state == YD_GATE_RETIRING) {
        yd_gate_sockets_free(gate->sockets);
        gate->sockets = yd_gate_sockets_new();
    }
    for (guint i = 0; i < gate->workers->len; i++)
        yd_gate_worker_state_changed(gate->workers->pdata[i]);
    yd_ticket_client_hurry(gate->parts.tickets); // deskd hears of it at once
}

YdGateState
yd_gate_state(YdGate *gate)
{
    return (YdGateState)g_atomic_int_get(&gate->parts.state);
}

gboolean
yd_gate_is_empty(YdGate *gate)
{
    for (guint i = 0; i < gate->workers->len; i++)
        if (yd_gate_worker_holding(gate->workers->pdata[i]) > 0)
            return FALSE;
    return TRUE;
}

void
yd_gate_count(YdGate *gate, guint *ret_sessions, guint *ret_sockets)
{
    yd_gate_sessions_count(gate->parts.sessions, ret_sessions, ret_sockets);
}

void
yd_gate_tls_figures(YdGate *gate, YdGateTlsCount *ret_count)
{
    yd_gate_tls_count(gate->parts.tls, ret_count);
}

guint64
yd_gate_accept_failures(YdGate *gate)
{
    return yd_gate_shortage_count(gate->parts.shortage);
}

gboolean
yd_gate_reload(YdGate *gate, GError **error)
{
    return yd_gate_tls_reload(gate->parts.tls, error);
}

gboolean
yd_gate_is_connected(YdGate *gate)
{
    return yd_ticket_client_is_connected(gate->parts.tickets);
}
