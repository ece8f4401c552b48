// SPDX-License-Identifier: Apache-2.0
// Nouns over HTTP: create, change, delete, pages and filters, If-Match, Idempotency-Key, names that
// try to be more than names, CSV, uploads.
#include "api-fixture.h"

#include <glib/gstdio.h>
#include <sys/stat.h>

static Client *
admin(Fixture *f)
{
    g_autofree char *id G_GNUC_UNUSED = fixture_user(f, "boss", "admin");
    return client_login(f, "boss");
}

static Answer *post(Client *client, const char *path, const char *format, ...) G_GNUC_PRINTF(3, 4);

static Answer *
post(Client *client, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *body = g_strdup_vprintf(format, args);
    va_end(args);
    return client_send(client, "POST", path, NULL, body);
}

static void
test_crud(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    g_autoptr(Answer) made = post(client, "/api/v1/departments",
                                  "{\"number\":\"D1\",\"name\":\"研发部\",\"founded\":1999}");
    assert_status(made, 201);
    g_autofree char *path = g_strdup_printf("/api/v1/departments/%s", answer_text(made, "id"));
    g_assert_cmpstr(answer_field(made, "location"), ==, path);
    g_assert_cmpstr(answer_field(made, "etag"), ==, "\"1\"");
    g_assert_cmpstr(answer_text(made, "name"), ==, "研发部");
    g_autoptr(Answer) twice =
        post(client, "/api/v1/departments", "{\"number\":\"D1\",\"name\":\"Other\"}");
    assert_problem(twice, 409, "exists");
    g_autoptr(Answer) changed =
        client_send(client, "PATCH", path, NULL, "{\"name\":\"R&D\",\"founded\":2001}");
    assert_status(changed, 200);
    g_assert_cmpstr(answer_field(changed, "etag"), ==, "\"2\"");
    g_assert_cmpstr(answer_text(changed, "number"), ==, "D1");
    g_autoptr(Answer) bad = client_send(client, "PATCH", path, NULL, "{\"founded\":\"old\"}");
    assert_problem(bad, 400, "invalid");
    g_assert_cmpstr(answer_text(bad, "field"), ==, "founded");
    g_autoptr(Answer) fixed = client_send(client, "PATCH", path, NULL, "{\"id\":\"dep-x\"}");
    assert_problem(fixed, 400, "invalid");
    g_autoptr(Answer) nothing = client_send(client, "PATCH", path, NULL, NULL);
    assert_problem(nothing, 400, "invalid");
    g_autoptr(Answer) gone = client_send(client, "DELETE", path, NULL, NULL);
    assert_status(gone, 204);
    g_autoptr(Answer) again = client_send(client, "DELETE", path, NULL, NULL);
    assert_problem(again, 404, "not-found");
}

static void
test_if_match(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    g_autofree char *id = fixture_department(f, "D1");
    g_autofree char *path = g_strdup_printf("/api/v1/departments/%s", id);
    g_autoptr(Answer) first =
        client_send(client, "PATCH", path, "If-Match: \"1\"\r\n", "{\"name\":\"One\"}");
    assert_status(first, 200);
    // Somebody who still sees version 1 is told, and gets to see what is there now.
    g_autoptr(Answer) second =
        client_send(client, "PATCH", path, "If-Match: \"1\"\r\n", "{\"name\":\"Two\"}");
    assert_problem(second, 412, "stale");
    json_t *present = json_object_get(second->json, "present");
    g_assert_cmpstr(json_string_value(json_object_get(present, "name")), ==, "One");
    g_autoptr(Answer) stale = client_send(client, "DELETE", path, "If-Match: \"1\"\r\n", NULL);
    assert_problem(stale, 412, "stale");
    g_autoptr(Answer) any =
        client_send(client, "PATCH", path, "If-Match: *\r\n", "{\"name\":\"Three\"}");
    assert_status(any, 200);
    g_autoptr(Answer) gone = client_send(client, "DELETE", path, "If-Match: \"3\"\r\n", NULL);
    assert_status(gone, 204);
}

static guint
count_departments(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    YdQuery query = {.limit = 1, .want_total = TRUE};
    g_autoptr(YdPage) page = yd_store_list(f->store, &yd_department_type, &query, &error);
    g_assert_no_error(error);
    return (guint)page->total;
}

static void
test_idempotency(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    const char *body = "{\"number\":\"D1\",\"name\":\"One\"}";
    const char *key = "Idempotency-Key: key-1\r\n";
    g_autoptr(Answer) first = client_send(client, "POST", "/api/v1/departments", key, body);
    assert_status(first, 201);
    g_assert_null(answer_field(first, "idempotency-replayed"));
    g_autoptr(Answer) second = client_send(client, "POST", "/api/v1/departments", key, body);
    assert_status(second, 201);
    g_assert_cmpstr(answer_field(second, "idempotency-replayed"), ==, "true");
    g_assert_cmpstr(second->body, ==, first->body);
    g_assert_cmpuint(count_departments(f), ==, 1);
    // The same key for something else is a mistake of the client's.
    g_autoptr(Answer) other = client_send(client, "POST", "/api/v1/departments", key,
                                          "{\"number\":\"D2\",\"name\":\"Two\"}");
    assert_problem(other, 400, "invalid");
    // Failures are not remembered: the client may correct what was wrong elsewhere.
    const char *key2 = "Idempotency-Key: key-2\r\n";
    const char *same = "{\"number\":\"D3\",\"name\":\"One\"}";
    g_autoptr(Answer) taken = client_send(client, "POST", "/api/v1/departments", key2, same);
    assert_problem(taken, 409, "exists");
    g_autofree char *path = g_strdup_printf("/api/v1/departments/%s", answer_text(first, "id"));
    g_autoptr(Answer) renamed = client_send(client, "PATCH", path, NULL, "{\"name\":\"Old\"}");
    assert_status(renamed, 200);
    g_autoptr(Answer) works = client_send(client, "POST", "/api/v1/departments", key2, same);
    assert_status(works, 201);
    // Keys are each person's own.
    g_autofree char *id G_GNUC_UNUSED = fixture_user(f, "boss2", "admin");
    g_autoptr(Client) colleague = client_login(f, "boss2");
    g_autoptr(Answer) own = client_send(colleague, "POST", "/api/v1/departments", key,
                                        "{\"number\":\"D9\",\"name\":\"Nine\"}");
    assert_status(own, 201);
    g_autoptr(Answer) bad =
        client_send(client, "POST", "/api/v1/departments", "Idempotency-Key: a b\r\n", body);
    assert_problem(bad, 400, "invalid");
}

typedef struct {
    Fixture *f;
    const char *token;
    guint number;
} Racer;

static gpointer
race(gpointer data)
{
    Racer *racer = data;
    g_autoptr(Client) client = client_new(racer->f, "198.51.100.9");
    client->token = g_strdup(racer->token);
    for (guint i = 0; i < 10; i++) {
        g_autofree char *key = g_strdup_printf("Idempotency-Key: race-%u\r\n", i);
        g_autofree char *body = g_strdup_printf("{\"number\":\"R%u\",\"name\":\"Race %u\"}", i, i);
        g_autoptr(Answer) answer = client_send(client, "POST", "/api/v1/departments", key, body);
        g_assert_true(answer->status == 201 || strcmp(answer_text(answer, "code"), "state") == 0);
    }
    return NULL;
}

static void
test_idempotency_race(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    Racer racers[4];
    GThread *threads[4];
    for (guint i = 0; i < 4; i++) {
        racers[i] = (Racer){f, client->token, i};
        threads[i] = g_thread_new("racer", race, &racers[i]);
    }
    for (guint i = 0; i < 4; i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(count_departments(f), ==, 10);
}

// Answers that hold secrets are not kept, so the key is of no effect there.
static void
test_secrets_not_kept(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    g_autofree char *id = fixture_user(f, "anna", "user");
    g_autofree char *path = g_strdup_printf("/api/v1/users/%s/password", id);
    const char *key = "Idempotency-Key: key-1\r\n";
    g_autoptr(Answer) one = client_send(client, "POST", path, key, NULL);
    g_autoptr(Answer) two = client_send(client, "POST", path, key, NULL);
    assert_status(one, 200);
    assert_status(two, 200);
    g_assert_cmpstr(answer_text(one, "password"), !=, answer_text(two, "password"));
}

static void
test_pages(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    for (guint i = 0; i < 25; i++) {
        g_autofree char *number = g_strdup_printf("D%02u", i);
        g_autofree char *id G_GNUC_UNUSED = fixture_department(f, number);
    }
    g_autoptr(GString) seen = g_string_new(NULL);
    g_autofree char *cursor = g_strdup("");
    guint pages = 0;
    for (gboolean more = TRUE; more; pages++) {
        g_autoptr(Answer) page =
            client_get(client, "/api/v1/departments?limit=10&sort=-number&total=true%s%s",
                       *cursor ? "&cursor=" : "", cursor);
        assert_status(page, 200);
        g_assert_cmpint(json_integer_value(json_object_get(page->json, "total")), ==, 25);
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(page->json, "items"), i, item)
            g_string_append(seen, json_string_value(json_object_get(item, "number")));
        g_free(cursor);
        cursor = g_uri_escape_string(answer_text(page, "next"), NULL, FALSE);
        more = *cursor != '\0';
    }
    g_assert_cmpuint(pages, ==, 3);
    g_assert_cmpuint(seen->len, ==, 75);
    g_assert_true(g_str_has_prefix(seen->str, "D24D23D22"));
    g_assert_true(g_str_has_suffix(seen->str, "D02D01D00"));
    g_autoptr(Answer) some =
        client_get(client, "/api/v1/departments?number=D03,D04,nix&total=true");
    g_assert_cmpint(json_integer_value(json_object_get(some->json, "total")), ==, 2);
    g_autoptr(Answer) found = client_get(client, "/api/v1/departments?search=d1");
    g_assert_cmpuint(json_array_size(json_object_get(found->json, "items")), ==, 10);
    g_autoptr(Answer) wild = client_get(client, "/api/v1/departments?search=%%25");
    g_assert_cmpuint(json_array_size(json_object_get(wild->json, "items")), ==, 0);
    g_autoptr(Answer) mixed = client_get(client, "/api/v1/users?cursor=%s&sort=name", "eyJ9");
    assert_problem(mixed, 400, "invalid");
}

static void
test_audit(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    g_autofree char *id G_GNUC_UNUSED = fixture_user(f, "anna", "user");
    g_autoptr(Answer) made =
        client_send(client, "POST", "/api/v1/departments", "Request-Id: my-request\r\n",
                    "{\"number\":\"D1\",\"name\":\"One\"}");
    assert_status(made, 201);
    g_autoptr(Answer) rows =
        client_get(client, "/api/v1/audit?act=department.create&time_from=2020-01-01T00:00:00Z"
                           "&time_to=2999-01-01T00:00:00Z&sort=-time");
    assert_status(rows, 200);
    json_t *row = json_array_get(json_object_get(rows->json, "items"), 0);
    g_assert_cmpstr(json_string_value(json_object_get(row, "username")), ==, "boss");
    g_assert_cmpstr(json_string_value(json_object_get(row, "address")), ==, "198.51.100.7");
    g_assert_cmpstr(json_string_value(json_object_get(row, "request_id")), ==, "my-request");
    // What was denied is there too.
    g_autoptr(Client) anna = client_login(f, "anna");
    g_autoptr(Answer) no = post(anna, "/api/v1/departments", "{\"number\":\"D2\",\"name\":\"x\"}");
    assert_problem(no, 403, "forbidden");
    g_autoptr(Answer) denied = client_get(client, "/api/v1/audit?outcome=forbidden&username=anna");
    g_assert_cmpuint(json_array_size(json_object_get(denied->json, "items")), ==, 1);
    g_assert_null(strstr(denied->body, "argon2"));
}

static void
test_bad_names(Fixture *f, gconstpointer data)
{
    static const char *const bad[] = {
        "../etc", "a/b", "a b", "Anna", "\\u0000x", "x\\u0007", "\\u202Ex", "'; drop table users",
        "\\\"x",  "",    "-x",  "root", "é",        "x\\ny",
    };
    g_autoptr(Client) client = admin(f);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(Answer) no =
            post(client, "/api/v1/users", "{\"username\":\"%s\",\"name\":\"X\",\"role\":\"user\"}",
                 bad[i]);
        assert_problem(no, 400, "invalid");
    }
    g_autofree char *huge = g_strnfill(4096, 'x');
    g_autoptr(Answer) long_name = post(
        client, "/api/v1/users", "{\"username\":\"%s\",\"name\":\"X\",\"role\":\"user\"}", huge);
    assert_problem(long_name, 400, "invalid");
    g_autoptr(Answer) long_text = post(
        client, "/api/v1/users", "{\"username\":\"li\",\"name\":\"%s\",\"role\":\"user\"}", huge);
    assert_problem(long_text, 400, "invalid");
    // Quotes and markup are just characters of a person's name.
    g_autoptr(Answer) quotes =
        post(client, "/api/v1/users",
             "{\"username\":\"li\",\"name\":\"O'Neil <b>\\\"x\\\"</b> 李\",\"role\":\"user\"}");
    assert_status(quotes, 201);
    g_assert_cmpstr(answer_text(quotes, "name"), ==, "O'Neil <b>\"x\"</b> 李");
    g_assert_true(json_is_true(json_object_get(quotes->json, "enabled")));
}

static void
test_import_export(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    const char *csv = "Content-Type: text/csv\r\n";
    const char *good = "username,name,role\nanna,Anna,user\nbert,Bert,user\n";
    const char *half = "username,name,role\ncarl,Carl,user\nDora!,Dora,user\n";
    g_autoptr(Answer) dry =
        client_send(client, "POST", "/api/v1/users/import?dry_run=true", csv, good);
    assert_status(dry, 200);
    g_assert_true(json_is_false(json_object_get(dry->json, "applied")));
    g_assert_cmpint(json_integer_value(json_object_get(dry->json, "good")), ==, 2);
    g_autoptr(Answer) wrong = client_send(client, "POST", "/api/v1/users/import", csv, half);
    assert_status(wrong, 200);
    g_assert_true(json_is_false(json_object_get(wrong->json, "applied")));
    json_t *first = json_array_get(json_object_get(wrong->json, "errors"), 0);
    g_assert_cmpint(json_integer_value(json_object_get(first, "line")), ==, 3);
    g_assert_cmpstr(json_string_value(json_object_get(first, "field")), ==, "username");
    g_autoptr(Answer) done = client_send(client, "POST", "/api/v1/users/import", csv, good);
    g_assert_cmpint(json_integer_value(json_object_get(done->json, "created")), ==, 2);
    g_autoptr(Answer) out = client_get(client, "/api/v1/users/export");
    assert_status(out, 200);
    g_assert_nonnull(strstr(out->body, "anna,Anna,"));
    g_assert_true(g_str_has_prefix(answer_field(out, "content-type"), "text/csv"));
    g_autoptr(Answer) flag =
        client_send(client, "POST", "/api/v1/users/import?dry_run=perhaps", csv, good);
    assert_problem(flag, 400, "invalid");
    g_autoptr(Answer) empty = client_send(client, "POST", "/api/v1/users/import", csv, "");
    g_assert_cmpuint(empty->status, ==, 400);
    g_autoptr(Answer) json = client_send(client, "POST", "/api/v1/users/import", NULL, "{}");
    assert_problem(json, 415, "unsupported-media-type");
}

static guint
uploads(Fixture *f)
{
    g_autofree char *folder = g_build_filename(f->directory, "uploads", NULL);
    GDir *dir = g_dir_open(folder, 0, NULL);
    guint count = 0;
    while (dir && g_dir_read_name(dir))
        count++;
    g_clear_pointer(&dir, g_dir_close);
    return count;
}

static void
test_upload(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    const char *type = "Content-Type: application/octet-stream\r\n";
    gsize length = 3 * 1024 * 1024 + 17;
    g_autofree char *bytes = g_malloc(length);
    for (gsize i = 0; i < length; i++)
        bytes[i] = (char)(i * 31 % 251);
    g_autoptr(Answer) done =
        client_send_bytes(client, "PUT", "/api/v1/uploads", type, bytes, length);
    assert_status(done, 201);
    g_assert_true(g_str_has_prefix(answer_text(done, "upload"), "upl-"));
    g_assert_cmpint(json_integer_value(json_object_get(done->json, "bytes")), ==, (gint64)length);
    g_assert_cmpuint(uploads(f), >=, 1);
    guint kept = uploads(f);
    // Broken off: nothing stays.
    {
        g_autoptr(Client) broken = client_login(f, "boss");
        g_autofree char *head = g_strdup_printf(
            "PUT /api/v1/uploads HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n%s"
            "Content-Length: 9000000\r\n\r\n",
            broken->token, type);
        client_write(broken, head, strlen(head));
        client_write(broken, bytes, length);
        for (guint i = 0; i < 500 && uploads(f) == kept; i++)
            g_usleep(10000);
        g_assert_cmpuint(uploads(f), >, kept);
    }
    for (guint i = 0; i < 1000 && uploads(f) > kept; i++)
        g_usleep(10000);
    g_assert_cmpuint(uploads(f), ==, kept);
    // Chunked, of the wrong type, by the wrong person.
    g_autoptr(Client) chunked = client_login(f, "boss");
    g_autofree char *head = g_strdup_printf("PUT /api/v1/uploads HTTP/1.1\r\nHost: a\r\n"
                                            "Authorization: Bearer %s\r\n%s"
                                            "Transfer-Encoding: chunked\r\n\r\n",
                                            chunked->token, type);
    client_write(chunked, head, strlen(head));
    g_autoptr(Answer) refused = client_read(chunked, FALSE);
    assert_problem(refused, 411, "length-required");
    g_autoptr(Client) text = client_login(f, "boss");
    g_autoptr(Answer) wrong =
        client_send(text, "PUT", "/api/v1/uploads", "Content-Type: text/plain\r\n", "x");
    assert_problem(wrong, 415, "unsupported-media-type");
    g_autofree char *id G_GNUC_UNUSED = fixture_user(f, "anna", "user");
    g_autoptr(Client) anna = client_login(f, "anna");
    g_autoptr(Answer) no = client_send(anna, "PUT", "/api/v1/uploads", type, "x");
    assert_problem(no, 403, "forbidden");
    g_autoptr(Client) huge = client_login(f, "boss");
    g_free(head);
    head = g_strdup_printf("PUT /api/v1/uploads HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                           "%sContent-Length: 90000000000000\r\n\r\n",
                           huge->token, type);
    client_write(huge, head, strlen(head));
    g_autoptr(Answer) large = client_read(huge, FALSE);
    g_assert_true(large->status == 413 || large->status == 507);
    g_assert_cmpuint(uploads(f), ==, kept);
}

static void
test_departments(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    g_autofree char *department = fixture_department(f, "D1");
    g_autofree char *anna = fixture_user(f, "anna", "user");
    g_autofree char *mona = fixture_user(f, "mona", "manager");
    g_autofree char *members = g_strdup_printf("/api/v1/departments/%s/members", department);
    g_autofree char *managers = g_strdup_printf("/api/v1/departments/%s/managers", department);
    g_autofree char *member = g_strdup_printf("%s/%s", members, anna);
    g_autoptr(Answer) added = post(client, members, "{\"user_id\":\"%s\"}", anna);
    assert_status(added, 201);
    g_autoptr(Answer) twice = post(client, members, "{\"user_id\":\"%s\"}", anna);
    assert_problem(twice, 409, "exists");
    g_autoptr(Answer) not_manager = post(client, managers, "{\"user_id\":\"%s\"}", anna);
    assert_problem(not_manager, 409, "state");
    g_autoptr(Answer) manager = post(client, managers, "{\"user_id\":\"%s\"}", mona);
    assert_status(manager, 201);
    g_autoptr(Client) her = client_login(f, "mona");
    g_autoptr(Answer) list = client_send(her, "GET", members, NULL, NULL);
    g_assert_nonnull(strstr(list->body, anna));
    g_autoptr(Answer) removed = client_send(client, "DELETE", member, NULL, NULL);
    assert_status(removed, 204);
    g_autoptr(Answer) again = client_send(client, "DELETE", member, NULL, NULL);
    assert_problem(again, 404, "not-found");
}

static void
test_system(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) client = admin(f);
    g_autoptr(Answer) overview = client_get(client, "/api/v1/overview");
    assert_status(overview, 200);
    json_t *users = json_object_get(overview->json, "users");
    g_assert_cmpint(json_integer_value(json_object_get(users, "admin")), ==, 1);
    g_assert_cmpint(json_integer_value(json_object_get(users, "all")), ==, 1);
    g_autoptr(Answer) set =
        client_send(client, "PATCH", "/api/v1/settings", NULL, "{\"lock_after\":5}");
    assert_status(set, 200);
    json_t *setting = json_object_get(set->json, "lock_after");
    g_assert_cmpint(json_integer_value(json_object_get(setting, "value")), ==, 5);
    g_autoptr(Answer) bad =
        client_send(client, "PATCH", "/api/v1/settings", NULL, "{\"lock_after\":-5}");
    assert_problem(bad, 400, "invalid");
    g_autoptr(Answer) unknown = client_send(client, "PATCH", "/api/v1/settings", NULL, "{\"x\":5}");
    assert_problem(unknown, 400, "invalid");
}

#define ADD(name, function)                                                                        \
    g_test_add("/api/resources/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("crud", test_crud);
    ADD("if-match", test_if_match);
    ADD("idempotency", test_idempotency);
    ADD("idempotency-race", test_idempotency_race);
    ADD("secrets-not-kept", test_secrets_not_kept);
    ADD("pages", test_pages);
    ADD("audit", test_audit);
    ADD("bad-names", test_bad_names);
    ADD("import-export", test_import_export);
    ADD("upload", test_upload);
    ADD("departments", test_departments);
    ADD("system", test_system);
    return g_test_run();
}
