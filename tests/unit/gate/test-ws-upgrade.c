// SPDX-License-Identifier: Apache-2.0
// The example of RFC 6455, and requests that are none.
#include "gate/ws-upgrade.h"

#include <string.h>

#include "base/error.h"

#define GOOD                                                                                       \
    "GET /connect/console HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"               \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static char *
upgrade(const char *text, GError **error)
{
    g_autoptr(YdHttpHead) head = yd_http_head_parse(text, strlen(text), NULL);
    char *response = NULL;
    g_assert_nonnull(head);
    yd_ws_upgrade(head, NULL, &response, error);
    return response;
}

static void
test_good(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *response = upgrade(GOOD "\r\n", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(
        response, ==,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    g_autofree char *binary = upgrade(GOOD "Sec-WebSocket-Protocol: chat, binary\r\n\r\n", &error);
    g_assert_nonnull(strstr(binary, "\r\nSec-WebSocket-Protocol: binary\r\n\r\n"));
    g_autofree char *chat = upgrade(GOOD "Sec-WebSocket-Protocol: chat\r\n\r\n", &error);
    g_assert_null(strstr(chat, "Protocol: "));
}

static void
test_bad(void)
{
    static const char *const without[] = {"Upgrade: websocket\r\n", "Connection: Upgrade\r\n",
                                          "Sec-WebSocket-Version: 13\r\n", "GET", "=="};
    for (gsize i = 0; i < G_N_ELEMENTS(without); i++) {
        g_auto(GStrv) parts = g_strsplit(GOOD "\r\n", without[i], 2);
        g_autofree char *text = g_strjoinv(g_str_equal(without[i], "GET") ? "PUT" : "", parts);
        g_autoptr(GError) error = NULL;
        g_assert_null(upgrade(text, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
}

// What a browser adds for a page, and what the gate says to it.
static void
test_origin(void)
{
    static const struct {
        const char *fields;
        gboolean good;
    } cases[] = {
        {"Host: gate:8443\r\n", TRUE}, // a program, no page
        {"Host: gate:8443\r\nOrigin: https://gate:8443\r\n", TRUE},
        {"Host: gate\r\nOrigin: https://GATE:443\r\n", TRUE},
        {"Host: gate:443\r\nOrigin: https://gate\r\n", TRUE},
        {"Host: gate\r\nOrigin: https://desk.example\r\n", TRUE}, // by the configuration
        {"Host: gate\r\nOrigin: https://evil.example\r\n", FALSE},
        {"Host: gate\r\nOrigin: http://gate\r\n", FALSE},
        {"Host: gate\r\nOrigin: https://gate:8443\r\n", FALSE},
        {"Host: gate\r\nOrigin: https://gate.evil.example\r\n", FALSE},
        {"Host: gate\r\nOrigin: https://\r\n", FALSE},
        {"Host: gate\r\nOrigin: null\r\n", FALSE},
        {"Host: gate\r\nOrigin: \r\n", FALSE},
        {"Origin: https://gate\r\n", FALSE},
        {"Host: gate\r\nOrigin: https://gate\r\nOrigin: https://evil.example\r\n", FALSE},
    };
    char *origins[] = {(char *)"https://desk.example", NULL};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *response = NULL;
        g_autofree char *text = g_strconcat(GOOD, cases[i].fields, "\r\n", NULL);
        g_autoptr(YdHttpHead) head = yd_http_head_parse(text, strlen(text), NULL);
        g_assert_nonnull(head);
        g_test_message("%s", cases[i].fields);
        g_assert_cmpint(yd_ws_upgrade(head, origins, &response, &error), ==, cases[i].good);
        if (!cases[i].good)
            g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/ws-upgrade/good", test_good);
    g_test_add_func("/gate/ws-upgrade/bad", test_bad);
    g_test_add_func("/gate/ws-upgrade/origin", test_origin);
    return g_test_run();
}
