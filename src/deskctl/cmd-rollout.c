// SPDX-License-Identifier: Apache-2.0
// deskctl rollout: bringing a new version of a template to the desktops of a pool, watching it and
// taking it back. A roll-out is named by its pool (then the newest one counts) or by its id.
#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "deskctl/nouns.h"
#include "deskctl/refs.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

#define WATCH_MS 1000

static const CtlColumn columns[] = {
    {"pool_name", "POOL"},
    {"from_number", "FROM", CTL_CELL_INT},
    {"to_number", "TO", CTL_CELL_INT},
    {"mode", "MODE"},
    {"state", "STATE"},
    {"moved", "MOVED", CTL_CELL_INT},
    {"total", "TOTAL", CTL_CELL_INT},
    {"failed", "FAILED", CTL_CELL_INT},
    {"kept", "KEPT", CTL_CELL_INT},
    {"created", "BEGUN", CTL_CELL_TIME},
    {"reason", "REASON"},
    {0},
};

static const CtlColumn desktop_columns[] = {
    {"desktop_name", "DESKTOP"}, {"username", "USER"},
    {"stage", "STAGE"},          {"state", "STATE"},
    {"desktop_state", "POWER"},  {"moved", "MOVED", CTL_CELL_TIME},
    {"error", "ERROR"},          {0},
};

static const CtlOption start_options[] = {
    {"to", CTL_INT, "N", .help = "the version's number; the newest ready one without"},
    {"share", CTL_TEXT, "PERCENT", .help = "so many of its desktops go first, for example 20%"},
    {"department", CTL_TEXT, "DEPARTMENT", .help = "its people go first"},
    {"user", CTL_TEXT, "USER", .help = "this person goes first", .many = TRUE},
    {"at-once", CTL_FLAG, .help = "everybody, without trying the version first"},
    {"session", CTL_CHOICE, "auto|required|off",
     .help = "a session of a probe account: where the guest can (auto), in any case, not at all"},
    {"seconds", CTL_INT, "N", .help = "how long a desktop may take until it is healthy (600)"},
    {"sample", CTL_INT, "N", .help = "so many of the first group must be healthy (3)"},
    {"keep-hours", CTL_INT, "N", .help = "old system disks are kept that long (24)"},
    {"replace-system-disks", CTL_FLAG,
     .help = "what people stored on system disks may be lost; needed where the pool has no "
             "personal disks"},
    {0},
};
static const CtlOption show_options[] = {
    {"watch", CTL_FLAG, .help = "tell each change until it is over, or pauses"},
    {0},
};

static const char *
text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));
    return value ? value : "";
}

static gint64
number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

// By its id, or the newest one of that pool; owned.
static json_t *
find(Ctl *ctl, const char *word, GError **error)
{
    if (yd_id_valid(word, "rol"))
        return ctl_find(ctl, ctl->args->noun, word, error);
    g_autofree char *pool = ctl_find_id(ctl, &ctl_noun_pool, word, error);
    if (!pool)
        return NULL;
    g_autofree char *path = g_strdup_printf("/rollouts?pool_id=%s&sort=-created", pool);
    g_autoptr(json_t) all = ctl_fetch(ctl, path, 1, NULL, error);
    if (all && json_array_size(all) == 0)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                    "nothing was rolled out to the pool '%s' (deskctl rollout start %s)", word,
                    word);
    return all && json_array_size(all) ? json_incref(json_array_get(all, 0)) : NULL;
}

// --- start ---

// The id of the version with that number, or of the newest ready one; owned.
static char *
find_version(Ctl *ctl, const json_t *pool, GError **error)
{
    gint64 wanted = ctl_args_int(ctl->args, "to", 0);
    const json_t *best = NULL;
    g_autofree char *path = yd_path("templates", text(pool, "template_id"), "versions");
    g_autoptr(json_t) all = ctl_fetch(ctl, path, 0, NULL, error);
    for (gsize i = 0; i < json_array_size(all); i++) {
        const json_t *one = json_array_get(all, i);
        gboolean ready = g_str_equal(text(one, "state"), "ready");
        if (wanted ? number(one, "number") == wanted
                   : ready && (!best || number(one, "number") > number(best, "number")))
            best = one;
    }
    if (all && !best)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                    "the template '%s' has no such version (deskctl template versions %s)",
                    text(pool, "template_name"), text(pool, "template_name"));
    return best ? g_strdup(text(best, "id")) : NULL;
}

static gboolean
read_share(Ctl *ctl, json_t *plan, GError **error)
{
    const char *given = ctl_args_get(ctl->args, "share");
    char *end = NULL;
    if (!given)
        return TRUE;
    gint64 share = g_ascii_strtoll(given, &end, 10);
    if (end == given || (*end && strcmp(end, "%") != 0) || share < 1 || share > 100) {
        g_set_error(error, CTL_USAGE, 0, "--share wants 1%% to 100%%, not '%s'", given);
        return FALSE;
    }
    json_object_set_new(plan, "share", json_integer(share));
    return TRUE;
}

static gboolean
read_first(Ctl *ctl, json_t *plan, GError **error)
{
    const char *department = ctl_args_get(ctl->args, "department");
    if (!read_share(ctl, plan, error))
        return FALSE;
    if (department) {
        g_autofree char *id = ctl_find_id(ctl, &ctl_noun_department, department, error);
        if (!id)
            return FALSE;
        json_object_set_new(plan, "department_id", json_string(id));
    }
    if (!ctl_args_has(ctl->args, "user"))
        return TRUE;
    json_t *ids = ctl_find_ids(ctl, &ctl_noun_user, "user", error);
    return ids && json_object_set_new(plan, "user_ids", ids) == 0;
}

static void
read_rest(Ctl *ctl, json_t *plan)
{
    static const struct {
        const char *option, *member;
    } numbers[] = {{"seconds", "seconds"}, {"sample", "sample"}, {"keep-hours", "keep_hours"}};
    for (gsize i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (ctl_args_has(ctl->args, numbers[i].option))
            json_object_set_new(plan, numbers[i].member,
                                json_integer(ctl_args_int(ctl->args, numbers[i].option, 0)));
    }
    if (ctl_args_has(ctl->args, "session"))
        json_object_set_new(plan, "session", json_string(ctl_args_get(ctl->args, "session")));
    if (ctl_args_has(ctl->args, "replace-system-disks"))
        json_object_set_new(plan, "replace_system_disks", json_true());
}

static void
tell(Ctl *ctl, const json_t *rollout)
{
    const char *reason = text(rollout, "reason");
    if (ctl->json)
        ctl_print_json(rollout);
    else
        g_print("pool %s: version %" G_GINT64_FORMAT " %s, %" G_GINT64_FORMAT
                " of %" G_GINT64_FORMAT " desktops have moved%s%s\n",
                text(rollout, "pool_name"), number(rollout, "to_number"), text(rollout, "state"),
                number(rollout, "moved"), number(rollout, "total"), *reason ? ": " : "", reason);
}

static gboolean
run_start(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) plan = json_object();
    g_autoptr(json_t) pool = ctl_find(ctl, &ctl_noun_pool, ctl_args_word(ctl->args, 0), error);
    g_autofree char *version = pool ? find_version(ctl, pool, error) : NULL;
    if (!version || !read_first(ctl, plan, error))
        return FALSE;
    read_rest(ctl, plan);
    g_autoptr(json_t) body = json_pack("{s:s, s:O}", "version_id", version, "plan", plan);
    if (ctl_args_has(ctl->args, "at-once"))
        json_object_set_new(body, "mode", json_string("newest"));
    g_autofree char *path = yd_path("pools", text(pool, "id"), "rollouts");
    g_autoptr(json_t) rollout = yd_rest_post(ctl->rest, path, body, error);
    if (rollout)
        tell(ctl, rollout);
    return rollout != NULL;
}

// --- show ---

static gboolean
is_over(const json_t *rollout)
{
    static const char *const over[] = {"done", "rolled-back", "failed", "paused", NULL};
    return g_strv_contains(over, text(rollout, "state"));
}

static gboolean
watch(Ctl *ctl, const char *id, GError **error)
{
    g_autofree char *path = yd_path("rollouts", id, NULL);
    g_autofree char *before = NULL;
    for (;;) {
        g_autoptr(json_t) rollout = yd_rest_get(ctl->rest, path, error);
        if (!rollout)
            return FALSE;
        g_autofree char *now =
            g_strdup_printf("%s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT, text(rollout, "state"),
                            number(rollout, "moved"), number(rollout, "healthy"));
        if (g_strcmp0(now, before) != 0)
            tell(ctl, rollout);
        if (is_over(rollout))
            return TRUE;
        g_free(before);
        before = g_steal_pointer(&now);
        g_usleep(WATCH_MS * 1000);
    }
}

static gboolean
run_show(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) rollout = find(ctl, ctl_args_word(ctl->args, 0), error);
    if (!rollout)
        return FALSE;
    if (ctl_args_has(ctl->args, "watch"))
        return watch(ctl, text(rollout, "id"), error);
    g_autofree char *path = yd_path("rollouts", text(rollout, "id"), "desktops");
    g_autoptr(json_t) desktops = ctl_fetch(ctl, path, 0, NULL, error);
    if (!desktops)
        return FALSE;
    if (ctl->json) {
        json_object_set(rollout, "desktops", desktops);
        ctl_print_json(rollout);
        return TRUE;
    }
    ctl_print_object(ctl, rollout);
    g_print("\n");
    return ctl_print_items(ctl, desktops, desktop_columns, error);
}

// --- pause, resume, back ---

static gboolean
run_act(Ctl *ctl, GError **error)
{
    const CtlCommand *command = ctl->args->command;
    g_autoptr(json_t) rollout = find(ctl, ctl_args_word(ctl->args, 0), error);
    if (!rollout)
        return FALSE;
    if ((command->flags & CTL_ASKS) &&
        !ctl_ask(ctl, "give those that moved their old system disks back?", error))
        return FALSE;
    g_autofree char *path = yd_path("rollouts", text(rollout, "id"), command->act);
    g_autoptr(json_t) now = yd_rest_post(ctl->rest, path, NULL, error);
    if (now)
        tell(ctl, now);
    return now != NULL;
}

static const CtlCommand commands[] = {
    {"list", "", "list roll-outs", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"start", "POOL", "bring a version to the pool's desktops", run_start, 1, 1, 0, start_options},
    {"show", "POOL", "show how far it is, and each desktop", run_show, 1, 1, 0, show_options, NULL,
     desktop_columns},
    {"pause", "POOL", "let nobody move for now", run_act, 1, 1, 0, NULL, "pause"},
    {"resume", "POOL", "go on", run_act, 1, 1, 0, NULL, "resume"},
    {"back", "POOL", "give those that moved their old system disks back", run_act, 1, 1, CTL_ASKS,
     NULL, "back"},
    {0},
};

const CtlNoun ctl_noun_rollout = {
    "rollout", "rollouts", "rol",      {"id"}, "new versions on their way to desktops",
    columns,   commands,   "-created",
};
