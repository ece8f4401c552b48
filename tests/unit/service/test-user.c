// SPDX-License-Identifier: Apache-2.0
// People: creating, changing, removing, the last administrator, who may do it.

#include "people-fixture.h"
#include <string.h>

static gboolean
create(Fixture *f, const YdActor *actor, const char *username, const char *name, YdUser **ret_user,
       GError **error)
{
    g_autoptr(YdUser) user = yd_user_new();
    gboolean good;

    user->username = g_strdup(username);
    user->name = g_strdup(name);
    user->enabled = TRUE;
    good = yd_user_create(f->service, actor, user, NULL, error);
    if (good && ret_user)
        *ret_user = g_steal_pointer(&user);
    return good;
}

static YdUser *
load(Fixture *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdUser *user = yd_store_get(f->store, &yd_user_type, id, &error);

    g_assert_no_error(error);
    return user;
}

static void
test_create(Fixture *f, gconstpointer data)
{
    g_autoptr(YdUser) user = yd_user_new();
    g_autoptr(GError) error = NULL;

    user->username = g_strdup("zhang.wei");
    user->name = g_strdup("  张伟  ");
    user->number = g_strdup("1001");
    user->email = g_strdup("zhang@example.org");
    user->role = g_strdup("manager");
    user->enabled = TRUE;
    // What people may not give does not count.
    user->password = g_strdup("$argon2id$forged");
    user->uid = 0;
    user->failed_logins = 7;
    user->last_login = 99;
    yd_user_create(f->service, &f->system, user, "First-Pass-1", &error);
    g_assert_no_error(error);
    g_assert_true(yd_id_valid(user->id, "usr"));
    g_assert_cmpstr(user->name, ==, "张伟");
    g_assert_cmpint(user->uid, >=, 20000);
    g_assert_cmpint(user->failed_logins, ==, 0);
    g_assert_cmpint(user->last_login, ==, 0);
    g_assert_cmpint(user->version, ==, 1);
    g_assert_true(user->must_change);
    g_assert_true(g_str_has_prefix(user->password, "$argon2id$"));
    g_assert_cmpstr(user->password, !=, "$argon2id$forged");
    g_assert_cmpuint(fixture_audits(f, "user.create", "ok"), ==, 1);
}

static void
test_bad_fields(Fixture *f, gconstpointer data)
{
    g_autofree char *big = g_strnfill(4096, 'a');
    g_autoptr(GError) error = NULL;
    const struct {
        const char *username, *name, *message;
    } bad[] = {
        {NULL, "N", "username: "},
        {"", "N", "username: "},
        {"root", "N", "username: "},
        {"Zhang", "N", "username: "},
        {"../etc", "N", "username: "},
        {"a'; DROP TABLE users; --", "N", "username: "},
        {"a b", "N", "username: "},
        {"a\n", "N", "username: "},
        {"张伟", "N", "username: "},
        {big, "N", "username: "},
        {"a\xff", "N", "username: "},
        {"good", NULL, "name: "},
        {"good", "   ", "name: "},
        {"good", big, "name: "},
        {"good",
         "a\x01"
         "b",
         "name: "},
        {"good", "a\nb", "name: "},
        {"good", "abc\u202edef", "name: "},
        {"good", "a\u200fb", "name: "},
        {"good", "a\xff", "name: "},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(create(f, &f->system, bad[i].username, bad[i].name, NULL, &error));
        fixture_assert_error(error, YD_ERROR_INVALID, bad[i].message);
    }
    g_assert_true(create(f, &f->system, "good", "O'Brien \"<b>\" ../ %s", NULL, &error));
}

static void
test_bad_others(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autofree char *big = g_strnfill(4096, 'a');
    g_autoptr(GError) error = NULL;
    const struct {
        const char *field, *value;
    } bad[] = {{"role", "root"},        {"role", ""},     {"role", NULL},  {"email", "x"},
               {"email", "a@b\nc.org"}, {"email", big},   {"number", big}, {"number", "1\t2"},
               {"language", "xx"},      {"language", big}};

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(YdUser) user = load(f, id);
        yd_record_set_text(user, yd_record_field(&yd_user_type, bad[i].field), bad[i].value);
        g_assert_false(yd_user_update(f->service, &f->system, user, 0, &error));
        fixture_assert_error(error, YD_ERROR_INVALID, bad[i].field);
    }
}

static void
test_taken(Fixture *f, gconstpointer data)
{
    g_autofree char *first = fixture_user(f, "li", "user");
    g_autofree char *second = fixture_user(f, "wang", "user");
    g_autoptr(YdUser) one = load(f, first);
    g_autoptr(YdUser) two = load(f, second);
    g_autoptr(GError) error = NULL;

    g_assert_false(create(f, &f->system, "li", "Li", NULL, &error));
    fixture_assert_error(error, YD_ERROR_EXISTS, "username: “li”");
    one->number = g_strdup("7");
    g_assert_true(yd_user_update(f->service, &f->system, one, 0, &error));
    two->number = g_strdup("7");
    g_assert_false(yd_user_update(f->service, &f->system, two, 0, &error));
    fixture_assert_error(error, YD_ERROR_EXISTS, "number: “7”");
}

static void
test_roles(Fixture *f, gconstpointer data)
{
    g_autofree char *manager = fixture_user(f, "manager", "manager");
    g_autofree char *user = fixture_user(f, "user", "user");
    g_autofree char *department = fixture_department(f, "D1", "Ours");
    const char *const who[] = {manager, user};
    g_autofree char *password = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(yd_department_add_member(f->service, &f->system, department, user, NULL, &error));
    g_assert_true(
        yd_department_add_manager(f->service, &f->system, department, manager, NULL, &error));
    for (gsize i = 0; i < G_N_ELEMENTS(who); i++) {
        g_autoptr(YdActorOwned) actor = fixture_actor(f, who[i]);
        g_autoptr(YdUser) self = load(f, who[i]);
        g_assert_false(create(f, &actor->actor, "new", "New", NULL, &error));
        fixture_assert_error(error, YD_ERROR_FORBIDDEN, "users.write");
        yd_set_string(&self->role, "admin");
        g_assert_false(yd_user_update(f->service, &actor->actor, self, 0, &error));
        fixture_assert_error(error, YD_ERROR_FORBIDDEN, "users.write");
        g_assert_false(yd_user_delete(f->service, &actor->actor, user, 0, &error));
        fixture_assert_error(error, YD_ERROR_FORBIDDEN, "users.write");
        g_assert_false(yd_user_reset_password(f->service, &actor->actor, user, &password, &error));
        fixture_assert_error(error, YD_ERROR_FORBIDDEN, "users.write");
    }
    g_assert_null(password);
}

// Even if the table of rights were wrong one day: nobody raises themself.
static void
test_own_role(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "manager", "manager");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, id);
    g_autoptr(YdUser) self = load(f, id);
    g_autoptr(GError) error = NULL;

    actor->actor.role = YD_ROLE_ADMIN; // a stale or forged role
    yd_set_string(&self->role, "admin");
    g_assert_false(yd_user_update(f->service, &actor->actor, self, 0, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "raise their own role");
}

static void
test_stale(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autoptr(YdUser) mine = load(f, id);
    g_autoptr(YdUser) theirs = load(f, id);
    gint64 seen = mine->version;
    g_autoptr(GError) error = NULL;

    yd_set_string(&theirs->name, "Theirs");
    g_assert_true(yd_user_update(f->service, &f->system, theirs, 0, &error));
    g_assert_cmpint(theirs->version, ==, seen + 1);
    yd_set_string(&mine->name, "Mine");
    g_assert_false(yd_user_update(f->service, &f->system, mine, 0, &error));
    fixture_assert_error(error, YD_ERROR_STALE, "load it again");
    g_assert_false(yd_user_update(f->service, &f->system, theirs, seen, &error));
    fixture_assert_error(error, YD_ERROR_STALE, "load it again");
    g_assert_false(yd_user_delete(f->service, &f->system, id, seen, &error));
    fixture_assert_error(error, YD_ERROR_STALE, "load it again");
    g_clear_pointer(&mine, yd_user_free);
    mine = load(f, id);
    g_assert_cmpstr(mine->name, ==, "Theirs");
    g_assert_true(yd_user_delete(f->service, &f->system, id, seen + 1, &error));
}

// Only fields that people may change are taken over.
static void
test_update_takes_no_more(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autoptr(YdUser) user = load(f, id);
    g_autoptr(YdUser) after = NULL;
    g_autofree char *hash = g_strdup(user->password);
    gint64 uid = user->uid, version = user->version;
    g_autoptr(GError) error = NULL;

    yd_set_string(&user->password, "$argon2id$forged");
    yd_set_string(&user->username, "root");
    user->uid = 0;
    g_assert_true(yd_user_update(f->service, &f->system, user, 0, &error));
    g_assert_cmpint(user->version, ==, version); // nothing changed
    yd_set_string(&user->name, "New name");
    yd_set_string(&user->username, "root");
    user->uid = 0;
    g_assert_true(yd_user_update(f->service, &f->system, user, 0, &error));
    after = load(f, id);
    g_assert_cmpstr(after->name, ==, "New name");
    g_assert_cmpstr(after->username, ==, "li");
    g_assert_cmpstr(after->password, ==, hash);
    g_assert_cmpint(after->uid, ==, uid);
    g_assert_cmpuint(fixture_audits(f, "user.change", "ok"), ==, 1);
}

static void
test_disable(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autofree char *pool = fixture_pool(f, "pool");
    g_autofree char *desktop = fixture_desktop(f, pool, id, "d");
    g_autofree char *token = fixture_login(f, "li", "bearer");
    g_autofree char *connection = fixture_connection(f, desktop, id, NULL);
    g_autofree char *state = NULL;
    g_autoptr(YdUser) user = load(f, id);
    g_autoptr(YdActorOwned) actor = NULL;
    g_autoptr(GPtrArray) logins = NULL;
    g_autoptr(GError) error = NULL;

    user->enabled = FALSE;
    g_assert_true(yd_user_update(f->service, &f->system, user, 0, &error));
    state = fixture_connection_state(f, connection);
    g_assert_cmpstr(state, ==, "ended");
    g_assert_false(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
    g_clear_error(&error);
    logins = yd_store_all(f->store, &yd_login_type, "user_id", id, &error);
    g_assert_cmpuint(logins->len, ==, 0);
    user->enabled = TRUE; // enabling brings no log-in back
    g_assert_true(yd_user_update(f->service, &f->system, user, 0, &error));
    g_assert_false(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
}

static void
test_demote(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "boss", "manager");
    g_autofree char *department = fixture_department(f, "D1", "Ours");
    g_autofree char *pool = fixture_pool(f, "pool");
    g_autofree char *desktop = fixture_desktop(f, pool, id, "d");
    g_autofree char *connection = fixture_connection(f, desktop, id, NULL);
    g_autofree char *token = fixture_login(f, "boss", "bearer");
    g_autofree char *state = NULL;
    g_autoptr(YdUser) user = load(f, id);
    g_autoptr(YdActorOwned) actor = NULL;
    g_autoptr(GPtrArray) managed = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(yd_department_add_manager(f->service, &f->system, department, id, NULL, &error));
    yd_set_string(&user->role, "user");
    g_assert_true(yd_user_update(f->service, &f->system, user, 0, &error));
    g_assert_false(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
    g_clear_error(&error);
    managed = yd_store_all(f->store, &yd_managership_type, "user_id", id, &error);
    g_assert_cmpuint(managed->len, ==, 0);
    state = fixture_connection_state(f, connection);
    g_assert_cmpstr(state, ==, "ended");
}

static void
test_delete(Fixture *f, gconstpointer data)
{
    g_autofree char *admin = fixture_user(f, "admin", "admin");
    g_autofree char *id = fixture_user(f, "li", "manager");
    g_autofree char *department = fixture_department(f, "D1", "Ours");
    g_autofree char *pool = fixture_pool(f, "pool");
    g_autofree char *desktop = fixture_desktop(f, pool, id, "li-desktop");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, admin);
    g_autoptr(GError) error = NULL;

    g_free(fixture_login(f, "li", "bearer"));
    yd_department_add_member(f->service, &f->system, department, id, NULL, &error);
    yd_department_add_manager(f->service, &f->system, department, id, NULL, &error);
    yd_pool_entitle(f->service, &f->system, pool, NULL, id, NULL, &error);
    g_assert_no_error(error);
    g_assert_false(yd_user_delete(f->service, &actor->actor, id, 0, &error));
    fixture_assert_error(error, YD_ERROR_IN_USE, "li-desktop");
    g_assert_true(yd_store_delete(f->store, &yd_desktop_type, desktop, 0, &error));
    g_assert_true(yd_user_delete(f->service, &actor->actor, id, 0, &error));
    g_assert_false(yd_user_delete(f->service, &actor->actor, id, 0, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, id);
    g_assert_cmpuint(fixture_audits(f, "user.delete", "ok"), ==, 1);
    g_assert_false(yd_user_delete(f->service, &actor->actor, admin, 0, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "yourself");
}

static void
test_last_admin(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "admin", "admin");
    g_autofree char *asleep = fixture_user(f, "asleep", "admin");
    g_autoptr(YdUser) other = load(f, asleep);
    g_autoptr(GError) error = NULL;

    other->enabled = FALSE;
    g_assert_true(yd_user_update(f->service, &f->system, other, 0, &error));
    for (int i = 0; i < 2; i++) {
        g_autoptr(YdUser) user = load(f, id);
        if (i)
            user->enabled = FALSE;
        else
            yd_set_string(&user->role, "manager");
        g_assert_false(yd_user_update(f->service, &f->system, user, 0, &error));
        fixture_assert_error(error, YD_ERROR_STATE, "last enabled administrator");
    }
    g_assert_false(yd_user_delete(f->service, &f->system, id, 0, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "last enabled administrator");
    other->enabled = TRUE;
    g_assert_true(yd_user_update(f->service, &f->system, other, 0, &error));
    g_assert_true(yd_user_delete(f->service, &f->system, id, 0, &error));
}

typedef struct {
    Fixture *f;
    const char *id;
    guint way;
    int *ready;
    gboolean done;
} Rival;

static gpointer
rival(gpointer data)
{
    Rival *r = data;
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(r->f->service, &error);
    g_autoptr(YdUser) user = yd_store_get(store, &yd_user_type, r->id, &error);

    g_assert_no_error(error);
    g_atomic_int_inc(r->ready);
    while (g_atomic_int_get(r->ready) < 2)
        g_thread_yield();
    if (r->way == 0) {
        r->done = yd_user_delete(r->f->service, &r->f->system, r->id, 0, &error);
    } else {
        if (r->way == 1)
            user->enabled = FALSE;
        else
            yd_set_string(&user->role, "user");
        r->done = yd_user_update(r->f->service, &r->f->system, user, 0, &error);
    }
    g_assert_true(r->done || g_error_matches(error, YD_ERROR, YD_ERROR_STATE));
    return NULL;
}

// Two administrators, two threads, each wants another one gone: just one gets their way.
static void
test_last_admin_raced(Fixture *f, gconstpointer data)
{
    for (guint round = 0; round < 30; round++) {
        g_autofree char *a_name = g_strdup_printf("a%u", round);
        g_autofree char *b_name = g_strdup_printf("b%u", round);
        g_autofree char *a = fixture_user(f, a_name, "admin");
        g_autofree char *b = fixture_user(f, b_name, "admin");
        int ready = 0;
        Rival rivals[2] = {{f, a, round % 3, &ready, FALSE}, {f, b, round / 3 % 3, &ready, FALSE}};
        GThread *threads[2];

        for (int i = 0; i < 2; i++)
            threads[i] = g_thread_new("rival", rival, &rivals[i]);
        for (int i = 0; i < 2; i++)
            g_thread_join(threads[i]);
        g_assert_cmpint(rivals[0].done + rivals[1].done, ==, 1);
        // Take the one who is left out of the next round.
        g_autoptr(YdUser) left = load(f, rivals[0].done ? b : a);
        yd_set_string(&left->role, "user");
        g_assert_true(yd_store_update(f->store, &yd_user_type, left, NULL));
    }
}

static void
test_reset(Fixture *f, gconstpointer data)
{
    g_autofree char *admin = fixture_user(f, "admin", "admin");
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autofree char *token = fixture_login(f, "li", "bearer");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, admin);
    g_autoptr(YdActorOwned) gone = NULL;
    g_autoptr(YdUser) user = load(f, id);
    g_autofree char *password = NULL;
    g_autoptr(GError) error = NULL;

    user->failed_logins = 10;
    user->locked_until = yd_now_ms() + 60000;
    g_assert_true(yd_store_update(f->store, &yd_user_type, user, &error));
    g_assert_false(yd_user_reset_password(f->service, &actor->actor, admin, &password, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "your own");
    g_assert_false(
        yd_user_reset_password(f->service, &actor->actor, "usr-none", &password, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, "usr-none");
    g_assert_true(yd_user_reset_password(f->service, &actor->actor, id, &password, &error));
    g_assert_cmpuint(strlen(password), >=, 16);
    g_clear_pointer(&user, yd_user_free);
    user = load(f, id);
    g_assert_true(user->must_change);
    g_assert_cmpint(user->locked_until, ==, 0);
    g_assert_false(yd_login_check(f->service, token, "bearer", NULL, 0, &gone, &error));
    g_assert_cmpuint(fixture_audits(f, "user.password", "ok"), ==, 1);
}

static void
test_oneself(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, id);
    g_autoptr(YdUser) me = yd_user_me(f->service, &actor->actor, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpstr(me->id, ==, id);
    g_assert_true(yd_user_set_language(f->service, &actor->actor, "zh-CN", &error));
    g_assert_false(yd_user_set_language(f->service, &actor->actor, "xx\n", &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "language: ");
    g_assert_true(yd_user_set_language(f->service, &actor->actor, NULL, &error));
    g_assert_null(yd_user_me(f->service, &f->system, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, "no person");
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/user/create", test_create);
    ADD("/user/bad-fields", test_bad_fields);
    ADD("/user/bad-others", test_bad_others);
    ADD("/user/taken", test_taken);
    ADD("/user/roles", test_roles);
    ADD("/user/own-role", test_own_role);
    ADD("/user/stale", test_stale);
    ADD("/user/update-takes-no-more", test_update_takes_no_more);
    ADD("/user/disable", test_disable);
    ADD("/user/demote", test_demote);
    ADD("/user/delete", test_delete);
    ADD("/user/last-admin", test_last_admin);
    ADD("/user/last-admin-raced", test_last_admin_raced);
    ADD("/user/reset", test_reset);
    ADD("/user/oneself", test_oneself);
    return g_test_run();
}
