// SPDX-License-Identifier: Apache-2.0
// Hosts: add, change, maintenance, remove. Reading and listing is yd_service_get/_list with
// YD_RIGHT_HOSTS_READ and &yd_host_type; writing is for administrators (YD_RIGHT_HOSTS_WRITE).
// Facts and load are kept up to date by the monitor; what a host's machines do is the reconciler's.
//
// Rules of the fields: name [a-z0-9][a-z0-9.-]{0,62}, unique; uri a libvirt URI
// (qemu:///system, qemu+tls://…, qemu+ssh://…, test…://…) or "fake:NAME", unique; reserve_mib
// 0..1048576; vcpu_ratio 0.1..64 (0: 8).
#pragma once

#include "service/service.h"

// Stores the host, opens its hypervisor and asks for its facts: state "up" when it answers, else
// "down" with the error in the row. Networks are made there when they are first needed. Fills in
// the record as stored. Errors: INVALID, EXISTS, FORBIDDEN.
gboolean yd_host_add(YdService *service, const YdActor *actor, YdHost *host, GError **error);

// As yd_user_update. state may be set to "maintenance" (no new desktops, what runs stays) and back
// to "up" (becomes "down" by itself when it does not answer).
gboolean yd_host_update(YdService *service, const YdActor *actor, YdHost *host, gint64 version,
                        GError **error);

// Refused (IN_USE) while desktops are placed there.
gboolean yd_host_remove(YdService *service, const YdActor *actor, const char *host_id,
                        gint64 version, GError **error);

// Copies facts into the record (cpus, memory, accel, load, seen, error NULL); storage may be NULL.
void yd_host_set_facts(YdHost *host, const YdHostFacts *facts, YdStorage *storage, gint64 now);
