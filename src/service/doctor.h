// SPDX-License-Identifier: Apache-2.0
// Walks the whole path as a client would and names the hop that fails: store, libvirt, storage,
// network, template, a throw-away desktop of the system user yundesk-doctor, its address, RDP and
// SPICE handshakes through the gate, certificate names. A job ("doctor") whose result is
// {"checks":[{"check","ok","message","advice","ms"}]}; checks after one that they need are skipped
// and say so ("ok": null). The job is done when it could look, even if checks failed.
#pragma once

#include "service/service.h"

// Right DOCTOR. template_version_id NULL: the newest ready one.
YdJob *yd_doctor_start(YdService *service, const YdActor *actor, const char *template_version_id,
                       GError **error);
