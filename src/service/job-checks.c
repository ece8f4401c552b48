// SPDX-License-Identifier: Apache-2.0
#include "service/job-checks.h"

#include <string.h>

static json_t *
checks_of(YdJobRun *run)
{
    json_t *checks = json_object_get(yd_job_run_result(run), "checks");
    if (!checks) {
        checks = json_array();
        json_object_set_new(yd_job_run_result(run), "checks", checks);
    }
    return checks;
}

json_t *
yd_job_check(YdJobRun *run, const char *name)
{
    gsize i;
    json_t *check;
    json_array_foreach(checks_of(run), i, check)
    {
        if (strcmp(json_string_value(json_object_get(check, "check")), name) == 0)
            return check;
    }
    return NULL;
}

json_t *
yd_job_check_put(YdJobRun *run, const char *name, json_t *ok, const char *message)
{
    json_t *check = yd_job_check(run, name);
    if (!check) {
        check = json_object();
        json_array_append_new(checks_of(run), check);
    }
    g_autofree char *valid = g_utf8_make_valid(message ? message : "", -1);
    json_object_set_new(check, "check", json_string(name));
    json_object_set_new(check, "ok", ok);
    json_object_set_new(check, "message", json_string(valid));
    return check;
}
