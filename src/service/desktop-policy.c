// SPDX-License-Identifier: Apache-2.0
// Has a running guest enforce its pool's policy, and remembers what it was told last: at each start
// it is told in any case, at a connect only when the policy is another one.
#include "service/desktop-private.h"

#include "service/guest-policy.h"
#include "service/table.h"

#define PING_SECONDS 5 // an agent that hangs is told from one that works

// Desktop id -> digest of the policy.
static YdTable *
told_of(YdService *service)
{
    return yd_table_of(service, "guest-policy", yd_table_texts);
}

static gpointer
digest(const char *script)
{
    return GUINT_TO_POINTER(g_str_hash(script) | 1);
}

void
yd_desk_policy_told(YdService *service, const char *desktop_id, const char *script)
{
    YdTable *told = told_of(service);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&told->lock);
    g_hash_table_replace(told->rows, g_strdup(desktop_id), digest(script));
}

static gboolean
knows(YdService *service, const char *desktop_id, const char *script)
{
    YdTable *told = told_of(service);
    g_autoptr(GMutexLocker) locker G_GNUC_UNUSED = g_mutex_locker_new(&told->lock);
    return g_hash_table_lookup(told->rows, desktop_id) == digest(script);
}

gboolean
yd_desk_policy_apply(YdService *service, YdHypervisor *hv, const char *desktop_id, const char *uuid,
                     const YdPolicy *policy, guint timeout, GError **error)
{
    g_autofree char *script = yd_guest_policy_script(policy);
    g_autofree char *output = NULL;
    int status = -1;
    if (knows(service, desktop_id, script))
        return TRUE;
    if (!yd_hypervisor_agent_ping(hv, uuid, MIN(timeout, PING_SECONDS), error) ||
        !yd_hypervisor_agent_shell(hv, uuid, script, timeout, &status, &output, error))
        return FALSE;
    if (status != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the pool's policy could not be set in the guest (status %d): %s", status,
                    output);
        return FALSE;
    }
    yd_desk_policy_told(service, desktop_id, script);
    return TRUE;
}
