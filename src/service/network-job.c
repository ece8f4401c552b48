// SPDX-License-Identifier: Apache-2.0
// What happens to a network on the hosts. Hosts that do not answer are left out (they are named in
// the job's result): each start of a desktop makes sure of its network anyway.

#include "service/network-job.h"
#include "base/json-util.h"
#include "model/address.h"
#include "service/network-keeper.h"
#include "service/network-segment.h"
#include "service/network.h"

static gboolean
spec_of(const YdNetwork *network, char **name, char **mac, YdNetworkSpec *ret_spec, GError **error)
{
    guint32 address, gateway = 0;
    guint prefix;

    if (!yd_cidr_parse(network->cidr, &address, &prefix)) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "network “%s” has the cidr “%s”",
                    network->name, network->cidr);
        return FALSE;
    }
    *name = yd_network_libvirt_name(network);
    // The same on each host: a machine that moves finds its gateway where it was.
    if (network->vni != 0 && yd_ip_parse(network->gateway, &gateway))
        *mac = yd_mac_from_ip(gateway);
    *ret_spec = (YdNetworkSpec){
        .name = *name,
        .network_id = network->id,
        .bridge = network->bridge,
        .gateway = network->gateway,
        .prefix = prefix,
        .range_first = network->range_first,
        .range_last = network->range_last,
        .mac = *mac,
        .mtu = network->vni != 0 ? YD_SEGMENT_MTU : 0,
    };
    return TRUE;
}

gboolean
yd_network_ensure_seen(YdService *service, const YdHost *host, const YdNetwork *network,
                       char **ret_repaired, GError **error)
{
    YdHypervisor *hv = yd_service_hypervisor(service, host->id, error);
    g_autofree char *name = NULL, *mac = NULL;
    YdNetworkSpec spec;

    return hv && spec_of(network, &name, &mac, &spec, error) &&
           yd_hypervisor_network_ensure(hv, &spec, error) &&
           yd_network_segment_ensure(service, host, network, ret_repaired, error);
}

gboolean
yd_network_ensure(YdService *service, const char *host_id, const YdNetwork *network, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdHost) host = store ? yd_store_get(store, &yd_host_type, host_id, error) : NULL;

    return host && yd_network_ensure_seen(service, host, network, NULL, error);
}

static gboolean
network_remove(YdService *service, const char *host_id, const YdNetwork *network, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdHost) host = store ? yd_store_get(store, &yd_host_type, host_id, error) : NULL;
    YdHypervisor *hv = host ? yd_service_hypervisor(service, host_id, error) : NULL;
    g_autofree char *name = yd_network_libvirt_name(network);
    g_autoptr(GError) why = NULL;

    if (!hv)
        return FALSE;
    if (network->vni != 0 && !yd_network_segment_tidy(service, host, network->id, error))
        return FALSE;
    if (yd_hypervisor_network_remove(hv, name, &why) ||
        g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

typedef gboolean (*HostVerb)(YdService *service, const char *host_id, const YdNetwork *network,
                             GError **error);

static gboolean
is_absent(const GError *why)
{
    return g_error_matches(why, YD_ERROR, YD_ERROR_UNAVAILABLE) ||
           g_error_matches(why, YD_ERROR, YD_ERROR_TIMEOUT);
}

// Does the verb on each host. Absent hosts are noted in result.left_out.
static gboolean
on_hosts(YdJobRun *run, HostVerb verb, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdNetwork) network =
        yd_store_get(store, &yd_network_type, yd_job_run_object(run), error);
    g_autoptr(YdPage) hosts = NULL;
    g_autoptr(json_t) left_out = json_array();
    YdQuery all = {0};

    if (!network || !(hosts = yd_store_list(store, &yd_host_type, &all, error)))
        return FALSE;
    for (guint i = 0; i < hosts->records->len; i++) {
        const YdHost *host = hosts->records->pdata[i];
        g_autoptr(GError) why = NULL;
        if (!yd_job_run_progress(run, 100.0 * i / hosts->records->len, error))
            return FALSE;
        if (verb(yd_job_run_service(run), host->id, network, &why))
            continue;
        if (!is_absent(why)) {
            g_propagate_prefixed_error(error, g_steal_pointer(&why), "on host “%s”: ", host->name);
            return FALSE;
        }
        json_array_append_new(left_out, json_string(host->name));
    }
    json_object_set(yd_job_run_result(run), "left_out", left_out);
    return TRUE;
}

static gboolean
network_set_state(YdJobRun *run, const char *state, const char *message, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdNetwork) network =
        tx ? yd_store_get(store, &yd_network_type, yd_job_run_object(run), error) : NULL;

    if (!network)
        return FALSE;
    yd_set_string(&network->state, state);
    yd_set_string(&network->error, message);
    return yd_store_update(store, &yd_network_type, network, error) &&
           yd_store_tx_commit(&tx, error);
}

// ---- network-create ----

static gboolean
create_on_hosts(YdJobRun *run, GError **error)
{
    return on_hosts(run, yd_network_ensure, error);
}

// A network that was just asked for leaves nothing behind; an older one stays as it is.
static gboolean
create_undo(YdJobRun *run, GError **error)
{
    gboolean fresh = FALSE;

    return yd_json_bool(yd_job_run_args(run), "fresh", &fresh, error) &&
           (!fresh || on_hosts(run, network_remove, error));
}

static gboolean
create_activate(YdJobRun *run, GError **error)
{
    if (!network_set_state(run, "active", NULL, error))
        return FALSE;
    yd_network_keeper_kick(yd_job_run_service(run));
    return TRUE;
}

static void
create_failed(YdJobRun *run, const GError *why)
{
    g_autoptr(GError) error = NULL;

    if (!network_set_state(run, "failed", why->message, &error))
        g_debug("network %s: %s, ignoring", yd_job_run_object(run), error->message);
}

static const YdJobStep create_steps[] = {
    {.name = "hosts", .run = create_on_hosts, .undo = create_undo, .weight = 9},
    {.name = "activate", .run = create_activate},
};

const YdJobKind yd_job_kind_network_create = {
    .kind = "network-create",
    .object_kind = "network",
    .cancellable = TRUE,
    .steps = create_steps,
    .n_steps = G_N_ELEMENTS(create_steps),
    .failed = create_failed,
};

// ---- network-delete ----

static gboolean
delete_on_hosts(YdJobRun *run, GError **error)
{
    return on_hosts(run, network_remove, error);
}

static gboolean
delete_undo(YdJobRun *run, GError **error)
{
    return on_hosts(run, yd_network_ensure, error);
}

static gboolean
delete_row(YdJobRun *run, GError **error)
{
    g_autoptr(GError) why = NULL;

    if (yd_store_delete(yd_job_run_store(run), &yd_network_type, yd_job_run_object(run), 0, &why) ||
        g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&why));
    return FALSE;
}

static void
delete_failed(YdJobRun *run, const GError *why)
{
    g_autofree char *message = g_strdup_printf("could not be deleted: %s", why->message);
    g_autoptr(GError) error = NULL;

    if (!network_set_state(run, "failed", message, &error))
        g_debug("network %s: %s, ignoring", yd_job_run_object(run), error->message);
}

static const YdJobStep delete_steps[] = {
    {.name = "hosts", .run = delete_on_hosts, .undo = delete_undo, .weight = 9},
    {.name = "row", .run = delete_row},
};

const YdJobKind yd_job_kind_network_delete = {
    .kind = "network-delete",
    .object_kind = "network",
    .steps = delete_steps,
    .n_steps = G_N_ELEMENTS(delete_steps),
    .failed = delete_failed,
};
