// SPDX-License-Identifier: Apache-2.0
// IPv4 arithmetic on host-order numbers.
#include "model/address.h"

#include <string.h>

#include "base/error.h"

gboolean
yd_ip_parse(const char *text, guint32 *ret_ip)
{
    guint32 ip = 0;
    for (int part = 0; text && part < 4; part++) {
        guint value = 0, digits = 0;
        if (part > 0 && *text++ != '.')
            return FALSE;
        if (text[0] == '0' && g_ascii_isdigit(text[1]))
            return FALSE;
        for (; g_ascii_isdigit(*text) && digits < 4; digits++)
            value = value * 10 + (guint)(*text++ - '0');
        if (digits == 0 || value > 255)
            return FALSE;
        ip = ip << 8 | value;
    }
    if (!text || *text)
        return FALSE;
    *ret_ip = ip;
    return TRUE;
}

char *
yd_ip_text(guint32 ip)
{
    return g_strdup_printf("%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

static guint32
host_mask(guint prefix)
{
    return (guint32)((G_GUINT64_CONSTANT(1) << (32 - prefix)) - 1);
}

gboolean
yd_cidr_parse(const char *text, guint32 *ret_network, guint *ret_prefix)
{
    const char *slash = text ? strchr(text, '/') : NULL;
    if (!slash)
        return FALSE;
    g_autofree char *address = g_strndup(text, (gsize)(slash - text));
    guint32 network = 0;
    guint64 prefix = 0;
    if (slash[1] == '0' || !yd_ip_parse(address, &network) ||
        !g_ascii_string_to_unsigned(slash + 1, 10, 8, 30, &prefix, NULL) ||
        (network & host_mask((guint)prefix)) != 0)
        return FALSE;
    *ret_network = network;
    *ret_prefix = (guint)prefix;
    return TRUE;
}

char *
yd_mac_from_ip(guint32 ip)
{
    return g_strdup_printf("52:54:%02x:%02x:%02x:%02x", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
                           ip & 255);
}

// Parses *text, or fills it in with fallback; the address must be a host's within the network.
static gboolean
inside(const char *field, char **text, guint32 fallback, guint32 network, guint32 broadcast,
       guint32 *ret_ip, GError **error)
{
    guint32 ip = fallback;
    if (*text && !yd_ip_parse(*text, &ip))
        return yd_error_invalid(error, field, "“%s” is not an IPv4 address", *text);
    if (ip <= network || ip >= broadcast)
        return yd_error_invalid(error, field, "“%s” is not an address of a host in the network",
                                *text ? *text : "");
    *ret_ip = ip;
    return TRUE;
}

static void
fill_in(char **text, guint32 ip)
{
    if (!*text)
        *text = yd_ip_text(ip);
}

gboolean
yd_network_check(const char *cidr, char **gateway, char **first, char **last, GError **error)
{
    guint32 network = 0, gateway_ip = 0, first_ip = 0, last_ip = 0;
    guint prefix = 0;
    if (!yd_cidr_parse(cidr, &network, &prefix))
        return yd_error_invalid(error, "cidr",
                                "“%s” is not a network such as 10.99.0.0/24 (prefix 8 to 30, no "
                                "bits after it)",
                                cidr ? cidr : "");
    if (network >> 24 == 0 || network >> 24 == 127 || network >> 24 >= 224)
        return yd_error_invalid(error, "cidr", "“%s” is not a range for hosts", cidr);
    guint32 broadcast = network | host_mask(prefix);
    if (!inside("gateway", gateway, network + 1, network, broadcast, &gateway_ip, error))
        return FALSE;
    // The default range is all that the gateway leaves, on the larger side of it.
    gboolean above = broadcast - gateway_ip > gateway_ip - network;
    guint32 low = above ? gateway_ip + 1 : network + 1;
    guint32 high = above ? broadcast - 1 : gateway_ip - 1;
    if (!inside("range_first", first, low, network, broadcast, &first_ip, error) ||
        !inside("range_last", last, high, network, broadcast, &last_ip, error))
        return FALSE;
    if (first_ip > last_ip)
        return yd_error_invalid(error, "range_last", "lies before range_first");
    if (gateway_ip >= first_ip && gateway_ip <= last_ip)
        return yd_error_invalid(error, "gateway", "lies within the range of the desktops");
    fill_in(gateway, gateway_ip);
    fill_in(first, first_ip);
    fill_in(last, last_ip);
    return TRUE;
}

gboolean
yd_cidr_overlaps(const char *a, const char *b)
{
    guint32 network_a = 0, network_b = 0;
    guint prefix_a = 0, prefix_b = 0;
    if (!yd_cidr_parse(a, &network_a, &prefix_a) || !yd_cidr_parse(b, &network_b, &prefix_b))
        return FALSE;
    guint32 mask = ~host_mask(MIN(prefix_a, prefix_b));
    return (network_a & mask) == (network_b & mask);
}
