// SPDX-License-Identifier: Apache-2.0
// Memory in a file that we name. libvirt's own <memoryBacking> chooses the file itself and removes
// it with the machine, so QEMU is told by arguments: an object that takes the place of the memory
// libvirt asks for, which is then never touched.
#include "hypervisor/domain-xml-parts.h"
#include "hypervisor/xml.h"

#include <jansson.h>
#include <stdlib.h>

#define QEMU_NS "http://libvirt.org/schemas/domain/qemu/1.0"
#define BLOCK "yd-ram" // YD_RAM_BLOCK of storage/ram-image.h

static void
add_argument(xmlNode *line, xmlNs *ns, const char *value)
{
    xmlNode *node = xmlNewChild(line, ns, (const xmlChar *)"arg", NULL);
    yd_xml_set(node, "value", value);
}

void
yd_domain_xml_ram(xmlNode *domain, const YdMachineSpec *spec)
{
    if (!spec->ram_file)
        return;
    json_t *object = json_pack("{s:s, s:s, s:s, s:I, s:b}", "qom-type", "memory-backend-file", "id",
                               BLOCK, "mem-path", spec->ram_file, "size",
                               (json_int_t)spec->memory_mib << 20, "share", spec->ram_shared);
    char *text = json_dumps(object, JSON_COMPACT);
    xmlNs *ns = xmlSearchNsByHref(domain->doc, domain, (const xmlChar *)QEMU_NS);
    if (!ns)
        ns = xmlNewNs(domain, (const xmlChar *)QEMU_NS, (const xmlChar *)"qemu");
    xmlNode *line = xmlNewChild(domain, ns, (const xmlChar *)"commandline", NULL);
    add_argument(line, ns, "-object");
    add_argument(line, ns, text);
    add_argument(line, ns, "-machine");
    add_argument(line, ns, "memory-backend=" BLOCK);
    free(text);
    json_decref(object);
}
