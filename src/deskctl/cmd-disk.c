// SPDX-License-Identifier: Apache-2.0
// deskctl disk: people's personal disks.
#include "deskctl/body.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

static const CtlColumn columns[] = {
    {"name", "NAME"},
    {"username", "USER"},
    {"pool_name", "POOL"},
    {"size_gib", "SIZE", CTL_CELL_GIB},
    {"disk_bytes", "TAKES", CTL_CELL_BYTES},
    {"desktop_name", "DESKTOP"},
    {"desktop_state", "DESKTOP IS"},
    {"created", "MADE", CTL_CELL_TIME},
    {"error", "ERROR"},
    {0},
};

static const CtlOption grow_options[] = {
    {"to", CTL_GIB, "SIZE", "size_gib", .help = "its new size, for example 20G"}, {0}};
static const CtlOption move_options[] = {
    {"pool", CTL_REF, "POOL", "pool_id", &ctl_noun_pool, .help = "where its person finds it then"},
    {0},
};

// POST /personal-disks/{id}/verb with the options as body; the answer, owned.
static json_t *
post(Ctl *ctl, const char *verb, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    g_autoptr(json_t) body = json_object();
    g_autofree char *path =
        id && ctl_body_fill(ctl, body, error) ? yd_path("personal-disks", id, verb) : NULL;
    return path ? yd_rest_post(ctl->rest, path, body, error) : NULL;
}

static gboolean
run_grow(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) answer = post(ctl, "grow", error);
    return ctl_tell_job(ctl, answer, "personal disk", ctl_args_word(ctl->args, 0), "grown", error);
}

static gboolean
run_move(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) answer = post(ctl, "move", error);
    if (!answer)
        return FALSE;
    if (ctl->json)
        ctl_print_json(answer);
    else
        g_print("personal disk %s: now %s; the desktop there gets it at its next start\n",
                ctl_args_word(ctl->args, 0), ctl_name_of(ctl->args->noun, answer));
    return TRUE;
}

static const CtlCommand commands[] = {
    {"list", "", "list personal disks", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"show", "DISK…", "show all about personal disks", ctl_run_show, 1, CTL_MANY},
    {"grow", "DISK --to SIZE", "make one larger, also while it is in use", run_grow, 1, 1,
     CTL_WAITS, grow_options},
    {"move", "DISK --pool POOL", "give it to its person in another pool", run_move, 1, 1, 0,
     move_options},
    {"delete", "DISK…", "delete personal disks with all files on them", ctl_run_delete, 1, CTL_MANY,
     CTL_ASKS},
    {0},
};

const CtlNoun ctl_noun_disk = {
    "disk", "personal-disks", "pdk", {"name"}, "people's own disks, their homes", columns, commands,
};
