// SPDX-License-Identifier: Apache-2.0
// Lines between gates, both ways.
#include "gate/peer-message.h"

#include <string.h>

#include "base/error.h"

#define GRANT "Grant-Grant-Grant-Grant-Grant-Grant-Grant-G"
#define PASS                                                                                       \
    "{\"op\":\"pass\",\"grant\":\"" GRANT "\",\"protocol\":\"rdp\",\"address\":\"2001:db8::1\","   \
    "\"port\":50112,\"keyboard\":1031}"

static YdPeerRequest *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    YdPeerRequest *request = yd_peer_request_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    return request;
}

static void
test_request(void)
{
    g_autoptr(YdPeerRequest) link = parse("{\"op\":\"link\"}");
    g_assert_cmpint(link->op, ==, YD_PEER_LINK);
    g_autoptr(YdPeerRequest) web = parse("{\"op\":\"web\",\"new\":1}");
    g_assert_cmpint(web->op, ==, YD_PEER_WEB);
    g_autoptr(YdPeerRequest) pass = parse(PASS);
    g_assert_cmpstr(pass->grant, ==, GRANT);
    g_assert_cmpuint(pass->port, ==, 50112);
    g_assert_cmpuint(pass->keyboard, ==, 1031);
    g_autofree char *line = yd_peer_request_line(pass);
    g_assert_cmpstr(line, ==, PASS "\n");
    g_assert_cmpuint(strlen(line), <, YD_PEER_LINE_MAX);
}

static void
test_bad(void)
{
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"op\":\"dance\"}",
        "{\"op\":7}",
        "{\"op\":\"link\",\"op\":\"web\"}",
        "{\"op\":\"pass\"}",
        "{\"op\":\"pass\",\"grant\":\"short\",\"protocol\":\"rdp\",\"address\":\"192.0.2.7\"}",
        "{\"op\":\"pass\",\"grant\":\"" GRANT "\",\"protocol\":\"ssh\",\"address\":\"192.0.2.7\"}",
        "{\"op\":\"pass\",\"grant\":\"" GRANT "\",\"protocol\":\"rdp\",\"address\":\"elsewhere\"}",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(yd_peer_request_parse(bad[i], strlen(bad[i]), &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

static void
test_answer(void)
{
    g_autofree char *go = yd_peer_answer_line(NULL, NULL);
    g_autofree char *code = NULL;
    g_autofree char *text = NULL;
    g_assert_cmpstr(go, ==, "{\"op\":\"go\"}\n");
    g_assert_true(yd_peer_answer_parse(go, strlen(go) - 1, &code, &text, NULL));
    g_assert_null(code);
    // Whatever the reason is, the line is short.
    g_autofree char *nasty = g_strnfill(5000, '\n');
    g_autofree char *line = yd_peer_answer_line("pass-unknown", nasty);
    g_assert_cmpuint(strlen(line), <, YD_PEER_LINE_MAX);
    g_assert_true(yd_peer_answer_parse(line, strlen(line) - 1, &code, &text, NULL));
    g_assert_cmpstr(code, ==, "pass-unknown");
    static const char *const bad[] = {"", "{}", "{\"op\":\"refuse\"}", "{\"op\":\"stop\"}"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_false(yd_peer_answer_parse(bad[i], strlen(bad[i]), &code, &text, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

static void
test_names(void)
{
    g_autofree char *longest = g_strnfill(YD_PEER_NAME_MAX, 'a');
    g_autofree char *longer = g_strnfill(YD_PEER_NAME_MAX + 1, 'a');
    g_assert_true(yd_peer_name_valid("edge-1.example_2"));
    g_assert_true(yd_peer_name_valid(longest));
    g_assert_false(yd_peer_name_valid(longer));
    g_assert_false(yd_peer_name_valid(""));
    g_assert_false(yd_peer_name_valid("../ca"));
    g_assert_false(yd_peer_name_valid("a b"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/peer-message/request", test_request);
    g_test_add_func("/peer-message/bad", test_bad);
    g_test_add_func("/peer-message/answer", test_answer);
    g_test_add_func("/peer-message/names", test_names);
    return g_test_run();
}
