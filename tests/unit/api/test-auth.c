// SPDX-License-Identifier: Apache-2.0
// Who is it: cookie and CSRF token, bearer token, passwords that must be changed, log-ins that end.
#include "api-fixture.h"

static Answer *
log_in(Client *client, const char *username, const char *password, const char *kind)
{
    g_autofree char *body = g_strdup_printf(
        "{\"username\":\"%s\",\"password\":\"%s\",\"kind\":\"%s\"}", username, password, kind);
    return client_send(client, "POST", "/api/v1/login", NULL, body);
}

static void
test_bearer(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "anna", "user");
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    g_autoptr(Answer) in = log_in(client, "anna", PASSWORD, "bearer");
    assert_status(in, 201);
    g_assert_cmpuint(strlen(answer_text(in, "token")), ==, 43);
    g_assert_null(json_object_get(in->json, "csrf"));
    g_assert_null(answer_field(in, "set-cookie"));
    g_assert_null(strstr(in->body, "argon2"));
    g_assert_null(strstr(in->body, "password"));
    client->token = g_strdup(answer_text(in, "token"));
    g_autoptr(Answer) me = client_get(client, "/api/v1/me");
    g_assert_cmpstr(answer_text(me, "id"), ==, id);
    // A bearer token is no cookie.
    g_autoptr(Client) other = client_new(f, "198.51.100.7");
    other->cookie = g_strdup(client->token);
    g_autoptr(Answer) no = client_get(other, "/api/v1/me");
    assert_problem(no, 401, "unauthenticated");
    g_autoptr(Answer) out = client_send(client, "POST", "/api/v1/logout", NULL, NULL);
    assert_status(out, 204);
    g_autoptr(Answer) over = client_get(client, "/api/v1/me");
    assert_problem(over, 401, "unauthenticated");
}

static void
cookie_log_in(Client *client, const char *username)
{
    g_autoptr(Answer) in = log_in(client, username, PASSWORD, "cookie");
    assert_status(in, 201);
    g_assert_null(json_object_get(in->json, "token"));
    const char *cookie = answer_field(in, "set-cookie");
    g_assert_true(g_str_has_prefix(cookie, "yd_login="));
    g_assert_nonnull(strstr(cookie, "; HttpOnly"));
    g_assert_nonnull(strstr(cookie, "; Secure"));
    g_assert_nonnull(strstr(cookie, "; SameSite=Strict"));
    client->cookie = g_strndup(cookie + 9, strcspn(cookie + 9, ";"));
    client->csrf = g_strdup(answer_text(in, "csrf"));
    g_assert_cmpstr(client->csrf, !=, "");
}

static void
test_cookie(Fixture *f, gconstpointer data)
{
    g_autofree char *id G_GNUC_UNUSED = fixture_user(f, "anna", "user");
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    cookie_log_in(client, "anna");
    g_autofree char *csrf = g_steal_pointer(&client->csrf);
    g_autoptr(Answer) safe = client_get(client, "/api/v1/me");
    assert_status(safe, 200);
    // Unsafe methods need the token, and the right one.
    const char *body = "{\"language\":\"en\"}";
    g_autoptr(Answer) without = client_send(client, "PATCH", "/api/v1/me", NULL, body);
    assert_problem(without, 403, "forbidden");
    client->csrf = g_strdup("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    g_autoptr(Answer) wrong = client_send(client, "PATCH", "/api/v1/me", NULL, body);
    assert_problem(wrong, 403, "forbidden");
    g_free(client->csrf);
    client->csrf = g_steal_pointer(&csrf);
    g_autoptr(Answer) right = client_send(client, "PATCH", "/api/v1/me", NULL, body);
    assert_status(right, 200);
    // The cookie is no bearer token.
    g_autoptr(Client) other = client_new(f, "198.51.100.7");
    other->token = g_strdup(client->cookie);
    g_autoptr(Answer) no = client_get(other, "/api/v1/me");
    assert_problem(no, 401, "unauthenticated");
    g_autoptr(Answer) out = client_send(client, "POST", "/api/v1/logout", NULL, NULL);
    assert_status(out, 204);
    g_assert_nonnull(strstr(answer_field(out, "set-cookie"), "Max-Age=0"));
    g_autoptr(Answer) over = client_get(client, "/api/v1/me");
    assert_problem(over, 401, "unauthenticated");
}

// Somebody else's token does not help: each cookie has its own.
static void
test_foreign_csrf(Fixture *f, gconstpointer data)
{
    g_autofree char *anna G_GNUC_UNUSED = fixture_user(f, "anna", "user");
    g_autofree char *bert G_GNUC_UNUSED = fixture_user(f, "bert", "user");
    g_autoptr(Client) one = client_new(f, "198.51.100.7");
    g_autoptr(Client) two = client_new(f, "198.51.100.7");
    cookie_log_in(one, "anna");
    cookie_log_in(two, "bert");
    g_free(one->csrf);
    one->csrf = g_strdup(two->csrf);
    g_autoptr(Answer) no = client_send(one, "POST", "/api/v1/logout", NULL, NULL);
    assert_problem(no, 403, "forbidden");
}

static void
test_wrong(Fixture *f, gconstpointer data)
{
    static const char *const who[][2] = {
        {"anna", "wrong"}, {"nobody", PASSWORD}, {"", ""}, {"anna'--", "x"}, {"a\\u202eb", "x"}};
    g_autofree char *id G_GNUC_UNUSED = fixture_user(f, "anna", "user");
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    g_autofree char *first = NULL;
    for (guint i = 0; i < 2; i++) { // the same words for both
        g_autoptr(Answer) no = log_in(client, who[i][0], who[i][1], "bearer");
        assert_problem(no, 401, "unauthenticated");
        if (first)
            g_assert_cmpstr(answer_text(no, "detail"), ==, first);
        else
            first = g_strdup(answer_text(no, "detail"));
    }
    for (guint i = 2; i < G_N_ELEMENTS(who); i++) {
        g_autoptr(Answer) no = log_in(client, who[i][0], who[i][1], "bearer");
        g_assert_true(no->status == 401 || no->status == 400);
    }
    g_autoptr(Answer) kind = log_in(client, "anna", PASSWORD, "magic");
    assert_problem(kind, 400, "invalid");
    g_autofree char *huge = g_strnfill(4096, 'x');
    g_autoptr(Answer) long_name = log_in(client, huge, PASSWORD, "bearer");
    g_assert_true(long_name->status == 401 || long_name->status == 400);
    for (guint i = 0; i < 5; i++) { // tokens that are none
        static const char *const tokens[] = {"x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                             "%", "..", "a b"};
        g_autoptr(Client) other = client_new(f, "198.51.100.7");
        other->token = g_strdup(tokens[i]);
        g_autoptr(Answer) no = client_get(other, "/api/v1/me");
        assert_problem(no, 401, "unauthenticated");
    }
}

static void
test_must_change(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "anna", "user");
    g_autofree char *boss G_GNUC_UNUSED = fixture_user(f, "boss", "admin");
    g_autoptr(Client) admin = client_login(f, "boss");
    g_autofree char *path = g_strdup_printf("/api/v1/users/%s/password", id);
    g_autoptr(Answer) reset = client_send(admin, "POST", path, NULL, NULL);
    assert_status(reset, 200);
    const char *once = answer_text(reset, "password");
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    g_autoptr(Answer) in = log_in(client, "anna", once, "bearer");
    assert_status(in, 201);
    g_assert_true(json_is_true(json_object_get(in->json, "must_change")));
    client->token = g_strdup(answer_text(in, "token"));
    g_autoptr(Answer) me = client_get(client, "/api/v1/me");
    assert_status(me, 200);
    static const char *const closed[] = {"/api/v1/me/desktops", "/api/v1/desktops",
                                         "/api/v1/events", "/api/v1/me/logins"};
    for (guint i = 0; i < G_N_ELEMENTS(closed); i++) {
        g_autoptr(Answer) no = client_send(client, "GET", closed[i], NULL, NULL);
        assert_problem(no, 403, "password-change");
    }
    g_autofree char *weak = g_strdup_printf("{\"old\":\"%s\",\"new\":\"short\"}", once);
    g_autoptr(Answer) bad = client_send(client, "POST", "/api/v1/me/password", NULL, weak);
    assert_problem(bad, 400, "invalid");
    g_assert_cmpstr(answer_text(bad, "field"), ==, "new");
    g_autofree char *good = g_strdup_printf("{\"old\":\"%s\",\"new\":\"Another-Horse-7\"}", once);
    g_autoptr(Answer) done = client_send(client, "POST", "/api/v1/me/password", NULL, good);
    assert_status(done, 204);
    g_autoptr(Answer) open = client_get(client, "/api/v1/me/desktops");
    assert_status(open, 200);
}

static void
test_other_logins(Fixture *f, gconstpointer data)
{
    g_autofree char *id G_GNUC_UNUSED = fixture_user(f, "anna", "user");
    g_autofree char *bert G_GNUC_UNUSED = fixture_user(f, "bert", "user");
    g_autoptr(Client) one = client_login(f, "anna");
    g_autoptr(Client) two = client_login(f, "anna");
    g_autoptr(Client) foreign = client_login(f, "bert");
    g_autoptr(Answer) list = client_get(one, "/api/v1/me/logins");
    json_t *items = json_object_get(list->json, "items");
    g_assert_cmpuint(json_array_size(items), ==, 2);
    g_assert_null(strstr(list->body, "hash"));
    g_autoptr(Answer) list_two = client_get(two, "/api/v1/me/logins");
    json_t *items_two = json_object_get(list_two->json, "items");
    for (guint i = 0; i < 2; i++) { // each sees itself as the one that asks
        gboolean mine = json_is_true(json_object_get(json_array_get(items, i), "current"));
        gboolean theirs = json_is_true(json_object_get(json_array_get(items_two, i), "current"));
        g_assert_true(mine != theirs);
    }
    for (guint i = 0; i < 2; i++) { // somebody else cannot end them
        g_autofree char *path =
            g_strdup_printf("/api/v1/me/logins/%s",
                            json_string_value(json_object_get(json_array_get(items, i), "id")));
        g_autoptr(Answer) no = client_send(foreign, "DELETE", path, NULL, NULL);
        assert_problem(no, 404, "not-found");
    }
    const char *body = "{\"old\":\"" PASSWORD "\",\"new\":\"Another-Horse-7\"}";
    g_autoptr(Answer) done = client_send(one, "POST", "/api/v1/me/password", NULL, body);
    assert_status(done, 204);
    g_autoptr(Answer) gone = client_get(two, "/api/v1/me");
    assert_problem(gone, 401, "unauthenticated");
    g_autoptr(Answer) stays = client_get(one, "/api/v1/me");
    assert_status(stays, 200);
}

static void
test_disabled(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "anna", "user");
    g_autofree char *boss G_GNUC_UNUSED = fixture_user(f, "boss", "admin");
    g_autoptr(Client) client = client_login(f, "anna");
    g_autoptr(Client) admin = client_login(f, "boss");
    g_autofree char *path = g_strdup_printf("/api/v1/users/%s", id);
    g_autoptr(Answer) off = client_send(admin, "PATCH", path, NULL, "{\"enabled\":false}");
    assert_status(off, 200);
    g_autoptr(Answer) gone = client_get(client, "/api/v1/me");
    assert_problem(gone, 401, "unauthenticated");
    g_autoptr(Answer) in = log_in(client, "anna", PASSWORD, "bearer");
    assert_problem(in, 401, "unauthenticated");
}

// An old cookie in the browser must not keep anybody from logging in again.
static void
test_old_cookie(Fixture *f, gconstpointer data)
{
    g_autofree char *id G_GNUC_UNUSED = fixture_user(f, "anna", "user");
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    client->cookie = g_strdup("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    g_autoptr(Answer) in = log_in(client, "anna", PASSWORD, "cookie");
    assert_status(in, 201);
}

static void
test_throttled(Fixture *f, gconstpointer data)
{
    g_autofree char *id G_GNUC_UNUSED = fixture_user(f, "anna", "user");
    g_autoptr(Client) client = client_new(f, "198.51.100.66");
    gboolean throttled = FALSE;
    for (guint i = 0; i < 100 && !throttled; i++) {
        g_autofree char *name = g_strdup_printf("nobody%u", i);
        g_autoptr(Answer) no = log_in(client, name, "x", "bearer");
        throttled = no->status == 429;
        if (throttled)
            g_assert_nonnull(answer_field(no, "retry-after"));
    }
    g_assert_true(throttled);
    g_autoptr(Client) elsewhere = client_new(f, "198.51.100.67"); // nobody else suffers
    g_autoptr(Answer) in = log_in(elsewhere, "anna", PASSWORD, "bearer");
    assert_status(in, 201);
}

#define ADD(name, function)                                                                        \
    g_test_add("/api/auth/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("bearer", test_bearer);
    ADD("cookie", test_cookie);
    ADD("foreign-csrf", test_foreign_csrf);
    ADD("wrong", test_wrong);
    ADD("must-change", test_must_change);
    ADD("other-logins", test_other_logins);
    ADD("disabled", test_disabled);
    ADD("old-cookie", test_old_cookie);
    ADD("throttled", test_throttled);
    return g_test_run();
}
