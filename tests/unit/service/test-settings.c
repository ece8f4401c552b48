// SPDX-License-Identifier: Apache-2.0
// Settings that count at run time.

#include "people-fixture.h"
#include "base/json-util.h"
#include <string.h>

static gboolean
set(Fixture *f, const YdActor *actor, const char *text, GError **error)
{
    g_autoptr(json_t) changes = yd_json_parse(text, strlen(text), error);

    g_assert_nonnull(changes);
    return yd_settings_set(f->service, actor, changes, error);
}

static void
test_set_and_get(Fixture *f, gconstpointer data)
{
    g_autofree char *li = fixture_user(f, "li", "manager");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, li);
    g_autoptr(json_t) all = NULL;
    g_autoptr(GError) error = NULL;
    gsize n;

    yd_settings_rules(&n);
    g_assert_cmpint(yd_settings_int(f->service, "lock_after"), ==, 10);
    g_assert_true(set(f, &f->system, "{\"lock_after\":5,\"password_min\":12}", &error));
    g_assert_cmpint(yd_settings_int(f->service, "lock_after"), ==, 5);
    all = yd_settings_get(f->service, &f->system, &error);
    g_assert_cmpuint(json_object_size(all), ==, n);
    g_assert_cmpint(
        json_integer_value(json_object_get(json_object_get(all, "lock_after"), "value")), ==, 5);
    g_assert_cmpint(
        json_integer_value(json_object_get(json_object_get(all, "lock_after"), "default")), ==, 10);
    g_assert_true(set(f, &f->system, "{\"lock_after\":null}", &error));
    g_assert_cmpint(yd_settings_int(f->service, "lock_after"), ==, 10);
    g_assert_cmpint(yd_settings_int(f->service, "password_min"), ==, 12);
    g_assert_cmpuint(fixture_audits(f, "settings.change", "ok"), ==, 2);
    g_assert_false(set(f, &actor->actor, "{\"lock_after\":5}", &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "settings");
    g_assert_null(yd_settings_get(f->service, &actor->actor, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "settings");
}

static void
test_bad(Fixture *f, gconstpointer data)
{
    static const char *const bad[] = {
        "{\"lock_after\":2}",
        "{\"lock_after\":101}",
        "{\"lock_after\":-9223372036854775808}",
        "{\"lock_after\":9223372036854775807}",
        "{\"lock_after\":\"5\"}",
        "{\"lock_after\":5.5}",
        "{\"lock_after\":true}",
        "{\"lock_after\":[5]}",
        "{\"password_min\":4}",
        "{\"root\":1}",
        "{\"lock_seconds\":20,\"lock_after\":1}",
        "[]",
        "5",
    };
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(set(f, &f->system, bad[i], &error));
        fixture_assert_error(error, YD_ERROR_INVALID, "");
    }
    g_assert_cmpint(yd_settings_int(f->service, "lock_seconds"), ==, 300); // all or none
    g_assert_cmpuint(fixture_audits(f, "settings.change", "ok"), ==, 0);
    g_assert_true(set(f, &f->system, "{}", &error));
}

static void
test_they_count(Fixture *f, gconstpointer data)
{
    g_autofree char *li = fixture_user(f, "li", "user");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, li);
    YdLoginRequest request = {
        .address = "192.0.2.1", .username = "li", .password = "wrong", .kind = "bearer"};
    g_autoptr(YdUser) user = NULL;
    g_autofree char *token = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(set(f, &f->system, "{\"lock_after\":3,\"password_min\":20}", &error));
    g_assert_false(yd_password_change(f->service, &actor->actor, FIXTURE_PASSWORD,
                                      "Seventeen-letters", &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "20 to 256");
    for (int i = 0; i < 3; i++)
        g_assert_false(yd_login_start(f->service, &request, &token, NULL, NULL, NULL));
    user = yd_store_get(f->store, &yd_user_type, li, &error);
    g_assert_cmpint(user->locked_until, >, yd_now_ms());
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/settings/set-and-get", test_set_and_get);
    ADD("/settings/bad", test_bad);
    ADD("/settings/they-count", test_they_count);
    return g_test_run();
}
