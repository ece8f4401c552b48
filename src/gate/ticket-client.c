// SPDX-License-Identifier: Apache-2.0
// One thread, one poll(): questions come in by a queue, go out as lines, and wait in a table for
// their answer or their time. A question that was sent when the connection broke is refused at once
// (deskd may have used the ticket up); one that was not sent yet waits for deskd to come back, as
// long as its time lasts.
#include "gate/ticket-client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "gate/host-call.h"
#include "gate/target.h"

#define RETRY_MIN_US (G_USEC_PER_SEC / 10)
#define RETRY_MAX_US (G_USEC_PER_SEC / 2)
#define HURRY_US (G_USEC_PER_SEC / 20) // sockets that end together are told of together
#define OUT_MAX (1024 * 1024)          // a deskd that reads no more is left
#define ABOUT_US (5 * G_USEC_PER_SEC)
#define LAST_WORDS_US (G_USEC_PER_SEC / 2)

typedef struct {
    guint64 id;
    gint64 deadline;
    gboolean sent;
    char *line; // until it is sent
    YdTicketFunc func;
    gpointer data;
} Request;

struct YdTicketClient {
    char *name;
    YdGateTarget address;
    gint64 redeem_us;
    gint64 stats_us, alive_us;
    YdGateSessions *sessions;
    YdTicketCutFunc cut;
    YdTicketPortFunc port;
    YdGateOrderFunc order;
    YdTicketDialFunc dial;
    YdTicketAboutFunc about;
    gpointer gate;
    YdHostCall *host; // NULL: no deskhost
    GThread *thread;
    int wake; // eventfd

    GMutex lock;  // guards the next four
    GQueue asked; // of Request, not yet seen by the thread
    guint64 last_id;
    gint64 hurry; // when statistics are wanted; 0 for no hurry
    gboolean stop;

    gint connected; // atomic

    // The thread's own.
    int fd;              // -1 when not connected
    GHashTable *pending; // id of the request -> Request
    GByteArray *in;
    GByteArray *out;
    gint64 next_try;
    gint64 pause;
    gint64 next_stats, next_alive, next_about;
    char *said; // of the gate itself; NULL: nothing on this connection
    gint64 now;
};

static void
request_free(gpointer data)
{
    Request *request = data;
    if (request->line != NULL)
        explicit_bzero(request->line, strlen(request->line));
    g_free(request->line);
    g_free(request);
}

static void
answer(Request *request, YdTicketVerdict *verdict)
{
    request->func(verdict, request->data);
}

static void
refuse(Request *request, const char *text)
{
    YdTicketVerdict verdict = {.code = "unavailable", .text = text};
    answer(request, &verdict);
}

// ---- the connection ----

static void
disconnect(YdTicketClient *client, const char *why)
{
    GHashTableIter iter;
    gpointer value;
    if (g_atomic_int_get(&client->connected))
        yd_log(G_LOG_LEVEL_MESSAGE, NULL, "the connection to deskd is gone: %s", why);
    g_atomic_int_set(&client->connected, FALSE);
    close(client->fd);
    client->fd = -1;
    client->next_try = client->now + client->pause;
    client->pause = MIN(client->pause * 2, RETRY_MAX_US);
    g_byte_array_set_size(client->in, 0);
    g_byte_array_set_size(client->out, 0);
    client->port(0, NULL, client->gate);
    if (client->host != NULL)
        yd_host_call_reset(client->host);
    g_hash_table_iter_init(&iter, client->pending);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Request *request = value;
        if (!request->sent)
            continue;
        g_hash_table_iter_steal(&iter);
        refuse(request, "the manager ended while it was asked");
        request_free(request);
    }
}

static void
say(YdTicketClient *client, const char *line)
{
    g_byte_array_append(client->out, (const guint8 *)line, (guint)strlen(line));
}

static void
say_request(YdTicketClient *client, Request *request)
{
    say(client, request->line);
    explicit_bzero(request->line, strlen(request->line));
    g_clear_pointer(&request->line, g_free);
    request->sent = TRUE;
}

static void
try_to_connect(YdTicketClient *client)
{
    gboolean pending;
    g_autoptr(GError) error = NULL;
    client->fd = client->dial != NULL ? client->dial(client->gate)
                                      : yd_gate_target_connect(&client->address, &pending, &error);
    if (client->fd < 0) {
        client->next_try = client->now + client->pause;
        client->pause = MIN(client->pause * 2, RETRY_MAX_US);
        g_debug("deskd: %s", error != NULL ? error->message : "no socket");
        return;
    }
    g_autofree char *hello = yd_gate_message_hello(client->name);
    say(client, hello);
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, client->pending);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        say_request(client, value);
    yd_gate_sessions_touch_all(client->sessions);
    g_clear_pointer(&client->said, g_free);
    client->next_stats = client->now;
}

static void
write_out(YdTicketClient *client)
{
    if (client->fd < 0 || client->out->len == 0)
        return;
    gssize n = send(client->fd, client->out->data, client->out->len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
        // The tickets in it are not left behind in the array.
        explicit_bzero(client->out->data, (gsize)n);
        g_byte_array_remove_range(client->out, 0, (guint)n);
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        disconnect(client, g_strerror(errno));
        return;
    }
    if (client->out->len > OUT_MAX)
        disconnect(client, "it reads no more");
}

// ---- what deskd says ----

// A grant whose asker is gone: deskd has to hear that this socket never came to be.
static void
grant_to_nobody(YdTicketClient *client, const YdGateMessage *message)
{
    YdGateSession *session = yd_gate_sessions_join(client->sessions, message->session);
    yd_gate_sessions_leave(client->sessions, &session);
    yd_ticket_client_hurry(client);
}

static void
take_answer(YdTicketClient *client, const YdGateMessage *message)
{
    gpointer value = NULL;
    if (!g_hash_table_steal_extended(client->pending, &message->id, NULL, &value)) {
        if (message->op == YD_GATE_OP_GRANT)
            grant_to_nobody(client, message);
        return;
    }
    Request *request = value;
    YdTicketVerdict verdict = {.code = message->code, .text = message->text};
    if (message->op == YD_GATE_OP_GRANT) {
        verdict = (YdTicketVerdict){
            .session = yd_gate_sessions_join(client->sessions, message->session),
            .target = message->target,
            .user = message->user,
            .idle_seconds = message->idle_seconds,
            .username = message->username,
            .password = message->password,
            .certificate = message->certificate,
            .closed = message->closed,
            .via_gate = message->via_gate,
            .via_grant = message->via_grant,
        };
    }
    answer(request, &verdict);
    yd_gate_sessions_leave(client->sessions, &verdict.session);
    request_free(request);
}

static void
take_cut(YdTicketClient *client, const YdGateMessage *message)
{
    yd_gate_sessions_cut(client->sessions, message->session);
    client->cut(message->session, message->text, client->gate);
    yd_ticket_client_hurry(client);
}

static void
take_line(YdTicketClient *client, const char *line, gsize len)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdGateMessage) message = yd_gate_message_parse(line, len, &error);
    if (message == NULL && g_error_matches(error, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        yd_log(G_LOG_LEVEL_MESSAGE, NULL, "%s, ignoring", error->message);
        return;
    }
    if (message == NULL) {
        disconnect(client, error->message);
        return;
    }
    if (message->op == YD_GATE_OP_WELCOME) {
        client->pause = RETRY_MIN_US;
        g_atomic_int_set(&client->connected, TRUE);
        yd_log(G_LOG_LEVEL_INFO, NULL, "connected to deskd as %s", client->name);
    } else if (message->op == YD_GATE_OP_CUT) {
        take_cut(client, message);
    } else if (message->op == YD_GATE_OP_PORT) {
        client->port(message->fixed_port, (const char *const *)message->sources, client->gate);
    } else if (message->op == YD_GATE_OP_HOST) {
        if (client->host != NULL)
            yd_host_call_push(client->host, message->id, message->request);
    } else if (message->op == YD_GATE_OP_DRAIN || message->op == YD_GATE_OP_RESUME) {
        if (client->order != NULL)
            client->order(message->op == YD_GATE_OP_DRAIN, message->seconds, client->gate);
    } else {
        take_answer(client, message);
    }
}

static void
take_lines(YdTicketClient *client)
{
    gsize used = 0;
    while (client->fd >= 0) {
        const char *start = (const char *)client->in->data + used;
        gsize left = client->in->len - used;
        const char *end = left == 0 ? NULL : memchr(start, '\n', left);
        if (end == NULL && left > YD_GATE_LINE_MAX)
            disconnect(client, "it sent a line longer than 64 KiB");
        if (end == NULL)
            break;
        used += (gsize)(end - start) + 1;
        take_line(client, start, (gsize)(end - start));
    }
    if (client->fd >= 0)
        g_byte_array_remove_range(client->in, 0, (guint)used);
}

static void
read_in(YdTicketClient *client)
{
    guint8 data[8192];
    gssize n = recv(client->fd, data, sizeof data, MSG_DONTWAIT);
    if (n > 0) {
        g_byte_array_append(client->in, data, (guint)n);
        take_lines(client);
    } else if (n == 0) {
        disconnect(client, "it closed");
    } else if (errno != EAGAIN && errno != EINTR) {
        disconnect(client, g_strerror(errno));
    }
}

// ---- time and questions ----

// Takes over what was asked meanwhile; returns FALSE when the client has to end.
static gboolean
take_asked(YdTicketClient *client)
{
    guint64 count;
    G_GNUC_UNUSED gssize n = read(client->wake, &count, sizeof count);
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&client->lock);
    for (Request *request; (request = g_queue_pop_head(&client->asked)) != NULL;) {
        g_hash_table_insert(client->pending, &request->id, request);
        if (client->fd >= 0)
            say_request(client, request);
    }
    if (client->hurry != 0 && client->hurry < client->next_stats)
        client->next_stats = client->hurry;
    return !client->stop;
}

static void
refuse_late(YdTicketClient *client)
{
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, client->pending);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        Request *request = value;
        if (request->deadline > client->now)
            continue;
        g_hash_table_iter_steal(&iter);
        refuse(request, "the manager does not answer");
        request_free(request);
    }
}

static void
say_stats(YdTicketClient *client)
{
    if (client->fd < 0)
        return;
    for (char *line; (line = yd_gate_sessions_take_stats(client->sessions)) != NULL; g_free(line))
        say(client, line);
}

// What has changed is said soon; what has not is said now and then: deskd takes it for a sign of
// life.
static void
say_about(YdTicketClient *client)
{
    g_autofree char *line =
        client->fd >= 0 && client->about != NULL ? client->about(client->gate) : NULL;
    if (line == NULL || (g_strcmp0(line, client->said) == 0 && client->now < client->next_about))
        return;
    client->next_about = client->now + ABOUT_US;
    say(client, line);
    g_free(client->said);
    client->said = g_steal_pointer(&line);
}

// deskd ends a session of which it has heard nothing for minutes.
static void
tell_of_quiet_ones(YdTicketClient *client)
{
    if (client->now < client->next_alive)
        return;
    client->next_alive = client->now + client->alive_us;
    yd_gate_sessions_touch_open(client->sessions);
}

static int
time_left(const YdTicketClient *client, gint64 until)
{
    gint64 next = MIN(until, client->next_stats);
    GHashTableIter iter;
    gpointer value;
    if (client->fd < 0)
        next = MIN(next, client->next_try);
    g_hash_table_iter_init(&iter, client->pending);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        next = MIN(next, ((Request *)value)->deadline);
    return (int)(CLAMP(next - client->now, 0, 60 * G_USEC_PER_SEC) / 1000) + 1;
}

static void
ask_host(YdTicketClient *client)
{
    g_autofree char *line =
        client->host != NULL ? yd_host_call_step(client->host, client->now) : NULL;
    if (line != NULL && client->fd >= 0)
        say(client, line);
}

static void
wait_and_read(YdTicketClient *client)
{
    short out = client->out->len > 0 ? POLLOUT : 0;
    struct pollfd fds[3] = {{client->wake, POLLIN, 0}, {client->fd, POLLIN | out, 0}, {-1, 0, 0}};
    gint64 until = G_MAXINT64;
    if (client->host != NULL)
        yd_host_call_prepare(client->host, client->now, &fds[2], &until);
    if (poll(fds, G_N_ELEMENTS(fds), time_left(client, until)) < 0) // none below 0 is looked at
        return;
    client->now = g_get_monotonic_time();
    ask_host(client);
    if (client->fd >= 0 && fds[1].revents != 0)
        read_in(client);
}

// The sockets have ended by now: tell so, for a moment's patience.
static void
say_last_words(YdTicketClient *client)
{
    gint64 until = g_get_monotonic_time() + LAST_WORDS_US;
    say_stats(client);
    while (client->fd >= 0 && client->out->len > 0 && client->now < until) {
        write_out(client);
        struct pollfd fd = {client->fd, POLLOUT, 0};
        if (client->fd >= 0 && client->out->len > 0)
            poll(&fd, 1, 50);
        client->now = g_get_monotonic_time();
    }
}

// Before statistics are taken: what changes from now on is for the next ones.
static void
forget_hurry(YdTicketClient *client)
{
    g_mutex_lock(&client->lock);
    client->hurry = 0;
    g_mutex_unlock(&client->lock);
}

static gpointer
run(gpointer data)
{
    YdTicketClient *client = data;
    client->now = g_get_monotonic_time();
    client->next_stats = client->now + client->stats_us;
    while (take_asked(client)) {
        if (client->fd < 0 && client->now >= client->next_try)
            try_to_connect(client);
        if (client->now >= client->next_stats) {
            client->next_stats = client->now + client->stats_us;
            forget_hurry(client);
            tell_of_quiet_ones(client);
            say_stats(client);
            say_about(client);
        }
        write_out(client);
        wait_and_read(client);
        refuse_late(client);
    }
    say_last_words(client);
    return NULL;
}

// ---- public ----

YdTicketClient *
yd_ticket_client_new(const YdTicketClientConfig *config, GError **error)
{
    g_autoptr(YdTicketClient) client = g_new0(YdTicketClient, 1);
    g_mutex_init(&client->lock);
    g_queue_init(&client->asked);
    client->fd = client->wake = -1;
    client->name = g_strdup(config->name);
    client->redeem_us = config->redeem_seconds * G_USEC_PER_SEC;
    client->stats_us = config->stats_seconds * G_USEC_PER_SEC;
    client->alive_us = config->alive_seconds * G_USEC_PER_SEC;
    client->sessions = config->sessions;
    client->cut = config->cut;
    client->port = config->port;
    client->order = config->order;
    client->dial = config->dial;
    client->about = config->about;
    client->gate = config->gate;
    client->host = config->deskhost != NULL ? yd_host_call_new(config->deskhost) : NULL;
    client->pause = RETRY_MIN_US;
    client->pending = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, request_free);
    client->in = g_byte_array_new();
    client->out = g_byte_array_new();
    g_autofree char *target = g_strconcat("unix:", config->socket, NULL);
    if (!yd_gate_target_parse(target, &client->address, error))
        return NULL;
    client->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (client->wake < 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot make an eventfd: %s",
                    g_strerror(errno));
        return NULL;
    }
    client->thread = g_thread_new("tickets", run, client);
    return g_steal_pointer(&client);
}

static void
wake(YdTicketClient *client)
{
    const guint64 one = 1;
    G_GNUC_UNUSED gssize n = write(client->wake, &one, sizeof one);
}

static void
stop(YdTicketClient *client)
{
    GHashTableIter iter;
    gpointer value;
    g_mutex_lock(&client->lock);
    client->stop = TRUE;
    g_mutex_unlock(&client->lock);
    wake(client);
    g_thread_join(client->thread);
    g_hash_table_iter_init(&iter, client->pending);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        refuse(value, "the gate ends");
    for (Request *request; (request = g_queue_pop_head(&client->asked)) != NULL;) {
        refuse(request, "the gate ends");
        request_free(request);
    }
}

void
yd_ticket_client_free(YdTicketClient *client)
{
    if (client == NULL)
        return;
    if (client->thread != NULL)
        stop(client);
    if (client->fd >= 0)
        close(client->fd);
    if (client->wake >= 0)
        close(client->wake);
    yd_host_call_free(client->host);
    g_hash_table_unref(client->pending);
    g_byte_array_unref(client->in);
    g_byte_array_unref(client->out);
    g_mutex_clear(&client->lock);
    g_free(client->said);
    g_free(client->name);
    g_free(client);
}

static Request *
new_request(YdTicketClient *client, YdTicketFunc func, gpointer data)
{
    Request *request = g_new0(Request, 1);
    request->func = func;
    request->data = data;
    request->deadline = g_get_monotonic_time() + client->redeem_us;
    g_mutex_lock(&client->lock);
    request->id = ++client->last_id;
    g_mutex_unlock(&client->lock);
    return request;
}

static void
ask(YdTicketClient *client, Request *request)
{
    g_mutex_lock(&client->lock);
    g_queue_push_tail(&client->asked, request);
    g_mutex_unlock(&client->lock);
    wake(client);
}

void
yd_ticket_client_redeem(YdTicketClient *client, const char *ticket, const char *protocol,
                        const char *address, guint16 port, YdTicketFunc func, gpointer data)
{
    Request *request = new_request(client, func, data);
    request->line = yd_gate_message_redeem(request->id, ticket, protocol, address, port);
    ask(client, request);
}

void
yd_ticket_client_enter(YdTicketClient *client, guint16 fixed_port, const char *address,
                       guint16 port, YdTicketFunc func, gpointer data)
{
    Request *request = new_request(client, func, data);
    request->line = yd_gate_message_enter(request->id, fixed_port, address, port);
    ask(client, request);
}

void
yd_ticket_client_pass(YdTicketClient *client, const char *grant, const char *edge,
                      const char *protocol, const char *address, guint16 port, YdTicketFunc func,
                      gpointer data)
{
    Request *request = new_request(client, func, data);
    request->line = yd_gate_message_pass(request->id, grant, edge, protocol, address, port);
    ask(client, request);
}

void
yd_ticket_client_hurry(YdTicketClient *client)
{
    if (client == NULL)
        return;
    g_mutex_lock(&client->lock);
    gboolean first = client->hurry == 0;
    if (first)
        client->hurry = g_get_monotonic_time() + HURRY_US;
    g_mutex_unlock(&client->lock);
    if (first)
        wake(client);
}

gboolean
yd_ticket_client_is_connected(YdTicketClient *client)
{
    return g_atomic_int_get(&client->connected);
}
