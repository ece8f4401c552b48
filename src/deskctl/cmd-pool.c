// SPDX-License-Identifier: Apache-2.0
// deskctl pool: pools, to whom they are given, and handing out desktops beforehand.
#include <string.h>

#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

static const CtlColumn columns[] = {
    {"name", "NAME"},
    {"template_name", "TEMPLATE"},
    {"template_number", "VERSION", CTL_CELL_INT},
    {"access", "ACCESS"},
    {"vcpus", "VCPUS", CTL_CELL_INT},
    {"memory_mib", "MEMORY", CTL_CELL_MIB},
    {"disk_gib", "DISK", CTL_CELL_GIB},
    {"personal_disk_gib", "PERSONAL", CTL_CELL_GIB},
    {"network_name", "NETWORK"},
    {"desktops", "DESKTOPS", CTL_CELL_INT},
    {"desktops_ready", "READY", CTL_CELL_INT},
    {"enabled", "ENABLED", CTL_CELL_BOOL},
    {0},
};

static const CtlColumn grant_columns[] = {
    {"department_name", "DEPARTMENT"},
    {"username", "USER"},
    {"created", "SINCE", CTL_CELL_TIME},
    {0},
};

#define FIELDS                                                                                     \
    {"template", CTL_VERSION, "TEMPLATE[:VERSION]", "template_version_id",                         \
     .help = "what its desktops are made from (the newest ready version)"},                        \
        {"network",    CTL_REF,           "NETWORK",                                               \
         "network_id", &ctl_noun_network, .help = "where its desktops are"},                       \
        {"disk", CTL_GIB, "SIZE", "disk_gib", .help = "disk; 0: as large as the template"},        \
        {"instant", CTL_CHOICE, "on|off", "instant",                                               \
         .help = "fresh desktops start from their version's RAM image"},                           \
        {"personal-disk", CTL_GIB, "SIZE", "personal_disk_gib",                                    \
         .help = "disk of each person's own, their home; 0: none"},                                \
        {"max", CTL_INT, "N", "max_desktops", .help = "at most so many desktops; 0: no limit"},    \
        {"description", CTL_TEXT, "TEXT", "description", .help = "for people"},                    \
        {"min-ready", CTL_INT, "N", "min_ready", .help = "floating: spares to keep"},              \
        {"warm", CTL_INT, "N", "warm",                                                             \
         .help = "floating: how many of the spares run and are paused"},                           \
        {"power", CTL_PAIR, "KEY=VALUE", "power",                                                  \
         .help = "when desktops start, sleep and stop, for example pause_seconds=600, "            \
                 "off_seconds=7200, close=true; may be repeated"},                                 \
        {"follow", CTL_CHOICE, "pinned|newest|staged", "follow",                                   \
         .help = "what happens when its template has a new version"},                              \
        {"rollout", CTL_PAIR, "KEY=VALUE", "rollout",                                              \
         .help = "how it follows, for example share=20, replace_system_disks=true; may be "        \
                 "repeated"},                                                                      \
    {                                                                                              \
        "policy", CTL_PAIR, "KEY=VALUE", "policy",                                                 \
            .help = "for example clipboard=false or fixed_port=true (a port of its own for each "  \
                    "desktop, which lets colleagues behind the owner's NAT reach its log-in), "    \
                    "restore_nightly=7, restore_hour=1, restore_by_person=true, "                  \
                    "backup_desktops=true; may be repeated"                                        \
    }

static const CtlOption add_options[] = {
    FIELDS,
    {"kind", CTL_TEXT, "KIND", "kind",
     .help = "dedicated (a desktop for each person) or floating (any of them, made afresh after "
             "each)"},
    {"vcpus", CTL_INT, "N", "vcpus", .help = "virtual processors (2)", .otherwise = "2"},
    {"memory", CTL_MIB, "SIZE", "memory_mib", .help = "memory (2G)", .otherwise = "2048"},
    {0},
};
static const CtlOption edit_options[] = {
    {"name", CTL_TEXT, "NAME", "name", .help = "a new name"},
    FIELDS,
    {"vcpus", CTL_INT, "N", "vcpus", .help = "virtual processors"},
    {"memory", CTL_MIB, "SIZE", "memory_mib", .help = "memory, for example 2G"},
    {0},
};
static const CtlOption whom_options[] = {
    {"department", CTL_TEXT, "DEPARTMENT", .help = "a whole department", .many = TRUE},
    {"user", CTL_TEXT, "USER", .help = "one person", .many = TRUE},
    {0},
};

typedef struct {
    char *pool;
    json_t *departments, *users;
} Whom;

static void
whom_clear(Whom *whom)
{
    g_free(whom->pool);
    json_decref(whom->departments);
    json_decref(whom->users);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Whom, whom_clear)

static gboolean
read_whom(Ctl *ctl, Whom *whom, GError **error)
{
    if (!ctl_args_has(ctl->args, "department") && !ctl_args_has(ctl->args, "user")) {
        g_set_error(error, CTL_USAGE, 0, "to whom? give --department or --user");
        return FALSE;
    }
    whom->pool = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    if (!whom->pool)
        return FALSE;
    whom->departments = ctl_find_ids(ctl, &ctl_noun_department, "department", error);
    if (!whom->departments)
        return FALSE;
    whom->users = ctl_find_ids(ctl, &ctl_noun_user, "user", error);
    return whom->users != NULL;
}

static gboolean
grant_each(Ctl *ctl, const char *path, const char *member, const json_t *ids, GError **error)
{
    for (gsize i = 0; i < json_array_size(ids); i++) {
        g_autoptr(json_t) body = json_pack("{s:O}", member, json_array_get(ids, i));
        g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
        if (!answer)
            return FALSE;
    }
    return TRUE;
}

static gboolean
run_grant(Ctl *ctl, GError **error)
{
    g_auto(Whom) whom = {0};
    if (!read_whom(ctl, &whom, error))
        return FALSE;
    g_autofree char *path = yd_path("pools", whom.pool, "entitlements");
    if (!grant_each(ctl, path, "department_id", whom.departments, error) ||
        !grant_each(ctl, path, "user_id", whom.users, error))
        return FALSE;
    ctl_note(ctl, "pool %s: given", ctl_args_word(ctl->args, 0));
    return TRUE;
}

// Takes back the grant whose member is that id.
static gboolean
revoke_one(Ctl *ctl, const char *path, const json_t *grants, const char *member, const json_t *id,
           GError **error)
{
    for (gsize i = 0; i < json_array_size(grants); i++) {
        const json_t *grant = json_array_get(grants, i);
        if (!json_equal(json_object_get(grant, member), id))
            continue;
        g_autofree char *full =
            g_strdup_printf("%s/%s", path, json_string_value(json_object_get(grant, "id")));
        YdRestRequest request = {.method = "DELETE", .path = full};
        return yd_rest_send(ctl->rest, &request, NULL, error);
    }
    g_set_error(error, CTL_USAGE, 0, "the pool is not given to %s itself (deskctl pool grants %s)",
                json_string_value(id), ctl_args_word(ctl->args, 0));
    return FALSE;
}

static gboolean
run_revoke(Ctl *ctl, GError **error)
{
    g_auto(Whom) whom = {0};
    if (!read_whom(ctl, &whom, error))
        return FALSE;
    g_autofree char *path = yd_path("pools", whom.pool, "entitlements");
    g_autoptr(json_t) grants = ctl_fetch(ctl, path, 0, NULL, error);
    if (!grants || !ctl_ask(ctl, "take the pool away from them?", error))
        return FALSE;
    for (gsize i = 0; i < json_array_size(whom.departments); i++) {
        if (!revoke_one(ctl, path, grants, "department_id", json_array_get(whom.departments, i),
                        error))
            return FALSE;
    }
    for (gsize i = 0; i < json_array_size(whom.users); i++) {
        if (!revoke_one(ctl, path, grants, "user_id", json_array_get(whom.users, i), error))
            return FALSE;
    }
    ctl_note(ctl, "pool %s: taken back; the desktops are still there", ctl_args_word(ctl->args, 0));
    return TRUE;
}

static gboolean
run_grants(Ctl *ctl, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    g_autofree char *path = id ? yd_path("pools", id, "entitlements") : NULL;
    return path && ctl_list(ctl, path, grant_columns, error);
}

static gboolean
handout(Ctl *ctl, const char *path, json_t *body, GError **error)
{
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
    if (!answer)
        return FALSE;
    g_autoptr(json_t) job = ctl_wait(ctl, answer, error);
    if (!job)
        return FALSE;
    if (ctl->json)
        ctl_print_json(job);
    else if (ctl_args_has(ctl->args, "no-wait"))
        g_print("pool %s: job %s\n", ctl_args_word(ctl->args, 0),
                json_string_value(json_object_get(job, "id")));
    else
        g_print("pool %s: handed out\n", ctl_args_word(ctl->args, 0));
    return TRUE;
}

static gboolean
run_handout(Ctl *ctl, GError **error)
{
    g_auto(Whom) whom = {0};
    if (!read_whom(ctl, &whom, error))
        return FALSE;
    g_autofree char *path = yd_path("pools", whom.pool, "handout");
    for (gsize i = 0; i < json_array_size(whom.departments); i++) {
        g_autoptr(json_t) body =
            json_pack("{s:O}", "department_id", json_array_get(whom.departments, i));
        if (!handout(ctl, path, body, error))
            return FALSE;
    }
    g_autoptr(json_t) body = json_pack("{s:O}", "user_ids", whom.users);
    return json_array_size(whom.users) == 0 || handout(ctl, path, body, error);
}

static gboolean
enable_one(Ctl *ctl, const json_t *pool, const char *name, GError **error)
{
    gboolean on = g_str_equal(ctl->args->command->verb, "enable");
    g_autoptr(json_t) body = json_pack("{s:b}", "enabled", on);
    g_autoptr(json_t) answer = ctl_patch(
        ctl, &ctl_noun_pool, json_string_value(json_object_get(pool, "id")), body, NULL, error);
    if (answer)
        g_print("pool %s: %s\n", name, on ? "enabled" : "disabled");
    return answer != NULL;
}

static gboolean
run_enable(Ctl *ctl, GError **error)
{
    return ctl_each(ctl, enable_one, error);
}

static const CtlCommand commands[] = {
    {"list", "", "list pools", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"show", "POOL…", "show all about pools", ctl_run_show, 1, CTL_MANY},
    {"add", "NAME --template T --network N", "make a pool", ctl_run_add, 1, 1, CTL_WAITS,
     add_options},
    {"edit", "POOL", "change a pool", ctl_run_edit, 1, 1, CTL_WAITS, edit_options},
    {"enable", "POOL…", "let people use it again", run_enable, 1, CTL_MANY},
    {"disable", "POOL…", "let nobody use it for now", run_enable, 1, CTL_MANY},
    {"grants", "POOL", "list to whom it is given", run_grants, 1, 1, CTL_LISTS | CTL_COLUMNS, NULL,
     NULL, grant_columns},
    {"grant", "POOL", "give it to departments or people", run_grant, 1, 1, 0, whom_options},
    {"revoke", "POOL", "take it away from departments or people", run_revoke, 1, 1, CTL_ASKS,
     whom_options},
    {"handout", "POOL", "make desktops beforehand", run_handout, 1, 1, CTL_WAITS, whom_options},
    {"delete", "POOL…", "delete pools without desktops", ctl_run_delete, 1, CTL_MANY,
     CTL_ASKS | CTL_WAITS},
    {0},
};

const CtlNoun ctl_noun_pool = {
    "pool", "pools", "pol", {"name"}, "desktops of one kind, and who gets them", columns, commands,
};
