// SPDX-License-Identifier: Apache-2.0
// Real deskgate processes that drain, are replaced while bytes flow, lose their manager, and get
// their sockets from a service manager. deskd and the guests are this process's.
#include <fcntl.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <jansson.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../wait-for.h"
#include "fake-deskd.h"
#include "gate-client.h"

#define RDP_TICKET "rdp-0000000000000000000000000000000000000ab"
#define SPICE_TICKET "spice-00000000000000000000000000000000000ab"
#define CONSOLE_TICKET "vnc-0000000000000000000000000000000000000ab"
#define LATE_TICKET "late-000000000000000000000000000000000000ab"

typedef struct {
    char *dir, *config;
    int notify;
    guint16 port;
    FakeDeskd *deskd;
    FakeServer *guest;
    GPtrArray *processes; // GSubprocess
} Fixture;

static char *
path(Fixture *f, const char *name)
{
    return g_build_filename(f->dir, name, NULL);
}

static void
write_config(Fixture *f, const char *more)
{
    g_autofree char *text =
        g_strdup_printf("[paths]\nstate=%s\nrun=%s\n[deskgate]\nlisten=127.0.0.1:%u\nworkers=2\n"
                        "user=root\nredeem_seconds=3\n%s\n",
                        f->dir, f->dir, f->port, more);
    g_assert_true(g_file_set_contents(f->config, text, -1, NULL));
}

static void
start_deskd(Fixture *f)
{
    g_autofree char *guest = fake_server_target(f->guest);
    f->deskd = fake_deskd_new(f->dir);
    fake_deskd_ticket(f->deskd, RDP_TICKET, "rdp", "con-rdp", guest);
    fake_deskd_ticket(f->deskd, SPICE_TICKET, "spice", "con-spice", guest);
    fake_deskd_ticket(f->deskd, CONSOLE_TICKET, "console", "con-vnc", guest);
    fake_deskd_ticket(f->deskd, LATE_TICKET, "rdp", "con-late", guest);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("gate-ops-XXXXXX", NULL);
    f->config = path(f, "yundesk.conf");
    f->processes = g_ptr_array_new_with_free_func(g_object_unref);
    g_autofree char *keys = path(f, "keys");
    g_autofree char *certificate = path(f, "keys/gate.pem"), *key = path(f, "keys/gate.key");
    g_assert_cmpint(g_mkdir(keys, 0700), ==, 0);
    gate_client_make_certificate(certificate, key);
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    g_snprintf(un.sun_path, sizeof un.sun_path, "%s/notify", f->dir);
    f->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(f->notify, (struct sockaddr *)&un, sizeof un), ==, 0);
    const struct timeval patience = {.tv_sec = 30};
    setsockopt(f->notify, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    f->port = g_socket_listener_add_any_inet_port(listener, NULL, NULL);
    g_socket_listener_close(listener);
    f->guest = fake_server_tcp(fake_echo, NULL);
    start_deskd(f);
    write_config(f, "");
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    static const char *const names[] = {"keys/gate.pem", "keys/gate.key", "keys",
                                        "yundesk.conf",  "notify",        NULL};
    fake_deskd_free(f->deskd);
    fake_server_free(f->guest);
    for (guint i = 0; names[i] != NULL; i++) {
        g_autofree char *name = path(f, names[i]);
        g_remove(name);
    }
    close(f->notify);
    g_ptr_array_unref(f->processes);
    // Nothing is left behind: no pid file, no socket.
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f->config);
}

// A test that fails leaves no process behind.
static void
die_with_us(gpointer data)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static GSubprocessLauncher *
launcher_new(Fixture *f)
{
    g_autofree char *notify = path(f, "notify");
    GSubprocessLauncher *launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_subprocess_launcher_set_child_setup(launcher, die_with_us, NULL, NULL);
    g_subprocess_launcher_setenv(launcher, "NOTIFY_SOCKET", notify, TRUE);
    g_subprocess_launcher_unsetenv(launcher, "G_DEBUG");
    return launcher;
}

static char *
program(void)
{
    return g_build_filename(g_getenv("YD_BUILD"), "src", "deskgate", "deskgate", NULL);
}

static GSubprocess *
spawn(Fixture *f, const char *command)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *deskgate = program();
    g_autoptr(GSubprocessLauncher) launcher = launcher_new(f);
    GSubprocess *process = g_subprocess_launcher_spawn(launcher, &error, deskgate, "--config",
                                                       f->config, command, NULL);
    g_assert_no_error(error);
    g_ptr_array_add(f->processes, process);
    return process;
}

static void
expect_ready(Fixture *f, GSubprocess *process)
{
    char told[128] = "";
    do {
        memset(told, 0, sizeof told);
        if (recv(f->notify, told, sizeof told - 1, 0) > 0)
            continue;
        g_autofree char *log = NULL;
        g_subprocess_force_exit(process);
        g_subprocess_communicate_utf8(process, NULL, NULL, NULL, &log, NULL);
        g_error("deskgate does not become ready, log:\n%s", log);
    } while (!g_str_has_prefix(told, "READY=1\n"));
}

static GSubprocess *
start(Fixture *f, const char *command)
{
    GSubprocess *process = spawn(f, command);
    expect_ready(f, process);
    return process;
}

// Waits for its end and returns what it logged; owned by the caller.
static char *
log_of(GSubprocess *process, int status)
{
    char *text = NULL;
    g_assert_true(g_subprocess_communicate_utf8(process, NULL, NULL, NULL, &text, NULL));
    g_assert_true(g_subprocess_get_if_exited(process));
    if (g_subprocess_get_exit_status(process) != status)
        g_error("status %d, log:\n%s", g_subprocess_get_exit_status(process), text);
    return text;
}

static void
finish(GSubprocess *process)
{
    g_subprocess_send_signal(process, SIGTERM);
    g_free(log_of(process, 0));
}

// Runs "deskgate COMMAND WORD" to its end; returns its output.
static char *
ask(Fixture *f, const char *command, const char *word, int status)
{
    g_autofree char *deskgate = program();
    g_autofree char *out = NULL, *err = NULL;
    const char *argv[] = {deskgate, "--config", f->config, command, word, NULL};
    g_autoptr(GSubprocess) process = g_subprocess_newv(
        argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE, NULL);
    g_assert_true(g_subprocess_communicate_utf8(process, NULL, NULL, &out, &err, NULL));
    if (g_subprocess_get_exit_status(process) != status)
        g_error("deskgate %s: %d\n%s", command, g_subprocess_get_exit_status(process), err);
    return g_strconcat(out, err, NULL);
}

// ---- clients ----

static GateClient *
rdp_connect(Fixture *f, const char *ticket)
{
    g_autoptr(GByteArray) request = gate_client_rdp_request(ticket);
    g_autoptr(GByteArray) bare = gate_client_rdp_request(NULL);
    GateClient *client = gate_client_new(f->port, FALSE);
    gate_client_send(client, request->data, request->len);
    gate_client_expect(client, bare->data, bare->len);
    return client;
}

static void
rdp_expect_refusal(Fixture *f, const char *ticket)
{
    static const guint8 refusal[] = {3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34,
                                     0, 3, 0, 8,  0,  4,    0, 0, 0};
    g_autoptr(GByteArray) request = gate_client_rdp_request(ticket);
    g_autoptr(GateClient) client = gate_client_new(f->port, FALSE);
    gate_client_send(client, request->data, request->len);
    gate_client_expect(client, refusal, sizeof refusal);
    gate_client_expect_end(client);
}

static GateClient *
spice_ask(Fixture *f)
{
    g_autofree char *login =
        g_base64_encode((const guint8 *)"ticket:" SPICE_TICKET, strlen("ticket:" SPICE_TICKET));
    g_autofree char *head = g_strdup_printf(
        "CONNECT desktop:5900 HTTP/1.0\r\nProxy-Authorization: Basic %s\r\n\r\n", login);
    GateClient *client = gate_client_new(f->port, FALSE);
    gate_client_text(client, head);
    return client;
}

static GateClient *
spice_connect(Fixture *f)
{
    static const char established[] = "HTTP/1.0 200 Connection established\r\n\r\n";
    GateClient *client = spice_ask(f);
    gate_client_expect(client, established, strlen(established));
    return client;
}

#define UPGRADE                                                                                    \
    "Host: desk\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                                  \
    "Origin: https://desk\r\nSec-WebSocket-Version: 13\r\n"                                        \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

static GateClient *
console_connect(Fixture *f)
{
    GateClient *client = gate_client_new(f->port, TRUE);
    g_autoptr(GString) head = g_string_new(NULL);
    gate_client_text(client, "GET /connect/console?ticket=" CONSOLE_TICKET " HTTP/1.1\r\n" UPGRADE);
    for (char c; !g_str_has_suffix(head->str, "\r\n\r\n"); g_string_append_c(head, c))
        g_assert_cmpint(gate_client_read(client, &c, 1), ==, 1);
    g_assert_true(g_str_has_prefix(head->str, "HTTP/1.1 101 "));
    return client;
}

static char *
https_get(Fixture *f, const char *where)
{
    g_autofree char *head = g_strdup_printf("GET %s HTTP/1.1\r\nHost: desk\r\n\r\n", where);
    g_autoptr(GateClient) client = gate_client_new(f->port, TRUE);
    gate_client_text(client, head);
    char *answer = gate_client_answer(client);
    g_assert_nonnull(answer);
    return answer;
}

// ---- a stream that must not lose a byte ----

typedef struct {
    GateClient *client;
    gboolean frames; // a WebSocket
    gint stop;       // atomic
    gint rounds;     // atomic
    GThread *thread;
} Stream;

#define PIECE 100

static void
send_piece(Stream *stream, const guint8 *piece)
{
    guint8 frame[6 + PIECE] = {0x82, 0x80 | PIECE}; // masked with zeros
    memcpy(frame + 6, piece, PIECE);
    if (stream->frames)
        gate_client_send(stream->client, frame, sizeof frame);
    else
        gate_client_send(stream->client, piece, PIECE);
}

static void
read_all(GateClient *client, guint8 *data, gsize len)
{
    for (gsize at = 0; at < len;) {
        gssize n = gate_client_read(client, data + at, len - at);
        g_assert_cmpint(n, >, 0);
        at += (gsize)n;
    }
}

static void
read_piece(Stream *stream, guint8 *piece)
{
    guint8 head[2];
    gsize at = 0;
    if (!stream->frames) {
        read_all(stream->client, piece, PIECE);
        return;
    }
    while (at < PIECE) {
        read_all(stream->client, head, sizeof head);
        g_assert_cmpuint(head[0] & 0x0f, ==, 2);
        g_assert_cmpuint(head[1], <=, PIECE - at);
        read_all(stream->client, piece + at, head[1]);
        at += head[1];
    }
}

static gpointer
run_stream(gpointer data)
{
    Stream *stream = data;
    guint8 sent[PIECE], back[PIECE];
    for (guint round = 0; !g_atomic_int_get(&stream->stop); round++) {
        for (guint i = 0; i < PIECE; i++)
            sent[i] = (guint8)(round * 31 + i);
        send_piece(stream, sent);
        read_piece(stream, back);
        g_assert_cmpmem(sent, PIECE, back, PIECE);
        g_atomic_int_inc(&stream->rounds);
    }
    return NULL;
}

static void
stream_start(Stream *stream, GateClient *client, gboolean frames)
{
    *stream = (Stream){.client = client, .frames = frames};
    stream->thread = g_thread_new("stream", run_stream, stream);
}

static void
stream_stop(Stream *stream)
{
    g_atomic_int_set(&stream->stop, TRUE);
    g_thread_join(stream->thread);
    gate_client_free(stream->client);
}

static void
expect_progress(Stream *streams, guint n)
{
    for (guint i = 0; i < n; i++) {
        gint before = g_atomic_int_get(&streams[i].rounds);
        WAIT_FOR(g_atomic_int_get(&streams[i].rounds) > before + 3);
    }
}

// Connects again and again, and counts; a refused one stops the test.
typedef struct {
    Fixture *f;
    gint stop, done;
} Knocker;

static gpointer
knock(gpointer data)
{
    Knocker *knocker = data;
    while (!g_atomic_int_get(&knocker->stop)) {
        g_autoptr(GateClient) client = rdp_connect(knocker->f, LATE_TICKET);
        gate_client_text(client, "x");
        gate_client_expect(client, "x", 1);
        g_atomic_int_inc(&knocker->done);
    }
    return NULL;
}

// ---- tests ----

static guint
count_in_status(GSubprocess *process, const char *line)
{
    g_autofree char *folder =
        g_strdup_printf("/proc/%s/task", g_subprocess_get_identifier(process));
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    guint n = 0;
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        g_autofree char *file = g_build_filename(folder, name, "status", NULL);
        g_autofree char *text = NULL;
        g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
        n += strstr(text, line) != NULL ? 0 : 1;
    }
    return n;
}

// All protocols through the filter, on every thread.
static void
test_filter(Fixture *f, gconstpointer data)
{
    GSubprocess *gate = start(f, NULL);
    Stream streams[3];
    stream_start(&streams[0], rdp_connect(f, RDP_TICKET), FALSE);
    stream_start(&streams[1], spice_connect(f), FALSE);
    stream_start(&streams[2], console_connect(f), TRUE);
    expect_progress(streams, 3);
    g_autofree char *answer = https_get(f, "/big/100000");
    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 200 "));
    g_assert_cmpuint(count_in_status(gate, "NoNewPrivs:\t1"), ==, 0);
    guint unfiltered = count_in_status(gate, "Seccomp:\t2");
    for (guint i = 0; i < 3; i++)
        stream_stop(&streams[i]);
    g_subprocess_send_signal(gate, SIGTERM);
    g_autofree char *text = log_of(gate, 0);
    if (strstr(text, "has a sanitizer") == NULL)
        g_assert_cmpuint(unfiltered, ==, 0);
}

static void
test_drain(Fixture *f, gconstpointer data)
{
    GSubprocess *gate = start(f, NULL);
    Stream stream;
    stream_start(&stream, spice_connect(f), FALSE);
    g_autofree char *told = ask(f, "drain", "10min", 0);
    g_assert_nonnull(strstr(told, "state: draining"));
    g_assert_nonnull(strstr(told, "sessions: 1"));
    // New ones are refused in their own language, and a load balancer hears it.
    rdp_expect_refusal(f, RDP_TICKET);
    g_autofree char *ready = https_get(f, "/readyz");
    g_assert_true(g_str_has_prefix(ready, "HTTP/1.1 503 "));
    g_assert_nonnull(strstr(ready, "\"code\":\"draining\""));
    g_autofree char *console = https_get(f, "/healthz");
    g_assert_true(g_str_has_prefix(console, "HTTP/1.1 200 "));
    // The live session goes on and may open another channel.
    g_autoptr(GateClient) channel = spice_connect(f);
    expect_progress(&stream, 1);
    // Back, and for good.
    g_free(ask(f, "resume", NULL, 0));
    g_autoptr(GateClient) rdp = rdp_connect(f, RDP_TICKET);
    g_subprocess_send_signal(gate, SIGUSR1);
    g_clear_pointer(&rdp, gate_client_free);
    g_clear_pointer(&channel, gate_client_free);
    expect_progress(&stream, 1);
    stream_stop(&stream);
    g_autofree char *text = log_of(gate, 0);
    g_assert_nonnull(strstr(text, "the last session has ended"));
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-spice") == 0);
}

// The line of a JSON log with that event; owned by the caller.
static json_t *
find_event(const char *text, const char *event)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i] != NULL; i++) {
        json_t *line = *lines[i] != '\0' ? json_loads(lines[i], 0, NULL) : NULL;
        g_assert_true(*lines[i] == '\0' || line != NULL); // nothing but JSON
        if (g_strcmp0(json_string_value(json_object_get(line, "event")), event) == 0)
            return line;
        json_decref(line);
    }
    g_error("no %s in\n%s", event, text);
}

static void
expect_text(const json_t *line, const char *name, const char *value)
{
    g_assert_cmpstr(json_string_value(json_object_get(line, name)), ==, value);
}

static void
expect_log(const char *text)
{
    json_t *begin = find_event(text, "session-begin"), *end = find_event(text, "session-end");
    expect_text(begin, "session", "con-rdp");
    expect_text(begin, "user", "ann");
    expect_text(begin, "protocol", "rdp");
    expect_text(begin, "address", "127.0.0.1");
    expect_text(end, "session", "con-rdp");
    expect_text(end, "user", "ann");
    expect_text(end, "program", "deskgate");
    expect_text(end, "reason", "the gate ends");
    g_assert_cmpint(json_integer_value(json_object_get(end, "bytes_up")), ==, 19);
    g_assert_cmpint(json_integer_value(json_object_get(end, "bytes_down")), ==, 19);
    g_assert_cmpint(json_integer_value(json_object_get(end, "milliseconds")), >, 500);
    json_decref(begin);
    json_decref(end);
}

static void
test_drain_limit(Fixture *f, gconstpointer data)
{
    write_config(f, "drain_time=1s\nlog=json");
    GSubprocess *gate = start(f, NULL);
    g_autoptr(GateClient) rdp = rdp_connect(f, RDP_TICKET);
    g_subprocess_send_signal(gate, SIGUSR1);
    g_autofree char *text = log_of(gate, 0);
    g_assert_nonnull(strstr(text, "the time to leave is over"));
    expect_log(text);
    gate_client_expect_end(rdp);
}

static void
test_upgrade(Fixture *f, gconstpointer data)
{
    GSubprocess *old = start(f, NULL);
    Stream streams[3];
    Knocker knocker = {f};
    stream_start(&streams[0], rdp_connect(f, RDP_TICKET), FALSE);
    stream_start(&streams[1], spice_connect(f), FALSE);
    stream_start(&streams[2], console_connect(f), TRUE);
    GThread *knocking = g_thread_new("knock", knock, &knocker);
    WAIT_FOR(g_atomic_int_get(&knocker.done) > 3);
    // Another number of workers, too.
    write_config(f, "workers=3");
    GSubprocess *young = start(f, "takeover");
    gint before = g_atomic_int_get(&knocker.done);
    WAIT_FOR(g_atomic_int_get(&knocker.done) > before + 10);
    expect_progress(streams, 3);
    g_atomic_int_set(&knocker.stop, TRUE);
    g_thread_join(knocking);
    WAIT_FOR(fake_deskd_gates(f->deskd) == 2);
    g_autofree char *status = ask(f, "status", NULL, 0);
    g_autofree char *pid = g_strdup_printf("pid: %s\n", g_subprocess_get_identifier(young));
    g_assert_nonnull(strstr(status, pid));
    // A session of each process is cut by deskd within a second.
    g_autoptr(GateClient) late = rdp_connect(f, LATE_TICKET);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-late") == 1);
    g_atomic_int_set(&streams[0].stop, TRUE);
    g_thread_join(streams[0].thread);
    gint64 began = g_get_monotonic_time();
    fake_deskd_cut(f->deskd, "con-rdp");
    fake_deskd_cut(f->deskd, "con-late");
    gate_client_expect_end(streams[0].client);
    gate_client_expect_end(late);
    g_assert_cmpint(g_get_monotonic_time() - began, <, G_USEC_PER_SEC);
    gate_client_free(streams[0].client);
    // Statistics of the old one still arrive; it leaves with its last session.
    gint64 bytes = fake_deskd_bytes_up(f->deskd, "con-spice");
    WAIT_FOR(fake_deskd_bytes_up(f->deskd, "con-spice") > bytes);
    stream_stop(&streams[1]);
    stream_stop(&streams[2]);
    g_autofree char *text = log_of(old, 0);
    g_assert_nonnull(strstr(text, "the last session has ended"));
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-vnc") == 0);
    g_autoptr(GateClient) after = spice_connect(f);
    finish(young);
}

static void
test_failed_upgrade(Fixture *f, gconstpointer data)
{
    GSubprocess *old = start(f, NULL);
    Stream stream;
    stream_start(&stream, rdp_connect(f, RDP_TICKET), FALSE);
    static const char *const bad[] = {"max_sockets=0", "certificate=/nowhere.pem",
                                      "listen=127.0.0.1:1,192.0.2.1:1"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        write_config(f, bad[i]);
        g_autofree char *text = ask(f, i == 0 ? "upgrade" : "takeover", NULL, 1);
        g_autofree char *status = ask(f, "status", NULL, 0);
        g_assert_nonnull(strstr(status, "state: serving"));
        g_autoptr(GateClient) late = rdp_connect(f, LATE_TICKET);
    }
    expect_progress(&stream, 1);
    stream_stop(&stream);
    finish(old);
}

// "upgrade" comes back once the new one serves, and leaves it running.
static void
test_upgrade_command(Fixture *f, gconstpointer data)
{
    GSubprocess *old = start(f, NULL);
    g_autofree char *log = path(f, "log");
    int fd = g_open(log, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    g_autofree char *deskgate = program();
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(G_SUBPROCESS_FLAGS_NONE);
    g_subprocess_launcher_unsetenv(launcher, "G_DEBUG");
    g_subprocess_launcher_take_stderr_fd(launcher, fd);
    g_autoptr(GSubprocess) upgrade = g_subprocess_launcher_spawn(
        launcher, NULL, deskgate, "--config", f->config, "upgrade", NULL);
    g_assert_true(g_subprocess_wait(upgrade, NULL, NULL));
    g_assert_cmpint(g_subprocess_get_exit_status(upgrade), ==, 0);
    g_free(log_of(old, 0)); // nothing held it
    g_autoptr(GateClient) rdp = rdp_connect(f, RDP_TICKET);
    g_autofree char *file = path(f, "deskgate.pid");
    g_autofree char *pid = NULL;
    g_assert_true(g_file_get_contents(file, &pid, NULL, NULL));
    g_assert_cmpint(kill(atoi(pid), SIGTERM), ==, 0);
    WAIT_FOR(!g_file_test(file, G_FILE_TEST_EXISTS));
    g_remove(log);
}

static void
test_deskd_gone(Fixture *f, gconstpointer data)
{
    GSubprocess *gate = start(f, NULL);
    Stream stream;
    stream_start(&stream, rdp_connect(f, RDP_TICKET), FALSE);
    g_clear_pointer(&f->deskd, fake_deskd_free);
    rdp_expect_refusal(f, LATE_TICKET);
    g_autoptr(GateClient) spice = spice_ask(f);
    g_autofree char *refusal = gate_client_rest(spice);
    g_assert_true(g_str_has_prefix(refusal, "HTTP/1.1 503 "));
    g_assert_nonnull(strstr(refusal, "the manager does not answer"));
    g_autofree char *page = https_get(f, "/");
    g_assert_true(g_str_has_prefix(page, "HTTP/1.1 503 "));
    g_autofree char *console = https_get(f, "/connect/console?ticket=" CONSOLE_TICKET
                                            " HTTP/1.1\r\n" UPGRADE "GET /ignored");
    g_assert_true(g_str_has_prefix(console, "HTTP/1.1 503 "));
    expect_progress(&stream, 1);
    start_deskd(f);
    WAIT_FOR(fake_deskd_gates(f->deskd) == 1);
    g_autoptr(GateClient) again = rdp_connect(f, LATE_TICKET);
    // It hears of what went on meanwhile.
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 1);
    stream_stop(&stream);
    finish(gate);
}

static GSubprocess *
spawn_activated(Fixture *f, const char *name)
{
    g_autofree char *deskgate = program();
    g_autofree char *line =
        g_strdup_printf("LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=%s exec %s --config %s", name,
                        deskgate, f->config);
    g_autoptr(GSubprocessLauncher) launcher = launcher_new(f);
    const int one = 1;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = g_htons(f->port)};
    in.sin_addr.s_addr = g_htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&in, sizeof in), ==, 0);
    g_assert_cmpint(listen(fd, 16), ==, 0);
    g_subprocess_launcher_take_fd(launcher, fd, 3);
    GSubprocess *process = g_subprocess_launcher_spawn(launcher, NULL, "/bin/sh", "-c", line, NULL);
    g_assert_nonnull(process);
    g_ptr_array_add(f->processes, process);
    return process;
}

static void
test_activation(Fixture *f, gconstpointer data)
{
    guint16 port = f->port;
    f->port = 1; // what listen= says does not count
    write_config(f, "");
    f->port = port;
    g_autofree char *refused = log_of(spawn_activated(f, "other"), 1);
    g_assert_nonnull(strstr(refused, "FileDescriptorName=gate"));
    GSubprocess *old = spawn_activated(f, "gate");
    expect_ready(f, old);
    Stream stream;
    stream_start(&stream, rdp_connect(f, RDP_TICKET), FALSE);
    // The sockets are handed on as they came.
    GSubprocess *young = start(f, "takeover");
    g_autoptr(GateClient) late = rdp_connect(f, LATE_TICKET);
    expect_progress(&stream, 1);
    stream_stop(&stream);
    g_free(log_of(old, 0));
    finish(young);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
#define TEST(name, func) g_test_add("/operations/" name, Fixture, NULL, set_up, func, tear_down)
    TEST("filter", test_filter);
    TEST("drain", test_drain);
    TEST("drain-limit", test_drain_limit);
    TEST("upgrade", test_upgrade);
    TEST("failed-upgrade", test_failed_upgrade);
    TEST("upgrade-command", test_upgrade_command);
    TEST("deskd-gone", test_deskd_gone);
    TEST("activation", test_activation);
    return g_test_run();
}
