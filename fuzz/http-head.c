// SPDX-License-Identifier: Apache-2.0
// HTTP heads, and what is read from one that was taken: tickets, queries, WebSocket upgrades.
#include <string.h>

#include "fuzz.h"
#include "gate/http-head.h"
#include "gate/ws-upgrade.h"

static void
use(const YdHttpHead *head)
{
    G_GNUC_UNUSED g_autofree char *ticket = yd_http_head_proxy_ticket(head, NULL);
    G_GNUC_UNUSED g_autofree char *query = yd_http_head_query(head, "ticket");
    g_autofree char *response = NULL;
    g_assert_nonnull(yd_http_head_method(head));
    g_assert_cmpuint(strlen(yd_http_head_target(head)), >, 0);
    yd_http_head_path_is(head, "/connect/console");
    if (yd_ws_upgrade(head, NULL, &response, NULL))
        g_assert_true(g_str_has_suffix(response, "\r\n\r\n"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    gsize n = yd_http_head_size(text, size, 0);
    g_assert_cmpuint(n, <=, size);
    for (gsize seen = 0; seen < size && size < 256; seen++)
        g_assert_cmpuint(yd_http_head_size(text, seen, 0), <=, n == 0 ? 0 : n);
    if (n == 0)
        return 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(YdHttpHead) head = yd_http_head_parse(text, n, &error);
    g_assert_true((head == NULL) == (error != NULL));
    if (head != NULL)
        use(head);
    return 0;
}
