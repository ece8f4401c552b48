// SPDX-License-Identifier: Apache-2.0
// Libvirt's domain and network XML from specs (libvirt.org/formatdomain.html, formatnetwork.html),
// built with libxml2, checked by golden files in tests/data/xml. Pure.
#pragma once

#include "hypervisor/hypervisor.h"

// The nwfilter of every card that has an address (libvirt-filter.c).
#define YD_NIC_FILTER "yd-desktop"

// kvm: whether the accelerator is KVM (else TCG with tb-cache as LAB found it to be right). Owned.
char *yd_domain_xml(const YdMachineSpec *spec, gboolean kvm);
// A virtio network card on that network. Owned.
char *yd_nic_xml(const YdNicSpec *nic);
char *yd_network_xml(const YdNetworkSpec *spec);
char *yd_dhcp_host_xml(const YdDhcpHost *host);

// Reads our desktop id out of a domain's XML, NULL when it is not ours; owned.
char *yd_domain_xml_desktop(const char *xml);
