// SPDX-License-Identifier: Apache-2.0
// What a gate asks: redeem a ticket, enter by a fixed port, take the figures of its sessions.
#include "api/gate-ops.h"

#include <string.h>

#include "base/json-util.h"
#include "service/connection.h"
#include "service/fixed-port.h"
#include "service/route.h"

#define MAX_SESSIONS 10000 // in one line of figures

static char *
refuse(gint64 id, const char *code, const char *message)
{
    g_autoptr(json_t) json = json_pack("{s:s, s:I, s:s, s:s}", "op", "refuse", "id", (json_int_t)id,
                                       "code", code, "message", message ? message : "");
    return yd_json_text(json);
}

static void
add_closed(json_t *json, const YdGrant *grant)
{
    if (!grant->closed[0])
        return;
    json_t *closed = json_array();
    for (guint i = 0; grant->closed[i]; i++)
        json_array_append_new(closed, json_string(grant->closed[i]));
    json_object_set_new(json, "closed", closed);
}

// Takes grant.
static char *
verdict(gint64 id, YdGrant *grant)
{
    char *answer = NULL;
    if (grant->session) {
        g_autoptr(json_t) json =
            json_pack("{s:s, s:I, s:s, s:s, s:I}", "op", "grant", "id", (json_int_t)id, "session",
                      grant->session, "target", grant->target, "idle_seconds",
                      (json_int_t)grant->idle_seconds);
        if (grant->user)
            json_object_set_new(json, "user", json_string(grant->user));
        if (grant->password) // rdp-web
            json_object_update_new(json, json_pack("{s:s, s:s, s:s}", "username", grant->username,
                                                   "password", grant->password, "certificate",
                                                   grant->certificate));
        add_closed(json, grant);
        if (grant->via_gate)
            json_object_set_new(
                json, "via",
                json_pack("{s:s, s:s}", "gate", grant->via_gate, "grant", grant->via_grant));
        answer = yd_json_text(json);
    } else {
        answer = refuse(id, grant->code, grant->message);
    }
    yd_grant_clear(grant);
    return answer;
}

static char *
redeem(YdService *service, const char *gate, const json_t *message)
{
    const char *ticket = NULL, *protocol = NULL, *address = NULL;
    gint64 id = 0;
    g_autoptr(GError) error = NULL;
    if (!yd_json_int(message, "id", 0, G_MAXINT64, &id, &error) ||
        !yd_json_string(message, "ticket", &ticket, &error) ||
        !yd_json_string(message, "protocol", &protocol, &error) ||
        !yd_json_string(message, "address", &address, &error))
        return refuse(id, "unavailable", error->message);
    if (!ticket || !protocol || !address)
        return refuse(id, "ticket-unknown", "ticket, protocol or address is missing");
    YdGrant grant = {0};
    if (!yd_connection_redeem(service, gate, ticket, protocol, address, &grant, &error)) {
        g_message("gate %s: a ticket could not be redeemed: %s", gate, error->message);
        return refuse(id, "unavailable", error->message);
    }
    return verdict(id, &grant);
}

// A socket at a fixed port: no ticket, but its address.
static char *
enter(YdService *service, const char *gate, const json_t *message)
{
    const char *address = NULL;
    gint64 id = 0, port = 0;
    g_autoptr(GError) error = NULL;
    if (!yd_json_int(message, "id", 0, G_MAXINT64, &id, &error) ||
        !yd_json_int(message, "fixed_port", 1, 65535, &port, &error) ||
        !yd_json_string(message, "address", &address, &error))
        return refuse(id, "unavailable", error->message);
    YdGrant grant = {0};
    if (!yd_fixed_port_enter(service, gate, port, address, &grant, &error)) {
        g_message("gate %s: the fixed port %" G_GINT64_FORMAT " could not be looked up: %s", gate,
                  port, error->message);
        return refuse(id, "unavailable", error->message);
    }
    return verdict(id, &grant);
}

// A client that another gate has passed on.
static char *
take_pass(YdService *service, const char *gate, const json_t *message)
{
    const char *grant_text = NULL, *edge = NULL, *protocol = NULL;
    gint64 id = 0;
    g_autoptr(GError) error = NULL;
    if (!yd_json_int(message, "id", 0, G_MAXINT64, &id, &error) ||
        !yd_json_string(message, "grant", &grant_text, &error) ||
        !yd_json_string(message, "edge", &edge, &error) ||
        !yd_json_string(message, "protocol", &protocol, &error))
        return refuse(id, "unavailable", error->message);
    if (!grant_text || !edge || !protocol)
        return refuse(id, "pass-unknown", "grant, edge or protocol is missing");
    YdGrant grant = {0};
    yd_route_take(service, gate, edge, grant_text, protocol, &grant);
    return verdict(id, &grant);
}

// What a gate may leave out, or an older one does not know of, stays 0.
static gboolean
read_stats(const json_t *json, YdConnectionStats *stats)
{
    const struct {
        const char *name;
        gint64 max, *value;
    } figures[] = {
        {"sockets", G_MAXINT32, &stats->sockets},
        {"bytes_up", G_MAXINT64, &stats->bytes_up},
        {"bytes_down", G_MAXINT64, &stats->bytes_down},
        {"lost", G_MAXINT64, &stats->lost},
        {"rtt_us", G_MAXUINT32, &stats->rtt_us},
        {"min_rtt_us", G_MAXUINT32, &stats->min_rtt_us},
        {"jitter_us", G_MAXUINT32, &stats->jitter_us},
        {"loss_ppm", 1000000, &stats->loss_ppm},
        {"queue_us", G_MAXUINT32, &stats->queue_us},
        {"rate", G_MAXINT64, &stats->rate},
        {"server_us", G_MAXUINT32, &stats->server_us},
        {"first_byte_ms", G_MAXINT64, &stats->first_byte_ms},
        {"first_picture_ms", G_MAXINT64, &stats->first_picture_ms},
    };
    if (!json_is_object(json) || !yd_json_string(json, "session", &stats->session, NULL) ||
        !stats->session)
        return FALSE;
    const char *end = json_string_value(json_object_get(json, "end"));
    stats->desktop_lost = g_strcmp0(end, "desktop-lost") == 0;
    for (guint i = 0; i < G_N_ELEMENTS(figures); i++)
        if (!yd_json_int(json, figures[i].name, 0, figures[i].max, figures[i].value, NULL))
            return FALSE;
    return TRUE;
}

static void
take_stats(YdService *service, const char *gate, const json_t *message)
{
    const json_t *list = json_object_get(message, "sessions");
    gsize n = MIN(json_array_size(list), MAX_SESSIONS), good = 0;
    g_autofree YdConnectionStats *stats = g_new0(YdConnectionStats, n + 1);
    for (gsize i = 0; i < n; i++) {
        if (read_stats(json_array_get(list, i), &stats[good]))
            good++;
        else
            memset(&stats[good], 0, sizeof stats[good]);
    }
    g_autoptr(GError) error = NULL;
    if (good > 0 && !yd_connection_stats(service, gate, stats, good, &error))
        g_message("gate %s: figures of %" G_GSIZE_FORMAT " sessions are lost: %s, ignoring", gate,
                  good, error->message);
}

char *
yd_gate_op(YdService *service, const char *gate, const json_t *message)
{
    const char *op = json_string_value(json_object_get(message, "op"));
    if (g_strcmp0(op, "redeem") == 0)
        return redeem(service, gate, message);
    if (g_strcmp0(op, "enter") == 0)
        return enter(service, gate, message);
    if (g_strcmp0(op, "pass") == 0)
        return take_pass(service, gate, message);
    if (g_strcmp0(op, "stats") == 0)
        take_stats(service, gate, message);
    else
        g_message("gate %s: unknown message, ignoring", gate);
    return NULL;
}
