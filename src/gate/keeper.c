// SPDX-License-Identifier: Apache-2.0
// One thread that waits for signals and packets of the control socket. Taking over: the new process
// asks for descriptors ("hand-over"), gets everything ready, then says "retire"; until that word
// the old one serves as before, so a new one that fails costs nothing.
#include "gate/keeper.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <errno.h>

#include "base/error.h"
#include "base/json-util.h"
#include "base/log.h"
#include "base/notify.h"
#include "base/pidfile.h"
#include "gate/control.h"
#include "gate/gate.h"
#include "gate/lockdown.h"

#define LEAVING_TICK_MS 200

typedef struct {
    const YdGateKeeperConfig *config;
    YdGate *gate;
    YdGateControl *control;
    YdPidfile *pidfile;
    int signals;        // signalfd
    int orders;         // eventfd: deskd has ordered something
    int both;           // epoll of the two
    gint order;         // atomic: YdGateOrder
    gint order_seconds; // atomic
    gint64 leave_by;    // monotonic, 0: no limit; when the gate does not serve
    guint64 heir;       // control connection that asked for the sockets; 0: none
    gboolean end;

    // While it takes over.
    int predecessor; // control connection, or -1
    int lock;        // the pid file's descriptor, or -1
} Keeper;

typedef enum { ORDER_NONE, ORDER_DRAIN, ORDER_RESUME } YdGateOrder;

void
yd_gate_keeper_signals(sigset_t *ret_signals)
{
    sigemptyset(ret_signals);
    sigaddset(ret_signals, SIGTERM);
    sigaddset(ret_signals, SIGINT);
    sigaddset(ret_signals, SIGHUP);
    sigaddset(ret_signals, SIGUSR1);
}

static char *
control_path(const YdConfig *config)
{
    return yd_config_run_path(config, YD_GATE_CONTROL_NAME);
}

// ---- what it is told ----

static gboolean
reload(Keeper *keeper, GError **error)
{
    g_autoptr(GError) local = NULL;
    if (yd_gate_reload(keeper->gate, &local)) {
        yd_log(G_LOG_LEVEL_MESSAGE, NULL, "certificate and key are read again");
        return TRUE;
    }
    yd_log(G_LOG_LEVEL_WARNING, NULL, "%s; the old certificate stays", local->message);
    g_propagate_prefixed_error(error, g_steal_pointer(&local), "the old certificate stays: ");
    return FALSE;
}

static void
leave(Keeper *keeper, YdGateState state, gint64 seconds)
{
    guint sessions, sockets;
    if (seconds < 0)
        seconds = keeper->config->gate->drain_seconds;
    keeper->leave_by = seconds == 0 ? 0 : g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
    yd_gate_set_state(keeper->gate, state);
    yd_gate_count(keeper->gate, &sessions, &sockets);
    g_autofree char *limit = seconds == 0
                                 ? g_strdup("without a limit")
                                 : g_strdup_printf("for %" G_GINT64_FORMAT " s at most", seconds);
    yd_log(G_LOG_LEVEL_MESSAGE, NULL, "%s: %u sessions with %u sockets are served to their end, %s",
           yd_gate_state_name(state), sessions, sockets, limit);
    yd_notify("STATUS=leaves when its last session has ended");
}

static gboolean
resume(Keeper *keeper, GError **error)
{
    if (yd_gate_state(keeper->gate) == YD_GATE_RETIRING) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "another process has this gate's sockets; it can only end");
        return FALSE;
    }
    yd_gate_set_state(keeper->gate, YD_GATE_SERVING);
    yd_log(G_LOG_LEVEL_MESSAGE, NULL, "takes new sessions again");
    yd_notify("STATUS=serving");
    return TRUE;
}

static json_t *
status(Keeper *keeper)
{
    guint sessions, sockets;
    YdGateTlsCount tls;
    yd_gate_count(keeper->gate, &sessions, &sockets);
    yd_gate_tls_figures(keeper->gate, &tls);
    json_t *answer =
        json_pack("{s:s, s:s, s:i, s:i, s:i, s:b, s:I, s:I, s:I}", "state",
                  yd_gate_state_name(yd_gate_state(keeper->gate)), "version", YD_VERSION, "pid",
                  (int)getpid(), "sessions", (int)sessions, "sockets", (int)sockets, "manager",
                  (int)yd_gate_is_connected(keeper->gate), "accept_failures",
                  (json_int_t)yd_gate_accept_failures(keeper->gate), "tls_handshakes",
                  (json_int_t)tls.handshakes, "tls_in_kernel", (json_int_t)tls.in_kernel);
    if (yd_gate_state(keeper->gate) != YD_GATE_SERVING && keeper->leave_by != 0) {
        gint64 left = (keeper->leave_by - g_get_monotonic_time()) / G_USEC_PER_SEC;
        json_object_set_new(answer, "seconds_left", json_integer(MAX(left, 0)));
    }
    return answer;
}

static json_t *
hand_over(Keeper *keeper, guint64 connection, GArray *fds, GError **error)
{
    const YdGateSockets *sockets = yd_gate_sockets(keeper->gate);
    if (yd_gate_state(keeper->gate) == YD_GATE_RETIRING || keeper->heir != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "another process is taking this gate over");
        return NULL;
    }
    if (sockets->fds->len > YD_GATE_SOCKETS_MAX) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "%u listening sockets are more than can be handed over (%d); it needs a "
                    "restart, with fewer [deskgate] workers=",
                    sockets->fds->len, YD_GATE_SOCKETS_MAX);
        return NULL;
    }
    int lock = yd_pidfile_fd(keeper->pidfile);
    g_array_append_val(fds, lock);
    g_array_append_vals(fds, sockets->fds->data, sockets->fds->len);
    keeper->heir = connection;
    return json_pack("{s:b}", "activated", (int)sockets->activated);
}

static json_t *
retire(Keeper *keeper, guint64 connection, GError **error)
{
    if (keeper->heir != connection) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "\"retire\" comes after \"hand-over\"");
        return NULL;
    }
    yd_pidfile_abandon(g_steal_pointer(&keeper->pidfile));
    leave(keeper, YD_GATE_RETIRING, -1);
    return json_pack("{s:b}", "retired", 1);
}

static json_t *
obey(Keeper *keeper, guint64 connection, const json_t *request, GArray *fds, GError **error)
{
    const char *verb = json_string_value(json_object_get(request, "op"));
    const json_t *limit = json_object_get(request, "seconds");
    gint64 seconds = json_is_integer(limit) ? json_integer_value(limit) : -1;
    if (g_strcmp0(verb, "status") == 0)
        return status(keeper);
    if (g_strcmp0(verb, "reload") == 0)
        return reload(keeper, error) ? status(keeper) : NULL;
    if (g_strcmp0(verb, "hand-over") == 0)
        return hand_over(keeper, connection, fds, error);
    if (g_strcmp0(verb, "retire") == 0)
        return retire(keeper, connection, error);
    if (g_strcmp0(verb, "resume") == 0)
        return resume(keeper, error) ? status(keeper) : NULL;
    if (g_strcmp0(verb, "drain") == 0) {
        // One that retires keeps doing so, only its limit changes.
        leave(keeper, MAX(yd_gate_state(keeper->gate), YD_GATE_DRAINING), seconds);
        return status(keeper);
    }
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "\"%s\" is no verb of the gate",
                verb != NULL ? verb : "");
    return NULL;
}

// A process that asked for the sockets and went without a word has failed.
static void
miss_heir(Keeper *keeper)
{
    g_autoptr(GError) error = NULL;
    keeper->heir = 0;
    if (yd_gate_state(keeper->gate) == YD_GATE_RETIRING)
        return;
    yd_log(G_LOG_LEVEL_WARNING, NULL,
           "the process that was to take over has ended before it was ready; this one goes on");
    if (!yd_gate_control_is_replaced(keeper->control))
        return;
    g_autofree char *path = control_path(keeper->config->config);
    YdGateControl *again = yd_gate_control_new(path, &error);
    if (again == NULL) {
        yd_log(G_LOG_LEVEL_WARNING, NULL, "%s, ignoring", error->message);
        return;
    }
    yd_gate_control_free(keeper->control);
    keeper->control = again;
}

static json_t *
hear(guint64 connection, const json_t *request, GArray *fds, gpointer data)
{
    Keeper *keeper = data;
    g_autoptr(GError) error = NULL;
    if (request == NULL)
        return connection == keeper->heir ? (miss_heir(keeper), NULL) : NULL;
    json_t *answer = obey(keeper, connection, request, fds, &error);
    return answer != NULL ? answer : json_pack("{s:s}", "error", error ? error->message : "failed");
}

static void
take_signal(Keeper *keeper)
{
    struct signalfd_siginfo info;
    if (read(keeper->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT)
        keeper->end = TRUE;
    else if (info.ssi_signo == SIGHUP)
        reload(keeper, NULL);
    else if (info.ssi_signo == SIGUSR1)
        leave(keeper, MAX(yd_gate_state(keeper->gate), YD_GATE_DRAINING), -1);
}

// On the thread of the connection to deskd. The last order counts.
static void
note_order(gboolean drain, gint64 seconds, gpointer data)
{
    Keeper *keeper = data;
    g_atomic_int_set(&keeper->order_seconds, (gint)seconds);
    g_atomic_int_set(&keeper->order, drain ? ORDER_DRAIN : ORDER_RESUME);
    eventfd_write(keeper->orders, 1);
}

// One that retires leaves anyhow: the order is for the process that has its sockets.
static void
take_order(Keeper *keeper)
{
    eventfd_t count;
    if (eventfd_read(keeper->orders, &count) != 0)
        return;
    YdGateOrder order = (YdGateOrder)g_atomic_int_get(&keeper->order);
    YdGateState state = yd_gate_state(keeper->gate);
    if (order == ORDER_DRAIN && state != YD_GATE_RETIRING)
        leave(keeper, YD_GATE_DRAINING, g_atomic_int_get(&keeper->order_seconds));
    else if (order == ORDER_RESUME && state == YD_GATE_DRAINING)
        resume(keeper, NULL);
}

static gboolean
has_left(Keeper *keeper)
{
    if (yd_gate_state(keeper->gate) == YD_GATE_SERVING)
        return FALSE;
    if (yd_gate_is_empty(keeper->gate)) {
        yd_log(G_LOG_LEVEL_MESSAGE, NULL, "the last session has ended");
        return TRUE;
    }
    if (keeper->leave_by == 0 || g_get_monotonic_time() < keeper->leave_by)
        return FALSE;
    yd_log(G_LOG_LEVEL_MESSAGE, NULL, "the time to leave is over; what is left is cut");
    return TRUE;
}

static void
keep(Keeper *keeper)
{
    while (!keeper->end && !has_left(keeper)) {
        gboolean serving = yd_gate_state(keeper->gate) == YD_GATE_SERVING;
        if (yd_gate_control_wait(keeper->control, keeper->both, serving ? -1 : LEAVING_TICK_MS,
                                 hear, keeper)) {
            take_signal(keeper);
            take_order(keeper);
        }
    }
}

// ---- starting ----

static YdGateSockets *
take_sockets_over(Keeper *keeper, GError **error)
{
    g_autofree char *path = control_path(keeper->config->config);
    g_autoptr(YdGateSockets) sockets = yd_gate_sockets_new();
    keeper->predecessor = yd_gate_control_connect(path, error);
    if (keeper->predecessor < 0)
        return NULL;
    g_autoptr(json_t) answer = yd_gate_control_call(
        keeper->predecessor, json_pack("{s:s}", "op", "hand-over"), sockets->fds, error);
    if (answer == NULL)
        return NULL;
    if (sockets->fds->len < 2) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the gate handed over no sockets");
        return NULL;
    }
    keeper->lock = g_array_index(sockets->fds, int, 0);
    g_array_remove_index(sockets->fds, 0);
    sockets->activated = json_is_true(json_object_get(answer, "activated"));
    return g_steal_pointer(&sockets);
}

static YdGateSockets *
find_sockets(Keeper *keeper, const char *pid_path, GError **error)
{
    if (keeper->config->take_over)
        return take_sockets_over(keeper, error);
    keeper->pidfile = yd_pidfile_take(pid_path, error);
    return keeper->pidfile == NULL ? NULL : yd_gate_sockets_from_environment(error);
}

// The old one stops listening only now.
static gboolean
succeed(Keeper *keeper, const char *pid_path, GError **error)
{
    if (!keeper->config->take_over)
        return TRUE;
    g_autoptr(json_t) answer =
        yd_gate_control_call(keeper->predecessor, json_pack("{s:s}", "op", "retire"), NULL, error);
    if (answer == NULL)
        return FALSE;
    close(g_steal_fd(&keeper->predecessor));
    keeper->pidfile = yd_pidfile_adopt(pid_path, g_steal_fd(&keeper->lock), error);
    return keeper->pidfile != NULL;
}

static gboolean
start(Keeper *keeper, const char *pid_path, GError **error)
{
    const YdGateConfig *config = keeper->config->gate;
    g_autoptr(YdGateSockets) sockets = find_sockets(keeper, pid_path, error);
    if (sockets == NULL || !yd_gate_sockets_open(sockets, config->listen, config->workers, error) ||
        !yd_gate_drop_privileges(config->user != NULL ? config->user : "", error))
        return FALSE;
    keeper->gate = yd_gate_new_on(config, &sockets, error);
    if (keeper->gate == NULL)
        return FALSE;
    g_autofree char *path = control_path(keeper->config->config);
    g_autofree char *filter = NULL;
    keeper->control = yd_gate_control_new(path, error);
    if (keeper->control == NULL || !yd_gate_lock_system_calls(config->seccomp, &filter, error) ||
        !succeed(keeper, pid_path, error))
        return FALSE;
    yd_log(G_LOG_LEVEL_MESSAGE, NULL, "%s", filter);
    return TRUE;
}

static void
tell_ready(Keeper *keeper)
{
    const YdGateSockets *sockets = yd_gate_sockets(keeper->gate);
    g_autofree char *where = yd_gate_sockets_describe(sockets);
    g_autofree char *state = g_strdup_printf("READY=1\nMAINPID=%d\nSTATUS=serving", (int)getpid());
    yd_log(G_LOG_LEVEL_MESSAGE, NULL, "listening on %s with %u workers%s", where,
           keeper->config->gate->workers,
           keeper->config->take_over ? "; the former process serves its sessions to their end"
           : sockets->activated      ? ", by sockets of the service manager"
                                     : "");
    yd_notify(state);
    if (keeper->config->ready != NULL)
        keeper->config->ready(keeper->config->ready_data);
}

static void
clear(Keeper *keeper)
{
    if (keeper->gate != NULL)
        yd_gate_on_order(keeper->gate, NULL, NULL);
    yd_gate_control_free(keeper->control);
    yd_gate_free(keeper->gate);
    yd_pidfile_free(keeper->pidfile);
    close(keeper->both);
    close(keeper->orders);
    if (keeper->predecessor >= 0)
        close(keeper->predecessor);
    if (keeper->lock >= 0)
        close(keeper->lock);
    close(keeper->signals);
}

gboolean
yd_gate_keeper_run(const YdGateKeeperConfig *config, GError **error)
{
    Keeper keeper = {.config = config, .predecessor = -1, .lock = -1};
    sigset_t signals;
    g_autofree char *pid_path = yd_config_run_path(config->config, "deskgate.pid");
    yd_gate_keeper_signals(&signals);
    keeper.signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    keeper.orders = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    keeper.both = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event in = {.events = EPOLLIN};
    gboolean started = epoll_ctl(keeper.both, EPOLL_CTL_ADD, keeper.signals, &in) == 0 &&
                       epoll_ctl(keeper.both, EPOLL_CTL_ADD, keeper.orders, &in) == 0;
    if (!started)
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot wait for signals: %s",
                    g_strerror(errno));
    started = started && start(&keeper, pid_path, error);
    if (started) {
        yd_gate_on_order(keeper.gate, note_order, &keeper);
        tell_ready(&keeper);
        keep(&keeper);
        // One that another process has succeeded is not what the service manager watches.
        if (keeper.pidfile != NULL)
            yd_notify("STOPPING=1");
    }
    clear(&keeper);
    return started;
}

// ---- asking ----

char *
yd_gate_keeper_ask(const YdConfig *config, const char *verb, gint64 seconds, GError **error)
{
    g_autofree char *path = control_path(config);
    int fd = yd_gate_control_connect(path, error);
    if (fd < 0)
        return NULL;
    json_t *request = json_pack("{s:s}", "op", verb);
    if (seconds >= 0)
        json_object_set_new(request, "seconds", json_integer(seconds));
    g_autoptr(json_t) answer = yd_gate_control_call(fd, request, NULL, error);
    close(fd);
    if (answer == NULL)
        return NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    const char *name;
    json_t *value;
    json_object_foreach(answer, name, value)
    {
        g_autofree char *number =
            g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
        const char *word = json_is_true(value) ? "yes" : json_is_false(value) ? "no" : number;
        g_string_append_printf(text, "%s: %s\n", name,
                               json_is_string(value) ? json_string_value(value) : word);
    }
    return g_strdup(text->str);
}
