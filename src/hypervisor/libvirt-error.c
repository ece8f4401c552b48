// SPDX-License-Identifier: Apache-2.0
// Libvirt's errors, translated once.
#include "hypervisor/libvirt-private.h"

#include <string.h>

// Words of QEMU and the kernel that libvirt passes on under codes that say little.
static gboolean
by_words(const char *message, YdErrorCode *ret_code)
{
    static const struct {
        const char *words;
        YdErrorCode code;
    } table[] = {
        {"No space left on device", YD_ERROR_NO_SPACE},
        {"Cannot allocate memory", YD_ERROR_LIMIT},
        {"cannot set up guest memory", YD_ERROR_LIMIT},
        {"Failed to get \"write\" lock", YD_ERROR_STATE},
        {"not running", YD_ERROR_STATE},
        {"client socket is closed", YD_ERROR_UNAVAILABLE},
        {"connection closed", YD_ERROR_UNAVAILABLE},
        {"cannot acquire state change lock", YD_ERROR_TIMEOUT},
        {"agent is not connected", YD_ERROR_UNAVAILABLE},
        {"agent is not configured", YD_ERROR_UNAVAILABLE},
        {"End of file from agent socket", YD_ERROR_UNAVAILABLE}, // the guest went down
    };
    for (guint i = 0; message && i < G_N_ELEMENTS(table); i++) {
        if (!strstr(message, table[i].words))
            continue;
        *ret_code = table[i].code;
        return TRUE;
    }
    return FALSE;
}

YdErrorCode
yd_libvirt_code(int code, int domain, const char *message)
{
    YdErrorCode found = YD_ERROR_INTERNAL;
    if (by_words(message, &found))
        return found;
    if (domain == VIR_FROM_RPC)
        return YD_ERROR_UNAVAILABLE;
    switch (code) {
    case VIR_ERR_NO_DOMAIN:
    case VIR_ERR_NO_NETWORK:
        return YD_ERROR_NOT_FOUND;
    case VIR_ERR_DOM_EXIST:
    case VIR_ERR_NETWORK_EXIST:
        return YD_ERROR_EXISTS;
    case VIR_ERR_OPERATION_ABORTED:
        return YD_ERROR_CANCELLED;
    case VIR_ERR_OPERATION_INVALID:
        return YD_ERROR_STATE;
    case VIR_ERR_OPERATION_TIMEOUT:
    case VIR_ERR_AGENT_UNRESPONSIVE:
    case VIR_ERR_AGENT_UNSYNCED:
        return YD_ERROR_TIMEOUT;
    case VIR_ERR_NO_CONNECT:
    case VIR_ERR_INVALID_CONN:
    case VIR_ERR_RPC:
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_OPERATION_UNSUPPORTED:
        return YD_ERROR_UNAVAILABLE;
    case VIR_ERR_NO_MEMORY:
        return YD_ERROR_LIMIT;
    case VIR_ERR_XML_ERROR:
    case VIR_ERR_XML_DETAIL:
    case VIR_ERR_XML_INVALID_SCHEMA:
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_INVALID_ARG:
        return YD_ERROR_INVALID;
    default:
        return YD_ERROR_INTERNAL;
    }
}

gboolean
yd_libvirt_fail(GError **error, const char *format, ...)
{
    const virError *last = virGetLastError();
    const char *message = last && last->message ? last->message : "libvirt gave no reason";
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, YD_ERROR,
                last ? yd_libvirt_code(last->code, last->domain, message) : YD_ERROR_INTERNAL,
                "%s: %s", what, message);
    return FALSE;
}

gboolean
yd_libvirt_is(int code)
{
    const virError *last = virGetLastError();
    return last && last->code == code;
}
