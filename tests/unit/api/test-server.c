// SPDX-License-Identifier: Apache-2.0
// The HTTP side over a real socket: heads, bodies, limits, time, broken clients.
#include "api-fixture.h"

#include <sys/socket.h>
#include <unistd.h>

static void
test_answers(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    g_autoptr(Answer) health = client_get(client, "/healthz");
    assert_status(health, 200);
    g_assert_cmpstr(health->body, ==, "ok\n");
    g_assert_cmpstr(answer_field(health, "x-content-type-options"), ==, "nosniff");
    g_assert_cmpstr(answer_field(health, "cache-control"), ==, "no-store");
    g_assert_nonnull(answer_field(health, "strict-transport-security"));
    g_assert_true(g_str_has_prefix(answer_field(health, "request-id"), "req-"));
    g_autoptr(Answer) head = client_send(client, "HEAD", "/readyz", NULL, NULL);
    assert_status(head, 200);
    g_assert_cmpstr(answer_field(head, "content-length"), ==, "6");
    g_autoptr(Answer) nowhere = client_get(client, "/nowhere");
    assert_problem(nowhere, 404, "not-found");
    g_autoptr(Answer) method = client_send(client, "PUT", "/api/v1/users", NULL, "{}");
    assert_problem(method, 405, "method-not-allowed");
    g_assert_cmpstr(answer_field(method, "allow"), ==, "GET, POST");
    g_autoptr(Answer) none = client_get(client, "/api/v1/users");
    assert_problem(none, 401, "unauthenticated");
    g_assert_nonnull(answer_field(none, "www-authenticate"));
    g_autoptr(Answer) own = client_send(client, "GET", "/healthz", "Request-Id: my.id-7\r\n", NULL);
    g_assert_cmpstr(answer_field(own, "request-id"), ==, "my.id-7");
    g_autoptr(Answer) bad = client_send(client, "GET", "/healthz", "Request-Id: a\"b\r\n", NULL);
    g_assert_true(g_str_has_prefix(answer_field(bad, "request-id"), "req-"));
    g_autoptr(Answer) range = client_send(client, "GET", "/healthz", "Range: bytes=0-0\r\n", NULL);
    assert_status(range, 200);
}

static void
test_keep_alive(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_user(f, "anna", "admin");
    g_autoptr(Client) client = client_login(f, "anna");
    for (guint i = 0; i < 300; i++) {
        g_autoptr(Answer) me = client_get(client, "/api/v1/me");
        assert_status(me, 200);
        g_assert_cmpstr(answer_text(me, "id"), ==, id);
        if (i % 50 == 0) {
            g_autoptr(Answer) nothing =
                client_send(client, "DELETE", "/api/v1/me/logins/log-x", NULL, NULL);
            assert_status(nothing, 404);
        }
    }
    // Answers without a body leave the connection open as well.
    g_autoptr(Answer) out = client_send(client, "POST", "/api/v1/logout", NULL, NULL);
    assert_status(out, 204);
    g_autoptr(Answer) gone = client_get(client, "/api/v1/me");
    assert_problem(gone, 401, "unauthenticated");
}

static void
test_pipelined(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    const char *two =
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n";
    client_write(client, two, strlen(two));
    g_autoptr(Answer) first = client_read(client, FALSE);
    g_autoptr(Answer) second = client_read(client, FALSE);
    g_assert_cmpstr(first->body, ==, "ok\n");
    g_assert_cmpstr(second->body, ==, "ready\n");
}

static void
login_body(Client *client, const char *body, gsize length, guint status, const char *code)
{
    g_autoptr(Answer) answer =
        client_send_bytes(client, "POST", "/api/v1/login", NULL, body, length);
    assert_problem(answer, status, code);
    g_assert_true(g_utf8_validate(answer->body, -1, NULL));
}

static void
test_bad_json(Fixture *f, gconstpointer data)
{
    static const char *const bodies[] = {
        "{",
        "nothing",
        "{\"username\":\"a\",}",
        "{\"username\":\"a\"} x",
        "[]",
        "\"text\"",
        "null",
        "7",
        "{\"username\":\"a\",\"username\":\"b\",\"password\":\"c\"}",
        "{\"username\":\"a\",\"password\":7}",
        "{\"username\":{\"a\":1},\"password\":\"c\"}",
        "{\"username\":\"a\",\"password\":\"c\",\"more\":1}",
        "{\"username\":\"a\"}",
        "{\"username\":\"a\\u0000b\",\"password\":\"c\"}",
        "{\"username\":\"\xff\xfe\",\"password\":\"c\"}",
        "{\"username\":\"a\",\"password\":\"\xed\xa0\x80\"}",
        "{\"username\":\"\\ud800\",\"password\":\"c\"}",
        "{\"\xc3(\":1}",
        "{\"username\":NaN}",
    };
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    for (guint i = 0; i < G_N_ELEMENTS(bodies); i++)
        login_body(client, bodies[i], strlen(bodies[i]), 400, "invalid");
    login_body(client, "{\"a\":\"\0\"}", 9, 400, "invalid");
    g_autoptr(Answer) empty = client_send(client, "POST", "/api/v1/login", NULL, "");
    assert_problem(empty, 400, "invalid");
}

static void
test_deep_json(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    g_autoptr(GString) deep = g_string_new("{\"a\":");
    for (guint i = 0; i < 200000; i++)
        g_string_append_c(deep, '[');
    login_body(client, deep->str, deep->len, 400, "invalid");
    g_string_truncate(deep, 0);
    for (guint i = 0; i < 17; i++)
        g_string_append(deep, "{\"a\":");
    g_string_append_c(deep, '1');
    for (guint i = 0; i < 17; i++)
        g_string_append_c(deep, '}');
    login_body(client, deep->str, deep->len, 400, "invalid");
}

static void
test_content_type(Fixture *f, gconstpointer data)
{
    static const char *const types[] = {"text/plain", "application/jsonx",
                                        "application/x-www-form-urlencoded", "multipart/form-data"};
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
        g_autofree char *type = g_strdup_printf("Content-Type: %s\r\n", types[i]);
        g_autoptr(Answer) answer = client_send(client, "POST", "/api/v1/login", type, "{}");
        assert_problem(answer, 415, "unsupported-media-type");
    }
    g_autoptr(Answer) packed =
        client_send(client, "POST", "/api/v1/login", "Content-Encoding: gzip\r\n", "{}");
    assert_problem(packed, 415, "unsupported-media-type");
    g_autoptr(Answer) charset = client_send(
        client, "POST", "/api/v1/login", "Content-Type: application/json; charset=utf-8\r\n", "{}");
    assert_problem(charset, 400, "invalid"); // taken, and then username is missing
}

static void
test_too_large(Fixture *f, gconstpointer data)
{
    // Announced: refused before a byte of it is read.
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    const char *head =
        "POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Content-Length: 10000000000\r\n\r\n{";
    client_write(client, head, strlen(head));
    g_autoptr(Answer) answer = client_read(client, FALSE);
    assert_problem(answer, 413, "too-large");
    // Chunked without end: refused when it becomes too large.
    g_autoptr(Client) chunks = client_new(f, "198.51.100.7");
    head = "POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
           "Transfer-Encoding: chunked\r\n\r\n";
    client_write(chunks, head, strlen(head));
    g_autofree char *block = g_strnfill(65536, ' ');
    guint sent = 0;
    while (sent < 64 && client_write(chunks, "10000\r\n", 7) &&
           client_write(chunks, block, 65536) && client_write(chunks, "\r\n", 2))
        sent++;
    g_autoptr(Answer) refused = client_read(chunks, FALSE);
    assert_problem(refused, 413, "too-large");
    // Just as much as is allowed is read.
    g_autoptr(Client) full = client_new(f, "198.51.100.7");
    g_autofree char *blanks = g_strnfill(1024 * 1024, ' ');
    login_body(full, blanks, 1024 * 1024, 400, "invalid");
    g_autoptr(Answer) after = client_get(full, "/healthz");
    assert_status(after, 200);
}

static void
test_queries(Fixture *f, gconstpointer data)
{
    static const char *const bad[] = {
        "/api/v1/users?limit=0",         "/api/v1/users?limit=1001",
        "/api/v1/users?limit=x",         "/api/v1/users?nix=1",
        "/api/v1/users?sort=nix",        "/api/v1/users?sort=password",
        "/api/v1/users?password=x",      "/api/v1/users?cursor=%25",
        "/api/v1/users?cursor=abc",      "/api/v1/users?enabled=maybe",
        "/api/v1/users?username_from=a", "/api/v1/audit?time_from=today",
    };
    g_autofree char *id G_GNUC_UNUSED = fixture_user(f, "anna", "admin");
    g_autoptr(Client) client = client_login(f, "anna");
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(Answer) answer = client_send(client, "GET", bad[i], NULL, NULL);
        g_test_message("%s: %u %s", bad[i], answer->status, answer->body);
        assert_problem(answer, 400, "invalid");
    }
    // libsoup refuses such addresses itself.
    g_autoptr(Client) other = client_new(f, "198.51.100.7");
    g_autoptr(Answer) nul = client_get(other, "/api/v1/users?username=a%%00b");
    assert_problem(nul, 400, "invalid");
    g_autoptr(Client) third = client_new(f, "198.51.100.7");
    g_autoptr(Answer) path = client_get(third, "/api/v1/users/%%ff");
    assert_problem(path, 400, "invalid");
    g_autoptr(Answer) up = client_get(client, "/api/v1/users/..%%2f..%%2fetc");
    assert_problem(up, 404, "not-found");
    g_autoptr(Answer) quote = client_get(client, "/api/v1/users/%%27%%20or%%201=1%%20--");
    assert_problem(quote, 404, "not-found");
    g_autoptr(Answer) match =
        client_send(client, "PATCH", "/api/v1/users/x", "If-Match: \"x\"\r\n", "{}");
    assert_problem(match, 400, "invalid");
}

static void
test_bad_proxy(Fixture *f, gconstpointer data)
{
    static const char *const heads[] = {
        "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 5 6\r\nGET / HTTP/1.1\r\n\r\n",
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff______________",
    };
    for (guint i = 0; i < G_N_ELEMENTS(heads); i++) {
        // A client that sends no (good) PROXY header: client_new has sent a good one, so begin anew
        // with a bare socket.
        g_autoptr(Client) client = client_new(f, NULL);
        close(client->fd);
        client->fd = socket(AF_UNIX, SOCK_STREAM, 0);
        g_autoptr(GSocketAddress) name = g_unix_socket_address_new(f->socket);
        gsize size = (gsize)g_socket_address_get_native_size(name);
        g_autofree char *native = g_malloc(size);
        g_socket_address_to_native(name, native, size, NULL);
        g_assert_cmpint(connect(client->fd, (gpointer)native, (socklen_t)size), ==, 0);
        client_write(client, heads[i], i == 2 ? 30 : strlen(heads[i]));
        g_assert_true(client_closed(client, 10000));
    }
    g_autoptr(Client) good = client_new(f, "2001:db8::7");
    g_autoptr(Answer) unknown = client_get(good, "/healthz");
    assert_status(unknown, 200);
}

static void
short_times(YdApiConfig *config)
{
    config->header_seconds = config->idle_seconds = config->body_seconds = 1;
}

static void
test_slow(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) silent = client_new(f, "198.51.100.7");
    g_autoptr(Client) head = client_new(f, "198.51.100.7");
    client_write(head, "GET /heal", 9);
    g_autoptr(Client) body = client_new(f, "198.51.100.7");
    const char *text =
        "POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Content-Length: 100\r\n\r\n{";
    client_write(body, text, strlen(text));
    g_autoptr(Client) idle = client_new(f, "198.51.100.7");
    g_autoptr(Answer) answer = client_get(idle, "/healthz");
    assert_status(answer, 200);
    g_assert_true(client_closed(silent, 15000));
    g_assert_true(client_closed(head, 15000));
    g_assert_true(client_closed(body, 15000));
    g_assert_true(client_closed(idle, 15000));
}

static void
few_connections(YdApiConfig *config)
{
    config->max_connections = 6;
    config->max_per_address = 2;
}

static gboolean
is_served(Client *client)
{
    const char *text = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
    return client_write(client, text, strlen(text)) && client_wait_for(client, "ok\n", 10000);
}

static void
test_connection_limits(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) a = client_new(f, "198.51.100.7");
    g_autoptr(Client) b = client_new(f, "198.51.100.7");
    g_assert_true(is_served(a));
    g_assert_true(is_served(b));
    g_autoptr(Client) third = client_new(f, "198.51.100.7");
    g_assert_true(client_closed(third, 10000));
    g_autoptr(Client) other = client_new(f, "198.51.100.8");
    g_assert_true(is_served(other));
    g_clear_pointer(&a, client_free); // its place is free again, soon
    gboolean served = FALSE;
    for (guint i = 0; i < 200 && !served; i++) {
        g_autoptr(Client) again = client_new(f, "198.51.100.7");
        served = is_served(again);
        if (!served)
            g_usleep(20000);
    }
    g_assert_true(served);
    g_autoptr(GPtrArray) many = g_ptr_array_new_with_free_func((GDestroyNotify)client_free);
    guint good = 0;
    for (guint i = 0; i < 12; i++) {
        g_autofree char *address = g_strdup_printf("203.0.113.%u", i + 1);
        g_ptr_array_add(many, client_new(f, address));
    }
    for (guint i = 0; i < many->len; i++)
        good += is_served(many->pdata[i]);
    g_assert_cmpuint(good, <=, 5);
    g_assert_cmpuint(good, >=, 1);
}

static void
test_broken_clients(Fixture *f, gconstpointer data)
{
    static const char *const pieces[] = {
        "",
        "GET",
        "GET /healthz HTTP/1.1\r\n",
        "POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n"
        "Content-Type: application/json\r\n\r\n{\"user",
        "POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n"
        "Content-Type: application/json\r\n\r\n{\"username\":\"xxxxxx\",\"password\":\"yyyyyy\"}",
        "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n",
        "\x16\x03\x01\x02",
        "\r\n\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "GET http://[::1 HTTP/1.1\r\nHost: [\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    };
    { // warm up: threads, stores
        g_autoptr(Client) first = client_new(f, "198.51.100.7");
        g_assert_true(is_served(first));
    }
    guint before = open_files();
    for (guint round = 0; round < 20; round++) {
        for (guint i = 0; i < G_N_ELEMENTS(pieces); i++) {
            g_autoptr(Client) client = client_new(f, "198.51.100.7");
            client_write(client, pieces[i], strlen(pieces[i]));
        }
    }
    // All are let go of: the figures come back, and it still serves.
    guint after = 0;
    for (guint i = 0; i < 500; i++) {
        after = open_files();
        if (after <= before + 12) // threads of the lanes may have opened their stores
            break;
        g_usleep(20000);
    }
    g_assert_cmpuint(after, <=, before + 12);
    g_autoptr(Client) last = client_new(f, "198.51.100.7");
    g_assert_true(is_served(last));
}

static void
test_header_limits(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = client_new(f, "198.51.100.7");
    g_autoptr(GString) head = g_string_new("GET /healthz HTTP/1.1\r\nHost: a\r\n");
    for (guint i = 0; i < 20000; i++)
        g_string_append_printf(head, "X-%u: 0123456789\r\n", i);
    g_string_append(head, "\r\n");
    client_write(client, head->str, head->len);
    g_autoptr(Answer) answer = client_read(client, FALSE);
    g_assert_cmpuint(answer->status, !=, 200); // libsoup closes without a word
    g_assert_true(client_closed(client, 10000));
    g_autofree char *path = g_strnfill(4096, 'a');
    g_autoptr(Client) other = client_new(f, "198.51.100.7");
    g_autoptr(Answer) long_path = client_get(other, "/api/v1/users/%s", path);
    g_assert_cmpuint(long_path->status, >=, 400);
}

static void
few_waiting(YdApiConfig *config)
{
    config->act_threads = 1;
    config->max_waiting = 1;
}

static void
test_overload(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) clients = g_ptr_array_new_with_free_func((GDestroyNotify)client_free);
    const char *text = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    guint good = 0, busy = 0;
    for (guint i = 0; i < 100; i++) {
        g_ptr_array_add(clients, client_new(f, NULL));
        client_write(clients->pdata[i], text, strlen(text));
    }
    for (guint i = 0; i < clients->len; i++) {
        g_autoptr(Answer) answer = client_read(clients->pdata[i], FALSE);
        if (answer->status == 200)
            good++;
        else if (answer->status == 503 && strcmp(answer_text(answer, "code"), "unavailable") == 0)
            busy++;
    }
    g_assert_cmpuint(good + busy, ==, 100);
    g_assert_cmpuint(good, >=, 1);
}

static void
test_metrics(Fixture *f, gconstpointer data)
{
    g_autofree char *admin G_GNUC_UNUSED = fixture_user(f, "anna", "admin");
    g_autofree char *user G_GNUC_UNUSED = fixture_user(f, "bert", "user");
    g_autoptr(Client) stranger = client_new(f, "198.51.100.7");
    g_autoptr(Answer) no = client_get(stranger, "/metrics");
    assert_problem(no, 403, "forbidden");
    g_autoptr(Client) bert = client_login(f, "bert");
    g_autoptr(Answer) still_no = client_get(bert, "/metrics");
    assert_problem(still_no, 403, "forbidden");
    g_autoptr(Client) local = client_new(f, NULL);
    g_autoptr(Answer) yes = client_get(local, "/metrics");
    assert_status(yes, 200);
    g_assert_nonnull(strstr(yes->body, "\nyundesk_http_requests_total{code=\"4xx\"} "));
    g_assert_nonnull(strstr(yes->body, "\nyundesk_http_request_seconds_bucket{le=\"+Inf\"} "));
    g_autoptr(Client) anna = client_login(f, "anna");
    g_autoptr(Answer) too = client_get(anna, "/metrics");
    assert_status(too, 200);
}

// --- the end ---

static gint handled; // requests with "Request-Id: end-…" that the log tells of

// Counts what was handled, whatever became of the answer.
static GLogWriterOutput
count_handled(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
    for (gsize i = 0; i < n; i++)
        if (strcmp(fields[i].key, "MESSAGE") == 0 && strstr(fields[i].value, " request=end-"))
            g_atomic_int_inc(&handled);
    return g_log_writer_default(level, fields, n, data);
}

typedef struct {
    Client *client;
    guint whole; // answers
    gint *total; // of all clients; atomic
} Hammer;

// Asks again and again until the server closes.
static gpointer
hammer(gpointer data)
{
    Hammer *hammer = data;
    static const char text[] = "GET /readyz HTTP/1.1\r\nHost: a\r\nRequest-Id: end-1\r\n\r\n";
    while (client_write(hammer->client, text, sizeof text - 1)) {
        g_autoptr(Answer) answer = client_read(hammer->client, FALSE);
        if (!answer->status)
            break;
        g_assert_cmpstr(answer->body, ==, "ready\n");
        hammer->whole++;
        g_atomic_int_inc(hammer->total);
    }
    return NULL;
}

static gpointer
nothing(gpointer data)
{
    return NULL;
}

static void
stop_loop(Fixture *f)
{
    g_main_loop_quit(f->loop);
    g_main_context_wakeup(f->context);
    g_thread_join(f->thread);
    f->thread = g_thread_new("api", nothing, NULL); // for the tear-down to join
}

static void
stop_api(Fixture *f)
{
    g_main_context_push_thread_default(f->context);
    yd_api_stop(f->api, 20000);
    for (guint i = 0; i < 100; i++) // as deskd does for its other parts
        g_main_context_iteration(f->context, FALSE);
    g_main_context_pop_thread_default(f->context);
}

// Clients ask without a pause while the API ends: each request that was handled is answered whole.
static void
test_end_under_load(Fixture *f, gconstpointer data)
{
    enum { CLIENTS = 24 };
    Hammer hammers[CLIENTS] = {0};
    GThread *threads[CLIENTS];
    gint total = 0;
    guint whole = 0;
    g_atomic_int_set(&handled, 0);
    for (guint i = 0; i < CLIENTS; i++) {
        hammers[i] = (Hammer){.client = client_new(f, NULL), .total = &total};
        threads[i] = g_thread_new("hammer", hammer, &hammers[i]);
    }
    gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    while (g_atomic_int_get(&total) < 20 * CLIENTS && g_get_monotonic_time() < until)
        g_usleep(1000);
    stop_loop(f);
    stop_api(f);
    for (guint i = 0; i < CLIENTS; i++) {
        g_thread_join(threads[i]);
        whole += hammers[i].whole;
        client_free(hammers[i].client);
    }
    g_assert_cmpuint(whole, >=, 20 * CLIENTS);
    g_assert_cmpint(g_atomic_int_get(&handled), ==, whole);
}

// What arrives while the API ends is answered, and the connection closed; so is what a lane has.
static void
test_end_closes(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) clients = g_ptr_array_new_with_free_func((GDestroyNotify)client_free);
    for (guint i = 0; i < 8; i++) {
        g_ptr_array_add(clients, client_new(f, NULL));
        g_autoptr(Answer) open = client_get(clients->pdata[i], "/readyz");
        assert_status(open, 200);
        g_assert_cmpstr(answer_field(open, "connection"), ==, NULL);
    }
    stop_loop(f);
    const char *text = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    for (guint i = 0; i < clients->len; i++)
        client_write(clients->pdata[i], text, strlen(text));
    stop_api(f);
    for (guint i = 0; i < clients->len; i++) {
        g_autoptr(Answer) last = client_read(clients->pdata[i], FALSE);
        assert_status(last, 200);
        g_assert_cmpstr(answer_field(last, "connection"), ==, "close");
        g_assert_true(client_closed(clients->pdata[i], 10000));
    }
}

// A client that does not read its answer holds up the end only as long as is allowed.
static void
test_end_in_time(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) deaf = client_new(f, NULL);
    int small = 1;
    setsockopt(deaf->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    g_autoptr(GString) many = g_string_new(NULL);
    for (guint i = 0; i < 400; i++)
        g_string_append(many, "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    client_write(deaf, many->str, many->len);
    g_assert_true(client_wait_for(deaf, "yundesk_", 10000)); // the first, and then nothing
    stop_loop(f);
    gint64 since = g_get_monotonic_time();
    g_main_context_push_thread_default(f->context);
    yd_api_stop(f->api, 300);
    g_main_context_pop_thread_default(f->context);
    g_assert_cmpint(g_get_monotonic_time() - since, <, 10 * G_USEC_PER_SEC);
}

#define ADD(name, function, limits)                                                                \
    g_test_add("/api/server/" name, Fixture, (gconstpointer)(limits), fixture_set_up, function,    \
               fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_writer_func(count_handled, NULL, NULL);
    ADD("answers", test_answers, NULL);
    ADD("keep-alive", test_keep_alive, NULL);
    ADD("pipelined", test_pipelined, NULL);
    ADD("bad-json", test_bad_json, NULL);
    ADD("deep-json", test_deep_json, NULL);
    ADD("content-type", test_content_type, NULL);
    ADD("too-large", test_too_large, NULL);
    ADD("queries", test_queries, NULL);
    ADD("bad-proxy", test_bad_proxy, NULL);
    ADD("slow", test_slow, short_times);
    ADD("connection-limits", test_connection_limits, few_connections);
    ADD("broken-clients", test_broken_clients, NULL);
    ADD("header-limits", test_header_limits, NULL);
    ADD("overload", test_overload, few_waiting);
    ADD("metrics", test_metrics, NULL);
    ADD("end-under-load", test_end_under_load, NULL);
    ADD("end-closes", test_end_closes, NULL);
    ADD("end-in-time", test_end_in_time, NULL);
    return g_test_run();
}
