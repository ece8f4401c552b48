// SPDX-License-Identifier: Apache-2.0
// deskctl department: departments, their members and managers.
#include <string.h>

#include "deskctl/nouns.h"
#include "deskctl/refs.h"
#include "deskctl/text-width.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

static const CtlColumn columns[] = {
    {"name", "NAME"},
    {"number", "NUMBER"},
    {"unit", "UNIT"},
    {"members", "MEMBERS", CTL_CELL_INT},
    {"managers", "MANAGERS", CTL_CELL_INT},
    {"network_name", "NETWORK"},
    {0},
};

static const CtlColumn people_columns[] = {
    {"username", "USERNAME"},
    {"user_name", "NAME"},
    {"role", "ROLE"},
    {"created", "SINCE", CTL_CELL_TIME},
    {0},
};

#define FIELDS                                                                                     \
    {"number", CTL_TEXT, "NUMBER", "number", .help = "the department's number"},                   \
        {"unit", CTL_TEXT, "UNIT", "unit", .help = "the unit it belongs to"},                      \
        {"founded", CTL_INT, "YEAR", "founded", .help = "the year it was founded"},                \
    {                                                                                              \
        "network", CTL_REF, "NETWORK", "network_id", &ctl_noun_network,                            \
            .help = "own network of its people; none: the pool's"                                  \
    }

static const CtlOption add_options[] = {FIELDS, {0}};
static const CtlOption edit_options[] = {
    {"name", CTL_TEXT, "NAME", "name", .help = "a new name"}, FIELDS, {0}};

static gboolean
change_one(Ctl *ctl, const char *path, const char *who, gboolean add, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, &ctl_noun_user, who, error);
    if (!id)
        return FALSE;
    if (add) {
        g_autoptr(json_t) body = json_pack("{s:s}", "user_id", id);
        g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
        return answer != NULL;
    }
    g_autofree char *full = g_strdup_printf("%s/%s", path, id);
    YdRestRequest request = {.method = "DELETE", .path = full};
    return yd_rest_send(ctl->rest, &request, NULL, error);
}

// member|manager add|remove|list DEPARTMENT [USER…]
static gboolean
run_people(Ctl *ctl, GError **error)
{
    const CtlArgs *args = ctl->args;
    const char *what = ctl_args_word(args, 0);
    gboolean list = g_str_equal(what, "list"), add = g_str_equal(what, "add");
    if (!list && !add && !g_str_equal(what, "remove")) {
        g_set_error(error, CTL_USAGE, 0, "say add, remove or list, not '%s'", what);
        return FALSE;
    }
    if (!list && args->words->len < 3) {
        g_set_error(error, CTL_USAGE, 0, "whom? deskctl department %s %s DEPARTMENT USER…",
                    args->command->verb, what);
        return FALSE;
    }
    g_autofree char *id = ctl_find_id(ctl, args->noun, ctl_args_word(args, 1), error);
    if (!id)
        return FALSE;
    g_autofree char *path = yd_path("departments", id, args->command->act);
    if (list)
        return ctl_list(ctl, path, people_columns, error);
    for (guint i = 2; i < args->words->len; i++) {
        const char *who = ctl_args_word(args, i);
        g_autoptr(GError) why = NULL;
        if (!change_one(ctl, path, who, add, &why))
            ctl_report(ctl, who, why);
        else if (!ctl->json)
            g_print("department %s: %s %s %s\n", ctl_args_word(args, 1), args->command->verb, who,
                    add ? "added" : "removed");
    }
    return TRUE;
}

static const CtlCommand commands[] = {
    {"list", "", "list departments", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"show", "DEPARTMENT…", "show all about departments", ctl_run_show, 1, CTL_MANY},
    {"add", "NAME --number NUMBER", "make a department", ctl_run_add, 1, 1, CTL_WAITS, add_options},
    {"edit", "DEPARTMENT", "change a department", ctl_run_edit, 1, 1, CTL_WAITS, edit_options},
    {"delete", "DEPARTMENT…", "remove departments", ctl_run_delete, 1, CTL_MANY,
     CTL_ASKS | CTL_WAITS},
    {"member", "add|remove|list DEPARTMENT [USER…]", "who belongs to it", run_people, 2, CTL_MANY,
     CTL_LISTS | CTL_COLUMNS, NULL, "members", people_columns},
    {"manager", "add|remove|list DEPARTMENT [USER…]", "who manages it", run_people, 2, CTL_MANY,
     CTL_LISTS | CTL_COLUMNS, NULL, "managers", people_columns},
    {0},
};

const CtlNoun ctl_noun_department = {
    "department", "departments", "dep", {"name", "number"}, "groups of people", columns, commands,
};
