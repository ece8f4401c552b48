// SPDX-License-Identifier: Apache-2.0
// The rules of roll-outs: plans, who goes first, what comes next.
#include "model/rollout.h"

#include <string.h>

#include "base/error.h"

static void
plans(void)
{
    static const struct {
        const char *json, *wrong; // wrong NULL: it is good
    } cases[] = {
        {"", NULL},
        {"{}", NULL},
        {"{\"share\":20}", NULL},
        {"{\"department_id\":\"dep-1\",\"session\":\"required\"}", NULL},
        {"{\"user_ids\":[\"usr-1\"],\"seconds\":10,\"sample\":1,\"keep_hours\":0}", NULL},
        {"{\"share\":0,\"department_id\":null,\"user_ids\":null}", NULL},
        {"{\"share\":101}", "rollout.share"},
        {"{\"share\":-1}", "rollout.share"},
        {"{\"share\":\"20\"}", "rollout.share"},
        {"{\"share\":20,\"department_id\":\"dep-1\"}", "give one of"},
        {"{\"department_id\":\"dep-1\",\"user_ids\":[\"usr-1\"]}", "give one of"},
        {"{\"user_ids\":[]}", "user_ids"},
        {"{\"user_ids\":[1]}", "user_ids"},
        {"{\"user_ids\":\"usr-1\"}", "user_ids"},
        {"{\"session\":\"maybe\"}", "session"},
        {"{\"seconds\":9}", "seconds"},
        {"{\"sample\":0}", "sample"},
        {"{\"keep_hours\":2161}", "keep_hours"},
        {"{\"replace_system_disks\":1}", "replace_system_disks"},
        {"{\"whatever\":1}", "whatever"},
        {"[]", "rollout"},
        {"{", "rollout"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(YdRolloutPlan) plan = {0};
        g_autoptr(GError) error = NULL;
        gboolean good = yd_rollout_plan_parse(cases[i].json, &plan, &error);
        g_test_message("%s: %s", cases[i].json, error ? error->message : "good");
        g_assert_cmpint(good, ==, cases[i].wrong == NULL);
        if (!good) {
            g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
            g_assert_nonnull(strstr(error->message, cases[i].wrong));
            continue;
        }
        // What is written is read as the same.
        g_auto(YdRolloutPlan) again = {0};
        g_autofree char *text = yd_rollout_plan_json(&plan);
        g_assert_true(yd_rollout_plan_parse(text, &again, &error));
        g_autofree char *same = yd_rollout_plan_json(&again);
        g_assert_cmpstr(text, ==, same);
    }
}

static void
first_group(void)
{
    char one[] = "usr-a", other[] = "usr-b", department[] = "dep-1";
    char *people[] = {one, other, NULL};
    const YdRolloutPlan by_name = {.user_ids = people};
    const YdRolloutPlan by_department = {.department_id = department};
    const YdRolloutPlan nobody = {0};
    static const struct {
        const char *user, *departments;
        gboolean by_name, by_department;
    } cases[] = {{"usr-a", NULL, TRUE, FALSE},    {"usr-b", "dep-2,dep-1", TRUE, TRUE},
                 {"usr-c", "dep-1", FALSE, TRUE}, {"usr-c", "dep-11", FALSE, FALSE},
                 {"usr-c", "", FALSE, FALSE},     {NULL, NULL, FALSE, FALSE}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *user = cases[i].user, *departments = cases[i].departments;
        g_assert_cmpint(yd_rollout_is_first(&by_name, user, departments), ==, cases[i].by_name);
        g_assert_cmpint(yd_rollout_is_first(&by_department, user, departments), ==,
                        cases[i].by_department);
        g_assert_false(yd_rollout_is_first(&nobody, user, departments));
    }
    g_assert_false(yd_rollout_plan_has_first(&nobody));
}

// The same people each time, about as many as asked for, and those of 20 % are among those of 50 %.
static void
shares(void)
{
    guint n[101] = {0};
    static const guint sizes[] = {1, 20, 50, 99, 100};
    for (guint i = 0; i < 5000; i++) {
        g_autofree char *id = g_strdup_printf("usr-01jd8x5e3fq7w0a2b4c6d8%04u", i);
        gboolean before = FALSE;
        for (gsize j = 0; j < G_N_ELEMENTS(sizes); j++) {
            const YdRolloutPlan plan = {.share = sizes[j]};
            gboolean first = yd_rollout_is_first(&plan, id, NULL);
            g_assert_cmpint(first, ==, yd_rollout_is_first(&plan, id, NULL));
            g_assert_true(first || !before);
            before = first;
            n[sizes[j]] += first;
        }
    }
    for (gsize j = 0; j < G_N_ELEMENTS(sizes); j++)
        g_assert_cmpfloat(ABS((double)n[sizes[j]] / 50 - sizes[j]), <, 3);
    g_assert_cmpuint(n[100], ==, 5000);
}

static void
what_comes_next(void)
{
    const YdRolloutPlan all = {.sample = 3}, staged = {.share = 20, .sample = 3};
    static const struct {
        const char *what, *state;
        gboolean staged;
        YdRolloutCounts counts;
        const char *next;
    } cases[] = {
        {"not tried yet", "checking", TRUE, {.first = 1}, "checking"},
        {"throw-away failed", "checking", TRUE, {.tried = TRUE, .first = 1}, "going-back"},
        {"passed", "checking", TRUE, {.tried = TRUE, .passed = TRUE, .first = 1}, "staged"},
        {"nobody is first", "checking", TRUE, {.tried = TRUE, .passed = TRUE}, "rolling"},
        {"all at once", "checking", FALSE, {.tried = TRUE, .passed = TRUE, .first = 9}, "rolling"},
        {"none healthy yet", "staged", TRUE, {.first = 5, .moved = 5}, "staged"},
        {"two of three", "staged", TRUE, {.first = 5, .first_healthy = 2}, "staged"},
        {"three of five",
         "staged",
         TRUE,
         {.first = 5, .first_healthy = 3, .waiting = 9},
         "rolling"},
        {"one of one", "staged", TRUE, {.first = 1, .first_healthy = 1, .waiting = 9}, "rolling"},
        {"the first ones are gone", "staged", TRUE, {.first = 0, .waiting = 9}, "rolling"},
        {"one failed",
         "staged",
         TRUE,
         {.first = 5, .first_healthy = 4, .first_failed = 1, .moved = 5, .failed = 1},
         "going-back"},
        {"some wait", "rolling", TRUE, {.moved = 5, .waiting = 1}, "rolling"},
        {"all moved", "rolling", TRUE, {.moved = 5}, "done"},
        {"nobody there", "rolling", TRUE, {.moved = 0}, "done"},
        {"one fails", "rolling", TRUE, {.moved = 5, .waiting = 1, .failed = 1}, "rolling"},
        {"two of five fail", "rolling", TRUE, {.moved = 5, .waiting = 1, .failed = 2}, "paused"},
        {"two of 40 fail", "rolling", TRUE, {.moved = 40, .waiting = 1, .failed = 2}, "rolling"},
        {"three of 40 fail", "rolling", TRUE, {.moved = 40, .waiting = 1, .failed = 3}, "paused"},
        {"somebody knows",
         "rolling",
         TRUE,
         {.moved = 5, .waiting = 1, .failed = 2, .forgiven = 2},
         "rolling"},
        {"and more fail",
         "rolling",
         TRUE,
         {.moved = 9, .waiting = 1, .failed = 4, .forgiven = 2},
         "paused"},
        {"failures at the end", "rolling", TRUE, {.moved = 5, .failed = 5}, "paused"},
        {"paused stays", "paused", TRUE, {.moved = 5}, "paused"},
        {"some have to go back", "going-back", TRUE, {.moved = 1, .waiting = 4}, "going-back"},
        {"all are back", "going-back", TRUE, {.moved = 0, .waiting = 5}, "rolled-back"},
        {"over", "done", TRUE, {.moved = 1, .failed = 1}, "done"},
        {"over", "rolled-back", TRUE, {.waiting = 1}, "rolled-back"},
        {"over", "failed", TRUE, {.waiting = 1}, "failed"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        const char *next =
            yd_rollout_next(cases[i].state, cases[i].staged ? &staged : &all, &cases[i].counts);
        g_test_message("%s, %s: %s", cases[i].state, cases[i].what, next);
        g_assert_cmpstr(next, ==, cases[i].next);
    }
    g_assert_true(yd_rollout_state_lives("paused"));
    g_assert_false(yd_rollout_state_lives("done"));
    g_assert_false(yd_rollout_state_lives(NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rollout/plans", plans);
    g_test_add_func("/rollout/first-group", first_group);
    g_test_add_func("/rollout/shares", shares);
    g_test_add_func("/rollout/what-comes-next", what_comes_next);
    return g_test_run();
}
