// SPDX-License-Identifier: Apache-2.0
// GET /events: server-sent events (WHATWG HTML, 9.2) out of the store's outbox. One thread reads
// the outbox while somebody listens, decides who may see what, and gives finished text to the loop.
// A client that reads too slowly is dropped; it comes back with Last-Event-ID.
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "api/handlers.h"
#include "api/server.h"
#include "base/id.h"
#include "store/store-people.h"

#define POLL_US (80 * 1000) // how late events may be
#define CHECK_US (1000 * 1000)
#define BATCH 500
#define MAX_BEHIND (256 * 1024) // bytes that a client may leave unread

typedef struct {
    YdEventHub *hub;          // loop only; NULL once the stream is over
    SoupServerMessage *msg;   // loop only
    YdClient *client;         // loop only
    gsize behind;             // loop only: bytes appended but not written
    GSource *gone;            // loop only: looks whether the client has closed
    char *user_id, *login_id; // fixed
    gint over;                // atomic: the client is gone
    gint64 after;             // thread only: newest event that was looked at
    YdRole role;              // thread only
    GPtrArray *departments;   // thread only: ids that a manager manages
    GPtrArray *member_of;     // thread only: ids; what is given to them concerns all their members
} Stream;

struct _YdEventHub {
    YdApi *api;
    GThread *thread;
    GMutex lock;
    GCond wake;
    gboolean stop;      // by lock
    GPtrArray *fresh;   // by lock: streams that the thread does not know yet
    GPtrArray *streams; // loop only
    GSource *heartbeat;
};

typedef struct {
    Stream *stream;
    char *text; // NULL: end the stream
} Delivery;

static void
stream_clear(gpointer data)
{
    Stream *stream = data;
    g_clear_pointer(&stream->gone, g_source_unref);
    yd_client_unref(stream->client);
    g_free(stream->user_id);
    g_free(stream->login_id);
    g_clear_pointer(&stream->departments, g_ptr_array_unref);
    g_clear_pointer(&stream->member_of, g_ptr_array_unref);
}

static void
stream_unref(gpointer stream)
{
    g_atomic_rc_box_release_full(stream, stream_clear);
}

// --- on the loop ---

static void
append(Stream *stream, const char *text)
{
    gsize length = strlen(text);
    stream->behind += length;
    if (stream->behind > MAX_BEHIND) {
        g_message("an event stream of %s is read too slowly, closing", stream->user_id);
        yd_client_cut(stream->client);
        return;
    }
    soup_message_body_append(soup_server_message_get_response_body(stream->msg), SOUP_MEMORY_COPY,
                             text, length);
    soup_server_message_unpause(stream->msg);
}

static void
end_stream(Stream *stream)
{
    soup_message_body_complete(soup_server_message_get_response_body(stream->msg));
    soup_server_message_unpause(stream->msg);
    yd_client_give(stream->client, stream->hub->api->config.answer_seconds);
}

static gboolean
deliver(gpointer data)
{
    Delivery *delivery = data;
    if (delivery->stream->hub && delivery->text)
        append(delivery->stream, delivery->text);
    else if (delivery->stream->hub)
        end_stream(delivery->stream);
    return G_SOURCE_REMOVE;
}

static void
delivery_free(gpointer data)
{
    Delivery *delivery = data;
    stream_unref(delivery->stream);
    g_free(delivery->text);
    g_free(delivery);
}

static void
on_wrote(SoupServerMessage *msg, guint n, gpointer data)
{
    Stream *stream = data;
    stream->behind -= MIN(stream->behind, n);
}

// The client went away, or the stream was ended.
static void
on_over(SoupServerMessage *msg, gpointer data)
{
    Stream *stream = data;
    YdEventHub *hub = stream->hub;
    if (!hub)
        return;
    stream->hub = NULL;
    g_source_destroy(stream->gone);
    g_atomic_int_set(&stream->over, 1);
    g_ptr_array_remove_fast(hub->streams, stream);
}

// libsoup reads nothing while it answers, so a client that closes would hold its place until the
// next heartbeat; a page that is loaded again and again would run into its person's limit.
static gboolean
on_readable(GSocket *socket, GIOCondition condition, gpointer data)
{
    Stream *stream = data;
    char byte;
    gssize n = recv(g_socket_get_fd(socket), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0)
        return G_SOURCE_REMOVE; // a next request waits already: the heartbeat will tell
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    yd_client_cut(stream->client);
    append(stream, ":\n\n"); // writing fails, and that ends the message
    return G_SOURCE_REMOVE;
}

static void
watch_client(Stream *stream)
{
    stream->gone = g_socket_create_source(stream->client->socket, G_IO_IN, NULL);
    g_source_set_callback(stream->gone, G_SOURCE_FUNC(on_readable), stream, NULL);
    g_source_attach(stream->gone, stream->hub->api->context);
}

static gboolean
on_heartbeat(gpointer data)
{
    YdEventHub *hub = data;
    for (guint i = 0; i < hub->streams->len; i++)
        append(hub->streams->pdata[i], ":\n\n");
    return G_SOURCE_CONTINUE;
}

guint
yd_event_hub_count(YdEventHub *hub)
{
    return hub ? hub->streams->len : 0;
}

static gboolean
may_open(YdEventHub *hub, YdRequest *request, GError **error)
{
    const YdApiConfig *config = &hub->api->config;
    guint own = 0;
    for (guint i = 0; i < hub->streams->len; i++)
        if (strcmp(((Stream *)hub->streams->pdata[i])->user_id, request->actor.user_id) == 0)
            own++;
    if (own < config->max_streams_user && hub->streams->len < config->max_streams)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                "%u event streams are open (limits [deskd] max_streams_user %u, max_streams %u); "
                "close one.",
                hub->streams->len, config->max_streams_user, config->max_streams);
    return FALSE;
}

static Stream *
stream_new(YdEventHub *hub, YdExchange *exchange)
{
    YdRequest *request = exchange->request;
    Stream *stream = g_atomic_rc_box_new0(Stream);
    stream->hub = hub;
    stream->msg = exchange->msg;
    stream->client = yd_client_ref(exchange->client);
    stream->user_id = g_strdup(request->actor.user_id);
    stream->login_id = g_strdup(request->actor.login_id);
    stream->role = request->actor.role;
    stream->after = request->events_after;
    return stream;
}

void
yd_event_hub_open(YdEventHub *hub, YdExchange *exchange)
{
    g_autoptr(GError) error = NULL;
    if (!hub || !may_open(hub, exchange->request, &error)) {
        if (error)
            yd_request_problem(exchange->request, error);
        yd_exchange_answer(exchange);
        return;
    }
    SoupServerMessage *msg = exchange->msg;
    SoupMessageHeaders *headers = soup_server_message_get_response_headers(msg);
    soup_message_headers_set_encoding(headers,
                                      soup_server_message_get_http_version(msg) == SOUP_HTTP_1_0
                                          ? SOUP_ENCODING_EOF
                                          : SOUP_ENCODING_CHUNKED);
    soup_message_headers_replace(headers, "X-Accel-Buffering", "no");
    soup_message_body_set_accumulate(soup_server_message_get_response_body(msg), FALSE);
    Stream *stream = stream_new(hub, exchange);
    stream->behind = g_bytes_get_size(exchange->request->answer);
    watch_client(stream);
    yd_exchange_answer(exchange); // with the greeting as first chunk
    yd_client_give(exchange->client, 0);
    g_ptr_array_add(hub->streams, stream);
    g_signal_connect_data(msg, "wrote-body-data", G_CALLBACK(on_wrote), stream, NULL, 0);
    g_signal_connect_data(msg, "finished", G_CALLBACK(on_over), g_atomic_rc_box_acquire(stream),
                          (GClosureNotify)(void (*)(void))stream_unref, 0);
    g_mutex_lock(&hub->lock);
    g_ptr_array_add(hub->fresh, g_atomic_rc_box_acquire(stream));
    g_cond_signal(&hub->wake);
    g_mutex_unlock(&hub->lock);
}

// --- on a lane's thread ---

// From where on: Last-Event-ID, or what is newest now.
gboolean
yd_handle_events(YdRequest *request, GError **error)
{
    YdStore *store = yd_service_store(request->service, error);
    gint64 oldest = 0, newest = 0, after = -1;
    g_autoptr(GPtrArray) none =
        store ? yd_store_events(store, G_MAXINT64 - 1, 1, &oldest, &newest, error) : NULL;
    if (!none)
        return FALSE;
    const char *given = request->last_event_id ? request->last_event_id
                                               : yd_request_query(request, "last_event_id");
    if (given && !g_ascii_string_to_signed(given, 10, 0, G_MAXINT64, &after, NULL))
        return yd_error_invalid(error, "Last-Event-ID", "must be a number, not \"%s\"", given);
    gboolean lost = given && (after > newest || (oldest > 0 && after + 1 < oldest));
    request->events_after = given && !lost ? after : newest;
    g_autofree char *greeting =
        g_strdup_printf("retry: 2000\n\nid: %" G_GINT64_FORMAT "\nevent: %s\ndata: {}\n\n",
                        request->events_after, lost ? "reset" : "hello");
    yd_request_answer_text(request, 200, "text/event-stream", greeting);
    return TRUE;
}

// --- on the hub's thread ---

static void
post(YdEventHub *hub, Stream *stream, char *text)
{
    Delivery *delivery = g_new0(Delivery, 1);
    delivery->stream = g_atomic_rc_box_acquire(stream);
    delivery->text = text;
    g_main_context_invoke_full(hub->api->context, G_PRIORITY_DEFAULT, deliver, delivery,
                               delivery_free);
}

static gboolean
concerns(const GPtrArray *departments, const char *ids)
{
    if (!departments || !ids)
        return FALSE;
    g_auto(GStrv) list = g_strsplit(ids, ",", -1);
    for (guint i = 0; i < departments->len; i++)
        if (g_strv_contains((const char *const *)list, departments->pdata[i]))
            return TRUE;
    return FALSE;
}

static gboolean
may_see(const Stream *stream, const YdEvent *event)
{
    if (stream->role == YD_ROLE_ADMIN || g_strcmp0(event->user_id, stream->user_id) == 0)
        return TRUE;
    if (concerns(stream->departments, event->department_ids))
        return TRUE;
    return (strcmp(event->noun, "entitlement") == 0 || strcmp(event->noun, "pool") == 0) &&
           concerns(stream->member_of, event->department_ids);
}

static char *
event_text(const YdEvent *event)
{
    g_autofree char *time = yd_time_text(event->created);
    json_t *json =
        json_pack("{s:I, s:s, s:s, s:s?, s:s?}", "seq", (json_int_t)event->seq, "kind", event->kind,
                  "noun", event->noun, "id", event->object_id, "time", time);
    g_autofree char *data = NULL;
    char *dumped = json ? json_dumps(json, JSON_COMPACT) : NULL;
    data = g_strdup_printf("id: %" G_GINT64_FORMAT "\ndata: %s\n\n", event->seq,
                           dumped ? dumped : "{}");
    free(dumped);
    json_decref(json);
    return g_steal_pointer(&data);
}

// Everything after the stream's place, in batches; how far it is then.
static void
feed(YdEventHub *hub, YdStore *store, Stream *stream)
{
    gint64 oldest, newest;
    guint n = BATCH;
    while (n == BATCH && !g_atomic_int_get(&stream->over)) {
        g_autoptr(GPtrArray) events =
            yd_store_events(store, stream->after, BATCH, &oldest, &newest, NULL);
        if (!events)
            return;
        n = events->len;
        g_autoptr(GString) text = g_string_new(NULL);
        for (guint i = 0; i < n; i++) {
            const YdEvent *event = events->pdata[i];
            stream->after = event->seq;
            if (may_see(stream, event)) {
                g_autofree char *one = event_text(event);
                g_string_append(text, one);
            }
        }
        if (text->len)
            post(hub, stream, g_strdup(text->str));
    }
}

// Does the log-in still count, and as what? FALSE ends the stream.
static gboolean
check(YdStore *store, Stream *stream)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdLogin) login = yd_store_get(store, &yd_login_type, stream->login_id, &error);
    if (!login)
        return !g_error_matches(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    YdRole role = YD_ROLE_USER;
    if (login->expires <= yd_now_ms() || !login->user_enabled || login->must_change ||
        !yd_role_from_name(login->role, &role))
        return FALSE;
    stream->role = role;
    g_clear_pointer(&stream->departments, g_ptr_array_unref);
    g_clear_pointer(&stream->member_of, g_ptr_array_unref);
    stream->member_of = yd_store_member_departments(store, stream->user_id, NULL);
    if (role == YD_ROLE_MANAGER)
        stream->departments = yd_store_managed_departments(store, stream->user_id, NULL);
    return TRUE;
}

// One round: check now and then, feed those that are behind.
static void
round_of(YdEventHub *hub, YdStore *store, GPtrArray *streams, gboolean check_them)
{
    gint64 oldest = 0, newest = 0;
    g_autoptr(GPtrArray) none = yd_store_events(store, G_MAXINT64 - 1, 1, &oldest, &newest, NULL);
    for (guint i = 0; i < streams->len;) {
        Stream *stream = streams->pdata[i];
        gboolean over = g_atomic_int_get(&stream->over);
        if (!over && check_them && !check(store, stream)) {
            post(hub, stream, NULL);
            over = TRUE;
        }
        if (over) {
            g_ptr_array_remove_index_fast(streams, i);
            continue;
        }
        if (none && stream->after < newest)
            feed(hub, store, stream);
        i++;
    }
}

// Waits for the next round; takes over fresh streams (checked first). FALSE: end.
static gboolean
wait_round(YdEventHub *hub, YdStore *store, GPtrArray *streams)
{
    g_autoptr(GPtrArray) fresh = NULL;
    g_mutex_lock(&hub->lock);
    if (streams->len == 0)
        while (!hub->stop && hub->fresh->len == 0)
            g_cond_wait(&hub->wake, &hub->lock);
    else if (!hub->stop && hub->fresh->len == 0)
        g_cond_wait_until(&hub->wake, &hub->lock, g_get_monotonic_time() + POLL_US);
    gboolean stop = hub->stop;
    fresh = g_steal_pointer(&hub->fresh);
    hub->fresh = g_ptr_array_new_with_free_func(stream_unref);
    g_mutex_unlock(&hub->lock);
    for (guint i = 0; i < fresh->len; i++) {
        if (check(store, fresh->pdata[i]))
            g_ptr_array_add(streams, g_atomic_rc_box_acquire(fresh->pdata[i]));
        else
            post(hub, fresh->pdata[i], NULL);
    }
    return !stop;
}

static gpointer
run(gpointer data)
{
    YdEventHub *hub = data;
    g_autoptr(GPtrArray) streams = g_ptr_array_new_with_free_func(stream_unref);
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(hub->api->service, &error);
    if (!store) {
        g_message("no events: %s", error->message);
        return NULL;
    }
    gint64 checked = 0;
    while (wait_round(hub, store, streams)) {
        gint64 now = g_get_monotonic_time();
        gboolean check_them = now - checked >= CHECK_US;
        if (check_them)
            checked = now;
        round_of(hub, store, streams, check_them);
    }
    return NULL;
}

YdEventHub *
yd_event_hub_new(YdApi *api)
{
    YdEventHub *hub = g_new0(YdEventHub, 1);
    hub->api = api;
    g_mutex_init(&hub->lock);
    g_cond_init(&hub->wake);
    hub->fresh = g_ptr_array_new_with_free_func(stream_unref);
    hub->streams = g_ptr_array_new_with_free_func(stream_unref);
    hub->heartbeat = g_timeout_source_new_seconds(MAX(api->config.heartbeat_seconds, 1));
    g_source_set_callback(hub->heartbeat, on_heartbeat, hub, NULL);
    g_source_attach(hub->heartbeat, api->context);
    hub->thread = g_thread_new("events", run, hub);
    return hub;
}

void
yd_event_hub_free(YdEventHub *hub)
{
    if (!hub)
        return;
    g_mutex_lock(&hub->lock);
    hub->stop = TRUE;
    g_cond_signal(&hub->wake);
    g_mutex_unlock(&hub->lock);
    g_thread_join(hub->thread);
    while (hub->streams->len > 0) {
        Stream *stream = hub->streams->pdata[hub->streams->len - 1];
        end_stream(stream);
        g_source_destroy(stream->gone);
        stream->hub = NULL;
        g_ptr_array_remove_index(hub->streams, hub->streams->len - 1);
    }
    g_source_destroy(hub->heartbeat);
    g_source_unref(hub->heartbeat);
    g_ptr_array_unref(hub->streams);
    g_ptr_array_unref(hub->fresh);
    g_mutex_clear(&hub->lock);
    g_cond_clear(&hub->wake);
    g_free(hub);
}
