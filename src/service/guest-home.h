// SPDX-License-Identifier: Apache-2.0
// Scripts that make the personal disk the home of a Linux guest's person, sent to /bin/sh -s
// through the guest agent. For busybox's and Debian's tools. Pure text; who sends them is
// desktop-personal.c, the reasons are in docs/internals/personal-disks.md.
#pragma once

#include <glib.h>

typedef struct {
    const char *username; // account that exists in the guest
    gint64 uid;
    gboolean fresh; // no guest has ever had the disk: it may be formatted, if it is empty
} YdGuestHome;

// Status of a script that found an earlier run still at work: try again.
#define YD_GUEST_HOME_BUSY 75

// Finds the disk by its serial, formats it if it is fresh and empty (never else), repairs, mounts
// and grows its file system, copies the home that there was on first use, and mounts it over the
// home, now and at each boot of the guest. May run again at any time. With YUNDESK_ROOT in its
// environment it works below that folder: for tests. Owned.
char *yd_guest_home_script(const YdGuestHome *what);

// Takes back what it changed in a guest whose disk was taken away: nothing is mounted over the home
// any more. A piece to be put before another script; it does nothing in other guests.
const char *yd_guest_home_none(void);
