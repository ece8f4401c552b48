// SPDX-License-Identifier: Apache-2.0
// Kernel TLS (Linux Documentation/networking/tls.rst): after OpenSSL's handshake the kernel makes
// and reads the records. Whether this kernel and this OpenSSL can. Any thread.
#pragma once

#include <glib.h>

// *ret_why: why not, or NULL when it can; static.
gboolean yd_ktls_available(const char **ret_why);
