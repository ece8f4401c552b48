// SPDX-License-Identifier: Apache-2.0
// Parts of a domain's XML that a clone's has anew. Private to this room.
#pragma once

#include "hypervisor/domain-xml.h"

#include <libxml/tree.h>

void yd_domain_xml_metadata(xmlNode *domain, const YdMachineSpec *spec);
void yd_domain_xml_graphics(xmlNode *devices, const YdMachineSpec *spec);
// The host's side of a channel of type qemu-vdagent.
void yd_domain_xml_vdagent(xmlNode *channel);
// The file of its memory, as arguments of QEMU; nothing without one.
void yd_domain_xml_ram(xmlNode *domain, const YdMachineSpec *spec);
