// SPDX-License-Identifier: Apache-2.0
// Sessions and the statistics that are told of them.
#include "gate/sessions.h"

#include <string.h>

static void
assert_stats(YdGateSessions *sessions, const char *expected)
{
    g_autofree char *line = yd_gate_sessions_take_stats(sessions);
    if (expected == NULL) {
        g_assert_null(line);
        return;
    }
    g_autofree char *whole = g_strdup_printf("{\"op\":\"stats\",\"sessions\":[%s]}\n", expected);
    g_assert_cmpstr(line, ==, whole);
}

static void
add(YdGateSessions *sessions, YdGateSession *session, guint64 up, guint64 down)
{
    const YdGateNews news = {.now = 1, .bytes_up = up, .bytes_down = down, .started = 1};
    yd_gate_sessions_add(sessions, session, &news);
}

// What a socket's readings say; times in seconds.
static void
add_reading(YdGateSessions *sessions, YdGateSession *session, const YdGateReading *reading,
            const YdGateReading *before, gint64 now)
{
    const YdGateNews news = {
        .now = now * G_USEC_PER_SEC, .reading = reading, .before = before, .started = 1};
    yd_gate_sessions_add(sessions, session, &news);
}

#define STATS(sockets, up, down, rtt, lost)                                                        \
    "{\"session\":\"con-1\",\"sockets\":" sockets ",\"bytes_up\":" up ",\"bytes_down\":" down      \
    ",\"rtt_us\":" rtt ",\"lost\":" lost "}"

static void
test_stats(void)
{
    g_autoptr(YdGateSessions) sessions = yd_gate_sessions_new();
    assert_stats(sessions, NULL);
    YdGateSession *a = yd_gate_sessions_join(sessions, "con-1");
    YdGateSession *b = yd_gate_sessions_join(sessions, "con-1");
    g_assert_true(a == b);
    g_assert_cmpstr(yd_gate_session_id(a), ==, "con-1");
    assert_stats(sessions, STATS("2", "0", "0", "0", "0"));
    assert_stats(sessions, NULL);
    add(sessions, a, 10, 20);
    add(sessions, b, 1, 2);
    assert_stats(sessions, STATS("2", "11", "22", "0", "0"));
    add(sessions, b, 0, 0);
    assert_stats(sessions, NULL);
    yd_gate_sessions_leave(sessions, &a);
    g_assert_null(a);
    yd_gate_sessions_leave(sessions, &a);
    yd_gate_sessions_leave(sessions, &b);
    assert_stats(sessions, STATS("0", "11", "22", "0", "0"));
    // After an end it counts on.
    a = yd_gate_sessions_join(sessions, "con-1");
    add(sessions, a, 1, 0);
    assert_stats(sessions, STATS("1", "12", "22", "0", "0"));
    yd_gate_sessions_touch_all(sessions);
    assert_stats(sessions, STATS("1", "12", "22", "0", "0"));
    // Of a quiet one with a socket deskd has to hear now and then, or it takes the gate for dead.
    assert_stats(sessions, NULL);
    g_assert_cmpuint(yd_gate_session_sockets(sessions, a), ==, 1);
    yd_gate_sessions_touch_open(sessions);
    assert_stats(sessions, STATS("1", "12", "22", "0", "0"));
    yd_gate_sessions_leave(sessions, &a);
    assert_stats(sessions, STATS("0", "12", "22", "0", "0"));
    yd_gate_sessions_touch_open(sessions);
    assert_stats(sessions, NULL);
}

// Figures of the path are told with the session, and again when they have settled.
static void
test_figures(void)
{
    g_autoptr(YdGateSessions) sessions = yd_gate_sessions_new();
    YdGateSession *a = yd_gate_sessions_join(sessions, "con-1");
    const YdGateReading none = {0}, one = {.rtt_us = 900, .jitter_us = 40, .sent = 90, .lost = 9};
    const YdGateReading same = {.rtt_us = 900, .jitter_us = 40, .sent = 90, .lost = 9};
    assert_stats(sessions, STATS("1", "0", "0", "0", "0"));
    add_reading(sessions, a, &one, &none, 1);
    assert_stats(
        sessions,
        "{\"session\":\"con-1\",\"sockets\":1,\"bytes_up\":0,\"bytes_down\":0,\"rtt_us\":900,"
        "\"lost\":9,\"min_rtt_us\":900,\"jitter_us\":40,\"loss_ppm\":100000}");
    // Nothing new is no news.
    add_reading(sessions, a, &same, &one, 2);
    assert_stats(sessions, NULL);
    // A quiet session's losses are forgotten, and that is told.
    for (gint64 now = 3; now < 300; now += 2)
        add_reading(sessions, a, &same, &one, now);
    g_autofree char *line = yd_gate_sessions_take_stats(sessions);
    g_assert_nonnull(strstr(line, "\"lost\":9"));
    g_assert_null(strstr(line, "loss_ppm"));
    // So is a queue that has gone.
    YdGateReading queue = same, gone = same;
    queue.unsent = 100000;
    queue.rate = gone.rate = 100000;
    add_reading(sessions, a, &queue, &same, 301);
    g_autofree char *queued = yd_gate_sessions_take_stats(sessions);
    g_assert_nonnull(strstr(queued, "\"queue_us\":500000"));
    for (gint64 now = 303; now < 340; now += 2)
        add_reading(sessions, a, &gone, &queue, now);
    g_autofree char *empty = yd_gate_sessions_take_stats(sessions);
    g_assert_nonnull(empty);
    g_assert_null(strstr(empty, "\"queue_us\":500000"));
    yd_gate_sessions_leave(sessions, &a);
}

// The first byte and picture of a session count from its first socket, and once.
static void
test_firsts(void)
{
    g_autoptr(YdGateSessions) sessions = yd_gate_sessions_new();
    YdGateSession *a = yd_gate_sessions_join(sessions, "con-1");
    YdGateNews news = {.now = 9000, .started = 1000000, .first_byte = 1042000};
    yd_gate_sessions_add(sessions, a, &news);
    news = (YdGateNews){
        .now = 9000, .started = 5000000, .first_byte = 6000000, .first_picture = 7000000};
    yd_gate_sessions_add(sessions, a, &news);
    g_autofree char *line = yd_gate_sessions_take_stats(sessions);
    g_assert_nonnull(strstr(line, "\"first_byte_ms\":42,"));
    g_assert_nonnull(strstr(line, "\"first_picture_ms\":6000}"));
    yd_gate_sessions_leave(sessions, &a);
}

// The last socket ended because the desktop went silent; the next use begins anew.
static void
test_desktop_lost(void)
{
    g_autoptr(YdGateSessions) sessions = yd_gate_sessions_new();
    YdGateSession *a = yd_gate_sessions_join(sessions, "con-1");
    yd_gate_sessions_begin(sessions, a, NULL);
    yd_gate_sessions_desktop_lost(sessions, a);
    assert_stats(sessions, STATS("1", "0", "0", "0", "0"));
    yd_gate_sessions_leave(sessions, &a);
    assert_stats(sessions, "{\"session\":\"con-1\",\"sockets\":0,\"bytes_up\":0,\"bytes_down\":0,"
                           "\"rtt_us\":0,\"lost\":0,\"end\":\"desktop-lost\"}");
    a = yd_gate_sessions_join(sessions, "con-1");
    YdGateUse use;
    yd_gate_sessions_end(sessions, a, &use);
    yd_gate_sessions_begin(sessions, a, NULL);
    yd_gate_sessions_leave(sessions, &a);
    assert_stats(sessions, STATS("0", "0", "0", "0", "0"));
}

static void
test_cut(void)
{
    g_autoptr(YdGateSessions) sessions = yd_gate_sessions_new();
    YdGateSession *a = yd_gate_sessions_join(sessions, "con-1");
    g_assert_false(yd_gate_session_is_cut(a));
    yd_gate_sessions_cut(sessions, "con-1");
    g_assert_true(yd_gate_session_is_cut(a));
    yd_gate_sessions_leave(sessions, &a);
    assert_stats(sessions, STATS("0", "0", "0", "0", "0"));
    a = yd_gate_sessions_join(sessions, "con-1");
    g_assert_true(yd_gate_session_is_cut(a));
    yd_gate_sessions_leave(sessions, &a);
    yd_gate_sessions_cut(sessions, "con-2");
    g_autofree char *line = yd_gate_sessions_take_stats(sessions);
    g_assert_nonnull(strstr(line, "\"con-2\",\"sockets\":0"));
}

// More sessions than a line may hold come in several lines, each session once.
static void
test_batches(void)
{
    g_autoptr(YdGateSessions) sessions = yd_gate_sessions_new();
    g_autoptr(GString) all = g_string_new(NULL);
    guint lines = 0;
    for (guint i = 0; i < 1000; i++) {
        g_autofree char *id = g_strdup_printf("con-%u", i);
        YdGateSession *session = yd_gate_sessions_join(sessions, id);
        yd_gate_sessions_leave(sessions, &session);
    }
    for (char *line; (line = yd_gate_sessions_take_stats(sessions)) != NULL; lines++) {
        g_assert_cmpuint(strlen(line), <=, YD_GATE_LINE_MAX);
        g_string_append(all, line);
        g_free(line);
    }
    g_assert_cmpuint(lines, ==, (1000 + YD_GATE_STATS_MAX - 1) / YD_GATE_STATS_MAX);
    for (guint i = 0; i < 1000; i++) {
        g_autofree char *id = g_strdup_printf("\"con-%u\"", i);
        const char *found = strstr(all->str, id);
        g_assert_nonnull(found);
        g_assert_null(strstr(found + 1, id));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/sessions/stats", test_stats);
    g_test_add_func("/gate/sessions/figures", test_figures);
    g_test_add_func("/gate/sessions/firsts", test_firsts);
    g_test_add_func("/gate/sessions/desktop-lost", test_desktop_lost);
    g_test_add_func("/gate/sessions/cut", test_cut);
    g_test_add_func("/gate/sessions/batches", test_batches);
    return g_test_run();
}
