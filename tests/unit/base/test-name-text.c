// SPDX-License-Identifier: Apache-2.0
// Names as texts and back; what no path may have.
#include "base/name-text.h"

#include <string.h>

#include "base/error.h"

static void
test_texts(void)
{
    static const struct {
        const char *name;
        gsize length;
        const char *text;
    } cases[] = {
        {"report.odt", 10, "report.odt"},
        {"\xe6\x8a\xa5\xe5\x91\x8a", 6, "\xe6\x8a\xa5\xe5\x91\x8a"},
        {"a\\b", 3, "a\\\\b"},
        {"\\x41", 4, "\\\\x41"},
        {"a\nb", 3, "a\\x0ab"},
        {"\xff\xfe", 2, "\\xff\\xfe"},
        {"\xe6\x8a", 2, "\\xe6\\x8a"},          // cut off
        {"\xc2\x9b", 2, "\\xc2\\x9b"},          // a control character
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"}, // half a surrogate
        {"a b", 3, "a b"},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = yd_name_text(cases[i].name, cases[i].length);
        g_assert_cmpstr(text, ==, cases[i].text);
        g_autofree char *path = g_strconcat("/x/", text, NULL);
        g_autoptr(GPtrArray) names = yd_path_names(path, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(names->len, ==, 2);
        gsize n = 0;
        const char *back = g_bytes_get_data(names->pdata[1], &n);
        g_assert_cmpmem(back, n, cases[i].name, cases[i].length);
    }
    // What cannot be in a sound directory has a text, too, that leads nowhere.
    g_autofree char *hostile = yd_name_text("a/b\0c", 5);
    g_assert_cmpstr(hostile, ==, "a\\x2fb\\x00c");
    g_autofree char *path = yd_path_text("a\xff/b/", 5);
    g_assert_cmpstr(path, ==, "a\\xff/b/");
}

static void
test_refused(void)
{
    static const char *const bad[] = {
        "",         "a",        "/..",  "/a/../b", "/.",      "/a/.",  "/\\x2e\\x2e",
        "/a\\x00b", "/a\\x2fb", "/a\\", "/a\\x4",  "/a\\xg0", "/a\\n", "/\\x2e",
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) names = yd_path_names(bad[i], &error);
        g_assert_null(names);
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_assert_true(g_str_has_prefix(error->message, "path: "));
    }
    g_autofree char *name = g_strnfill(256, 'a');
    g_autofree char *long_name = g_strconcat("/", name, NULL);
    g_assert_null(yd_path_names(long_name, NULL));
    g_autoptr(GString) deep = g_string_new(NULL);
    for (guint i = 0; i <= YD_PATH_PARTS; i++)
        g_string_append(deep, "/a");
    g_assert_null(yd_path_names(deep->str, NULL));
    g_autoptr(GPtrArray) root = yd_path_names("///", NULL);
    g_assert_cmpuint(root->len, ==, 0);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/name-text/each name has one text, and back", test_texts);
    g_test_add_func("/name-text/no way up, no NUL, no odd escapes", test_refused);
    return g_test_run();
}
