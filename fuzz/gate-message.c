// SPDX-License-Identifier: Apache-2.0
// Lines of deskd.
#include "fuzz.h"
#include "gate/gate-message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdGateMessage) m = yd_gate_message_parse((const char *)data, size, &error);
    g_assert_true((m == NULL) == (error != NULL));
    if (m == NULL)
        return 0;
    if (m->op == YD_GATE_OP_GRANT)
        g_assert_true(m->session != NULL && m->target != NULL);
    if (m->op == YD_GATE_OP_REFUSE)
        g_assert_nonnull(m->code);
    if (m->op == YD_GATE_OP_PORT)
        g_assert_true(m->fixed_port > 0 && m->sources != NULL);
    if (m->session != NULL)
        yd_gate_ticket_valid(m->session);
    return 0;
}
