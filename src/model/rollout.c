// SPDX-License-Identifier: Apache-2.0
// The plan of a roll-out and its rules.
#include "model/rollout.h"

#include <string.h>

#include "base/error.h"
#include "base/json-util.h"
#include "model/members.h"

#define PEOPLE_MAX 1000
#define FAILED_PERCENT 5 // more of those that moved: something is wrong with the version
#define FAILED_ALWAYS 1  // so many may fail in any case

static const YdMember members[] = {
    YD_NUMBER(YdRolloutPlan, share, 0, 100),
    YD_NUMBER(YdRolloutPlan, seconds, 10, 7200),
    YD_NUMBER(YdRolloutPlan, sample, 1, 100),
    YD_NUMBER(YdRolloutPlan, keep_hours, 0, 24 * 90),
};

gboolean
yd_rollout_state_lives(const char *state)
{
    static const char *const living[] = {YD_ROLLOUT_CHECKING, YD_ROLLOUT_STAGED, YD_ROLLOUT_ROLLING,
                                         YD_ROLLOUT_PAUSED,   YD_ROLLOUT_BACK,   NULL};
    return state && g_strv_contains(living, state);
}

void
yd_rollout_plan_init(YdRolloutPlan *plan)
{
    *plan = (YdRolloutPlan){.session = "auto", .seconds = 600, .sample = 3, .keep_hours = 24};
}

void
yd_rollout_plan_clear(YdRolloutPlan *plan)
{
    g_clear_pointer(&plan->department_id, g_free);
    g_clear_pointer(&plan->user_ids, g_strfreev);
}

static gboolean
read_people(YdRolloutPlan *plan, const json_t *list, GError **error)
{
    if (!list || json_is_null(list))
        return TRUE;
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > PEOPLE_MAX)
        return yd_error_invalid(error, "user_ids", "must be a list of 1 to %d ids", PEOPLE_MAX);
    plan->user_ids = g_new0(char *, json_array_size(list) + 1);
    for (gsize i = 0; i < json_array_size(list); i++) {
        const json_t *one = json_array_get(list, i);
        if (!json_is_string(one))
            return yd_error_invalid(error, "user_ids", "must hold texts only");
        plan->user_ids[i] = g_strdup(json_string_value(one));
    }
    return TRUE;
}

static gboolean
read_texts(YdRolloutPlan *plan, const json_t *object, GError **error)
{
    static const char *const sessions[] = {"auto", "required", "off", NULL};
    const char *session = NULL, *department = NULL;
    if (!yd_json_string(object, "session", &session, error) ||
        !yd_json_string(object, "department_id", &department, error))
        return FALSE;
    if (session && !g_strv_contains(sessions, session))
        return yd_error_invalid(error, "session", "must be auto, required or off");
    if (session)
        g_strlcpy(plan->session, session, sizeof plan->session);
    plan->department_id = g_strdup(department && *department ? department : NULL);
    return TRUE;
}

static gboolean
read_plan(YdRolloutPlan *plan, const json_t *object, GError **error)
{
    static const char *const known[] = {
        "share",   "seconds",       "sample",   "keep_hours",
        "session", "department_id", "user_ids", "replace_system_disks",
        NULL};
    if (!yd_json_known(object, known, error))
        return FALSE;
    gboolean ignored;
    for (gsize i = 0; i < G_N_ELEMENTS(members); i++) {
        if (!yd_member_read(&members[i], 1, plan, object, members[i].name, &ignored, error))
            return FALSE;
    }
    if (!read_texts(plan, object, error) ||
        !read_people(plan, json_object_get(object, "user_ids"), error) ||
        !yd_json_bool(object, "replace_system_disks", &plan->replace_system_disks, error))
        return FALSE;
    if ((plan->share > 0) + (plan->department_id != NULL) + (plan->user_ids != NULL) > 1)
        return yd_error_invalid(error, "share", "give one of share, department_id and user_ids");
    return TRUE;
}

gboolean
yd_rollout_plan_parse(const char *json, YdRolloutPlan *ret_plan, GError **error)
{
    g_auto(YdRolloutPlan) plan = {0};
    g_autoptr(GError) cause = NULL;
    yd_rollout_plan_init(&plan);
    g_autoptr(json_t) object = json && *json ? yd_json_parse_object(json, &cause) : json_object();
    if (!object)
        return yd_error_invalid(error, "rollout", "%s", cause ? cause->message : "no JSON");
    if (!read_plan(&plan, object, &cause)) {
        g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "rollout.%s", cause->message);
        return FALSE;
    }
    *ret_plan = plan;
    plan = (YdRolloutPlan){0};
    return TRUE;
}

char *
yd_rollout_plan_json(const YdRolloutPlan *plan)
{
    g_autoptr(json_t) object = json_object();
    yd_members_write(members, G_N_ELEMENTS(members), plan, object);
    json_object_set_new(object, "session", json_string(plan->session));
    json_object_set_new(object, "replace_system_disks", json_boolean(plan->replace_system_disks));
    json_object_set_new(object, "department_id",
                        plan->department_id ? json_string(plan->department_id) : json_null());
    json_t *people = plan->user_ids ? json_array() : json_null();
    for (gsize i = 0; plan->user_ids && plan->user_ids[i]; i++)
        json_array_append_new(people, json_string(plan->user_ids[i]));
    json_object_set_new(object, "user_ids", people);
    return yd_json_text(object);
}

gboolean
yd_rollout_plan_has_first(const YdRolloutPlan *plan)
{
    return plan->share > 0 || plan->department_id || plan->user_ids;
}

// FNV-1a, then the finaliser of MurmurHash3: ids of one minute differ in their last characters
// only.
guint
yd_rollout_rank(const char *id)
{
    guint32 hash = 2166136261u;
    for (const char *c = id; *c; c++)
        hash = (hash ^ (guchar)*c) * 16777619u;
    hash ^= hash >> 16;
    hash *= 0x85ebca6bu;
    hash ^= hash >> 13;
    hash *= 0xc2b2ae35u;
    hash ^= hash >> 16;
    return hash % 10000;
}

gboolean
yd_rollout_is_first(const YdRolloutPlan *plan, const char *user_id, const char *department_ids)
{
    if (plan->share > 0)
        return yd_rollout_rank(user_id ? user_id : "") < (guint)plan->share * 100;
    if (plan->user_ids)
        return user_id && g_strv_contains((const char *const *)plan->user_ids, user_id);
    if (!plan->department_id || !department_ids)
        return FALSE;
    g_auto(GStrv) departments = g_strsplit(department_ids, ",", -1);
    return g_strv_contains((const char *const *)departments, plan->department_id);
}

static const char *
next_of_first(const YdRolloutPlan *plan, const YdRolloutCounts *counts)
{
    if (counts->first_failed > 0)
        return YD_ROLLOUT_BACK;
    return counts->first_healthy >= MIN((guint)plan->sample, counts->first) ? YD_ROLLOUT_ROLLING
                                                                            : YD_ROLLOUT_STAGED;
}

static const char *
next_of_rest(const YdRolloutCounts *counts)
{
    guint fresh = counts->failed > counts->forgiven ? counts->failed - counts->forgiven : 0;
    if (fresh > MAX((guint)FAILED_ALWAYS, counts->moved * FAILED_PERCENT / 100))
        return YD_ROLLOUT_PAUSED;
    return counts->waiting == 0 ? YD_ROLLOUT_DONE : YD_ROLLOUT_ROLLING;
}

const char *
yd_rollout_next(const char *state, const YdRolloutPlan *plan, const YdRolloutCounts *counts)
{
    if (strcmp(state, YD_ROLLOUT_CHECKING) == 0) {
        if (!counts->tried)
            return state;
        if (!counts->passed)
            return YD_ROLLOUT_BACK;
        return yd_rollout_plan_has_first(plan) && counts->first > 0 ? YD_ROLLOUT_STAGED
                                                                    : YD_ROLLOUT_ROLLING;
    }
    if (strcmp(state, YD_ROLLOUT_STAGED) == 0)
        return next_of_first(plan, counts);
    if (strcmp(state, YD_ROLLOUT_ROLLING) == 0)
        return next_of_rest(counts);
    if (strcmp(state, YD_ROLLOUT_BACK) == 0)
        return counts->moved == 0 ? YD_ROLLOUT_ROLLED_BACK : state;
    return state;
}
