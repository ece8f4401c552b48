// SPDX-License-Identifier: Apache-2.0
// What a host's deskhost is told of a segment: the peers are all other hosts that have a gate, at
// the address by which gates reach each other.
#include "service/network-segment.h"

#include <string.h>

#include "base/json-util.h"
#include "model/address.h"
#include "service/gate-call.h"
#include "service/route.h"

#define ANSWER_SECONDS 20

// The host's gate and its address; both owned.
typedef struct {
    char *gate, *address;
} Place;

static void
place_clear(Place *place)
{
    g_clear_pointer(&place->gate, g_free);
    g_clear_pointer(&place->address, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Place, place_clear)

static gboolean
find_place(YdService *service, const YdHost *host, Place *ret, GError **error)
{
    if (yd_route_place(service, host->name, &ret->gate, &ret->address))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "host “%s” has no gate in [deskd] host_gates; networks over several hosts need it "
                "there",
                host->name);
    return FALSE;
}

static json_t *
peers_of(YdService *service, const YdHost *self, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    const YdQuery all = {0};
    g_autoptr(YdPage) hosts = store ? yd_store_list(store, &yd_host_type, &all, error) : NULL;
    if (!hosts)
        return NULL;
    json_t *peers = json_array();
    for (guint i = 0; i < hosts->records->len; i++) {
        const YdHost *host = hosts->records->pdata[i];
        g_auto(Place) place = {0};
        if (strcmp(host->id, self->id) != 0 &&
            yd_route_place(service, host->name, &place.gate, &place.address))
            json_array_append_new(peers, json_string(place.address));
    }
    return peers;
}

// The names of an answer's array, with commas; NULL for none.
static char *
names_of(const json_t *array)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    gsize i;
    const json_t *name;
    json_array_foreach(array, i, name)
    {
        if (json_is_string(name))
            g_ptr_array_add(names, (gpointer)json_string_value(name));
    }
    g_ptr_array_add(names, NULL);
    return names->len > 1 ? g_strjoinv(", ", (char **)names->pdata) : NULL;
}

gboolean
yd_network_segment_ensure(YdService *service, const YdHost *host, const YdNetwork *network,
                          char **ret_repaired, GError **error)
{
    g_auto(Place) place = {0};
    guint32 gateway = 0;
    if (ret_repaired)
        *ret_repaired = NULL;
    if (network->vni == 0 || !yd_hypervisor_is_real(host->uri))
        return TRUE;
    g_autoptr(json_t) peers =
        find_place(service, host, &place, error) ? peers_of(service, host, error) : NULL;
    if (!peers || !yd_ip_parse(network->gateway, &gateway))
        return FALSE;
    g_autofree char *mac = yd_mac_from_ip(gateway);
    g_autoptr(json_t) request = json_pack(
        "{s:s, s:I, s:s, s:s, s:O, s:s, s:s, s:b}", "verb", "segment", "vni",
        (json_int_t)network->vni, "bridge", network->bridge, "local", place.address, "peers", peers,
        "gateway", network->gateway, "mac", mac, "isolated", (int)network->isolated);
    g_autoptr(json_t) answer = yd_gate_call(service, place.gate, request, ANSWER_SECONDS, error);
    if (answer && ret_repaired)
        *ret_repaired = names_of(json_object_get(answer, "changed"));
    return answer != NULL;
}

gboolean
yd_network_segment_tidy(YdService *service, const YdHost *host, const char *except, GError **error)
{
    g_auto(Place) place = {0};
    YdStore *store = yd_service_store(service, error);
    const YdQuery all = {0};
    if (!yd_hypervisor_is_real(host->uri) ||
        !yd_route_place(service, host->name, &place.gate, &place.address))
        return TRUE; // it never had any
    g_autoptr(YdPage) page = store ? yd_store_list(store, &yd_network_type, &all, error) : NULL;
    g_autoptr(json_t) vnis = json_array();
    if (!page)
        return FALSE;
    for (guint i = 0; i < page->records->len; i++) {
        const YdNetwork *network = page->records->pdata[i];
        if (network->vni != 0 && g_strcmp0(network->id, except) != 0)
            json_array_append_new(vnis, json_integer((json_int_t)network->vni));
    }
    g_autoptr(json_t) request = json_pack("{s:s, s:O}", "verb", "segment-keep", "vnis", vnis);
    g_autoptr(json_t) answer = yd_gate_call(service, place.gate, request, ANSWER_SECONDS, error);
    return answer != NULL;
}
