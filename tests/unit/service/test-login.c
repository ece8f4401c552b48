// SPDX-License-Identifier: Apache-2.0
// Log-ins: starting, checking each request, ending; lock-out, throttle, changing one's password.

#include "people-fixture.h"
#include "base/secret.h"
#include "store/store-people.h"
#include <string.h>
#include <time.h>

static gboolean
try_login(Fixture *f, const char *address, const char *username, const char *password,
          char **ret_token, char **ret_csrf, GError **error)
{
    YdLoginRequest request = {.address = address,
                              .agent = "agent",
                              .request_id = "req",
                              .username = username,
                              .password = password,
                              .kind = ret_csrf ? "cookie" : "bearer"};
    g_autofree char *token = NULL;
    gboolean good = yd_login_start(f->service, &request, &token, ret_csrf, NULL, error);

    if (good && ret_token)
        *ret_token = g_steal_pointer(&token);
    return good;
}

static YdUser *
user_of(Fixture *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdUser *user = yd_store_get(f->store, &yd_user_type, id, &error);

    g_assert_no_error(error);
    return user;
}

static void
test_cookie(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "zhang.wei", "manager");
    g_autofree char *token = NULL;
    g_autofree char *csrf = NULL;
    g_autoptr(YdActorOwned) actor = NULL;
    g_autoptr(YdUser) user = NULL;
    g_autoptr(GError) error = NULL;

    try_login(f, "192.0.2.7", " Zhang.Wei ", FIXTURE_PASSWORD, &token, &csrf, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(strlen(token), ==, 43);
    g_assert_cmpuint(strlen(csrf), ==, 43);
    g_assert_cmpuint(fixture_audits(f, "login.start", "ok"), ==, 1);
    user = user_of(f, id);
    g_assert_cmpint(user->last_login, >, 0);
    g_assert_cmpint(user->version, ==, 2); // a log-in makes no change of a person stale

    yd_login_check(f->service, token, "cookie", NULL, 0, &actor, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(actor->actor.user_id, ==, id);
    g_assert_cmpstr(actor->actor.username, ==, "zhang.wei");
    g_assert_cmpint(actor->actor.role, ==, YD_ROLE_MANAGER);
    g_assert_false(actor->must_change);
    yd_actor_owned_set(actor, "192.0.2.7", "req-2");
    g_assert_cmpstr(actor->actor.address, ==, "192.0.2.7");
    g_clear_pointer(&actor, yd_actor_owned_free);

    yd_login_check(f->service, token, "cookie", csrf, YD_LOGIN_NEED_CSRF, &actor, &error);
    g_assert_no_error(error);
    g_assert_nonnull(actor);
}

static void
test_csrf(Fixture *f, gconstpointer data)
{
    G_GNUC_UNUSED g_autofree char *id = fixture_user(f, "li", "user");
    g_autofree char *token = NULL, *csrf = NULL, *bearer = NULL;
    g_autoptr(YdActorOwned) actor = NULL;
    g_autoptr(GError) error = NULL;
    const char *wrong[] = {NULL, "", "x", NULL};

    g_assert_true(try_login(f, "192.0.2.7", "li", FIXTURE_PASSWORD, &token, &csrf, &error));
    g_assert_true(try_login(f, "192.0.2.7", "li", FIXTURE_PASSWORD, &bearer, NULL, &error));
    wrong[2] = token;
    for (int i = 0; i < 3; i++) {
        g_assert_false(yd_login_check(f->service, token, "cookie", wrong[i], YD_LOGIN_NEED_CSRF,
                                      &actor, &error));
        fixture_assert_error(error, YD_ERROR_FORBIDDEN, "X-CSRF-Token");
    }
    // A bearer token needs none, and the kinds can't be swapped.
    g_assert_true(
        yd_login_check(f->service, bearer, "bearer", NULL, YD_LOGIN_NEED_CSRF, &actor, &error));
    g_clear_pointer(&actor, yd_actor_owned_free);
    g_assert_false(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
    fixture_assert_error(error, YD_ERROR_UNAUTHENTICATED, "log in again");
    g_assert_false(yd_login_check(f->service, bearer, "cookie", NULL, 0, &actor, &error));
    fixture_assert_error(error, YD_ERROR_UNAUTHENTICATED, "log in again");
}

static void
test_bad_tokens(Fixture *f, gconstpointer data)
{
    G_GNUC_UNUSED g_autofree char *id = fixture_user(f, "li", "user");
    g_autofree char *good = fixture_login(f, "li", "bearer");
    g_autofree char *hash = yd_token_hash(good);
    g_autofree char *big = g_strnfill(4096, 'a');
    const char *tokens[] = {"", "x", "' OR 1=1 --", "\xff\xfe", hash, big};
    g_autoptr(YdActorOwned) actor = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_false(yd_login_check(f->service, NULL, "bearer", NULL, 0, &actor, &error));
    fixture_assert_error(error, YD_ERROR_UNAUTHENTICATED, "log in again");
    for (gsize i = 0; i < G_N_ELEMENTS(tokens); i++) {
        g_assert_false(yd_login_check(f->service, tokens[i], "bearer", NULL, 0, &actor, &error));
        fixture_assert_error(error, YD_ERROR_UNAUTHENTICATED, "log in again");
    }
    g_assert_null(actor);
}

// All that is wrong looks the same.
static void
test_same_answer(Fixture *f, gconstpointer data)
{
    G_GNUC_UNUSED g_autofree char *id = fixture_user(f, "li", "user");
    g_autofree char *off = fixture_user(f, "off", "user");
    g_autofree char *locked = fixture_user(f, "locked", "user");
    g_autofree char *none = fixture_user(f, "none", "user");
    g_autofree char *big = g_strnfill(4096, 'a');
    g_autoptr(YdUser) disabled = user_of(f, off);
    g_autoptr(YdUser) waits = user_of(f, locked);
    g_autoptr(YdUser) empty = user_of(f, none);
    g_autoptr(GError) error = NULL;
    g_autofree char *first = NULL;
    const struct {
        const char *username, *password;
    } tries[] = {
        {"li", "wrong"},
        {"nobody", FIXTURE_PASSWORD},
        {"off", FIXTURE_PASSWORD},
        {"locked", FIXTURE_PASSWORD},
        {"none", FIXTURE_PASSWORD},
        {"none", ""},
        {"li", NULL},
        {NULL, FIXTURE_PASSWORD},
        {"", ""},
        {"li", big},
        {big, big},
        {"li\xff", "\xff\xfe"},
        {"' OR '1'='1", "' OR '1'='1"},
    };

    disabled->enabled = FALSE;
    g_assert_true(yd_store_update(f->store, &yd_user_type, disabled, NULL));
    waits->locked_until = yd_now_ms() + 60000;
    g_assert_true(yd_store_update(f->store, &yd_user_type, waits, NULL));
    yd_set_string(&empty->password, NULL);
    g_assert_true(yd_store_update(f->store, &yd_user_type, empty, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(tries); i++) {
        g_assert_false(
            try_login(f, "192.0.2.7", tries[i].username, tries[i].password, NULL, NULL, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_UNAUTHENTICATED);
        if (!first)
            first = g_strdup(error->message);
        g_assert_cmpstr(error->message, ==, first);
        g_clear_error(&error);
    }
    g_assert_cmpuint(fixture_audits(f, "login.start", "unauthenticated"), ==, G_N_ELEMENTS(tries));
}

// The audit has no text that may be a password in the wrong field.
static void
test_audit_has_no_secret(Fixture *f, gconstpointer data)
{
    G_GNUC_UNUSED g_autofree char *id = fixture_user(f, "li", "user");
    g_autoptr(YdPage) page = NULL;
    YdQuery query = {0};

    g_assert_false(try_login(f, "192.0.2.7", "hunter2-secret", "x", NULL, NULL, NULL));
    g_assert_false(try_login(f, "192.0.2.7", "li", "hunter2-secret", NULL, NULL, NULL));
    page = yd_store_list(f->store, &yd_audit_type, &query, NULL);
    for (guint i = 0; i < page->records->len; i++) {
        for (guint n = 0; n < yd_audit_type.n_fields; n++) {
            const YdField *field = &yd_audit_type.fields[n];
            const char *text = field->kind == YD_FIELD_TEXT || field->kind == YD_FIELD_JSON
                                   ? yd_record_text(page->records->pdata[i], field)
                                   : NULL;
            g_assert_false(text && (strstr(text, "hunter2") || strstr(text, "$argon2")));
        }
    }
}

static void
test_lock_out(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autoptr(YdUser) user = NULL;
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 10; i++)
        g_assert_false(try_login(f, "192.0.2.7", "li", "wrong", NULL, NULL, NULL));
    user = user_of(f, id);
    g_assert_cmpint(user->failed_logins, ==, 10);
    g_assert_cmpint(user->locked_until, >, yd_now_ms() + 290000);
    g_assert_false(try_login(f, "192.0.2.8", "li", FIXTURE_PASSWORD, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_UNAUTHENTICATED, "locked");
    g_clear_pointer(&user, yd_user_free);
    user = user_of(f, id);
    g_assert_cmpint(user->failed_logins, ==, 10); // tries while locked prolong nothing
    user->locked_until = yd_now_ms() - 1;         // the time is over
    g_assert_true(yd_store_update(f->store, &yd_user_type, user, NULL));
    g_assert_true(try_login(f, "192.0.2.8", "li", FIXTURE_PASSWORD, NULL, NULL, &error));
    g_clear_pointer(&user, yd_user_free);
    user = user_of(f, id);
    g_assert_cmpint(user->failed_logins, ==, 0);
    g_assert_cmpint(user->locked_until, ==, 0);
}

static void
test_throttled(Fixture *f, gconstpointer data)
{
    G_GNUC_UNUSED g_autofree char *id = fixture_user(f, "li", "user");
    g_autoptr(GError) error = NULL;
    guint refused = 0;

    for (int i = 0; i < 40; i++) // good ones cost nothing
        g_assert_true(try_login(f, "192.0.2.9", "li", FIXTURE_PASSWORD, NULL, NULL, &error));
    for (int i = 0; i < 40; i++) {
        g_assert_false(try_login(f, "192.0.2.9", "nobody", "x", NULL, NULL, &error));
        refused += g_error_matches(error, YD_ERROR, YD_ERROR_THROTTLED);
        g_clear_error(&error);
    }
    g_assert_cmpuint(refused, >, 10);
    g_assert_false(try_login(f, "192.0.2.9", "li", FIXTURE_PASSWORD, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_THROTTLED, "wait");
    g_assert_true(try_login(f, "192.0.2.10", "li", FIXTURE_PASSWORD, NULL, NULL, &error));
}

// 40 log-ins are good, but no person has more than 50 at a time.
static void
test_limit(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autofree char *first = fixture_login(f, "li", "bearer");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, id);
    g_autoptr(GPtrArray) logins = NULL;
    g_autoptr(YdActorOwned) found = NULL;
    g_autoptr(GError) error = NULL;

    for (int i = 0; i < 55; i++)
        g_free(fixture_login(f, "li", "bearer"));
    logins = yd_login_list_own(f->service, &actor->actor, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(logins->len, ==, 50);
    for (guint i = 0; i < logins->len; i++)
        g_assert_null(((YdLogin *)logins->pdata[i])->token_hash);
    g_assert_false(yd_login_check(f->service, first, "bearer", NULL, 0, &found, &error));
    fixture_assert_error(error, YD_ERROR_UNAUTHENTICATED, "ended");
}

static YdLogin *
only_login(Fixture *f, const char *user_id)
{
    g_autoptr(GPtrArray) logins = yd_store_all(f->store, &yd_login_type, "user_id", user_id, NULL);

    g_assert_cmpuint(logins->len, ==, 1);
    return yd_login_copy(logins->pdata[0]);
}

static void
test_idle_and_old(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autofree char *pool = fixture_pool(f, "pool");
    g_autofree char *desktop = fixture_desktop(f, pool, id, "d");
    g_autoptr(YdActorOwned) actor = NULL;
    g_autoptr(GError) error = NULL;

    for (int old = 0; old < 2; old++) {
        g_autofree char *token = fixture_login(f, "li", "bearer");
        g_autoptr(YdLogin) login = only_login(f, id);
        g_autofree char *connection = fixture_connection(f, desktop, id, login->id);
        g_autofree char *state = NULL;
        if (old)
            login->created -= 8 * 24 * 3600 * G_GINT64_CONSTANT(1000);
        else
            login->last_used -= 13 * 3600 * G_GINT64_CONSTANT(1000);
        g_assert_true(yd_store_delete(f->store, &yd_login_type, login->id, 0, NULL));
        g_assert_true(yd_store_insert(f->store, &yd_login_type, login, NULL));
        g_assert_false(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
        fixture_assert_error(error, YD_ERROR_UNAUTHENTICATED, "ended");
        state = fixture_connection_state(f, connection);
        g_assert_cmpstr(state, ==, "ended");
    }
}

static void
test_prune(Fixture *f, gconstpointer data)
{
    G_GNUC_UNUSED g_autofree char *id = fixture_user(f, "li", "user");
    g_autofree char *token = fixture_login(f, "li", "bearer");
    g_autoptr(YdActorOwned) actor = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(yd_login_prune(f->service, yd_now_ms(), &error));
    g_assert_true(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
    g_assert_true(
        yd_login_prune(f->service, yd_now_ms() + 13 * 3600 * G_GINT64_CONSTANT(1000), &error));
    g_clear_pointer(&actor, yd_actor_owned_free);
    g_assert_false(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
}

static void
test_end(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autofree char *other = fixture_user(f, "wang", "admin");
    g_autofree char *pool = fixture_pool(f, "pool");
    g_autofree char *desktop = fixture_desktop(f, pool, id, "d");
    g_autofree char *token = fixture_login(f, "li", "bearer");
    g_autoptr(YdLogin) login = only_login(f, id);
    g_autofree char *connection = fixture_connection(f, desktop, id, login->id);
    g_autoptr(YdActorOwned) stranger = fixture_actor(f, other);
    g_autoptr(YdActorOwned) actor = NULL;
    g_autofree char *state = NULL;
    g_autoptr(GError) error = NULL;

    // An administrator neither: this verb is about one's own.
    g_assert_false(yd_login_end_other(f->service, &stranger->actor, login->id, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, login->id);
    g_assert_false(yd_login_end_other(f->service, &stranger->actor, "log-x\xff", &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, "log-x");
    g_assert_true(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
    g_assert_true(yd_login_end(f->service, &actor->actor, &error));
    state = fixture_connection_state(f, connection);
    g_assert_cmpstr(state, ==, "ended");
    g_clear_pointer(&actor, yd_actor_owned_free);
    g_assert_false(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
    g_assert_cmpuint(fixture_audits(f, "login.end", "ok"), ==, 1);
}

static void
test_must_change(Fixture *f, gconstpointer data)
{
    g_autofree char *admin = fixture_user(f, "admin", "admin");
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autoptr(YdActorOwned) boss = fixture_actor(f, admin);
    g_autoptr(YdActorOwned) actor = NULL;
    g_autofree char *password = NULL, *token = NULL;
    g_autoptr(GError) error = NULL;

    yd_user_reset_password(f->service, &boss->actor, id, &password, &error);
    g_assert_no_error(error);
    g_assert_false(try_login(f, "192.0.2.7", "li", FIXTURE_PASSWORD, NULL, NULL, NULL));
    g_assert_true(try_login(f, "192.0.2.7", "li", password, &token, NULL, &error));
    g_assert_false(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
    fixture_assert_error(error, YD_ERROR_PASSWORD_CHANGE, "must be changed");
    g_assert_true(
        yd_login_check(f->service, token, "bearer", NULL, YD_LOGIN_ALLOW_CHANGE, &actor, &error));
    g_assert_true(actor->must_change);
    g_assert_true(
        yd_password_change(f->service, &actor->actor, password, "New-Password-1", &error));
    g_clear_pointer(&actor, yd_actor_owned_free);
    g_assert_true(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
    g_assert_false(actor->must_change);
}

static void
test_change(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "zhang.wei", "user");
    g_autofree char *here = fixture_login(f, "zhang.wei", "bearer");
    g_autofree char *there = fixture_login(f, "zhang.wei", "bearer");
    g_autofree char *long_one = g_strnfill(257, 'a');
    g_autoptr(YdActorOwned) actor = NULL;
    g_autoptr(YdActorOwned) gone = NULL;
    g_autoptr(YdUser) user = NULL;
    g_autoptr(GError) error = NULL;
    const char *bad[] = {NULL,
                         "",
                         "short",
                         "zhang.wei",
                         "ZHANG.Wei",
                         long_one,
                         "bell\a-inside",
                         "\xff\xff\xff\xff\xff\xff\xff\xff",
                         "密码密码密码密"};

    g_assert_true(yd_login_check(f->service, here, "bearer", NULL, 0, &actor, &error));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(
            yd_password_change(f->service, &actor->actor, FIXTURE_PASSWORD, bad[i], &error));
        fixture_assert_error(error, YD_ERROR_INVALID, "new: ");
    }
    g_assert_false(
        yd_password_change(f->service, &actor->actor, FIXTURE_PASSWORD, FIXTURE_PASSWORD, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "old password");
    g_assert_false(
        yd_password_change(f->service, &actor->actor, "wrong", "New-Password-1", &error));
    fixture_assert_error(error, YD_ERROR_UNAUTHENTICATED, "old password is wrong");
    user = user_of(f, id);
    g_assert_cmpint(user->failed_logins, ==, 1); // guessing here counts as well
    g_assert_true(yd_password_change(f->service, &actor->actor, FIXTURE_PASSWORD,
                                     "密码密码密码密码", &error));
    g_assert_true(yd_login_check(f->service, here, "bearer", NULL, 0, &gone, &error));
    g_clear_pointer(&gone, yd_actor_owned_free);
    g_assert_false(yd_login_check(f->service, there, "bearer", NULL, 0, &gone, &error));
    g_assert_true(try_login(f, "192.0.2.7", "zhang.wei", "密码密码密码密码", NULL, NULL, NULL));
    g_assert_cmpuint(fixture_audits(f, "password.change", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "password.change", "unauthenticated"), ==, 1);
}

// A hash of another cost is made anew at a good log-in.
static void
test_rehash(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "li", "user");
    g_autoptr(YdUser) user = user_of(f, id);
    g_autofree char *dear = yd_password_hash(FIXTURE_PASSWORD, FALSE);

    yd_set_string(&user->password, dear);
    g_assert_true(yd_store_update(f->store, &yd_user_type, user, NULL));
    g_free(fixture_login(f, "li", "bearer"));
    g_clear_pointer(&user, yd_user_free);
    user = user_of(f, id);
    g_assert_cmpstr(user->password, !=, dear);
    g_assert_false(yd_password_needs_rehash(user->password, TRUE));
    g_free(fixture_login(f, "li", "bearer"));
}

static void
test_first_admin(Fixture *f, gconstpointer data)
{
    g_autofree char *password = NULL, *again = NULL, *token = NULL;
    g_autoptr(YdActorOwned) actor = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_false(yd_user_init_admin(f->service, "Root User", &password, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "username");
    g_assert_null(password);
    yd_user_init_admin(f->service, "admin", &password, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(strlen(password), >=, 16);
    g_assert_false(yd_user_init_admin(f->service, "admin2", &again, &error));
    fixture_assert_error(error, YD_ERROR_EXISTS, "“admin”");
    g_assert_true(try_login(f, "192.0.2.7", "admin", password, &token, NULL, &error));
    g_assert_false(yd_login_check(f->service, token, "bearer", NULL, 0, &actor, &error));
    fixture_assert_error(error, YD_ERROR_PASSWORD_CHANGE, "changed");
}

// Least CPU time of three refused tries, in microseconds.
static gint64
cost_of(Fixture *f, const char *username)
{
    gint64 least = G_MAXINT64;

    for (int i = 0; i < 3; i++) {
        struct timespec a, b;
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
        g_assert_false(try_login(f, "192.0.2.7", username, "wrong", NULL, NULL, NULL));
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
        least = MIN(least, (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000);
    }
    return least;
}

// With the cost of production an unknown name takes as long as a wrong password.
static void
test_same_time(void)
{
    Fixture f = {0};
    g_autofree char *id = NULL;
    g_autofree char *hash = yd_password_hash("something else", FALSE);
    gint64 known, unknown, empty;

    fixture_set_up(&f, GINT_TO_POINTER(1));
    id = fixture_user(&f, "li", "user");
    g_free(fixture_user(&f, "empty", "user"));
    for (int i = 0; i < 2; i++) {
        g_autoptr(YdUser) user =
            yd_store_find(f.store, &yd_user_type, "username", i ? "empty" : "li", NULL);
        yd_set_string(&user->password, i ? NULL : hash);
        g_assert_true(yd_store_update(f.store, &yd_user_type, user, NULL));
    }
    known = cost_of(&f, "li");
    unknown = cost_of(&f, "nobody");
    empty = cost_of(&f, "empty");
    g_test_message("wrong password %d µs, unknown name %d µs, no password %d µs", (int)known,
                   (int)unknown, (int)empty);
    g_assert_cmpint(unknown, >, known / 2);
    g_assert_cmpint(unknown, <, known * 2);
    g_assert_cmpint(empty, >, known / 2);
    g_assert_cmpint(empty, <, known * 2);
    fixture_tear_down(&f, NULL);
}

static void
test_bad_kind(Fixture *f, gconstpointer data)
{
    YdLoginRequest request = {.username = "x", .password = "y", .kind = "root"};
    g_autofree char *token = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_false(yd_login_start(f->service, &request, &token, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "kind: ");
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/login/cookie", test_cookie);
    ADD("/login/csrf", test_csrf);
    ADD("/login/bad-tokens", test_bad_tokens);
    ADD("/login/same-answer", test_same_answer);
    ADD("/login/audit-has-no-secret", test_audit_has_no_secret);
    ADD("/login/lock-out", test_lock_out);
    ADD("/login/throttled", test_throttled);
    ADD("/login/limit", test_limit);
    ADD("/login/idle-and-old", test_idle_and_old);
    ADD("/login/prune", test_prune);
    ADD("/login/end", test_end);
    ADD("/login/bad-kind", test_bad_kind);
    g_test_add_func("/login/same-time", test_same_time);
    ADD("/password/must-change", test_must_change);
    ADD("/password/change", test_change);
    ADD("/password/rehash", test_rehash);
    ADD("/password/first-admin", test_first_admin);
    return g_test_run();
}
