// SPDX-License-Identifier: Apache-2.0
// Checks of what people type, and how it is quoted in messages.

#include "people-fixture.h"
#include "service/check.h"
#include <string.h>

static void
test_quote(void)
{
    g_autofree char *big = g_strnfill(4096, 'x');
    const struct {
        const char *value, *quoted;
    } cases[] = {
        {NULL, "“”"},
        {"", "“”"},
        {"张伟", "“张伟”"},
        {"a\nb", "“a\\x{a}b”"},
        {"a\u202eb", "“a\\x{202e}b”"},
        {"a\xff", "“a\\xff”"},
        {"\xe5\xbc", "“\\xe5\\xbc”"},
        {"\x1b[31m", "“\\x{1b}[31m”"},
        {"م\u200cن", "“م\u200cن”"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *quoted = yd_check_quote(cases[i].value);
        g_assert_cmpstr(quoted, ==, cases[i].quoted);
        g_assert_true(g_utf8_validate(quoted, -1, NULL));
    }
    g_autofree char *quoted = yd_check_quote(big);
    g_assert_cmpuint((guint)g_utf8_strlen(quoted, -1), ==, 43);
    g_assert_true(g_str_has_suffix(quoted, "x…”"));
}

static void
test_text(void)
{
    g_autofree char *value = g_strdup("  a b \t");
    g_autoptr(GError) error = NULL;

    g_assert_true(yd_check_text("name", &value, TRUE, 3, FALSE, &error));
    g_assert_cmpstr(value, ==, "a b");
    g_assert_false(yd_check_text("name", &value, TRUE, 2, FALSE, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "name: ");
    yd_set_string(&value, " ");
    g_assert_true(yd_check_text("name", &value, FALSE, 3, FALSE, &error));
    g_assert_null(value);
    g_assert_false(yd_check_text("name", &value, TRUE, 3, FALSE, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "missing");
}

static void
test_name(void)
{
    g_autoptr(GError) error = NULL;
    static const char *const bad[] = {NULL, "", "-a", "a b", "abcdef", "é", "a\n", "A"};

    g_assert_true(yd_check_name("f", "a-1", YD_CHECK_LOWER YD_CHECK_DIGITS, "-", 5, "h", &error));
    g_assert_true(yd_check_name("f", "abcde", YD_CHECK_LOWER, "-", 5, "h", &error));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(
            yd_check_name("f", bad[i], YD_CHECK_LOWER YD_CHECK_DIGITS, "-", 5, "h", &error));
        fixture_assert_error(error, YD_ERROR_INVALID, "f: ");
    }
}

static void
test_rows(Fixture *f, gconstpointer data)
{
    g_autofree char *li = fixture_user(f, "li", "user");
    g_autoptr(GError) error = NULL;

    g_assert_true(yd_check_unique(f->store, &yd_user_type, "username", NULL, NULL, &error));
    g_assert_true(yd_check_unique(f->store, &yd_user_type, "username", "new", NULL, &error));
    g_assert_true(yd_check_unique(f->store, &yd_user_type, "username", "li", li, &error));
    g_assert_false(yd_check_unique(f->store, &yd_user_type, "username", "li", NULL, &error));
    fixture_assert_error(error, YD_ERROR_EXISTS, "username: “li” is taken by another user");
    g_assert_true(yd_check_reference(f->store, "user_id", &yd_user_type, NULL, &error));
    g_assert_true(yd_check_reference(f->store, "user_id", &yd_user_type, li, &error));
    g_assert_false(yd_check_reference(f->store, "user_id", &yd_user_type, "' OR 1=1", &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "user_id: there is no user");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/check/quote", test_quote);
    g_test_add_func("/check/text", test_text);
    g_test_add_func("/check/name", test_name);
    g_test_add("/check/rows", Fixture, NULL, fixture_set_up, test_rows, fixture_tear_down);
    return g_test_run();
}
