// SPDX-License-Identifier: Apache-2.0
// Virtual networks as people ask for them. What is done on the hosts is network-job.c.

#include "service/network.h"
#include "base/json-util.h"
#include "model/address.h"
#include "service/change.h"
#include "service/check.h"
#include "service/jobs.h"
#include <string.h>

char *
yd_network_libvirt_name(const YdNetwork *network)
{
    return g_strconcat("yd-", network->name, NULL);
}

#define MAX_VNI 16777215 // 24 bits: RFC 7348

// ---- checks ----

static gboolean
check_overlap(YdStore *store, const YdNetwork *network, GError **error)
{
    g_autoptr(YdPage) page = NULL;
    YdQuery all = {0};

    if (!(page = yd_store_list(store, &yd_network_type, &all, error)))
        return FALSE;
    for (guint i = 0; i < page->records->len; i++) {
        const YdNetwork *other = page->records->pdata[i];
        if (g_strcmp0(other->id, network->id) != 0 &&
            yd_cidr_overlaps(other->cidr, network->cidr)) {
            g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "cidr: “%s” overlaps with “%s” (%s)",
                        network->cidr, other->name, other->cidr);
            return FALSE;
        }
    }
    return TRUE;
}

// Two networks with one number would be one.
static gboolean
check_vni(YdStore *store, const YdNetwork *network, GError **error)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, network->vni);
    return network->vni == 0 ||
           yd_check_unique(store, &yd_network_type, "vni", text, network->id, error);
}

// The name of the bridge: given, or made of the random end of a new id.
static gboolean
check_bridge(YdStore *store, YdNetwork *network, GError **error)
{
    if (!network->bridge) {
        g_autofree char *id = yd_id_new("x");
        network->bridge = g_strconcat("yd-", id + strlen(id) - 10, NULL);
    }
    return yd_check_name("bridge", network->bridge, YD_CHECK_LOWER YD_CHECK_DIGITS, "._-", 15,
                         "a-z, 0-9, “.”, “_” and “-”", error) &&
           yd_check_unique(store, &yd_network_type, "bridge", network->bridge, network->id, error);
}

static gboolean
check_address_lengths(const YdNetwork *network, GError **error)
{
    const struct {
        const char *field, *value;
    } texts[] = {{"cidr", network->cidr},
                 {"gateway", network->gateway},
                 {"range_first", network->range_first},
                 {"range_last", network->range_last}};

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autofree char *quoted = yd_check_quote(texts[i].value);
        if (texts[i].value && strlen(texts[i].value) > 40)
            return yd_error_invalid(error, texts[i].field, "%s is no IPv4 address or network",
                                    quoted);
    }
    return TRUE;
}

static gboolean
check_network(YdStore *store, YdNetwork *network, GError **error)
{
    static const char *const modes[] = {"nat", NULL};

    return yd_check_name("name", network->name, YD_CHECK_LOWER YD_CHECK_DIGITS, "-", 32,
                         "a-z, 0-9 and “-”", error) &&
           yd_check_choice("mode", network->mode, modes, error) &&
           yd_check_int("vlan", network->vlan, 0, 4094, error) &&
           yd_check_int("vni", network->vni, 0, MAX_VNI, error) &&
           check_address_lengths(network, error) &&
           yd_network_check(network->cidr, &network->gateway, &network->range_first,
                            &network->range_last, error) &&
           yd_check_unique(store, &yd_network_type, "name", network->name, network->id, error) &&
           check_overlap(store, network, error) && check_vni(store, network, error) &&
           check_bridge(store, network, error);
}

// All addresses in use must stay inside of the range.
static gboolean
check_addresses(YdStore *store, const YdNetwork *network, GError **error)
{
    g_autoptr(GPtrArray) used =
        yd_store_all(store, &yd_address_type, "network_id", network->id, error);
    guint32 first = 0, last = 0;

    if (!used || !yd_ip_parse(network->range_first, &first) ||
        !yd_ip_parse(network->range_last, &last))
        return FALSE;
    for (guint i = 0; i < used->len; i++) {
        const YdAddress *address = used->pdata[i];
        if (address->ip_number >= first && address->ip_number <= last)
            continue;
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                    "“%s” of desktop “%s” would be outside of the range", address->ip,
                    address->desktop_name);
        return FALSE;
    }
    return TRUE;
}

// ---- verbs ----

static gboolean
submit(YdService *service, const YdActor *actor, const char *kind, const YdNetwork *network,
       gboolean fresh, YdJob **ret_job, GError **error)
{
    g_autoptr(json_t) args = json_pack("{s:b}", "fresh", fresh);

    *ret_job = yd_job_submit(service, actor, kind, network->id, network->name, args, NULL, error);
    return *ret_job != NULL;
}

static void
give_job(YdJob **job, YdJob **ret_job)
{
    if (ret_job)
        *ret_job = g_steal_pointer(job);
}

gboolean
yd_network_create(YdService *service, const YdActor *actor, YdNetwork *network, YdJob **ret_job,
                  GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdNetwork) made = yd_change_given(&yd_network_type, network);
    g_autofree char *details = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!made->mode)
        made->mode = g_strdup("nat");
    yd_set_string(&made->bridge, network->bridge);
    made->state = g_strdup("new");
    if (!store || !yd_service_allowed(actor, YD_RIGHT_NETWORKS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) || !check_network(store, made, error) ||
        !yd_store_insert(store, &yd_network_type, made, error))
        return FALSE;
    details = yd_change_made(&yd_network_type, made);
    if (!yd_service_audit(service, actor, "network.create", "network", made->id, made->name,
                          details, error) ||
        !submit(service, actor, "network-create", made, TRUE, &job, error) ||
        !yd_store_tx_commit(&tx, error) || !yd_change_reload(store, &yd_network_type, made, error))
        return FALSE;
    yd_change_assign(&yd_network_type, network, made);
    give_job(&job, ret_job);
    return TRUE;
}

// Only the range may change. Gives back what did, NULL when nothing did.
static gboolean
apply_range(YdNetwork *after, const YdNetwork *given, char **ret_details, GError **error)
{
    g_autoptr(json_t) changes = NULL;
    g_autoptr(YdNetwork) before = yd_network_copy(after);

    if (g_strcmp0(after->name, given->name) != 0)
        return yd_error_invalid(error, "name", "can't be changed: hosts know the network by it");
    yd_set_string(&after->range_first, given->range_first);
    yd_set_string(&after->range_last, given->range_last);
    if (g_strcmp0(before->range_first, after->range_first) == 0 &&
        g_strcmp0(before->range_last, after->range_last) == 0)
        return TRUE;
    changes = json_pack("{s:[s,s?], s:[s,s?]}", "range_first", before->range_first,
                        after->range_first, "range_last", before->range_last, after->range_last);
    *ret_details = yd_json_text(changes);
    return TRUE;
}

gboolean
yd_network_update(YdService *service, const YdActor *actor, YdNetwork *network, gint64 version,
                  YdJob **ret_job, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdNetwork) after = NULL;
    g_autofree char *details = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_NETWORKS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(after = yd_store_get(store, &yd_network_type, network->id, error)) ||
        !yd_change_check_version(&yd_network_type, after, network, version, error) ||
        !apply_range(after, network, &details, error))
        return FALSE;
    if (details && (!check_network(store, after, error) || !check_addresses(store, after, error) ||
                    !yd_store_update(store, &yd_network_type, after, error) ||
                    !yd_service_audit(service, actor, "network.change", "network", after->id,
                                      after->name, details, error) ||
                    !submit(service, actor, "network-create", after, FALSE, &job, error)))
        return FALSE;
    if (!yd_store_tx_commit(&tx, error) || !yd_change_reload(store, &yd_network_type, after, error))
        return FALSE;
    yd_change_assign(&yd_network_type, network, after);
    give_job(&job, ret_job);
    return TRUE;
}

static gboolean
check_unused(YdStore *store, const YdNetwork *network, GError **error)
{
    g_autoptr(GPtrArray) departments =
        yd_store_all(store, &yd_department_type, "network_id", network->id, error);

    if (!departments)
        return FALSE;
    if (network->pools == 0 && network->addresses_used == 0 && departments->len == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                "network “%s” is used by %" G_GINT64_FORMAT " pool(s), %u department(s) and "
                "%" G_GINT64_FORMAT " address(es)",
                network->name, network->pools, departments->len, network->addresses_used);
    return FALSE;
}

gboolean
yd_network_delete(YdService *service, const YdActor *actor, const char *network_id, gint64 version,
                  YdJob **ret_job, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdNetwork) network = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_NETWORKS_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(network = yd_store_get(store, &yd_network_type, network_id, error)) ||
        !yd_change_check_version(&yd_network_type, network, network, version, error) ||
        !check_unused(store, network, error))
        return FALSE;
    // From now on no pool takes it.
    yd_set_string(&network->state, "failed");
    yd_set_string(&network->error, "is being deleted");
    if (!yd_store_update(store, &yd_network_type, network, error) ||
        !yd_service_audit(service, actor, "network.delete", "network", network_id, network->name,
                          NULL, error) ||
        !submit(service, actor, "network-delete", network, FALSE, &job, error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    give_job(&job, ret_job);
    return TRUE;
}
