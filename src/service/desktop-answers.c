// SPDX-License-Identifier: Apache-2.0
// Whether the way into a desktop answers. On this machine deskd looks itself. A network of another
// host is not reached from here, and the same network here may have somebody else at that address:
// there the guest is asked, by its agent, whether it listens.
#include "service/desktop-private.h"

#include <string.h>

#define PORT 3389
#define LOOK_MS 3000
#define AGENT_SECONDS 5

static YdProbe test_probe;

void
yd_desk_set_probe(YdProbe probe)
{
    test_probe = probe;
}

static gboolean
is_here(const char *uri)
{
    return g_str_has_prefix(uri, "qemu:///") || g_str_has_prefix(uri, "qemu+unix:///");
}

// The kernel's table of sockets: port 0D3D in state 0A, which is LISTEN (proc_net_tcp).
static gboolean
linux_listens(YdHypervisor *hv, const char *uuid, gboolean *ret_listens, GError **error)
{
    int status = -1;
    g_autofree char *output = NULL;
    if (!yd_hypervisor_agent_shell(hv, uuid,
                                   "cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | "
                                   "grep -q ':0D3D [0-9A-F]*:0000 0A '",
                                   AGENT_SECONDS, &status, &output, error))
        return FALSE;
    *ret_listens = status == 0;
    return TRUE;
}

static gboolean
windows_listens(YdHypervisor *hv, const char *uuid, gboolean *ret_listens, GError **error)
{
    static const char *const netstat[] = {"netstat.exe", "-an", "-p", "TCP", NULL};
    int status = -1;
    g_autofree char *output = NULL;
    if (!yd_hypervisor_agent_exec(hv, uuid, netstat, NULL, AGENT_SECONDS, &status, &output, error))
        return FALSE;
    *ret_listens = status == 0 && output && strstr(output, "0.0.0.0:3389") != NULL;
    return TRUE;
}

static gboolean
guest_listens(YdHypervisor *hv, const YdDesktop *desktop, GError **error)
{
    gboolean listens = FALSE;
    gboolean told = g_strcmp0(desktop->os, "windows") == 0
                        ? windows_listens(hv, desktop->uuid, &listens, error)
                        : linux_listens(hv, desktop->uuid, &listens, error);
    if (told && !listens)
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "nothing in the guest listens at port %d", PORT);
    return told && listens;
}

gboolean
yd_desk_answers(YdService *service, const YdDesktop *desktop, GError **error)
{
    if (test_probe)
        return test_probe(desktop, error);
    YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
    if (!hv)
        return FALSE;
    const char *uri = yd_hypervisor_uri(hv);
    if (!yd_hypervisor_is_real(uri))
        return TRUE;
    if (g_strcmp0(desktop->access, "spice") == 0) {
        guint16 port = 0;
        return yd_hypervisor_spice(hv, desktop->uuid, &port, error) && port != 0;
    }
    if (!desktop->ip) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the desktop has no address");
        return FALSE;
    }
    return is_here(uri) ? yd_probe_rdp(desktop->ip, PORT, NULL, LOOK_MS, error)
                        : guest_listens(hv, desktop, error);
}
