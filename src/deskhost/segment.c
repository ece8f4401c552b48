// SPDX-License-Identifier: Apache-2.0
// A segment's device, its peers and its filter, by iproute2 and nft. docs/internals/networks.md
// says why it is made like this.
#include "deskhost/segment.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json-util.h"
#include "deskhost/command.h"
#include "model/address.h"

#define MAX_VNI 16777215
#define MAX_PEERS 1000
#define PORT "4789" // RFC 7348
#define FLOOD "00:00:00:00:00:00"

typedef struct {
    gint64 vni;
    const char *bridge, *local, *gateway, *mac;
    GHashTable *peers; // set of texts
    gboolean isolated;
    char device[16], id[12];
    json_t *changed;
} Segment;

static void
segment_clear(Segment *segment)
{
    g_clear_pointer(&segment->peers, g_hash_table_unref);
    g_clear_pointer(&segment->changed, json_decref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Segment, segment_clear)

// --- arguments ---

static gboolean
check_address(const char *name, const char *text, GError **error)
{
    guint32 ip = 0;
    return (text && yd_ip_parse(text, &ip)) ||
           yd_error_invalid(error, name, "must be an IPv4 address");
}

static gboolean
check_mac(const char *mac, GError **error)
{
    return (mac && strlen(mac) == 17 && strspn(mac, "0123456789abcdef:") == 17) ||
           yd_error_invalid(error, "mac", "must be like 52:54:0a:63:00:01");
}

static gboolean
check_bridge(const char *bridge, GError **error)
{
    return (bridge && *bridge && strlen(bridge) <= 15 && *bridge != '-' &&
            strspn(bridge, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "._-") == strlen(bridge)) ||
           yd_error_invalid(error, "bridge", "must be the name of a bridge");
}

static gboolean
read_peers(Segment *segment, const json_t *list, GError **error)
{
    gsize i;
    const json_t *item;
    if (!json_is_array(list) || json_array_size(list) > MAX_PEERS)
        return yd_error_invalid(error, "peers", "must be an array of at most %d addresses",
                                MAX_PEERS);
    json_array_foreach(list, i, item)
    {
        if (!check_address("peers", json_string_value(item), error))
            return FALSE;
        g_hash_table_add(segment->peers, (gpointer)json_string_value(item));
    }
    return TRUE;
}

static gboolean
read_segment(const json_t *arguments, Segment *segment, GError **error)
{
    segment->peers = g_hash_table_new(g_str_hash, g_str_equal);
    segment->changed = json_array();
    if (!yd_json_int(arguments, "vni", 1, MAX_VNI, &segment->vni, error) ||
        !yd_json_string(arguments, "bridge", &segment->bridge, error) ||
        !yd_json_string(arguments, "local", &segment->local, error) ||
        !yd_json_string(arguments, "gateway", &segment->gateway, error) ||
        !yd_json_string(arguments, "mac", &segment->mac, error) ||
        !yd_json_bool(arguments, "isolated", &segment->isolated, error))
        return FALSE;
    if (segment->vni == 0)
        return yd_error_invalid(error, "vni", "is missing");
    g_snprintf(segment->device, sizeof segment->device, "yv%d", (int)segment->vni);
    g_snprintf(segment->id, sizeof segment->id, "%d", (int)segment->vni);
    return check_bridge(segment->bridge, error) && check_address("local", segment->local, error) &&
           check_address("gateway", segment->gateway, error) && check_mac(segment->mac, error) &&
           read_peers(segment, json_object_get(arguments, "peers"), error);
}

// --- the device ---

static void
note(Segment *segment, const char *what)
{
    json_array_append_new(segment->changed, json_string(what));
}

// The link's description; NULL without error when there is none.
static json_t *
link_of(const char *device, GError **error)
{
    // All of them: asking for one that is not there is an error like others.
    const char *const argv[] = {"ip", "-j", "-d", "link", "show", NULL};
    g_autoptr(json_t) all = yd_command_json(argv, error);
    gsize i;
    json_t *link;
    json_array_foreach(all, i, link)
    {
        if (g_strcmp0(json_string_value(json_object_get(link, "ifname")), device) == 0)
            return json_incref(link);
    }
    return NULL;
}

static const char *
text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static gboolean
is_up(const json_t *link)
{
    gsize i;
    const json_t *flag;
    json_array_foreach(json_object_get(link, "flags"), i, flag)
    {
        if (g_strcmp0(json_string_value(flag), "UP") == 0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
is_tunnel(const Segment *segment, const json_t *link)
{
    const json_t *data = json_object_get(json_object_get(link, "linkinfo"), "info_data");
    return json_integer_value(json_object_get(data, "id")) == segment->vni &&
           json_integer_value(json_object_get(data, "port")) == atoi(PORT) &&
           g_strcmp0(text_of(data, "local"), segment->local) == 0 &&
           json_integer_value(json_object_get(link, "mtu")) == YD_SEGMENT_MTU;
}

static gboolean
remove_device(const char *device, GError **error)
{
    const char *const argv[] = {"ip", "link", "delete", "dev", device, NULL};
    return yd_command(argv, NULL, NULL, error);
}

static gboolean
add_device(const Segment *segment, GError **error)
{
    const char *const argv[] = {
        "ip",    "link",         "add", segment->device, "mtu",     G_STRINGIFY(YD_SEGMENT_MTU),
        "type",  "vxlan",        "id",  segment->id,     "dstport", PORT,
        "local", segment->local, NULL};
    return yd_command(argv, NULL, NULL, error);
}

// The device as it should be; *ret_link is its description, NULL when it was made just now.
static gboolean
ensure_device(Segment *segment, json_t **ret_link, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(json_t) link = link_of(segment->device, &why);
    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    const char *kind = text_of(json_object_get(link, "linkinfo"), "info_kind");
    if (link && g_strcmp0(kind, "vxlan") != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_EXISTS,
                    "the host has a device '%s' that is no VXLAN device", segment->device);
        return FALSE;
    }
    *ret_link = NULL;
    if (link && is_tunnel(segment, link)) {
        *ret_link = g_steal_pointer(&link);
        return TRUE;
    }
    note(segment, "device");
    return (!link || remove_device(segment->device, error)) && add_device(segment, error);
}

static gboolean
check_bridge_is_there(const Segment *segment, GError **error)
{
    g_autofree char *path = g_strdup_printf("/sys/class/net/%s/bridge", segment->bridge);
    if (g_file_test(path, G_FILE_TEST_IS_DIR))
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the host has no bridge '%s'", segment->bridge);
    return FALSE;
}

static gboolean
ensure_bridge(Segment *segment, const json_t *link, GError **error)
{
    if (link && is_up(link) && g_strcmp0(text_of(link, "master"), segment->bridge) == 0)
        return TRUE;
    const char *const argv[] = {"ip",     "link",          "set", "dev", segment->device,
                                "master", segment->bridge, "up",  NULL};
    if (link)
        note(segment, "bridge");
    return yd_command(argv, NULL, NULL, error);
}

// Ports that are isolated speak with none that is, too; the bridge itself is none of them.
static gboolean
ensure_isolation(Segment *segment, const json_t *link, GError **error)
{
    const json_t *data = json_object_get(json_object_get(link, "linkinfo"), "info_slave_data");
    gboolean now = json_is_true(json_object_get(data, "isolated"));
    if (now == segment->isolated)
        return TRUE;
    const char *const argv[] = {"bridge",
                                "link",
                                "set",
                                "dev",
                                segment->device,
                                "isolated",
                                segment->isolated ? "on" : "off",
                                NULL};
    if (link)
        note(segment, "isolation");
    return yd_command(argv, NULL, NULL, error);
}

// --- the peers ---

static gboolean
change_peer(const Segment *segment, const char *act, const char *peer, GError **error)
{
    const char *const argv[] = {"bridge",        "fdb", act,  FLOOD, "dev",
                                segment->device, "dst", peer, NULL};
    return yd_command(argv, NULL, NULL, error);
}

// What it floods to now: a set.
static GHashTable *
peers_now(const Segment *segment, GError **error)
{
    const char *const argv[] = {"bridge", "-j", "fdb", "show", "dev", segment->device, NULL};
    g_autoptr(json_t) all = yd_command_json(argv, error);
    if (!all)
        return NULL;
    GHashTable *now = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    gsize i;
    const json_t *entry;
    json_array_foreach(all, i, entry)
    {
        if (g_strcmp0(text_of(entry, "mac"), FLOOD) == 0 && text_of(entry, "dst"))
            g_hash_table_add(now, g_strdup(text_of(entry, "dst")));
    }
    return now;
}

static gboolean
ensure_peers(Segment *segment, gboolean fresh, GError **error)
{
    g_autoptr(GHashTable) now = peers_now(segment, error);
    GHashTableIter iter;
    gpointer peer;
    gboolean differs = FALSE;
    if (!now)
        return FALSE;
    g_hash_table_iter_init(&iter, segment->peers);
    while (g_hash_table_iter_next(&iter, &peer, NULL)) {
        if (g_hash_table_contains(now, peer))
            continue;
        differs = TRUE;
        if (!change_peer(segment, "append", peer, error))
            return FALSE;
    }
    g_hash_table_iter_init(&iter, now);
    while (g_hash_table_iter_next(&iter, &peer, NULL)) {
        if (g_hash_table_contains(segment->peers, peer))
            continue;
        differs = TRUE;
        if (!change_peer(segment, "delete", peer, error))
            return FALSE;
    }
    if (differs && !fresh)
        note(segment, "peers");
    return TRUE;
}

// --- the filter ---

char *
yd_segment_rules(gint64 vni, const char *gateway, const char *mac)
{
    // First made, so that it can be deleted: then it is there once, whatever was before.
    return g_strdup_printf("table bridge yundesk_%1$d\n"
                           "delete table bridge yundesk_%1$d\n"
                           "table bridge yundesk_%1$d {\n"
                           " chain tunnel {\n"
                           "  ether saddr %3$s drop\n"
                           "  ether daddr %3$s drop\n"
                           "  arp saddr ip %2$s drop\n"
                           "  arp daddr ip %2$s drop\n"
                           "  meta protocol ip udp dport { 67, 68 } drop\n"
                           " }\n"
                           " chain forward {\n"
                           "  type filter hook forward priority -200\n"
                           "  iifname \"yv%1$d\" jump tunnel\n"
                           "  oifname \"yv%1$d\" jump tunnel\n"
                           " }\n"
                           " chain input {\n"
                           "  type filter hook input priority -200\n"
                           "  iifname \"yv%1$d\" jump tunnel\n"
                           " }\n"
                           " chain output {\n"
                           "  type filter hook output priority -200\n"
                           "  oifname \"yv%1$d\" jump tunnel\n"
                           " }\n"
                           "}\n",
                           (int)vni, gateway, mac);
}

// As nft tells it, NULL when there is none.
static char *
filter_now(const Segment *segment)
{
    g_autofree char *table = g_strconcat("yundesk_", segment->id, NULL);
    const char *const argv[] = {"nft", "list", "table", "bridge", table, NULL};
    char *text = NULL;
    return yd_command(argv, NULL, &text, NULL) ? text : NULL;
}

// Set anew each time, in one transaction of the kernel: nft's own words for a rule are not ours, so
// whether it was right shows only afterwards.
static gboolean
ensure_filter(Segment *segment, gboolean fresh, GError **error)
{
    static const char *const argv[] = {"nft", "-f", "-", NULL};
    g_autofree char *before = filter_now(segment);
    g_autofree char *rules = yd_segment_rules(segment->vni, segment->gateway, segment->mac);
    if (!yd_command(argv, rules, NULL, error))
        return FALSE;
    g_autofree char *after = filter_now(segment);
    if (!fresh && g_strcmp0(before, after) != 0)
        note(segment, "filter");
    return TRUE;
}

json_t *
yd_segment_ensure(const json_t *arguments, GError **error)
{
    g_auto(Segment) segment = {0};
    g_autoptr(json_t) link = NULL;
    // The filter stands before the first packet can go through.
    if (!read_segment(arguments, &segment, error) || !check_bridge_is_there(&segment, error) ||
        !ensure_device(&segment, &link, error) || !ensure_filter(&segment, !link, error) ||
        !ensure_bridge(&segment, link, error) || !ensure_isolation(&segment, link, error) ||
        !ensure_peers(&segment, !link, error))
        return NULL;
    return json_pack("{s:O}", "changed", segment.changed);
}

// --- what is left over ---

static gboolean
vni_of(const char *device, gint64 *ret_vni)
{
    guint64 vni = 0;
    if (!device || !g_str_has_prefix(device, "yv") ||
        !g_ascii_string_to_unsigned(device + 2, 10, 1, MAX_VNI, &vni, NULL))
        return FALSE;
    *ret_vni = (gint64)vni;
    return TRUE;
}

static gboolean
drop(const char *device, gint64 vni, GError **error)
{
    g_autofree char *rules =
        g_strdup_printf("table bridge yundesk_%1$d\ndelete table bridge yundesk_%1$d\n", (int)vni);
    static const char *const argv[] = {"nft", "-f", "-", NULL};
    return remove_device(device, error) && yd_command(argv, rules, NULL, error);
}

static GHashTable *
read_vnis(const json_t *list, GError **error)
{
    GHashTable *keep = g_hash_table_new(NULL, NULL);
    gsize i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        if (json_is_integer(item))
            g_hash_table_add(keep, GINT_TO_POINTER((int)json_integer_value(item)));
    }
    if (json_is_array(list) && g_hash_table_size(keep) == json_array_size(list))
        return keep;
    g_hash_table_unref(keep);
    yd_error_invalid(error, "vnis", "must be an array of different numbers");
    return NULL;
}

json_t *
yd_segment_keep(const json_t *arguments, GError **error)
{
    static const char *const argv[] = {"ip", "-j", "link", "show", "type", "vxlan", NULL};
    g_autoptr(GHashTable) keep = read_vnis(json_object_get(arguments, "vnis"), error);
    g_autoptr(json_t) all = keep ? yd_command_json(argv, error) : NULL;
    g_autoptr(json_t) dropped = json_array();
    gsize i;
    const json_t *link;
    if (!all)
        return NULL;
    json_array_foreach(all, i, link)
    {
        const char *device = text_of(link, "ifname");
        gint64 vni = 0;
        if (!vni_of(device, &vni) || g_hash_table_contains(keep, GINT_TO_POINTER((int)vni)))
            continue;
        if (!drop(device, vni, error))
            return NULL;
        json_array_append_new(dropped, json_integer((json_int_t)vni));
    }
    return json_pack("{s:O}", "dropped", dropped);
}
