// SPDX-License-Identifier: Apache-2.0
// deskctl host: the machines that desktops run on.
#include "base/error.h"
#include "deskctl/body.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

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

static const CtlOption drain_options[] = {
    {"parallel", CTL_INT, "N", "parallel", .help = "how many at a time, 1 to 8", .otherwise = "2"},
    {0}};
static const CtlOption balance_options[] = {
    {"apply", CTL_FLAG, .help = "move them"},
    {"spread", CTL_INT, "PERCENT", "spread", .help = "how far the use of two hosts may differ",
     .otherwise = "the setting balance_spread"},
    {"moves", CTL_INT, "N", "moves", .help = "how many at most, 1 to 64", .otherwise = "16"},
    {0}};
static const CtlOption fence_options[] = {
    {"confirmed", CTL_FLAG, .help = "you have seen that it is off"}, {0}};

// POST /hosts/{id}/verb; the answer, owned.
static json_t *
post(Ctl *ctl, const char *verb, json_t *body, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    g_autofree char *path = id ? yd_path("hosts", id, verb) : NULL;
    return path ? yd_rest_post(ctl->rest, path, body, error) : NULL;
}

// What a drain could not move is told beside the job's end.
static void
tell_stuck(Ctl *ctl, const char *job_id)
{
    g_autofree char *path = yd_path("jobs", job_id, NULL);
    g_autoptr(json_t) job = yd_rest_get(ctl->rest, path, NULL);
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(json_object_get(job, "result"), "stuck"), i, one)
    {
        g_autoptr(GError) why = g_error_new(YD_ERROR, YD_ERROR_STATE, "not moved: %s",
                                            json_string_value(json_object_get(one, "reason")));
        ctl_report(ctl, json_string_value(json_object_get(one, "desktop_name")), why);
    }
}

static gboolean
run_drain(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) body = json_object();
    const char *host = ctl_args_word(ctl->args, 0);
    g_autoptr(json_t) answer =
        ctl_body_fill(ctl, body, error) ? post(ctl, "drain", body, error) : NULL;
    g_autofree char *job_id = g_strdup(json_string_value(json_object_get(answer, "id")));
    if (!ctl_tell_job(ctl, answer, "host", host, "drained", error))
        return FALSE;
    tell_stuck(ctl, job_id);
    return TRUE;
}

static gboolean
run_fence(Ctl *ctl, GError **error)
{
    const char *host = ctl_args_word(ctl->args, 0);
    gboolean confirmed = ctl_args_has(ctl->args, "confirmed");
    g_autofree char *question = g_strdup_printf(
        confirmed ? "Is host %s off for sure? Its desktops start elsewhere, and two "
                    "machines on one disk destroy it"
                  : "Switch host %s off, and start its desktops elsewhere?",
        host);
    if (!ctl_ask(ctl, question, error))
        return FALSE;
    g_autoptr(json_t) body = json_pack("{s:b}", "confirmed", confirmed);
    g_autoptr(json_t) answer = post(ctl, "fence", body, error);
    return ctl_tell_job(ctl, answer, "host", host, "fenced", error);
}

// The answer's list of that name as a table, and then what it comes to; as JSON all of it.
static gboolean
print_outlook(Ctl *ctl, const json_t *answer, const char *list, const CtlColumn *shown,
              const char *summary, GError **error)
{
    if (!ctl->json && !ctl_print_items(ctl, json_object_get(answer, list), shown, error))
        return FALSE;
    if (ctl->json)
        ctl_print_json(answer);
    else
        g_print("%s\n", summary);
    return TRUE;
}

static const CtlColumn what_if_columns[] = {
    {"desktop_name", "DESKTOP"},
    {"host_name", "HOST"},
    {"placement.reason", "WHY"},
    {0},
};

static gboolean
run_what_if(Ctl *ctl, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    g_autofree char *path = id ? yd_path("hosts", id, "what-if") : NULL;
    g_autoptr(json_t) answer = path ? yd_rest_get(ctl->rest, path, error) : NULL;
    if (!answer)
        return FALSE;
    g_autofree char *summary = g_strdup_printf(
        "%d find another host, %d do not", (int)json_integer_value(json_object_get(answer, "fit")),
        (int)json_integer_value(json_object_get(answer, "left")));
    return print_outlook(ctl, answer, "desktops", what_if_columns, summary, error);
}

static const CtlColumn balance_columns[] = {
    {"desktop_name", "DESKTOP"},  {"from_name", "FROM"},    {"to_name", "TO"},
    {"memory_mib", "MEMORY MiB"}, {"sessions", "SESSIONS"}, {0},
};

// What would be moved, as a table.
static gboolean
show_balance(Ctl *ctl, GError **error)
{
    g_autoptr(GString) path = g_string_new("/balance");
    yd_path_query(path, "spread", ctl_args_get(ctl->args, "spread"));
    yd_path_query(path, "moves", ctl_args_get(ctl->args, "moves"));
    g_autoptr(json_t) answer = yd_rest_get(ctl->rest, path->str, error);
    if (!answer)
        return FALSE;
    g_autofree char *summary =
        g_strdup_printf("the fullest and the emptiest host are %d %% apart, and would be %d %%",
                        (int)json_integer_value(json_object_get(answer, "spread_before")),
                        (int)json_integer_value(json_object_get(answer, "spread_after")));
    return print_outlook(ctl, answer, "moves", balance_columns, summary, error);
}

static gboolean
run_balance(Ctl *ctl, GError **error)
{
    if (!ctl_args_has(ctl->args, "apply"))
        return show_balance(ctl, error);
    g_autoptr(json_t) body = json_object();
    g_autoptr(json_t) answer =
        ctl_body_fill(ctl, body, error) ? yd_rest_post(ctl->rest, "/balance", body, error) : NULL;
    g_autofree char *job_id = g_strdup(json_string_value(json_object_get(answer, "id")));
    if (!ctl_tell_job(ctl, answer, "hosts", "all", "balanced", error))
        return FALSE;
    tell_stuck(ctl, job_id);
    return TRUE;
}

static const CtlCommand commands[] = {
    {"list", "", "list hosts", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"show", "HOST…", "show all about hosts", ctl_run_show, 1, CTL_MANY},
    {"add", "NAME --uri URI", "add a host", ctl_run_add, 1, 1, CTL_WAITS, add_options},
    {"edit", "HOST", "change a host", ctl_run_edit, 1, 1, CTL_WAITS, edit_options},
    {"maintenance", "HOST on|off", "let no new desktops come to it", run_maintenance, 2, 2},
    {"drain", "HOST", "move what runs there to other hosts, and take no new desktops", run_drain, 1,
     1, CTL_WAITS, drain_options},
    {"fence", "HOST", "make sure that a host is off, and start its desktops elsewhere", run_fence,
     1, 1, CTL_ASKS | CTL_WAITS, fence_options},
    {"what-if", "HOST", "where its desktops would go if it died now", run_what_if, 1, 1,
     CTL_COLUMNS, NULL, NULL, what_if_columns},
    {"balance", "", "which desktops to move so that hosts are used alike; --apply moves them",
     run_balance, 0, 0, CTL_COLUMNS | CTL_WAITS, balance_options, NULL, balance_columns},
    {"remove", "HOST…", "remove hosts without desktops", ctl_run_delete, 1, CTL_MANY,
     CTL_ASKS | CTL_WAITS},
    {0},
};

const CtlNoun ctl_noun_host = {
    "host", "hosts", "hst", {"name"}, "machines that desktops run on", columns, commands,
};
