// SPDX-License-Identifier: Apache-2.0
// Starts and stops all that works on desktops by itself, in the right order.
#include "service/desktop.h"

#include <errno.h>
#include <glib/gstdio.h>

#include "service/ca.h"
#include "service/desktop-private.h"
#include "service/jobs.h"
#include "service/log-in-watch.h"
#include "service/monitor.h"
#include "service/network-keeper.h"
#include "service/pool-keeper.h"
#include "service/reconcile.h"

char *
yd_ca_dir(YdService *service)
{
    return g_build_filename(yd_service_config(service)->state_dir, "keys", NULL);
}

// QEMU makes the consoles' sockets there, as its own user.
static gboolean
make_vnc_dir(YdService *service, GError **error)
{
    g_autofree char *dir = g_build_filename(yd_service_config(service)->run_dir, "vnc", NULL);
    if (g_mkdir_with_parents(dir, 0755) == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "cannot make the folder \"%s\": %s", dir,
                g_strerror(errno));
    return FALSE;
}

gboolean
yd_desktops_start(YdService *service, GError **error)
{
    g_autofree char *keys = yd_ca_dir(service);
    const char *const names[] = {yd_service_config(service)->public_host, NULL};
    // The reconciler first sees what is; jobs that a dead deskd left then go on.
    return yd_ca_ensure(keys, names, error) && make_vnc_dir(service, error) &&
           yd_desk_refresh_dns_names(service, error) && yd_monitor_start(service, error) &&
           yd_jobs_start(service, error) && yd_network_keeper_start(service, error) &&
           yd_reconcile_start(service, error);
}

void
yd_desktops_stop(YdService *service)
{
    yd_reconcile_stop(service);
    yd_pool_keep_stop(service);
    yd_log_in_watch_stop(service);
    yd_network_keeper_stop(service);
    yd_jobs_stop(service);
    yd_monitor_stop(service);
}
