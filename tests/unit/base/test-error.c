// SPDX-License-Identifier: Apache-2.0
// Names and statuses of errors, and messages about one field.
#include "base/error.h"

#include <string.h>

static void
test_table(void)
{
    for (guint i = 0; i < YD_N_ERRORS; i++) {
        YdErrorCode code = YD_N_ERRORS;
        const char *name = yd_error_code_name((YdErrorCode)i);
        g_assert_true(yd_error_code_from_name(name, &code));
        g_assert_cmpuint(code, ==, i); // names are unique
        g_assert_cmpuint(yd_error_code_status(code), >=, 400);
        g_assert_cmpuint(yd_error_code_status(code), <, 600);
    }
    YdErrorCode code = YD_N_ERRORS;
    g_assert_false(yd_error_code_from_name("nonsense", &code));
    g_assert_false(yd_error_code_from_name(NULL, &code));
    g_assert_cmpuint(code, ==, YD_N_ERRORS); // not written
    g_assert_cmpstr(yd_error_code_name(YD_ERROR_NOT_FOUND), ==, "not-found");
    g_assert_cmpuint(yd_error_code_status(YD_ERROR_STALE), ==, 412);
}

static void
test_invalid(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *field = NULL;
    const char *text = NULL;
    g_assert_false(yd_error_invalid(&error, "name", "“%s” is bad: really", "x"));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    yd_error_split(error, &field, &text);
    g_assert_cmpstr(field, ==, "name");
    g_assert_cmpstr(text, ==, "“x” is bad: really");
    g_assert_false(yd_error_invalid(NULL, "name", "x")); // nobody wants to know
}

static void
test_split_without_field(void)
{
    const char *const messages[] = {"No colon at all", "Two words: text", ": text", ""};
    for (guint i = 0; i < G_N_ELEMENTS(messages); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *field = NULL;
        const char *text = NULL;
        yd_error_invalid(&error, NULL, "%s", messages[i]);
        yd_error_split(error, &field, &text);
        g_assert_null(field);
        g_assert_cmpstr(text, ==, messages[i]);
    }
    g_autoptr(GError) other = g_error_new(YD_ERROR, YD_ERROR_STATE, "desktop: busy");
    g_autofree char *field = NULL;
    const char *text = NULL;
    yd_error_split(other, &field, &text);
    g_assert_null(field); // only INVALID names fields
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/error/table", test_table);
    g_test_add_func("/error/invalid", test_invalid);
    g_test_add_func("/error/split-without-field", test_split_without_field);
    return g_test_run();
}
