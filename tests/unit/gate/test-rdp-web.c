// SPDX-License-Identifier: Apache-2.0
// RDP for browsers through the whole gate: a guest that speaks X.224 and TLS and shows what it got,
// clients that speak RDCleanPath in WebSocket frames.
#include <glib/gstdio.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fake-deskd.h"
#include "gate-client.h"
#include "gate/gate.h"
#include "service/ca.h"

#define TICKET "WebWebWebWebWebWebWebWebWebWebWebWebWebWebW"
#define WRONG "WrongWrongWrongWrongWrongWrongWrongWrongWro"
#define GRANT "Grant-Grant-Grant-Grant-Grant-Grant-Grant-G"
#define REQUEST_SIZE 19
#define CONFIRM_SIZE 19
#define MUTE 99 // a guest that answers nothing

typedef struct {
    char *dir, *certificate, *key;
    FakeDeskd *deskd;
    FakeServer *guest;
    YdGateConfig *config;
    YdGate *gate;
    guint16 port;
    SSL_CTX *context;
    guint8 protocol; // that the guest chooses
    GMutex lock;
    GByteArray *got; // inside TLS
} Fixture;

// ---- the guest ----

static void
keep(Fixture *f, const guint8 *data, gsize n)
{
    g_mutex_lock(&f->lock);
    g_byte_array_append(f->got, data, (guint)n);
    g_mutex_unlock(&f->lock);
}

static void
serve_tls(Fixture *f, int fd)
{
    guint8 bytes[4096];
    SSL *ssl = SSL_new(f->context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        SSL_write(ssl, "hello", 5);
        for (int n; (n = SSL_read(ssl, bytes, sizeof bytes)) > 0;)
            keep(f, bytes, (gsize)n);
    }
    SSL_free(ssl);
}

static void
serve_guest(int fd, gpointer data)
{
    Fixture *f = data;
    guint8 request[REQUEST_SIZE];
    guint8 confirm[CONFIRM_SIZE] = {3, 0, 0, CONFIRM_SIZE, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 2, 0, 8};
    confirm[15] = f->protocol;
    if (!fake_read(fd, request, sizeof request))
        return;
    g_assert_cmpuint(request[5], ==, 0xe0);
    if (f->protocol == MUTE) {
        fake_read(fd, request, 1);
        return;
    }
    if (fake_write(fd, confirm, sizeof confirm) && f->protocol == 1)
        serve_tls(f, fd);
}

// ---- the fixture ----

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    f->dir = g_dir_make_tmp("rdp-web-XXXXXX", &error);
    f->certificate = g_build_filename(f->dir, "gate.pem", NULL);
    f->key = g_build_filename(f->dir, "gate.key", NULL);
    gate_client_make_certificate(f->certificate, f->key);
    f->context = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_chain_file(f->context, f->certificate);
    SSL_CTX_use_PrivateKey_file(f->context, f->key, SSL_FILETYPE_PEM);
    f->protocol = 1;
    f->got = g_byte_array_new();
    g_mutex_init(&f->lock);
    f->guest = fake_server_tcp(serve_guest, f);
    f->deskd = fake_deskd_new(f->dir);
    g_autofree char *target = fake_server_target(f->guest);
    g_autofree char *sum = gate_client_fingerprint(f->certificate);
    fake_deskd_ticket(f->deskd, TICKET, "rdp-web", "con-web", target);
    fake_deskd_log_in(f->deskd, TICKET, "alice", "secret", data ? data : sum);
    f->config = yd_gate_config_new(NULL, NULL);
    g_strfreev(f->config->listen);
    f->config->listen = g_strsplit("127.0.0.1:0", ",", -1);
    f->config->workers = 1;
    f->config->certificate = g_strdup(f->certificate);
    f->config->key = g_strdup(f->key);
    f->config->deskd = g_build_filename(f->dir, "deskd.sock", NULL);
    f->config->tickets = g_build_filename(f->dir, "gate.sock", NULL);
    f->gate = yd_gate_new(f->config, &error);
    g_assert_no_error(error);
    f->port = yd_gate_port(f->gate);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    yd_gate_free(f->gate);
    fake_deskd_free(f->deskd);
    fake_server_free(f->guest);
    SSL_CTX_free(f->context);
    yd_gate_config_free(f->config);
    const char *argv[] = {"rm", "-rf", f->dir, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
    g_byte_array_unref(f->got);
    g_mutex_clear(&f->lock);
    g_free(f->certificate);
    g_free(f->key);
    g_free(f->dir);
}

// ---- the client ----

static void
put(GByteArray *out, const char *bytes, gsize n)
{
    g_byte_array_append(out, (const guint8 *)bytes, (guint)n);
}

// version 3390, the ticket, an X.224 request for the given protocols.
static GByteArray *
clean_path(const char *ticket, guint8 protocols)
{
    const guint8 x224[REQUEST_SIZE] = {3, 0, 0, REQUEST_SIZE, 14, 0xe0, 0, 0, 0, 0, 0, 1,
                                       0, 8, 0, protocols};
    guint8 len = (guint8)strlen(ticket);
    const guint8 token[] = {0xa3, (guint8)(len + 2), 0x0c, len};
    GByteArray *pdu = g_byte_array_new();
    put(pdu, "\x30\0\xa0\4\2\2\x0d\x3e", 8);
    g_byte_array_append(pdu, token, sizeof token);
    put(pdu, ticket, len);
    put(pdu, "\xa6\x15\4\x13", 4);
    g_byte_array_append(pdu, x224, sizeof x224);
    pdu->data[1] = (guint8)(pdu->len - 2);
    return pdu;
}

static void
send_frame(GateClient *client, const GByteArray *payload)
{
    g_autoptr(GByteArray) frame = g_byte_array_new();
    const guint8 mask[4] = {9, 8, 7, 6};
    const guint8 small[] = {0x82, (guint8)(0x80 | payload->len)};
    const guint8 large[] = {0x82, 0x80 | 126, (guint8)(payload->len >> 8), (guint8)payload->len};
    if (payload->len < 126)
        g_byte_array_append(frame, small, sizeof small);
    else
        g_byte_array_append(frame, large, sizeof large);
    g_byte_array_append(frame, mask, sizeof mask);
    for (guint i = 0; i < payload->len; i++) {
        guint8 masked = payload->data[i] ^ mask[i & 3];
        g_byte_array_append(frame, &masked, 1);
    }
    gate_client_send(client, frame->data, frame->len);
}

static GateClient *
upgraded(Fixture *f, const char *query)
{
    GateClient *client = gate_client_new(f->port, TRUE);
    g_autofree char *text = g_strdup_printf(
        "GET /connect/rdp%s HTTP/1.1\r\nHost: gate\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        query);
    gate_client_text(client, text);
    return client;
}

static GateClient *
asked(Fixture *f, const char *ticket, guint8 protocols)
{
    GateClient *client = upgraded(f, "?keyboard=407");
    g_autofree char *answer = gate_client_answer(client);
    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 101 "));
    g_autoptr(GByteArray) pdu = clean_path(ticket, protocols);
    send_frame(client, pdu);
    return client;
}

// Reads one frame of the gate; the payload, owned.
static GByteArray *
read_frame(GateClient *client, guint8 opcode)
{
    guint8 head[4];
    GByteArray *payload = g_byte_array_new();
    g_assert_cmpint(gate_client_read(client, head, 1), ==, 1);
    g_assert_cmpuint(head[0], ==, opcode);
    g_assert_cmpint(gate_client_read(client, head, 1), ==, 1);
    gsize len = head[0];
    if (len == 126) {
        g_assert_cmpint(gate_client_read(client, head, 1), ==, 1);
        g_assert_cmpint(gate_client_read(client, head + 1, 1), ==, 1);
        len = (gsize)head[0] << 8 | head[1];
    }
    while (payload->len < len) {
        guint8 bytes[512];
        gssize n = gate_client_read(client, bytes, MIN(sizeof bytes, len - payload->len));
        g_assert_cmpint(n, >, 0);
        g_byte_array_append(payload, bytes, (guint)n);
    }
    return payload;
}

static void
expect_error(GateClient *client, const char *bytes, gsize n)
{
    g_autoptr(GByteArray) error = read_frame(client, 0x82);
    g_assert_nonnull(memmem(error->data, error->len, bytes, n));
    G_GNUC_UNUSED g_autoptr(GByteArray) close = read_frame(client, 0x88);
    g_assert_cmpmem(close->data, close->len, "\x03\xe8", 2);
    gate_client_expect_end(client);
}

static void
put_wide(GByteArray *out, const char *text)
{
    for (; *text; text++) {
        g_byte_array_append(out, (const guint8 *)text, 1);
        put(out, "", 1);
    }
    put(out, "\0", 2);
}

#define CORE 216

// MCS connect as MS-RDPBCGR 4.1.3 has it, with client core data alone: what a client says first.
static GByteArray *
client_connect(void)
{
    static const guint8 parameters[] = {
        0x04, 1,    1, 0x04, 1,    1,    0x01, 1,    0xff, // selectors, upward
        0x30, 0x19, 2, 1,    34,   2,    1,    2,    2,    1, 0,    2,    1,    1, 2, 1,    0,
        2,    1,    1, 2,    2,    0xff, 0xff, 2,    1,    2, 0x30, 0x19, 2,    1, 1, 2,    1,
        1,    2,    1, 1,    2,    1,    1,    2,    1,    0, 2,    1,    1,    2, 2, 4,    0x20,
        2,    1,    2, 0x30, 0x1c, 2,    2,    0xff, 0xff, 2, 2,    0xfc, 0x17, 2, 2, 0xff, 0xff,
        2,    1,    1, 2,    1,    0,    2,    1,    1,    2, 2,    0xff, 0xff, 2, 1, 2};
    guint data = CORE + 23, all = (guint)sizeof parameters + 4 + data;
    guint8 head[] = {3, 0, 0, 0, 2, 0xf0, 0x80, 0x7f, 0x65, 0x82, (guint8)(all >> 8), (guint8)all};
    guint8 user[] = {0x04, 0x82, (guint8)(data >> 8), (guint8)data, 0, 5, 0, 0x14, 0x7c, 0, 1};
    guint8 outer[] = {(guint8)(0x80 | (CORE + 12) >> 8), (guint8)(CORE + 12)};
    guint8 inner[] = {(guint8)(0x80 | CORE >> 8), (guint8)CORE};
    guint8 core[CORE] = {0x01, 0xc0, CORE, 0};
    GByteArray *pdu = g_byte_array_new();
    g_byte_array_append(pdu, head, sizeof head);
    g_byte_array_append(pdu, parameters, sizeof parameters);
    g_byte_array_append(pdu, user, sizeof user);
    g_byte_array_append(pdu, outer, sizeof outer);
    put(pdu, "\0\x08\0\x10\0\1\xc0\0Duca", 12);
    g_byte_array_append(pdu, inner, sizeof inner);
    g_byte_array_append(pdu, core, sizeof core);
    pdu->data[2] = (guint8)(pdu->len >> 8);
    pdu->data[3] = (guint8)pdu->len;
    return pdu;
}

// A Client Info PDU with the log-in that the browser knows: none.
static GByteArray *
client_info(void)
{
    GByteArray *pdu = g_byte_array_new();
    put(pdu, "\3\0\0\0\2\xf0\x80\x64\0\5\3\xeb\x70\x80\0", 15);
    put(pdu, "\x40\0\0\0\0\0\0\0\x10\0\0\0\0\0\2\0\2\0\0\0\0\0", 22);
    put_wide(pdu, "");
    put_wide(pdu, "x");
    put_wide(pdu, "y");
    put_wide(pdu, "");
    put_wide(pdu, "");
    pdu->data[3] = (guint8)pdu->len;
    pdu->data[14] = (guint8)(pdu->len - 15);
    return pdu;
}

static gboolean
has_got(Fixture *f, const char *bytes, gsize n)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&f->lock);
    return f->got->data && memmem(f->got->data, f->got->len, bytes, n) != NULL;
}

static void
wait_for(Fixture *f, const char *bytes, gsize n)
{
    gint64 until = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    while (!has_got(f, bytes, n) && g_get_monotonic_time() < until)
        g_usleep(2000);
    g_assert_true(has_got(f, bytes, n));
}

// ---- tests ----

static void
test_session(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = asked(f, TICKET, 1);
    G_GNUC_UNUSED g_autoptr(GByteArray) response = read_frame(client, 0x82);
    g_assert_nonnull(memmem(response->data, response->len, "desktop:3389", 12));
    G_GNUC_UNUSED g_autoptr(GByteArray) hello = read_frame(client, 0x82);
    g_assert_cmpmem(hello->data, hello->len, "hello", 5);
    g_autoptr(GByteArray) connect = client_connect();
    g_autoptr(GByteArray) info = client_info();
    send_frame(client, connect);
    send_frame(client, info);
    wait_for(f, "a\0l\0i\0c\0e\0\0\0s\0e\0c\0r\0e\0t\0\0\0", 26);
    g_autoptr(GByteArray) later = g_byte_array_new();
    put(later, "any bytes at all", 16);
    send_frame(client, later);
    wait_for(f, "any bytes at all", 16);
    g_assert_false(has_got(f, TICKET, strlen(TICKET)));
}

// A gate of that name in the folder of its keys (as deskd makes them).
static YdGateConfig *
chain_config(Fixture *f, const char *folder, const char *name, gboolean peer_tls)
{
    YdGateConfig *config = yd_gate_config_new(NULL, NULL);
    g_strfreev(config->listen);
    config->listen = g_strsplit("127.0.0.1:0", ",", -1);
    config->workers = 1;
    config->peer_tls = peer_tls;
    g_free(config->name);
    config->name = g_strdup(name);
    config->certificate = g_strdup(f->certificate);
    config->key = g_strdup(f->key);
    config->ca = g_build_filename(folder, "ca.pem", NULL);
    config->link_certificate = g_build_filename(folder, "link.pem", NULL);
    config->link_key = g_build_filename(folder, "link.key", NULL);
    config->deskd = g_strdup(f->config->deskd);
    config->tickets = g_strdup(f->config->tickets);
    return config;
}

static YdGate *
start_gate(const YdGateConfig *config)
{
    g_autoptr(GError) error = NULL;
    YdGate *gate = yd_gate_new(config, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 5000 && !yd_gate_is_connected(gate); i++)
        g_usleep(2000);
    g_assert_true(yd_gate_is_connected(gate));
    return gate;
}

// The browser comes to an edge; the gate beside the guest logs it in, and the edge never learns
// with what.
static void
through_chain(Fixture *f, gboolean peer_tls)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *keys = g_build_filename(f->dir, "keys", NULL);
    g_autofree char *folder = g_build_filename(f->dir, "edge", NULL);
    yd_ca_ensure(keys, NULL, &error);
    g_assert_no_error(error);
    yd_ca_ensure_link(keys, "gate-1", &error);
    g_assert_no_error(error);
    yd_ca_issue_gate(keys, "edge-1", NULL, folder, &error);
    g_assert_no_error(error);
    g_autoptr(YdGateConfig) home_config = chain_config(f, keys, "gate-1", peer_tls);
    g_autoptr(YdGateConfig) edge_config = chain_config(f, folder, "edge-1", peer_tls);
    home_config->gates = g_build_filename(keys, "gates", NULL);
    yd_gate_free(g_steal_pointer(&f->gate));
    g_autoptr(YdGate) home = start_gate(home_config);
    g_autofree char *target = g_strdup_printf("tcp:127.0.0.1:%u", yd_gate_port(home));
    edge_config->manager = g_strdup_printf("gate-1@%s", target + strlen("tcp:"));
    f->gate = start_gate(edge_config);
    f->port = yd_gate_port(f->gate);
    fake_deskd_via(f->deskd, TICKET, "gate-1", target, GRANT);
    test_session(f, NULL);
    g_assert_cmpuint(fake_server_total(f->guest), ==, 1);
    // Once more: the grant is used up, and the browser is told in its protocol.
    g_autoptr(GateClient) again = asked(f, TICKET, 1);
    expect_error(again, "\2\2\1\x93", 4); // 403
    g_assert_cmpuint(fake_server_total(f->guest), ==, 1);
    yd_gate_free(g_steal_pointer(&f->gate));
}

static void
test_chain(Fixture *f, gconstpointer data)
{
    through_chain(f, TRUE);
}

static void
test_plain_chain(Fixture *f, gconstpointer data)
{
    through_chain(f, FALSE);
}

static void
test_many_pieces(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = asked(f, TICKET, 1);
    G_GNUC_UNUSED g_autoptr(GByteArray) response = read_frame(client, 0x82);
    G_GNUC_UNUSED g_autoptr(GByteArray) hello = read_frame(client, 0x82);
    g_autoptr(GByteArray) connect = client_connect();
    g_autoptr(GByteArray) info = client_info();
    g_byte_array_prepend(info, connect->data, connect->len);
    for (guint i = 0; i < info->len; i++) {
        g_autoptr(GByteArray) one = g_byte_array_new();
        g_byte_array_append(one, info->data + i, 1);
        send_frame(client, one);
    }
    wait_for(f, "s\0e\0c\0r\0e\0t\0", 12);
}

static void
test_wrong_ticket(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = asked(f, WRONG, 1);
    expect_error(client, "\2\2\1\x93", 4); // 403
    g_assert_cmpuint(fake_server_total(f->guest), ==, 0);
}

static void
test_no_tls(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = asked(f, TICKET, 0);
    expect_error(client, "\2\2\1\x93", 4);
    f->protocol = 0;
    g_autoptr(GateClient) other = asked(f, TICKET, 1);
    expect_error(other, "\2\2\x27\x4d", 4); // 10061
}

static void
test_wrong_certificate(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = asked(f, TICKET, 1);
    expect_error(client, "\2\2\x27\x4d", 4);
    g_assert_false(has_got(f, "secret", 1));
}

static void
test_no_rdp(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = asked(f, TICKET, 1);
    G_GNUC_UNUSED g_autoptr(GByteArray) response = read_frame(client, 0x82);
    G_GNUC_UNUSED g_autoptr(GByteArray) hello = read_frame(client, 0x82);
    g_autoptr(GByteArray) text = g_byte_array_new();
    put(text, "GET / HTTP/1.1\r\n", 16);
    send_frame(client, text);
    G_GNUC_UNUSED g_autoptr(GByteArray) close = read_frame(client, 0x88);
    g_assert_cmpmem(close->data, close->len, "\x03\xeb", 2);
    g_assert_false(has_got(f, "GET", 3));
}

static void
test_bad_requests(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) keyboard = upgraded(f, "?keyboard=xyz");
    g_autofree char *answer = gate_client_answer(keyboard);
    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 400 "));
    g_autoptr(GateClient) client = upgraded(f, "");
    G_GNUC_UNUSED g_autofree char *upgrade = gate_client_answer(client);
    g_autoptr(GByteArray) garbage = g_byte_array_new();
    put(garbage, "\x30\x02zz", 4);
    send_frame(client, garbage);
    expect_error(client, "\2\2\1\x93", 4);
    g_assert_cmpuint(fake_deskd_redeems(f->deskd), ==, 0);
}

// A client that leaves while the guest is silent takes the guest's connection with it, long before
// the time for connecting is up.
static void
test_client_leaves(Fixture *f, gconstpointer data)
{
    f->protocol = MUTE;
    g_autoptr(GateClient) client = asked(f, TICKET, 1);
    gint64 start = g_get_monotonic_time();
    while (fake_server_open(f->guest) == 0)
        g_usleep(2000);
    gate_client_shut(client);
    while (fake_server_open(f->guest) > 0 && g_get_monotonic_time() - start < 9 * G_USEC_PER_SEC)
        g_usleep(2000);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 8 * G_USEC_PER_SEC);
}

static void
test_cut(Fixture *f, gconstpointer data)
{
    g_autoptr(GateClient) client = asked(f, TICKET, 1);
    G_GNUC_UNUSED g_autoptr(GByteArray) response = read_frame(client, 0x82);
    G_GNUC_UNUSED g_autoptr(GByteArray) hello = read_frame(client, 0x82);
    gint64 before = g_get_monotonic_time();
    fake_deskd_cut(f->deskd, "con-web");
    gate_client_expect_end(client);
    g_assert_cmpint(g_get_monotonic_time() - before, <, G_USEC_PER_SEC);
}

int
main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); // the fake guest writes to gates that have hung up
    g_test_init(&argc, &argv, NULL);
#define WEB(name, test, data) g_test_add("/rdp-web/" name, Fixture, data, set_up, test, tear_down)
    WEB("session", test_session, NULL);
    WEB("many-pieces", test_many_pieces, NULL);
    WEB("chain", test_chain, NULL);
    WEB("plain-chain", test_plain_chain, NULL);
    WEB("wrong-ticket", test_wrong_ticket, NULL);
    WEB("no-tls", test_no_tls, NULL);
    WEB("wrong-certificate", test_wrong_certificate, "00ff");
    WEB("no-rdp", test_no_rdp, NULL);
    WEB("bad-requests", test_bad_requests, NULL);
    WEB("client-leaves", test_client_leaves, NULL);
    WEB("cut", test_cut, NULL);
    return g_test_run();
}
