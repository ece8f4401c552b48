// SPDX-License-Identifier: Apache-2.0
// Reads problem documents and turns them into GErrors; knows nothing of sockets.
#include "rest/problem.h"

#include <string.h>

#include "base/error.h"

void
yd_problem_free(YdProblem *problem)
{
    if (!problem)
        return;
    g_free(problem->code);
    g_free(problem->detail);
    g_free(problem->field);
    g_free(problem->advice);
    g_free(problem->request_id);
    g_free(problem);
}

static char *
member(const json_t *body, const char *name)
{
    const char *text = json_string_value(json_object_get(body, name));
    return text && *text ? g_strdup(text) : NULL;
}

YdProblem *
yd_problem_parse(guint status, const json_t *body)
{
    YdProblem *problem = g_new0(YdProblem, 1);
    problem->status = status;
    if (json_is_object(body)) {
        problem->code = member(body, "code");
        problem->detail = member(body, "detail");
        problem->field = member(body, "field");
        problem->advice = member(body, "advice");
        problem->request_id = member(body, "request_id");
        if (!problem->detail)
            problem->detail = member(body, "title");
    }
    if (!problem->detail)
        problem->detail = g_strdup_printf("the server answered with HTTP status %u", status);
    return problem;
}

// The code for a status that came without a name of ours, e.g. from a proxy in between.
static YdErrorCode
code_of_status(guint status)
{
    static const struct {
        guint status;
        YdErrorCode code;
    } table[] = {
        {400, YD_ERROR_INVALID},   {401, YD_ERROR_UNAUTHENTICATED}, {403, YD_ERROR_FORBIDDEN},
        {404, YD_ERROR_NOT_FOUND}, {409, YD_ERROR_STATE},           {412, YD_ERROR_STALE},
        {413, YD_ERROR_TOO_LARGE}, {415, YD_ERROR_INVALID},         {422, YD_ERROR_INVALID},
        {429, YD_ERROR_THROTTLED}, {502, YD_ERROR_UNAVAILABLE},     {503, YD_ERROR_UNAVAILABLE},
        {504, YD_ERROR_TIMEOUT},   {507, YD_ERROR_NO_SPACE},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].status == status)
            return table[i].code;
    }
    return YD_ERROR_INTERNAL;
}

void
yd_problem_to_error(const YdProblem *problem, GError **error)
{
    YdErrorCode code;
    if (!problem->code || !yd_error_code_from_name(problem->code, &code))
        code = code_of_status(problem->status);
    g_autofree char *head = problem->field ? g_strdup_printf("%s: ", problem->field) : g_strdup("");
    gboolean said = *head && g_str_has_prefix(problem->detail, head);
    g_set_error(error, YD_ERROR, code, "%s%s", said ? "" : head, problem->detail);
}
