// SPDX-License-Identifier: Apache-2.0
// Asks the kernel by trying: a socket that is not connected can't have it, but the kernel says that
// it knows what is meant.
#include "gate/ktls.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

gboolean
yd_ktls_available(const char **ret_why)
{
#ifdef OPENSSL_NO_KTLS
    *ret_why = "OpenSSL was built without it";
    return FALSE;
#else
    static const char ulp[] = "tls";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int result = fd < 0 ? -1 : setsockopt(fd, IPPROTO_TCP, TCP_ULP, ulp, sizeof ulp);
    int trouble = errno;
    if (fd >= 0)
        close(fd);
    *ret_why = NULL;
    if (result == 0 || trouble == ENOTCONN)
        return TRUE;
    *ret_why = trouble == ENOENT || trouble == ENOPROTOOPT
                   ? "the kernel has no module tls, or it is not loaded (modprobe tls)"
                   : g_strerror(trouble);
    return FALSE;
#endif
}
