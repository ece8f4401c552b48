// SPDX-License-Identifier: Apache-2.0
// Virtual networks (NAT with DHCP) on every host. Reading and listing is yd_service_get/_list with
// YD_RIGHT_NETWORKS_READ and &yd_network_type (addresses: &yd_address_type with a condition on
// network_id); writing is for administrators (YD_RIGHT_NETWORKS_WRITE).
//
// Rules of the fields: name [a-z0-9][a-z0-9-]{0,31}, unique; mode "nat"; cidr, gateway and range as
// yd_network_check, no overlap with other networks; bridge [a-z0-9][a-z0-9._-]{0,14}, unique, made
// from the id when NULL; vlan 0..4094; vni 0..16777215, unique unless 0.
#pragma once

#include "service/service.h"

// Stores it in state "new" and submits the job network-create, which makes it on every host and
// sets "active" or "failed". ret_job (may be NULL) is owned. Errors: INVALID, EXISTS, FORBIDDEN.
gboolean yd_network_create(YdService *service, const YdActor *actor, YdNetwork *network,
                           YdJob **ret_job, GError **error);

// The range may change as long as all addresses in use stay inside; the rest is fixed. Submits
// network-create again when the hosts have to know (ret_job NULL else).
gboolean yd_network_update(YdService *service, const YdActor *actor, YdNetwork *network,
                           gint64 version, YdJob **ret_job, GError **error);

// Submits the job network-delete, which removes it from every host and then the row. Refused
// (IN_USE) while pools, departments or addresses use it.
gboolean yd_network_delete(YdService *service, const YdActor *actor, const char *network_id,
                           gint64 version, YdJob **ret_job, GError **error);

// Name of the network in libvirt: "yd-<name>"; owned. Everybody who builds a machine uses this.
char *yd_network_libvirt_name(const YdNetwork *network);

// The same, with what had to be put right in its tunnel, as yd_network_segment_ensure.
gboolean yd_network_ensure_seen(YdService *service, const YdHost *host, const YdNetwork *network,
                                char **ret_repaired, GError **error);

// Makes sure that one host has the network (hypervisor call; blocks). For starts and for new hosts.
gboolean yd_network_ensure(YdService *service, const char *host_id, const YdNetwork *network,
                           GError **error);
