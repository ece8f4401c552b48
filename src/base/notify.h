// SPDX-License-Identifier: Apache-2.0
// Tells the service manager about our state, as sd_notify(3) does.
#pragma once

#include <glib.h>

// Sends the state ("READY=1", "STOPPING=1", …) to $NOTIFY_SOCKET; nothing happens without it.
// FALSE when the socket is there but did not take it.
gboolean yd_notify(const char *state);
