// SPDX-License-Identifier: Apache-2.0
// The gate protocol's lines with jansson. Sockets, ids of requests and time-outs are the business
// of ticket-client.
#include "gate/gate-message.h"

#include <jansson.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "gate/rdp-connect.h"

gboolean
yd_gate_ticket_valid(const char *text)
{
    gsize n = 0;
    for (; text[n] != '\0' && n <= YD_GATE_TICKET_LEN; n++)
        if (!g_ascii_isalnum(text[n]) && text[n] != '-' && text[n] != '_')
            return FALSE;
    return n == YD_GATE_TICKET_LEN;
}

// Takes the object and returns it as a line.
static char *
to_line(json_t *object)
{
    g_return_val_if_fail(object != NULL, NULL);
    char *text = json_dumps(object, JSON_COMPACT);
    char *line = g_strconcat(text, "\n", NULL);
    free(text);
    json_decref(object);
    return line;
}

char *
yd_gate_message_hello(const char *gate)
{
    return to_line(json_pack("{s:s, s:s, s:i}", "op", "hello", "gate", gate, "version", 1));
}

char *
yd_gate_message_redeem(guint64 id, const char *ticket, const char *protocol, const char *address,
                       guint16 port)
{
    return to_line(json_pack("{s:s, s:I, s:s, s:s, s:s, s:i}", "op", "redeem", "id", (json_int_t)id,
                             "ticket", ticket, "protocol", protocol, "address", address, "port",
                             (int)port));
}

// What is not known is left out.
static void
add_figure(json_t *object, const char *name, guint64 value)
{
    if (value > 0)
        json_object_set_new(object, name, json_integer((json_int_t)MIN(value, G_MAXINT64)));
}

static json_t *
stats_to_json(const YdGateStats *s)
{
    json_t *object = json_pack("{s:s, s:i, s:I, s:I, s:I, s:I}", "session", s->session, "sockets",
                               (int)s->sockets, "bytes_up", (json_int_t)s->bytes_up, "bytes_down",
                               (json_int_t)s->bytes_down, "rtt_us", (json_int_t)s->figures.rtt_us,
                               "lost", (json_int_t)s->lost);
    if (s->desktop_lost)
        json_object_set_new(object, "end", json_string("desktop-lost"));
    add_figure(object, "min_rtt_us", s->figures.min_rtt_us);
    add_figure(object, "jitter_us", s->figures.jitter_us);
    add_figure(object, "loss_ppm", s->figures.loss_ppm);
    add_figure(object, "queue_us", s->figures.queue_us);
    add_figure(object, "rate", s->figures.rate);
    add_figure(object, "server_us", s->figures.server_us);
    add_figure(object, "first_byte_ms", s->first_byte_ms);
    add_figure(object, "first_picture_ms", s->first_picture_ms);
    return object;
}

char *
yd_gate_message_enter(guint64 id, guint16 fixed_port, const char *address, guint16 port)
{
    return to_line(json_pack("{s:s, s:I, s:i, s:s, s:i}", "op", "enter", "id", (json_int_t)id,
                             "fixed_port", (int)fixed_port, "address", address, "port", (int)port));
}

char *
yd_gate_message_pass(guint64 id, const char *grant, const char *edge, const char *protocol,
                     const char *address, guint16 port)
{
    return to_line(json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:i}", "op", "pass", "id",
                             (json_int_t)id, "grant", grant, "edge", edge, "protocol", protocol,
                             "address", address, "port", (int)port));
}

char *
yd_gate_message_about(const YdGateAbout *about)
{
    return to_line(json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:I}", "op", "gate", "version", about->version,
        "state", about->state, "sessions", (int)about->sessions, "sockets", (int)about->sockets,
        "accept_failures", (json_int_t)about->accept_failures, "tls_handshakes",
        (json_int_t)about->tls_handshakes, "tls_in_kernel", (json_int_t)about->tls_in_kernel,
        "certificate_expires", (json_int_t)about->certificate_expires));
}

char *
yd_gate_message_host(guint64 id, json_t *answer)
{
    return to_line(
        json_pack("{s:s, s:I, s:o}", "op", "host", "id", (json_int_t)id, "answer", answer));
}

char *
yd_gate_message_stats(const YdGateStats *stats, guint n_stats)
{
    json_t *list = json_array();
    for (guint i = 0; i < n_stats; i++)
        json_array_append_new(list, stats_to_json(&stats[i]));
    return to_line(json_pack("{s:s, s:o}", "op", "stats", "sessions", list));
}

// The string member of that name, a copy; NULL when it is absent or no string.
static char *
dup_string(const json_t *object, const char *name)
{
    return g_strdup(json_string_value(json_object_get(object, name)));
}

static gboolean
take_id(const json_t *object, guint64 *ret_id)
{
    const json_t *id = json_object_get(object, "id");
    if (!json_is_integer(id) || json_integer_value(id) < 0)
        return FALSE;
    *ret_id = (guint64)json_integer_value(id);
    return TRUE;
}

// Each source is a text; too many are as wrong as none at all.
static gboolean
take_port(const json_t *object, YdGateMessage *m)
{
    json_int_t port = json_integer_value(json_object_get(object, "fixed_port"));
    const json_t *list = json_object_get(object, "sources");
    if (port < 1 || port > 65535 || !json_is_array(list) ||
        json_array_size(list) > YD_GATE_SOURCES_MAX)
        return FALSE;
    m->fixed_port = (guint16)port;
    m->sources = g_new0(char *, json_array_size(list) + 1);
    for (gsize i = 0; i < json_array_size(list); i++) {
        m->sources[i] = g_strdup(json_string_value(json_array_get(list, i)));
        if (m->sources[i] == NULL)
            return FALSE;
    }
    return TRUE;
}

// A channel that this gate can't close must not be left open.
static gboolean
take_closed(const json_t *list, guint *ret_closed)
{
    gsize i;
    const json_t *item;
    if (list != NULL && !json_is_array(list))
        return FALSE;
    json_array_foreach(list, i, item)
    {
        guint flag = 0;
        if (!json_is_string(item) || !yd_rdp_channel_flag(json_string_value(item), &flag))
            return FALSE;
        *ret_closed |= flag;
    }
    return TRUE;
}

static gboolean
take_seconds(const json_t *value, YdGateMessage *m)
{
    m->seconds = json_is_integer(value) ? json_integer_value(value) : -1;
    return value == NULL ||
           (json_is_integer(value) && m->seconds >= 0 && m->seconds <= YD_GATE_DRAIN_SECONDS_MAX);
}

static gboolean
take_request(const json_t *request, YdGateMessage *m)
{
    char *text = json_is_object(request) ? json_dumps(request, JSON_COMPACT) : NULL;
    m->request = g_strdup(text);
    free(text);
    return m->request != NULL;
}

// What each op must bring; returns the name of the first missing member.
static const char *
read_members(const json_t *object, YdGateMessage *m)
{
    m->session = dup_string(object, "session");
    m->target = dup_string(object, "target");
    m->user = dup_string(object, "user");
    m->code = dup_string(object, "code");
    m->username = dup_string(object, "username");
    m->password = dup_string(object, "password");
    m->certificate = dup_string(object, "certificate");
    m->text = dup_string(object, m->op == YD_GATE_OP_CUT ? "reason" : "message");
    json_int_t idle = json_integer_value(json_object_get(object, "idle_seconds"));
    m->idle_seconds = (guint)CLAMP(idle, 0, G_MAXINT);
    const json_t *via = json_object_get(object, "via");
    m->via_gate = dup_string(via, "gate");
    m->via_grant = dup_string(via, "grant");
    if (via != NULL &&
        (m->via_gate == NULL || m->via_grant == NULL || !yd_gate_ticket_valid(m->via_grant)))
        return "via";
    if (m->op == YD_GATE_OP_HOST && !take_request(json_object_get(object, "request"), m))
        return "request";
    if ((m->op == YD_GATE_OP_GRANT || m->op == YD_GATE_OP_REFUSE || m->op == YD_GATE_OP_HOST) &&
        !take_id(object, &m->id))
        return "id";
    if ((m->op == YD_GATE_OP_GRANT || m->op == YD_GATE_OP_CUT) && m->session == NULL)
        return "session";
    if (m->op == YD_GATE_OP_GRANT && m->target == NULL)
        return "target";
    if (!take_closed(json_object_get(object, "closed"), &m->closed))
        return "closed";
    if (m->op == YD_GATE_OP_REFUSE && m->code == NULL)
        return "code";
    if (m->op == YD_GATE_OP_PORT && !take_port(object, m))
        return "fixed_port and sources";
    if (m->op == YD_GATE_OP_DRAIN && !take_seconds(json_object_get(object, "seconds"), m))
        return "seconds";
    return NULL;
}

static gboolean
read_op(const char *op, YdGateOp *ret_op)
{
    static const char *const names[] = {
        [YD_GATE_OP_WELCOME] = "welcome", [YD_GATE_OP_GRANT] = "grant",
        [YD_GATE_OP_REFUSE] = "refuse",   [YD_GATE_OP_CUT] = "cut",
        [YD_GATE_OP_PORT] = "port",       [YD_GATE_OP_DRAIN] = "drain",
        [YD_GATE_OP_RESUME] = "resume",   [YD_GATE_OP_HOST] = "host",
    };
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_str_equal(op, names[i])) {
            *ret_op = (YdGateOp)i;
            return TRUE;
        }
    return FALSE;
}

static YdGateMessage *
read_object(const json_t *object, GError **error)
{
    g_autoptr(YdGateMessage) m = g_new0(YdGateMessage, 1);
    const char *op = json_string_value(json_object_get(object, "op"));
    if (op == NULL) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "a line of deskd has no \"op\"");
        return NULL;
    }
    if (!read_op(op, &m->op)) {
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "deskd sent an unknown op \"%.40s\"", op);
        return NULL;
    }
    const char *missing = read_members(object, m);
    if (missing != NULL) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "a \"%s\" line of deskd has no good \"%s\"",
                    op, missing);
        return NULL;
    }
    return g_steal_pointer(&m);
}

YdGateMessage *
yd_gate_message_parse(const char *line, gsize len, GError **error)
{
    json_error_t why;
    json_t *object = json_loadb(line, len, JSON_REJECT_DUPLICATES, &why);
    if (object == NULL) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "a line of deskd is not JSON: %s", why.text);
        return NULL;
    }
    YdGateMessage *message = read_object(object, error);
    json_decref(object);
    return message;
}

void
yd_gate_message_free(YdGateMessage *message)
{
    if (message == NULL)
        return;
    g_free(message->request);
    g_free(message->session);
    g_free(message->target);
    g_free(message->user);
    g_free(message->code);
    g_free(message->username);
    yd_secret_wipe(&message->password);
    g_free(message->certificate);
    g_free(message->text);
    g_free(message->via_gate);
    yd_secret_wipe(&message->via_grant);
    g_strfreev(message->sources);
    g_free(message);
}
