// SPDX-License-Identifier: Apache-2.0
// Figures of a session's path, from readings that a test makes up.
#include "gate/quality.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
    YdGateQuality quality;
    YdGateReading last;
    gint64 now;
} Path;

// Two seconds later: so many more segments, so many of them lost.
static YdGateFigures
step(Path *path, guint32 rtt_ms, guint32 sent, guint32 lost)
{
    YdGateFigures figures;
    YdGateReading next = path->last;
    next.rtt_us = rtt_ms * 1000;
    next.jitter_us = rtt_ms * 100;
    next.sent += sent;
    next.lost += lost;
    path->now += 2 * G_USEC_PER_SEC;
    yd_gate_quality_add(&path->quality, &next, &path->last, NULL, path->now);
    path->last = next;
    yd_gate_quality_figures(&path->quality, &figures);
    return figures;
}

static void
test_nothing(void)
{
    const YdGateQuality quality = {0};
    const YdGateFigures zeros = {0};
    YdGateFigures figures;
    yd_gate_quality_figures(&quality, &figures);
    g_assert_cmpmem(&figures, sizeof figures, &zeros, sizeof zeros);
}

// One strange round trip is no change; two of three are.
static void
test_delay(void)
{
    Path path = {0};
    g_assert_cmpuint(step(&path, 10, 50, 0).rtt_us, ==, 10000);
    step(&path, 10, 50, 0);
    g_assert_cmpuint(step(&path, 10, 50, 0).rtt_us, ==, 10000);
    g_assert_cmpuint(step(&path, 150, 50, 0).rtt_us, ==, 10000);
    YdGateFigures later = step(&path, 160, 50, 0);
    g_assert_cmpuint(later.rtt_us, ==, 150000);
    g_assert_cmpuint(later.min_rtt_us, ==, 10000);
    // Who sends nothing measures nothing.
    g_assert_cmpuint(step(&path, 900, 0, 0).rtt_us, ==, 150000);
    // The shortest one is forgotten after a minute or two.
    for (guint i = 0; i < 62; i++)
        later = step(&path, 160, 50, 0);
    g_assert_cmpuint(later.min_rtt_us, ==, 160000);
}

static void
test_loss(void)
{
    Path path = {0};
    // A retransmission among three packets is no 33 %.
    g_assert_cmpuint(step(&path, 10, 3, 1).loss_ppm, ==, 25000);
    YdGateFigures figures = {0};
    for (guint i = 0; i < 20; i++)
        figures = step(&path, 10, 100, 5);
    g_assert_cmpuint(figures.loss_ppm, >, 45000);
    g_assert_cmpuint(figures.loss_ppm, <, 55000);
    for (guint i = 0; i < 20; i++)
        figures = step(&path, 10, 100, 0);
    g_assert_cmpuint(figures.loss_ppm, <, 1000);
    // What turned out to have been needless is taken back, never below nothing.
    figures = step(&path, 10, 100, (guint32)-3);
    g_assert_cmpuint(figures.loss_ppm, ==, 0);
}

// A pause of days costs nothing and leaves nothing.
static void
test_pause(void)
{
    Path path = {0};
    step(&path, 10, 1000, 100);
    path.now += 30 * 86400 * (gint64)G_USEC_PER_SEC;
    g_assert_cmpuint(step(&path, 10, 100, 0).loss_ppm, ==, 0);
}

static YdGateFigures
queue(Path *path, guint32 unsent, guint64 rate, gboolean floor)
{
    path->last.unsent = unsent;
    path->last.rate = rate;
    path->last.rate_is_floor = floor;
    return step(path, 10, 10, 0);
}

static void
test_queue(void)
{
    Path path = {0};
    // How fast the path is nobody knows yet.
    g_assert_cmpuint(queue(&path, 100000, 1000, TRUE).queue_us, ==, 0);
    g_assert_cmpuint(queue(&path, 0, 1000, TRUE).rate, ==, 1000);
    g_assert_cmpuint(queue(&path, 100000, 100000, FALSE).queue_us, ==, 500000);
    g_assert_cmpuint(queue(&path, 100000, 100000, FALSE).queue_us, ==, 750000);
    g_assert_cmpuint(queue(&path, 0, 3000, TRUE).rate, ==, 100000);
    for (guint i = 0; i < 20; i++)
        queue(&path, 0, 3000, TRUE);
    g_assert_cmpuint(queue(&path, 0, 3000, TRUE).queue_us, <, 10);
}

static void
test_server(void)
{
    Path path = {0};
    YdGateFigures figures;
    const YdGateReading reading = {.rtt_us = 1, .sent = 1};
    YdGateReading server = {.rtt_us = 200, .timeout_us = 200000};
    const struct {
        guint32 rtt_us, timeout_us;
        gboolean stuck;
        guint64 told;
    } row[] = {{200, 200000, FALSE, 200},  {90000, 200000, FALSE, 200},  {300, 400000, TRUE, 200},
               {300, 800000, TRUE, 90000}, {300, 1600000, TRUE, 400000}, {300, 200000, FALSE, 300}};
    for (guint i = 0; i < G_N_ELEMENTS(row); i++) {
        server.rtt_us = row[i].rtt_us;
        server.timeout_us = row[i].timeout_us;
        server.stuck = row[i].stuck;
        yd_gate_quality_add(&path.quality, &reading, &path.last, &server, i + 1);
        yd_gate_quality_figures(&path.quality, &figures);
        g_assert_cmpuint(figures.server_us, ==, row[i].told);
    }
}

// The kernel's own figures of a real connection.
static void
test_reading(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), pair[2];
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    YdGateReading reading;
    char byte = 'x';
    g_assert_cmpint(bind(listener, (struct sockaddr *)&address, len), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    g_assert_cmpint(getsockname(listener, (struct sockaddr *)&address, &len), ==, 0);
    g_assert_cmpint(connect(client, (struct sockaddr *)&address, len), ==, 0);
    int server = accept(listener, NULL, NULL);
    for (guint i = 0; i < 10; i++) {
        g_assert_cmpint(write(client, &byte, 1), ==, 1);
        g_assert_cmpint(read(server, &byte, 1), ==, 1);
    }
    g_assert_true(yd_gate_reading_take(client, &reading));
    g_assert_cmpuint(reading.rtt_us, >, 0);
    g_assert_cmpuint(reading.sent, >=, 1);
    g_assert_cmpuint(reading.unsent, ==, 0);
    g_assert_false(reading.stuck);
    close(server);
    close(client);
    close(listener);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    g_assert_false(yd_gate_reading_take(pair[0], &reading));
    g_assert_false(yd_gate_reading_take(-1, &reading));
    close(pair[0]);
    close(pair[1]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/quality/nothing", test_nothing);
    g_test_add_func("/gate/quality/delay", test_delay);
    g_test_add_func("/gate/quality/loss", test_loss);
    g_test_add_func("/gate/quality/pause", test_pause);
    g_test_add_func("/gate/quality/queue", test_queue);
    g_test_add_func("/gate/quality/server", test_server);
    g_test_add_func("/gate/quality/reading", test_reading);
    return g_test_run();
}
