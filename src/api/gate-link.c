// SPDX-License-Identifier: Apache-2.0
// The manager's side of the gate protocol: accepts gates, reads their lines, sends cuts. What the
// lines ask is done in gate-ops.c on threads.
#include "api/gate-link.h"

#include <gio/gio.h>
#include <gio/gunixcredentialsmessage.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>

#include "api/gate-ops.h"
#include "api/gate-ports.h"
#include "api/listener.h"
#include "base/json-util.h"
#include "service/connection.h"
#include "service/gate-call.h"
#include "service/gate-list.h"

#define MAX_LINE (64 * 1024)
#define READ_SIZE (16 * 1024)
#define PORTS_MS 400 // between two looks at the fixed ports: log-ins run out without an event

// One gate's connection. References: the link's list, each read or write under way, each task.
typedef struct {
    YdGateLink *link; // NULL once it is closed
    GSocketConnection *stream;
    GCancellable *cancel;
    guint64 number;
    char *behind; // the name that a remote gate's certificate has; NULL: it is on this host
    char *name;   // NULL before hello; then fixed
    GString *input, *output, *writing;
    guint waiting;        // tasks, and figures in line
    GQueue figures;       // json_t: lines of figures behind the one under way
    gboolean has_figures; // one line of figures is under way
    GHashTable *ports;    // the fixed ports it was told of
    char buffer[READ_SIZE];
} Gate;

struct _YdGateLink {
    YdGateLinkConfig config;
    YdService *service;
    GMainContext *context;
    GSocket *socket;
    GSource *accept_source;
    GThreadPool *pool;
    GPtrArray *gates;
    guint64 last_number;
    GSource *ports_source;
    gboolean ports_busy; // a look at the fixed ports is under way
};

typedef struct {
    YdGateLink *link;
    Gate *gate; // NULL: a look at the fixed ports
    json_t *message;
    gboolean figures; // the gate's next line of figures comes after this one
    char *answer;     // a line; NULL: none
    GHashTable *ports;
} Task;

// A line for one gate, or for all of them.
typedef struct {
    YdGateLink *link;
    char *gate, *line;
} Cut;

// A cut may come while the link ends: this says whether it still lives.
static GMutex live_lock;
static YdGateLink *live;

static void read_more(Gate *gate);
static void write_more(Gate *gate);

static void
gate_clear(gpointer data)
{
    Gate *gate = data;
    g_object_unref(gate->stream);
    g_object_unref(gate->cancel);
    g_free(gate->name);
    g_free(gate->behind);
    g_string_free(gate->input, TRUE);
    g_string_free(gate->output, TRUE);
    g_string_free(gate->writing, TRUE);
    g_queue_clear_full(&gate->figures, (GDestroyNotify)json_decref);
    g_hash_table_unref(gate->ports);
}

static void
gate_unref(gpointer gate)
{
    g_rc_box_release_full(gate, gate_clear);
}

static void
gate_close(Gate *gate, const char *why)
{
    YdGateLink *link = gate->link;
    if (!link)
        return;
    g_message("gate %s: %s", gate->name ? gate->name : "(unnamed)", why);
    gate->link = NULL;
    yd_gate_list_drop(link->service, gate->number);
    g_cancellable_cancel(gate->cancel);
    g_socket_shutdown(g_socket_connection_get_socket(gate->stream), TRUE, TRUE, NULL);
    g_ptr_array_remove_fast(link->gates, gate); // may be the last reference
}

static void
send_line(Gate *gate, const char *line)
{
    if (!gate->link)
        return;
    g_string_append(gate->output, line);
    g_string_append_c(gate->output, '\n');
    if (gate->output->len + gate->writing->len > gate->link->config.max_unsent)
        gate_close(gate, "does not read what it is told, closing");
    else if (gate->writing->len == 0)
        write_more(gate);
}

static void
wrote(GObject *source, GAsyncResult *result, gpointer data)
{
    Gate *gate = data;
    gboolean good = g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result, NULL, NULL);
    g_string_truncate(gate->writing, 0);
    if (!good)
        gate_close(gate, "went away");
    else if (gate->link && gate->output->len)
        write_more(gate);
    gate_unref(gate);
}

static void
write_more(Gate *gate)
{
    GString *next = gate->output;
    gate->output = gate->writing;
    gate->writing = next;
    g_output_stream_write_all_async(g_io_stream_get_output_stream(G_IO_STREAM(gate->stream)),
                                    next->str, next->len, G_PRIORITY_DEFAULT, gate->cancel, wrote,
                                    g_rc_box_acquire(gate));
}

// --- what the lines ask ---

static void
task_free(gpointer data)
{
    Task *task = data;
    if (task->gate)
        gate_unref(task->gate);
    g_clear_pointer(&task->ports, g_hash_table_unref);
    json_decref(task->message);
    g_free(task->answer);
    g_free(task);
}

static void
push_task(YdGateLink *link, Gate *gate, json_t *message, gboolean figures)
{
    Task *task = g_new0(Task, 1);
    task->link = link;
    task->gate = g_rc_box_acquire(gate);
    task->message = message;
    task->figures = figures;
    g_thread_pool_push(link->pool, task, NULL);
}

// Figures of one gate must not overtake each other; a gate that has gone still gets its last ones
// counted.
static void
next_figures(YdGateLink *link, Gate *gate)
{
    json_t *message = link->pool ? g_queue_pop_head(&gate->figures) : NULL;
    gate->has_figures = message != NULL;
    if (message)
        push_task(link, gate, message, TRUE);
}

static void
tell_ports(YdGateLink *link, GHashTable *wanted)
{
    for (guint i = link->gates->len; i > 0; i--) {
        Gate *gate = link->gates->pdata[i - 1];
        if (!gate->name)
            continue;
        g_autoptr(GPtrArray) lines = yd_gate_ports_news(gate->ports, wanted);
        g_rc_box_acquire(gate); // sending may close it
        for (guint k = 0; k < lines->len; k++)
            send_line(gate, lines->pdata[k]);
        gate_unref(gate);
    }
}

static gboolean
look_at_ports(gpointer data)
{
    YdGateLink *link = data;
    if (link->ports_busy || yd_gate_link_count(link) == 0)
        return G_SOURCE_CONTINUE;
    Task *task = g_new0(Task, 1);
    task->link = link;
    link->ports_busy = TRUE;
    g_thread_pool_push(link->pool, task, NULL);
    return G_SOURCE_CONTINUE;
}

static gboolean
task_done(gpointer data)
{
    Task *task = data;
    if (!task->gate) {
        task->link->ports_busy = FALSE;
        if (task->ports)
            tell_ports(task->link, task->ports);
        return G_SOURCE_REMOVE;
    }
    task->gate->waiting--;
    if (task->figures)
        next_figures(task->link, task->gate);
    if (task->answer)
        send_line(task->gate, task->answer);
    return G_SOURCE_REMOVE;
}

static void
task_run(gpointer data, gpointer user_data)
{
    Task *task = data;
    YdGateLink *link = user_data;
    if (task->gate)
        task->answer = yd_gate_op(link->service, task->gate->name, task->message);
    else
        task->ports = yd_gate_ports_wanted(link->service);
    g_main_context_invoke_full(link->context, G_PRIORITY_DEFAULT, task_done, task, task_free);
}

// The gate beside us says for whom it opened this connection, before that one's first line.
static gboolean
is_behind(Gate *gate, json_t *message)
{
    const char *name = json_string_value(json_object_get(message, "gate"));
    if (gate->behind || !name ||
        g_strcmp0(json_string_value(json_object_get(message, "op")), "behind") != 0)
        return FALSE;
    gate->behind = g_strdup(name);
    return TRUE;
}

static gboolean
hello(Gate *gate, json_t *message)
{
    const char *op = json_string_value(json_object_get(message, "op"));
    const char *name = json_string_value(json_object_get(message, "gate"));
    if (g_strcmp0(op, "hello") != 0 || !name || !*name || strlen(name) > 64 ||
        json_integer_value(json_object_get(message, "version")) != 1) {
        gate_close(gate, "did not begin with hello of version 1, closing");
        return FALSE;
    }
    if (gate->behind && strcmp(gate->behind, name) != 0) {
        gate_close(gate, "says another name than its certificate, closing");
        return FALSE;
    }
    gate->name = g_strdup(name);
    g_message("gate %s: connected", gate->name);
    send_line(gate, "{\"op\":\"welcome\"}");
    return TRUE;
}

static gboolean
take_line(Gate *gate, const char *line)
{
    g_autoptr(GError) error = NULL;
    json_t *message = yd_json_parse_object(line, &error);
    if (!message) {
        gate_close(gate, error->message);
        return FALSE;
    }
    if (!gate->name) {
        gboolean good = is_behind(gate, message) || hello(gate, message);
        json_decref(message);
        return good;
    }
    const char *op = json_string_value(json_object_get(message, "op"));
    if (g_strcmp0(op, "gate") == 0) {
        yd_gate_list_put(gate->link->service, gate->number, gate->name, message);
        json_decref(message);
        return TRUE;
    }
    if (g_strcmp0(op, "host") == 0) {
        yd_gate_call_answered(gate->link->service, gate->name, message);
        json_decref(message);
        return TRUE;
    }
    if (gate->waiting >= gate->link->config.max_waiting) {
        json_decref(message);
        gate_close(gate, "asks more than can be answered, closing");
        return FALSE;
    }
    gate->waiting++;
    if (g_strcmp0(op, "stats") != 0) {
        push_task(gate->link, gate, message, FALSE);
    } else {
        g_queue_push_tail(&gate->figures, message);
        if (!gate->has_figures)
            next_figures(gate->link, gate);
    }
    return TRUE;
}

static void
take_lines(Gate *gate)
{
    char *end;
    gsize done = 0;
    while (gate->link &&
           (end = memchr(gate->input->str + done, '\n', gate->input->len - done)) != NULL) {
        *end = '\0';
        char *line = gate->input->str + done;
        done = (gsize)(end - gate->input->str) + 1;
        if (*line && !take_line(gate, line))
            return;
    }
    g_string_erase(gate->input, 0, (gssize)done);
    if (gate->link && gate->input->len > MAX_LINE)
        gate_close(gate, "sent a line of more than 64 KiB, closing");
}

static void
got_bytes(GObject *source, GAsyncResult *result, gpointer data)
{
    Gate *gate = data;
    gssize n = g_input_stream_read_finish(G_INPUT_STREAM(source), result, NULL);
    if (n <= 0) {
        gate_close(gate, "disconnected");
    } else if (gate->link) {
        g_string_append_len(gate->input, gate->buffer, n);
        take_lines(gate);
        if (gate->link)
            read_more(gate);
    }
    gate_unref(gate);
}

static void
read_more(Gate *gate)
{
    g_input_stream_read_async(g_io_stream_get_input_stream(G_IO_STREAM(gate->stream)), gate->buffer,
                              sizeof gate->buffer, G_PRIORITY_DEFAULT, gate->cancel, got_bytes,
                              g_rc_box_acquire(gate));
}

// --- cuts and orders ---

static void
cut_free(gpointer data)
{
    Cut *cut = data;
    g_free(cut->gate);
    g_free(cut->line);
    g_free(cut);
}

static gboolean
send_cut(gpointer data)
{
    Cut *cut = data;
    g_mutex_lock(&live_lock);
    YdGateLink *link = live == cut->link ? cut->link : NULL;
    g_mutex_unlock(&live_lock);
    for (guint i = link ? link->gates->len : 0; i > 0; i--) {
        Gate *gate = link->gates->pdata[i - 1];
        if (gate->name && (!cut->gate || strcmp(cut->gate, gate->name) == 0))
            send_line(gate, cut->line);
    }
    return G_SOURCE_REMOVE;
}

// Takes line. Never sent at once: the caller may hold locks.
static void
post_line(YdGateLink *link, const char *gate, char *line)
{
    Cut *cut = g_new0(Cut, 1);
    cut->link = link;
    cut->gate = g_strdup(gate);
    cut->line = line;
    g_autoptr(GSource) source = g_idle_source_new();
    g_source_set_priority(source, G_PRIORITY_HIGH);
    g_source_set_callback(source, send_cut, cut, cut_free);
    g_source_attach(source, link->context);
}

// On any thread.
static void
on_cut(const char *gate, const char *session, const char *reason, gpointer data)
{
    g_mutex_lock(&live_lock);
    YdGateLink *link = live == data ? data : NULL;
    if (link) {
        json_t *json = json_pack("{s:s, s:s, s:s}", "op", "cut", "session", session, "reason",
                                 reason ? reason : "");
        post_line(link, gate, yd_json_text(json));
        json_decref(json);
    }
    g_mutex_unlock(&live_lock);
}

// On any thread.
static void
on_tell(const char *gate, const char *line, gpointer data)
{
    g_mutex_lock(&live_lock);
    YdGateLink *link = live == data ? data : NULL;
    if (link)
        post_line(link, gate, g_strdup(line));
    g_mutex_unlock(&live_lock);
}

// --- listening ---

static gboolean
may_talk(YdGateLink *link, GSocket *socket)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(g_socket_get_fd(socket), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return FALSE;
    if (peer.uid == 0 || peer.uid == geteuid())
        return TRUE;
    struct passwd *user = link->config.user ? getpwnam(link->config.user) : NULL;
    if (user && user->pw_uid == peer.uid)
        return TRUE;
    g_message("user %u may not talk to the gates' socket, closing", (guint)peer.uid);
    return FALSE;
}

static void
take_socket(YdGateLink *link, GSocket *socket)
{
    if (link->gates->len >= link->config.max_gates) {
        g_message("%u gates are connected, closing a new one ([deskd] max_gates)",
                  link->gates->len);
        return;
    }
    g_socket_set_blocking(socket, FALSE);
    Gate *gate = g_rc_box_new0(Gate);
    gate->link = link;
    gate->number = ++link->last_number;
    gate->stream = g_socket_connection_factory_create_connection(socket);
    gate->cancel = g_cancellable_new();
    gate->ports = yd_gate_ports_told();
    gate->input = g_string_new(NULL);
    gate->output = g_string_new(NULL);
    gate->writing = g_string_new(NULL);
    g_ptr_array_add(link->gates, gate);
    read_more(gate);
}

static gboolean
on_accept(GSocket *server, GIOCondition condition, gpointer data)
{
    YdGateLink *link = data;
    g_autoptr(GSocket) socket = g_socket_accept(server, NULL, NULL);
    if (socket && may_talk(link, socket))
        take_socket(link, socket);
    return G_SOURCE_CONTINUE;
}

void
yd_gate_link_config_init(YdGateLinkConfig *config)
{
    *config = (YdGateLinkConfig){
        .user = g_strdup("yundesk-gate"),
        .max_gates = 32,
        .threads = 4,
        .max_waiting = 1024,
        .max_unsent = 4 * 1024 * 1024,
    };
}

void
yd_gate_link_config_clear(YdGateLinkConfig *config)
{
    g_clear_pointer(&config->socket, g_free);
    g_clear_pointer(&config->user, g_free);
}

YdGateLink *
yd_gate_link_new(YdService *service, const YdGateLinkConfig *config, GMainContext *context,
                 GError **error)
{
    GSocket *socket = yd_listen_unix(config->socket, error);
    if (!socket)
        return NULL;
    YdGateLink *link = g_new0(YdGateLink, 1);
    link->config = *config;
    link->config.socket = g_strdup(config->socket);
    link->config.user = g_strdup(config->user);
    link->service = service;
    link->context = context;
    link->socket = socket;
    link->gates = g_ptr_array_new_with_free_func(gate_unref);
    link->pool =
        g_thread_pool_new_full(task_run, link, task_free, (int)config->threads, FALSE, NULL);
    link->accept_source = g_socket_create_source(socket, G_IO_IN, NULL);
    g_source_set_callback(link->accept_source, G_SOURCE_FUNC(on_accept), link, NULL);
    g_source_attach(link->accept_source, context);
    link->ports_source = g_timeout_source_new(PORTS_MS);
    g_source_set_callback(link->ports_source, look_at_ports, link, NULL);
    g_source_attach(link->ports_source, context);
    g_mutex_lock(&live_lock);
    live = link;
    g_mutex_unlock(&live_lock);
    yd_connection_on_cut(service, on_cut, link);
    yd_gate_list_on_tell(service, on_tell, link);
    return link;
}

void
yd_gate_link_free(YdGateLink *link)
{
    if (!link)
        return;
    g_mutex_lock(&live_lock);
    if (live == link)
        live = NULL;
    g_mutex_unlock(&live_lock);
    g_source_destroy(link->accept_source);
    g_source_unref(link->accept_source);
    g_source_destroy(link->ports_source);
    g_source_unref(link->ports_source);
    g_thread_pool_free(g_steal_pointer(&link->pool), TRUE, TRUE);
    while (link->gates->len > 0)
        gate_close(link->gates->pdata[0], "deskd ends");
    while (g_main_context_iteration(link->context, FALSE)) // cancelled reads and writes end
        ;
    g_ptr_array_unref(link->gates);
    g_socket_close(link->socket, NULL);
    g_object_unref(link->socket);
    g_unlink(link->config.socket);
    yd_gate_link_config_clear(&link->config);
    g_free(link);
}

guint
yd_gate_link_count(YdGateLink *link)
{
    guint count = 0;
    for (guint i = 0; i < link->gates->len; i++)
        count += ((Gate *)link->gates->pdata[i])->name != NULL;
    return count;
}
