// SPDX-License-Identifier: Apache-2.0
// The HTTP side on the loop: libsoup parses and writes, requests go to the lanes' threads and come
// back as answers. A message is paused while a lane has its request.
#include "api/server.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/head.h"
#include "base/id.h"

#define UNREADABLE                                                                                 \
    "{\"type\":\"urn:yundesk:problem:invalid\",\"title\":\"The request is not valid\","            \
    "\"status\":400,\"code\":\"invalid\",\"detail\":\"The head of the request cannot be read: "    \
    "its "                                                                                         \
    "address or a header is malformed.\",\"advice\":\"Send addresses in percent encoding of "      \
    "UTF-8.\",\"request_id\":\"none\"}"
#define TOO_LARGE "The body is larger than allowed here."
#define REJECT_SECONDS 5 // for reading the answer to what was refused unread

typedef struct {
    YdExchange *exchange;
    SoupServerMessage *msg; // a reference
    void (*work)(YdRequest *request);
    YdExchangeDone done;
} Task;

static const struct {
    const char *name, *value;
} fixed_headers[] = {
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Strict-Transport-Security", "max-age=31536000"},
};

void
yd_api_config_init(YdApiConfig *config)
{
    *config = (YdApiConfig){
        .max_connections = 4096,
        .max_per_address = 256,
        .max_streams = 1024,
        .max_streams_user = 32,
        .max_body = 1024 * 1024,
        .max_import = 20 * 1024 * 1024,
        .max_uploads = 4,
        .max_waiting = 1024,
        .act_threads = 8,
        .hash_threads = 2,
        .connect_threads = 128,
        .header_seconds = 15,
        .idle_seconds = 75,
        .body_seconds = 30,
        .answer_seconds = 60,
        .heartbeat_seconds = 15,
    };
}

void
yd_api_config_clear(YdApiConfig *config)
{
    g_clear_pointer(&config->socket, g_free);
    g_clear_pointer(&config->web, g_free);
}

// On the loop: a lane is through with the request.
static gboolean
task_done(gpointer data)
{
    Task *task = data;
    task->exchange->api->in_flight--;
    task->done(task->exchange);
    return G_SOURCE_REMOVE;
}

static void
task_free(gpointer data)
{
    Task *task = data;
    g_object_unref(task->msg);
    g_free(task);
}

static void
lane_run(gpointer data, gpointer user_data)
{
    Task *task = data;
    YdApi *api = user_data;
    task->work(task->exchange->request);
    g_main_context_invoke_full(api->context, G_PRIORITY_DEFAULT, task_done, task, task_free);
}

gboolean
yd_exchange_dispatch(YdExchange *exchange, void (*work)(YdRequest *request), YdExchangeDone done)
{
    YdApi *api = exchange->api;
    GThreadPool *lane = api->lanes[exchange->request->route->lane];
    if (g_thread_pool_unprocessed(lane) >= api->config.max_waiting) {
        g_autoptr(GError) error =
            g_error_new_literal(YD_ERROR, YD_ERROR_UNAVAILABLE,
                                "Too many requests are waiting; try again in a moment.");
        yd_request_problem(exchange->request, error);
        return FALSE;
    }
    Task *task = g_new0(Task, 1);
    task->exchange = exchange;
    task->msg = g_object_ref(exchange->msg);
    task->work = work;
    task->done = done;
    api->in_flight++;
    g_thread_pool_push(lane, task, NULL);
    return TRUE;
}

static void
add_headers(SoupMessageHeaders *headers, YdRequest *request)
{
    for (guint i = 0; i < G_N_ELEMENTS(fixed_headers); i++)
        soup_message_headers_replace(headers, fixed_headers[i].name, fixed_headers[i].value);
    soup_message_headers_replace(headers, "Request-Id", request->id);
    for (guint i = 0; request->headers && i + 1 < request->headers->len; i += 2)
        soup_message_headers_append(headers, request->headers->pdata[i],
                                    request->headers->pdata[i + 1]);
    if (request->answer_type && request->answer)
        soup_message_headers_set_content_type(headers, request->answer_type, NULL);
}

static void
count_request(YdRequest *request)
{
    gint64 took = g_get_monotonic_time() - request->began;
    yd_metrics_request(request->status, took);
    g_info("%s %s %s %u %.1f ms request=%s", request->address,
           request->route ? request->route->method : "-",
           request->route ? request->route->path : "-", request->status, (double)took / 1000,
           request->id);
}

// The answer is set: the end waits until it is written.
static void
owe_answer(YdExchange *exchange)
{
    YdApi *api = exchange->api;
    exchange->answered = TRUE;
    if (!exchange->unwritten)
        api->unwritten++;
    exchange->unwritten = TRUE;
    if (api->stopping)
        soup_message_headers_replace(soup_server_message_get_response_headers(exchange->msg),
                                     "Connection", "close");
}

// Written whole, or nobody is there to read it.
static void
settle_answer(YdExchange *exchange)
{
    if (exchange->unwritten)
        exchange->api->unwritten--;
    exchange->unwritten = FALSE;
}

void
yd_exchange_answer(YdExchange *exchange)
{
    YdRequest *request = exchange->request;
    add_headers(soup_server_message_get_response_headers(exchange->msg), request);
    owe_answer(exchange);
    soup_server_message_set_status(exchange->msg, request->status ? request->status : 500, NULL);
    if (request->answer)
        soup_message_body_append_bytes(soup_server_message_get_response_body(exchange->msg),
                                       request->answer);
    // A large answer, a file of a restore point, gets a second for each MiB besides.
    gsize bytes = request->answer ? g_bytes_get_size(request->answer) : 0;
    yd_client_give(exchange->client,
                   exchange->api->config.answer_seconds + (guint)(bytes / (1024 * 1024)));
    count_request(request);
}

// Throws away what the client still sends, so that it gets to read the answer; the client's
// deadline ends that.
static void
drained(GObject *source, GAsyncResult *result, gpointer data)
{
    static char nowhere[16384];
    g_autoptr(GIOStream) stream = data;
    GInputStream *input = g_io_stream_get_input_stream(stream);
    gssize n = source == G_OBJECT(input)
                   ? g_input_stream_read_finish(input, result, NULL)
                   : g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result, NULL, NULL);
    if (n > 0)
        g_input_stream_read_async(input, nowhere, sizeof nowhere, G_PRIORITY_DEFAULT, NULL, drained,
                                  g_steal_pointer(&stream));
    else
        g_io_stream_close(stream, NULL, NULL);
}

void
yd_exchange_reject(YdExchange *exchange, guint status, const char *code, const char *detail)
{
    YdRequest *request = exchange->request;
    yd_request_problem_status(request, status, code, detail);
    count_request(request);
    exchange->answered = TRUE;
    gsize length = 0;
    const char *body = g_bytes_get_data(request->answer, &length);
    char *text = g_strdup_printf("HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n"
                                 "Content-Length: %" G_GSIZE_FORMAT "\r\nRequest-Id: %s\r\n"
                                 "Connection: close\r\n\r\n%.*s",
                                 status, soup_status_get_phrase(status), length, request->id,
                                 (int)length, body);
    gsize size = strlen(text);
    g_autoptr(YdClient) client = yd_client_ref(exchange->client);
    GIOStream *stream = soup_server_message_steal_connection(exchange->msg); // ends the exchange
    yd_client_give(client, REJECT_SECONDS);
    g_object_set_data_full(G_OBJECT(stream), "yd-text", text, g_free);
    g_output_stream_write_all_async(g_io_stream_get_output_stream(stream), text, size,
                                    G_PRIORITY_DEFAULT, NULL, drained, stream);
}

static void
exchange_free(gpointer data)
{
    YdExchange *exchange = data;
    settle_answer(exchange);
    yd_upload_free(exchange->upload);
    yd_request_free(exchange->request);
    yd_client_unref(exchange->client);
    g_free(exchange);
}

static YdExchange *
exchange_of(SoupServerMessage *msg)
{
    return g_object_get_data(G_OBJECT(msg), "yd-exchange");
}

// The answer was written, or the client went away.
static void
on_finished(SoupServerMessage *msg, gpointer data)
{
    YdExchange *exchange = exchange_of(msg);
    settle_answer(exchange);
    yd_client_idle(exchange->client, exchange->api->config.idle_seconds);
    // libsoup takes an answer without Content-Length for one that ends with the connection.
    if (soup_server_message_get_status(msg) == SOUP_STATUS_NO_CONTENT)
        soup_message_headers_set_encoding(soup_server_message_get_response_headers(msg),
                                          SOUP_ENCODING_CONTENT_LENGTH);
}

static void
on_disconnected(SoupServerMessage *msg, gpointer data)
{
    settle_answer(exchange_of(msg));
}

static gsize
body_limit(const YdExchange *exchange)
{
    const YdApiConfig *config = &exchange->api->config;
    const YdRoute *route = exchange->request->route;
    if (!route || route->body == YD_BODY_JSON)
        return config->max_body;
    return route->body == YD_BODY_CSV ? config->max_import : G_MAXSIZE;
}

static void
on_chunk(SoupServerMessage *msg, GBytes *chunk, gpointer data)
{
    YdExchange *exchange = exchange_of(msg);
    if (!exchange)
        return;
    exchange->received += g_bytes_get_size(chunk);
    if (exchange->upload)
        yd_upload_chunk(exchange, chunk);
    else if (exchange->received > body_limit(exchange))
        yd_exchange_reject(exchange, 413, "too-large", TOO_LARGE);
}

static gboolean
too_long(const YdExchange *exchange)
{
    SoupMessageHeaders *headers = soup_server_message_get_request_headers(exchange->msg);
    return soup_message_headers_get_encoding(headers) == SOUP_ENCODING_CONTENT_LENGTH &&
           (gsize)soup_message_headers_get_content_length(headers) > body_limit(exchange);
}

static void
request_done(YdExchange *exchange)
{
    if (exchange->request->route->stream && exchange->request->status == 200)
        yd_event_hub_open(exchange->api->hub, exchange);
    else
        yd_exchange_answer(exchange);
    soup_server_message_unpause(exchange->msg);
}

// What libsoup answers when it cannot read the head at all; every head that it can read takes this
// away again.
static void
on_started(SoupServer *server, SoupServerMessage *msg, gpointer data)
{
    soup_message_headers_set_content_type(soup_server_message_get_response_headers(msg),
                                          "application/problem+json", NULL);
    soup_message_body_append(soup_server_message_get_response_body(msg), SOUP_MEMORY_STATIC,
                             UNREADABLE, strlen(UNREADABLE));
}

static void
forget_unreadable(SoupServerMessage *msg)
{
    soup_message_headers_remove(soup_server_message_get_response_headers(msg), "Content-Type");
    soup_message_body_truncate(soup_server_message_get_response_body(msg));
}

// A path of the console: answered at once, out of memory.
static void
serve_web(YdExchange *exchange, const char *path)
{
    soup_message_body_set_accumulate(soup_server_message_get_request_body(exchange->msg), FALSE);
    yd_web_answer(exchange->api->web, exchange->msg, path);
    owe_answer(exchange);
    exchange->request->status = soup_server_message_get_status(exchange->msg);
    yd_client_give(exchange->client, exchange->api->config.answer_seconds);
    count_request(exchange->request);
}

static gboolean
is_web(const YdExchange *exchange, const char *path)
{
    const char *method = soup_server_message_get_method(exchange->msg);
    return exchange->api->web && yd_web_serves(path) &&
           (method == SOUP_METHOD_GET || method == SOUP_METHOD_HEAD);
}

// The head was read: find the route, refuse what is refused already.
static void
on_head(SoupServer *server, SoupServerMessage *msg, const char *path, GHashTable *query,
        gpointer data)
{
    YdApi *api = data;
    YdExchange *exchange = g_new0(YdExchange, 1);
    forget_unreadable(msg);
    exchange->api = api;
    exchange->msg = msg;
    exchange->client = yd_client_ref(yd_client_of(soup_server_message_get_remote_address(msg)));
    g_object_set_data_full(G_OBJECT(msg), "yd-exchange", exchange, exchange_free);
    exchange->request = yd_head_read(api, msg, exchange->client);
    g_signal_connect(msg, "got-chunk", G_CALLBACK(on_chunk), NULL);
    g_signal_connect(msg, "finished", G_CALLBACK(on_finished), NULL);
    g_signal_connect(msg, "disconnected", G_CALLBACK(on_disconnected), NULL);
    yd_client_give(exchange->client, api->config.body_seconds);
    gboolean upload = exchange->request->route && exchange->request->route->body == YD_BODY_UPLOAD;
    if (is_web(exchange, path)) {
        serve_web(exchange, path);
    } else if (too_long(exchange) && !upload) {
        yd_exchange_reject(exchange, 413, "too-large", TOO_LARGE);
    } else if (exchange->request->status) { // refused: what comes is thrown away
        soup_message_body_set_accumulate(soup_server_message_get_request_body(msg), FALSE);
        yd_exchange_answer(exchange);
    } else if (upload) {
        yd_upload_start(exchange);
    }
}

// The body was read whole.
static void
on_request(SoupServer *server, SoupServerMessage *msg, const char *path, GHashTable *query,
           gpointer data)
{
    YdExchange *exchange = exchange_of(msg);
    yd_client_give(exchange->client, 0);
    if (exchange->upload) {
        yd_upload_end(exchange);
        return;
    }
    SoupMessageBody *body = soup_server_message_get_request_body(msg);
    exchange->request->body = soup_message_body_flatten(body);
    soup_message_body_truncate(body);
    if (yd_exchange_dispatch(exchange, yd_request_run, request_done))
        soup_server_message_pause(msg);
    else
        yd_exchange_answer(exchange);
}

static void
on_connection(GIOStream *stream, GSocketAddress *local, GSocketAddress *remote, gpointer data)
{
    YdApi *api = data;
    if (!api->stopped)
        soup_server_accept_iostream(api->server, stream, local, remote, NULL);
}

static gboolean
make_lanes(YdApi *api, GError **error)
{
    const guint threads[YD_N_LANES] = {
        [YD_LANE_ACT] = api->config.act_threads,
        [YD_LANE_HASH] = api->config.hash_threads,
        [YD_LANE_CONNECT] = api->config.connect_threads,
    };
    for (guint i = 0; i < YD_N_LANES; i++) {
        api->lanes[i] =
            g_thread_pool_new_full(lane_run, api, task_free, (int)threads[i], FALSE, error);
        if (!api->lanes[i])
            return FALSE;
    }
    return TRUE;
}

// libsoup keeps connections alive only while it listens somewhere itself; our listener is another.
// So it gets one end of a silent socket pair.
static gboolean
keep_alive(YdApi *api, GError **error)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "No socket pair can be made.");
        return FALSE;
    }
    api->silent = ends[1];
    g_autoptr(GSocket) socket = g_socket_new_from_fd(ends[0], error);
    if (!socket)
        close(ends[0]);
    return socket && soup_server_listen_socket(api->server, socket, 0, error);
}

YdApi *
yd_api_new(YdService *service, const YdApiConfig *config, GMainContext *context, GError **error)
{
    g_autoptr(YdApi) api = g_new0(YdApi, 1);
    api->config = *config;
    api->config.socket = g_strdup(config->socket);
    api->config.web = g_strdup(config->web);
    api->service = service;
    api->context = context;
    api->silent = -1;
    if (!make_lanes(api, error) || (config->web && !(api->web = yd_web_new(config->web, error))))
        return NULL;
    api->server = soup_server_new("raw-paths", TRUE, "server-header", "yundesk", NULL);
    if (!keep_alive(api, error))
        return NULL;
    g_signal_connect(api->server, "request-started", G_CALLBACK(on_started), NULL);
    soup_server_add_early_handler(api->server, NULL, on_head, api, NULL);
    soup_server_add_handler(api->server, NULL, on_request, api, NULL);
    api->hub = yd_event_hub_new(api);
    api->listener = yd_listener_new(&api->config, context, on_connection, api, error);
    if (!api->listener)
        return NULL;
    return g_steal_pointer(&api);
}

static gboolean
owes_answers(const YdApi *api)
{
    return api->in_flight > 0 || api->unwritten > 0;
}

void
yd_api_stop(YdApi *api, guint milliseconds)
{
    if (api->stopping)
        return;
    api->stopping = TRUE;
    gboolean busy;
    gint64 until = g_get_monotonic_time() + milliseconds * 1000;
    if (api->listener)
        yd_listener_stop(api->listener);
    g_clear_pointer(&api->hub, yd_event_hub_free);
    // What has been read is answered; those answers end their connections, so this comes to an end.
    while ((busy = g_main_context_iteration(api->context, FALSE)) || owes_answers(api)) {
        if (g_get_monotonic_time() >= until)
            break;
        if (!busy)
            g_usleep(1000);
    }
    if (owes_answers(api))
        return;          // the rest is for yd_api_free
    api->stopped = TRUE; // nothing is read that nobody would answer
    if (api->server)
        soup_server_disconnect(api->server);
}

void
yd_api_free(YdApi *api)
{
    if (!api)
        return;
    yd_api_stop(api, 0);
    for (guint i = 0; i < YD_N_LANES; i++)
        if (api->lanes[i]) // waits for those under way; what has not begun is dropped
            g_thread_pool_free(api->lanes[i], TRUE, TRUE);
    while (api->in_flight > 0 && g_main_context_iteration(api->context, FALSE))
        ;
    if (api->server)
        soup_server_disconnect(api->server);
    g_clear_object(&api->server);
    if (api->silent >= 0)
        close(api->silent);
    yd_listener_free(api->listener);
    yd_web_free(api->web);
    yd_api_config_clear(&api->config);
    g_free(api);
}
