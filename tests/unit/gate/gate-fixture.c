// SPDX-License-Identifier: Apache-2.0
// Starts and ends the parts in order; builds first packets byte by byte.
#include "gate-fixture.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

guint
count_fds(void)
{
    guint n = 0;
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    while (g_dir_read_name(dir) != NULL)
        n++;
    return n;
}

void
start_deskd(Fixture *f)
{
    g_autofree char *guest = fake_server_target(f->guest);
    g_autofree char *vnc = fake_server_target(f->vnc);
    f->deskd = fake_deskd_new(f->dir);
    fake_deskd_ticket(f->deskd, RDP_TICKET, "rdp", "con-rdp", guest);
    fake_deskd_ticket(f->deskd, SPICE_TICKET, "spice", "con-spice", guest);
    fake_deskd_ticket(f->deskd, CONSOLE_TICKET, "console", "con-vnc", vnc);
    fake_deskd_ticket(f->deskd, DEAD_TICKET, "rdp", "con-dead", "tcp:127.0.0.1:1");
}

void
start_gate(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    f->gate = yd_gate_new(f->config, &error);
    g_assert_no_error(error);
    f->port = yd_gate_port(f->gate);
}

void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    f->fds = count_fds();
    f->dir = g_dir_make_tmp("gate-XXXXXX", &error);
    g_assert_no_error(error);
    g_autofree char *vnc = g_build_filename(f->dir, "vnc.sock", NULL);
    f->guest = fake_server_tcp(fake_echo, NULL);
    f->vnc = fake_server_unix(vnc, fake_echo, NULL);
    start_deskd(f);
    f->config = yd_gate_config_new(NULL, NULL);
    g_strfreev(f->config->listen);
    f->config->listen = g_strsplit("127.0.0.1:0", ",", -1);
    f->config->workers = 2;
    // Generous, for busy machines; the tests of limits set their own.
    f->config->hello_seconds = f->config->head_seconds = f->config->redeem_seconds = 30;
    f->config->certificate = g_build_filename(f->dir, "gate.pem", NULL);
    f->config->key = g_build_filename(f->dir, "gate.key", NULL);
    f->config->deskd = g_build_filename(f->dir, "deskd.sock", NULL);
    f->config->tickets = g_build_filename(f->dir, "gate.sock", NULL);
    gate_client_make_certificate(f->config->certificate, f->config->key);
    start_gate(f);
}

void
tear_down(Fixture *f, gconstpointer data)
{
    yd_gate_free(f->gate);
    fake_deskd_free(f->deskd);
    fake_server_free(f->guest);
    fake_server_free(f->vnc);
    unlink(f->config->certificate);
    unlink(f->config->key);
    yd_gate_config_free(f->config);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_assert_cmpuint(count_fds(), ==, f->fds);
}

void
restart_gate(Fixture *f)
{
    yd_gate_free(g_steal_pointer(&f->gate));
    start_gate(f);
}

GateClient *
rdp_connect(Fixture *f, gsize piece)
{
    g_autoptr(GByteArray) request = gate_client_rdp_request(RDP_TICKET);
    g_autoptr(GByteArray) bare = gate_client_rdp_request(NULL);
    GateClient *client = gate_client_new(f->port, FALSE);
    for (gsize at = 0; at < request->len; at += piece)
        gate_client_send(client, request->data + at, MIN(piece, request->len - at));
    gate_client_expect(client, bare->data, bare->len);
    return client;
}

void
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

void
spice_connect(GateClient *client, const char *ticket, gsize piece)
{
    g_autofree char *plain = g_strconcat("ticket:", ticket, NULL);
    g_autofree char *code = g_base64_encode((const guchar *)plain, strlen(plain));
    g_autofree char *text =
        g_strdup_printf("CONNECT vm.desk:5900 HTTP/1.0\r\nHost: vm.desk:5900\r\n"
                        "Proxy-Connection: keep-alive\r\n"
                        "Proxy-Authorization: Basic %s\r\n\r\n",
                        code);
    for (gsize at = 0; at < strlen(text); at += piece)
        gate_client_send(client, text + at, MIN(piece, strlen(text) - at));
}

void
send_frame(GateClient *client, guint8 first, const char *payload)
{
    gsize len = strlen(payload);
    guint8 frame[256] = {first, (guint8)(0x80 | len), 1, 2, 3, 4};
    for (gsize i = 0; i < len; i++)
        frame[6 + i] = (guint8)payload[i] ^ frame[2 + (i & 3)];
    gate_client_send(client, frame, 6 + len);
}

void
console_request(GateClient *client, const char *ticket)
{
    g_autofree char *text = g_strdup_printf(
        "GET /connect/console?ticket=%s HTTP/1.1\r\nHost: gate\r\nUpgrade: websocket\r\n"
        "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n\r\n",
        ticket);
    gate_client_text(client, text);
}

char *
ask(Fixture *f, gboolean tls, const char *request)
{
    g_autoptr(GateClient) client = gate_client_new(f->port, tls);
    gate_client_text(client, request);
    return gate_client_rest(client);
}
