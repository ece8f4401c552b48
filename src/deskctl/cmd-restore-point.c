// SPDX-License-Identifier: Apache-2.0
// deskctl restore-point: moments of desktops, and going back to one.
#include "deskctl/cmd-restore-files.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/table.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

static const CtlColumn columns[] = {
    {"id", "ID"},
    {"desktop_name", "DESKTOP"},
    {"username", "USER"},
    {"taken", "TAKEN", CTL_CELL_TIME},
    {"kind", "KIND"},
    {"state", "STATE"},
    {"system", "SYSTEM", CTL_CELL_BOOL},
    {"personal_disk_id", "PERSONAL"},
    {"frozen", "QUIET", CTL_CELL_BOOL},
    {"note", "NOTE"},
    {"error", "ERROR"},
    {0},
};

static const CtlOption make_options[] = {
    {"note", CTL_TEXT, "TEXT", "note", .help = "what it is for"}, {0}};

static const CtlOption back_options[] = {
    {"system", CTL_FLAG, .help = "the system disk goes back"},
    {"personal", CTL_FLAG, .help = "the personal disk, the home, goes back"},
    {0},
};

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

// --- list ---

static gboolean
run_list(Ctl *ctl, GError **error)
{
    if (ctl->args->words->len == 0)
        return ctl_run_list(ctl, error);
    g_autofree char *id = ctl_find_id(ctl, &ctl_noun_desktop, ctl_args_word(ctl->args, 0), error);
    if (!id)
        return FALSE;
    g_autoptr(GString) path = g_string_new("/restore-points");
    yd_path_query(path, "desktop_id", id);
    return ctl_list(ctl, path->str, columns, error);
}

// --- make ---

static gboolean
run_make(Ctl *ctl, GError **error)
{
    const char *name = ctl_args_word(ctl->args, 0), *note = ctl_args_get(ctl->args, "note");
    g_autofree char *id = ctl_find_id(ctl, &ctl_noun_desktop, name, error);
    if (!id)
        return FALSE;
    g_autofree char *path = yd_path("desktops", id, "restore-points");
    g_autoptr(json_t) body = json_pack("{s:s*}", "note", note);
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
    return ctl_tell_job(ctl, answer, "desktop", name, "restore point made", error);
}

// --- back ---

// What is lost, in words.
static gboolean
ask(Ctl *ctl, const json_t *point, gboolean system, gboolean personal, GError **error)
{
    const CtlColumn when = {"taken", "", CTL_CELL_TIME};
    g_autofree char *taken = ctl_cell(point, &when);
    g_autofree char *question =
        g_strdup_printf("\"%s\" is shut down, and what was changed since %s on its %s is undone "
                        "(its state of now is "
                        "kept as a restore point). Go back?",
                        text(point, "desktop_name"), taken,
                        system && personal ? "system disk and its personal disk"
                        : system           ? "system disk"
                                           : "personal disk");
    return ctl_ask(ctl, question, error);
}

static gboolean
run_back(Ctl *ctl, GError **error)
{
    gboolean system = ctl_args_has(ctl->args, "system");
    gboolean personal = ctl_args_has(ctl->args, "personal");
    if (!system && !personal) {
        g_set_error(error, CTL_USAGE, 0, "what goes back? give --system, --personal, or both");
        return FALSE;
    }
    g_autoptr(json_t) point = ctl_find(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    if (!point || !ask(ctl, point, system, personal, error))
        return FALSE;
    g_autofree char *path = yd_path("restore-points", text(point, "id"), "restore");
    g_autoptr(json_t) body = json_pack("{s:b, s:b}", "system", system, "personal", personal);
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
    return ctl_tell_job(ctl, answer, "desktop", text(point, "desktop_name"), "is back", error);
}

static const CtlCommand commands[] = {
    {"list", "[DESKTOP]", "list restore points", run_list, 0, 1, CTL_LISTS | CTL_COLUMNS},
    {"show", "POINT…", "show all about restore points", ctl_run_show, 1, CTL_MANY},
    {"make", "DESKTOP", "keep the present moment of its disks, also while it runs", run_make, 1, 1,
     CTL_WAITS, make_options},
    {"back", "POINT --system|--personal",
     "shut the desktop down, keep its present state, and go back; it is started again if it ran",
     run_back, 1, 1, CTL_WAITS | CTL_ASKS, back_options},
    {"files", "POINT [PATH]", "list a directory of a restore point's disk", ctl_run_restore_files,
     1, 2, CTL_COLUMNS, ctl_restore_files_options},
    {"get", "POINT PATH", "take a file out of a restore point", ctl_run_restore_get, 2, 2, 0,
     ctl_restore_get_options},
    {"give-back", "POINT PATH",
     "put a file of a restore point into the running desktop, beside where it was",
     ctl_run_restore_give, 2, 2, CTL_WAITS, ctl_restore_files_options},
    {"delete", "POINT…", "delete restore points; the disks stay as they are", ctl_run_delete, 1,
     CTL_MANY, CTL_ASKS | CTL_WAITS},
    {0},
};

const CtlNoun ctl_noun_restore_point = {
    "restore-point", "restore-points", "rpt",    {"id"}, "moments of desktops to go back to",
    columns,         commands,         "-taken",
};
