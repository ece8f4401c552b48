// SPDX-License-Identifier: Apache-2.0
// IPv4 addresses, ranges and the MAC that is computed from them. Pure.
#pragma once

#include <glib.h>

// Parses dotted IPv4 (no leading zeros); host byte order.
gboolean yd_ip_parse(const char *text, guint32 *ret_ip);
char *yd_ip_text(guint32 ip);

// "10.99.0.0/24" → network (host bits must be 0) and prefix length 8..30.
gboolean yd_cidr_parse(const char *text, guint32 *ret_network, guint *ret_prefix);

// "52:54:" + the four bytes of the address; owned.
char *yd_mac_from_ip(guint32 ip);

// Checks a network's cidr, gateway and range against each other; INVALID names the field. Fills in
// gateway (first address) and range (the rest) where they are NULL.
gboolean
yd_network_check(const char *cidr, char **gateway, char **first, char **last, GError **error);

// Of a network that reaches over hosts, bytes: a packet and the tunnel's head around it fit into
// 1500.
#define YD_SEGMENT_MTU 1450

// Whether two CIDRs overlap.
gboolean yd_cidr_overlaps(const char *a, const char *b);
