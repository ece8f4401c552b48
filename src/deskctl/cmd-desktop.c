// SPDX-License-Identifier: Apache-2.0
// deskctl desktop: power, hardware, figures, pictures. Connecting is in connect.c.
#include "base/error.h"
#include "deskctl/body.h"
#include "deskctl/connect.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

static const CtlColumn columns[] = {
    {"name", "NAME"},
    {"username", "USER"},
    {"pool_name", "POOL"},
    {"state", "STATE"},
    {"host_name", "HOST"},
    {"ip", "IP"},
    {"vcpus", "VCPUS", CTL_CELL_INT},
    {"memory_mib", "MEMORY", CTL_CELL_MIB},
    {"template_name", "TEMPLATE"},
    {"template_number", "VERSION", CTL_CELL_INT},
    {"open_sessions", "SESSIONS", CTL_CELL_INT},
    {"fixed_port", "PORT", CTL_CELL_PORT},
    {"dns_name", "DNS NAME"},
    {"error", "ERROR"},
    {0},
};

static const CtlColumn mine_columns[] = {
    {"pool_name", "POOL"},
    {"access", "ACCESS"},
    {"given", "GIVEN", CTL_CELL_BOOL},
    {"desktop.name", "DESKTOP"},
    {"desktop.state", "STATE"},
    {"desktop.fixed_port", "PORT", CTL_CELL_PORT},
    {"desktop.error", "ERROR"},
    {0},
};

static const CtlColumn stats_columns[] = {
    {"cpu_percent", "CPU", CTL_CELL_PERCENT},
    {"memory_used_mib", "Memory used", CTL_CELL_MIB},
    {"memory_mib", "Memory", CTL_CELL_MIB},
    {"disk_read_rate", "Disk read per s", CTL_CELL_BYTES},
    {"disk_written_rate", "Disk written per s", CTL_CELL_BYTES},
    {"net_in_rate", "Net in per s", CTL_CELL_BYTES},
    {"net_out_rate", "Net out per s", CTL_CELL_BYTES},
    {"disk_read_bytes", "Disk read", CTL_CELL_BYTES},
    {"disk_written_bytes", "Disk written", CTL_CELL_BYTES},
    {"net_in_bytes", "Net in", CTL_CELL_BYTES},
    {"net_out_bytes", "Net out", CTL_CELL_BYTES},
    {"disk_allocated_bytes", "Disk allocated", CTL_CELL_BYTES},
    {0},
};

static const CtlOption resize_options[] = {
    {"vcpus", CTL_INT, "N", "vcpus", .help = "virtual processors"},
    {"memory", CTL_MIB, "SIZE", "memory_mib", .help = "memory, for example 2G"},
    {"disk", CTL_GIB, "SIZE", "disk_gib", .help = "disk, for example 40G; it can only grow"},
    {0},
};
static const CtlOption edit_options[] = {{"name", CTL_TEXT, "NAME", "name", .help = "a new name"},
                                         {0}};
static const CtlOption screenshot_options[] = {
    {"out", CTL_TEXT, "FILE", .help = "the PNG file (DESKTOP.png); - is standard output"}, {0}};

static gboolean
run_mine(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) items = ctl_fetch(ctl, "/me/desktops", 1, NULL, error);
    if (!items || !ctl_print_items(ctl, items, mine_columns, error))
        return FALSE;
    if (json_array_size(items) == 0)
        ctl_note(ctl, "no desktop was given to you yet; an administrator does it with "
                      "'deskctl pool grant'");
    return TRUE;
}

static gboolean
run_stats(Ctl *ctl, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    g_autofree char *path = id ? yd_path("desktops", id, "stats") : NULL;
    g_autoptr(json_t) stats = path ? yd_rest_get(ctl->rest, path, error) : NULL;
    if (stats)
        ctl_print_object(ctl, stats);
    return stats != NULL;
}

static gboolean
run_screenshot(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) desktop = ctl_find(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    if (!desktop)
        return FALSE;
    g_autofree char *path =
        yd_path("desktops", json_string_value(json_object_get(desktop, "id")), "screenshot");
    YdRestRequest request = {.method = "GET", .path = path};
    g_auto(YdRestAnswer) answer = {0};
    if (!yd_rest_send(ctl->rest, &request, &answer, error))
        return FALSE;
    g_autofree char *name = g_strconcat(ctl_name_of(ctl->args->noun, desktop), ".png", NULL);
    g_strdelimit(name, "/", '_');
    const char *out = ctl_args_get(ctl->args, "out");
    out = out ? out : name;
    if (!ctl_write_file(out, g_bytes_get_data(answer.bytes, NULL), g_bytes_get_size(answer.bytes),
                        error))
        return FALSE;
    ctl_note(ctl, "the screen is in %s", out);
    return TRUE;
}

// The personal disk goes only when it is named: by its own name, not by the desktop's.
static gboolean
delete_one(Ctl *ctl, const json_t *desktop, const char *name, GError **error)
{
    const char *disk = ctl_args_get(ctl->args, "personal-disk");
    g_autofree char *disk_id = disk ? ctl_find_id(ctl, &ctl_noun_disk, disk, error) : NULL;
    if (disk && !disk_id)
        return FALSE;
    g_autofree char *path =
        yd_path("desktops", json_string_value(json_object_get(desktop, "id")), NULL);
    g_autofree char *full =
        disk_id ? g_strdup_printf("%s?personal_disk=%s", path, disk_id) : g_strdup(path);
    YdRestRequest request = {.method = "DELETE", .path = full};
    g_auto(YdRestAnswer) answer = {0};
    return yd_rest_send(ctl->rest, &request, &answer, error) &&
           ctl_tell_job(ctl, answer.json, "desktop", name, "deleted", error);
}

static gboolean
run_delete(Ctl *ctl, GError **error)
{
    if (ctl_args_has(ctl->args, "personal-disk") && ctl->args->words->len > 1) {
        g_set_error(error, CTL_USAGE, 0,
                    "--personal-disk names one disk; delete one desktop at a time with it");
        return FALSE;
    }
    return ctl_each(ctl, delete_one, error);
}

static const CtlOption delete_options[] = {
    {"personal-disk", CTL_TEXT, "DISK",
     .help = "its personal disk (deskctl disk list) goes, too, with all files; it stays without"},
    {0},
};

static const CtlOption migrate_options[] = {
    {"host", CTL_REF, "HOST", "host_id", &ctl_noun_host, "where to; else placement says"}, {0}};

static gboolean
run_migrate(Ctl *ctl, GError **error)
{
    const char *name = ctl_args_word(ctl->args, 0);
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, name, error);
    g_autoptr(json_t) body = json_object();
    g_autofree char *path =
        id && ctl_body_fill(ctl, body, error) ? yd_path("desktops", id, "migrate") : NULL;
    g_autoptr(json_t) answer = path ? yd_rest_post(ctl->rest, path, body, error) : NULL;
    return ctl_tell_job(ctl, answer, "desktop", name, "moved", error);
}

static const CtlCommand commands[] = {
    {"mine", "", "list the desktops that you can open", run_mine, 0, 0, CTL_COLUMNS, NULL, NULL,
     mine_columns},
    {"connect", "[DESKTOP|POOL]", "open a desktop", ctl_run_connect, 0, 1, CTL_WAITS,
     ctl_connect_options},
    {"list", "", "list desktops", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS, ctl_list_options},
    {"show", "DESKTOP…", "show all about desktops", ctl_run_show, 1, CTL_MANY},
    {"start", "DESKTOP…", "start them", ctl_run_act, 1, CTL_MANY, CTL_WAITS, NULL, "start"},
    {"shutdown", "DESKTOP…", "shut them down, or cut the power after a while", ctl_run_act, 1,
     CTL_MANY, CTL_WAITS, NULL, "shutdown"},
    {"reboot", "DESKTOP…", "shut them down and start them", ctl_run_act, 1, CTL_MANY, CTL_WAITS,
     NULL, "reboot"},
    {"power-off", "DESKTOP…", "cut the power; what is not saved is lost", ctl_run_act, 1, CTL_MANY,
     CTL_ASKS | CTL_WAITS, NULL, "power-off"},
    {"rebuild", "DESKTOP…", "make the system disk anew; all that is on it is lost", ctl_run_act, 1,
     CTL_MANY, CTL_ASKS | CTL_WAITS, NULL, "rebuild"},
    {"resize", "DESKTOP", "change processors, memory or disk", ctl_run_edit, 1, 1, CTL_WAITS,
     resize_options},
    {"migrate", "DESKTOP", "move a running one to another host", run_migrate, 1, 1, CTL_WAITS,
     migrate_options},
    {"edit", "DESKTOP", "rename", ctl_run_edit, 1, 1, CTL_WAITS, edit_options},
    {"stats", "DESKTOP", "show what it uses", run_stats, 1, 1, 0, NULL, NULL, stats_columns},
    {"screenshot", "DESKTOP", "take a picture of its screen", run_screenshot, 1, 1, 0,
     screenshot_options},
    {"delete", "DESKTOP…", "delete them and their system disks", run_delete, 1, CTL_MANY,
     CTL_ASKS | CTL_WAITS, delete_options},
    {0},
};

const CtlNoun ctl_noun_desktop = {
    "desktop", "desktops", "dsk", {"name"}, "the desktops themselves; opening them",
    columns,   commands,
};
