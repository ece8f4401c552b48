// SPDX-License-Identifier: Apache-2.0
// The one error domain. Every code has a stable name (what API clients see as `code`) and an HTTP
// status, both in one table in error.c. Messages quote the value in question and say what to do.
#pragma once

#include <glib.h>

#define YD_ERROR (yd_error_quark())

typedef enum {
    YD_ERROR_INVALID,         // bad input: "invalid", 400
    YD_ERROR_UNAUTHENTICATED, // no or ended log-in, wrong password: 401
    YD_ERROR_PASSWORD_CHANGE, // log-in good, but the password must be changed first: 403
    YD_ERROR_FORBIDDEN,       // the role does not allow it: 403
    YD_ERROR_NOT_ENTITLED,    // the pool is not given to this person (any more): 403
    YD_ERROR_NOT_FOUND,       // 404
    YD_ERROR_EXISTS,          // a unique value is taken: 409
    YD_ERROR_IN_USE,          // something still needs it: 409
    YD_ERROR_STATE,           // not possible in the present state: 409
    YD_ERROR_STALE,           // somebody else changed it (If-Match): 412
    YD_ERROR_TOO_LARGE,       // 413
    YD_ERROR_THROTTLED,       // too many tries, come back later: 429
    YD_ERROR_LIMIT,           // a named limit of the configuration is reached: 409
    YD_ERROR_NO_ROOM,         // no host can take the desktop: 503
    YD_ERROR_NO_SPACE,        // disk full: 507
    YD_ERROR_UNAVAILABLE,     // libvirt, a host, the store or the gate does not answer: 503
    YD_ERROR_TIMEOUT,         // 504
    YD_ERROR_CANCELLED,       // 409
    YD_ERROR_INTERNAL,        // our fault: 500
    YD_N_ERRORS
} YdErrorCode;

GQuark yd_error_quark(void);

// The stable name of a code, e.g. "not-found"; static.
const char *yd_error_code_name(YdErrorCode code);

// The code with that name; FALSE where no code has it.
gboolean yd_error_code_from_name(const char *name, YdErrorCode *ret_code);

// The HTTP status of a code.
guint yd_error_code_status(YdErrorCode code);

// Sets a YD_ERROR_INVALID about one field of the input: the message becomes "field: text".
// Always returns FALSE, so that callers can `return yd_error_invalid(...)`.
gboolean
yd_error_invalid(GError **error, const char *field, const char *format, ...) G_GNUC_PRINTF(3, 4);

// Splits the message of a YD_ERROR_INVALID into field (NULL when it names none) and text.
// ret_field is owned by the caller, ret_text points into the message.
void yd_error_split(const GError *error, char **ret_field, const char **ret_text);
