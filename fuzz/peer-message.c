// SPDX-License-Identifier: Apache-2.0
// Lines of another gate: requests and answers.
#include <string.h>

#include "fuzz.h"
#include "gate/gate-message.h"
#include "gate/peer-message.h"

static void
try_request(const char *line, gsize len)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPeerRequest) request = yd_peer_request_parse(line, len, &error);
    g_assert_true((request == NULL) == (error != NULL));
    if (request == NULL || request->op != YD_PEER_PASS)
        return;
    g_assert_true(yd_gate_ticket_valid(request->grant));
    g_autofree char *again = yd_peer_request_line(request);
    g_autoptr(YdPeerRequest) same = yd_peer_request_parse(again, strlen(again) - 1, NULL);
    g_assert_nonnull(same);
    g_assert_cmpstr(same->address, ==, request->address);
}

static void
try_answer(const char *line, gsize len)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *code = NULL;
    g_autofree char *text = NULL;
    gboolean good = yd_peer_answer_parse(line, len, &code, &text, &error);
    g_assert_true(good == (error == NULL));
    if (good && code != NULL) {
        g_autofree char *again = yd_peer_answer_line(code, text);
        g_assert_nonnull(again);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_request((const char *)data, size);
    try_answer((const char *)data, size);
    return 0;
}
