// SPDX-License-Identifier: Apache-2.0
// deskctl user: people, their passwords, CSV in and out.
#include <gio/gunixinputstream.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "deskctl/body.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/text-width.h"
#include "deskctl/verbs.h"
#include "deskctl/xlsx.h"
#include "deskctl/zip-part.h"
#include "rest/path.h"

static const CtlColumn columns[] = {
    {"username", "USERNAME"},
    {"name", "NAME"},
    {"number", "NUMBER"},
    {"role", "ROLE"},
    {"department_names", "DEPARTMENTS"},
    {"enabled", "ENABLED", CTL_CELL_BOOL},
    {"last_login", "LAST LOG-IN", CTL_CELL_TIME},
    {"open_sessions", "SESSIONS", CTL_CELL_INT},
    {"disk_bytes", "TAKES", CTL_CELL_BYTES},
    {0},
};

#define FIELDS                                                                                     \
    {"name", CTL_TEXT, "NAME", "name", .help = "the person's name"},                               \
        {"number", CTL_TEXT, "NUMBER", "number", .help = "staff number"},                          \
        {"email", CTL_TEXT, "EMAIL", "email", .help = "mail address"},                             \
        {"role", CTL_CHOICE, "admin|manager|user", "role", .help = "what they may do"},            \
    {                                                                                              \
        "language", CTL_CHOICE, "en|zh-CN", "language", .help = "language of what they see"        \
    }

static const CtlOption add_options[] = {
    FIELDS,
    {"department", CTL_TEXT, "DEPARTMENT", .help = "make them a member of it", .many = TRUE},
    {"password-stdin", CTL_FLAG, .help = "read a first password from standard input"},
    {"no-password", CTL_FLAG, .help = "no one-time password: they can't log in yet"},
    {0},
};
static const CtlOption edit_options[] = {FIELDS, {0}};
static const CtlOption import_options[] = {
    {"dry-run", CTL_FLAG, .help = "check everything, change nothing"},
    {"partial", CTL_FLAG, .help = "take the good lines even if others are wrong"},
    {"passwords", CTL_FLAG, .help = "make one-time passwords for lines without one"},
    {"sheet", CTL_TEXT, "SHEET", .help = "of an .xlsx file; else its first visible one"},
    {0},
};
static const CtlOption export_options[] = {
    {"out", CTL_TEXT, "FILE", .help = "write there (mode 0600) instead of printing"},
    {0},
};

static gboolean
join_departments(Ctl *ctl, const json_t *departments, const char *user_id, GError **error)
{
    for (gsize i = 0; i < json_array_size(departments); i++) {
        const char *id = json_string_value(json_array_get(departments, i));
        g_autofree char *path = yd_path("departments", id, "members");
        g_autoptr(json_t) body = json_pack("{s:s}", "user_id", user_id);
        g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
        if (!answer)
            return FALSE;
    }
    return TRUE;
}

// Asks for a one-time password; owned, NULL with an error.
static char *
reset(Ctl *ctl, const char *user_id, GError **error)
{
    g_autofree char *path = yd_path("users", user_id, "password");
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, NULL, error);
    return answer ? g_strdup(json_string_value(json_object_get(answer, "password"))) : NULL;
}

// The body of a new account. The password, if one is to be read, comes last: what is wrong with the
// rest is said before anybody types one.
static json_t *
user_body(Ctl *ctl, const char *username, GError **error)
{
    g_autoptr(json_t) body = json_pack("{s:s}", "username", username);
    if (!body) {
        yd_error_invalid(error, "username", "it is not UTF-8");
        return NULL;
    }
    if (!ctl_args_has(ctl->args, "name"))
        json_object_set_new(body, "name", json_string(username));
    if (!ctl_body_fill(ctl, body, error))
        return NULL;
    if (ctl_args_has(ctl->args, "password-stdin")) {
        g_autofree char *password = ctl_read_line(ctl, "First password: ", TRUE, error);
        if (!password)
            return NULL;
        json_object_set_new(body, "password", json_string(password));
    }
    return g_steal_pointer(&body);
}

static gboolean
add_user(Ctl *ctl, GError **error)
{
    const char *username = ctl_args_word(ctl->args, 0);
    gboolean give =
        !ctl_args_has(ctl->args, "password-stdin") && !ctl_args_has(ctl->args, "no-password");
    g_autoptr(json_t) departments = ctl_find_ids(ctl, &ctl_noun_department, "department", error);
    g_autoptr(json_t) body = departments ? user_body(ctl, username, error) : NULL;
    g_autoptr(json_t) user = body ? yd_rest_post(ctl->rest, "/users", body, error) : NULL;
    const char *id = json_string_value(json_object_get(user, "id"));
    if (!user || !join_departments(ctl, departments, id, error))
        return FALSE;
    g_autofree char *password = give ? reset(ctl, id, error) : NULL;
    if (give && !password)
        return FALSE;
    if (password)
        json_object_set_new(user, "one_time_password", json_string(password));
    if (ctl->json)
        ctl_print_json(user);
    else if (password)
        g_print("user %s: made; one-time password: %s\n", username, password);
    else
        g_print("user %s: made (%s)\n", username, id);
    return TRUE;
}

static gboolean
set_enabled(Ctl *ctl, const json_t *user, const char *name, GError **error)
{
    gboolean on = g_str_equal(ctl->args->command->verb, "enable");
    g_autoptr(json_t) body = json_pack("{s:b}", "enabled", on);
    g_autoptr(json_t) answer = ctl_patch(
        ctl, &ctl_noun_user, json_string_value(json_object_get(user, "id")), body, NULL, error);
    if (!answer)
        return FALSE;
    g_autofree char *clean = ctl_clean(name);
    if (ctl->json)
        ctl_print_json(answer);
    else
        g_print("user %s: %s\n", clean, on ? "enabled" : "disabled, log-ins and sessions ended");
    return TRUE;
}

static gboolean
run_enabled(Ctl *ctl, GError **error)
{
    return ctl_each(ctl, set_enabled, error);
}

static gboolean
reset_one(Ctl *ctl, const json_t *user, const char *name, GError **error)
{
    g_autofree char *password = reset(ctl, json_string_value(json_object_get(user, "id")), error);
    if (!password)
        return FALSE;
    if (ctl->json) {
        g_autoptr(json_t) answer = json_pack("{s:s, s:s}", "username", name, "password", password);
        ctl_print_json(answer);
    } else {
        g_print("user %s: one-time password: %s\n", name, password);
    }
    return TRUE;
}

static gboolean
run_reset(Ctl *ctl, GError **error)
{
    return ctl_each(ctl, reset_one, error);
}

// "-" is standard input, which may be a socket: it can't be opened by its name.
static GInputStream *
open_people(const char *path, GError **error)
{
    g_autoptr(GFile) file = NULL;

    if (g_str_equal(path, "-"))
        return g_unix_input_stream_new(STDIN_FILENO, FALSE);
    file = g_file_new_for_path(path);
    return (GInputStream *)g_file_read(file, NULL, error);
}

// All of a file of people; owned; NULL with an error, also when it is larger than any that could be
// imported.
static GBytes *
read_people(const char *path, GError **error)
{
    g_autoptr(GInputStream) stream = open_people(path, error);
    g_autofree char *buffer = g_malloc(CTL_XLSX_MAX_BYTES + 1);
    gsize n = 0;

    if (!stream ||
        !g_input_stream_read_all(stream, buffer, CTL_XLSX_MAX_BYTES + 1, &n, NULL, error))
        return NULL;
    if (n <= CTL_XLSX_MAX_BYTES)
        return g_bytes_new(buffer, n);
    g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                "%s: more than %u MiB; save only the table with people to a file of its own", path,
                CTL_XLSX_MAX_BYTES >> 20);
    return NULL;
}

// The people as CSV: a spreadsheet is turned into it here. Owned.
static GBytes *
read_csv(Ctl *ctl, const char *path, GError **error)
{
    const char *sheet = ctl_args_get(ctl->args, "sheet");
    g_autoptr(GBytes) bytes = read_people(path, error);
    char *csv;

    if (!bytes)
        return NULL;
    if (!ctl_is_zip(bytes) && !sheet)
        return g_steal_pointer(&bytes);
    if (!(csv = ctl_xlsx_to_csv(bytes, sheet, error))) {
        g_prefix_error(error, "%s: ", path);
        return NULL;
    }
    return g_bytes_new_take(csv, strlen(csv));
}

static gboolean
print_report(Ctl *ctl, const json_t *report, GError **error)
{
    static const CtlColumn wrong[] = {
        {"line", "LINE", CTL_CELL_INT}, {"field", "FIELD"}, {"reason", "REASON"}, {0}};
    static const CtlColumn fresh[] = {{"username", "USERNAME"}, {"password", "PASSWORD"}, {0}};
    const json_t *errors = json_object_get(report, "errors");
    const json_t *passwords = json_object_get(report, "passwords");
    if (ctl->json)
        ctl_print_json(report);
    else {
        if (json_array_size(errors) && !ctl_print_items(ctl, errors, wrong, error))
            return FALSE;
        if (json_array_size(passwords) && !ctl_print_items(ctl, passwords, fresh, error))
            return FALSE;
        g_print("%d lines, %d good, %d people made%s\n",
                (int)json_integer_value(json_object_get(report, "rows")),
                (int)json_integer_value(json_object_get(report, "good")),
                (int)json_integer_value(json_object_get(report, "created")),
                ctl_args_has(ctl->args, "dry-run") ? " (dry run)" : "");
    }
    if (json_array_size(errors))
        ctl->exit_code = 1;
    return TRUE;
}

static gboolean
run_import(Ctl *ctl, GError **error)
{
    g_autoptr(GBytes) csv = read_csv(ctl, ctl_args_word(ctl->args, 0), error);
    if (!csv)
        return FALSE;
    g_autoptr(GString) path = g_string_new("/users/import");
    yd_path_query(path, "dry_run", ctl_args_has(ctl->args, "dry-run") ? "true" : NULL);
    yd_path_query(path, "partial", ctl_args_has(ctl->args, "partial") ? "true" : NULL);
    yd_path_query(path, "initial_passwords", ctl_args_has(ctl->args, "passwords") ? "true" : NULL);
    YdRestRequest request = {.method = "POST", .path = path->str, .bytes = csv, .type = "text/csv"};
    g_auto(YdRestAnswer) answer = {0};
    yd_rest_set_timeout(ctl->rest, 600); // hashing many passwords takes its time
    if (!yd_rest_send(ctl->rest, &request, &answer, error))
        return FALSE;
    return print_report(ctl, answer.json, error);
}

static gboolean
run_export(Ctl *ctl, GError **error)
{
    const char *out = ctl_args_get(ctl->args, "out");
    YdRestRequest request = {.method = "GET", .path = "/users/export"};
    g_auto(YdRestAnswer) answer = {0};
    if (!yd_rest_send(ctl->rest, &request, &answer, error))
        return FALSE;
    return ctl_write_file(out ? out : "-", g_bytes_get_data(answer.bytes, NULL),
                          g_bytes_get_size(answer.bytes), error);
}

static const CtlCommand commands[] = {
    {"list", "", "list people", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS, ctl_list_options},
    {"show", "USER…", "show all about people", ctl_run_show, 1, CTL_MANY},
    {"add", "USERNAME", "make an account, with a one-time password", add_user, 1, 1, 0,
     add_options},
    {"edit", "USER", "change what is known of a person", ctl_run_edit, 1, 1, 0, edit_options},
    {"delete", "USER…", "remove people", ctl_run_delete, 1, CTL_MANY, CTL_ASKS | CTL_WAITS},
    {"disable", "USER…", "lock people out and end what they have open", run_enabled, 1, CTL_MANY,
     CTL_ASKS},
    {"enable", "USER…", "let people in again", run_enabled, 1, CTL_MANY},
    {"reset-password", "USER…", "give a new one-time password", run_reset, 1, CTL_MANY, CTL_ASKS},
    {"import", "FILE", "make many accounts from a CSV or .xlsx file", run_import, 1, 1, CTL_COLUMNS,
     import_options},
    {"export", "", "print all people as CSV", run_export, 0, 0, 0, export_options},
    {0},
};

const CtlNoun ctl_noun_user = {
    "user",  "users",  "usr", {"username", "number", "name"}, "people and their accounts",
    columns, commands,
};
