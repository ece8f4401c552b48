// SPDX-License-Identifier: Apache-2.0
// The HTTP server answers each request with a line about it: "METHOD PATH source=ADDRESS body=N
// sum=S". Paths: /big/N a body of N bytes, /reject an answer without reading the body, /die an end
// without an answer.
#include "fake-deskd.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/proxy-v2.h"

#define BODY_MAX (64 << 20) // a fuzzer may ask for more

typedef struct {
    char *protocol, *session, *target;
    char *username, *password, *certificate; // rdp-web
    char *via_gate, *via_target, *via_grant;
    gboolean via_used;
} Ticket;

struct FakeDeskd {
    FakeServer *tickets_server, *http_server;
    GMutex lock;
    GHashTable *tickets; // text -> Ticket
    GHashTable *stats;   // session -> json_t
    gboolean silent;
    const char *source; // of all clients
    GArray *gates;      // of int: connected ones
    guint redeems, grants, requests;
    char *port_session, *port_target;
    int behind_fd;
    char *behind;
};

static void
ticket_free(gpointer data)
{
    Ticket *t = data;
    g_free(t->protocol);
    g_free(t->session);
    g_free(t->target);
    g_free(t->username);
    g_free(t->password);
    g_free(t->certificate);
    g_free(t->via_gate);
    g_free(t->via_target);
    g_free(t->via_grant);
    g_free(t);
}

static void
json_free(gpointer data)
{
    json_decref(data);
}

// ---- gate.sock ----

static void
say(int fd, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    fake_write(fd, line, strlen(line));
    free(text);
    json_decref(object);
}

static void
redeem(FakeDeskd *deskd, int fd, const json_t *object)
{
    const char *text = json_string_value(json_object_get(object, "ticket"));
    const char *protocol = json_string_value(json_object_get(object, "protocol"));
    json_int_t id = json_integer_value(json_object_get(object, "id"));
    if (deskd->source != NULL)
        g_assert_cmpstr(json_string_value(json_object_get(object, "address")), ==, deskd->source);
    const Ticket *t = g_hash_table_lookup(deskd->tickets, text);
    deskd->redeems++;
    if (deskd->silent)
        return;
    deskd->grants += t != NULL && g_str_equal(t->protocol, protocol);
    if (t == NULL)
        say(fd, json_pack("{s:s, s:I, s:s, s:s}", "op", "refuse", "id", id, "code",
                          "ticket-unknown", "message", "no such \"ticket\""));
    else if (!g_str_equal(t->protocol, protocol))
        say(fd, json_pack("{s:s, s:I, s:s, s:s}", "op", "refuse", "id", id, "code",
                          "wrong-protocol", "message", "another protocol"));
    else if (t->via_gate != NULL && fd == deskd->behind_fd)
        say(fd, json_pack("{s:s, s:I, s:s, s:s, s:{s:s, s:s}}", "op", "grant", "id", id, "session",
                          t->session, "target", t->via_target, "via", "gate", t->via_gate, "grant",
                          t->via_grant));
    else
        say(fd, json_pack("{s:s, s:I, s:s, s:s, s:s, s:i, s:s*, s:s*, s:s*}", "op", "grant", "id",
                          id, "session", t->session, "target", t->target, "user", "ann",
                          "idle_seconds", 0, "username", t->username, "password", t->password,
                          "certificate", t->certificate));
}

static void
enter(FakeDeskd *deskd, int fd, const json_t *object)
{
    json_int_t id = json_integer_value(json_object_get(object, "id"));
    say(fd, json_pack("{s:s, s:I, s:s, s:s, s:i}", "op", "grant", "id", id, "session",
                      deskd->port_session, "target", deskd->port_target, "idle_seconds", 0));
}

static void
take_pass(FakeDeskd *deskd, int fd, const json_t *object)
{
    json_int_t id = json_integer_value(json_object_get(object, "id"));
    const char *grant = json_string_value(json_object_get(object, "grant"));
    const char *edge = json_string_value(json_object_get(object, "edge"));
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, deskd->tickets);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Ticket *t = value;
        if (g_strcmp0(t->via_grant, grant) != 0 || g_strcmp0(deskd->behind, edge) != 0 ||
            t->via_used)
            continue;
        t->via_used = TRUE;
        say(fd, json_pack("{s:s, s:I, s:s, s:s, s:s*, s:s*, s:s*}", "op", "grant", "id", id,
                          "session", t->session, "target", t->target, "username", t->username,
                          "password", t->password, "certificate", t->certificate));
        return;
    }
    say(fd, json_pack("{s:s, s:I, s:s, s:s}", "op", "refuse", "id", id, "code", "pass-unknown",
                      "message", "used"));
}

static void
take_stats(FakeDeskd *deskd, const json_t *object)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(object, "sessions"), i, one)
    {
        const char *session = json_string_value(json_object_get(one, "session"));
        g_hash_table_insert(deskd->stats, g_strdup(session), json_incref(one));
    }
}

static void
take_line(FakeDeskd *deskd, int fd, const char *line)
{
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    g_assert_nonnull(object);
    const char *op = json_string_value(json_object_get(object, "op"));
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    if (g_str_equal(op, "hello")) {
        g_array_append_val(deskd->gates, fd);
        say(fd, json_pack("{s:s}", "op", "welcome"));
    } else if (g_str_equal(op, "redeem"))
        redeem(deskd, fd, object);
    else if (g_str_equal(op, "pass"))
        take_pass(deskd, fd, object);
    else if (g_str_equal(op, "behind")) {
        deskd->behind_fd = fd;
        g_free(deskd->behind);
        deskd->behind = g_strdup(json_string_value(json_object_get(object, "gate")));
    } else if (g_str_equal(op, "enter"))
        enter(deskd, fd, object);
    else if (g_str_equal(op, "gate"))
        g_assert_true(json_is_string(json_object_get(object, "version")));
    else if (g_str_equal(op, "stats"))
        take_stats(deskd, object);
    else
        g_error("the gate said %s", line);
    json_decref(object);
}

static void
serve_gate(int fd, gpointer data)
{
    FakeDeskd *deskd = data;
    g_autoptr(GString) line = g_string_new(NULL);
    char piece[65536];
    for (gssize n; (n = recv(fd, piece, sizeof piece, 0)) > 0;) {
        const char *end = piece + n;
        for (const char *at = piece, *stop; at < end; at = stop + 1) {
            stop = memchr(at, '\n', (gsize)(end - at));
            g_string_append_len(line, at, (stop != NULL ? stop : end) - at);
            if (stop == NULL)
                break;
            take_line(deskd, fd, line->str);
            g_string_truncate(line, 0);
        }
    }
    g_mutex_lock(&deskd->lock);
    for (guint i = deskd->gates->len; i > 0; i--)
        if (g_array_index(deskd->gates, int, i - 1) == fd)
            g_array_remove_index(deskd->gates, i - 1);
    g_mutex_unlock(&deskd->lock);
}

// ---- deskd.sock ----

static gboolean
read_proxy(int fd, YdProxyV2 *ret_proxy)
{
    guint8 header[YD_PROXY_V2_MAX];
    gsize size = 0;
    if (!fake_read(fd, header, YD_PROXY_V2_FIXED))
        return FALSE;
    g_assert_true(yd_proxy_v2_size(header, YD_PROXY_V2_FIXED, &size, NULL));
    return fake_read(fd, header + YD_PROXY_V2_FIXED, size - YD_PROXY_V2_FIXED) &&
           yd_proxy_v2_parse(header, size, ret_proxy, NULL);
}

static gboolean
read_head(int fd, GString *head)
{
    g_string_truncate(head, 0);
    for (char c; !g_str_has_suffix(head->str, "\r\n\r\n");) {
        if (!fake_read(fd, &c, 1))
            return FALSE;
        g_string_append_c(head, c);
    }
    return TRUE;
}

static gboolean
answer(int fd, const char *status, const char *body, gsize len)
{
    g_autofree char *head =
        g_strdup_printf("HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", status, len);
    return fake_write(fd, head, strlen(head)) && fake_write(fd, body, len);
}

static gboolean
answer_request(int fd, const char *head, const YdProxyV2 *proxy)
{
    char method[16], path[128];
    const char *field = strstr(head, "Content-Length: ");
    gsize len = field == NULL ? 0 : strtoul(field + 16, NULL, 10);
    if (sscanf(head, "%15s %127s", method, path) != 2 || len > BODY_MAX ||
        g_str_equal(path, "/die"))
        return FALSE;
    if (g_str_equal(path, "/reject")) {
        answer(fd, "413 Too Large", "too large\n", 10);
        return FALSE;
    }
    g_autofree guint8 *body = g_malloc(len + 1);
    if (!fake_read(fd, body, len))
        return FALSE;
    guint sum = 0;
    for (gsize i = 0; i < len; i++)
        sum = sum * 31 + body[i];
    if (g_str_has_prefix(path, "/big/")) {
        gsize big = strtoul(path + 5, NULL, 10);
        g_autofree char *fill = g_strnfill(big, 'x');
        return answer(fd, "200 OK", fill, big);
    }
    g_autofree char *text =
        g_strdup_printf("%s %s source=%s body=%zu sum=%u\n", method, path, proxy->source, len, sum);
    return answer(fd, "200 OK", text, strlen(text));
}

static void
serve_http(int fd, gpointer data)
{
    FakeDeskd *deskd = data;
    YdProxyV2 proxy;
    g_autoptr(GString) head = g_string_new(NULL);
    if (!read_proxy(fd, &proxy))
        return;
    while (read_head(fd, head)) {
        if (!answer_request(fd, head->str, &proxy))
            return;
        g_mutex_lock(&deskd->lock);
        deskd->requests++;
        g_mutex_unlock(&deskd->lock);
    }
}

// ---- public ----

FakeDeskd *
fake_deskd_new(const char *dir)
{
    FakeDeskd *deskd = g_new0(FakeDeskd, 1);
    g_autofree char *gate = g_build_filename(dir, "gate.sock", NULL);
    g_autofree char *http = g_build_filename(dir, "deskd.sock", NULL);
    g_mutex_init(&deskd->lock);
    deskd->gates = g_array_new(FALSE, FALSE, sizeof(int));
    deskd->source = "127.0.0.1";
    deskd->behind_fd = -1;
    deskd->tickets = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, ticket_free);
    deskd->stats = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, json_free);
    deskd->tickets_server = fake_server_unix(gate, serve_gate, deskd);
    deskd->http_server = fake_server_unix(http, serve_http, deskd);
    return deskd;
}

void
fake_deskd_free(FakeDeskd *deskd)
{
    if (deskd == NULL)
        return;
    fake_server_free(deskd->tickets_server);
    fake_server_free(deskd->http_server);
    g_hash_table_unref(deskd->tickets);
    g_hash_table_unref(deskd->stats);
    g_free(deskd->port_session);
    g_free(deskd->port_target);
    g_array_unref(deskd->gates);
    g_free(deskd->behind);
    g_mutex_clear(&deskd->lock);
    g_free(deskd);
}

void
fake_deskd_ticket(FakeDeskd *deskd, const char *ticket, const char *protocol, const char *session,
                  const char *target)
{
    Ticket *t = g_new(Ticket, 1);
    *t = (Ticket){g_strdup(protocol), g_strdup(session), g_strdup(target)};
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    g_hash_table_insert(deskd->tickets, g_strdup(ticket), t);
}

void
fake_deskd_log_in(FakeDeskd *deskd, const char *ticket, const char *username, const char *password,
                  const char *certificate)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    Ticket *t = g_hash_table_lookup(deskd->tickets, ticket);
    t->username = g_strdup(username);
    t->password = g_strdup(password);
    t->certificate = g_strdup(certificate);
}

void
fake_deskd_set_source(FakeDeskd *deskd, const char *address)
{
    deskd->source = address;
}

void
fake_deskd_set_silent(FakeDeskd *deskd, gboolean silent)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    deskd->silent = silent;
}

void
fake_deskd_cut(FakeDeskd *deskd, const char *session)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    g_assert_cmpuint(deskd->gates->len, >, 0);
    for (guint i = 0; i < deskd->gates->len; i++)
        say(g_array_index(deskd->gates, int, i),
            json_pack("{s:s, s:s, s:s}", "op", "cut", "session", session, "reason", "by a test"));
}

void
fake_deskd_port(FakeDeskd *deskd, guint16 port, const char *source, const char *session,
                const char *target)
{
    json_t *sources = source == NULL ? json_array() : json_pack("[s]", source);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    g_assert_cmpuint(deskd->gates->len, >, 0);
    g_free(deskd->port_session);
    g_free(deskd->port_target);
    deskd->port_session = g_strdup(session);
    deskd->port_target = g_strdup(target);
    say(g_array_index(deskd->gates, int, deskd->gates->len - 1),
        json_pack("{s:s, s:i, s:o}", "op", "port", "fixed_port", (int)port, "sources", sources));
}

void
fake_deskd_via(FakeDeskd *deskd, const char *ticket, const char *gate, const char *target,
               const char *grant)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    Ticket *t = g_hash_table_lookup(deskd->tickets, ticket);
    g_free(t->via_gate);
    g_free(t->via_target);
    g_free(t->via_grant);
    t->via_used = FALSE;
    t->via_gate = g_strdup(gate);
    t->via_target = g_strdup(target);
    t->via_grant = g_strdup(grant);
}

char *
fake_deskd_behind(FakeDeskd *deskd)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    return g_strdup(deskd->behind != NULL ? deskd->behind : "");
}

static gint64
stat_of(FakeDeskd *deskd, const char *session, const char *name)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    const json_t *one = g_hash_table_lookup(deskd->stats, session);
    return one == NULL ? -1 : json_integer_value(json_object_get(one, name));
}

gint64
fake_deskd_sockets(FakeDeskd *deskd, const char *session)
{
    return stat_of(deskd, session, "sockets");
}

gint64
fake_deskd_bytes_up(FakeDeskd *deskd, const char *session)
{
    return stat_of(deskd, session, "bytes_up");
}

guint
fake_deskd_redeems(FakeDeskd *deskd)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    return deskd->redeems;
}

guint
fake_deskd_grants(FakeDeskd *deskd)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    return deskd->grants;
}

guint
fake_deskd_requests(FakeDeskd *deskd)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    return deskd->requests;
}

guint
fake_deskd_gates(FakeDeskd *deskd)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&deskd->lock);
    return deskd->gates->len;
}
