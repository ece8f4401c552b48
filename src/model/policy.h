// SPDX-License-Identifier: Apache-2.0
// A pool's policy: JSON text with known members only, all optional; here as a struct with defaults.
#pragma once

#include <glib.h>

typedef struct {
    gboolean drives, printers, clipboard, audio, usb, serial, smartcards, multimon; // rdp: all TRUE
    char source[8];              // "exact" | "net" | "none": binding of tickets to the address
    gint64 shutdown_seconds;     // how long a shut-down may take before the power is cut (60)
    gboolean balloon_free_pages; // give unused guest pages back to the host (FALSE)
    gint64 ready_seconds;        // how long start to ready may take (600)
    gboolean fixed_port;         // each desktop has a port of the gate to itself (FALSE)
    gint64 idle_seconds;         // a browser's session without input ends after it; 0: never (0)
    gint64 idle_notice_seconds;  // how long before its end the person is warned (60)
    gint64 restore_nightly;      // nightly restore points that are kept; 0: none are made (0)
    gint64 restore_hour;         // of the pool's time zone (see power.h) when they are due (1)
    gboolean restore_by_person;  // people may make points and go back themselves (FALSE)
    gboolean backup_desktops;    // system disks are in the nightly backup (FALSE)
    gboolean backup_personal;    // so are personal disks (TRUE)
} YdPolicy;

void yd_policy_init(YdPolicy *policy);

// Parses; unknown members, wrong types and values out of bounds are YD_ERROR_INVALID "policy.x: …".
// NULL or "" is all defaults.
gboolean yd_policy_parse(const char *json, YdPolicy *ret_policy, GError **error);

// The canonical JSON, with all members; owned.
char *yd_policy_json(const YdPolicy *policy);
