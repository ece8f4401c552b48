// SPDX-License-Identifier: Apache-2.0
// The XML of a clone: the one that the template's machine was saved with, so that every device is
// where the saved state expects it, with what is the clone's own put in.
#include "hypervisor/domain-xml-parts.h"
#include "hypervisor/xml.h"

#include <string.h>

#define VDAGENT_PORT "com.redhat.spice.0"

static gboolean
refuse(GError **error, const char *what)
{
    g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "the saved machine's XML cannot be used: %s",
                what);
    return FALSE;
}

static gboolean
is_named(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0;
}

static void
drop_all(xmlNode *parent, const char *name)
{
    for (xmlNode *node = parent->children, *next; node; node = next) {
        next = node->next;
        if (!is_named(node, name))
            continue;
        xmlUnlinkNode(node);
        xmlFreeNode(node);
    }
}

static void
replace_text(xmlNode *domain, const char *name, const char *text)
{
    drop_all(domain, name);
    if (text)
        yd_xml_add(domain, name, text);
}

static char *
text_of(const xmlNode *parent, const char *name)
{
    xmlNode *node = yd_xml_child(parent, name);
    xmlChar *text = node ? xmlNodeGetContent(node) : NULL;
    char *copy = g_strdup((const char *)text);
    xmlFree(text);
    return copy;
}

// libvirt writes memory in KiB.
static gboolean
check_size(const xmlNode *domain, const YdMachineSpec *spec, GError **error)
{
    g_autofree char *memory = text_of(domain, "memory");
    g_autofree char *unit = yd_xml_get(yd_xml_child(domain, "memory"), "unit");
    g_autofree char *vcpus = text_of(domain, "vcpu");
    if (!memory || !vcpus || g_strcmp0(unit, "KiB") != 0)
        return refuse(error, "it does not say its size");
    if (g_ascii_strtoll(memory, NULL, 10) == spec->memory_mib * 1024 &&
        g_ascii_strtoll(vcpus, NULL, 10) >= spec->vcpus)
        return TRUE;
    return refuse(error, "it is of another size");
}

static gboolean
is_disk(const xmlNode *node)
{
    g_autofree char *device = yd_xml_get(node, "device");
    return is_named(node, "disk") && g_strcmp0(device, "disk") == 0;
}

static gboolean
set_disk(xmlNode *devices, const YdMachineSpec *spec, GError **error)
{
    guint disks = 0;
    for (xmlNode *node = devices->children; node; node = node->next) {
        if (!is_disk(node))
            continue;
        drop_all(node, "source");
        drop_all(node, "backingStore");
        yd_xml_set(yd_xml_add(node, "source", NULL), "file", spec->disk);
        disks++;
    }
    return disks == 1 ? TRUE : refuse(error, "it has not just one disk");
}

// The ports stay where they are; what is at their host's side is the clone's.
static void
set_channels(xmlNode *devices, const YdMachineSpec *spec)
{
    for (xmlNode *node = devices->children; node; node = node->next) {
        if (!is_named(node, "channel"))
            continue;
        g_autofree char *name = yd_xml_get(yd_xml_child(node, "target"), "name");
        drop_all(node, "source");
        if (g_strcmp0(name, VDAGENT_PORT) != 0)
            continue;
        yd_xml_set(node, "type", spec->console_vdagent ? "qemu-vdagent" : "spicevmc");
        if (spec->console_vdagent)
            yd_domain_xml_vdagent(node);
    }
}

static gboolean
edit(xmlNode *domain, const YdMachineSpec *spec, GError **error)
{
    xmlNode *devices = yd_xml_child(domain, "devices");
    if (!devices || !yd_xml_child(domain, "os"))
        return refuse(error, "it is no domain");
    if (yd_xml_child(devices, "interface"))
        return refuse(error, "it has a network card already");
    if (!check_size(domain, spec, error) || !set_disk(devices, spec, error))
        return FALSE;
    replace_text(domain, "name", spec->name);
    replace_text(domain, "uuid", spec->uuid);
    replace_text(domain, "title", spec->title);
    drop_all(domain, "metadata");
    yd_domain_xml_metadata(domain, spec);
    drop_all(domain, "seclabel");
    drop_all(domain, "commandline"); // qemu:
    yd_domain_xml_ram(domain, spec);
    set_channels(devices, spec);
    drop_all(devices, "graphics");
    yd_domain_xml_graphics(devices, spec);
    return TRUE;
}

char *
yd_hypervisor_clone_xml(const char *saved, const YdMachineSpec *spec, GError **error)
{
    xmlDoc *doc = yd_xml_parse(saved);
    xmlNode *domain = doc ? xmlDocGetRootElement(doc) : NULL;
    if (!domain || !is_named(domain, "domain")) {
        xmlFreeDoc(doc);
        refuse(error, "it is no XML of a domain");
        return NULL;
    }
    if (edit(domain, spec, error))
        return yd_xml_take_text(doc);
    xmlFreeDoc(doc);
    return NULL;
}
