// SPDX-License-Identifier: Apache-2.0
// Two gates in this process: one beside a fake deskd, one that knows deskd only through the first.
#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>

#include "../wait-for.h"
#include "fake-deskd.h"
#include "gate-client.h"
#include "gate/gate.h"
#include "service/ca.h"

#define TICKET "RdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpRdpR"
#define SPICE_TICKET "SpiceSpiceSpiceSpiceSpiceSpiceSpiceSpiceSpi"
#define GRANT "Grant-Grant-Grant-Grant-Grant-Grant-Grant-G"

typedef struct {
    char *dir, *keys, *bundle;
    FakeDeskd *deskd;
    FakeServer *guest;
    YdGateConfig *home_config, *edge_config;
    YdGate *home, *edge;
} Fixture;

static YdGateConfig *
config_of(const char *folder, const char *name, guint16 port)
{
    YdGateConfig *config = yd_gate_config_new(NULL, NULL);
    g_strfreev(config->listen);
    config->listen = g_new0(char *, 2);
    config->listen[0] = g_strdup_printf("127.0.0.1:%u", port);
    config->workers = 2;
    config->hello_seconds = config->head_seconds = config->redeem_seconds = 30;
    g_free(config->name);
    config->name = g_strdup(name);
    config->certificate = g_build_filename(folder, "gate.pem", NULL);
    config->key = g_build_filename(folder, "gate.key", NULL);
    config->ca = g_build_filename(folder, "ca.pem", NULL);
    config->link_certificate = g_build_filename(folder, "link.pem", NULL);
    config->link_key = g_build_filename(folder, "link.key", NULL);
    return config;
}

static YdGate *
start(const YdGateConfig *config)
{
    g_autoptr(GError) error = NULL;
    YdGate *gate = yd_gate_new(config, &error);
    g_assert_no_error(error);
    return gate;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    f->dir = g_dir_make_tmp("peers-XXXXXX", &error);
    f->keys = g_build_filename(f->dir, "keys", NULL);
    f->bundle = g_build_filename(f->dir, "edge", NULL);
    yd_ca_ensure(f->keys, NULL, &error);
    g_assert_no_error(error);
    yd_ca_ensure_link(f->keys, "gate-1", &error);
    g_assert_no_error(error);
    yd_ca_issue_gate(f->keys, "edge-1", NULL, f->bundle, &error);
    g_assert_no_error(error);
    f->guest = fake_server_tcp(fake_echo, NULL);
    f->deskd = fake_deskd_new(f->dir);
    g_autofree char *guest = fake_server_target(f->guest);
    fake_deskd_ticket(f->deskd, TICKET, "rdp", "con-rdp", guest);
    fake_deskd_ticket(f->deskd, SPICE_TICKET, "spice", "con-spice", guest);
    f->home_config = config_of(f->keys, "gate-1", 0);
    f->home_config->gates = g_build_filename(f->keys, "gates", NULL);
    f->home_config->deskd = g_build_filename(f->dir, "deskd.sock", NULL);
    f->home_config->tickets = g_build_filename(f->dir, "gate.sock", NULL);
    f->home = start(f->home_config);
    g_free(f->home_config->listen[0]); // the same port when it starts again
    f->home_config->listen[0] = g_strdup_printf("127.0.0.1:%u", yd_gate_port(f->home));
    f->edge_config = config_of(f->bundle, "edge-1", 0);
    f->edge_config->manager = g_strdup_printf("gate-1@%s", f->home_config->listen[0]);
    f->edge_config->deskd = g_strdup("/nowhere");
    f->edge_config->tickets = g_strdup("/nowhere");
    if (data == NULL)
        f->edge = start(f->edge_config);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    yd_gate_free(f->edge);
    yd_gate_free(f->home);
    fake_deskd_free(f->deskd);
    fake_server_free(f->guest);
    yd_gate_config_free(f->home_config);
    yd_gate_config_free(f->edge_config);
    const char *argv[] = {"rm", "-rf", f->dir, NULL};
    g_assert_true(g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL,
                               NULL, NULL, NULL));
    g_free(f->dir);
    g_free(f->keys);
    g_free(f->bundle);
}

static void
expect_rdp(Fixture *f, gboolean granted)
{
    static const guint8 refusal[] = {3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34,
                                     0, 3, 0, 8,  0,  4,    0, 0, 0};
    static const guint8 bare[] = {3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0, 3, 0, 0, 0};
    const char *cookie = "Cookie: msts=" TICKET "\r\n";
    gsize n = sizeof bare + strlen(cookie);
    guint8 request[128];
    memcpy(request, bare, 11);
    request[3] = (guint8)n;
    request[4] = (guint8)(n - 5);
    memcpy(request + 11, cookie, strlen(cookie));
    memcpy(request + 11 + strlen(cookie), bare + 11, 8);
    g_autoptr(GateClient) client = gate_client_new(yd_gate_port(f->edge), FALSE);
    gate_client_send(client, request, n);
    if (granted) {
        gate_client_expect(client, bare, sizeof bare);
        gate_client_text(client, "and on it goes");
        gate_client_expect(client, "and on it goes", 14);
        WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 1);
        gate_client_shut(client);
    } else {
        gate_client_expect(client, refusal, sizeof refusal);
    }
    gate_client_expect_end(client);
}

static void
via(Fixture *f, const char *ticket, const char *gate)
{
    g_autofree char *target = g_strdup_printf("tcp:%s", f->home_config->listen[0]);
    fake_deskd_via(f->deskd, ticket, gate, target, GRANT);
}

// Tickets, the API with the client's address, and cuts, all by way of the other gate.
static void
test_link(Fixture *f, gconstpointer data)
{
    WAIT_FOR(yd_gate_is_connected(f->edge));
    g_autofree char *behind = fake_deskd_behind(f->deskd);
    g_assert_cmpstr(behind, ==, "edge-1");
    expect_rdp(f, TRUE);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 0);
    g_autoptr(GateClient) https = gate_client_new(yd_gate_port(f->edge), TRUE);
    gate_client_text(https, "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n");
    g_autofree char *answer = gate_client_answer(https);
    g_assert_nonnull(strstr(answer, "GET /hello source=127.0.0.1"));
}

static void
test_lost_and_found(Fixture *f, gconstpointer data)
{
    WAIT_FOR(yd_gate_is_connected(f->edge));
    yd_gate_free(g_steal_pointer(&f->home));
    WAIT_FOR(!yd_gate_is_connected(f->edge));
    f->home = start(f->home_config);
    WAIT_FOR(yd_gate_is_connected(f->edge));
    expect_rdp(f, TRUE);
}

static void
test_pass(Fixture *f, gconstpointer data)
{
    WAIT_FOR(yd_gate_is_connected(f->edge));
    via(f, TICKET, "gate-1");
    expect_rdp(f, TRUE);
    // One session, told of by the gate where it came in: the bytes are counted once.
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 0);
    g_assert_cmpint(fake_deskd_bytes_up(f->deskd, "con-rdp"), ==, 19 + 14);
    // The grant was for once.
    expect_rdp(f, FALSE);
    via(f, TICKET, "gate-1");
    expect_rdp(f, TRUE);
}

static void
test_pass_spice(Fixture *f, gconstpointer data)
{
    g_autofree char *basic =
        g_base64_encode((const guchar *)"ticket:" SPICE_TICKET, strlen("ticket:" SPICE_TICKET));
    g_autofree char *head = g_strdup_printf(
        "CONNECT desktop:5900 HTTP/1.0\r\nProxy-Authorization: Basic %s\r\n\r\n", basic);
    static const char established[] = "HTTP/1.0 200 Connection established\r\n\r\n";
    WAIT_FOR(yd_gate_is_connected(f->edge));
    via(f, SPICE_TICKET, "gate-1");
    g_autoptr(GateClient) client = gate_client_new(yd_gate_port(f->edge), FALSE);
    gate_client_text(client, head);
    gate_client_expect(client, established, sizeof established - 1);
    gate_client_text(client, "REDQ");
    gate_client_expect(client, "REDQ", 4);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-spice") == 1);
    fake_deskd_cut(f->deskd, "con-spice"); // the gate that spoke last is the one with statistics
    gate_client_expect_end(client);
    WAIT_FOR(fake_server_open(f->guest) == 0);
}

// Another gate than the one that is meant answers; and one that only takes some edges.
static void
test_pass_refused(Fixture *f, gconstpointer data)
{
    WAIT_FOR(yd_gate_is_connected(f->edge));
    via(f, TICKET, "gate-2");
    expect_rdp(f, FALSE);
    g_assert_cmpuint(fake_server_total(f->guest), ==, 0);
    yd_gate_free(g_steal_pointer(&f->home));
    WAIT_FOR(!yd_gate_is_connected(f->edge));
    f->home_config->edges = g_strsplit("edge-2,edge-3", ",", -1);
    f->home = start(f->home_config);
    WAIT_FOR(yd_gate_is_connected(f->edge));
    via(f, TICKET, "gate-1");
    expect_rdp(f, FALSE);
    g_assert_cmpuint(fake_server_total(f->guest), ==, 0);
}

static void
restart(Fixture *f, gboolean home_tls, gboolean edge_tls)
{
    yd_gate_free(g_steal_pointer(&f->edge));
    yd_gate_free(g_steal_pointer(&f->home));
    f->home_config->peer_tls = home_tls;
    f->edge_config->peer_tls = edge_tls;
    f->home = start(f->home_config);
    f->edge = start(f->edge_config);
    WAIT_FOR(yd_gate_is_connected(f->edge)); // by TLS in any case
}

// Without TLS between the gates: only when both say so. What is passed on has TLS where one edge
// still wants it.
static void
test_plain(Fixture *f, gconstpointer data)
{
    restart(f, FALSE, FALSE);
    via(f, TICKET, "gate-1");
    expect_rdp(f, TRUE);
    WAIT_FOR(fake_deskd_sockets(f->deskd, "con-rdp") == 0);
    g_assert_cmpint(fake_deskd_bytes_up(f->deskd, "con-rdp"), ==, 19 + 14);
    expect_rdp(f, FALSE); // the grant was for once
    g_assert_cmpuint(fake_server_total(f->guest), ==, 1);
    restart(f, TRUE, FALSE);
    via(f, TICKET, "gate-1");
    expect_rdp(f, FALSE);
    g_assert_cmpuint(fake_server_total(f->guest), ==, 1);
    restart(f, FALSE, TRUE);
    via(f, TICKET, "gate-1");
    expect_rdp(f, TRUE);
    g_assert_cmpuint(fake_server_total(f->guest), ==, 2);
}

// Nobody gets to deskd that way, and nobody without a name.
static void
test_plain_strangers(Fixture *f, gconstpointer data)
{
    static const char *const lines[] = {
        "{\"op\":\"link\"}\n{\"op\":\"hello\",\"gate\":\"edge-1\",\"version\":1}\n",
        "{\"op\":\"web\"}\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "{\"op\":\"pass\",\"grant\":\"" GRANT "\",\"protocol\":\"rdp\",\"address\":\"127.0.0.1\","
        "\"port\":1,\"keyboard\":0}\n",
        "{\"op\":\"pass\",\"grant\":\"" GRANT "\",\"protocol\":\"rdp\",\"address\":\"127.0.0.1\","
        "\"port\":1,\"keyboard\":0,\"edge\":\"../x\"}\n",
        "{\"op\":nonsense\n",
    };
    restart(f, FALSE, FALSE);
    via(f, TICKET, "gate-1");
    guint requests = fake_deskd_requests(f->deskd), gates = fake_deskd_gates(f->deskd);
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GateClient) client = gate_client_new(yd_gate_port(f->home), FALSE);
        gate_client_text(client, lines[i]);
        gate_client_expect_end(client);
    }
    g_assert_cmpuint(fake_deskd_requests(f->deskd), ==, requests);
    g_assert_cmpuint(fake_deskd_gates(f->deskd), ==, gates);
    g_assert_cmpuint(fake_server_total(f->guest), ==, 0);
    // A grant that nobody gave.
    static const char pass[] =
        "{\"op\":\"pass\",\"grant\":\"" TICKET "\",\"protocol\":\"rdp\","
        "\"address\":\"127.0.0.1\",\"port\":1,\"keyboard\":0,\"edge\":\"edge-1\"}\n";
    g_autoptr(GateClient) thief = gate_client_new(yd_gate_port(f->home), FALSE);
    gate_client_text(thief, pass);
    g_autofree char *answer = gate_client_rest(thief);
    g_assert_true(g_str_has_prefix(answer, "{\"op\":\"refuse\""));
    g_assert_cmpuint(fake_server_total(f->guest), ==, 0);
}

static void
expect_never(Fixture *f)
{
    f->edge = start(f->edge_config);
    for (guint i = 0; i < 100; i++) {
        g_assert_false(yd_gate_is_connected(f->edge));
        g_usleep(10000);
    }
    g_autofree char *behind = fake_deskd_behind(f->deskd);
    g_assert_cmpstr(behind, ==, "");
}

// Taken off the register: its certificate is good, but nobody wants it any more.
static void
test_unregistered(Fixture *f, gconstpointer data)
{
    g_autofree char *file = g_build_filename(f->keys, "gates", "edge-1.pem", NULL);
    g_assert_cmpint(g_unlink(file), ==, 0);
    expect_never(f);
}

// A guest has a certificate of the same CA. It is no gate.
static void
test_guest_is_no_gate(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *certificate = NULL;
    g_autofree char *key = NULL;
    g_autofree char *sum = NULL;
    yd_ca_issue_desktop(f->keys, "edge-1", NULL, "127.0.0.1", &certificate, &key, &sum, &error);
    g_assert_no_error(error);
    g_file_set_contents(f->edge_config->link_certificate, certificate, -1, &error);
    g_file_set_contents(f->edge_config->link_key, key, -1, &error);
    g_assert_no_error(error);
    expect_never(f);
}

static void
test_start_fails(Fixture *f, gconstpointer data)
{
    static const char *const bad[] = {"gate-1", "gate-1@", "@127.0.0.1:1", "gate-1@localhost:1",
                                      "a/b@127.0.0.1:1"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        YdGateConfig config = *f->edge_config;
        config.manager = (char *)bad[i];
        g_assert_null(yd_gate_new(&config, &error));
        g_assert_nonnull(strstr(error->message, "manager"));
    }
    g_autoptr(GError) error = NULL;
    g_assert_cmpint(g_unlink(f->edge_config->link_certificate), ==, 0);
    g_assert_null(yd_gate_new(f->edge_config, &error));
    g_assert_nonnull(strstr(error->message, "--add-gate"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
#define TEST(name, data, func) g_test_add("/peers/" name, Fixture, data, set_up, func, tear_down)
    TEST("link", NULL, test_link);
    TEST("lost-and-found", NULL, test_lost_and_found);
    TEST("pass", NULL, test_pass);
    TEST("pass-spice", NULL, test_pass_spice);
    TEST("pass-refused", NULL, test_pass_refused);
    TEST("plain", NULL, test_plain);
    TEST("plain-strangers", NULL, test_plain_strangers);
    TEST("unregistered", "later", test_unregistered);
    TEST("guest-is-no-gate", "later", test_guest_is_no_gate);
    TEST("start-fails", "later", test_start_fails);
    return g_test_run();
}
