// SPDX-License-Identifier: Apache-2.0
// Saving a machine into a file, starting another from one, and giving it its network card.
#include "hypervisor/domain-xml.h"
#include "hypervisor/libvirt-private.h"
#include "hypervisor/xml.h"

#include <stdlib.h>

gboolean
yd_libvirt_freeze(YdHypervisor *hv, const char *uuid, const char *path, GError **error)
{
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    if (!domain)
        return FALSE;
    return virDomainSaveFlags(domain, path, NULL, VIR_DOMAIN_SAVE_RUNNING) == 0 ||
           yd_libvirt_fail(error, "cannot save machine '%s'", uuid);
}

gboolean
yd_libvirt_thaw(YdHypervisor *hv, const YdMachineSpec *spec, const char *path, GError **error)
{
    gboolean runs;
    // What is defined is the machine as it boots from its disk.
    g_autoptr(virDomain) domain = yd_libvirt_define(hv, spec, &runs, error);
    if (!domain)
        return runs;
    return virDomainRestoreFlags(virDomainGetConnect(domain), path, NULL,
                                 VIR_DOMAIN_SAVE_RUNNING) == 0 ||
           yd_libvirt_fail(error, "cannot start machine '%s' from a saved one", spec->name);
}

// Whether it has a card with that MAC now.
static gboolean
has_nic(const char *xml, const char *mac)
{
    gboolean found = FALSE;
    xmlDoc *doc = yd_xml_parse(xml);
    xmlNode *devices = doc ? yd_xml_child(xmlDocGetRootElement(doc), "devices") : NULL;
    for (xmlNode *node = devices ? devices->children : NULL; node; node = node->next) {
        g_autofree char *address = yd_xml_get(yd_xml_child(node, "mac"), "address");
        found = found || (address && g_ascii_strcasecmp(address, mac) == 0);
    }
    xmlFreeDoc(doc);
    return found;
}

gboolean
yd_libvirt_attach_nic(YdHypervisor *hv, const char *uuid, const YdNicSpec *nic, GError **error)
{
    g_autoptr(virDomain) domain = yd_libvirt_domain(hv, uuid, error);
    if (!domain)
        return FALSE;
    char *now = virDomainGetXMLDesc(domain, 0);
    gboolean there = now && has_nic(now, nic->mac);
    free(now);
    if (there)
        return TRUE;
    g_autofree char *xml = yd_nic_xml(nic);
    return virDomainAttachDeviceFlags(domain, xml, VIR_DOMAIN_AFFECT_LIVE) == 0 ||
           yd_libvirt_fail(error, "cannot give machine '%s' its network card", uuid);
}
