// SPDX-License-Identifier: Apache-2.0
// Parses targets and starts connections to them.
#include "gate/target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

static gboolean
fail(GError **error, const char *text, const char *why)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "\"%.120s\" is no address to connect to: %s",
                text, why);
    return FALSE;
}

// Splits "HOST:PORT" or "[HOST]:PORT"; the caller owns *ret_host.
static gboolean
split(const char *text, char **ret_host, guint16 *ret_port)
{
    const char *colon = strrchr(text, ':');
    guint64 port = 0;
    if (colon == NULL || !g_ascii_string_to_unsigned(colon + 1, 10, 0, 65535, &port, NULL))
        return FALSE;
    gsize n = (gsize)(colon - text);
    gboolean bracketed = n >= 2 && text[0] == '[' && text[n - 1] == ']';
    *ret_host = bracketed ? g_strndup(text + 1, n - 2) : g_strndup(text, n);
    *ret_port = (guint16)port;
    return TRUE;
}

gboolean
yd_gate_address_parse(const char *text, gboolean zero_port, YdGateTarget *ret_target,
                      GError **error)
{
    g_autofree char *host = NULL;
    guint16 port = 0;
    if (!split(text, &host, &port))
        return fail(error, text, "write ADDRESS:PORT");
    if (port == 0 && !zero_port)
        return fail(error, text, "port 0");
    YdGateTarget target = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&target.address.storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&target.address.storage;
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        target.len = sizeof *in;
    } else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        target.len = sizeof *in6;
    } else {
        return fail(error, text, "the address must be numeric, IPv6 in [brackets]");
    }
    *ret_target = target;
    return TRUE;
}

static gboolean
parse_unix(const char *path, YdGateTarget *ret_target, GError **error)
{
    YdGateTarget target = {.len = sizeof(struct sockaddr_un)};
    if (path[0] != '/')
        return fail(error, path, "the path of a socket must begin with /");
    target.address.unix_path.sun_family = AF_UNIX;
    gsize room = sizeof target.address.unix_path.sun_path;
    if (g_strlcpy(target.address.unix_path.sun_path, path, room) >= room)
        return fail(error, path, "the path of a socket may have 107 bytes");
    *ret_target = target;
    return TRUE;
}

gboolean
yd_gate_target_parse(const char *text, YdGateTarget *ret_target, GError **error)
{
    if (g_str_has_prefix(text, "tcp:"))
        return yd_gate_address_parse(text + 4, FALSE, ret_target, error);
    if (g_str_has_prefix(text, "unix:"))
        return parse_unix(text + 5, ret_target, error);
    return fail(error, text, "it must begin with tcp: or unix:");
}

gboolean
yd_gate_address_numeric(const char *text, struct sockaddr_storage *ret_address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    memset(ret_address, 0, sizeof *ret_address);
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
        memcpy(ret_address, &in, sizeof in);
    else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
        memcpy(ret_address, &in6, sizeof in6);
    return ret_address->ss_family != AF_UNSPEC;
}

void
yd_gate_address_format(const struct sockaddr_storage *address, char ret_text[YD_GATE_ADDRESS_SIZE],
                       guint16 *ret_port)
{
    struct sockaddr_in in = {0};
    struct sockaddr_in6 in6 = {0};
    ret_text[0] = '\0';
    *ret_port = 0;
    if (address->ss_family == AF_INET) {
        memcpy(&in, address, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, ret_text, YD_GATE_ADDRESS_SIZE);
        *ret_port = ntohs(in.sin_port);
    } else if (address->ss_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        inet_ntop(AF_INET6, &in6.sin6_addr, ret_text, YD_GATE_ADDRESS_SIZE);
        *ret_port = ntohs(in6.sin6_port);
    }
}

static gboolean
is_private_v4(guint32 address)
{
    static const struct {
        guint32 net;
        guint bits;
    } nets[] = {
        {0x0a000000, 8}, {0x7f000000, 8}, {0xa9fe0000, 16}, {0xac100000, 12}, {0xc0a80000, 16}};
    for (gsize i = 0; i < G_N_ELEMENTS(nets); i++)
        if ((address ^ nets[i].net) >> (32 - nets[i].bits) == 0)
            return TRUE;
    return FALSE;
}

gboolean
yd_gate_target_is_private(const YdGateTarget *target)
{
    struct sockaddr_in in = {0};
    struct sockaddr_in6 in6 = {0};
    guint32 inner = 0;
    switch (target->address.any.sa_family) {
    case AF_UNIX:
        return TRUE;
    case AF_INET:
        memcpy(&in, &target->address, sizeof in);
        return is_private_v4(ntohl(in.sin_addr.s_addr));
    case AF_INET6:
        memcpy(&in6, &target->address, sizeof in6);
        memcpy(&inner, in6.sin6_addr.s6_addr + 12, sizeof inner);
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
            return is_private_v4(ntohl(inner));
        return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) || IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr) ||
               (in6.sin6_addr.s6_addr[0] & 0xfe) == 0xfc;
    default:
        return FALSE;
    }
}

int
yd_gate_target_connect(const YdGateTarget *target, gboolean *ret_pending, GError **error)
{
    const int one = 1;
    int fd = socket(target->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && target->address.any.sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fd >= 0 && connect(fd, &target->address.any, target->len) == 0) {
        *ret_pending = FALSE;
        return fd;
    }
    if (fd >= 0 && errno == EINPROGRESS) {
        *ret_pending = TRUE;
        return fd;
    }
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot connect: %s", g_strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}
