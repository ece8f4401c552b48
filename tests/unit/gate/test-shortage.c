// SPDX-License-Identifier: Apache-2.0
// However often accept() fails, the log gets a line in ten seconds, and one when it is over.
#include "gate/shortage.h"

#include <errno.h>
#include <string.h>

#define AT(seconds) ((gint64)((seconds)*G_USEC_PER_SEC))

static void
test_lines(void)
{
    g_autoptr(YdGateShortage) shortage = yd_gate_shortage_new();
    guint lines = 0, others = 0;
    g_assert_false(yd_gate_shortage_lasts(shortage));
    g_assert_null(yd_gate_shortage_check(shortage, AT(99)));
    for (gint64 now = AT(100); now < AT(130); now += AT(0.025)) { // 40 a second, half a minute
        g_autofree char *line = yd_gate_shortage_note(shortage, EMFILE, now);
        g_autofree char *over = yd_gate_shortage_check(shortage, now);
        g_assert_null(over);
        if (line != NULL && lines++ == 0)
            g_assert_nonnull(strstr(line, "Too many open files"));
        else if (line != NULL)
            g_assert_nonnull(strstr(line, lines == 2 ? "for 10 s" : "for 20 s"));
        else
            others++;
    }
    g_assert_cmpuint(lines, ==, 3);
    g_assert_cmpuint(lines + others, ==, 1200);
    g_assert_cmpuint(yd_gate_shortage_count(shortage), ==, 1200);
    g_assert_true(yd_gate_shortage_lasts(shortage));
}

static void
test_over(void)
{
    g_autoptr(YdGateShortage) shortage = yd_gate_shortage_new();
    g_free(yd_gate_shortage_note(shortage, ENFILE, AT(1)));
    g_assert_null(yd_gate_shortage_note(shortage, ENFILE, AT(4)));
    g_assert_null(yd_gate_shortage_check(shortage, AT(13.9)));
    g_autofree char *over = yd_gate_shortage_check(shortage, AT(14));
    g_assert_cmpstr(over, ==, "accepts clients again; for 3.0 s it could not, 2 tries failed");
    g_assert_null(yd_gate_shortage_check(shortage, AT(15)));
    g_assert_false(yd_gate_shortage_lasts(shortage));
    // The next one is told at once.
    g_autofree char *again = yd_gate_shortage_note(shortage, EMFILE, AT(15));
    g_assert_nonnull(again);
    g_autofree char *end = yd_gate_shortage_check(shortage, AT(60));
    g_assert_cmpstr(end, ==, "accepts clients again; for 0.0 s it could not, 1 tries failed");
    g_assert_cmpuint(yd_gate_shortage_count(shortage), ==, 3);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/shortage/lines", test_lines);
    g_test_add_func("/gate/shortage/over", test_over);
    return g_test_run();
}
