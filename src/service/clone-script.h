// SPDX-License-Identifier: Apache-2.0
// What a clone of memory is told before it gets its network card: fresh random numbers, the time,
// names of its own. Until then it is its siblings' twin. first-boot.h does the rest. Pure.
#pragma once

#include <glib.h>

#define YD_CLONE_ENTROPY_BYTES 64

// File in the guest's memory that holds the desktop's id once this has been done: what is renewed
// here first boot does not renew again.
#define YD_CLONE_RENEWED "/run/yundesk-renewed"

// The script for /bin/sh in a Linux guest; owned, to be wiped by yd_secret_wipe. mac: of the card
// that will be plugged in, hostname as yd_first_boot_hostname, now in UTC seconds. The guest needs
// yundesk-reseed, perl or python3 for the kernel's random numbers (random(4): RNDADDENTROPY,
// RNDRESEEDCRNG); without, it fails.
char *yd_clone_script(const guint8 entropy[YD_CLONE_ENTROPY_BYTES], const char *desktop_id,
                      const char *mac, const char *hostname, gint64 now);

// What a template's machine is asked before its memory is frozen: exits with 0 when it is settled
// (rdp: its RDP port listens), 75 when not yet.
const char *yd_clone_settled_script(gboolean rdp);
