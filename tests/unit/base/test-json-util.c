// SPDX-License-Identifier: Apache-2.0
// Strict JSON: what is refused, and how it is said.
#include "base/json-util.h"

#include <string.h>

#include "base/error.h"

static char *
nested(guint depth)
{
    GString *text = g_string_new(NULL);
    for (guint i = 0; i < depth; i++)
        g_string_append(text, i % 2 ? "{\"a\":" : "[");
    g_string_append(text, "1");
    for (guint i = depth; i-- > 0;)
        g_string_append(text, i % 2 ? "}" : "]");
    return g_string_free(text, FALSE);
}

static void
assert_refused(const char *text, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_json_parse(text, length, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_assert_true(g_utf8_validate(error->message, -1, NULL));
}

static void
test_refused(void)
{
    const char *const bad[] = {"",
                               "{",
                               "{\"a\":1,}",
                               "{\"a\":1,\"a\":2}",
                               "{'a':1}",
                               "nul",
                               "[1] x",
                               "{\"a\":\"\xff\"}",
                               "\"\\ud800\"",
                               "\"\\u0000\"",
                               "{\"\xc3\x28\":1}",
                               "[1e999]",
                               "[99999999999999999999999]",
                               "\"\n\"",
                               "\"\\"};
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_refused(bad[i], strlen(bad[i]));
    assert_refused("[1]\0x", 5);
    for (guint depth = 17; depth < 100000; depth *= 7) {
        g_autofree char *deep = nested(depth);
        assert_refused(deep, strlen(deep));
    }
}

static void
test_accepted(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *deep = nested(YD_JSON_DEPTH);
    g_autoptr(json_t) json = yd_json_parse(deep, strlen(deep), &error);
    g_assert_nonnull(json);
    g_assert_no_error(error);
    const char *brackets = "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[\\\"{{{{\",\"b\":[1.5,true,null]}";
    g_autoptr(json_t) object = yd_json_parse_object(brackets, &error);
    g_assert_no_error(error);
    g_autofree char *text = yd_json_text(object);
    g_assert_cmpstr(text, ==, brackets);
    g_autoptr(json_t) number = yd_json_parse("7", 1, &error);
    g_autofree char *seven = yd_json_text(number);
    g_assert_cmpstr(seven, ==, "7");
    g_assert_null(yd_json_parse_object("[1]", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

static void
test_members(void)
{
    g_autoptr(json_t) object =
        yd_json_parse_object("{\"s\":\"text\",\"i\":5,\"b\":true,\"n\":null}", NULL);
    const char *text = "default";
    gint64 number = 1;
    gboolean yes = FALSE;
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_json_string(object, "s", &text, NULL));
    g_assert_cmpstr(text, ==, "text");
    g_assert_true(yd_json_string(object, "n", &text, NULL));
    g_assert_true(yd_json_string(object, "missing", &text, NULL));
    g_assert_cmpstr(text, ==, "text");
    g_assert_true(yd_json_int(object, "i", 0, 9, &number, NULL));
    g_assert_cmpint(number, ==, 5);
    g_assert_true(yd_json_bool(object, "b", &yes, NULL));
    g_assert_true(yes);
    g_assert_false(yd_json_string(object, "i", &text, &error));
    g_assert_cmpstr(error->message, ==, "i: must be a text, not a whole number");
    g_assert_false(yd_json_int(object, "i", 6, 9, &number, NULL));
    g_assert_false(yd_json_int(object, "s", 6, 9, &number, NULL));
    g_assert_false(yd_json_bool(object, "s", &yes, NULL));
    const char *const known[] = {"s", "i", "b", NULL};
    g_clear_error(&error);
    g_assert_false(yd_json_known(object, known, &error));
    g_assert_cmpstr(error->message, ==, "n: there is no such field; known are s, i, b");
    g_autoptr(json_t) odd = yd_json_parse_object("{\"\\u202e: \\n<b>\":1}", NULL);
    g_clear_error(&error);
    g_assert_false(yd_json_known(odd, known, &error));
    g_assert_null(strchr(error->message, '\n'));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/refused", test_refused);
    g_test_add_func("/json/accepted", test_accepted);
    g_test_add_func("/json/members", test_members);
    return g_test_run();
}
