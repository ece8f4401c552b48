// SPDX-License-Identifier: Apache-2.0
// The keeper's questions to guests: is the person still logged in, does a job hold the desktop
// awake. On four threads, so that guests that hang hold up nothing else; one question for each
// desktop at a time. What follows from the answer is done there too.
#pragma once

#include "store/store-floating.h"
#include "service/service.h"

typedef enum {
    YD_LOOK_LOGGED_OFF, // floating: taken back when its person has no session any more
    YD_LOOK_PAUSE,      // these happen unless the guest is held
    YD_LOOK_SAVE,
    YD_LOOK_SHUT_DOWN,
} YdLookFor;

// Queues the question; never blocks. facts are copied.
void yd_pool_look(YdService *service, const YdIdleFacts *facts, YdLookFor what);

// The script that tells whether a guest is held: prints "held" when /run/yundesk/hold is there, or
// the program /etc/yundesk/hold ends with 0. static.
const char *yd_pool_hold_script(void);
