// SPDX-License-Identifier: Apache-2.0
// The small looks over TCP against a server that answers well, badly, in pieces, or not at all.
#include "service/desktop-private.h"

#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <sys/socket.h>

typedef struct {
    int listener;
    guint16 port;
    const guint8 *answer;
    gsize length;
    gboolean mute; // holds the connection without a word until the client goes
    GByteArray *request;
    GThread *thread;
} Server;

static gpointer
serve(gpointer data)
{
    Server *server = data;
    guint8 buffer[1024];
    int fd = accept(server->listener, NULL, NULL);
    if (fd < 0)
        return NULL;
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n > 0)
        g_byte_array_append(server->request, buffer, (guint)n);
    for (gsize i = 0; i < server->length; i++) { // byte by byte
        if (send(fd, server->answer + i, 1, MSG_NOSIGNAL) != 1)
            break;
    }
    while (server->mute && recv(fd, buffer, sizeof buffer, 0) > 0)
        ;
    if (!server->mute) {
        shutdown(fd, SHUT_WR);
        while (recv(fd, buffer, sizeof buffer, 0) > 0)
            ;
    }
    close(fd);
    return NULL;
}

static void
server_start(Server *server, gconstpointer answer, gsize length)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
    socklen_t size = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(server->listener, (struct sockaddr *)&address, size), ==, 0);
    g_assert_cmpint(listen(server->listener, 4), ==, 0);
    g_assert_cmpint(getsockname(server->listener, (struct sockaddr *)&address, &size), ==, 0);
    server->port = ntohs(address.sin_port);
    server->answer = answer;
    server->length = length;
    server->request = g_byte_array_new();
    server->thread = g_thread_new("server", serve, server);
}

static void
server_stop(Server *server)
{
    if (server->thread)
        g_thread_join(server->thread);
    close(server->listener);
    g_byte_array_unref(server->request);
}

static const guint8 confirm[] = {3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34,
                                 0, 2, 0, 8,  0,  1,    0, 0, 0};

static void
rdp_answers(void)
{
    static const guint8 plain[] = {3, 0, 0, 11, 6, 0xd0, 0, 0, 0x12, 0x34, 0};
    static const guint8 failure[] = {3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34,
                                     0, 3, 0, 8,  0,  5,    0, 0, 0};
    static const guint8 short_one[] = {3, 0, 0, 19, 14, 0xd0};
    static const guint8 huge[] = {3, 0, 0xff, 0xff, 14, 0xd0, 0, 0, 0, 0, 0};
    static const guint8 tiny[] = {3, 0, 0, 4};
    static const struct {
        const guint8 *answer;
        gsize length;
        int code; // -1: good
    } cases[] = {{confirm, sizeof confirm, -1},
                 {plain, sizeof plain, -1},
                 {failure, sizeof failure, YD_ERROR_STATE},
                 {short_one, sizeof short_one, YD_ERROR_STATE},
                 {huge, sizeof huge, YD_ERROR_STATE},
                 {tiny, sizeof tiny, YD_ERROR_STATE},
                 {(const guint8 *)"SSH-2.0-OpenSSH\r\n", 17, YD_ERROR_STATE},
                 {NULL, 0, YD_ERROR_STATE}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Server server = {0};
        g_autoptr(GError) error = NULL;
        server_start(&server, cases[i].answer, cases[i].length);
        gboolean good = yd_probe_rdp("127.0.0.1", server.port, NULL, 5000, &error);
        server_stop(&server);
        g_assert_true(good == (cases[i].code < 0));
        if (!good)
            g_assert_error(error, YD_ERROR, cases[i].code);
    }
}

static void
rdp_request_with_ticket(void)
{
    Server server = {0};
    g_autoptr(GError) error = NULL;
    server_start(&server, confirm, sizeof confirm);
    g_assert_true(yd_probe_rdp("localhost", server.port, "TICKET", 5000, &error));
    g_thread_join(g_steal_pointer(&server.thread));
    const guint8 *data = server.request->data;
    g_assert_cmpuint(data[0], ==, 3);
    g_assert_cmpuint((guint)data[2] << 8 | data[3], ==, server.request->len);
    g_assert_cmpuint(data[4], ==, server.request->len - 5);
    g_assert_cmpmem(data + 11, 21, "Cookie: msts=TICKET\r\n", 21);
    server_stop(&server);
}

static void
nobody_there(void)
{
    Server server = {0};
    g_autoptr(GError) error = NULL;
    server_start(&server, NULL, 0);
    guint16 port = server.port;
    yd_probe_rdp("127.0.0.1", port, NULL, 1000, NULL);
    server_stop(&server);
    g_assert_false(yd_probe_rdp("127.0.0.1", port, NULL, 1000, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_clear_error(&error);
    g_assert_false(yd_probe_rdp("no-such-host.invalid", port, NULL, 1000, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
}

// In time, whoever holds the line.
static void
silence(void)
{
    g_autoptr(GError) error = NULL;
    for (guint i = 0; i < 3; i++) {
        Server server = {.mute = TRUE};
        gint64 since = g_get_monotonic_time();
        server_start(&server, NULL, 0);
        if (i == 0)
            g_assert_false(yd_probe_rdp("127.0.0.1", server.port, NULL, 200, &error));
        else if (i == 1)
            g_assert_false(yd_probe_spice("127.0.0.1", server.port, NULL, 200, &error));
        else
            g_assert_false(yd_probe_tls("127.0.0.1", server.port, "/nowhere/ca.pem", 200, &error));
        g_assert_nonnull(error);
        g_clear_error(&error);
        server_stop(&server);
        g_assert_cmpint(g_get_monotonic_time() - since, <, 3 * G_USEC_PER_SEC);
    }
}

static void
spice_answers(void)
{
    static const guint8 good[] = {'R', 'E', 'D', 'Q', 2, 0, 0, 0, 2, 0,
                                  0,   0,   186, 0,   0, 0, 0, 0, 0, 0};
    static const guint8 refused[] = {'R', 'E', 'D', 'Q', 2, 0, 0, 0, 2, 0,
                                     0,   0,   186, 0,   0, 0, 7, 0, 0, 0};
    Server server = {0};
    g_autoptr(GError) error = NULL;
    server_start(&server, good, sizeof good);
    g_assert_true(yd_probe_spice("127.0.0.1", server.port, NULL, 5000, &error));
    server_stop(&server);
    server_start(&server, refused, sizeof refused);
    g_assert_false(yd_probe_spice("127.0.0.1", server.port, NULL, 5000, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    server_stop(&server);
}

static void
spice_through_a_gate(void)
{
    static const char good[] = "HTTP/1.1 200 Connection established\r\nX: y\r\n\r\n"
                               "REDQ\2\0\0\0\2\0\0\0\272\0\0\0\0\0\0";
    static const char refused[] = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    Server server = {0};
    g_autoptr(GError) error = NULL;
    server_start(&server, good, sizeof good);
    g_assert_true(yd_probe_spice("127.0.0.1", server.port, "TICKET", 5000, &error));
    g_assert_no_error(error);
    server_stop(&server);
    server_start(&server, refused, sizeof refused - 1);
    g_assert_false(yd_probe_spice("127.0.0.1", server.port, "TICKET", 5000, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "407"));
    server_stop(&server);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/probe/rdp-answers", rdp_answers);
    g_test_add_func("/probe/rdp-request-with-ticket", rdp_request_with_ticket);
    g_test_add_func("/probe/nobody-there", nobody_there);
    g_test_add_func("/probe/silence", silence);
    g_test_add_func("/probe/spice-answers", spice_answers);
    g_test_add_func("/probe/spice-through-a-gate", spice_through_a_gate);
    return g_test_run();
}
