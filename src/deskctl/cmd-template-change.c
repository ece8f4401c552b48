// SPDX-License-Identifier: Apache-2.0
// deskctl template change, publish, keep, discard …: a template is changed on workbenches, of which
// it may have several; --workbench says which.
#include "deskctl/cmd-template-change.h"

#include <string.h>

#include "base/error.h"
#include "deskctl/body.h"
#include "deskctl/connect.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

#define WORKBENCH                                                                                  \
    {                                                                                              \
        "workbench", CTL_TEXT, "NAME", .help = "which, where there are several"                    \
    }

const CtlOption ctl_change_options[] = {
    {"network", CTL_REF, "NETWORK", "network_id", &ctl_noun_network,
     "without: a pool's, or the only one"},
    {"memory", CTL_MIB, "SIZE", "memory_mib", .help = "while it is changed; without: as a pool's"},
    {"cpus", CTL_INT, "N", "vcpus", .help = "while it is changed; without: as a pool's"},
    {"disk", CTL_GIB, "SIZE", "disk_gib", .help = "a larger disk, from this version on"},
    {"open", CTL_FLAG, .help = "show its screen in remote-viewer"},
    {0},
};
const CtlOption ctl_publish_options[] = {
    WORKBENCH,
    {"notes", CTL_TEXT, "TEXT", "notes", .help = "what is new in this version"},
    {"shutdown", CTL_FLAG, .help = "ask its system to shut down first"},
    {"force", CTL_FLAG, .help = "although the agent never answered; without a trial boot"},
    {0},
};
const CtlOption ctl_workbench_options[] = {WORKBENCH, {0}};
const CtlOption ctl_note_options[] = {
    {"notes", CTL_TEXT, "TEXT", "notes", .help = "what is new in this version; \"\" for nothing"},
    {0},
};

const CtlColumn ctl_workbench_columns[] = {
    {"name", "NAME"},
    {"state", "STATE"},
    {"template_number", "ON VERSION", CTL_CELL_INT},
    {"ip", "ADDRESS"},
    {"disk_bytes", "TAKES", CTL_CELL_BYTES},
    {"created", "OPENED", CTL_CELL_TIME},
    {0},
};

const CtlColumn ctl_user_columns[] = {
    {"kind", "KIND"}, {"name", "NAME"}, {"state", "STATE"}, {"username", "PERSON"}, {0},
};

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static const char *
word(Ctl *ctl)
{
    return ctl_args_word(ctl->args, 0);
}

// --- opening ---

gboolean
ctl_check_open(Ctl *ctl, GError **error)
{
    if (!ctl_args_has(ctl->args, "open") || !ctl_args_has(ctl->args, "no-wait"))
        return TRUE;
    g_set_error_literal(error, CTL_USAGE, 0, "--open and --no-wait contradict each other");
    return FALSE;
}

gboolean
ctl_tell_workbench(Ctl *ctl, const json_t *answer, const char *done, GError **error)
{
    if (!ctl_tell_job(ctl, answer, "template", word(ctl), done, error))
        return FALSE;
    return !ctl_args_has(ctl->args, "open") ||
           ctl_open_screen(ctl, text_of(answer, "object_id"), error);
}

gboolean
ctl_run_template_change(Ctl *ctl, GError **error)
{
    const char *colon = strrchr(word(ctl), ':');
    g_autofree char *name = colon ? g_strndup(word(ctl), (gsize)(colon - word(ctl))) : NULL;
    g_autoptr(json_t) body = json_object();
    if (!ctl_check_open(ctl, error) || !ctl_body_fill(ctl, body, error))
        return FALSE;
    if (colon) {
        g_autofree char *version = ctl_find_version(ctl, word(ctl), error);
        if (!version)
            return FALSE;
        json_object_set_new(body, "version_id", json_string(version));
    }
    g_autofree char *id = ctl_find_id(ctl, &ctl_noun_template, name ? name : word(ctl), error);
    if (!id)
        return FALSE;
    g_autofree char *path = yd_path("templates", id, "workbenches");
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
    if (!answer)
        return FALSE;
    g_autofree char *done =
        g_strdup_printf("workbench %s runs; change its system on its screen (console, Templates), "
                        "then deskctl template publish %s",
                        text_of(answer, "object_name"), name ? name : word(ctl));
    return ctl_tell_workbench(ctl, answer, done, error);
}

// --- which one ---

static json_t *
workbenches(Ctl *ctl, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, &ctl_noun_template, word(ctl), error);
    if (!id)
        return NULL;
    g_autofree char *path = g_strdup_printf("/desktops?template_id=%s", id);
    return ctl_fetch(ctl, path, 0, NULL, error);
}

static gboolean
is_meant(const json_t *bench, const char *wanted)
{
    return !wanted || strcmp(text_of(bench, "name"), wanted) == 0 ||
           strcmp(text_of(bench, "id"), wanted) == 0;
}

// The workbench that the command is about, borrowed from all.
static const json_t *
choose(Ctl *ctl, const json_t *all, GError **error)
{
    const char *wanted = ctl_args_get(ctl->args, "workbench");
    const json_t *found = NULL;
    g_autoptr(GString) names = g_string_new(NULL);
    guint n = 0;
    for (gsize i = 0; i < json_array_size(all); i++) {
        const json_t *bench = json_array_get(all, i);
        g_string_append_printf(names, "%s%s", i ? ", " : "", text_of(bench, "name"));
        if (is_meant(bench, wanted)) {
            found = bench;
            n++;
        }
    }
    if (n == 1)
        return found;
    if (names->len == 0)
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "template %s has no workbench; open one: deskctl template change %s", word(ctl),
                    word(ctl));
    else
        g_set_error(error, YD_ERROR, n ? YD_ERROR_INVALID : YD_ERROR_NOT_FOUND,
                    "%s%s; say --workbench NAME: %s",
                    n ? "template has several workbenches: " : "there is no such workbench of ",
                    word(ctl), names->str);
    return NULL;
}

gboolean
ctl_run_template_workbenches(Ctl *ctl, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, &ctl_noun_template, word(ctl), error);
    g_autofree char *path = id ? g_strdup_printf("/desktops?template_id=%s", id) : NULL;
    return path && ctl_list(ctl, path, ctl_workbench_columns, error);
}

// POST to the workbench as a desktop.
static gboolean
power(Ctl *ctl, const char *act, const char *done, GError **error)
{
    g_autoptr(json_t) all = workbenches(ctl, error);
    const json_t *bench = all ? choose(ctl, all, error) : NULL;
    if (!bench)
        return FALSE;
    g_autofree char *path = yd_path("desktops", text_of(bench, "id"), act);
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, NULL, error);
    return ctl_tell_job(ctl, answer, "workbench", text_of(bench, "name"), done, error);
}

gboolean
ctl_run_template_keep(Ctl *ctl, GError **error)
{
    return power(ctl, "shutdown", "off; its disk is kept (deskctl template resume)", error);
}

gboolean
ctl_run_template_resume(Ctl *ctl, GError **error)
{
    return power(ctl, "start", "runs", error);
}

gboolean
ctl_run_template_discard(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) all = workbenches(ctl, error);
    const json_t *bench = all ? choose(ctl, all, error) : NULL;
    if (!bench)
        return FALSE;
    g_autofree char *ask = g_strdup_printf(
        "discard the workbench %s with all that was changed on it?", text_of(bench, "name"));
    if (!ctl_ask(ctl, ask, error))
        return FALSE;
    g_autofree char *path = yd_path("desktops", text_of(bench, "id"), NULL);
    YdRestRequest request = {.method = "DELETE", .path = path};
    g_auto(YdRestAnswer) answer = {0};
    return yd_rest_send(ctl->rest, &request, &answer, error) &&
           ctl_tell_job(ctl, answer.json, "template", word(ctl), "discarded", error);
}

// --- publishing ---

// Somebody else published meanwhile: what is in there is not in this one.
static void
warn_of_newer(Ctl *ctl, const json_t *version)
{
    gint64 number = json_integer_value(json_object_get(version, "number"));
    gint64 parent = json_integer_value(json_object_get(version, "parent_number"));
    if (parent && number > parent + 1)
        ctl_note(ctl,
                 "version %" G_GINT64_FORMAT " was made from version %" G_GINT64_FORMAT
                 ": what versions between them changed is not in it",
                 number, parent);
}

// Follows the check that comes after the sealing, and tells its end.
static gboolean
follow_check(Ctl *ctl, const json_t *sealed, GError **error)
{
    const json_t *result = json_object_get(sealed, "result");
    const char *check = text_of(result, "check_job");
    g_autoptr(json_t) job = ctl_follow(ctl, check, error);
    if (!job) {
        g_prefix_error(error, "the version was made, but failed its check: ");
        return FALSE;
    }
    g_autofree char *path = yd_path("template-versions", text_of(job, "object_id"), NULL);
    g_autoptr(json_t) version = yd_rest_get(ctl->rest, path, error);
    if (!version)
        return FALSE;
    warn_of_newer(ctl, version);
    if (ctl->json)
        ctl_print_json(version);
    else
        g_print("template %s: version %" JSON_INTEGER_FORMAT " is ready, pools may use it\n",
                word(ctl), json_integer_value(json_object_get(version, "number")));
    return TRUE;
}

gboolean
ctl_run_template_publish(Ctl *ctl, GError **error)
{
    static const char *const flags[] = {"shutdown", "force"};
    g_autoptr(json_t) all = workbenches(ctl, error);
    const json_t *bench = all ? choose(ctl, all, error) : NULL;
    g_autoptr(json_t) body = json_object();
    if (!bench || !ctl_body_fill(ctl, body, error))
        return FALSE;
    for (gsize i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (ctl_args_has(ctl->args, flags[i]))
            json_object_set_new(body, flags[i], json_true());
    }
    g_autofree char *path = yd_path("workbenches", text_of(bench, "id"), "finish");
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
    if (!answer)
        return FALSE;
    if (ctl_args_has(ctl->args, "no-wait"))
        return ctl_tell_job(ctl, answer, "template", word(ctl), "", error);
    g_autoptr(json_t) sealed = ctl_wait(ctl, answer, error);
    return sealed && follow_check(ctl, sealed, error);
}

// --- versions ---

// The version that the first word names by its number; owned.
static char *
version_of(Ctl *ctl, GError **error)
{
    if (strchr(word(ctl), ':') || g_str_has_prefix(word(ctl), "tpv-"))
        return ctl_find_version(ctl, word(ctl), error);
    g_set_error(error, CTL_USAGE, 0, "say which version: %s:NUMBER", word(ctl));
    return NULL;
}

gboolean
ctl_run_template_version_act(Ctl *ctl, GError **error)
{
    const char *verb = ctl->args->command->verb;
    g_autofree char *id = version_of(ctl, error);
    g_autofree char *path = id ? yd_path("template-versions", id, verb) : NULL;
    g_autofree char *done = g_strdup_printf("%s done", verb);
    g_autoptr(json_t) answer = path ? yd_rest_post(ctl->rest, path, NULL, error) : NULL;
    return ctl_tell_job(ctl, answer, "template version", word(ctl), done, error);
}

gboolean
ctl_run_template_note(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) body = json_object();
    g_autofree char *id = version_of(ctl, error);
    if (!id || !ctl_body_fill(ctl, body, error))
        return FALSE;
    if (json_object_size(body) == 0) {
        g_set_error_literal(error, CTL_USAGE, 0, "say --notes TEXT");
        return FALSE;
    }
    g_autofree char *path = yd_path("template-versions", id, NULL);
    YdRestRequest request = {.method = "PATCH", .path = path, .body = body};
    g_auto(YdRestAnswer) answer = {0};
    if (!yd_rest_send(ctl->rest, &request, &answer, error))
        return FALSE;
    g_print("template version %s: noted\n", word(ctl));
    return TRUE;
}

// All items of the list, each with its kind, appended to users.
static gboolean
add_users(Ctl *ctl, json_t *users, const char *version_id, const char *plural, GError **error)
{
    g_autofree char *path = g_strdup_printf("/%s?template_version_id=%s", plural, version_id);
    g_autoptr(json_t) items = ctl_fetch(ctl, path, 0, NULL, error);
    for (gsize i = 0; items && i < json_array_size(items); i++) {
        json_t *item = json_array_get(items, i);
        gboolean pool = strcmp(plural, "pools") == 0;
        const char *kind = pool ? "pool" : *text_of(item, "template_id") ? "workbench" : "desktop";
        json_object_set_new(item, "kind", json_string(kind));
        json_array_append(users, item);
    }
    return items != NULL;
}

gboolean
ctl_run_template_users(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) users = json_array();
    g_autofree char *id = version_of(ctl, error);
    if (!id || !add_users(ctl, users, id, "pools", error) ||
        !add_users(ctl, users, id, "desktops", error) ||
        !ctl_print_items(ctl, users, ctl_user_columns, error))
        return FALSE;
    if (json_array_size(users) == 0)
        ctl_note(ctl, "nobody uses it");
    return TRUE;
}
