// SPDX-License-Identifier: Apache-2.0
// The table of error codes: name for API clients and HTTP status.
#include "base/error.h"

#include <string.h>

typedef struct {
    const char *name;
    guint status;
} ErrorRow;

static const ErrorRow rows[] = {
    [YD_ERROR_INVALID] = {"invalid", 400},
    [YD_ERROR_UNAUTHENTICATED] = {"unauthenticated", 401},
    [YD_ERROR_PASSWORD_CHANGE] = {"password-change", 403},
    [YD_ERROR_FORBIDDEN] = {"forbidden", 403},
    [YD_ERROR_NOT_ENTITLED] = {"not-entitled", 403},
    [YD_ERROR_NOT_FOUND] = {"not-found", 404},
    [YD_ERROR_EXISTS] = {"exists", 409},
    [YD_ERROR_IN_USE] = {"in-use", 409},
    [YD_ERROR_STATE] = {"state", 409},
    [YD_ERROR_STALE] = {"stale", 412},
    [YD_ERROR_TOO_LARGE] = {"too-large", 413},
    [YD_ERROR_THROTTLED] = {"throttled", 429},
    [YD_ERROR_LIMIT] = {"limit", 409},
    [YD_ERROR_NO_ROOM] = {"no-room", 503},
    [YD_ERROR_NO_SPACE] = {"no-space", 507},
    [YD_ERROR_UNAVAILABLE] = {"unavailable", 503},
    [YD_ERROR_TIMEOUT] = {"timeout", 504},
    [YD_ERROR_CANCELLED] = {"cancelled", 409},
    [YD_ERROR_INTERNAL] = {"internal", 500},
};
G_STATIC_ASSERT(G_N_ELEMENTS(rows) == YD_N_ERRORS);

GQuark
yd_error_quark(void)
{
    return g_quark_from_static_string("yd-error-quark");
}

const char *
yd_error_code_name(YdErrorCode code)
{
    g_return_val_if_fail((guint)code < YD_N_ERRORS, "internal");
    return rows[code].name;
}

gboolean
yd_error_code_from_name(const char *name, YdErrorCode *ret_code)
{
    for (guint i = 0; name && i < YD_N_ERRORS; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            *ret_code = (YdErrorCode)i;
            return TRUE;
        }
    }
    return FALSE;
}

guint
yd_error_code_status(YdErrorCode code)
{
    g_return_val_if_fail((guint)code < YD_N_ERRORS, 500);
    return rows[code].status;
}

gboolean
yd_error_invalid(GError **error, const char *field, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    if (field)
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "%s: %s", field, text);
    else
        g_set_error_literal(error, YD_ERROR, YD_ERROR_INVALID, text);
    return FALSE;
}

void
yd_error_split(const GError *error, char **ret_field, const char **ret_text)
{
    const char *message = error->message;
    gsize length = strspn(message, "abcdefghijklmnopqrstuvwxyz0123456789_.[]-");
    gboolean names = error->domain == YD_ERROR && error->code == YD_ERROR_INVALID && length > 0 &&
                     g_str_has_prefix(message + length, ": ");
    *ret_field = names ? g_strndup(message, length) : NULL;
    *ret_text = names ? message + length + 2 : message;
}
