// SPDX-License-Identifier: Apache-2.0
// A network's XML (NAT with DHCP) and its fixed addresses.
#include "hypervisor/domain-xml.h"
#include "hypervisor/xml.h"
#include "model/address.h"

// A standing address: the MAC of a desktop says its address (model/address.h), so the network knows
// all of them from the start. Telling a running network of one more makes libvirt take all of its
// firewall rules away and set them again, which takes about a second. So many at most: libvirt
// reads the whole text again and again.
#define MAX_STANDING 4096

static gboolean
standing_range(const YdNetworkSpec *spec, guint32 *ret_first, guint32 *ret_count)
{
    guint32 last = 0;
    if (!yd_ip_parse(spec->range_first, ret_first) || !yd_ip_parse(spec->range_last, &last) ||
        last < *ret_first)
        return FALSE;
    *ret_count = MIN(last - *ret_first, MAX_STANDING - 1) + 1;
    return TRUE;
}

static void
add_standing(xmlNode *dhcp, const YdNetworkSpec *spec)
{
    guint32 first = 0, count = 0;
    if (!standing_range(spec, &first, &count))
        return;
    for (guint32 n = 0; n < count; n++) {
        g_autofree char *ip = yd_ip_text(first + n);
        g_autofree char *mac = yd_mac_from_ip(first + n);
        xmlNode *host = yd_xml_add(dhcp, "host", NULL);
        yd_xml_set(host, "mac", mac);
        yd_xml_set(host, "ip", ip);
    }
}

gboolean
yd_dhcp_is_standing(const xmlNode *host)
{
    g_autofree char *text = yd_xml_get(host, "ip");
    g_autofree char *mac = yd_xml_get(host, "mac");
    g_autofree char *name = yd_xml_get(host, "name");
    guint32 ip = 0;
    if (name || !mac || !yd_ip_parse(text, &ip))
        return FALSE;
    g_autofree char *own = yd_mac_from_ip(ip);
    return g_ascii_strcasecmp(own, mac) == 0;
}

gboolean
yd_dhcp_covers(const YdNetworkSpec *spec, const xmlNode *host)
{
    g_autofree char *text = yd_xml_get(host, "ip");
    guint32 ip = 0, first = 0, count = 0;
    return yd_ip_parse(text, &ip) && standing_range(spec, &first, &count) && ip >= first &&
           ip - first < count;
}

char *
yd_network_xml(const YdNetworkSpec *spec)
{
    xmlDoc *doc = yd_xml_new("network");
    xmlNode *network = xmlDocGetRootElement(doc);
    yd_xml_add(network, "name", spec->name);
    if (spec->uuid)
        yd_xml_add(network, "uuid", spec->uuid);
    yd_xml_mark(yd_xml_add(network, "metadata", NULL), YD_XML_NETWORK_NS, "network", "id",
                spec->network_id);
    yd_xml_set(yd_xml_add(network, "forward", NULL), "mode", "nat");
    xmlNode *bridge = yd_xml_add(network, "bridge", NULL);
    yd_xml_set(bridge, "name", spec->bridge);
    yd_xml_set(bridge, "stp", "off"); // with it a card that is plugged in is deaf for four seconds
    yd_xml_set(bridge, "delay", "0");
    if (spec->mtu) {
        g_autofree char *mtu = g_strdup_printf("%u", spec->mtu);
        yd_xml_set(yd_xml_add(network, "mtu", NULL), "size", mtu);
    }
    if (spec->mac)
        yd_xml_set(yd_xml_add(network, "mac", NULL), "address", spec->mac);
    g_autofree char *prefix = g_strdup_printf("%u", spec->prefix);
    xmlNode *ip = yd_xml_add(network, "ip", NULL);
    yd_xml_set(ip, "family", "ipv4");
    yd_xml_set(ip, "address", spec->gateway);
    yd_xml_set(ip, "prefix", prefix);
    xmlNode *dhcp = yd_xml_add(ip, "dhcp", NULL);
    if (spec->range_first && spec->range_last) {
        xmlNode *range = yd_xml_add(dhcp, "range", NULL);
        yd_xml_set(range, "start", spec->range_first);
        yd_xml_set(range, "end", spec->range_last);
        add_standing(dhcp, spec);
    }
    return yd_xml_take_text(doc);
}

char *
yd_dhcp_host_xml(const YdDhcpHost *host)
{
    xmlDoc *doc = yd_xml_new("host");
    xmlNode *node = xmlDocGetRootElement(doc);
    yd_xml_set(node, "mac", host->mac);
    if (host->name)
        yd_xml_set(node, "name", host->name);
    if (host->ip)
        yd_xml_set(node, "ip", host->ip);
    return yd_xml_take_text(doc);
}
