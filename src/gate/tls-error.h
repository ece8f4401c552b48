// SPDX-License-Identifier: Apache-2.0
// What OpenSSL says of a file, as an error of ours.
#pragma once

#include <glib.h>

// Sets YD_ERROR_INVALID: what, the file's name, and the newest error of the calling thread's
// OpenSSL queue, which is empty after it. Always FALSE.
gboolean yd_tls_fail(GError **error, const char *what, const char *file);
