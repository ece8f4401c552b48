// SPDX-License-Identifier: Apache-2.0
// Segments: a libvirt network's bridge joined with the like on other hosts by a VXLAN device, with
// one entry for each of them, and a filter that keeps DHCP and the gateway's ARP at home. What is
// there already stays; what differs is put right. Needs CAP_NET_ADMIN. Any thread.
#pragma once

#include <glib.h>
#include <jansson.h>

// segment: vni, bridge (must be there), local (this host's address for the tunnel), peers (those of
// the others), gateway (address of each host in the segment), mac (that every host has with it),
// isolated. Answer: "changed", an array of what was missing or different: "device", "bridge",
// "peers", "isolation", "filter". Bad arguments: INVALID; no such bridge: STATE; a device of
// somebody else's with that name: EXISTS.
json_t *yd_segment_ensure(const json_t *arguments, GError **error);

// segment-keep: vnis, an array. All other segments go. Answer: "dropped", an array of vnis.
json_t *yd_segment_keep(const json_t *arguments, GError **error);

// The text for nft that the filter of the segment consists of; owned. Pure.
char *yd_segment_rules(gint64 vni, const char *gateway, const char *mac);
