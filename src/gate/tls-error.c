// SPDX-License-Identifier: Apache-2.0
// Reads the newest error: it names the cause best.
#include "gate/tls-error.h"

#include <openssl/err.h>

#include "base/error.h"

gboolean
yd_tls_fail(GError **error, const char *what, const char *file)
{
    char why[256] = "unknown error";
    unsigned long code = ERR_peek_last_error();
    if (code != 0)
        ERR_error_string_n(code, why, sizeof why);
    ERR_clear_error();
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "%s \"%s\": %s", what, file, why);
    return FALSE;
}
