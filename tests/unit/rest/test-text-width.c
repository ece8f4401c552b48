// SPDX-License-Identifier: Apache-2.0
// Columns of a terminal: wide, combining, cut and hostile texts.
#include "deskctl/text-width.h"

static void
test_width(void)
{
    g_assert_cmpuint(ctl_width(""), ==, 0);
    g_assert_cmpuint(ctl_width("abc"), ==, 3);
    g_assert_cmpuint(ctl_width("你好"), ==, 4);
    g_assert_cmpuint(ctl_width("e\xcc\x81"), ==, 1); // e + combining acute
    g_assert_cmpuint(ctl_width("ａ"), ==, 2);        // full-width
    g_assert_cmpuint(ctl_width("é…"), ==, 2);
}

static void
test_cut(void)
{
    static const struct {
        const char *text;
        guint columns;
        const char *expected;
    } table[] = {
        {"abc", 3, "abc"},    {"abcd", 3, "ab…"}, {"你好吗", 6, "你好吗"}, {"你好吗", 5, "你好…"},
        {"你好吗", 4, "你…"}, {"abc", 1, "…"},    {"abc", 0, ""},          {"", 0, ""},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *cut = ctl_cut(table[i].text, table[i].columns);
        g_assert_cmpstr(cut, ==, table[i].expected);
        g_assert_cmpuint(ctl_width(cut), <=, table[i].columns);
    }
}

static void
test_clean(void)
{
    static const struct {
        const char *text, *expected;
    } table[] = {
        {"plain 张三", "plain 张三"},
        {"\033[2Jgone", "\xef\xbf\xbd[2Jgone"},
        {"two\nlines\tand", "two lines and"},
        {"\xe2\x80\xae"
         "evil",
         "\xef\xbf\xbd"
         "evil"},
        {"\xc2\x9b"
         "csi",
         "\xef\xbf\xbd"
         "csi"}, // C1 control
        {"bad\xff", "bad\xef\xbf\xbd"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *clean = ctl_clean(table[i].text);
        g_assert_cmpstr(clean, ==, table[i].expected);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/text-width/width", test_width);
    g_test_add_func("/text-width/cut", test_cut);
    g_test_add_func("/text-width/clean", test_clean);
    return g_test_run();
}
