// SPDX-License-Identifier: Apache-2.0
// deskctl backup: copies of disks and of the product itself, putting them back, and how it stands.
#include <string.h>

#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/table.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

static const CtlColumn columns[] = {
    {"id", "ID"},
    {"what", "WHAT"},
    {"object_name", "OF"},
    {"taken", "TAKEN", CTL_CELL_TIME},
    {"kind", "KIND"},
    {"origin", "MADE"},
    {"state", "STATE"},
    {"held_bytes", "HAS", CTL_CELL_BYTES},
    {"stored_bytes", "NEW", CTL_CELL_BYTES},
    {"verified", "READ AGAIN", CTL_CELL_TIME},
    {"error", "ERROR"},
    {0},
};

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

// --- make ---

static const CtlNoun *
noun_of(const char *what)
{
    if (strcmp(what, "desktop") == 0)
        return &ctl_noun_desktop;
    return strcmp(what, "disk") == 0 ? &ctl_noun_disk : NULL;
}

static gboolean
run_make(Ctl *ctl, GError **error)
{
    const char *what = ctl_args_word(ctl->args, 0);
    const char *name = ctl->args->words->len > 1 ? ctl_args_word(ctl->args, 1) : NULL;
    const CtlNoun *noun = noun_of(what);
    gboolean product = strcmp(what, "product") == 0;
    if ((!noun && !product) || product != (name == NULL)) {
        g_set_error(error, CTL_USAGE, 0, "give product, desktop NAME, or disk NAME");
        return FALSE;
    }
    g_autofree char *id = noun ? ctl_find_id(ctl, noun, name, error) : NULL;
    if (noun && !id)
        return FALSE;
    g_autoptr(json_t) body = json_pack(
        "{s:s, s:s*}", "what", noun == &ctl_noun_disk ? "personal-disk" : what, "object_id", id);
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, "/backups", body, error);
    return ctl_tell_job(ctl, answer, "backup of", name ? name : "the product", "made", error);
}

// --- restore ---

static gboolean
run_restore(Ctl *ctl, GError **error)
{
    const CtlColumn when = {"taken", "", CTL_CELL_TIME};
    g_autoptr(json_t) backup = ctl_find(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    if (!backup)
        return FALSE;
    g_autofree char *taken = ctl_cell(backup, &when);
    g_autofree char *question = g_strdup_printf(
        "The desktop of \"%s\" is shut down, and its %s becomes what it was at %s (the state of "
        "now "
        "is kept as a restore point). Put it back?",
        text(backup, "object_name"),
        strcmp(text(backup, "what"), "desktop") == 0 ? "system disk" : "personal disk", taken);
    if (!ctl_ask(ctl, question, error))
        return FALSE;
    g_autofree char *path = yd_path("backups", text(backup, "id"), "restore");
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, NULL, error);
    return ctl_tell_job(ctl, answer, "disk of", text(backup, "object_name"), "is back", error);
}

// --- status ---

static const CtlColumn status_columns[] = {
    {"directory", "FOLDER"},
    {"bytes", "SIZE", CTL_CELL_BYTES},
    {"free_bytes", "FREE", CTL_CELL_BYTES},
    {"last", "LAST GOOD", CTL_CELL_TIME},
    {"next", "NEXT", CTL_CELL_TIME},
    {"problem", "PROBLEM"},
    {"alarm", "ALARM"},
    {0},
};

static gboolean
run_status(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) status = yd_rest_get(ctl->rest, "/backup-status", error);
    if (!status)
        return FALSE;
    if (ctl->json) {
        ctl_print_json(status);
        return TRUE;
    }
    if (!json_is_true(json_object_get(status, "configured"))) {
        g_print("there are no backups: set backup_dir in [deskhost] of yundesk.conf to a folder on "
                "another disk\n");
        return TRUE;
    }
    for (const CtlColumn *column = status_columns; column->name; column++) {
        g_autofree char *cell = ctl_cell(status, column);
        g_print("%-10s %s\n", column->title, cell);
    }
    return TRUE;
}

static const CtlCommand commands[] = {
    {"list", "", "list backups", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"show", "BACKUP…", "show all about backups", ctl_run_show, 1, CTL_MANY},
    {"make", "product|desktop NAME|disk NAME",
     "back up the product (database, templates, keys, configuration), a desktop's system disk, or "
     "a "
     "personal disk",
     run_make, 1, 2, CTL_WAITS},
    {"restore", "BACKUP",
     "put a disk back to what the backup has; its desktop is shut down, and started again if it "
     "ran",
     run_restore, 1, 1, CTL_WAITS | CTL_ASKS},
    {"verify", "BACKUP…", "read all of backups again and compare their checksums", ctl_run_act, 1,
     CTL_MANY, CTL_WAITS, .act = "verify"},
    {"delete", "BACKUP…", "delete backups; no other one needs them", ctl_run_delete, 1, CTL_MANY,
     CTL_ASKS | CTL_WAITS},
    {"status", "", "where they lie, how much room is left, when the last and the next is",
     run_status, 0, 0},
    {0},
};

const CtlNoun ctl_noun_backup = {
    "backup", "backups", "bkp",    {"id"}, "copies of disks and of the product in another folder",
    columns,  commands,  "-taken",
};
