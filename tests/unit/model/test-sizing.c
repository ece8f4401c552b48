// SPDX-License-Identifier: Apache-2.0
// Spares of floating pools, as a table.
#include "model/sizing.h"

static const struct {
    const char *what;
    YdSizingCounts have;
    YdSizingWish wish;
    YdSizing want;
} cases[] = {
    {"an empty pool makes its spares", {0}, {TRUE, 3, 20, 1, 2}, {.make = 3}},
    {"warm ones count as spares", {0}, {TRUE, 1, 20, 4, 2}, {.make = 4}},
    {"what is coming is not made twice", {.coming = 3}, {TRUE, 3, 20, 0, 2}, {0}},
    {"spares that are off become warm, two at a time",
     {.off = 4},
     {TRUE, 4, 20, 4, 2},
     {.start = 2}},
    {"those that start count as warm", {.off = 2, .waking = 2}, {TRUE, 4, 20, 3, 2}, {.start = 1}},
    {"no slot, no start", {.off = 4}, {TRUE, 4, 20, 4, 0}, {0}},
    {"what runs is paused", {.running = 2, .off = 1}, {TRUE, 3, 20, 2, 2}, {.pause = 2}},
    {"the maximum counts what people have", {.used = 18}, {TRUE, 5, 20, 0, 2}, {.make = 2}},
    {"a full pool makes none", {.used = 20}, {TRUE, 5, 20, 2, 2}, {0}},
    {"more than the maximum makes none", {.used = 25}, {TRUE, 5, 20, 2, 2}, {0}},
    {"no maximum", {.used = 5000}, {TRUE, 5, 0, 0, 2}, {.make = 5}},
    {"spares that nobody wants go", {.off = 18}, {TRUE, 2, 20, 0, 2}, {.remove = 16}},
    {"the warm ones are kept, the cold ones go first",
     {.off = 3, .warm = 2},
     {TRUE, 2, 20, 2, 2},
     {.remove = 3}},
    {"fewer warm ones: stopped, then removed", {.warm = 4}, {TRUE, 0, 20, 1, 2}, {.stop = 3}},
    {"and what was stopped is removed", {.off = 3, .warm = 1}, {TRUE, 0, 20, 1, 2}, {.remove = 3}},
    {"old and failed ones go, new ones come when there is room",
     {.old = 2, .failed = 1},
     {TRUE, 3, 4, 0, 2},
     {.make = 1, .remove = 3}},
    {"stale warm ones are stopped and replaced",
     {.stale = 2, .off = 2},
     {TRUE, 2, 10, 2, 2},
     {.start = 2, .stop = 2}},
    {"a disabled pool gets nothing new", {0}, {FALSE, 3, 20, 1, 2}, {0}},
    {"and what runs there is paused", {.running = 1}, {FALSE, 3, 20, 1, 2}, {.pause = 1}},
    {"a pool without spares is left empty", {0}, {TRUE, 0, 20, 0, 2}, {0}},
    {"what will be removed is not started",
     {.off = 2, .warm = 1},
     {TRUE, 0, 0, 2, 2},
     {.start = 1, .remove = 1}},
};

static void
test_table(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        YdSizing got = yd_sizing(&cases[i].have, &cases[i].wish);
        const YdSizing *want = &cases[i].want;
        if (got.make != want->make || got.start != want->start || got.pause != want->pause ||
            got.stop != want->stop || got.remove != want->remove)
            g_error("%s: make %u, start %u, pause %u, stop %u, remove %u", cases[i].what, got.make,
                    got.start, got.pause, got.stop, got.remove);
    }
}

// Whatever there is: followed often enough, it comes to rest, and never has more than the maximum.
static void
test_rests(void)
{
    GRand *rand = g_rand_new_with_seed(20261130);
    for (guint round = 0; round < 3000; round++) {
        YdSizingCounts c = {.used = g_rand_int_range(rand, 0, 12),
                            .off = g_rand_int_range(rand, 0, 6),
                            .old = g_rand_int_range(rand, 0, 4),
                            .running = g_rand_int_range(rand, 0, 4),
                            .warm = g_rand_int_range(rand, 0, 6),
                            .failed = g_rand_int_range(rand, 0, 3)};
        YdSizingWish wish = {TRUE, g_rand_int_range(rand, 0, 8), g_rand_int_range(rand, 0, 15),
                             g_rand_int_range(rand, 0, 6), 2};
        guint all = c.used + c.off + c.old + c.running + c.warm + c.failed, steps = 0;
        for (; steps < 50; steps++) {
            YdSizing s = yd_sizing(&c, &wish);
            if (!s.make && !s.start && !s.pause && !s.stop && !s.remove)
                break;
            c.warm += s.pause - s.stop;
            c.running += s.start - s.pause;
            c.off += s.make + s.stop - s.start;
            guint gone = s.remove, part = MIN(gone, c.old);
            c.old -= part;
            gone -= part;
            part = MIN(gone, c.failed);
            c.failed -= part;
            c.off -= gone - part;
            guint now = c.used + c.off + c.old + c.running + c.warm + c.failed;
            g_assert_true(wish.max_desktops == 0 || now <= MAX(all, (guint)wish.max_desktops));
        }
        g_assert_cmpuint(steps, <, 50);
        guint wanted = (guint)MAX(wish.min_ready, wish.warm);
        g_assert_cmpuint(c.off + c.warm, <=, wanted);
        g_assert_cmpuint(c.warm, <=, (guint)wish.warm);
        if (wish.max_desktops == 0)
            g_assert_cmpuint(c.off + c.warm, ==, wanted);
    }
    g_rand_free(rand);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sizing/table", test_table);
    g_test_add_func("/sizing/comes-to-rest", test_rests);
    return g_test_run();
}
