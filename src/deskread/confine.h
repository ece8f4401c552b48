// SPDX-License-Identifier: Apache-2.0
// The process that reads what a guest prepared gives up everything but its open descriptors, memory
// and time: no user, no group, no new files, sockets or processes, and an end.
#pragma once

#include <glib.h>

// Call it with the descriptors open that will be needed. seconds: of processor time. Where the
// process is not root it keeps its user.
gboolean yd_confine(guint seconds, GError **error);
