// SPDX-License-Identifier: Apache-2.0
// List, show, add, edit, delete and act for every noun of the table.
#include "deskctl/verbs.h"

#include <string.h>

#include "base/error.h"
#include "deskctl/body.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/text-width.h"
#include "rest/job.h"
#include "rest/path.h"

static const char *
text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

const CtlOption ctl_list_options[] = {
    {"department", CTL_TEXT, "DEPARTMENT", .help = "only what belongs to its people", .many = TRUE},
    {0},
};

const char *
ctl_name_of(const CtlNoun *noun, const json_t *object)
{
    const char *name = noun->keys[0] ? text_of(object, noun->keys[0]) : "";
    return *name ? name : text_of(object, "id");
}

static void
add_filters(Ctl *ctl, GString *path)
{
    const GPtrArray *filters = ctl_args_all(ctl->args, "filter");
    for (guint i = 0; filters && i < filters->len; i++) {
        const char *pair = g_ptr_array_index(filters, i);
        const char *equals = strchr(pair, '=');
        g_autofree char *key = g_strndup(pair, (gsize)(equals - pair));
        yd_path_query(path, key, equals + 1);
    }
    yd_path_query(path, "search", ctl_args_get(ctl->args, "search"));
}

// --department, for lists of people and of what is theirs.
static gboolean
add_departments(Ctl *ctl, GString *path, GError **error)
{
    if (!ctl_args_has(ctl->args, "department"))
        return TRUE;
    g_autoptr(json_t) ids = ctl_find_ids(ctl, &ctl_noun_department, "department", error);
    if (!ids)
        return FALSE;
    g_autoptr(GString) joined = g_string_new(NULL);
    for (gsize i = 0; i < json_array_size(ids); i++)
        g_string_append_printf(joined, "%s%s", i ? "," : "",
                               json_string_value(json_array_get(ids, i)));
    yd_path_query(path, "department_ids", joined->str);
    return TRUE;
}

static gboolean
list_sorted(Ctl *ctl, const char *path, const CtlColumn *columns, const char *usual, GError **error)
{
    const char *sort = ctl_args_get(ctl->args, "sort");
    g_autoptr(GString) full = g_string_new(path);
    add_filters(ctl, full);
    if (!add_departments(ctl, full, error))
        return FALSE;
    yd_path_query(full, "sort", sort ? sort : usual);
    guint limit = ctl_args_has(ctl->args, "all") ? 0 : (guint)ctl_args_int(ctl->args, "limit", 100);
    gboolean more = FALSE;
    g_autoptr(json_t) items = ctl_fetch(ctl, full->str, limit, &more, error);
    if (!items || !ctl_print_items(ctl, items, columns, error))
        return FALSE;
    if (json_array_size(items) == 0)
        ctl_note(ctl, "none");
    if (more)
        ctl_note(ctl, "(only the first %u; --all shows all)", limit);
    return TRUE;
}

gboolean
ctl_list(Ctl *ctl, const char *path, const CtlColumn *columns, GError **error)
{
    return list_sorted(ctl, path, columns, NULL, error);
}

gboolean
ctl_run_list(Ctl *ctl, GError **error)
{
    const CtlNoun *noun = ctl->args->noun;
    const CtlColumn *columns = ctl->args->command->columns;
    g_autofree char *path = g_strconcat("/", noun->plural, NULL);
    return list_sorted(ctl, path, columns ? columns : noun->columns, noun->sort, error);
}

gboolean
ctl_run_show(Ctl *ctl, GError **error)
{
    for (guint i = 0; i < ctl->args->words->len; i++) {
        g_autoptr(GError) why = NULL;
        g_autoptr(json_t) object =
            ctl_find(ctl, ctl->args->noun, ctl_args_word(ctl->args, i), &why);
        if (!object) {
            ctl_report(ctl, NULL, why);
            continue;
        }
        if (i && !ctl->json)
            g_print("\n");
        ctl_print_object(ctl, object);
    }
    return TRUE;
}

// What came of it: the object or its job as JSON, or one line.
static void
tell_done(Ctl *ctl, const json_t *answer, const json_t *job, const char *name, const char *done)
{
    g_autofree char *clean = ctl_clean(name);
    if (ctl->json)
        ctl_print_json(job ? job : answer);
    else if (job && ctl_args_has(ctl->args, "no-wait"))
        g_print("%s %s: job %s\n", ctl->args->noun->name, clean, text_of(job, "id"));
    else if (!ctl->quiet)
        g_print("%s %s: %s\n", ctl->args->noun->name, clean, done);
}

// Waits for the answer's job if there is one, then tells.
static gboolean
finish(Ctl *ctl, const json_t *answer, const char *name, const char *done, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(json_t) job = ctl_wait(ctl, answer, &why);
    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    tell_done(ctl, answer, job, name, done);
    return TRUE;
}

gboolean
ctl_run_add(Ctl *ctl, GError **error)
{
    const CtlNoun *noun = ctl->args->noun;
    const char *name = ctl_args_word(ctl->args, 0);
    g_autofree char *path = g_strconcat("/", noun->plural, NULL);
    g_autoptr(json_t) body = json_pack("{s:s}", noun->keys[0], name);
    if (!body)
        return yd_error_invalid(error, noun->keys[0], "the name is not UTF-8");
    if (!ctl_body_fill(ctl, body, error))
        return FALSE;
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
    if (!answer)
        return FALSE;
    g_autofree char *done = yd_answer_job(answer)
                                ? g_strdup("made")
                                : g_strdup_printf("made (%s)", text_of(answer, "id"));
    return finish(ctl, answer, name, done, error);
}

static json_t *
send(Ctl *ctl, const char *method, const char *path, const json_t *body, const char *if_match,
     GError **error)
{
    YdRestRequest request = {.method = method, .path = path, .body = body, .if_match = if_match};
    g_auto(YdRestAnswer) answer = {0};
    if (!yd_rest_send(ctl->rest, &request, &answer, error))
        return NULL;
    return answer.json ? json_incref(answer.json) : json_null();
}

json_t *
ctl_patch(Ctl *ctl, const CtlNoun *noun, const char *id, const json_t *body, const json_t *if_match,
          GError **error)
{
    g_autofree char *path = yd_path(noun->plural, id, NULL);
    g_autofree char *version =
        json_is_integer(if_match)
            ? g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(if_match))
            : NULL;
    return send(ctl, "PATCH", path, body, version, error);
}

// Members that are merged into what is there (CTL_PAIR) start from it.
static gboolean
seed_pair(const CtlOption *option, gpointer user_data)
{
    gpointer *args = user_data; // ctl, object, body
    Ctl *ctl = args[0];
    if (option->kind != CTL_PAIR || !option->field || !ctl_args_has(ctl->args, option->name))
        return FALSE;
    json_t *before = json_object_get(args[1], option->field);
    if (json_is_object(before))
        json_object_set(args[2], option->field, before);
    return FALSE;
}

gboolean
ctl_run_edit(Ctl *ctl, GError **error)
{
    const CtlNoun *noun = ctl->args->noun;
    g_autoptr(json_t) object = ctl_find(ctl, noun, ctl_args_word(ctl->args, 0), error);
    g_autoptr(json_t) body = json_object();
    if (!object)
        return FALSE;
    gpointer seed[] = {ctl, object, body};
    ctl_options_each(ctl->args->command, seed_pair, seed);
    gboolean merged = json_object_size(body) > 0;
    if (!ctl_body_fill(ctl, body, error))
        return FALSE;
    if (json_object_size(body) == 0) {
        g_set_error_literal(error, CTL_USAGE, 0, "nothing to change: give at least one option");
        return FALSE;
    }
    g_autoptr(json_t) answer = ctl_patch(ctl, noun, text_of(object, "id"), body,
                                         merged ? json_object_get(object, "version") : NULL, error);
    return answer && finish(ctl, answer, ctl_name_of(noun, object), "changed", error);
}

static char *
question(Ctl *ctl, const GPtrArray *names)
{
    const CtlArgs *args = ctl->args;
    g_autoptr(GString) list = g_string_new(NULL);
    for (guint i = 0; i < names->len && i < 10; i++)
        g_string_append_printf(list, "%s%s", i ? ", " : "", (char *)g_ptr_array_index(names, i));
    if (names->len > 10)
        g_string_append_printf(list, " and %u more", names->len - 10);
    g_autofree char *clean = ctl_clean(list->str);
    return g_strdup_printf("%s %s %s?", args->command->verb, args->noun->name, clean);
}

gboolean
ctl_each(Ctl *ctl, CtlEach func, GError **error)
{
    const CtlNoun *noun = ctl->args->noun;
    g_autoptr(json_t) objects = json_array();
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (guint i = 0; i < ctl->args->words->len; i++) {
        g_autoptr(GError) why = NULL;
        json_t *object = ctl_find(ctl, noun, ctl_args_word(ctl->args, i), &why);
        if (why)
            ctl_report(ctl, NULL, why);
        if (object) {
            json_array_append_new(objects, object);
            g_ptr_array_add(names, (gpointer)ctl_name_of(noun, object));
        }
    }
    g_autofree char *ask = question(ctl, names);
    if (names->len && (ctl->args->command->flags & CTL_ASKS) && !ctl_ask(ctl, ask, error))
        return FALSE;
    for (guint i = 0; i < names->len; i++) {
        g_autoptr(GError) why = NULL;
        const char *name = g_ptr_array_index(names, i);
        if (!func(ctl, json_array_get(objects, i), name, &why))
            ctl_report(ctl, names->len > 1 ? name : NULL, why);
    }
    return TRUE;
}

static gboolean
delete_one(Ctl *ctl, const json_t *object, const char *name, GError **error)
{
    g_autofree char *path = yd_path(ctl->args->noun->plural, text_of(object, "id"), NULL);
    g_autoptr(json_t) answer = send(ctl, "DELETE", path, NULL, NULL, error);
    return answer && finish(ctl, answer, name, "deleted", error);
}

gboolean
ctl_run_delete(Ctl *ctl, GError **error)
{
    return ctl_each(ctl, delete_one, error);
}

static gboolean
act_on(Ctl *ctl, const json_t *object, const char *name, GError **error)
{
    const CtlCommand *command = ctl->args->command;
    g_autofree char *path = yd_path(ctl->args->noun->plural, text_of(object, "id"), command->act);
    g_autoptr(json_t) body = json_object();
    if (!ctl_body_fill(ctl, body, error))
        return FALSE;
    const json_t *input = json_object_size(body) ? body : NULL;
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, input, error);
    g_autofree char *done = g_strdup_printf("%s done", command->verb);
    return answer && finish(ctl, answer, name, done, error);
}

gboolean
ctl_run_act(Ctl *ctl, GError **error)
{
    return ctl_each(ctl, act_on, error);
}
