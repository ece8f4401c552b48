// SPDX-License-Identifier: Apache-2.0
// Accepts, runs connections, and looks at the clock for all of them: a few times a second while
// some are young, once a second else, never without connections.
// Listening sockets may be shared with other workers and with another process during an upgrade:
// EPOLLEXCLUSIVE wakes one of them.
#include "gate/worker.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "gate/conn.h"
#include "gate/fixed-ports.h"

#define ACCEPT_BATCH 32
#define YOUNG_TICK_US (G_USEC_PER_SEC / 20)
#define OLD_TICK_US G_USEC_PER_SEC
#define LISTEN_EVENTS (EPOLLIN | EPOLLEXCLUSIVE)

struct YdGateWorker {
    const YdGateParts *parts;
    YdGateLoop *loop;
    YdGatePool *pool;
    YdGateWatch *listeners;
    guint n_listeners;
    YdGatePorts *ports;
    gboolean deaf;     // no descriptor was left: listens again at the next tick
    GHashTable *conns; // serial (in the conn) -> YdGateConn
    guint64 last_serial;
    GQueue soon;     // YdGateConn that want another turn
    GPtrArray *dead; // YdGateConn to be freed
    gint64 next_tick;
    guint holding; // atomic; see yd_gate_worker_holding()
    gboolean stop;
    GThread *thread;
};

// ---- accepting ----

static void
listen_again(YdGateWorker *worker)
{
    for (guint i = 0; i < worker->n_listeners; i++)
        if (!worker->stop && worker->listeners[i].fd >= 0)
            yd_gate_loop_watch(worker->loop, &worker->listeners[i], LISTEN_EVENTS, NULL);
    worker->deaf = FALSE;
}

static void
stop_listening(YdGateWorker *worker)
{
    for (guint i = 0; i < worker->n_listeners; i++)
        yd_gate_loop_unwatch(worker->loop, &worker->listeners[i]);
}

// The sockets themselves live on in another process, or end here.
static void
close_listeners(YdGateWorker *worker)
{
    stop_listening(worker);
    for (guint i = 0; i < worker->n_listeners; i++) {
        if (worker->listeners[i].fd >= 0)
            close(worker->listeners[i].fd);
        worker->listeners[i].fd = -1;
    }
}

// NULL: a limit is reached; fd is closed.
static YdGateConn *
welcome(YdGateWorker *worker, int fd, const struct sockaddr_storage *address, guint16 fixed_port)
{
    const char *limit = NULL;
    YdThrottleKey key = {0}; // of nobody, until the proxy has said for whom it comes
    if (!yd_gate_conn_is_proxy(worker->parts->config, address))
        key = yd_throttle_key((const struct sockaddr *)address);
    if (!yd_throttle_enter(worker->parts->throttle, &key, g_get_monotonic_time(), &limit)) {
        g_debug("a socket is closed at once: [deskgate] %s is reached", limit);
        close(fd);
        return NULL;
    }
    YdGateConn *conn =
        yd_gate_conn_new(worker, ++worker->last_serial, fd, address, &key, fixed_port);
    g_hash_table_insert(worker->conns, (gpointer)yd_gate_conn_serial(conn), conn);
    worker->next_tick = MIN(worker->next_tick, g_get_monotonic_time() + YOUNG_TICK_US);
    return conn;
}

// The first bytes are often here already.
static void
greet(YdGateConn *conn)
{
    if (conn != NULL)
        yd_gate_conn_run(conn);
}

static void
say(char *line)
{
    if (line != NULL)
        yd_log(G_LOG_LEVEL_MESSAGE, NULL, "%s", line);
    g_free(line);
}

// No descriptor is left: who comes waits in the kernel's queue until the next tick.
static void
go_deaf(YdGateWorker *worker, int trouble)
{
    gint64 now = g_get_monotonic_time();
    say(yd_gate_shortage_note(worker->parts->shortage, trouble, now));
    stop_listening(worker);
    worker->deaf = TRUE;
    worker->next_tick = now + YOUNG_TICK_US;
}

static void
accept_some(YdGateWatch *watch, guint32 events)
{
    YdGateWorker *worker = watch->owner;
    for (guint i = 0; i < ACCEPT_BATCH; i++) {
        struct sockaddr_storage address;
        socklen_t len = sizeof address;
        int fd =
            accept4(watch->fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            greet(welcome(worker, fd, &address, 0));
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            go_deaf(worker, errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
    }
}

static void
accept_at_port(int fd, const struct sockaddr_storage *address, guint16 fixed_port, gpointer data)
{
    greet(welcome(data, fd, address, fixed_port));
}

// ---- the rounds ----

static void
tick(YdGateWorker *worker, gint64 now)
{
    gboolean young = FALSE;
    GHashTableIter iter;
    gpointer value;
    if (worker->deaf)
        listen_again(worker);
    say(yd_gate_shortage_check(worker->parts->shortage, now));
    yd_gate_ports_tick(worker->ports);
    g_hash_table_iter_init(&iter, worker->conns);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        young = yd_gate_conn_tick(value, now) || young;
    worker->next_tick = now + (young ? YOUNG_TICK_US : OLD_TICK_US);
}

// For a gate that wants to leave.
static void
count_holding(YdGateWorker *worker, gint64 now)
{
    YdGateState state = yd_gate_worker_state(worker);
    guint n = 0;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, worker->conns);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        n += yd_gate_conn_holds(value, state, now) ? 1 : 0;
    g_atomic_int_set(&worker->holding, n);
}

static void
run_those_waiting(YdGateWorker *worker)
{
    // Those that ask again meanwhile come in the next round.
    for (guint n = worker->soon.length; n > 0; n--) {
        YdGateConn *conn = g_queue_pop_head(&worker->soon);
        if (conn == NULL)
            return;
        yd_gate_conn_take_turn(conn);
    }
}

static void
free_dead(YdGateWorker *worker)
{
    for (guint i = 0; i < worker->dead->len; i++) {
        YdGateConn *conn = worker->dead->pdata[i];
        g_queue_remove_all(&worker->soon, conn);
        g_hash_table_remove(worker->conns, yd_gate_conn_serial(conn));
    }
    g_ptr_array_set_size(worker->dead, 0);
    yd_gate_ports_tidy(worker->ports);
}

static int
wait_ms(YdGateWorker *worker)
{
    if (worker->soon.length > 0)
        return 0;
    if (g_hash_table_size(worker->conns) == 0 && !worker->deaf &&
        !yd_gate_shortage_lasts(worker->parts->shortage) && !yd_gate_ports_waiting(worker->ports))
        return -1;
    gint64 left = worker->next_tick - g_get_monotonic_time();
    return (int)(MAX(left, 0) / 1000) + 1;
}

static void
close_all(YdGateWorker *worker)
{
    GHashTableIter iter;
    gpointer value;
    yd_gate_ports_close_all(worker->ports);
    close_listeners(worker);
    g_hash_table_iter_init(&iter, worker->conns);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        yd_gate_conn_close(value, "the gate ends");
    free_dead(worker);
}

static gpointer
run(gpointer data)
{
    YdGateWorker *worker = data;
    // Signals are main()'s; SIGPIPE of splice() and OpenSSL shows as EPIPE then.
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (!worker->stop) {
        yd_gate_loop_run(worker->loop, wait_ms(worker));
        run_those_waiting(worker);
        gint64 now = g_get_monotonic_time();
        gboolean ticked = now >= worker->next_tick;
        if (ticked)
            tick(worker, now);
        free_dead(worker);
        if (yd_gate_worker_state(worker) != YD_GATE_SERVING &&
            (ticked || g_hash_table_size(worker->conns) == 0)) {
            count_holding(worker, now);
            free_dead(worker);
        }
    }
    close_all(worker);
    return NULL;
}

// ---- posted calls ----

typedef struct {
    YdGateWorker *worker;
    char *session;
    char *reason;
} Cut;

static void
cut_free(gpointer data)
{
    Cut *cut = data;
    g_free(cut->session);
    g_free(cut->reason);
    g_free(cut);
}

static void
cut_run(gpointer data)
{
    const Cut *cut = data;
    GHashTableIter iter;
    gpointer value;
    g_hash_table_iter_init(&iter, cut->worker->conns);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (g_strcmp0(yd_gate_conn_session(value), cut->session) == 0)
            yd_gate_conn_close(value, cut->reason);
}

typedef struct {
    YdGateWorker *worker;
    guint16 port;
    char **sources;
} Port;

static void
port_free(gpointer data)
{
    Port *port = data;
    g_strfreev(port->sources);
    g_free(port);
}

static void
port_run(gpointer data)
{
    const Port *port = data;
    if (port->port == 0 || yd_gate_worker_state(port->worker) == YD_GATE_RETIRING)
        yd_gate_ports_close_all(port->worker->ports);
    else
        yd_gate_ports_set(port->worker->ports, port->port, (const char *const *)port->sources);
    port->worker->next_tick = MIN(port->worker->next_tick, g_get_monotonic_time() + OLD_TICK_US);
}

typedef struct {
    YdGateWorker *worker;
    int fd;
} Link;

static void
link_free(gpointer data)
{
    Link *link = data;
    if (link->fd >= 0)
        close(link->fd);
    g_free(link);
}

static void
link_run(gpointer data)
{
    Link *link = data;
    const struct sockaddr_storage nowhere = {0};
    YdGateConn *conn = welcome(link->worker, g_steal_fd(&link->fd), &nowhere, 0);
    if (conn != NULL)
        yd_gate_conn_link(conn);
}

static void
state_run(gpointer data)
{
    YdGateWorker *worker = data;
    if (yd_gate_worker_state(worker) == YD_GATE_RETIRING) {
        close_listeners(worker);
        yd_gate_ports_close_all(worker->ports);
    }
    worker->next_tick = 0; // counts what holds it
}

static void
stop_run(gpointer data)
{
    ((YdGateWorker *)data)->stop = TRUE;
}

// ---- public ----

static void
conn_free(gpointer conn)
{
    yd_gate_conn_free(conn);
}

YdGateWorker *
yd_gate_worker_new(const YdGateParts *parts, int *fds, guint n_fds, GError **error)
{
    g_autoptr(YdGateWorker) worker = g_new0(YdGateWorker, 1);
    worker->parts = parts;
    worker->pool = yd_gate_pool_new();
    worker->conns = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, conn_free);
    worker->dead = g_ptr_array_new();
    worker->listeners = g_new0(YdGateWatch, n_fds);
    g_queue_init(&worker->soon);
    for (guint i = 0; i < n_fds; i++)
        worker->listeners[i] =
            (YdGateWatch){.fd = g_steal_fd(&fds[i]), .ready = accept_some, .owner = worker};
    worker->n_listeners = n_fds;
    worker->loop = yd_gate_loop_new(error);
    if (worker->loop == NULL)
        return NULL;
    worker->ports = yd_gate_ports_new(parts->config, worker->loop, accept_at_port, worker);
    for (guint i = 0; i < n_fds; i++)
        if (!yd_gate_loop_watch(worker->loop, &worker->listeners[i], LISTEN_EVENTS, error))
            return NULL;
    return g_steal_pointer(&worker);
}

void
yd_gate_worker_start(YdGateWorker *worker)
{
    worker->thread = g_thread_new("gate-worker", run, worker);
}

void
yd_gate_worker_cut(YdGateWorker *worker, const char *session, const char *reason)
{
    Cut *cut = g_new(Cut, 1);
    *cut = (Cut){worker, g_strdup(session), g_strdup(reason)};
    yd_gate_loop_post(worker->loop, cut_run, cut, cut_free);
}

void
yd_gate_worker_port(YdGateWorker *worker, guint16 port, const char *const *sources)
{
    Port *p = g_new(Port, 1);
    *p = (Port){worker, port, g_strdupv((char **)sources)};
    yd_gate_loop_post(worker->loop, port_run, p, port_free);
}

void
yd_gate_worker_link(YdGateWorker *worker, int fd)
{
    Link *link = g_new(Link, 1);
    *link = (Link){worker, fd};
    yd_gate_loop_post(worker->loop, link_run, link, link_free);
}

void
yd_gate_worker_state_changed(YdGateWorker *worker)
{
    g_atomic_int_set(&worker->holding, G_MAXUINT);
    yd_gate_loop_post(worker->loop, state_run, worker, NULL);
}

guint
yd_gate_worker_holding(YdGateWorker *worker)
{
    return (guint)g_atomic_int_get(&worker->holding);
}

void
yd_gate_worker_stop(YdGateWorker *worker)
{
    if (worker->thread == NULL)
        return;
    yd_gate_loop_post(worker->loop, stop_run, worker, NULL);
    g_thread_join(g_steal_pointer(&worker->thread));
}

void
yd_gate_worker_free(YdGateWorker *worker)
{
    if (worker == NULL)
        return;
    yd_gate_worker_stop(worker);
    yd_gate_ports_free(worker->ports);
    close_listeners(worker);
    yd_gate_loop_free(worker->loop);
    g_hash_table_unref(worker->conns);
    g_ptr_array_unref(worker->dead);
    g_queue_clear(&worker->soon);
    yd_gate_pool_free(worker->pool);
    g_free(worker->listeners);
    g_free(worker);
}

YdGateLoop *
yd_gate_worker_loop(YdGateWorker *worker)
{
    return worker->loop;
}

YdGatePool *
yd_gate_worker_pool(YdGateWorker *worker)
{
    return worker->pool;
}

const YdGateParts *
yd_gate_worker_parts(YdGateWorker *worker)
{
    return worker->parts;
}

YdGateState
yd_gate_worker_state(YdGateWorker *worker)
{
    return (YdGateState)g_atomic_int_get(&worker->parts->state);
}

YdGateConn *
yd_gate_worker_find(YdGateWorker *worker, guint64 serial)
{
    return g_hash_table_lookup(worker->conns, &serial);
}

void
yd_gate_worker_run_soon(YdGateWorker *worker, YdGateConn *conn)
{
    g_queue_push_tail(&worker->soon, conn);
}

void
yd_gate_worker_bury(YdGateWorker *worker, YdGateConn *conn)
{
    g_ptr_array_add(worker->dead, conn);
}
