// SPDX-License-Identifier: Apache-2.0
// deskctl network: virtual networks and the addresses in use.
#include "deskctl/nouns.h"
#include "deskctl/refs.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

static const CtlColumn columns[] = {
    {"name", "NAME"},
    {"cidr", "SUBNET"},
    {"gateway", "GATEWAY"},
    {"state", "STATE"},
    {"bridge", "BRIDGE"},
    {"addresses_used", "USED", CTL_CELL_INT},
    {"addresses_total", "ADDRESSES", CTL_CELL_INT},
    {"pools", "POOLS", CTL_CELL_INT},
    {"error", "ERROR"},
    {0},
};

static const CtlColumn address_columns[] = {
    {"ip", "IP"}, {"mac", "MAC"}, {"desktop_name", "DESKTOP"}, {"created", "SINCE", CTL_CELL_TIME},
    {0},
};

static const CtlOption add_options[] = {
    {"cidr", CTL_TEXT, "SUBNET", "cidr", .help = "for example 10.20.0.0/16"},
    {"gateway", CTL_TEXT, "IP", "gateway", .help = "address of the host in it (the first one)"},
    {"first", CTL_TEXT, "IP", "range_first", .help = "first address for desktops"},
    {"last", CTL_TEXT, "IP", "range_last", .help = "last address for desktops"},
    {"mode", CTL_CHOICE, "nat", "mode", .help = "how it reaches the outside"},
    {"vlan", CTL_INT, "TAG", "vlan", .help = "VLAN tag, 0 for none"},
    {"vni", CTL_INT, "NUMBER", "vni",
     .help = "one network over all hosts, by VXLAN with that number; 0: each host has its own"},
    {"isolated", CTL_FLAG, NULL, "isolated", .help = "its desktops don't reach each other"},
    {0},
};
static const CtlOption edit_options[] = {{"name", CTL_TEXT, "NAME", "name", .help = "a new name"},
                                         {0}};

static const CtlColumn host_columns[] = {
    {"host_name", "HOST"},
    {"state", "STATE"},
    {"error", "ERROR"},
    {"repaired", "REPAIRED"},
    {"repaired_at", "AT", CTL_CELL_TIME},
    {0},
};

static gboolean
run_hosts(Ctl *ctl, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    g_autofree char *path = id ? yd_path("networks", id, "hosts") : NULL;
    return path && ctl_list(ctl, path, host_columns, error);
}

static gboolean
run_addresses(Ctl *ctl, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    g_autofree char *path = id ? yd_path("networks", id, "addresses") : NULL;
    return path && ctl_list(ctl, path, address_columns, error);
}

static const CtlCommand commands[] = {
    {"list", "", "list networks", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"show", "NETWORK…", "show all about networks", ctl_run_show, 1, CTL_MANY},
    {"add", "NAME --cidr SUBNET", "make a network", ctl_run_add, 1, 1, CTL_WAITS, add_options},
    {"edit", "NETWORK", "change a network", ctl_run_edit, 1, 1, CTL_WAITS, edit_options},
    {"addresses", "NETWORK", "list the addresses in use", run_addresses, 1, 1,
     CTL_LISTS | CTL_COLUMNS, NULL, NULL, address_columns},
    {"hosts", "NETWORK", "show how it is on each host", run_hosts, 1, 1, CTL_LISTS | CTL_COLUMNS,
     NULL, NULL, host_columns},
    {"delete", "NETWORK…", "delete networks that nothing uses", ctl_run_delete, 1, CTL_MANY,
     CTL_ASKS | CTL_WAITS},
    {0},
};

const CtlNoun ctl_noun_network = {
    "network", "networks", "net", {"name"}, "virtual networks of the desktops", columns, commands,
};
