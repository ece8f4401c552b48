// SPDX-License-Identifier: Apache-2.0
// The client against a fake server: answers, refusals, repeats, trust.
#include "rest/rest.h"

#include "base/error.h"
#include "base/json-util.h"
#include "fake-server.h"
#include "rest/job.h"
#include "rest/path.h"

static YdRest *
client(FakeServer *server)
{
    g_autoptr(GError) error = NULL;
    YdRest *rest = yd_rest_new(fake_server_url(server), &error);
    g_assert_no_error(error);
    return rest;
}

static void
test_get(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FakeServer) server = fake_server_new(FALSE);
    g_autoptr(YdRest) rest = client(server);
    fake_server_answer(server, "GET", "/api/v1/me", 200, NULL, "{\"username\":\"张三\"}");
    yd_rest_set_token(rest, "secret-token");
    g_autoptr(json_t) me = yd_rest_get(rest, "/me?x=1", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(json_string_value(json_object_get(me, "username")), ==, "张三");
    const FakeRequest *request = fake_server_request(server, 0);
    g_assert_cmpstr(request->token, ==, "Bearer secret-token");
    g_assert_cmpstr(request->query, ==, "x=1");
    g_assert_null(request->key);
}

static void
test_problem(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FakeServer) server = fake_server_new(FALSE);
    g_autoptr(YdRest) rest = client(server);
    fake_server_answer(server, "POST", "/api/v1/users", 409, "application/problem+json",
                       "{\"status\":409,\"code\":\"exists\",\"field\":\"username\","
                       "\"detail\":\"'ann' is taken\",\"advice\":\"choose another\"}");
    g_autoptr(json_t) body = json_pack("{s:s}", "username", "ann");
    g_assert_null(yd_rest_post(rest, "/users", body, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_assert_cmpstr(error->message, ==, "username: 'ann' is taken");
    const YdProblem *problem = yd_rest_problem(rest);
    g_assert_cmpuint(problem->status, ==, 409);
    g_assert_cmpstr(problem->field, ==, "username");
    g_assert_cmpstr(problem->advice, ==, "choose another");
    const FakeRequest *request = fake_server_request(server, 0);
    g_assert_cmpstr(request->body, ==, "{\"username\":\"ann\"}");
    g_assert_nonnull(request->key);
}

static void
test_problem_of_a_proxy(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FakeServer) server = fake_server_new(FALSE);
    g_autoptr(YdRest) rest = client(server);
    fake_server_answer(server, "GET", "/api/v1/me", 502, "text/html", "<h1>Bad gateway</h1>");
    g_assert_null(yd_rest_get(rest, "/me", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_clear_error(&error);
    fake_server_answer(server, "GET", "/api/v1/hosts", 200, "text/html", "<h1>Router</h1>");
    g_assert_null(yd_rest_get(rest, "/hosts", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    g_clear_error(&error);
    fake_server_answer(server, "GET", "/api/v1/pools", 200, "application/json", "{\"half\":");
    g_assert_null(yd_rest_get(rest, "/pools", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
}

static void
test_repeats(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FakeServer) server = fake_server_new(FALSE);
    g_autoptr(YdRest) rest = client(server);
    fake_server_answer(server, "POST", "/api/v1/pools", 0, NULL, NULL);
    fake_server_answer(server, "POST", "/api/v1/pools", 201, NULL, "{\"id\":\"pol-1\"}");
    g_autoptr(json_t) body = json_object();
    g_autoptr(json_t) made = yd_rest_post(rest, "/pools", body, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(json_string_value(json_object_get(made, "id")), ==, "pol-1");
    // The second try carries the same key, so that the server can tell.
    guint n = fake_server_count(server);
    g_assert_cmpuint(n, >=, 2);
    for (guint i = 1; i < n; i++)
        g_assert_cmpstr(fake_server_request(server, i)->key, ==,
                        fake_server_request(server, 0)->key);
}

static void
test_patch_is_not_repeated_by_us(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdRest) rest = yd_rest_new("http://127.0.0.1:1", &error);
    gint64 before = g_get_monotonic_time();
    YdRestRequest request = {.method = "PATCH", .path = "/pools/x"};
    g_assert_false(yd_rest_send(rest, &request, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_assert_cmpint(g_get_monotonic_time() - before, <, 200 * 1000);
}

static void
test_if_match_and_no_content(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FakeServer) server = fake_server_new(FALSE);
    g_autoptr(YdRest) rest = client(server);
    fake_server_answer(server, "DELETE", "/api/v1/users/usr-1", 204, NULL, NULL);
    YdRestRequest request = {.method = "DELETE", .path = "/users/usr-1", .if_match = "7"};
    g_auto(YdRestAnswer) answer = {0};
    g_assert_true(yd_rest_send(rest, &request, &answer, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(answer.status, ==, 204);
    g_assert_null(answer.json);
    g_assert_cmpstr(fake_server_request(server, 0)->if_match, ==, "\"7\"");
}

static void
test_redirects_are_not_followed(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FakeServer) server = fake_server_new(FALSE);
    g_autoptr(YdRest) rest = client(server);
    fake_server_answer(server, "GET", "/api/v1/me", 301, NULL, "{}");
    g_assert_null(yd_rest_get(rest, "/me", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    g_assert_cmpuint(fake_server_count(server), ==, 1);
}

static void
test_addresses(void)
{
    static const char *const bad[] = {"desk.example",
                                      "ftp://desk.example",
                                      "https://",
                                      "http://desk.example",
                                      "https://desk.example/x",
                                      "https://a:b@desk.example",
                                      "https://desk.example?q",
                                      ""};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(yd_rest_new(bad[i], &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    }
    static const char *const good[] = {"https://desk.example/", "https://[::1]:8443",
                                       "http://127.0.0.1:80", "http://localhost"};
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdRest) rest = yd_rest_new(good[i], &error);
        g_assert_no_error(error);
        g_assert_false(g_str_has_suffix(yd_rest_url(rest), "/"));
    }
}

static void
test_trust(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FakeServer) server = fake_server_new(TRUE);
    fake_server_answer(server, "GET", "/api/v1/me", 200, NULL, "{}");

    // Nobody knows that certificate: refused, nothing sent, the fingerprint is told.
    g_autoptr(YdRest) stranger = client(server);
    yd_rest_set_token(stranger, "never-sent");
    g_assert_null(yd_rest_get(stranger, "/me", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    g_clear_error(&error);
    const char *why = NULL;
    g_autofree char *seen = g_strdup(yd_rest_refused(stranger, &why));
    g_assert_nonnull(seen);
    g_assert_nonnull(why);
    g_assert_cmpuint(fake_server_count(server), ==, 0);

    g_autoptr(YdRest) by_ca = client(server);
    g_assert_true(yd_rest_set_ca(by_ca, fake_server_ca(server), &error));
    g_autoptr(json_t) first = yd_rest_get(by_ca, "/me", &error);
    g_assert_no_error(error);
    g_assert_true(json_is_object(first));

    g_autoptr(YdRest) pinned = client(server);
    g_assert_true(yd_rest_set_fingerprint(pinned, seen, &error));
    g_autoptr(json_t) second = yd_rest_get(pinned, "/me", &error);
    g_assert_no_error(error);
    g_assert_true(json_is_object(second));

    g_autoptr(YdRest) copy = yd_rest_copy(pinned);
    g_autoptr(json_t) third = yd_rest_get(copy, "/me", &error);
    g_assert_no_error(error);
    g_assert_true(json_is_object(third));

    seen[0] = seen[0] == 'a' ? 'b' : 'a';
    g_assert_true(yd_rest_set_fingerprint(pinned, seen, &error));
    g_assert_null(yd_rest_get(pinned, "/me", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
}

static void
test_trust_input(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdRest) rest = yd_rest_new("https://desk.example", &error);
    g_assert_false(yd_rest_set_ca(rest, "/nonexistent/ca.pem", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_false(yd_rest_set_ca(rest, "/dev/null", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_false(yd_rest_set_fingerprint(rest, "abc", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_false(yd_rest_set_fingerprint(rest, "zz", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
}

typedef struct {
    goffset last, total;
} Sent;

static void
on_sent(goffset sent, goffset total, gpointer user_data)
{
    Sent *state = user_data;
    g_assert_cmpint(sent, >=, state->last);
    state->last = sent;
    state->total = total;
}

static void
test_upload(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FakeServer) server = fake_server_new(FALSE);
    g_autoptr(YdRest) rest = client(server);
    fake_server_answer(server, "PUT", "/api/v1/uploads", 201, NULL, "{\"upload\":\"u1\"}");
    gsize n = 300 * 1024;
    g_autofree char *data = g_malloc(n + 1);
    memset(data, 'q', n);
    data[n] = '\0';
    g_autoptr(GInputStream) stream = g_memory_input_stream_new_from_data(data, (gssize)n, NULL);
    Sent state = {0};
    YdRestRequest request = {.method = "PUT",
                             .path = "/uploads",
                             .type = "application/octet-stream",
                             .stream = stream,
                             .length = (goffset)n,
                             .progress = on_sent,
                             .user_data = &state};
    g_auto(YdRestAnswer) answer = {0};
    g_assert_true(yd_rest_send(rest, &request, &answer, &error));
    g_assert_no_error(error);
    g_assert_cmpint(state.last, ==, (goffset)n);
    g_assert_cmpint(state.total, ==, (goffset)n);
    g_assert_cmpstr(fake_server_request(server, 0)->body, ==, data);
}

static gboolean
count_looks(const json_t *job, gpointer user_data)
{
    guint *looks = user_data;
    (*looks)++;
    return TRUE;
}

static void
test_job(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FakeServer) server = fake_server_new(FALSE);
    g_autoptr(YdRest) rest = client(server);
    const char *path = "/api/v1/jobs/job-1";
    fake_server_answer(server, "GET", "/api/v1/events", 200, "text/event-stream",
                       "data: {\"object_id\":\"job-1\"}\n\n");
    fake_server_answer(server, "GET", path, 200, NULL, "{\"id\":\"job-1\",\"state\":\"running\"}");
    // A server that restarts in the middle is waited for.
    fake_server_answer(server, "GET", path, 503, NULL, "{\"code\":\"unavailable\"}");
    fake_server_answer(server, "GET", path, 200, NULL,
                       "{\"id\":\"job-1\",\"state\":\"failed\",\"error_code\":\"no-space\","
                       "\"error\":\"the disk is full\"}");
    guint looks = 0;
    g_autoptr(json_t) job = yd_job_follow(rest, "job-1", 20, count_looks, &looks, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(looks, ==, 2);
    g_assert_false(yd_job_check(job, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NO_SPACE);
    g_clear_error(&error);
    g_assert_null(yd_job_follow(rest, "job-unknown", 20, NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
}

static void
test_job_in_answer(void)
{
    g_autoptr(json_t) wrapped = json_loads("{\"job\":{\"id\":\"job-2\"},\"id\":\"x\"}", 0, NULL);
    g_assert_true(yd_answer_job(wrapped) == json_object_get(wrapped, "job"));
    g_autoptr(json_t) bare = json_loads("{\"id\":\"job-2\"}", 0, NULL);
    g_assert_true(yd_answer_job(bare) == bare);
    g_autoptr(json_t) other = json_loads("{\"id\":\"usr-2\"}", 0, NULL);
    g_assert_null(yd_answer_job(other));
    g_assert_null(yd_answer_job(NULL));
}

static void
test_paths(void)
{
    g_autofree char *plain = yd_path("users", "usr-1", "password");
    g_assert_cmpstr(plain, ==, "/users/usr-1/password");
    g_autofree char *sly = yd_path("users", "../jobs?x#y", NULL);
    g_assert_cmpstr(sly, ==, "/users/..%2Fjobs%3Fx%23y");
    g_autofree char *dots = yd_path("users", "..", NULL);
    g_assert_cmpstr(dots, ==, "/users/%2E%2E");
    g_autoptr(GString) query = g_string_new("/users");
    yd_path_query(query, "search", "a&b 张");
    yd_path_query(query, "none", NULL);
    yd_path_query(query, "limit", "5");
    g_assert_cmpstr(query->str, ==, "/users?search=a%26b%20%E5%BC%A0&limit=5");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rest/get", test_get);
    g_test_add_func("/rest/problem", test_problem);
    g_test_add_func("/rest/problem-of-a-proxy", test_problem_of_a_proxy);
    g_test_add_func("/rest/repeats", test_repeats);
    g_test_add_func("/rest/patch-once", test_patch_is_not_repeated_by_us);
    g_test_add_func("/rest/if-match", test_if_match_and_no_content);
    g_test_add_func("/rest/redirects", test_redirects_are_not_followed);
    g_test_add_func("/rest/addresses", test_addresses);
    g_test_add_func("/rest/trust", test_trust);
    g_test_add_func("/rest/trust-input", test_trust_input);
    g_test_add_func("/rest/upload", test_upload);
    g_test_add_func("/rest/job", test_job);
    g_test_add_func("/rest/job-in-answer", test_job_in_answer);
    g_test_add_func("/rest/paths", test_paths);
    return g_test_run();
}
