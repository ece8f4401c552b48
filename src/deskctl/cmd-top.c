// SPDX-License-Identifier: Apache-2.0
// The commands without a noun: log-in, the server as a whole, and help.
#include <string.h>

#include "base/error.h"
#include "deskctl/help.h"
#include "deskctl/nouns.h"
#include "deskctl/password.h"
#include "deskctl/progress.h"
#include "deskctl/text-width.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

#define RETRY_US G_USEC_PER_SEC // between two tries to hear events again

static const CtlColumn whoami_columns[] = {
    {"username", "Username"},
    {"name", "Name"},
    {"role", "Role"},
    {"department_names", "Departments"},
    {"last_login", "Last log-in", CTL_CELL_TIME},
    {0},
};

static gboolean
run_whoami(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) me = yd_rest_get(ctl->rest, "/me", error);
    if (!me)
        return FALSE;
    if (ctl->json) {
        ctl_print_json(me);
        return TRUE;
    }
    g_print("%-20s%s\n%-20s%s\n", "Server", ctl->profile->url, "Profile", ctl->profile->name);
    for (const CtlColumn *column = whoami_columns; column->name; column++) {
        g_autofree char *value = ctl_cell(me, column);
        g_print("%-20s%s\n", column->title, value);
    }
    return TRUE;
}

// {"all":3,"ready":2} → "3 (ready 2)"; owned.
static char *
counts_text(const json_t *counts)
{
    GString *out = g_string_new(NULL);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)counts, name, value)
    {
        if (g_str_equal(name, "all") || json_integer_value(value) == 0)
            continue;
        g_string_append_printf(out, "%s%s %d", out->len ? ", " : "", *name ? name : "other",
                               (int)json_integer_value(value));
    }
    g_autofree char *parts = g_string_free(out, FALSE);
    return g_strdup_printf("%d%s%s%s", (int)json_integer_value(json_object_get(counts, "all")),
                           *parts ? " (" : "", parts, *parts ? ")" : "");
}

static const CtlColumn activity_columns[] = {
    {"time", "FROM", CTL_CELL_TIME},
    {"starts", "STARTS", CTL_CELL_INT},
    {"failures", "FAILED JOBS", CTL_CELL_INT},
    {"people", "PEOPLE", CTL_CELL_INT},
    {0},
};

static gboolean
print_activity(Ctl *ctl, const char *hours, GError **error)
{
    g_autoptr(GString) path = g_string_new("/overview/activity");
    yd_path_query(path, "hours", hours);
    g_autoptr(json_t) activity = yd_rest_get(ctl->rest, path->str, error);
    if (!activity)
        return FALSE;
    if (ctl->json) {
        ctl_print_json(activity);
        return TRUE;
    }
    return ctl_print_items(ctl, json_object_get(activity, "items"), activity_columns, error);
}

static gboolean
run_overview(Ctl *ctl, GError **error)
{
    if (ctl_args_has(ctl->args, "hours"))
        return print_activity(ctl, ctl_args_get(ctl->args, "hours"), error);
    g_autoptr(json_t) overview = yd_rest_get(ctl->rest, "/overview", error);
    if (!overview)
        return FALSE;
    if (ctl->json) {
        ctl_print_json(overview);
        return TRUE;
    }
    const char *name;
    json_t *value;
    json_object_foreach(overview, name, value)
    {
        CtlColumn column = {name, name, CTL_CELL_TEXT};
        g_autofree char *text =
            json_is_object(value) ? counts_text(value) : ctl_cell(overview, &column);
        g_print("%-14s%s\n", name, text);
    }
    return TRUE;
}

static const CtlColumn check_columns[] = {
    {"mark", "OK"}, {"check", "CHECK"}, {"ms", "MS", CTL_CELL_INT}, {"message", "FOUND"}, {0},
};

// What failed, in full, and what to do about it.
static void
print_fault(const json_t *check)
{
    static const CtlColumn name = {"check", ""}, message = {"message", ""}, advice = {"advice", ""};
    g_autofree char *who = ctl_cell(check, &name);
    g_autofree char *found = ctl_cell(check, &message);
    g_autofree char *what = ctl_cell(check, &advice);
    g_print("\n%s: %s\n  → %s\n", who, found, what);
}

static gboolean
print_checks(Ctl *ctl, const json_t *checks, GError **error)
{
    guint failed = 0;
    g_autoptr(json_t) items = json_deep_copy(checks);
    for (gsize i = 0; i < json_array_size(items); i++) {
        json_t *check = json_array_get(items, i);
        const json_t *ok = json_object_get(check, "ok");
        failed += json_is_false(ok);
        const char *mark = json_is_true(ok) ? "yes" : json_is_false(ok) ? "NO" : "skipped";
        json_object_set_new(check, "mark", json_string(mark));
    }
    if (!ctl_print_items(ctl, items, check_columns, error))
        return FALSE;
    for (gsize i = 0; i < json_array_size(items) && !ctl->json; i++) {
        if (json_is_false(json_object_get(json_array_get(items, i), "ok")))
            print_fault(json_array_get(items, i));
    }
    if (failed) {
        ctl_note(ctl, "%u of the checks failed", failed);
        ctl->exit_code = 1;
    }
    return TRUE;
}

static gboolean
run_doctor(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) body = json_object();
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, "/doctor", body, error);
    if (!answer)
        return FALSE;
    g_autoptr(json_t) job = ctl_wait(ctl, answer, error);
    if (!job)
        return FALSE;
    const json_t *result = json_object_get(job, "result");
    const json_t *checks = json_is_array(result) ? result : json_object_get(result, "checks");
    if (checks)
        return print_checks(ctl, checks, error);
    if (ctl->json)
        ctl_print_json(job);
    else
        g_print("doctor: job %s\n", json_string_value(json_object_get(job, "id")));
    return TRUE;
}

typedef struct {
    gboolean json;
    char *last; // id of the last event, to go on from
} Events;

static void
print_event(const char *id, const char *type, const char *data, gpointer user_data)
{
    Events *events = user_data;
    g_autofree char *clean = ctl_clean(data);
    if (events->json)
        g_print("%s\n", data);
    else
        g_print("%s %s %s\n", id, type, clean);
    g_free(events->last);
    events->last = g_strdup(id);
}

static gboolean
run_events(Ctl *ctl, GError **error)
{
    Events events = {.json = ctl->json, .last = g_strdup(ctl_args_get(ctl->args, "since"))};
    gboolean was_there = FALSE;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (;;) {
        g_autoptr(GError) cause = NULL;
        g_autofree char *since = g_strdup(events.last);
        gboolean ended = yd_rest_events(ctl->rest, since, print_event, &events, NULL, &cause);
        gboolean heard = ended || g_strcmp0(since, events.last) != 0;
        was_there = was_there || heard;
        // A server that was there may come back; the rest is for a person to mend.
        if (!ended && (!was_there || yd_rest_refused(ctl->rest, NULL) ||
                       !g_error_matches(cause, YD_ERROR, YD_ERROR_UNAVAILABLE))) {
            g_free(events.last);
            g_propagate_error(error, g_steal_pointer(&cause));
            return FALSE;
        }
        if (heard)
            g_printerr("the stream of events was cut, trying again\n");
        g_usleep(RETRY_US);
    }
}

static gboolean
run_ca(Ctl *ctl, GError **error)
{
    const char *out = ctl_args_get(ctl->args, "out");
    YdRestRequest request = {.method = "GET", .path = "/ca"};
    g_auto(YdRestAnswer) answer = {0};
    return yd_rest_send(ctl->rest, &request, &answer, error) &&
           ctl_write_file(out ? out : "-", g_bytes_get_data(answer.bytes, NULL),
                          g_bytes_get_size(answer.bytes), error);
}

static gboolean
run_completion(Ctl *ctl, GError **error)
{
    const char *shell = ctl_args_word(ctl->args, 0);
    g_autofree char *script = ctl_completion(shell);
    if (!script) {
        g_set_error(error, CTL_USAGE, 0, "there is completion for bash and zsh, not for '%s'",
                    shell);
        return FALSE;
    }
    g_print("%s", script);
    return TRUE;
}

static gboolean
run_help(Ctl *ctl, GError **error)
{
    const char *first = ctl_args_word(ctl->args, 0), *second = ctl_args_word(ctl->args, 1);
    if (ctl_args_has(ctl->args, "manual")) {
        g_autofree char *manual = ctl_manual();
        g_print("%s", manual);
        return TRUE;
    }
    // "help NOUN VERB" is "NOUN VERB --help", and so are its errors.
    const char *line[] = {first, second ? second : "--help", second ? "--help" : NULL, NULL};
    g_autoptr(CtlArgs) args =
        ctl_args_parse(first ? line : (const char *const[]){"--help", NULL}, error);
    if (!args)
        return FALSE;
    g_autofree char *text = ctl_help(args->noun, args->command);
    g_print("%s", text);
    return TRUE;
}

static const CtlOption login_options[] = {
    {"username", CTL_TEXT, "NAME", .help = "who you are", .letter = 'u'},
    {"password-stdin", CTL_FLAG, .help = "read the password from standard input"},
    {"new-password-stdin", CTL_FLAG, .help = "and, where it must be changed, a new one after it"},
    {"ca", CTL_TEXT, "FILE", .help = "trust the server by this CA certificate"},
    {"fingerprint", CTL_TEXT, "HEX", .help = "trust exactly this certificate (SHA-256)"},
    {0},
};
static const CtlOption password_options[] = {
    {"password-stdin", CTL_FLAG, .help = "read two lines from standard input: old and new"}, {0}};
static const CtlOption overview_options[] = {
    {"hours", CTL_INT, "N",
     .help = "starts, failed jobs and people at their desktops over the last N hours (1 to 336)"},
    {0},
};
static const CtlOption events_options[] = {
    {"since", CTL_TEXT, "ID", .help = "go on after that event"}, {0}};
static const CtlOption ca_options[] = {{"out", CTL_TEXT, "FILE", .help = "write it there"}, {0}};
static const CtlOption help_options[] = {
    {"manual", CTL_FLAG, .help = "print the source of the manual page"}, {0}};

static const CtlCommand commands[] = {
    {"login", "[https://SERVER]", "log in and keep the log-in in a profile", ctl_run_login, 0, 1,
     CTL_LOCAL, login_options},
    {"logout", "", "end the log-in", ctl_run_logout, 0, 0},
    {"whoami", "", "show who is logged in, and where", run_whoami, 0, 0},
    {"password", "", "change your password", ctl_run_password, 0, 0, 0, password_options},
    {"overview", "", "show the whole system in a few lines", run_overview, 0, 0, 0,
     overview_options},
    {"doctor", "", "walk the whole path to a desktop and name what is broken", run_doctor, 0, 0,
     CTL_WAITS | CTL_COLUMNS, NULL, NULL, check_columns},
    {"events", "", "print what changes, as it changes", run_events, 0, 0, 0, events_options},
    {"ca", "", "print the certificate of the product's CA, for clients that shall trust desktops",
     run_ca, 0, 0, 0, ca_options},
    {"completion", "bash|zsh", "print a completion script", run_completion, 1, 1, CTL_LOCAL},
    {"help", "[NOUN [VERB]]", "explain", run_help, 0, 2, CTL_LOCAL, help_options},
    {0},
};

const CtlNoun ctl_noun_top = {
    "", NULL, NULL, {NULL}, "commands without a noun", whoami_columns, commands,
};

static const CtlColumn settings_columns[] = {
    {"name", "NAME"},
    {"value", "VALUE", CTL_CELL_INT},
    {"unit", "UNIT"},
    {"default", "DEFAULT", CTL_CELL_INT},
    {"min", "LEAST", CTL_CELL_INT},
    {"max", "MOST", CTL_CELL_INT},
    {"what", "WHAT IT IS"},
    {0},
};

// {"lock_after":{"value":10,…}} as a list of rows.
static gboolean
print_settings(Ctl *ctl, const json_t *settings, GError **error)
{
    if (ctl->json) {
        ctl_print_json(settings);
        return TRUE;
    }
    g_autoptr(json_t) items = json_array();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)settings, name, value)
    {
        json_t *row = json_is_object(value) ? json_copy(value) : json_pack("{s:O}", "value", value);
        json_object_set_new(row, "name", json_string(name));
        json_array_append_new(items, row);
    }
    return ctl_print_items(ctl, items, settings_columns, error);
}

static gboolean
run_settings_show(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) settings = yd_rest_get(ctl->rest, "/settings", error);
    return settings && print_settings(ctl, settings, error);
}

static gboolean
run_settings_set(Ctl *ctl, GError **error)
{
    g_autoptr(json_t) body = json_object();
    for (guint i = 0; i < ctl->args->words->len; i++) {
        const char *pair = ctl_args_word(ctl->args, i);
        if (!strchr(pair, '=') || *pair == '=') {
            g_set_error(error, CTL_USAGE, 0, "'%s' is not NAME=VALUE", pair);
            return FALSE;
        }
        ctl_pair_set(body, pair);
    }
    YdRestRequest request = {.method = "PATCH", .path = "/settings", .body = body};
    g_auto(YdRestAnswer) answer = {0};
    return yd_rest_send(ctl->rest, &request, &answer, error) &&
           print_settings(ctl, answer.json, error);
}

static const CtlCommand settings_commands[] = {
    {"show", "", "show all settings", run_settings_show, 0, 0, CTL_COLUMNS},
    {"set", "NAME=VALUE…", "change settings; null goes back to the default", run_settings_set, 1,
     CTL_MANY, CTL_COLUMNS},
    {0},
};

const CtlNoun ctl_noun_settings = {
    "settings",       "settings",        "set", {NULL}, "limits that count at run time",
    settings_columns, settings_commands,
};
