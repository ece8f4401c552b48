// SPDX-License-Identifier: Apache-2.0
// The text of a .vv file for remote-viewer (man remote-viewer, "CONNECTION FILE").
#pragma once

#include <glib.h>
#include "model/policy.h"

typedef struct {
    const char *host; // of the gate
    guint16 port;
    const char *ticket, *password;
    const char
        *desktop_id;  // stands where the SPICE server's host would: the gate does not look at it
    const char *name; // title
    gboolean tls;     // proxy=https://…: TLS to the gate around the CONNECT
    const YdPolicy *policy;
} YdVvFile;

char *yd_vv_file(const YdVvFile *file);
