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
    yd_ws_upgrade(head, &response, error);
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

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/ws-upgrade/good", test_good);
    g_test_add_func("/gate/ws-upgrade/bad", test_bad);
    return g_test_run();
}
