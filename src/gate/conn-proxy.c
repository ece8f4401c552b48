// SPDX-License-Identifier: Apache-2.0
// A load balancer before the gate says for whom it comes, and whether that one spoke TLS with it.
// Only those that [deskgate] trusted_proxies names are believed, and only once in a connection.
#include <string.h>

#include "base/error.h"
#include "base/proxy-v2.h"
#include "gate/conn-private.h"

static YdGateStep
go_away(YdGateConn *conn, const char *reason)
{
    yd_gate_conn_close(conn, reason);
    return STEP_WAIT;
}

gboolean
yd_gate_conn_is_proxy(const YdGateConfig *config, const struct sockaddr_storage *address)
{
    char text[YD_GATE_ADDRESS_SIZE];
    guint16 port;
    if (config->proxies == NULL)
        return FALSE;
    yd_gate_address_format(address, text, &port);
    return g_strv_contains((const char *const *)config->proxies, text);
}

// From here on the limits of addresses are the client's.
static gboolean
count_as(YdGateConn *conn, const char *address, const char **ret_limit)
{
    const YdGateParts *parts = yd_gate_worker_parts(conn->worker);
    struct sockaddr_storage storage;
    if (!yd_gate_address_numeric(address, &storage))
        return FALSE;
    YdThrottleKey key = yd_throttle_key((const struct sockaddr *)&storage);
    if (!yd_throttle_is_of(parts->throttle, &key, g_get_monotonic_time(), ret_limit))
        return FALSE;
    conn->key = key;
    return TRUE;
}

static YdGateStep
take_header(YdGateConn *conn)
{
    YdProxyV2 proxy;
    const char *limit = "the address in its PROXY header";
    g_autoptr(GError) error = NULL;
    if (!yd_proxy_v2_parse(conn->in->data, conn->in->len, &proxy, &error))
        return go_away(conn, error->message);
    g_byte_array_set_size(conn->in, 0);
    conn->introduced = TRUE;
    conn->state = CONN_SNIFF; // its time goes on
    if (proxy.local)          // the proxy's own: it looks whether the gate is there
        return STEP_ON;
    if (!count_as(conn, proxy.source, &limit))
        return go_away(conn, limit);
    g_strlcpy(conn->address, proxy.source, sizeof conn->address);
    conn->port = proxy.source_port;
    conn->proxy_tls = proxy.tls;
    // Inside TLS there is HTTP and nothing else, with all its methods.
    return proxy.tls ? yd_gate_conn_enter(conn, CONN_HEAD,
                                          yd_gate_worker_parts(conn->worker)->config->head_seconds)
                     : STEP_ON;
}

YdGateStep
yd_gate_conn_proxy(YdGateConn *conn)
{
    if (!conn->by_proxy || conn->introduced)
        return go_away(conn, conn->introduced
                                 ? "a second PROXY header"
                                 : "a PROXY header from an address that [deskgate] trusted_proxies "
                                   "does not name");
    for (;;) {
        gsize size = 0;
        g_autoptr(GError) error = NULL;
        if (conn->in->len > 0 && !yd_proxy_v2_size(conn->in->data, conn->in->len, &size, &error))
            return go_away(conn, error->message);
        if (size > 0 && conn->in->len == size)
            return take_header(conn);
        // No byte behind the header is read: it is the client's.
        YdGateIo io =
            yd_gate_conn_read_more(conn, (size > 0 ? size : YD_PROXY_V2_FIXED) - conn->in->len);
        if (io == YD_GATE_IO_AGAIN)
            return STEP_WAIT;
        if (io != YD_GATE_IO_OK)
            return go_away(conn, "the proxy left within its PROXY header");
    }
}
