// SPDX-License-Identifier: Apache-2.0
// Hosts for bench/cluster: a libvirtd each, without any driver but the test driver that is part of
// libvirt itself. The machines of "test:///default" live as long as somebody is connected, and all
// connections to that libvirtd see the same ones.
#pragma once

#include <glib.h>

typedef struct _ClusterHosts ClusterHosts;

// Starts n of them with their folders below directory, and waits until each has its socket. Ends
// the program when one does not come. They end with the process that made them.
ClusterHosts *cluster_hosts_start(const char *directory, guint n);
// Of each host, NULL-terminated; borrowed.
const char *const *cluster_hosts_uris(const ClusterHosts *hosts);
// Ends them and waits for that.
void cluster_hosts_stop(ClusterHosts *hosts);
