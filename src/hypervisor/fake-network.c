// SPDX-License-Identifier: Apache-2.0
// The fake's networks: names, bridges and DHCP tables in memory.
#include "hypervisor/fake-private.h"

void
yd_fake_network_free(FakeNetwork *network)
{
    g_free(network->name);
    g_free(network->bridge);
    g_hash_table_unref(network->hosts);
    g_free(network);
}

static FakeNetwork *
find(FakeHost *host, const char *name, GError **error)
{
    FakeNetwork *network = g_hash_table_lookup(host->networks, name);
    if (!network)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "no network '%s' on this host", name);
    return network;
}

static gboolean
bridge_taken(FakeHost *host, const YdNetworkSpec *spec)
{
    GHashTableIter iter;
    FakeNetwork *other;
    g_hash_table_iter_init(&iter, host->networks);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&other))
        if (g_strcmp0(other->name, spec->name) && !g_strcmp0(other->bridge, spec->bridge))
            return TRUE;
    return FALSE;
}

gboolean
yd_fake_network_ensure(YdHypervisor *hv, const YdNetworkSpec *spec, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "network_ensure", &host, error))
        return FALSE;
    gboolean taken = spec->bridge && bridge_taken(host, spec);
    FakeNetwork *network = g_hash_table_lookup(host->networks, spec->name);
    if (!taken && !network) {
        network = g_new0(FakeNetwork, 1);
        network->name = g_strdup(spec->name);
        network->hosts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
        g_hash_table_insert(host->networks, network->name, network);
    }
    if (!taken) {
        g_free(network->bridge);
        network->bridge = g_strdup(spec->bridge);
        network->active = TRUE;
    }
    g_mutex_unlock(&host->lock);
    if (taken)
        g_set_error(error, YD_ERROR, YD_ERROR_EXISTS, "bridge '%s' belongs to another network",
                    spec->bridge);
    return !taken;
}

gboolean
yd_fake_network_remove(YdHypervisor *hv, const char *name, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "network_remove", &host, error))
        return FALSE;
    g_hash_table_remove(host->networks, name);
    g_mutex_unlock(&host->lock);
    return TRUE;
}

gboolean
yd_fake_network_active(YdHypervisor *hv, const char *name, gboolean *ret_active, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "network_active", &host, error))
        return FALSE;
    FakeNetwork *network = find(host, name, error);
    if (network)
        *ret_active = network->active;
    g_mutex_unlock(&host->lock);
    return network != NULL;
}

gboolean
yd_fake_network_set_host(YdHypervisor *hv, const char *name, const YdDhcpHost *entry,
                         GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "network_set_host", &host, error))
        return FALSE;
    FakeNetwork *network = find(host, name, error);
    if (network)
        g_hash_table_insert(network->hosts, g_strdup(entry->mac), g_strdup(entry->ip));
    g_mutex_unlock(&host->lock);
    return network != NULL;
}

gboolean
yd_fake_network_clear_host(YdHypervisor *hv, const char *name, const char *mac, GError **error)
{
    FakeHost *host;
    if (!yd_fake_begin(hv, "network_clear_host", &host, error))
        return FALSE;
    FakeNetwork *network = g_hash_table_lookup(host->networks, name);
    if (network)
        g_hash_table_remove(network->hosts, mac);
    g_mutex_unlock(&host->lock);
    return TRUE;
}
