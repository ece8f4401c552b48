// SPDX-License-Identifier: Apache-2.0
// Small helpers on libxml2 for this room: building trees, our marks in libvirt's metadata, reading.
#pragma once

#include "hypervisor/domain-xml.h"

#include <libxml/tree.h>

// Namespaces of our marks in <metadata>; part of what is kept in libvirt, so they never change.
#define YD_XML_MACHINE_NS "urn:yundesk:machine:1"
#define YD_XML_NETWORK_NS "urn:yundesk:network:1"

xmlDoc *yd_xml_new(const char *root); // owned
xmlNode *yd_xml_add(xmlNode *parent, const char *name, const char *text);
void yd_xml_set(xmlNode *node, const char *name, const char *value);

// Adds <yundesk:NAME xmlns:yundesk='NAMESPACE' ATTRIBUTE='VALUE'/>.
void yd_xml_mark(xmlNode *metadata, const char *ns, const char *name, const char *attribute,
                 const char *value);

// The attribute of the first element of that namespace below <metadata>; NULL: none; owned.
char *yd_xml_marked(const char *xml, const char *ns, const char *attribute);

// Text of the tree, freeing it; owned. _node_text: of one element.
char *yd_xml_take_text(xmlDoc *doc);
char *yd_xml_node_text(xmlDoc *doc, xmlNode *node);

// Parses without network or entities; NULL when it is not XML. Free with xmlFreeDoc.
xmlDoc *yd_xml_parse(const char *xml);

// First child element with that name, NULL: none.
xmlNode *yd_xml_child(const xmlNode *parent, const char *name);

// An attribute's value; NULL: none; owned (g_free).
char *yd_xml_get(const xmlNode *node, const char *name);

// Whether a <host> of a network's DHCP is one that the network has had from the start
// (network-xml.c): it stays. _covers: whether the network of that spec has the entry's address so.
gboolean yd_dhcp_is_standing(const xmlNode *host);
gboolean yd_dhcp_covers(const YdNetworkSpec *spec, const xmlNode *host);

char *yd_domain_xml_test(const YdMachineSpec *spec);
