// SPDX-License-Identifier: Apache-2.0
// The whole gate in this process, between real sockets: a fake deskd before it, clients of every
// kind, targets that echo. After each test no descriptor may be left.
#include "gate-fixture.h"
#include "gate/ktls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// ---- RDP ----

static void
test_rdp(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = rdp_connect(f, 1000);
    gate_client_text(client, "\x16\x03 and so on");
    gate_client_expect(client, "\x16\x03 and so on", 12);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 1);
    gate_client_shut(client);
    gate_client_expect_end(client);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 0);
    g_assert_cmpint(fake_deskd_bytes_up(f->deskd, "con-rdp"), ==, 19 + 12);
    // A second socket of the session counts on.
    g_autoptr(GateClient) again = rdp_connect(f, 1);
    gate_client_shut(again);
    gate_client_expect_end(again);
    WAIT_FOR(fake_deskd_bytes_up(f->deskd, "con-rdp") == 19 + 12 + 19);
}

static void
test_rdp_refused(Fixture *f, gconstpointer data)
{
    rdp_expect_refusal(f, WRONG_TICKET);
    rdp_expect_refusal(f, SPICE_TICKET);
    guint redeems = fake_deskd_redeems(f->deskd);
    // These are not even asked about.
    rdp_expect_refusal(f, NULL);
    rdp_expect_refusal(f, "short");
    g_assert_cmpuint(fake_deskd_redeems(f->deskd), ==, redeems);
    g_assert_cmpuint(fake_server_total(f->guest), ==, 0);
    // A good ticket whose guest is not there.
    rdp_expect_refusal(f, DEAD_TICKET);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-dead") == 0);
}

static void
test_nonsense(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *bytes;
        gsize len;
    } cases[] = {
        {"REDQ\x02\0\0\0", 8},                      // bare SPICE
        {"SSH-2.0-x\r\n", 11},                      // no protocol of ours
        {"\x03\x00\xff\xff", 4},                    // an RDP request that is too long
        {"\x03\x00\x00\x0b\x06\xf0\0\0\0\0\0", 11}, // not a connection request
        {"\x16\x03\x01\x00\x05hello", 10},          // broken TLS
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GateClient) client = gate_client_new(f->port, FALSE);
        gate_client_send(client, cases[i].bytes, cases[i].len);
        g_autofree char *rest = gate_client_rest(client);
        // Broken TLS is told by an alert.
        g_assert_true(rest[0] == '\0' || rest[0] == '\x15');
    }
    g_assert_cmpuint(fake_server_total(f->guest), ==, 0);
}

static void
test_bulk(Fixture *f, gconstpointer data)
{
    const gsize total = 16 << 20;
    g_autoptr(GateClient) client = rdp_connect(f, 1000);
    g_autofree guint8 *out = g_malloc(65536), *in = g_malloc(65536);
    gsize sent = 0, got = 0;
    while (got < total) {
        // A window that fits into the sockets, so that a blocking client cannot deadlock on its own
        // echo.
        while (sent < total && sent - got < 256 << 10) {
            for (gsize i = 0; i < 65536; i++)
                out[i] = (guint8)((sent + i) * 131 >> 5);
            gate_client_send(client, out, 65536);
            sent += 65536;
        }
        gssize n = gate_client_read(client, in, 65536);
        g_assert_cmpint(n, >, 0);
        for (gssize i = 0; i < n; i++)
            if (in[i] != (guint8)((got + (gsize)i) * 131 >> 5))
                g_error("byte %zu is wrong", got + (gsize)i);
        got += (gsize)n;
    }
}

// ---- SPICE ----

static void
test_spice(Fixture *f, gconstpointer data)
{
    static const char established[] = "HTTP/1.0 200 Connection established\r\n\r\n";
    for (guint i = 0; i < 4; i++) {
        g_autoptr(GateClient) client = gate_client_new(f->port, i % 2 == 1);
        spice_connect(client, SPICE_TICKET, i < 2 ? 10000 : 1);
        gate_client_expect(client, established, strlen(established));
        gate_client_text(client, "REDQ and more");
        gate_client_expect(client, "REDQ and more", 13);
        gate_client_shut(client);
        gate_client_expect_end(client);
    }
    WAIT_FOR(fake_deskd_bytes_up(f->deskd, "con-spice") == 4 * 13);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-spice") == 0);
}

static void
test_spice_refused(Fixture *f, gconstpointer data)
{
    for (guint i = 0; i < 2; i++) {
        g_autoptr(GateClient) client = gate_client_new(f->port, i == 1);
        spice_connect(client, WRONG_TICKET, 10000);
        g_autofree char *rest = gate_client_rest(client);
        g_assert_true(g_str_has_prefix(rest, "HTTP/1.1 403 Forbidden\r\n"));
        g_assert_nonnull(strstr(rest, "\"code\":\"ticket-unknown\""));
        // A quote of deskd's text does not break the answer's JSON.
        g_assert_nonnull(strstr(rest, "no such 'ticket'"));
    }
    g_autoptr(GateClient) client = gate_client_new(f->port, FALSE);
    gate_client_text(client, "CONNECT vm:1 HTTP/1.0\r\n\r\n");
    g_autofree char *rest = gate_client_rest(client);
    g_assert_true(g_str_has_prefix(rest, "HTTP/1.1 407 "));
    g_assert_nonnull(strstr(rest, "\r\nProxy-Authenticate: Basic "));
}

// ---- the console ----

static void
test_console(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = gate_client_new(f->port, TRUE);
    console_request(client, CONSOLE_TICKET);
    g_autofree char *answer = gate_client_answer(client);
    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 101 "));
    g_assert_nonnull(strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    send_frame(client, 0x82, "RFB 003.008\n");
    gate_client_expect(client, "\x82\x0cRFB 003.008\n", 14);
    send_frame(client, 0x89, "ping");
    gate_client_expect(client, "\x8a\x04ping", 6);
    send_frame(client, 0x02, "one");
    gate_client_expect(client, "\x82\x03one", 5);
    send_frame(client, 0x80, "two");
    gate_client_expect(client, "\x82\x03two", 5);
    send_frame(client, 0x88, "");
    gate_client_expect(client, "\x88\x02\x03\xe8", 4);
    gate_client_expect_end(client);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-vnc") == 0);
    g_assert_cmpuint(fake_server_open(f->vnc), ==, 0);
}

static void
test_console_refused(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = gate_client_new(f->port, TRUE);
    console_request(client, WRONG_TICKET);
    g_autofree char *wrong = gate_client_rest(client);
    g_assert_true(g_str_has_prefix(wrong, "HTTP/1.1 403 "));
    g_autofree char *plain =
        ask(f, TRUE, "GET /connect/console?ticket=" CONSOLE_TICKET " HTTP/1.1\r\nHost: a\r\n\r\n");
    g_assert_true(g_str_has_prefix(plain, "HTTP/1.1 400 "));
    // A page of somebody else's, in the browser of who has a ticket.
    g_autofree char *foreign =
        ask(f, TRUE,
            "GET /connect/console?ticket=" CONSOLE_TICKET " HTTP/1.1\r\nHost: gate\r\n"
            "Origin: https://evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    g_assert_true(g_str_has_prefix(foreign, "HTTP/1.1 403 "));
    g_assert_nonnull(strstr(foreign, "\"code\":\"wrong-origin\""));
    g_assert_cmpuint(fake_server_total(f->vnc), ==, 0);
    g_autofree char *rdp = ask(f, TRUE, "GET /connect/rdp HTTP/1.1\r\nHost: a\r\n\r\n");
    g_assert_true(g_str_has_prefix(rdp, "HTTP/1.1 400 "));
    g_autofree char *other = ask(f, TRUE, "GET /connect/x HTTP/1.1\r\nHost: a\r\n\r\n");
    g_assert_true(g_str_has_prefix(other, "HTTP/1.1 404 "));
}

// ---- https ----

static void
test_https(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = gate_client_new(f->port, TRUE);
    for (guint i = 0; i < 3; i++) {
        gate_client_text(client, "GET /api/v1/pools HTTP/1.1\r\nHost: a\r\n\r\n");
        g_autofree char *answer = gate_client_answer(client);
        g_assert_nonnull(
            strstr(answer, "\r\n\r\nGET /api/v1/pools source=127.0.0.1 body=0 sum=0\n"));
    }
    gate_client_text(client, "GET /big/3000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    g_autofree char *big = gate_client_answer(client);
    g_assert_cmpuint(strlen(strstr(big, "\r\n\r\n")), ==, 4 + 3000000);
    // The manager ends without an answer: so does the client's connection, at once.
    gate_client_text(client, "GET /die HTTP/1.1\r\nHost: a\r\n\r\n");
    gate_client_expect_end(client);
}

static void
test_http(Fixture *f, gconstpointer data)
{
    g_autofree char *moved = ask(f, FALSE, "GET /a?b HTTP/1.1\r\nHost: gate:8443\r\n\r\n");
    g_assert_true(g_str_has_prefix(moved, "HTTP/1.1 301 "));
    g_assert_nonnull(strstr(moved, "\r\nLocation: https://gate:8443/a?b\r\n"));
    g_autofree char *nasty = ask(f, FALSE, "GET / HTTP/1.1\r\nHost: a\"<b>\r\n\r\n");
    g_assert_true(g_str_has_prefix(nasty, "HTTP/1.1 400 "));
    g_autofree char *bad = ask(f, TRUE, "GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    g_assert_true(g_str_has_prefix(bad, "HTTP/1.1 400 "));
    g_autofree char *fill = g_strnfill(17000, 'a');
    g_autofree char *request = g_strdup_printf("GET /%s HTTP/1.1\r\n\r\n", fill);
    g_autofree char *large = ask(f, TRUE, request);
    g_assert_true(g_str_has_prefix(large, "HTTP/1.1 431 "));
}

// An answer that comes before the body is read arrives although the client is still sending.
static void
test_https_reject(Fixture *f, gconstpointer data)
{
    g_autofree char *fill = g_malloc0(1 << 20);
    for (guint i = 0; i < 20; i++) {
        g_autoptr(GateClient) client = gate_client_new(f->port, TRUE);
        gate_client_text(client, "POST /reject HTTP/1.1\r\nContent-Length: 1048576\r\n\r\n");
        gate_client_try_send(client, fill, 1 << 20);
        g_autofree char *answer = gate_client_answer(client);
        g_assert_nonnull(answer);
        g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 413 "));
    }
}

typedef struct {
    Fixture *f;
    guint seed, n;
    guint answered, lost; // by this client
} Hammer;

// Posts of every size, head and body in pieces of every size, on one connection as long as it
// lives.
static gpointer
hammer(gpointer data)
{
    Hammer *h = data;
    g_autoptr(GRand) rand = g_rand_new_with_seed(h->seed);
    g_autoptr(GateClient) client = NULL;
    g_autofree guint8 *body = g_malloc(200000);
    for (guint i = 0; i < h->n; i++) {
        gsize len = (gsize)g_rand_int_range(rand, 0, i % 8 == 0 ? 200000 : 2000);
        guint sum = 0;
        for (gsize k = 0; k < len; k++) {
            body[k] = (guint8)(k * 7 + i);
            sum = sum * 31 + body[k];
        }
        g_autofree char *head =
            g_strdup_printf("POST /p%u HTTP/1.1\r\nHost: a\r\nContent-Length: %zu\r\n\r\n", i, len);
        g_autofree char *expected =
            g_strdup_printf("POST /p%u source=127.0.0.1 body=%zu sum=%u\n", i, len, sum);
        if (client == NULL)
            client = gate_client_new(h->f->port, TRUE);
        gsize cut = (gsize)g_rand_int_range(rand, 0, (int)len + 1);
        gboolean sent = gate_client_try_send(client, head, strlen(head)) &&
                        (cut == 0 || gate_client_try_send(client, body, cut)) &&
                        (cut == len || gate_client_try_send(client, body + cut, len - cut));
        g_autofree char *answer = sent ? gate_client_answer(client) : NULL;
        if (answer == NULL) {
            h->lost++;
            g_clear_pointer(&client, gate_client_free);
            continue;
        }
        g_assert_nonnull(strstr(answer, expected));
        h->answered++;
    }
    return NULL;
}

static void
test_https_hammer(Fixture *f, gconstpointer data)
{
    Hammer hammers[6];
    GThread *threads[6];
    for (guint i = 0; i < 6; i++) {
        hammers[i] = (Hammer){.f = f, .seed = i, .n = 100};
        threads[i] = g_thread_new("hammer", hammer, &hammers[i]);
    }
    for (guint i = 0; i < 6; i++) {
        g_thread_join(threads[i]);
        g_assert_cmpuint(hammers[i].answered, ==, 100);
    }
}

// ---- deskd comes and goes ----

static void
test_cut(Fixture *f, gconstpointer data)
{
    static const char established[] = "HTTP/1.0 200 Connection established\r\n\r\n";
    g_autoptr(GateClient) rdp = rdp_connect(f, 1000);
    g_autoptr(GateClient) spice = gate_client_new(f->port, TRUE);
    spice_connect(spice, SPICE_TICKET, 1000);
    gate_client_expect(spice, established, strlen(established));
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 1 &&
             fake_deskd_sockets(f->deskd, "con-spice") == 1);
    gint64 start = g_get_monotonic_time();
    fake_deskd_cut(f->deskd, "con-rdp");
    gate_client_expect_end(rdp);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 0);
    g_assert_cmpint(g_get_monotonic_time() - start, <, G_USEC_PER_SEC);
    WAIT_FOR(fake_server_open(f->guest) == 1);
    // The other session lives; the one that was cut does not come back, whatever deskd grants.
    gate_client_text(spice, "x");
    gate_client_expect(spice, "x", 1);
    g_autoptr(GByteArray) request = gate_client_rdp_request(RDP_TICKET);
    g_autoptr(GateClient) again = gate_client_new(f->port, FALSE);
    gate_client_send(again, request->data, request->len);
    gate_client_expect_end(again);
    // A session that this gate never saw is told of as well.
    fake_deskd_cut(f->deskd, "con-unknown");
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-unknown") == 0);
}

static void
test_deskd_gone(Fixture *f, gconstpointer data)
{
    f->config->redeem_seconds = 2;
    restart_gate(f);
    WAIT_FOR(yd_gate_is_connected(f->gate));
    g_autoptr(GateClient) live = rdp_connect(f, 1000);
    fake_deskd_free(g_steal_pointer(&f->deskd));
    WAIT_FOR(!yd_gate_is_connected(f->gate));
    gate_client_text(live, "still here");
    gate_client_expect(live, "still here", 10);
    rdp_expect_refusal(f, RDP_TICKET);
    g_autofree char *https = ask(f, TRUE, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    g_assert_true(g_str_has_prefix(https, "HTTP/1.1 503 "));
    g_assert_nonnull(strstr(https, "\"code\":\"unavailable\""));
    // A new deskd hears of the live session and answers again.
    start_deskd(f);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 1);
    g_autoptr(GateClient) client = rdp_connect(f, 1000);
    g_assert_nonnull(client);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 2);
}

static void
test_deskd_silent(Fixture *f, gconstpointer data)
{
    f->config->redeem_seconds = 1;
    restart_gate(f);
    fake_deskd_set_silent(f->deskd, TRUE);
    rdp_expect_refusal(f, RDP_TICKET);
    g_assert_cmpuint(fake_deskd_redeems(f->deskd), ==, 1);
    // An end while it is asked ends the wait, too.
    f->config->redeem_seconds = 5;
    restart_gate(f);
    g_autoptr(GByteArray) request = gate_client_rdp_request(RDP_TICKET);
    g_autoptr(GateClient) client = gate_client_new(f->port, FALSE);
    gate_client_send(client, request->data, request->len);
    WAIT_FOR(fake_deskd_redeems(f->deskd) == 2);
    gint64 start = g_get_monotonic_time();
    fake_deskd_free(g_steal_pointer(&f->deskd));
    gate_client_expect(client, "\x03\0\0\x13\x0e\xd0", 6);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 3 * G_USEC_PER_SEC);
    start_deskd(f);
}

// A request that comes while deskd is away for a moment waits for it.
static void
test_deskd_restart(Fixture *f, gconstpointer data)
{
    Hammer hammers[4];
    GThread *threads[4];
    guint answered = 0, lost = 0;
    for (guint i = 0; i < 4; i++) {
        hammers[i] = (Hammer){.f = f, .seed = 100 + i, .n = 150};
        threads[i] = g_thread_new("hammer", hammer, &hammers[i]);
    }
    for (guint i = 0; i < 3; i++) {
        guint before = fake_deskd_requests(f->deskd);
        WAIT_FOR(fake_deskd_requests(f->deskd) > before + 20);
        fake_deskd_free(f->deskd);
        g_usleep(20000);
        start_deskd(f);
    }
    for (guint i = 0; i < 4; i++) {
        g_thread_join(threads[i]);
        answered += hammers[i].answered;
        lost += hammers[i].lost;
    }
    // At most the one under way at each restart, once per client, is lost, and that by a clean end.
    g_assert_cmpuint(answered + lost, ==, 4 * 150);
    g_assert_cmpuint(lost, <=, 4 * 3);
}

// ---- limits ----

static void
test_slow_loris(Fixture *f, gconstpointer data)
{
    static const struct {
        gboolean tls;
        const char *bytes;
        gsize len;
    } cases[] = {
        {FALSE, "", 0},
        {FALSE, "\x03", 1},
        {FALSE, "\x03\x00\x00\x20\x1b\xe0", 6},
        {FALSE, "CONNECT a:1 HTTP/1.0\r\n", 22},
        {FALSE, "\x16\x03\x01\x02\x00\x01", 6},
        {TRUE, "", 0},
        {TRUE, "GET / HTTP/1.1\r\nA: b\r\n", 22},
    };
    GateClient *clients[G_N_ELEMENTS(cases)];
    f->config->hello_seconds = 1;
    f->config->head_seconds = 1;
    restart_gate(f);
    gint64 start = g_get_monotonic_time();
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        clients[i] = gate_client_new(f->port, cases[i].tls);
        gate_client_send(clients[i], cases[i].bytes, cases[i].len);
    }
    // Drop by drop is no way around it.
    g_autoptr(GateClient) drops = gate_client_new(f->port, FALSE);
    gate_client_text(drops, "CONNECT a:1 HTTP/1.0\r\n");
    while (gate_client_try_send(drops, "A: b\r\n", 6) &&
           g_get_monotonic_time() - start < 8 * G_USEC_PER_SEC)
        g_usleep(20000);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        gate_client_expect_end(clients[i]);
        gate_client_free(clients[i]);
    }
    g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
    g_assert_cmpint(g_get_monotonic_time() - start, >, G_USEC_PER_SEC / 2);
}

static gpointer
pour(gpointer data)
{
    static const char fill[65536];
    while (gate_client_try_send(data, fill, sizeof fill))
        ;
    return NULL;
}

// One that is refused and goes on sending neither holds up others nor stays.
static void
test_pouring(Fixture *f, gconstpointer data)
{
    f->config->workers = 1;
    restart_gate(f);
    g_autoptr(GateClient) client = gate_client_new(f->port, FALSE);
    gate_client_text(client, "GET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    gint64 start = g_get_monotonic_time();
    g_autoptr(GThread) thread = g_thread_new("pour", pour, client);
    g_autoptr(GateClient) other = rdp_connect(f, 1000);
    g_assert_nonnull(other);
    g_thread_join(g_steal_pointer(&thread));
    g_assert_cmpint(g_get_monotonic_time() - start, <, 8 * G_USEC_PER_SEC);
}

static void
test_socket_limits(Fixture *f, gconstpointer data)
{
    f->config->limits.max_sockets_per_address = 2;
    restart_gate(f);
    g_autoptr(GateClient) a = rdp_connect(f, 1000);
    g_autoptr(GateClient) b = rdp_connect(f, 1000);
    g_autoptr(GateClient) c = gate_client_new(f->port, FALSE);
    gate_client_expect_end(c);
    g_clear_pointer(&a, gate_client_free);
    WAIT_FOR(fake_server_open(f->guest) == 1);
    g_autoptr(GateClient) d = rdp_connect(f, 1000);
    f->config->limits.max_sockets_per_address = 100;
    f->config->limits.max_unauthenticated = 1;
    g_clear_pointer(&d, gate_client_free);
    g_clear_pointer(&b, gate_client_free);
    restart_gate(f);
    g_autoptr(GateClient) e = rdp_connect(f, 1000);
    g_assert_nonnull(e);
    g_autoptr(GateClient) one = gate_client_new(f->port, FALSE);
    g_autoptr(GateClient) other = gate_client_new(f->port, FALSE);
    // Two workers accept: which of both comes first is theirs to decide.
    struct pollfd ends[] = {{.fd = gate_client_fd(one), .events = POLLIN},
                            {.fd = gate_client_fd(other), .events = POLLIN}};
    g_assert_cmpint(poll(ends, G_N_ELEMENTS(ends), 10000), >=, 1);
    gate_client_expect_end(ends[0].revents != 0 ? one : other);
}

// A ticket is good for one session: no more sockets than its client needs.
static void
test_session_limit(Fixture *f, gconstpointer data)
{
    f->config->max_sockets_per_session = 2;
    restart_gate(f);
    g_autoptr(GateClient) a = rdp_connect(f, 1000);
    g_autoptr(GateClient) b = rdp_connect(f, 1000);
    rdp_expect_refusal(f, RDP_TICKET);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 2);
    g_assert_cmpuint(fake_server_total(f->guest), ==, 2);
    g_clear_pointer(&a, gate_client_free);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 1);
    g_autoptr(GateClient) c = rdp_connect(f, 1000);
    g_assert_nonnull(c);
}

static void
test_guessing(Fixture *f, gconstpointer data)
{
    f->config->limits.refused_burst = 3;
    f->config->limits.refused_per_minute = 1;
    restart_gate(f);
    for (guint i = 0; i < 5; i++)
        rdp_expect_refusal(f, WRONG_TICKET);
    g_assert_cmpuint(fake_deskd_redeems(f->deskd), ==, 3);
    // Even the right one has to wait now.
    rdp_expect_refusal(f, RDP_TICKET);
    g_autoptr(GateClient) spice = gate_client_new(f->port, FALSE);
    spice_connect(spice, SPICE_TICKET, 1000);
    g_autofree char *rest = gate_client_rest(spice);
    g_assert_true(g_str_has_prefix(rest, "HTTP/1.1 429 "));
    // https is not touched by it.
    g_autoptr(GateClient) https = gate_client_new(f->port, TRUE);
    gate_client_text(https, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    g_autofree char *answer = gate_client_answer(https);
    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 200 "));
}

// ---- the rest ----

static void
test_reload(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GateClient) before = gate_client_new(f->port, TRUE);
    gate_client_make_certificate(f->config->certificate, f->config->key);
    g_assert_true(yd_gate_reload(f->gate, &error));
    g_autoptr(GateClient) after = gate_client_new(f->port, TRUE);
    g_autofree char *old = gate_client_serial(before), *new = gate_client_serial(after);
    g_assert_cmpstr(old, !=, new);
    // A broken one is refused and changes nothing.
    g_assert_true(g_file_set_contents(f->config->key, "no key", -1, NULL));
    g_assert_false(yd_gate_reload(f->gate, &error));
    g_assert_nonnull(strstr(error->message, f->config->key));
    g_autoptr(GateClient) still = gate_client_new(f->port, TRUE);
    g_autofree char *same = gate_client_serial(still);
    g_assert_cmpstr(same, ==, new);
    gate_client_text(before, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    g_autofree char *answer = gate_client_answer(before);
    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 200 "));
}

static gpointer
rdp_many(gpointer data)
{
    Fixture *f = data;
    for (guint i = 0; i < 40; i++) {
        g_autoptr(GateClient) client = rdp_connect(f, 1 + i);
        gate_client_text(client, "some bytes");
        gate_client_expect(client, "some bytes", 10);
        if (i % 3 == 0)
            gate_client_shut(client);
    }
    return NULL;
}

static void
test_many(Fixture *f, gconstpointer data)
{
    GThread *threads[8];
    for (guint i = 0; i < 8; i++)
        threads[i] = g_thread_new("rdp", rdp_many, f);
    for (guint i = 0; i < 8; i++)
        g_thread_join(threads[i]);
    WAIT_FOR(fake_server_open(f->guest) == 0);
    WAIT_FOR(fake_deskd_bytes_up(f->deskd, "con-rdp") == 8 * 40 * (19 + 10));
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 0);
}

// ---- fixed ports ----

static int
knock(const char *source, guint16 port)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = inet_addr(source)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd ready = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t len = sizeof error;
    g_assert_cmpint(bind(fd, (struct sockaddr *)&from, sizeof from), ==, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno != EINPROGRESS)
        error = errno;
    else if (poll(&ready, 1, 300) == 0)
        error = ETIMEDOUT;
    else
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
    close(fd);
    return error;
}

static guint16
unused_port(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof any;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&any, sizeof any), ==, 0);
    getsockname(fd, (struct sockaddr *)&any, &len);
    close(fd);
    return ntohs(any.sin_port);
}

static void
test_fixed_port(Fixture *f, gconstpointer data)
{
    g_autofree char *guest = fake_server_target(f->guest);
    g_autoptr(GByteArray) request = gate_client_rdp_request(NULL);
    guint16 port = unused_port();
    f->config->fixed_port_first = f->config->fixed_port_last = port;
    restart_gate(f);
    WAIT_FOR(yd_gate_is_connected(f->gate));
    g_assert_cmpint(knock("127.0.0.1", port), ==, ECONNREFUSED);
    fake_deskd_port(f->deskd, (guint16)(port - 1), "127.0.0.1", "con-no", guest); // not ours
    fake_deskd_port(f->deskd, port, "127.0.0.1", "con-port", guest);
    WAIT_FOR(knock("127.0.0.1", port) == 0);
    g_assert_cmpint(knock("127.0.0.1", (guint16)(port - 1)), ==, ECONNREFUSED);
    g_assert_cmpint(knock("127.0.0.2", port), ==, ETIMEDOUT); // no answer, not even a refusal
    g_autoptr(GateClient) client = gate_client_new(port, FALSE);
    gate_client_send(client, request->data, request->len);
    gate_client_expect(client, request->data, request->len);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-port") == 1);
    g_autoptr(GateClient) noise = gate_client_new(port, FALSE);
    gate_client_text(noise, "GET / HTTP/1.1\r\n\r\n");
    gate_client_expect_end(noise);
    // Another owner address; closed; what runs is deskd's to cut.
    fake_deskd_port(f->deskd, port, "127.0.0.2", "con-port", guest);
    WAIT_FOR(knock("127.0.0.2", port) == 0);
    g_assert_cmpint(knock("127.0.0.1", port), ==, ETIMEDOUT);
    fake_deskd_port(f->deskd, port, NULL, "con-port", guest);
    WAIT_FOR(knock("127.0.0.2", port) == ECONNREFUSED);
    gate_client_text(client, "still");
    gate_client_expect(client, "still", 5);
    fake_deskd_cut(f->deskd, "con-port");
    gate_client_expect_end(client);
    // Without deskd no fixed port is open.
    fake_deskd_port(f->deskd, port, "127.0.0.1", "con-port", guest);
    WAIT_FOR(knock("127.0.0.1", port) == 0);
    fake_deskd_free(g_steal_pointer(&f->deskd));
    WAIT_FOR(knock("127.0.0.1", port) == ECONNREFUSED);
}

static void
test_start_fails(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *taken = g_strdup_printf("127.0.0.1:%u", f->port);
    const char *const bad[] = {taken, "localhost:1", "1.2.3.4", ""};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        char *listen[] = {(char *)bad[i], NULL};
        YdGateConfig config = *f->config;
        config.listen = listen;
        g_assert_null(yd_gate_new(&config, &error));
        g_assert_nonnull(strstr(error->message, bad[i]));
        g_clear_error(&error);
    }
}

#define GATE(name, func) g_test_add("/gate/" name, Fixture, NULL, set_up, func, tear_down)

// Where the kernel can encrypt it does, and the bytes are right all the same; where it can't the
// test says why.
static void
test_ktls(Fixture *f, gconstpointer data)
{
    const char *why = NULL;
    YdGateTlsCount count;
    gboolean can = yd_ktls_available(&why);
    g_test_message("TLS in the kernel: %s", can ? "yes" : why);
    for (guint i = 0; i < 3; i++) {
        g_autofree char *answer =
            ask(f, TRUE, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        g_assert_nonnull(strstr(answer, "GET /hello"));
    }
    yd_gate_tls_figures(f->gate, &count);
    g_assert_cmpuint(count.handshakes, ==, 3);
    g_assert_cmpuint(count.in_kernel, ==, can ? 3 : 0);
    f->config->ktls = FALSE;
    restart_gate(f);
    g_autofree char *answer =
        ask(f, TRUE, "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    g_assert_nonnull(strstr(answer, "GET /hello"));
    yd_gate_tls_figures(f->gate, &count);
    g_assert_cmpuint(count.in_kernel, ==, 0);
    if (!can)
        g_test_skip(why);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    GATE("rdp", test_rdp);
    GATE("rdp-refused", test_rdp_refused);
    GATE("nonsense", test_nonsense);
    GATE("bulk", test_bulk);
    GATE("spice", test_spice);
    GATE("spice-refused", test_spice_refused);
    GATE("console", test_console);
    GATE("console-refused", test_console_refused);
    GATE("https", test_https);
    GATE("http", test_http);
    GATE("https-reject", test_https_reject);
    GATE("https-hammer", test_https_hammer);
    GATE("ktls", test_ktls);
    GATE("cut", test_cut);
    GATE("deskd-gone", test_deskd_gone);
    GATE("deskd-silent", test_deskd_silent);
    GATE("deskd-restart", test_deskd_restart);
    GATE("slow-loris", test_slow_loris);
    GATE("pouring", test_pouring);
    GATE("socket-limits", test_socket_limits);
    GATE("session-limit", test_session_limit);
    GATE("guessing", test_guessing);
    GATE("reload", test_reload);
    GATE("many", test_many);
    GATE("start-fails", test_start_fails);
    GATE("fixed-port", test_fixed_port);
    return g_test_run();
}
