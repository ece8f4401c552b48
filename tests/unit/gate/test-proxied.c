// SPDX-License-Identifier: Apache-2.0
// The gate behind a load balancer that says for whom it comes: who is believed, whose limits count,
// and what is spoken when TLS has ended before.
#include <poll.h>
#include <string.h>

#include "gate-fixture.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define FROM_A "\xcb\x00\x71\x07\xcb\x00\x71\x01\xc3\xc0\x01\xbb" // 203.0.113.7 port 50112
#define FROM_B "\xcb\x00\x71\x08\xcb\x00\x71\x01\xc3\xc0\x01\xbb" // 203.0.113.8
#define ALSO_TLS "\x20\0\x05\x01\0\0\0\0"

// sizeof: there are zeros in them.
#define SEND(client, bytes) gate_client_send(client, bytes, sizeof bytes - 1)

static const char tcp_a[] = SIGNATURE "\x21\x11\0\x0c" FROM_A;
static const char tcp_b[] = SIGNATURE "\x21\x11\0\x0c" FROM_B;
static const char tls_a[] = SIGNATURE "\x21\x11\0\x14" FROM_A ALSO_TLS;
static const char local[] = SIGNATURE "\x20\0\0\0";

static void
trust(Fixture *f)
{
    f->config->proxies = g_strsplit("192.0.2.1,127.0.0.1", ",", -1);
    restart_gate(f);
}

static void
test_stranger(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = gate_client_new(f->port, FALSE);
    SEND(client, tls_a);
    gate_client_try_send(client, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 27);
    gate_client_expect_end(client);
    // And in the clear without a header, as ever.
    g_autofree char *moved = ask(f, FALSE, "GET / HTTP/1.1\r\nHost: gate\r\n\r\n");
    g_assert_true(g_str_has_prefix(moved, "HTTP/1.1 301 "));
}

// deskd hears of the client, whatever method it uses.
static void
test_web(Fixture *f, gconstpointer data)
{
    trust(f);
    g_autoptr(GateClient) client = gate_client_new(f->port, FALSE);
    SEND(client, tls_a);
    gate_client_text(client, "GET /api/v1/pools HTTP/1.1\r\nHost: a\r\n\r\n");
    g_autofree char *answer = gate_client_answer(client);
    g_assert_nonnull(strstr(answer, "GET /api/v1/pools source=203.0.113.7 body=0 sum=0\n"));
    g_autoptr(GateClient) poster = gate_client_new(f->port, FALSE);
    SEND(poster, tls_a);
    gate_client_text(poster,
                     "POST /api/v1/pools HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
    g_autofree char *posted = gate_client_answer(poster);
    g_assert_nonnull(strstr(posted, "POST /api/v1/pools source=203.0.113.7 body=1 "));
}

static void
test_console(Fixture *f, gconstpointer data)
{
    static const char first[] = "HTTP/1.1 101 ";
    trust(f);
    fake_deskd_set_source(f->deskd, "203.0.113.7");
    g_autoptr(GateClient) client = gate_client_new(f->port, FALSE);
    for (gsize i = 0; i < sizeof tls_a - 1; i++) // byte by byte
        gate_client_send(client, tls_a + i, 1);
    console_request(client, CONSOLE_TICKET);
    gate_client_expect(client, first, sizeof first - 1);
    char c = 0;
    for (guint ends = 0; ends < 4; ends = c == "\r\n\r\n"[ends] ? ends + 1 : 0)
        g_assert_cmpint(gate_client_read(client, &c, 1), ==, 1);
    send_frame(client, 0x82, "hello");
    gate_client_expect(client, "\x82\x05hello", 7);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-vnc") == 1);
}

// Without TLS before: as any client, from the address in the header.
static void
test_plain(Fixture *f, gconstpointer data)
{
    trust(f);
    fake_deskd_set_source(f->deskd, "203.0.113.7");
    g_autoptr(GateClient) web = gate_client_new(f->port, FALSE);
    SEND(web, tcp_a);
    gate_client_text(web, "GET /x HTTP/1.1\r\nHost: gate\r\n\r\n");
    g_autofree char *moved = gate_client_rest(web);
    g_assert_true(g_str_has_prefix(moved, "HTTP/1.1 301 "));
    g_autoptr(GByteArray) request = gate_client_rdp_request(RDP_TICKET);
    g_autoptr(GByteArray) bare = gate_client_rdp_request(NULL);
    g_autoptr(GateClient) rdp = gate_client_new(f->port, FALSE);
    SEND(rdp, tcp_a);
    gate_client_send(rdp, request->data, request->len);
    gate_client_expect(rdp, bare->data, bare->len);
}

static void
test_refused(Fixture *f, gconstpointer data)
{
    static const char bad[] = SIGNATURE "\x21\x11\0\x04"
                                        "abcd";
    trust(f);
    g_autoptr(GateClient) twice = gate_client_new(f->port, FALSE);
    SEND(twice, tcp_a);
    gate_client_try_send(twice, tcp_b, sizeof tcp_b - 1);
    gate_client_expect_end(twice);
    g_autoptr(GateClient) wrong = gate_client_new(f->port, FALSE);
    SEND(wrong, bad);
    gate_client_expect_end(wrong);
    // The proxy's own question whether the gate is there.
    g_autoptr(GateClient) check = gate_client_new(f->port, FALSE);
    SEND(check, local);
    gate_client_shut(check);
    gate_client_expect_end(check);
}

static GateClient *
come(Fixture *f, const char *header, gsize len)
{
    GateClient *client = gate_client_new(f->port, FALSE);
    gate_client_send(client, header, len);
    gate_client_try_send(client, "GET /x HTTP/1.1\r\n", 17);
    return client;
}

// Which of the clients is sent away; the gate's threads may look at them in any order.
static guint
first_to_end(GateClient *const *clients, guint n)
{
    struct pollfd fds[8];
    g_assert_cmpuint(n, <=, G_N_ELEMENTS(fds));
    for (guint i = 0; i < n; i++)
        fds[i] = (struct pollfd){.fd = gate_client_fd(clients[i]), .events = POLLIN};
    g_assert_cmpint(poll(fds, n, 10000), ==, 1);
    for (guint i = 0; i < n; i++)
        if (fds[i].revents)
            return i;
    g_assert_not_reached();
}

// A client's limits are its own, however many come by the same proxy.
static void
test_limits(Fixture *f, gconstpointer data)
{
    GateClient *clients[5]; // a, b, a, b, a: one too many
    f->config->limits.max_sockets_per_address = 2;
    trust(f);
    for (guint i = 0; i < 5; i++) {
        clients[i] =
            i % 2 == 0 ? come(f, tcp_a, sizeof tcp_a - 1) : come(f, tcp_b, sizeof tcp_b - 1);
    }
    guint refused = first_to_end(clients, 5);
    g_assert_cmpuint(refused % 2, ==, 0);
    gate_client_expect_end(clients[refused]);
    for (guint i = 0; i < 5; i++) {
        if (i != refused) {
            gate_client_text(clients[i], "Host: gate\r\n\r\n");
            g_autofree char *moved = gate_client_rest(clients[i]);
            g_assert_true(g_str_has_prefix(moved, "HTTP/1.1 301 "));
        }
        gate_client_free(clients[i]);
    }
    g_autoptr(GateClient) later = NULL;
    g_autofree char *answer = NULL;
    later = come(f, tcp_a, sizeof tcp_a - 1);
    gate_client_text(later, "Host: gate\r\n\r\n");
    answer = gate_client_rest(later);
    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 301 "));
}

#define TEST(name, func) g_test_add("/gate/proxied/" name, Fixture, NULL, set_up, func, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("stranger", test_stranger);
    TEST("web", test_web);
    TEST("console", test_console);
    TEST("plain", test_plain);
    TEST("refused", test_refused);
    TEST("limits", test_limits);
    return g_test_run();
}
