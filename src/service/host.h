// SPDX-License-Identifier: Apache-2.0
// Hosts: add, change, maintenance, remove. Reading and listing is yd_service_get/_list with
// YD_RIGHT_HOSTS_READ and &yd_host_type; writing is for administrators (YD_RIGHT_HOSTS_WRITE).
// Facts and load are kept up to date by the monitor; what a host's machines do is the reconciler's.
//
// Rules of the fields: name [a-z0-9][a-z0-9.-]{0,62}, unique; uri a libvirt URI
// (qemu:///system, qemu+tls://…, qemu+ssh://…, test…://…) or "fake:NAME", unique; reserve_mib
// 0..1048576; vcpu_ratio 0.1..64 (0: 8).
#pragma once

#include <jansson.h>

#include "service/service.h"

// Stores the host, opens its hypervisor and asks for its facts: state "up" when it answers, else
// "joining" with the error in the row. Networks are made there when they are first needed. Fills in
// the record as stored. Errors: INVALID, EXISTS, FORBIDDEN.
gboolean yd_host_add(YdService *service, const YdActor *actor, YdHost *host, GError **error);

// As yd_user_update. state may be set to "maintenance" (no new desktops, what runs stays) and back
// to "up"; of a host that does not answer it is what it will be in.
gboolean yd_host_update(YdService *service, const YdActor *actor, YdHost *host, gint64 version,
                        GError **error);

// Refused (IN_USE) while desktops are placed there.
gboolean yd_host_remove(YdService *service, const YdActor *actor, const char *host_id,
                        gint64 version, GError **error);

// Whether it is down or fenced: what it says of its machines does not count until it is cleaned.
gboolean yd_host_is_away(const YdHost *host);

// What the monitor saw of the host: facts, or why there are none. Moves its state on
// (host-state.h), cleans it before it is used again, has it fenced by [deskd] fence_command when it
// is down, and writes the row when something changed or stored (ms, when it was written last) is
// long ago. FALSE with error NOT_FOUND when the host was removed. Blocks as long as cleaning takes.
gboolean yd_host_seen(YdService *service, const char *host_id, const YdHostFacts *facts,
                      const GError *why, gint64 *stored, GError **error);

// It is off for sure (a person says so: confirmed; else fence_command sees to it): its desktops
// start elsewhere. STATE when it answers, or was fenced already; INVALID when neither is there.
// Right: YD_RIGHT_HOSTS_WRITE. The job belongs to the caller.
YdJob *yd_host_fence(YdService *service, const YdActor *actor, const char *host_id,
                     gboolean confirmed, GError **error);

// Takes no new desktops from now on (maintenance), and moves what runs there to other hosts,
// parallel (1..8, 0: 2) at a time. The job's result names what could not be moved, and why. STATE
// when it does not answer. Right: YD_RIGHT_HOSTS_WRITE.
YdJob *yd_host_drain(YdService *service, const YdActor *actor, const char *host_id, gint64 parallel,
                     GError **error);

// Where the desktops that run there would go if it died now, by the rules of placement, one after
// another: {"host":…,"fit":n,"left":n,"desktops":[{"desktop":…,"name":…,"to":…|null,"reason":…}]};
// owned. Right: YD_RIGHT_HOSTS_READ.
json_t *
yd_host_what_if(YdService *service, const YdActor *actor, const char *host_id, GError **error);

// Copies facts into the record (cpus, memory, accel, load, seen, error NULL); storage may be NULL.
// The state stays.
void yd_host_set_facts(YdHost *host, const YdHostFacts *facts, YdStorage *storage, gint64 now);
