// SPDX-License-Identifier: Apache-2.0
// Server-sent events in whole, in single bytes, with every kind of line end.
#include "rest/sse.h"

#include <string.h>

#include "base/error.h"

static void
on_event(const char *id, const char *type, const char *data, gpointer user_data)
{
    g_string_append_printf(user_data, "[%s|%s|%s]", id, type, data);
}

static void
check(const char *text, gsize piece, const char *expected)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    g_autoptr(YdSse) sse = yd_sse_new(on_event, seen);
    g_autoptr(GError) error = NULL;
    gsize n = strlen(text);
    for (gsize at = 0; at < n; at += piece) {
        g_assert_true(yd_sse_feed(sse, text + at, MIN(piece, n - at), &error));
        g_assert_no_error(error);
    }
    g_assert_cmpstr(seen->str, ==, expected);
}

static void
test_events(void)
{
    static const struct {
        const char *text, *expected;
    } table[] = {
        {"data: a\n\n", "[|message|a]"},
        {"data:a\ndata: b\n\n", "[|message|a\nb]"},
        {"id: 7\nevent: changed\ndata: {}\n\n", "[7|changed|{}]"},
        {"id: 7\r\ndata: a\r\n\r\ndata: b\r\n\r\n", "[7|message|a][7|message|b]"},
        {"id: 7\rdata: a\r\rdata: b\r\r", "[7|message|a][7|message|b]"},
        {": keep-alive\n\n\n: x\ndata\n\n", "[|message|]"},
        {"event: only\n\ndata: x\n\n", "[|message|x]"},
        {"retry: 10\nunknown: y\ndata: 你好\n\n", "[|message|你好]"},
        {"data: not ended\n", ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        check(table[i].text, 1000, table[i].expected);
        check(table[i].text, 1, table[i].expected);
        check(table[i].text, 3, table[i].expected);
    }
}

static void
test_last_id(void)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    g_autoptr(YdSse) sse = yd_sse_new(on_event, seen);
    g_assert_cmpstr(yd_sse_last_id(sse), ==, "");
    g_assert_true(yd_sse_feed(sse, "id: 12\n\n", 8, NULL));
    g_assert_cmpstr(yd_sse_last_id(sse), ==, "12");
    g_assert_cmpstr(seen->str, ==, "");
}

static void
test_limit(void)
{
    g_autoptr(GString) seen = g_string_new(NULL);
    g_autoptr(YdSse) sse = yd_sse_new(on_event, seen);
    g_autoptr(GError) error = NULL;
    g_autofree char *block = g_strnfill(4096, 'x');
    guint n = 0;
    while (n < 1000 && yd_sse_feed(sse, block, 4096, &error))
        n++;
    g_assert_error(error, YD_ERROR, YD_ERROR_TOO_LARGE);
    g_assert_cmpuint(n, <=, 256);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sse/events", test_events);
    g_test_add_func("/sse/last-id", test_last_id);
    g_test_add_func("/sse/limit", test_limit);
    return g_test_run();
}
