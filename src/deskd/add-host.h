// SPDX-License-Identifier: Apache-2.0
// The folder that makes another machine a host or a gate: certificates, configuration, and for a
// host a script that puts them in their places.
#pragma once

#include "deskd/deskd-config.h"

extern const char deskd_join_script[]; // data/join-host

typedef struct {
    const char *name;    // of the host, or of the gate
    const char *address; // of the host; NULL: only a gate
    const char *manager; // "ADDRESS:PORT" of the gate beside deskd, as it is reached from there
    const char *const *names; // DNS names and addresses of the gate; NULL: none
    const char *out;
} DeskdAdd;

// A gate: its certificates and the beginning of its configuration.
gboolean deskd_add_gate(const DeskdConfig *config, const DeskdAdd *add, GError **error);

// A host: likewise with a gate "gate-NAME", libvirt's and QEMU's certificates in pki/, and "join".
// Tells on stdout what is to be done next.
gboolean deskd_add_host(const DeskdConfig *config, const DeskdAdd *add, GError **error);
