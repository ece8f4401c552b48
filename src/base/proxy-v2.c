// SPDX-License-Identifier: Apache-2.0
// Writer and reader of PROXY protocol headers, side by side so that they cannot drift apart.
// Sockets and waiting for bytes are the callers' business.
#include "base/proxy-v2.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/error.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define SIGNATURE_LEN 12

enum {
    COMMAND_LOCAL = 0x20,
    COMMAND_PROXY = 0x21,
    FAMILY_UNSPEC = 0x00,
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
    TYPE_SSL = 0x20, // of an extension; its first byte is a set of bits
    CLIENT_SSL = 0x01,
};

static void
put_port(guint8 *out, guint16 port)
{
    out[0] = (guint8)(port >> 8);
    out[1] = (guint8)port;
}

static guint16
get_port(const guint8 *data)
{
    return (guint16)(data[0] << 8 | data[1]);
}

static gsize
write_family(const YdProxyV2 *proxy, int family, guint8 *out)
{
    gsize n = family == AF_INET ? 4 : 16;
    guint8 *addresses = out + YD_PROXY_V2_FIXED;
    if (inet_pton(family, proxy->source, addresses) != 1 ||
        inet_pton(family, proxy->destination, addresses + n) != 1)
        return 0;
    put_port(addresses + 2 * n, proxy->source_port);
    put_port(addresses + 2 * n + 2, proxy->destination_port);
    out[13] = family == AF_INET ? FAMILY_TCP4 : FAMILY_TCP6;
    put_port(out + 14, (guint16)(2 * n + 4));
    return YD_PROXY_V2_FIXED + 2 * n + 4;
}

gsize
yd_proxy_v2_write(const YdProxyV2 *proxy, guint8 out[YD_PROXY_V2_WRITE_MAX])
{
    memcpy(out, SIGNATURE, SIGNATURE_LEN);
    out[12] = proxy->local ? COMMAND_LOCAL : COMMAND_PROXY;
    gsize len = proxy->local ? 0 : write_family(proxy, AF_INET, out);
    if (len == 0 && !proxy->local)
        len = write_family(proxy, AF_INET6, out);
    if (len > 0)
        return len;
    out[13] = FAMILY_UNSPEC;
    put_port(out + 14, 0);
    return YD_PROXY_V2_FIXED;
}

static gboolean
fail(GError **error, const char *what, guint value)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "PROXY header: %s (%u)", what, value);
    return FALSE;
}

gboolean
yd_proxy_v2_size(const guint8 *data, gsize len, gsize *ret_size, GError **error)
{
    if (memcmp(data, SIGNATURE, MIN(len, SIGNATURE_LEN)) != 0)
        return fail(error, "the connection does not start with its signature; first byte", data[0]);
    if (len < YD_PROXY_V2_FIXED) {
        *ret_size = 0;
        return TRUE;
    }
    gsize size = YD_PROXY_V2_FIXED + (gsize)get_port(data + 14);
    if (size > YD_PROXY_V2_MAX)
        return fail(error, "too long", (guint)size);
    *ret_size = size;
    return TRUE;
}

static gboolean
read_family(const guint8 *data, gsize len, int family, YdProxyV2 *proxy, GError **error)
{
    gsize n = family == AF_INET ? 4 : 16;
    if (len < 2 * n + 4)
        return fail(error, "too short for its addresses", (guint)len);
    inet_ntop(family, data, proxy->source, sizeof proxy->source);
    inet_ntop(family, data + n, proxy->destination, sizeof proxy->destination);
    proxy->source_port = get_port(data + 2 * n);
    proxy->destination_port = get_port(data + 2 * n + 2);
    return TRUE;
}

// Type, length (two bytes), value; again and again.
static gboolean
read_extensions(const guint8 *data, gsize len, YdProxyV2 *proxy, GError **error)
{
    while (len > 0) {
        gsize size = len < 3 ? len : 3 + (gsize)get_port(data + 1);
        if (len < 3 || size > len)
            return fail(error, "an extension is cut off; its type", data[0]);
        if (data[0] == TYPE_SSL && size > 3)
            proxy->tls = (data[3] & CLIENT_SSL) != 0;
        data += size;
        len -= size;
    }
    return TRUE;
}

gboolean
yd_proxy_v2_parse(const guint8 *data, gsize len, YdProxyV2 *ret_proxy, GError **error)
{
    gsize size = 0;
    if (!yd_proxy_v2_size(data, len, &size, error))
        return FALSE;
    if (size != len)
        return fail(error, "not whole", (guint)len);
    if (data[12] != COMMAND_LOCAL && data[12] != COMMAND_PROXY)
        return fail(error, "unknown version or command", data[12]);
    YdProxyV2 proxy = {0};
    int family = data[13] == FAMILY_TCP4 ? AF_INET : data[13] == FAMILY_TCP6 ? AF_INET6 : AF_UNSPEC;
    proxy.local = data[12] == COMMAND_LOCAL || family == AF_UNSPEC;
    const guint8 *body = data + YD_PROXY_V2_FIXED;
    gsize n = len - YD_PROXY_V2_FIXED, addresses = family == AF_INET ? 12 : 36;
    if (!proxy.local && (!read_family(body, n, family, &proxy, error) ||
                         !read_extensions(body + addresses, n - addresses, &proxy, error)))
        return FALSE;
    *ret_proxy = proxy;
    return TRUE;
}
