// SPDX-License-Identifier: Apache-2.0
// Networks and the fixed addresses in their DHCP. Only networks with our mark are touched.
#include "hypervisor/libvirt-private.h"
#include "hypervisor/xml.h"

#include <stdlib.h>
#include <string.h>

// The network; NULL without error when there is none.
static virNetwork *
find(virConnect *conn, const char *name, GError **error)
{
    virNetwork *network = virNetworkLookupByName(conn, name);
    if (!network && !yd_libvirt_is(VIR_ERR_NO_NETWORK))
        yd_libvirt_fail(error, "cannot look for network '%s'", name);
    return network;
}

static xmlDoc *
definition(virNetwork *network, guint flags)
{
    char *xml = virNetworkGetXMLDesc(network, flags);
    xmlDoc *doc = xml ? yd_xml_parse(xml) : NULL;
    free(xml);
    return doc;
}

static gboolean
is_ours(virNetwork *network)
{
    char *xml = virNetworkGetXMLDesc(network, 0);
    g_autofree char *id = xml ? yd_xml_marked(xml, YD_XML_NETWORK_NS, "id") : NULL;
    free(xml);
    return id != NULL;
}

static gboolean
check_ours(virNetwork *network, const char *name, GError **error)
{
    if (is_ours(network))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_EXISTS,
                "network '%s' is there already and not of Yundesk's making", name);
    return FALSE;
}

static gboolean
bridge_is_free(virConnect *conn, const YdNetworkSpec *spec, GError **error)
{
    virNetwork **networks = NULL;
    gboolean is_free = TRUE;
    int n = virConnectListAllNetworks(conn, &networks, 0);
    for (int i = 0; i < n; i++) {
        char *bridge = virNetworkGetBridgeName(networks[i]);
        if (is_free && bridge && g_strcmp0(bridge, spec->bridge) == 0 &&
            strcmp(virNetworkGetName(networks[i]), spec->name) != 0) {
            g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "bridge '%s' belongs to network '%s'",
                        spec->bridge, virNetworkGetName(networks[i]));
            is_free = FALSE;
        }
        free(bridge);
        virNetworkFree(networks[i]);
    }
    free(networks);
    return is_free;
}

static gboolean
same(const xmlNode *node, const char *attribute, const char *wanted)
{
    g_autofree char *value = yd_xml_get(node, attribute);
    return g_strcmp0(value, wanted) == 0;
}

// Whether bridge, address and range are as the spec wants them.
static gboolean
is_as_wanted(const xmlDoc *doc, const YdNetworkSpec *spec)
{
    xmlNode *root = xmlDocGetRootElement(doc);
    xmlNode *ip = yd_xml_child(root, "ip");
    xmlNode *range = yd_xml_child(yd_xml_child(ip, "dhcp"), "range");
    g_autofree char *prefix = g_strdup_printf("%u", spec->prefix);
    guint32 bits = spec->prefix ? G_MAXUINT32 << (32 - MIN(spec->prefix, 32)) : 0;
    g_autofree char *mask =
        g_strdup_printf("%u.%u.%u.%u", bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255);
    return same(yd_xml_child(root, "bridge"), "name", spec->bridge) &&
           same(ip, "address", spec->gateway) &&
           (same(ip, "prefix", prefix) || same(ip, "netmask", mask)) &&
           same(range, "start", spec->range_first) && same(range, "end", spec->range_last);
}

static gboolean
has_guests(virNetwork *network)
{
    int n = virNetworkListAllPorts(network, NULL, 0);
    return n > 0;
}

// The wanted definition with the uuid of the old one and the fixed addresses that it does not have
// itself; owned.
static char *
merged(const xmlDoc *old, const YdNetworkSpec *spec)
{
    g_autofree char *plain = yd_network_xml(spec);
    xmlDoc *doc = yd_xml_parse(plain);
    xmlNode *root = xmlDocGetRootElement(doc);
    xmlNode *from = yd_xml_child(yd_xml_child(xmlDocGetRootElement(old), "ip"), "dhcp");
    xmlNode *dhcp = yd_xml_child(yd_xml_child(root, "ip"), "dhcp");
    xmlNode *uuid = yd_xml_child(xmlDocGetRootElement(old), "uuid");
    for (xmlNode *node = from ? from->children : NULL; node; node = node->next)
        if (xmlStrEqual(node->name, (const xmlChar *)"host") && !yd_dhcp_covers(spec, node) &&
            !yd_dhcp_is_standing(node))
            xmlAddChild(dhcp, xmlDocCopyNode(node, doc, 1));
    if (uuid && !spec->uuid)
        xmlAddNextSibling(yd_xml_child(root, "name"), xmlDocCopyNode(uuid, doc, 1));
    return yd_xml_take_text(doc);
}

static virNetwork *
define(virConnect *conn, const char *xml, const YdNetworkSpec *spec, GError **error)
{
    virNetwork *network = virNetworkDefineXML(conn, xml);
    if (!network)
        yd_libvirt_fail(error, "cannot define network '%s'", spec->name);
    else
        virNetworkSetAutostart(network, 1);
    return network;
}

static gboolean
activate(virNetwork *network, const YdNetworkSpec *spec, GError **error)
{
    g_autoptr(GError) why = NULL;
    if (virNetworkIsActive(network) == 1 || virNetworkCreate(network) == 0)
        return TRUE;
    yd_libvirt_fail(&why, "cannot start network '%s'", spec->name);
    if (virNetworkIsActive(network) == 1) // somebody else was quicker
        return TRUE;
    if (strstr(why->message, "already in use") || strstr(why->message, "File exists") ||
        strstr(why->message, "already exists"))
        why->code = YD_ERROR_EXISTS;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

static gboolean
repair(virConnect *conn, virNetwork *network, const YdNetworkSpec *spec, guint flags,
       GError **error)
{
    xmlDoc *doc = definition(network, flags);
    if (!doc)
        return yd_libvirt_fail(error, "cannot read network '%s'", spec->name);
    if (is_as_wanted(doc, spec)) {
        xmlFreeDoc(doc);
        return activate(network, spec, error);
    }
    g_autofree char *xml = merged(doc, spec);
    xmlFreeDoc(doc);
    if (virNetworkIsActive(network) == 1 && has_guests(network)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "network '%s' must be changed, but guests use it", spec->name);
        return FALSE;
    }
    if (virNetworkIsActive(network) == 1 && virNetworkDestroy(network) != 0)
        return yd_libvirt_fail(error, "cannot stop network '%s'", spec->name);
    g_autoptr(virNetwork) changed = define(conn, xml, spec, error);
    return changed && activate(changed, spec, error);
}

static gboolean
create(virConnect *conn, const YdNetworkSpec *spec, GError **error)
{
    g_autofree char *xml = yd_network_xml(spec);
    g_autoptr(virNetwork) network = define(conn, xml, spec, error);
    if (!network)
        return FALSE;
    if (activate(network, spec, error))
        return TRUE;
    virNetworkUndefine(network);
    return FALSE;
}

gboolean
yd_libvirt_network_ensure(YdHypervisor *hv, const YdNetworkSpec *spec, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(virConnect) conn = yd_libvirt_conn(hv, error);
    if (!conn || !bridge_is_free(conn, spec, error) ||
        (!((YdLibvirt *)hv)->test && !yd_libvirt_filter_ensure(conn, error)))
        return FALSE;
    g_autoptr(virNetwork) network = find(conn, spec->name, &why);
    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    if (!network)
        return create(conn, spec, error);
    guint flags = ((YdLibvirt *)hv)->test ? 0 : VIR_NETWORK_XML_INACTIVE;
    return check_ours(network, spec->name, error) && repair(conn, network, spec, flags, error);
}

gboolean
yd_libvirt_network_remove(YdHypervisor *hv, const char *name, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(virConnect) conn = yd_libvirt_conn(hv, error);
    if (!conn)
        return FALSE;
    g_autoptr(virNetwork) network = find(conn, name, &why);
    if (!network) {
        gboolean gone = why == NULL;
        if (why)
            g_propagate_error(error, g_steal_pointer(&why));
        return gone;
    }
    if (!check_ours(network, name, error))
        return FALSE;
    if (virNetworkIsActive(network) == 1) {
        if (has_guests(network)) {
            g_set_error(error, YD_ERROR, YD_ERROR_STATE, "network '%s' is used by guests", name);
            return FALSE;
        }
        if (virNetworkDestroy(network) != 0)
            return yd_libvirt_fail(error, "cannot stop network '%s'", name);
    }
    return virNetworkUndefine(network) == 0 || yd_libvirt_is(VIR_ERR_NO_NETWORK) ||
           yd_libvirt_fail(error, "cannot remove network '%s'", name);
}

// The network; NOT_FOUND.
static virNetwork *
lookup(virConnect *conn, const char *name, GError **error)
{
    virNetwork *network = conn ? virNetworkLookupByName(conn, name) : NULL;
    if (conn && !network)
        yd_libvirt_fail(error, "network '%s'", name);
    return network;
}

gboolean
yd_libvirt_network_active(YdHypervisor *hv, const char *name, gboolean *ret_active, GError **error)
{
    g_autoptr(virConnect) conn = yd_libvirt_conn(hv, error);
    g_autoptr(virNetwork) network = lookup(conn, name, error);
    if (!network)
        return FALSE;
    *ret_active = virNetworkIsActive(network) == 1;
    return TRUE;
}

static gboolean
update(virNetwork *network, guint command, const char *xml)
{
    guint flags = VIR_NETWORK_UPDATE_AFFECT_CONFIG;
    if (virNetworkIsActive(network) == 1)
        flags |= VIR_NETWORK_UPDATE_AFFECT_LIVE;
    return virNetworkUpdate(network, command, VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, xml, flags) ==
           0;
}

static gboolean
fits(const xmlNode *node, const YdDhcpHost *host)
{
    g_autofree char *mac = yd_xml_get(node, "mac");
    g_autofree char *ip = yd_xml_get(node, "ip");
    return (mac && g_ascii_strcasecmp(mac, host->mac) == 0) ||
           (host->ip && g_strcmp0(ip, host->ip) == 0);
}

// Removes the entries with that MAC or address; *ret_same when the very entry is there (and then it
// stays), with a name or, when it stood there from the start, without.
static gboolean
clear_entries(virNetwork *network, const char *name, const YdDhcpHost *host, gboolean *ret_same,
              GError **error)
{
    xmlDoc *doc = definition(network, 0);
    if (!doc)
        return yd_libvirt_fail(error, "cannot read network '%s'", name);
    xmlNode *dhcp = yd_xml_child(yd_xml_child(xmlDocGetRootElement(doc), "ip"), "dhcp");
    gboolean ok = TRUE;
    for (xmlNode *node = dhcp ? dhcp->children : NULL; node && ok; node = node->next) {
        if (!xmlStrEqual(node->name, (const xmlChar *)"host") || !fits(node, host))
            continue;
        gboolean standing = yd_dhcp_is_standing(node);
        if (standing && !ret_same)
            continue;
        if (ret_same && same(node, "mac", host->mac) && same(node, "ip", host->ip) &&
            (standing || same(node, "name", host->name))) {
            *ret_same = TRUE;
            continue;
        }
        g_autofree char *xml = yd_xml_node_text(doc, node);
        ok = update(network, VIR_NETWORK_UPDATE_COMMAND_DELETE, xml) ||
             yd_libvirt_fail(error, "cannot clear %s in network '%s'", host->mac, name);
    }
    xmlFreeDoc(doc);
    return ok;
}

gboolean
yd_libvirt_network_set_host(YdHypervisor *hv, const char *name, const YdDhcpHost *host,
                            GError **error)
{
    gboolean there = FALSE;
    g_autoptr(virConnect) conn = yd_libvirt_conn(hv, error);
    g_autoptr(virNetwork) network = lookup(conn, name, error);
    if (!network || !check_ours(network, name, error))
        return FALSE;
    if (((YdLibvirt *)hv)->test) // its networks have no DHCP that could be told
        return TRUE;
    if (!clear_entries(network, name, host, &there, error))
        return FALSE;
    g_autofree char *xml = yd_dhcp_host_xml(host);
    return there || update(network, VIR_NETWORK_UPDATE_COMMAND_ADD_LAST, xml) ||
           yd_libvirt_fail(error, "cannot give %s the address %s in network '%s'", host->mac,
                           host->ip, name);
}

gboolean
yd_libvirt_network_clear_host(YdHypervisor *hv, const char *name, const char *mac, GError **error)
{
    YdDhcpHost host = {.mac = mac};
    g_autoptr(GError) why = NULL;
    g_autoptr(virConnect) conn = yd_libvirt_conn(hv, error);
    if (!conn)
        return FALSE;
    g_autoptr(virNetwork) network = find(conn, name, &why);
    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    if (!network || ((YdLibvirt *)hv)->test)
        return TRUE;
    return check_ours(network, name, error) && clear_entries(network, name, &host, NULL, error);
}
