// SPDX-License-Identifier: Apache-2.0
// A network's XML (NAT with DHCP) and its fixed addresses.
#include "hypervisor/domain-xml.h"
#include "hypervisor/xml.h"

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
