// SPDX-License-Identifier: Apache-2.0
// Whether somebody who came in by RDP was logged in. An RDP server also "connects" with a wrong
// password and then shows a log-in box of its own, so the guest itself is asked, through its agent.
#pragma once

#include "service/service.h"

// One look at an open connection whose log_in is "waiting": queued, and done on one of a few
// threads of its own, 5 s at most. What comes out goes to yd_connection_logged_in(). Does nothing
// while a look at that connection is under way or not yet due. For the sweep, every few seconds.
void yd_log_in_watch(YdService *service, const YdConnection *connection, gint64 now);

// Ends the threads: looks under way are finished, those that wait are dropped.
void yd_log_in_watch_stop(YdService *service);

// What a guest answers.
typedef enum {
    YD_LOG_IN_UNKNOWN, // its agent does not tell
    YD_LOG_IN_NOT_YET,
    YD_LOG_IN_IN,
    YD_LOG_IN_REFUSED, // wrong password
} YdLogIn;

// The script for guests with xrdp and what it says; for tests. The script takes the account and
// the seconds since the connection began.
const char *yd_log_in_script(void);
gboolean yd_log_in_answer(const char *output, YdLogIn *ret); // FALSE: no xrdp there
