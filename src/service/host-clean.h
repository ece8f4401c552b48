// SPDX-License-Identifier: Apache-2.0
// Machines that are on a host without belonging there: their desktops were started elsewhere while
// the host was away, or their definition was left when it could not be taken.
#pragma once

#include "service/service.h"

// Removes those of our machines on the host that belong to another host, and cuts the power of
// those whose desktop is off. Machines without a desktop, or that are on their way from one host to
// another, are left alone. ret_removed (may be NULL): how many. Blocks on the host; any thread.
// UNAVAILABLE when it does not answer.
gboolean yd_host_clean(YdService *service, const char *host_id, guint *ret_removed, GError **error);

// Likewise for one machine of that desktop that was seen on that host. returned: the host was away,
// so a machine that runs although its desktop is off is one of before; else that is left to the
// reconciler.
gboolean yd_host_clean_machine(YdService *service, const char *host_id,
                               const YdMachineInfo *machine, const YdDesktop *desktop,
                               gboolean returned, gboolean *ret_removed, GError **error);
