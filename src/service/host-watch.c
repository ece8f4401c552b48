// SPDX-License-Identifier: Apache-2.0
// What follows from what the monitor sees of a host: its row, its state, and what is done when it
// dies or comes back.
#include "service/host.h"

#include <string.h>

#include "base/id.h"
#include "model/host-state.h"
#include "service/gate-list.h"
#include "service/host-clean.h"
#include "service/host-fence.h"
#include "service/route.h"
#include "store/store-desktops.h"

#define GATE_MS (12 * 1000)  // a gate tells of itself at least every 6 s or so
#define STORE_MS (30 * 1000) // a row is written when something changed, and this often

gboolean
yd_host_gate_lives(YdService *service, const YdHost *host)
{
    g_autofree char *gate = yd_route_gate(service, host->name);
    return gate && yd_gate_list_heard(service, gate, GATE_MS);
}

// Until its desktops are elsewhere a fenced host is not back, whatever it answers: it would be
// cleaned of what is only now on its way. What cannot be found out counts as under way.
static gboolean
is_being_fenced(YdStore *store, const YdHost *host)
{
    g_autoptr(GError) why = NULL;
    if (strcmp(host->state, YD_HOST_FENCED) != 0)
        return FALSE;
    g_autoptr(YdJob) job = yd_store_job_live(store, host->id, "host-fence", &why);
    return job || why;
}

static const char *
state_after(YdService *service, YdStore *store, const YdHost *host, const YdHostFacts *facts,
            gboolean *ret_clean)
{
    gboolean answers = facts && !is_being_fenced(store, host);
    const YdHostSigns signs = {.state = host->state,
                               .wanted = host->wanted,
                               .since = host->since,
                               .answers = answers,
                               .gate = !answers && yd_host_gate_lives(service, host),
                               .now = yd_now_ms(),
                               .down_ms = yd_service_config(service)->host_down_seconds * 1000};
    return yd_host_state_next(&signs, ret_clean);
}

// A host that died is fenced without being asked for where that can be done for sure.
static gboolean
fence(YdService *service, YdStore *store, const YdHost *host, GError **error)
{
    if (!yd_service_config(service)->fence_command || host->desktops == 0)
        return TRUE;
    g_autoptr(YdJob) job = yd_host_fence_submit(service, &yd_actor_system, host, FALSE, error);
    return job != NULL;
}

static void
tell(const YdHost *host, const GError *why)
{
    if (strcmp(host->state, YD_HOST_DOWN) == 0)
        g_warning("host %s is down: %s; its desktops start elsewhere once it is fenced (deskctl "
                  "host fence %s)",
                  host->name, why->message, host->name);
    else
        g_message("host %s is %s%s%s", host->name, host->state, why ? ": " : "",
                  why ? why->message : "");
}

// Reads the row again, so that what people change meanwhile counts. seen: as it was before it was
// cleaned; a host that went through another state since has to be cleaned anew, at the next look.
static gboolean
write_row(YdService *service, YdStore *store, const YdHost *seen, const YdHostFacts *facts,
          const GError *why, gint64 *stored, GError **error)
{
    gint64 now = yd_now_ms();
    gboolean clean = FALSE;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdHost) before = tx ? yd_store_get(store, &yd_host_type, seen->id, error) : NULL;
    if (!before)
        return FALSE;
    g_autoptr(YdHost) host = yd_host_copy(before);
    yd_set_string(&host->state, state_after(service, store, before, facts, &clean));
    if (clean && (strcmp(before->state, seen->state) != 0 || before->since != seen->since))
        return TRUE;
    if (facts)
        yd_host_set_facts(host, facts, yd_service_storage(service), now);
    else
        yd_set_string(&host->error, why->message);
    gboolean moved = strcmp(host->state, before->state) != 0;
    gboolean changed = moved || g_strcmp0(host->error, before->error) != 0;
    if (!changed && (!facts || now - *stored < STORE_MS))
        return TRUE;
    if (moved) {
        host->since = now;
        tell(host, why);
    }
    if (!yd_store_update(store, &yd_host_type, host, error) ||
        (moved && strcmp(host->state, YD_HOST_DOWN) == 0 && !fence(service, store, host, error)) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    *stored = now;
    return TRUE;
}

gboolean
yd_host_seen(YdService *service, const char *host_id, const YdHostFacts *facts, const GError *why,
             gint64 *stored, GError **error)
{
    gboolean clean = FALSE;
    guint removed = 0;
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdHost) host = store ? yd_store_get(store, &yd_host_type, host_id, error) : NULL;
    if (!host)
        return FALSE;
    state_after(service, store, host, facts, &clean);
    if (clean && !yd_host_clean(service, host_id, &removed, error)) {
        g_prefix_error(error, "host %s is back and cannot be cleaned: ", host->name);
        return FALSE;
    }
    if (removed > 0)
        g_message("host %s is back; %u machine(s) of before were ended there", host->name, removed);
    return write_row(service, store, host, facts, why, stored, error);
}
