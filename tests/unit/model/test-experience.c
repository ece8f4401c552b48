// SPDX-License-Identifier: Apache-2.0
// What a connection is worth, and what is named as the cause.
#include "model/experience.h"

#define MS 1000
#define PERCENT 10000

typedef struct {
    const char *what;
    YdExperience measured;
    gint64 at_least, at_most;
    const char *reason;
} Case;

static const Case cases[] = {
    {"a cable", {.rtt_us = 300, .min_rtt_us = 200}, 100, 100, "good"},
    {"a client that waits with its answers", {40 * MS, 1 * MS, 20 * MS, 0, 0, 0}, 100, 100, "good"},
    {"another town", {.rtt_us = 80 * MS, .min_rtt_us = 80 * MS}, 92, 92, "good"},
    {"another continent", {.rtt_us = 150 * MS, .min_rtt_us = 150 * MS}, 75, 75, "delay"},
    {"a satellite", {.rtt_us = 600 * MS, .min_rtt_us = 590 * MS}, 25, 25, "delay"},
    {"longer than the curve", {.rtt_us = 9000 * MS, .min_rtt_us = 9000 * MS}, 5, 5, "delay"},
    {"one packet of a thousand", {.rtt_us = 10 * MS, .loss_ppm = PERCENT / 10}, 100, 100, "good"},
    {"bad radio", {.rtt_us = 10 * MS, .loss_ppm = 5 * PERCENT}, 55, 55, "loss"},
    {"everything gets lost", {.rtt_us = 10 * MS, .loss_ppm = 100 * PERCENT}, 5, 5, "loss"},
    {"radio and a long way", {.rtt_us = 150 * MS, .loss_ppm = 5 * PERCENT}, 41, 41, "loss"},
    {"a long way, a little loss", {.rtt_us = 300 * MS, .loss_ppm = PERCENT}, 45, 45, "delay"},
    {"uneven", {.rtt_us = 30 * MS, .jitter_us = 100 * MS}, 70, 70, "jitter"},
    // Lost packets make the rest late and uneven: loss stays the cause.
    {"loss and what follows",
     {20 * MS, 15 * MS, 200 * MS, 3 * PERCENT, 400 * MS, 0},
     15,
     35,
     "loss"},
    {"a slow line",
     {.rtt_us = 30 * MS, .min_rtt_us = 25 * MS, .queue_us = 500 * MS},
     60,
     60,
     "bandwidth"},
    // A full line: round trips many times as long as they could be.
    {"a full line", {800 * MS, 20 * MS, 100 * MS, 2 * PERCENT, 300 * MS, 0}, 5, 15, "bandwidth"},
    {"a long way is no full line", {300 * MS, 290 * MS, 0, 0, 160 * MS, 0}, 30, 50, "delay"},
    {"a desktop that hangs", {.rtt_us = 5 * MS, .server_us = 2000 * MS}, 20, 30, "server"},
    {"a slow desktop", {.rtt_us = 5 * MS, .server_us = 500 * MS}, 60, 60, "server"},
};

static void
test_cases(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        const Case *c = &cases[i];
        gint64 score = -1;
        const char *reason = NULL;
        g_test_message("%s", c->what);
        g_assert_true(yd_experience_rate(&c->measured, &score, &reason));
        g_assert_cmpint(score, >=, c->at_least);
        g_assert_cmpint(score, <=, c->at_most);
        g_assert_cmpstr(reason, ==, c->reason);
    }
}

static void
test_nothing_measured(void)
{
    const YdExperience nothing = {.loss_ppm = PERCENT, .server_us = MS};
    gint64 score = 7;
    const char *reason = "untouched";
    g_assert_false(yd_experience_rate(&nothing, &score, &reason));
    g_assert_cmpint(score, ==, 7);
    g_assert_cmpstr(reason, ==, "untouched");
}

// Whatever gets worse never makes a better score, and it stays within bounds.
static void
test_monotonic(void)
{
    for (guint member = 0; member < 5; member++) {
        gint64 last = 100;
        for (gint64 value = 1; value < G_GINT64_CONSTANT(40000000); value += value / 7 + 1) {
            YdExperience m = {.rtt_us = 1, .min_rtt_us = 1};
            gint64 *const members[] = {&m.rtt_us, &m.jitter_us, &m.loss_ppm, &m.queue_us,
                                       &m.server_us};
            gint64 score;
            const char *reason;
            *members[member] = value;
            g_assert_true(yd_experience_rate(&m, &score, &reason));
            g_assert_cmpint(score, <=, last);
            g_assert_cmpint(score, >=, 0);
            last = score;
        }
        g_assert_cmpint(last, <, YD_EXPERIENCE_POOR);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/model/experience/cases", test_cases);
    g_test_add_func("/model/experience/nothing-measured", test_nothing_measured);
    g_test_add_func("/model/experience/monotonic", test_monotonic);
    return g_test_run();
}
