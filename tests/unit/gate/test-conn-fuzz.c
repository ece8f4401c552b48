// SPDX-License-Identifier: Apache-2.0
// Whole connections, generated: clients of every protocol and guests, cut into chunks of any size,
// with bytes changed, ends and resets at every byte, through a real gate. After each one no socket
// may be left; no guest may be connected to without a grant, and none may see a ticket; what nobody
// disturbed arrives byte by byte.
//   test-conn-fuzz [--cases N] [--seconds N] [--from N] [--every]   (--every: each byte position,
//   not a sample)
#include <arpa/inet.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "conn-peer.h"
#include "conn-script.h"
#include "fake-deskd.h"
#include "gate-client.h"
#include "gate/gate.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC)
#define QUIET_ROUNDS 8        // without progress, of a connection that may have nothing more to say
#define ROUND_MS 2            // of waiting for progress
#define MORE_MEMORY (8 << 20) // that pools may keep

static int option_cases = 300, option_seconds, option_from;
static gboolean option_every;

static const GOptionEntry options[] = {
    {"cases", 0, 0, G_OPTION_ARG_INT, &option_cases, "random connections", "N"},
    {"seconds", 0, 0, G_OPTION_ARG_INT, &option_seconds, "random connections for so long", "N"},
    {"from", 0, 0, G_OPTION_ARG_INT, &option_from, "the first seed of the random ones", "N"},
    {"every", 0, 0, G_OPTION_ARG_NONE, &option_every, "cut at every byte, not at some", NULL},
    G_OPTION_ENTRY_NULL,
};

typedef struct {
    char *dir;
    FakeDeskd *deskd;
    YdGateConfig *config;
    YdGate *gate;
    SSL_CTX *client_tls, *guest_tls;
    int listeners[2]; // of guests: TCP, and the unix socket of a screen
    guint sockets;    // of this process when no connection is there
    guint accepted;   // by guests, in all
    GRand *rand;
    guint32 seed; // of the present case
} Fuzz;

// One connection: what is done to it, and what is there.
typedef struct {
    Script script;
    gsize client_cut, guest_cut;
    gboolean client_resets, guest_resets;
    gboolean client_stalls;
    gsize chatter; // bytes that a guest says without being asked
    gsize chunk;   // at most, each way
    Peer *client;
    GPtrArray *guests; // Peer
} Case;

// ---- the surroundings ----

static guint
count_sockets(void)
{
    guint n = 0;
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    for (const char *name; (name = g_dir_read_name(dir)) != NULL;) {
        char path[64], target[64];
        g_snprintf(path, sizeof path, "/proc/self/fd/%s", name);
        gssize len = readlink(path, target, sizeof target);
        n += len > 7 && memcmp(target, "socket:", 7) == 0;
    }
    return n;
}

static int
listen_tcp(guint16 *ret_port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&in, len), ==, 0);
    g_assert_cmpint(listen(fd, 128), ==, 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    *ret_port = ntohs(in.sin_port);
    return fd;
}

static int
listen_unix(const char *path)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    g_strlcpy(un.sun_path, path, sizeof un.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&un, sizeof un), ==, 0);
    g_assert_cmpint(listen(fd, 128), ==, 0);
    return fd;
}

static void
make_guests(Fuzz *f)
{
    guint16 port = 0;
    g_autofree char *path = g_build_filename(f->dir, "vnc.sock", NULL);
    f->listeners[0] = listen_tcp(&port);
    f->listeners[1] = listen_unix(path);
    g_autofree char *tcp = g_strdup_printf("tcp:127.0.0.1:%u", port);
    g_autofree char *screen = g_strconcat("unix:", path, NULL);
    for (guint i = 0; i < SCRIPT_N_KINDS; i++)
        if (script_protocol(i) != NULL)
            fake_deskd_ticket(f->deskd, script_ticket(i), script_protocol(i), "con-fuzz",
                              i == SCRIPT_CONSOLE || i == SCRIPT_PROXIED ? screen : tcp);
    fake_deskd_set_source(f->deskd, NULL); // bytes of a PROXY header are changed, too
    g_autofree char *sum = gate_client_fingerprint(f->config->certificate);
    fake_deskd_log_in(f->deskd, script_ticket(SCRIPT_RDP_WEB), "alice", "secret", sum);
}

static void
configure(Fuzz *f)
{
    f->config = yd_gate_config_new(NULL, NULL);
    g_strfreev(f->config->listen);
    f->config->listen = g_strsplit("127.0.0.1:0", ",", -1);
    f->config->workers = 1;
    f->config->proxies = g_strsplit("127.0.0.1", ",", -1);
    f->config->certificate = g_build_filename(f->dir, "gate.pem", NULL);
    f->config->key = g_build_filename(f->dir, "gate.key", NULL);
    f->config->deskd = g_build_filename(f->dir, "deskd.sock", NULL);
    f->config->tickets = g_build_filename(f->dir, "gate.sock", NULL);
    f->config->limits.refused_burst = f->config->limits.refused_per_minute = G_MAXINT;
    f->config->limits.opened_burst = f->config->limits.opened_per_second = G_MAXINT;
    gate_client_make_certificate(f->config->certificate, f->config->key);
}

static void
fuzz_start(Fuzz *f)
{
    g_autoptr(GError) error = NULL;
    f->rand = g_rand_new();
    f->dir = g_dir_make_tmp("fuzz-XXXXXX", &error);
    g_assert_no_error(error);
    configure(f);
    f->deskd = fake_deskd_new(f->dir);
    make_guests(f);
    f->client_tls = SSL_CTX_new(TLS_client_method());
    f->guest_tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_chain_file(f->guest_tls, f->config->certificate);
    SSL_CTX_use_PrivateKey_file(f->guest_tls, f->config->key, SSL_FILETYPE_PEM);
    f->gate = yd_gate_new(f->config, &error);
    g_assert_no_error(error);
    for (gint64 until = g_get_monotonic_time() + PATIENCE_US;
         !yd_gate_is_connected(f->gate) && g_get_monotonic_time() < until;)
        g_usleep(1000);
    f->sockets = count_sockets();
}

static void
fuzz_end(Fuzz *f)
{
    static const char *const names[] = {"vnc.sock", "gate.pem", "gate.key"};
    yd_gate_free(f->gate);
    fake_deskd_free(f->deskd);
    close(f->listeners[0]);
    close(f->listeners[1]);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(f->dir, names[i], NULL);
        g_unlink(path);
    }
    SSL_CTX_free(f->client_tls);
    SSL_CTX_free(f->guest_tls);
    yd_gate_config_free(f->config);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_rand_free(f->rand);
}

// ---- guests ----

static void
take_guest(Fuzz *f, Case *c, int fd)
{
    Peer *guest = peer_new(fd);
    guest->cut = c->guest_cut;
    guest->resets = c->guest_resets;
    g_ptr_array_add(c->guests, guest);
    // The one thing that a gate is for.
    g_assert_cmpuint(++f->accepted, <=, fake_deskd_grants(f->deskd));
    if (c->script.kind == SCRIPT_RDP_WEB)
        return; // TLS comes first
    g_autofree guint8 *chatter = g_malloc0(c->chatter + 1);
    peer_say(guest, chatter, c->chatter);
}

static gboolean
accept_guests(Fuzz *f, Case *c)
{
    gboolean any = FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(f->listeners); i++)
        for (int fd; (fd = accept4(f->listeners[i], NULL, NULL, SOCK_CLOEXEC)) >= 0; any = TRUE)
            take_guest(f, c, fd);
    return any;
}

// An RDP server for browsers confirms the request and goes on in TLS; all guests echo.
static void
answer_as_guest(Fuzz *f, const Case *c, Peer *guest, gsize before)
{
    static const guint8 confirm[19] = {3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8, 0, 1};
    if (c->script.kind == SCRIPT_RDP_WEB && guest->ssl == NULL) {
        if (guest->got->len < SCRIPT_X224_SIZE)
            return;
        g_byte_array_append(guest->raw, confirm, sizeof confirm);
        g_byte_array_set_size(guest->got, 0);
        peer_start_tls(guest, f->guest_tls, TRUE);
    } else if (guest->got->len > before && !guest->gone) {
        peer_say(guest, guest->got->data + before, guest->got->len - before);
    }
}

// It is cut out of what a guest hears, unless the client says it once more where guests are meant.
static void
check_for_ticket(const Fuzz *f, const Case *c, const Peer *guest)
{
    const char *ticket = script_ticket(c->script.kind);
    if (!c->script.doubled && guest->got->len > 0 &&
        memmem(guest->got->data, guest->got->len, ticket, strlen(ticket)) != NULL)
        g_error("seed %u: a guest got the ticket", f->seed);
}

static gboolean
pump_guests(Fuzz *f, Case *c)
{
    gboolean moved = accept_guests(f, c);
    for (guint i = 0; i < c->guests->len; i++) {
        Peer *guest = c->guests->pdata[i];
        gsize before = guest->got->len;
        moved = peer_pump(guest, (gsize)g_rand_int_range(f->rand, 1, (int)c->chunk + 1)) || moved;
        answer_as_guest(f, c, guest, before);
        check_for_ticket(f, c, guest);
    }
    return moved;
}

// ---- one connection ----

static Peer *
connect_client(Fuzz *f, const Case *c)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(yd_gate_port(f->gate)),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&in, sizeof in), ==, 0);
    Peer *client = peer_new(fd);
    client->cut = c->client_cut;
    client->resets = c->client_resets;
    client->stalls = c->client_stalls;
    if (c->script.tls)
        peer_start_tls(client, f->client_tls, FALSE);
    peer_say(client, c->script.client->data, c->script.client->len);
    return client;
}

static gboolean
starts_with(const GByteArray *whole, const GByteArray *start)
{
    return start->len <= whole->len &&
           (start->len == 0 || memcmp(whole->data, start->data, start->len) == 0);
}

// Undisturbed, all of it arrives at one guest; the answer is the script's, then what the guest
// said.
static gboolean
is_whole(const Case *c)
{
    const Script *s = &c->script;
    gboolean arrived = s->guest == NULL;
    for (guint i = 0; !arrived && i < c->guests->len; i++) {
        const Peer *guest = c->guests->pdata[i];
        arrived = guest->got->len == s->guest->len && starts_with(s->guest, guest->got);
    }
    return arrived && script_is_answered(s, c->client->got, c->chatter);
}

static gboolean
must_be_whole(const Case *c)
{
    return !c->script.changed && c->client_cut == PEER_NEVER && c->guest_cut == PEER_NEVER &&
           !c->client_stalls;
}

// Whatever was cut: no guest hears anything but the start of what this client said.
static void
check_guests(const Fuzz *f, const Case *c)
{
    for (guint i = 0; i < c->guests->len && !c->script.changed && c->script.guest != NULL; i++) {
        const Peer *guest = c->guests->pdata[i];
        gboolean early = c->script.kind == SCRIPT_RDP_WEB && guest->ssl == NULL;
        if (!early && !starts_with(c->script.guest, guest->got))
            g_error("seed %u: a guest got something else", f->seed);
    }
}

static void
say_more(Case *c)
{
    g_autoptr(GByteArray) next = script_next(&c->script, c->client->got);
    if (next != NULL && !c->client->gone)
        peer_say(c->client, next->data, next->len);
}

static void
converse(Fuzz *f, Case *c)
{
    gint64 until = g_get_monotonic_time() + PATIENCE_US;
    gboolean whole = must_be_whole(c);
    for (guint quiet = 0; quiet < QUIET_ROUNDS || whole;) {
        gsize chunk = (gsize)g_rand_int_range(f->rand, 1, (int)c->chunk + 1);
        gboolean moved = peer_pump(c->client, chunk);
        say_more(c);
        moved = pump_guests(f, c) || moved;
        if (whole && is_whole(c))
            break;
        if (c->client->gone || (!whole && (c->client->ended || g_get_monotonic_time() > until)))
            break;
        if (g_get_monotonic_time() > until || (whole && c->client->ended))
            g_error("seed %u: %s did not come through: %zu of %u bytes sent, %u answered, chunks "
                    "of %zu, %zu of chatter, %u guests",
                    f->seed, script_name(c->script.kind), c->client->raw_sent,
                    c->script.client->len, c->client->got->len, c->chunk, c->chatter,
                    c->guests->len);
        quiet = moved ? 0 : quiet + 1;
        if (moved && whole) // slowly is fine
            until = g_get_monotonic_time() + PATIENCE_US;
        struct pollfd fds[3] = {
            {c->client->fd, POLLIN, 0}, {f->listeners[0], POLLIN, 0}, {f->listeners[1], POLLIN, 0}};
        if (!moved)
            poll(fds, G_N_ELEMENTS(fds), ROUND_MS);
    }
    check_guests(f, c);
}

// A client that went at once may still wait to be accepted. They are taken in turn: so when this
// one was sent away, all before it have been seen.
static void
wait_until_seen(Fuzz *f)
{
    g_autoptr(GateClient) last = gate_client_new(yd_gate_port(f->gate), FALSE);
    gate_client_text(last, "?");
    gate_client_expect_end(last);
}

// All that the connection was is gone, on the gate's side as well.
static void
wait_for_quiet(Fuzz *f, Case *c)
{
    gint64 until = g_get_monotonic_time() + PATIENCE_US;
    for (;;) {
        accept_guests(f, c);
        g_ptr_array_set_size(c->guests, 0);
        if (count_sockets() == f->sockets)
            return;
        if (g_get_monotonic_time() > until)
            g_error("seed %u: %u sockets are left of a %s connection", f->seed,
                    count_sockets() - f->sockets, script_name(c->script.kind));
        g_usleep(200);
    }
}

// Takes what is in the script.
static void
run_case(Fuzz *f, Case *c)
{
    c->guests = g_ptr_array_new_with_free_func((GDestroyNotify)peer_free);
    c->client = connect_client(f, c);
    converse(f, c);
    gboolean left = c->client->gone;
    peer_go(c->client);
    g_clear_pointer(&c->client, peer_free);
    if (left)
        wait_until_seen(f);
    wait_for_quiet(f, c);
    g_ptr_array_unref(c->guests);
    script_clear(&c->script);
}

static Case
plain_case(Fuzz *f, ScriptKind kind)
{
    Case c = {.client_cut = PEER_NEVER, .guest_cut = PEER_NEVER, .chunk = 70000};
    script_build(&c.script, kind, f->rand);
    return c;
}

static void
reseed(Fuzz *f, guint32 seed)
{
    f->seed = seed;
    g_rand_set_seed(f->rand, seed);
}

// ---- memory ----

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static gsize
memory(void)
{
    if (__sanitizer_get_current_allocated_bytes != NULL)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// ---- tests ----

static void
test_whole(Fuzz *f, gconstpointer data)
{
    static const gsize chunks[] = {70000, 1000, 1};
    for (ScriptKind kind = 0; kind < SCRIPT_N_KINDS; kind++)
        for (gsize i = 0; i < G_N_ELEMENTS(chunks); i++) {
            reseed(f, (guint32)(kind * 10 + i));
            Case c = plain_case(f, kind);
            c.chunk = chunks[i];
            run_case(f, &c);
        }
}

// How many bytes a whole connection puts on the wire; TLS's vary by a few.
static gsize
wire_size(Fuzz *f, ScriptKind kind, gboolean guest)
{
    reseed(f, 1);
    Case c = plain_case(f, kind);
    c.guests = g_ptr_array_new_with_free_func((GDestroyNotify)peer_free);
    c.client = connect_client(f, &c);
    converse(f, &c);
    gsize size = c.client->raw_sent;
    if (guest)
        size = c.guests->len > 0 ? ((Peer *)c.guests->pdata[0])->raw_sent : 0;
    g_clear_pointer(&c.client, peer_free);
    wait_for_quiet(f, &c);
    g_ptr_array_unref(c.guests);
    script_clear(&c.script);
    return size;
}

static void
cut_everywhere(Fuzz *f, ScriptKind kind, gboolean guest, gboolean resets)
{
    gsize size = wire_size(f, kind, guest);
    gsize step = option_every || size < 120 ? 1 : size / 60;
    gsize first = option_every ? 0 : (gsize)(option_from + (int)resets) % step;
    for (gsize at = first; at <= size; at += step) {
        reseed(f, 1);
        Case c = plain_case(f, kind);
        c.chunk = 1 + at % 300;
        *(guest ? &c.guest_cut : &c.client_cut) = at;
        *(guest ? &c.guest_resets : &c.client_resets) = resets;
        run_case(f, &c);
    }
}

static void
test_cuts(Fuzz *f, gconstpointer data)
{
    gboolean guest = GPOINTER_TO_INT(data);
    for (ScriptKind kind = 0; kind < SCRIPT_N_KINDS; kind++) {
        if (guest && script_protocol(kind) == NULL)
            continue;
        cut_everywhere(f, kind, guest, FALSE);
        cut_everywhere(f, kind, guest, TRUE);
    }
}

static gsize
maybe(GRand *rand, double chance, int most)
{
    return g_rand_double(rand) < chance ? (gsize)g_rand_int_range(rand, 0, most) : PEER_NEVER;
}

static void
random_case(Fuzz *f, guint32 seed)
{
    static const gsize chunks[] = {1, 7, 100, 1500, 20000, 70000};
    reseed(f, seed);
    Case c = plain_case(f, (ScriptKind)g_rand_int_range(f->rand, 0, SCRIPT_N_KINDS));
    if (g_rand_boolean(f->rand))
        script_change(&c.script, f->rand);
    c.chunk = chunks[g_rand_int_range(f->rand, 0, G_N_ELEMENTS(chunks))];
    c.client_cut = maybe(f->rand, 0.3, 3000);
    c.guest_cut = maybe(f->rand, 0.2, 3000);
    c.client_resets = g_rand_boolean(f->rand);
    c.guest_resets = g_rand_boolean(f->rand);
    c.client_stalls = g_rand_double(f->rand) < 0.1;
    if (g_rand_double(f->rand) < 0.3 && script_protocol(c.script.kind) != NULL &&
        c.script.kind != SCRIPT_RDP_WEB)
        c.chatter = (gsize)g_rand_int_range(f->rand, 0, (int)MIN(300000, c.chunk * 2000));
    run_case(f, &c);
}

static void
test_random(Fuzz *f, gconstpointer data)
{
    gint64 until = g_get_monotonic_time() + option_seconds * (gint64)G_USEC_PER_SEC;
    guint n = 0, warm = MAX(100, (guint)option_cases / 4);
    gsize before = 0;
    for (; option_seconds > 0 ? g_get_monotonic_time() < until : n < (guint)option_cases; n++) {
        random_case(f, (guint32)option_from + n);
        if (n == warm)
            before = memory();
    }
    gsize after = memory();
    if (before > 0)
        g_assert_cmpuint(after, <, before + MORE_MEMORY);
    g_test_message("%u connections, seeds from %d; %zu bytes in use after %u, %zu now", n,
                   option_from, before, warm, after);
}

// Refusals of thousands of broken clients are no news (but with --verbose).
static GLogWriterOutput
write_what_matters(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer data)
{
    if (!g_test_verbose() &&
        (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING)) == 0)
        return G_LOG_WRITER_HANDLED;
    return g_log_writer_standard_streams(level, fields, n_fields, data);
}

static void
set_up(Fuzz *f, gconstpointer data)
{
    fuzz_start(f);
}

static void
tear_down(Fuzz *f, gconstpointer data)
{
    // The gate has outlived all that: a good client still comes through.
    reseed(f, 7);
    Case c = plain_case(f, SCRIPT_RDP);
    run_case(f, &c);
    fuzz_end(f);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    g_test_init(&argc, &argv, NULL);
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);
    g_option_context_add_main_entries(context, options, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        g_error("%s", error->message);
    g_log_set_writer_func(write_what_matters, NULL, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add("/gate/conn-fuzz/whole", Fuzz, NULL, set_up, test_whole, tear_down);
    g_test_add("/gate/conn-fuzz/client-cuts", Fuzz, GINT_TO_POINTER(FALSE), set_up, test_cuts,
               tear_down);
    g_test_add("/gate/conn-fuzz/guest-cuts", Fuzz, GINT_TO_POINTER(TRUE), set_up, test_cuts,
               tear_down);
    g_test_add("/gate/conn-fuzz/random", Fuzz, NULL, set_up, test_random, tear_down);
    return g_test_run();
}
