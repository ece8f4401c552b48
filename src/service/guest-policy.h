// SPDX-License-Identifier: Apache-2.0
// The script that has a Linux guest's RDP server (xrdp) enforce a pool's policy: what the policy
// forbids is switched off in xrdp.ini, and comes back as the template had it when it is allowed
// again. xrdp reads the file for each new connection: sessions that are open go on
// as they are. Pure text; who sends it is desktop-policy.c.
#pragma once

#include "model/policy.h"

// A line of shell that waits until no other script of ours runs in the guest: one that was waited
// for in vain may still be at work when it is sent again. Wants R; descriptor 9 is the lock.
#define YD_GUEST_SCRIPT_TURN                                                                       \
    "if [ -d \"$R/run\" ] && command -v flock >/dev/null 2>&1; then\n"                             \
    "    exec 9>\"$R/run/yundesk.lock\"\n"                                                         \
    "    flock 9\n"                                                                                \
    "fi\n"

// For /bin/sh -s, busybox's or Debian's; owned. Running it again changes nothing. It prints only
// what failed, and ends then; else what is appended goes on. With YUNDESK_ROOT in its environment
// it works below that folder: for tests.
char *yd_guest_policy_script(const YdPolicy *policy);
