// SPDX-License-Identifier: Apache-2.0
// People: creating with a first password, one-time passwords, CSV in and out.
#include "api/handlers.h"

#include <string.h>

#include "api/resource.h"
#include "base/secret.h"
#include "model/record-json.h"
#include "service/user-import.h"
#include "service/user.h"

gboolean
yd_handle_user_create(YdRequest *request, GError **error)
{
    const char *password = NULL;
    if (!yd_request_need_input(request, error) ||
        !yd_request_text(request, "password", FALSE, &password, error))
        return FALSE;
    g_autofree char *first = g_strdup(password);
    json_object_del(request->input, "password"); // no field of the record
    g_autoptr(YdUser) user = yd_resource_new(&yd_user_type);
    gboolean done = yd_record_apply_json(&yd_user_type, user, request->input, TRUE, NULL, error) &&
                    yd_user_create(request->service, &request->actor, user, first, error);
    if (first)
        memset(first, 0, strlen(first));
    return done && yd_answer_fresh(request, 201, yd_resource(&yd_user_type), user->id, error);
}

gboolean
yd_handle_user_password(YdRequest *request, GError **error)
{
    char *password = NULL;
    if (!yd_user_reset_password(request->service, &request->actor, request->params[0], &password,
                                error))
        return FALSE;
    yd_request_answer(request, 200, json_pack("{s:s}", "password", password));
    yd_secret_wipe(&password);
    return TRUE;
}

static json_t *
errors_json(const YdImportReport *report)
{
    json_t *errors = json_array();
    for (guint i = 0; i < report->errors->len; i++) {
        const YdImportError *wrong = report->errors->pdata[i];
        json_array_append_new(errors, json_pack("{s:i, s:s?, s:s}", "line", (int)wrong->line,
                                                "field", wrong->field, "reason", wrong->reason));
    }
    return errors;
}

static json_t *
passwords_json(const YdImportReport *report)
{
    json_t *passwords = json_array();
    for (guint i = 0; report->passwords && i < report->passwords->len; i++) {
        const YdImportPassword *one = report->passwords->pdata[i];
        json_array_append_new(passwords, json_pack("{s:s, s:s}", "username", one->username,
                                                   "password", one->password));
    }
    return passwords;
}

// ?dry_run=true and the like; INVALID for what is neither true nor false.
static gboolean
query_flag(YdRequest *request, const char *name, gboolean *value, GError **error)
{
    const char *text = yd_request_query(request, name);
    if (!text)
        return TRUE;
    *value = strcmp(text, "true") == 0;
    if (!*value && strcmp(text, "false") != 0)
        return yd_error_invalid(error, name, "must be true or false, not \"%s\"", text);
    return TRUE;
}

gboolean
yd_handle_user_import(YdRequest *request, GError **error)
{
    YdImportOptions options = {0};
    if (!query_flag(request, "dry_run", &options.dry_run, error) ||
        !query_flag(request, "partial", &options.partial, error) ||
        !query_flag(request, "initial_passwords", &options.initial_passwords, error))
        return FALSE;
    gsize length = 0;
    const char *csv = request->body ? g_bytes_get_data(request->body, &length) : "";
    g_autoptr(YdImportReport) report =
        yd_user_import(request->service, &request->actor, csv ? csv : "", length, &options, error);
    if (!report)
        return FALSE;
    char delimiter[] = {report->delimiter, '\0'};
    yd_request_answer(request, 200,
                      json_pack("{s:b, s:b, s:i, s:i, s:i, s:i, s:o, s:o, s:s, s:s}", "dry_run",
                                options.dry_run, "applied", report->applied, "rows",
                                (int)report->rows, "good", (int)report->good, "created",
                                (int)report->created, "wrong", (int)report->n_errors, "errors",
                                errors_json(report), "passwords", passwords_json(report),
                                "encoding", report->encoding, "delimiter", delimiter));
    return TRUE;
}

gboolean
yd_handle_user_export(YdRequest *request, GError **error)
{
    g_autofree char *csv = yd_user_export(request->service, &request->actor, error);
    if (!csv)
        return FALSE;
    yd_request_answer_text(request, 200, "text/csv; charset=utf-8", csv);
    yd_request_header(request, "Content-Disposition", "attachment; filename=\"users.csv\"");
    return TRUE;
}
