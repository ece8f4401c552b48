// SPDX-License-Identifier: Apache-2.0
// Helpers on libxml2's trees. Knows nothing of domains or networks.
#include "hypervisor/xml.h"

#include <libxml/parser.h>
#include <string.h>

#define X(text) ((const xmlChar *)(text))

xmlDoc *
yd_xml_new(const char *root)
{
    xmlDoc *doc = xmlNewDoc(X("1.0"));
    xmlDocSetRootElement(doc, xmlNewNode(NULL, X(root)));
    return doc;
}

xmlNode *
yd_xml_add(xmlNode *parent, const char *name, const char *text)
{
    return xmlNewTextChild(parent, NULL, X(name), X(text));
}

void
yd_xml_set(xmlNode *node, const char *name, const char *value)
{
    xmlSetProp(node, X(name), X(value));
}

void
yd_xml_mark(xmlNode *metadata, const char *ns, const char *name, const char *attribute,
            const char *value)
{
    xmlNode *node = xmlNewChild(metadata, NULL, X(name), NULL);
    xmlSetNs(node, xmlNewNs(node, X(ns), X("yundesk")));
    yd_xml_set(node, attribute, value);
}

char *
yd_xml_node_text(xmlDoc *doc, xmlNode *node)
{
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, doc, node, 0, 1);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

char *
yd_xml_take_text(xmlDoc *doc)
{
    g_autofree char *text = yd_xml_node_text(doc, xmlDocGetRootElement(doc));
    xmlFreeDoc(doc);
    return g_strconcat(text, "\n", NULL);
}

xmlDoc *
yd_xml_parse(const char *xml)
{
    return xmlReadMemory(xml, (int)strlen(xml), NULL, NULL,
                         XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                             XML_PARSE_NOBLANKS);
}

xmlNode *
yd_xml_child(const xmlNode *parent, const char *name)
{
    for (xmlNode *node = parent ? parent->children : NULL; node; node = node->next)
        if (node->type == XML_ELEMENT_NODE && xmlStrEqual(node->name, X(name)))
            return node;
    return NULL;
}

char *
yd_xml_get(const xmlNode *node, const char *name)
{
    xmlChar *value = node ? xmlGetNoNsProp(node, X(name)) : NULL;
    char *copy = g_strdup((const char *)value);
    xmlFree(value);
    return copy;
}

static gboolean
in_namespace(const xmlNode *node, const char *ns)
{
    return node && node->type == XML_ELEMENT_NODE && node->ns && xmlStrEqual(node->ns->href, X(ns));
}

char *
yd_xml_marked(const char *xml, const char *ns, const char *attribute)
{
    xmlDoc *doc = yd_xml_parse(xml);
    xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    xmlNode *found = NULL;
    xmlNode *metadata = yd_xml_child(root, "metadata");
    for (xmlNode *node = metadata ? metadata->children : NULL; node && !found; node = node->next)
        if (in_namespace(node, ns))
            found = node;
    char *value = yd_xml_get(found, attribute);
    xmlFreeDoc(doc);
    return value;
}
