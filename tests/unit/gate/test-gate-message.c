// SPDX-License-Identifier: Apache-2.0
// Lines of the gate protocol, both ways.
#include "gate/gate-message.h"

#include <string.h>

#include "base/error.h"
#include "gate/rdp-connect.h"

#define TICKET "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789-_AbCdE"

static void
test_build(void)
{
    g_autofree char *hello = yd_gate_message_hello("gate-1");
    g_assert_cmpstr(hello, ==, "{\"op\":\"hello\",\"gate\":\"gate-1\",\"version\":1}\n");
    g_autofree char *redeem = yd_gate_message_redeem(7, TICKET, "rdp", "198.51.100.7", 50112);
    g_assert_cmpstr(redeem, ==,
                    "{\"op\":\"redeem\",\"id\":7,\"ticket\":\"" TICKET
                    "\",\"protocol\":\"rdp\",\"address\":\"198.51.100.7\",\"port\":50112}\n");
    const YdGateStats stats[] = {
        {"con-1", 2, 123, G_GUINT64_CONSTANT(5000000000), 1, {900, 800, 70, 6, 5, 4, 3}, 2, 1},
        {.session = "con-2"}};
    g_autofree char *enter = yd_gate_message_enter(8, 50000, "198.51.100.7", 50112);
    g_assert_cmpstr(enter, ==,
                    "{\"op\":\"enter\",\"id\":8,\"fixed_port\":50000,"
                    "\"address\":\"198.51.100.7\",\"port\":50112}\n");
    g_autofree char *line = yd_gate_message_stats(stats, 2);
    g_assert_cmpstr(line, ==,
                    "{\"op\":\"stats\",\"sessions\":[{\"session\":\"con-1\",\"sockets\":2,"
                    "\"bytes_up\":123,\"bytes_down\":5000000000,\"rtt_us\":900,\"lost\":1,"
                    "\"min_rtt_us\":800,\"jitter_us\":70,\"loss_ppm\":6,\"queue_us\":5,\"rate\":4,"
                    "\"server_us\":3,\"first_byte_ms\":2,\"first_picture_ms\":1},"
                    "{\"session\":\"con-2\",\"sockets\":0,\"bytes_up\":0,\"bytes_down\":0,"
                    "\"rtt_us\":0,\"lost\":0}]}\n");
}

static void
test_stats_fit(void)
{
    g_autofree YdGateStats *stats = g_new0(YdGateStats, YD_GATE_STATS_MAX);
    for (guint i = 0; i < YD_GATE_STATS_MAX; i++)
        stats[i] = (YdGateStats){
            "con-01jdzzzzzzzzzzzzzzzzzzzzzz",
            G_MAXINT,
            G_MAXINT64,
            G_MAXINT64,
            G_MAXINT64,
            {G_MAXINT64, G_MAXINT64, G_MAXINT64, G_MAXINT64, G_MAXINT64, G_MAXINT64, G_MAXINT64},
            G_MAXINT64,
            G_MAXINT64};
    g_autofree char *line = yd_gate_message_stats(stats, YD_GATE_STATS_MAX);
    g_assert_cmpuint(strlen(line), <=, YD_GATE_LINE_MAX);
}

static YdGateMessage *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    YdGateMessage *m = yd_gate_message_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    return m;
}

static void
test_orders(void)
{
    g_autoptr(YdGateMessage) drain = parse("{\"op\":\"drain\"}");
    g_assert_cmpint(drain->op, ==, YD_GATE_OP_DRAIN);
    g_assert_cmpint(drain->seconds, ==, -1);
    g_autoptr(YdGateMessage) limited = parse("{\"op\":\"drain\",\"seconds\":60}");
    g_assert_cmpint(limited->seconds, ==, 60);
    g_autoptr(YdGateMessage) resume = parse("{\"op\":\"resume\"}");
    g_assert_cmpint(resume->op, ==, YD_GATE_OP_RESUME);
    g_autoptr(YdGateMessage) host =
        parse("{\"op\":\"host\",\"id\":7,\"request\":{\"verb\":\"segment\"}}");
    g_assert_cmpint(host->op, ==, YD_GATE_OP_HOST);
    g_assert_cmpuint(host->id, ==, 7);
    g_assert_cmpstr(host->request, ==, "{\"verb\":\"segment\"}");
    static const char *const bad[] = {
        "{\"op\":\"host\",\"id\":7,\"request\":\"segment\"}", "{\"op\":\"host\",\"request\":{}}",
        "{\"op\":\"drain\",\"seconds\":-1}", "{\"op\":\"drain\",\"seconds\":\"60\"}",
        "{\"op\":\"drain\",\"seconds\":99999999999}"};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(yd_gate_message_parse(bad[i], strlen(bad[i]), &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

#define TOO_MANY_SOURCES                                                                           \
    "{\"op\":\"port\",\"fixed_port\":50000,\"sources\":"                                           \
    "[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]}"

static void
test_port(void)
{
    g_autoptr(YdGateMessage) open = parse("{\"op\":\"port\",\"fixed_port\":50000,"
                                          "\"sources\":[\"192.0.2.7\",\"2001:db8::1\"]}");
    g_assert_cmpint(open->op, ==, YD_GATE_OP_PORT);
    g_assert_cmpuint(open->fixed_port, ==, 50000);
    g_assert_cmpstr(open->sources[1], ==, "2001:db8::1");
    g_autoptr(YdGateMessage) closed = parse("{\"op\":\"port\",\"fixed_port\":1,\"sources\":[]}");
    g_assert_cmpuint(g_strv_length(closed->sources), ==, 0);
    static const char *const bad[] = {
        "{\"op\":\"port\",\"fixed_port\":0,\"sources\":[]}",
        "{\"op\":\"port\",\"fixed_port\":65536,\"sources\":[]}",
        "{\"op\":\"port\",\"fixed_port\":\"50000\",\"sources\":[]}",
        "{\"op\":\"port\",\"fixed_port\":50000}",
        "{\"op\":\"port\",\"fixed_port\":50000,\"sources\":\"192.0.2.7\"}",
        "{\"op\":\"port\",\"fixed_port\":50000,\"sources\":[7]}",
        TOO_MANY_SOURCES,
    };
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(yd_gate_message_parse(bad[i], strlen(bad[i]), &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

static void
test_parse(void)
{
    g_autoptr(YdGateMessage) welcome = parse("{\"op\":\"welcome\",\"new\":1}");
    g_assert_cmpint(welcome->op, ==, YD_GATE_OP_WELCOME);
    g_autoptr(YdGateMessage) grant = parse("{\"op\":\"grant\",\"id\":7,\"session\":\"con-1\","
                                           "\"target\":\"tcp:10.0.0.1:3389\",\"idle_seconds\":30}");
    g_assert_cmpint(grant->op, ==, YD_GATE_OP_GRANT);
    g_assert_cmpuint(grant->id, ==, 7);
    g_assert_cmpstr(grant->session, ==, "con-1");
    g_assert_cmpstr(grant->target, ==, "tcp:10.0.0.1:3389");
    g_assert_cmpuint(grant->idle_seconds, ==, 30);
    g_assert_cmpuint(grant->closed, ==, 0);
    g_autoptr(YdGateMessage) closed =
        parse("{\"op\":\"grant\",\"id\":7,\"session\":\"con-1\",\"target\":\"tcp:10.0.0.1:3389\","
              "\"closed\":[\"cliprdr\",\"drdynvc\"]}");
    g_assert_cmpuint(closed->closed, ==, YD_RDP_CLOSE_CLIPRDR | YD_RDP_CLOSE_DRDYNVC);
    g_autoptr(YdGateMessage) refuse =
        parse("{\"op\":\"refuse\",\"id\":8,\"code\":\"ticket-used\",\"message\":\"used\"}");
    g_assert_cmpstr(refuse->code, ==, "ticket-used");
    g_assert_cmpstr(refuse->text, ==, "used");
    g_autoptr(YdGateMessage) cut =
        parse("{\"op\":\"cut\",\"session\":\"con-1\",\"reason\":\"no\"}");
    g_assert_cmpint(cut->op, ==, YD_GATE_OP_CUT);
    g_assert_cmpstr(cut->text, ==, "no");
}

static void
check_refused(const char *text, YdErrorCode code)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_gate_message_parse(text, strlen(text), &error));
    g_assert_error(error, YD_ERROR, (gint)code);
}

static void
test_refused(void)
{
    check_refused("{\"op\":\"later\"}", YD_ERROR_NOT_FOUND);
    check_refused("", YD_ERROR_INVALID);
    check_refused("[]", YD_ERROR_INVALID);
    check_refused("{\"op\":1}", YD_ERROR_INVALID);
    check_refused("{\"op\":\"cut\"}", YD_ERROR_INVALID);
    check_refused("{\"op\":\"grant\",\"session\":\"a\",\"target\":\"b\"}", YD_ERROR_INVALID);
    check_refused("{\"op\":\"grant\",\"id\":\"7\",\"session\":\"a\",\"target\":\"b\"}",
                  YD_ERROR_INVALID);
    check_refused("{\"op\":\"grant\",\"id\":7,\"session\":\"a\"}", YD_ERROR_INVALID);
    // What this gate can't close must not pass as open.
    check_refused(
        "{\"op\":\"grant\",\"id\":7,\"session\":\"a\",\"target\":\"b\",\"closed\":[\"x\"]}",
        YD_ERROR_INVALID);
    check_refused("{\"op\":\"grant\",\"id\":7,\"session\":\"a\",\"target\":\"b\",\"closed\":7}",
                  YD_ERROR_INVALID);
    check_refused("{\"op\":\"refuse\",\"id\":-1,\"code\":\"a\"}", YD_ERROR_INVALID);
    check_refused("{\"op\":\"refuse\",\"id\":1}", YD_ERROR_INVALID);
    check_refused("{\"op\":\"cut\",\"op\":\"cut\",\"session\":\"a\"}", YD_ERROR_INVALID);
    check_refused("{\"op\":\"cut\",\"session\":\"\xff\"}", YD_ERROR_INVALID);
    g_autofree char *deep = g_strnfill(60000, '[');
    check_refused(deep, YD_ERROR_INVALID);
}

static void
test_ticket(void)
{
    g_assert_true(yd_gate_ticket_valid(TICKET));
    g_assert_false(yd_gate_ticket_valid(""));
    g_assert_false(yd_gate_ticket_valid(TICKET "A"));
    g_assert_false(yd_gate_ticket_valid(&TICKET[1]));
    g_autofree char *odd = g_strdup(TICKET);
    odd[3] = '+';
    g_assert_false(yd_gate_ticket_valid(odd));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/message/build", test_build);
    g_test_add_func("/gate/message/stats-fit", test_stats_fit);
    g_test_add_func("/gate/message/parse", test_parse);
    g_test_add_func("/gate/message/port", test_port);
    g_test_add_func("/gate/message/orders", test_orders);
    g_test_add_func("/gate/message/refused", test_refused);
    g_test_add_func("/gate/message/ticket", test_ticket);
    return g_test_run();
}
