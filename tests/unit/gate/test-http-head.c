// SPDX-License-Identifier: Apache-2.0
// HTTP heads: what is taken, what is refused, and what is read from them.
#include "gate/http-head.h"

#include <string.h>

#include "base/error.h"

static YdHttpHead *
parse(const char *text, GError **error)
{
    return yd_http_head_parse(text, strlen(text), error);
}

static YdHttpHead *
must_parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    YdHttpHead *head = parse(text, &error);
    g_assert_no_error(error);
    return head;
}

static void
test_size(void)
{
    const char *text = "GET / HTTP/1.1\r\nHost: a\r\n\r\nbody\r\n\r\n";
    gsize whole = strlen("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    g_assert_cmpuint(yd_http_head_size(text, strlen(text), 0), ==, whole);
    for (gsize n = 0; n < whole; n++)
        g_assert_cmpuint(yd_http_head_size(text, n, 0), ==, 0);
    // Going on from any place finds the same end.
    for (gsize seen = 0; seen < whole; seen++)
        g_assert_cmpuint(yd_http_head_size(text, whole, seen), ==, whole);
}

static void
test_parse(void)
{
    g_autoptr(YdHttpHead) head =
        must_parse("GET /a?b=c HTTP/1.1\r\nHost:  gate \r\nX-Empty:\r\n\r\n");
    g_assert_cmpstr(yd_http_head_method(head), ==, "GET");
    g_assert_cmpstr(yd_http_head_target(head), ==, "/a?b=c");
    g_assert_cmpstr(yd_http_head_field(head, "host"), ==, "gate");
    g_assert_cmpstr(yd_http_head_field(head, "x-empty"), ==, "");
    g_assert_null(yd_http_head_field(head, "none"));
    g_assert_true(yd_http_head_path_is(head, "/a"));
    g_assert_false(yd_http_head_path_is(head, "/a?b=c"));
    g_assert_false(yd_http_head_path_is(head, "/"));
}

static void
test_query(void)
{
    g_autoptr(YdHttpHead) head =
        must_parse("GET /c?xticket=no&ticket=yes&ticket=again&e= HTTP/1.1\r\n\r\n");
    g_autofree char *ticket = yd_http_head_query(head, "ticket");
    g_autofree char *empty = yd_http_head_query(head, "e");
    g_autofree char *none = yd_http_head_query(head, "tick");
    g_assert_cmpstr(ticket, ==, "yes");
    g_assert_cmpstr(empty, ==, "");
    g_assert_null(none);
    g_autoptr(YdHttpHead) bare = must_parse("GET /c HTTP/1.1\r\n\r\n");
    g_assert_null(yd_http_head_query(bare, "ticket"));
}

static void
test_token(void)
{
    g_autoptr(YdHttpHead) head =
        must_parse("GET / HTTP/1.1\r\nConnection: keep-alive ,\tUpgrade\r\n"
                   "Connection: , close,\r\n\r\n");
    g_assert_true(yd_http_head_has_token(head, "connection", "upgrade"));
    g_assert_true(yd_http_head_has_token(head, "connection", "keep-alive"));
    g_assert_true(yd_http_head_has_token(head, "connection", "close"));
    g_assert_false(yd_http_head_has_token(head, "connection", "grade"));
    g_assert_false(yd_http_head_has_token(head, "connection", "up"));
    g_assert_false(yd_http_head_has_token(head, "connection", ""));
}

static void
test_refused(void)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\nHost: a\r\n\r\n",
        "GET /\r\n\r\n",
        "GET  / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1 x\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "G\x01T / HTTP/1.1\r\n\r\n",
        "GET /\x80 HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost\r\n\r\n",
        "GET / HTTP/1.1\r\n: a\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n\r\nmore",
        "GET / HTTP/1.1\r\nHost: a\r\n",
        "\r\n\r\n",
        "GET / HTTP/1.1",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(parse(bad[i], &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

static void
test_bounds(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) fields = g_string_new("GET / HTTP/1.1\r\n");
    for (guint i = 0; i < YD_HTTP_HEAD_FIELDS; i++)
        g_string_append(fields, "A: b\r\n");
    g_autofree char *most = g_strconcat(fields->str, "\r\n", NULL);
    g_autofree char *more = g_strconcat(fields->str, "A: b\r\n\r\n", NULL);
    g_autoptr(YdHttpHead) head = must_parse(most);
    g_assert_nonnull(head);
    g_assert_null(parse(more, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_autofree char *big = g_strnfill(YD_HTTP_HEAD_MAX + 1, 'a');
    g_assert_null(parse(big, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_TOO_LARGE);
}

static void
check_ticket(const char *plain, const char *expected)
{
    g_autofree char *code = g_base64_encode((const guchar *)plain, strlen(plain));
    g_autofree char *text = g_strdup_printf("CONNECT vm:5900 HTTP/1.0\r\nHost: vm:5900\r\n"
                                            "Proxy-Authorization: basic  %s\r\n\r\n",
                                            code);
    g_autoptr(YdHttpHead) head = must_parse(text);
    g_autoptr(GError) error = NULL;
    g_autofree char *ticket = yd_http_head_proxy_ticket(head, &error);
    g_assert_cmpstr(ticket, ==, expected);
    if (expected == NULL)
        g_assert_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED);
}

static void
test_proxy_ticket(void)
{
    check_ticket("ticket:abc", "abc");
    check_ticket("ticket:a:b", "a:b");
    check_ticket("ticket:", NULL);
    check_ticket("anna:abc", NULL);
    check_ticket("", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(YdHttpHead) none = must_parse("CONNECT a:1 HTTP/1.0\r\n\r\n");
    g_assert_null(yd_http_head_proxy_ticket(none, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED);
    g_clear_error(&error);
    g_autoptr(YdHttpHead) two =
        must_parse("CONNECT a:1 HTTP/1.0\r\nProxy-Authorization: Basic dGlja2V0OmE=\r\n"
                   "Proxy-Authorization: Basic dGlja2V0OmI=\r\n\r\n");
    g_assert_null(yd_http_head_proxy_ticket(two, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED);
}

// Heads whose body or host two readers may understand in two ways: the first step of request
// smuggling.
static void
test_unclear(void)
{
    static const struct {
        const char *fields;
        gboolean good;
    } cases[] = {
        {"Host: a\r\nContent-Length: 3\r\n", TRUE},
        {"Host: a\r\nTransfer-Encoding: chunked\r\n", TRUE},
        {"Host: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n", FALSE},
        {"Host: a\r\nContent-Length: 3\r\ncontent-length: 4\r\n", FALSE},
        {"Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n", FALSE},
        {"Host: a\r\nTransfer-encoding: x\r\nContent-Length: 3\r\n", FALSE},
        {"Host: a\r\nHost: b\r\n", FALSE},
        {"Host: a\r\nContent-Length : 3\r\n", FALSE},
        {"Host: a\r\nTransfer-Encoding:\r\n chunked\r\n", FALSE}, // obs-fold
        {"Host: a\r\nX: y\r\n\tz\r\n", FALSE},
        {"Host: a\nContent-Length: 3\r\n", FALSE},
        {"Host: a\r\nX: y\rContent-Length: 3\r\n", FALSE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strconcat("POST / HTTP/1.1\r\n", cases[i].fields, "\r\n", NULL);
        g_autoptr(YdHttpHead) head = yd_http_head_parse(text, strlen(text), NULL);
        g_test_message("%s", cases[i].fields);
        g_assert_cmpint(head != NULL, ==, cases[i].good);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/http-head/size", test_size);
    g_test_add_func("/gate/http-head/parse", test_parse);
    g_test_add_func("/gate/http-head/query", test_query);
    g_test_add_func("/gate/http-head/token", test_token);
    g_test_add_func("/gate/http-head/refused", test_refused);
    g_test_add_func("/gate/http-head/bounds", test_bounds);
    g_test_add_func("/gate/http-head/proxy-ticket", test_proxy_ticket);
    g_test_add_func("/gate/http-head/unclear", test_unclear);
    return g_test_run();
}
