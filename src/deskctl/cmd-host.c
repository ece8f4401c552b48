// SPDX-License-Identifier: Apache-2.0
// deskctl host: the machines that desktops run on.
#include "deskctl/nouns.h"
#include "deskctl/refs.h"
#include "deskctl/verbs.h"

static const CtlColumn columns[] = {
    {"name", "NAME"},
    {"state", "STATE"},
    {"accel", "ACCEL"},
    {"cpus", "CPUS", CTL_CELL_INT},
    {"load", "LOAD", CTL_CELL_INT},
    {"memory_mib", "MEMORY", CTL_CELL_MIB},
    {"memory_free_mib", "FREE", CTL_CELL_MIB},
    {"storage_free_bytes", "DISK FREE", CTL_CELL_BYTES},
    {"desktops", "DESKTOPS", CTL_CELL_INT},
    {"desktops_running", "RUNNING", CTL_CELL_INT},
    {"seen", "SEEN", CTL_CELL_TIME},
    {"error", "ERROR"},
    {0},
};

#define FIELDS                                                                                     \
    {"reserve", CTL_MIB, "SIZE", "reserve_mib", .help = "memory kept for the host itself"},        \
    {                                                                                              \
        "vcpu-ratio", CTL_NUMBER, "N", "vcpu_ratio", .help = "virtual processors per real one"     \
    }

static const CtlOption add_options[] = {
    {"uri", CTL_TEXT, "URI", "uri", .help = "libvirt's, for example qemu:///system"}, FIELDS, {0}};
static const CtlOption edit_options[] = {
    {"name", CTL_TEXT, "NAME", "name", .help = "a new name"}, FIELDS, {0}};

static gboolean
run_maintenance(Ctl *ctl, GError **error)
{
    const char *what = ctl_args_word(ctl->args, 1);
    gboolean on = g_str_equal(what, "on");
    if (!on && !g_str_equal(what, "off")) {
        g_set_error(error, CTL_USAGE, 0, "say on or off, not '%s'", what);
        return FALSE;
    }
    g_autoptr(json_t) host = ctl_find(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    g_autoptr(json_t) body = json_pack("{s:s}", "state", on ? "maintenance" : "up");
    g_autoptr(json_t) answer =
        host ? ctl_patch(ctl, ctl->args->noun, json_string_value(json_object_get(host, "id")), body,
                         NULL, error)
             : NULL;
    if (answer)
        g_print("host %s: maintenance %s\n", ctl_args_word(ctl->args, 0), what);
    return answer != NULL;
}

static const CtlCommand commands[] = {
    {"list", "", "list hosts", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"show", "HOST…", "show all about hosts", ctl_run_show, 1, CTL_MANY},
    {"add", "NAME --uri URI", "add a host", ctl_run_add, 1, 1, CTL_WAITS, add_options},
    {"edit", "HOST", "change a host", ctl_run_edit, 1, 1, CTL_WAITS, edit_options},
    {"maintenance", "HOST on|off", "let no new desktops come to it", run_maintenance, 2, 2},
    {"remove", "HOST…", "remove hosts without desktops", ctl_run_delete, 1, CTL_MANY,
     CTL_ASKS | CTL_WAITS},
    {0},
};

const CtlNoun ctl_noun_host = {
    "host", "hosts", "hst", {"name"}, "machines that desktops run on", columns, commands,
};
