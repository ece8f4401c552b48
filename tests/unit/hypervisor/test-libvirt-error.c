// SPDX-License-Identifier: Apache-2.0
// Which of our codes libvirt's errors become.
#include "hypervisor/libvirt-private.h"

static void
test_codes(void)
{
    static const struct {
        int code, domain;
        const char *message;
        YdErrorCode wanted;
    } cases[] = {
        {VIR_ERR_NO_DOMAIN, VIR_FROM_QEMU, "Domain not found", YD_ERROR_NOT_FOUND},
        {VIR_ERR_NO_NETWORK, VIR_FROM_NETWORK, "Network not found", YD_ERROR_NOT_FOUND},
        {VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU, "domain is not running", YD_ERROR_STATE},
        {VIR_ERR_AGENT_UNRESPONSIVE, VIR_FROM_QEMU,
         "Guest agent is not responding: Guest agent not available for now", YD_ERROR_TIMEOUT},
        {VIR_ERR_AGENT_UNRESPONSIVE, VIR_FROM_QEMU,
         "Guest agent is not responding: QEMU guest agent is not connected", YD_ERROR_UNAVAILABLE},
        {VIR_ERR_OPERATION_TIMEOUT, VIR_FROM_QEMU,
         "Timed out during operation: cannot acquire state change lock (held by x)",
         YD_ERROR_TIMEOUT},
        {VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, "Cannot recv data: Connection reset by peer",
         YD_ERROR_UNAVAILABLE},
        {VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "client socket is closed", YD_ERROR_UNAVAILABLE},
        {VIR_ERR_XML_ERROR, VIR_FROM_DOMAIN, "XML error", YD_ERROR_INVALID},
        {VIR_ERR_CONFIG_UNSUPPORTED, VIR_FROM_QEMU, "unsupported configuration", YD_ERROR_INVALID},
        {VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU,
         "qemu: cannot set up guest memory 'pc.ram': Cannot allocate memory", YD_ERROR_LIMIT},
        {VIR_ERR_SYSTEM_ERROR, VIR_FROM_QEMU, "cannot write: No space left on device",
         YD_ERROR_NO_SPACE},
        {VIR_ERR_NO_SUPPORT, VIR_FROM_TEST, "not supported", YD_ERROR_UNAVAILABLE},
        {VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU, "something else", YD_ERROR_INTERNAL},
        {VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU, NULL, YD_ERROR_INTERNAL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        YdErrorCode code = yd_libvirt_code(cases[i].code, cases[i].domain, cases[i].message);
        if (code != cases[i].wanted)
            g_error("'%s' became %s", cases[i].message, yd_error_code_name(code));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/libvirt-error/codes", test_codes);
    return g_test_run();
}
