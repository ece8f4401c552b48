// SPDX-License-Identifier: Apache-2.0
// What strangers and bad luck do to a gate: floods of silent sockets, readers that stall,
// descriptors that run out, tickets of every wrong kind, requests that try to be two. Each test
// says what has to hold meanwhile.
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gate-fixture.h"

#define FLOOD 15000 // sockets that say nothing, or 75 % of the limit of descriptors
#define BATCH 250
#define SLACK 20 // descriptors that come and go beside
#define TRIPS 400
#define MILLISECOND 1000

// ---- other processes, so that their descriptors are not the gate's ----

typedef struct {
    pid_t pid;
    int tell, hear; // pipes
} Crowd;

static int
connect_from(guint32 source, guint16 port)
{
    struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    from.sin_addr.s_addr = htonl(source);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(port);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&from, sizeof from) == 0 &&
        connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

// Opens sockets whenever it is told to, holds them, and says when they are connected.
static void
be_the_crowd(guint32 source, guint32 step, guint16 port, guint batch, int hear, int tell)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    for (char c; read(hear, &c, 1) == 1; source += step) {
        c = 'k';
        for (guint i = 0; i < batch; i++)
            if (connect_from(source, port) < 0)
                c = 'x';
        if (write(tell, &c, 1) != 1)
            break;
    }
    _exit(0);
}

// An address of 127.0.0.0/8 that only this run uses. From 127.0.0.1 the thousands of ports would be
// missing to whoever wants to listen there, and those of the run before still rest.
static guint32
own_address(void)
{
    static guint n;
    return (127u << 24) | ((64 * ++n) << 16) | ((guint)getpid() & 0xffff);
}

// A process that opens sockets to the gate, as many at a time, from an address of its own, or each
// time from another: some machines have few ports for one.
static Crowd
crowd_start(Fixture *f, guint batch, gboolean spread)
{
    guint32 source = own_address();
    int down[2], up[2];
    g_assert_cmpint(pipe(down), ==, 0);
    g_assert_cmpint(pipe(up), ==, 0);
    pid_t pid = fork();
    g_assert_cmpint(pid, >=, 0);
    if (pid == 0) {
        close(down[1]);
        be_the_crowd(source, spread ? 1 << 16 : 0, f->port, batch, down[0], up[1]);
    }
    close(down[0]);
    close(up[1]);
    return (Crowd){pid, down[1], up[0]};
}

static void
crowd_grow(Crowd *crowd)
{
    char c = 'g';
    struct pollfd fd = {crowd->hear, POLLIN, 0};
    g_assert_cmpint(write(crowd->tell, &c, 1), ==, 1);
    g_assert_cmpint(poll(&fd, 1, 60000), ==, 1);
    g_assert_cmpint(read(crowd->hear, &c, 1), ==, 1);
    g_assert_cmpint(c, ==, 'k');
}

static void
crowd_end(Crowd *crowd)
{
    close(crowd->tell);
    close(crowd->hear);
    g_assert_cmpint(waitpid(crowd->pid, NULL, 0), ==, crowd->pid);
}

// ---- latency ----

static int
compare(const void *a, const void *b)
{
    gint64 x = *(const gint64 *)a, y = *(const gint64 *)b;
    return (x > y) - (x < y);
}

// The 99th percentile of round trips of 64 bytes, in microseconds.
static gint64
p99(GateClient *client, guint trips)
{
    static const char ball[64];
    g_autofree gint64 *times = g_new(gint64, trips);
    for (guint i = 0; i < trips; i++) {
        gint64 start = g_get_monotonic_time();
        gate_client_send(client, ball, sizeof ball);
        gate_client_expect(client, ball, sizeof ball);
        times[i] = g_get_monotonic_time() - start;
    }
    qsort(times, trips, sizeof *times, compare);
    return times[trips * 99 / 100];
}

static guint
flood_size(void)
{
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &limit), ==, 0);
    return (guint)MIN(FLOOD, limit.rlim_max * 3 / 4);
}

static void
wait_for_descriptors(guint n)
{
    gint64 until = g_get_monotonic_time() + 90 * G_USEC_PER_SEC;
    while (count_fds() < n && g_get_monotonic_time() < until)
        g_usleep(5 * MILLISECOND);
    g_assert_cmpuint(count_fds(), >=, n);
}

// With all limits lifted: thousands of sockets that were accepted and say nothing.
static void
test_half_open(Fixture *f, gconstpointer data)
{
    guint n = flood_size();
    f->config->limits.max_sockets = f->config->limits.max_sockets_per_address = 2 * n;
    f->config->limits.max_unauthenticated = 2 * n;
    f->config->limits.max_unauthenticated_per_address = 2 * n;
    f->config->limits.opened_burst = 2 * n;
    f->config->hello_seconds = 600; // machines may be slow
    restart_gate(f);
    g_autoptr(GateClient) client = rdp_connect(f, 1000);
    gint64 before = p99(client, TRIPS);
    guint fds = count_fds();
    Crowd crowd = crowd_start(f, BATCH, TRUE);
    gint64 meanwhile = 0;
    for (guint i = 1; i <= n / BATCH; i++) {
        crowd_grow(&crowd);
        meanwhile = MAX(meanwhile, p99(client, TRIPS / 10));
        wait_for_descriptors(fds + i * BATCH - SLACK); // more than the backlog holds are dropped
    }
    gint64 then = p99(client, TRIPS);
    g_test_message("p99 of a session: %" G_GINT64_FORMAT " us alone, up to %" G_GINT64_FORMAT
                   " us while %u half-open sockets come, %" G_GINT64_FORMAT " us beside them",
                   before, meanwhile, n, then);
    g_assert_cmpint(then, <, MAX(20 * before, 100 * MILLISECOND));
    // Another one still gets in.
    g_autoptr(GateClient) other = rdp_connect(f, 1000);
    g_assert_nonnull(other);
    crowd_end(&crowd);
    WAIT_FOR(count_fds() < fds + 100);
}

// With the limits as they come: one address can't take the places of all others.
static void
test_one_address(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) live = rdp_connect(f, 1000);
    Crowd crowd = crowd_start(f, BATCH, FALSE);
    for (guint i = 0; i < 12; i++)
        crowd_grow(&crowd);
    for (guint i = 0; i < 3; i++) {
        g_autoptr(GateClient) other = rdp_connect(f, 1000);
        g_assert_nonnull(other);
    }
    g_assert_cmpuint(count_fds(), <,
                     f->fds + f->config->limits.max_unauthenticated_per_address + 100);
    gate_client_text(live, "x");
    gate_client_expect(live, "x", 1);
    crowd_end(&crowd);
}

// ---- descriptors run out ----

static gint64
cpu_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * (gint64)G_USEC_PER_SEC + now.tv_nsec / 1000;
}

// How many descriptors can be had. It can't be told from /proc: a thread that waits in accept()
// holds one that is not to be seen there.
static guint
spare_descriptors(void)
{
    int fds[64];
    guint n = 0;
    while (n < G_N_ELEMENTS(fds) && (fds[n] = dup(STDERR_FILENO)) >= 0)
        n++;
    for (guint i = 0; i < n; i++)
        close(fds[i]);
    return n;
}

// The gate still takes the crowd's dead connections from the kernel's queue, some at each tick:
// several ticks must pass in which nothing is missing.
static gboolean
has_descriptors(guint wanted)
{
    for (guint i = 0; i < 100; i++, g_usleep(2 * MILLISECOND))
        if (spare_descriptors() < wanted)
            return FALSE;
    return TRUE;
}

// The gate neither spins nor dies, sessions go on, and it is back by itself.
static void
test_descriptors(Fixture *f, gconstpointer data)
{
    struct rlimit old, tight;
    g_autoptr(GateClient) live = rdp_connect(f, 1000);
    getrlimit(RLIMIT_NOFILE, &old);
    tight = (struct rlimit){count_fds() + 24, old.rlim_max};
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &tight), ==, 0);
    guint spare = spare_descriptors();
    g_assert_cmpuint(spare, >=, 12);
    Crowd crowd = crowd_start(f, 200, FALSE);
    crowd_grow(&crowd);
    gint64 cpu = cpu_us(), start = g_get_monotonic_time();
    guint trips = 0;
    for (; g_get_monotonic_time() - start < G_USEC_PER_SEC; trips++) {
        gate_client_text(live, "x");
        gate_client_expect(live, "x", 1);
        g_usleep(20 * MILLISECOND);
    }
    cpu = cpu_us() - cpu;
    g_test_message("%" G_GINT64_FORMAT " ms of CPU in a second without descriptors", cpu / 1000);
    g_assert_cmpint(cpu, <, G_USEC_PER_SEC / 2);
    g_assert_cmpuint(trips, >, 0);
    crowd_end(&crowd);
    // Under the same limit: those of the crowd are free again.
    WAIT_FOR(has_descriptors(spare - 2)); // 2: what the first log message may open
    g_autoptr(GateClient) other = rdp_connect(f, 1000);
    g_assert_nonnull(other);
    g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &old), ==, 0);
}

// ---- a stalled reader ----

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static gsize
memory(void)
{
    if (__sanitizer_get_current_allocated_bytes != NULL)
        return __sanitizer_get_current_allocated_bytes();
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static gint poured; // KiB, atomic

static void
pour(int fd, gpointer data)
{
    static const char fill[65536];
    const struct timeval patience = {.tv_usec = 200000};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    for (gssize n; (n = send(fd, fill, sizeof fill, MSG_NOSIGNAL)) != 0;) {
        if (n > 0)
            g_atomic_int_add(&poured, (gint)(n / 1024));
        else if (errno != EAGAIN && errno != EINTR)
            return;
    }
}

static void
wait_until_nothing_more_is_poured(void)
{
    gint last = -1;
    for (guint still = 0; still < 10; g_usleep(100 * MILLISECOND)) {
        gint now = g_atomic_int_get(&poured);
        still = now == last ? still + 1 : 0;
        last = now;
    }
}

// Guests that send as fast as they can, clients that read nothing: what waits is in the kernel's
// buffers and in one buffer or pipe for each.
static void
test_stalled(Fixture *f, gconstpointer data)
{
    enum { CLIENTS = 24 };
    GateClient *clients[CLIENTS];
    fake_server_free(f->guest);
    fake_deskd_free(f->deskd);
    f->guest = fake_server_tcp(pour, NULL);
    start_deskd(f);
    restart_gate(f);
    WAIT_FOR(yd_gate_is_connected(f->gate));
    g_atomic_int_set(&poured, 0);
    gsize before = memory();
    for (guint i = 0; i < CLIENTS; i++) {
        gboolean spice = i % 2 == 1;
        clients[i] = gate_client_new(f->port, i % 4 == 3);
        g_autoptr(GByteArray) request = gate_client_rdp_request(RDP_TICKET);
        if (spice)
            spice_connect(clients[i], SPICE_TICKET, 10000);
        else
            gate_client_send(clients[i], request->data, request->len);
    }
    WAIT_FOR(fake_server_open(f->guest) == CLIENTS);
    wait_until_nothing_more_is_poured();
    gsize after = memory();
    g_test_message("%d MiB poured, %zu KiB more in use by %d stalled sessions and their clients",
                   g_atomic_int_get(&poured) / 1024, (after - before) / 1024, CLIENTS);
    g_assert_cmpuint(after, <, before + CLIENTS * (256 << 10));
    for (guint i = 0; i < CLIENTS; i++)
        gate_client_free(clients[i]);
    WAIT_FOR(fake_server_open(f->guest) == 0);
}

// ---- tickets that are none ----

static void
web_request(GateClient *client, const char *ticket)
{
    gsize len = strlen(ticket);
    g_autoptr(GString) pdu = g_string_new(NULL);
    const char x224[] = "\xa6\x15\4\x13\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\3\0\0\0";
    const char head[] = {'\x30', '\x82', (char)((len + 37) >> 8), (char)(len + 37)};
    const char token[] = {'\xa3', '\x82', (char)((len + 4) >> 8), (char)(len + 4),
                          '\x0c', '\x82', (char)(len >> 8),       (char)len};
    g_string_append_len(pdu, head, sizeof head);
    g_string_append_len(pdu, "\xa0\4\2\2\x0d\x3e", 6);
    g_string_append_len(pdu, token, sizeof token);
    g_string_append(pdu, ticket);
    g_string_append_len(pdu, x224, sizeof x224 - 1);
    guint8 frame[14] = {0x82};
    gsize n = 2;
    frame[1] = (guint8)(0x80 | (pdu->len < 126 ? pdu->len : pdu->len < 65536 ? 126 : 127));
    for (int shift = pdu->len < 126 ? -8 : pdu->len < 65536 ? 8 : 56; shift >= 0; shift -= 8)
        frame[n++] = (guint8)((guint64)pdu->len >> shift);
    n += 4; // a mask of zeros
    gate_client_text(client, "GET /connect/rdp HTTP/1.1\r\nHost: gate\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    gate_client_try_send(client, frame, n);
    gate_client_try_send(client, pdu->str, pdu->len);
}

// Shows the ticket in each protocol and reads what it gets.
static void
show_everywhere(Fixture *f, const char *ticket)
{
    for (guint i = 0; i < 5; i++) {
        g_autoptr(GateClient) client = gate_client_new(f->port, i > 1);
        g_autofree char *cookie = g_strdup_printf("Cookie: msts=%s\r\n", ticket);
        if (i == 0) {
            gsize n = 19 + strlen(cookie);
            const guint8 head[] = {
                3, 0, (guint8)(n >> 8), (guint8)n, (guint8)(n - 5), 0xe0, 0, 0, 0, 0, 0};
            gate_client_try_send(client, head, sizeof head);
            gate_client_try_send(client, cookie, strlen(cookie));
            gate_client_try_send(client, "\1\0\x08\0\3\0\0\0", 8);
        } else if (i < 3) {
            spice_connect(client, ticket, 1 << 20);
        } else if (i == 3) {
            console_request(client, ticket);
        } else {
            web_request(client, ticket);
        }
        g_autofree char *answer = gate_client_rest(client);
        gboolean refused =
            answer[0] == '\0' || answer[0] == 3 || g_str_has_prefix(answer, "HTTP/1.1 4") || i == 4;
        g_test_message("%zu bytes in protocol %u: %.60s", strlen(ticket), i, answer);
        g_assert_true(refused);
    }
}

static void
test_tickets(Fixture *f, gconstpointer data)
{
    g_autofree char *huge = g_strnfill(100000, 'A');
    g_autofree char *large = g_strnfill(5000, 'A');
    const char *const none[] = {"A",
                                "RdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdp", // one less
                                RDP_TICKET "x",
                                "RdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdp'",
                                large,
                                huge};
    guint redeems = fake_deskd_redeems(f->deskd);
    for (gsize i = 0; i < G_N_ELEMENTS(none); i++)
        show_everywhere(f, none[i]);
    // What can be no ticket is not even asked about.
    g_assert_cmpuint(fake_deskd_redeems(f->deskd), ==, redeems);
    show_everywhere(f, WRONG_TICKET);
    g_assert_cmpuint(fake_deskd_redeems(f->deskd), ==, redeems + 5);
    g_assert_cmpuint(fake_server_total(f->guest) + fake_server_total(f->vnc), ==, 0);
}

// ---- requests that try to be two ----

static void
test_smuggling(Fixture *f, gconstpointer data)
{
    static const struct {
        gboolean tls;
        const char *bytes;
        gsize len;
        const char *answer; // its start; NULL: none
    } cases[] = {
#define TEXT(text) text, sizeof text - 1
        {TRUE,
         TEXT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: "
              "chunked\r\n\r\n0\r\n\r\n"),
         "HTTP/1.1 400 "},
        {TRUE,
         TEXT("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: "
              "5\r\n\r\nabcde"),
         "HTTP/1.1 400 "},
        {TRUE, TEXT("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n folded: z\r\n\r\n"), "HTTP/1.1 400 "},
        {TRUE, TEXT("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), "HTTP/1.1 400 "},
        {TRUE, TEXT("GET / HTTP/1.1\nHost: a\n\r\n\r\n"), "HTTP/1.1 400 "},
        {TRUE, TEXT("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 400 "},
        {TRUE, TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n\r\n"),
         "HTTP/1.1 400 "},
        // A PROXY header is the gate's to write, not the client's.
        {TRUE,
         TEXT("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\0\1\0\2GET / HTTP/1.1\r\n"
              "Host: a\r\n\r\n"),
         "HTTP/1.1 400 "},
        {FALSE,
         TEXT("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\1\2\3\4\5\6\7\x08\0\1\0\2GET / HTTP/1.1\r\n"
              "Host: a\r\n\r\n"),
         NULL},
        {FALSE, TEXT("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"), NULL},
        // What follows a CONNECT that is refused goes nowhere.
        {FALSE, TEXT("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
         "HTTP/1.1 407 "},
#undef TEXT
    };
    guint requests = fake_deskd_requests(f->deskd);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GateClient) client = gate_client_new(f->port, cases[i].tls);
        gate_client_send(client, cases[i].bytes, cases[i].len);
        g_autofree char *answer = gate_client_rest(client);
        g_test_message("case %zu: %.70s", i, answer);
        g_assert_true(cases[i].answer == NULL ? answer[0] == '\0'
                                              : g_str_has_prefix(answer, cases[i].answer));
        // One answer only.
        g_assert_true(answer[0] == '\0' || strstr(answer + 1, "\nHTTP/1.") == NULL);
    }
    g_assert_cmpuint(fake_deskd_requests(f->deskd), ==, requests);
    g_assert_cmpuint(fake_server_total(f->guest) + fake_server_total(f->vnc), ==, 0);
}

// The address that deskd hears is the socket's, whatever the request says; a second request on a
// connection to deskd finds no way to a desktop.
static void
test_addresses(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = gate_client_new(f->port, TRUE);
    gate_client_text(client,
                     "GET /one HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\n"
                     "Forwarded: for=192.0.2.9\r\nX-Real-IP: 192.0.2.9\r\n\r\n"
                     "GET /connect/console?ticket=" CONSOLE_TICKET " HTTP/1.1\r\nHost: a\r\n"
                     "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
    g_autofree char *one = gate_client_answer(client);
    g_assert_nonnull(strstr(one, "GET /one source=127.0.0.1 "));
    g_autofree char *two = gate_client_answer(client);
    g_assert_nonnull(
        strstr(two, "GET /connect/console?ticket=" CONSOLE_TICKET " source=127.0.0.1 "));
    g_assert_cmpuint(fake_deskd_redeems(f->deskd), ==, 0);
    g_assert_cmpuint(fake_server_total(f->vnc), ==, 0);
}

// ---- time ----

// Long limits are long: 4295 s are more microseconds than 32 bits hold.
static void
test_long_idle(Fixture *f, gconstpointer data)
{
    f->config->https_idle_seconds = 4295;
    restart_gate(f);
    g_autoptr(GateClient) client = gate_client_new(f->port, TRUE);
    for (guint i = 0; i < 2; i++) {
        gate_client_text(client, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
        g_autofree char *answer = gate_client_answer(client);
        g_assert_nonnull(answer);
        if (i == 0)
            g_usleep(2500 * MILLISECOND); // the clock is looked at once a second
    }
}

#define FAULT(name, func) g_test_add("/gate/faults/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    FAULT("half-open", test_half_open);
    FAULT("one-address", test_one_address);
    FAULT("descriptors", test_descriptors);
    FAULT("stalled", test_stalled);
    FAULT("tickets", test_tickets);
    FAULT("smuggling", test_smuggling);
    FAULT("addresses", test_addresses);
    FAULT("long-idle", test_long_idle);
    return g_test_run();
}
