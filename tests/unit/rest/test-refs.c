// SPDX-License-Identifier: Apache-2.0
// Picking the object that a name means.
#include "deskctl/refs.h"

#include <string.h>

#include "base/error.h"
#include "deskctl/nouns.h"

static json_t *
people(void)
{
    return json_loads(
        "[{\"id\":\"usr-1\",\"username\":\"ann\",\"number\":\"7\",\"name\":\"Ann Lee\"},"
        "{\"id\":\"usr-2\",\"username\":\"anna\",\"number\":\"8\",\"name\":\"Ann Lee\"},"
        "{\"id\":\"usr-3\",\"username\":\"bob\",\"number\":\"ann\",\"name\":\"Bob\"}]",
        0, NULL);
}

static const char *
pick(const json_t *items, const char *text, GError **error)
{
    const json_t *found = ctl_pick(&ctl_noun_user, text, items, error);
    return found ? json_string_value(json_object_get(found, "id")) : NULL;
}

static void
test_found(void)
{
    g_autoptr(json_t) items = people();
    g_assert_cmpstr(pick(items, "ann", NULL), ==, "usr-1"); // the user name comes before the number
    g_assert_cmpstr(pick(items, "8", NULL), ==, "usr-2");
    g_assert_cmpstr(pick(items, "Bob", NULL), ==, "usr-3");
}

static void
test_not_found(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) items = people();
    g_assert_null(pick(items, "an", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, "ann, anna, bob"));
    g_clear_error(&error);
    g_autoptr(json_t) none = json_array();
    g_assert_null(pick(none, "x", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
}

static void
test_several(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(json_t) items = people();
    g_assert_null(pick(items, "Ann Lee", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "ann (usr-1), anna (usr-2)"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/refs/found", test_found);
    g_test_add_func("/refs/not-found", test_not_found);
    g_test_add_func("/refs/several", test_several);
    return g_test_run();
}
