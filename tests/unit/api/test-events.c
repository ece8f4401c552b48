// SPDX-License-Identifier: Apache-2.0
// The event stream: what is shown to whom, how soon, going on after a break, log-ins that end, slow
// readers, limits.
#include "api-fixture.h"

#include <sys/socket.h>

#include "service/user.h"

#define SOON 10000 // ms; generous for a busy machine

static Client *
open_stream(Fixture *f, const char *username, const char *headers)
{
    Client *client = client_login(f, username);
    g_autofree char *text = g_strdup_printf("GET /api/v1/events HTTP/1.1\r\nHost: a\r\n"
                                            "Authorization: Bearer %s\r\n%s\r\n",
                                            client->token, headers ? headers : "");
    client_write(client, text, strlen(text));
    g_assert_true(client_wait_for(client, "data: {}\n\n", SOON));
    g_assert_true(client_wait_for(client, "Content-Type: text/event-stream", SOON));
    return client;
}

static void
rename_desktop(Fixture *f, const char *id, const char *name)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop = yd_store_get(f->store, &yd_desktop_type, id, &error);
    g_assert_no_error(error);
    yd_set_string(&desktop->name, name);
    yd_store_update(f->store, &yd_desktop_type, desktop, &error);
    g_assert_no_error(error);
}

typedef struct {
    char *anna, *bert, *boss, *pool, *annas, *berts;
} Names;

static void
make(Fixture *f, Names *names)
{
    names->anna = fixture_user(f, "anna", "user");
    names->bert = fixture_user(f, "bert", "user");
    names->boss = fixture_user(f, "boss", "admin");
    names->pool = fixture_pool(f, "office");
    names->annas = fixture_desktop(f, names->pool, names->anna, "desk-a");
    names->berts = fixture_desktop(f, names->pool, names->bert, "desk-b");
}

static void
names_clear(Names *names)
{
    g_free(names->anna);
    g_free(names->bert);
    g_free(names->boss);
    g_free(names->pool);
    g_free(names->annas);
    g_free(names->berts);
}

static void
test_scope(Fixture *f, gconstpointer data)
{
    Names names;
    make(f, &names);
    g_autoptr(Client) anna = open_stream(f, "anna", NULL);
    g_autoptr(Client) boss = open_stream(f, "boss", NULL);
    rename_desktop(f, names.berts, "desk-b2");
    rename_desktop(f, names.annas, "desk-a2");
    g_assert_true(client_wait_for(anna, names.annas, SOON));
    g_assert_true(client_wait_for(boss, names.annas, SOON));
    g_assert_true(client_wait_for(boss, names.berts, SOON));
    // bert's came first and has not come to anna.
    g_assert_false(client_wait_for(anna, names.berts, 300));
    g_assert_true(client_wait_for(anna, "\"noun\":\"desktop\"", SOON));
    g_assert_true(client_wait_for(anna, "\"kind\":\"changed\"", SOON));
    names_clear(&names);
}

static void
test_manager(Fixture *f, gconstpointer data)
{
    Names names;
    make(f, &names);
    g_autofree char *mona = fixture_user(f, "mona", "manager");
    g_autofree char *department = fixture_department(f, "A");
    fixture_member(f, department, names.anna, FALSE);
    fixture_member(f, department, mona, TRUE);
    g_autoptr(Client) stream = open_stream(f, "mona", NULL);
    rename_desktop(f, names.berts, "desk-b2");
    rename_desktop(f, names.annas, "desk-a2");
    g_assert_true(client_wait_for(stream, names.annas, SOON));
    g_assert_false(client_wait_for(stream, names.berts, 300));
    names_clear(&names);
}

// The number after the last "id: " that came.
static gint64
last_id(Client *client)
{
    g_autofree char *text = g_strndup((char *)client->buffer->data, client->buffer->len);
    const char *at = g_strrstr(text, "\nid: ");
    return at ? g_ascii_strtoll(at + 5, NULL, 10) : -1;
}

static void
test_resume(Fixture *f, gconstpointer data)
{
    Names names;
    make(f, &names);
    g_autoptr(Client) first = open_stream(f, "anna", NULL);
    rename_desktop(f, names.annas, "desk-a2");
    g_assert_true(client_wait_for(first, names.annas, SOON));
    gint64 seen = last_id(first);
    g_assert_cmpint(seen, >, 0);
    g_clear_pointer(&first, client_free);
    // While nobody listens, more happens than fits into one batch.
    for (guint i = 0; i < 700; i++) {
        g_autofree char *name = g_strdup_printf("desk-a-%u", i);
        rename_desktop(f, names.annas, name);
    }
    g_autofree char *resume = g_strdup_printf("Last-Event-ID: %" G_GINT64_FORMAT "\r\n", seen);
    g_autoptr(Client) second = open_stream(f, "anna", resume);
    g_autofree char *next = g_strdup_printf("id: %" G_GINT64_FORMAT "\n", seen + 1);
    g_autofree char *last = g_strdup_printf("id: %" G_GINT64_FORMAT "\n", seen + 700);
    g_assert_true(client_wait_for(second, next, SOON));
    g_assert_true(client_wait_for(second, last, SOON));
    // None is missing and none came twice.
    g_autofree char *text = g_strndup((char *)second->buffer->data, second->buffer->len);
    guint count = 0;
    for (char *at = strstr(text, "\"noun\":\"desktop\""); at;
         at = strstr(at + 1, "\"noun\":\"desktop\""))
        count++;
    g_assert_cmpuint(count, ==, 700);
    names_clear(&names);
}

static void
test_lost(Fixture *f, gconstpointer data)
{
    Names names;
    g_autoptr(GError) error = NULL;
    make(f, &names);
    // Ahead of everything (another database): start anew.
    g_autoptr(Client) ahead = open_stream(f, "anna", "Last-Event-ID: 999999999\r\n");
    g_assert_true(client_wait_for(ahead, "event: reset\n", SOON));
    // Older than what is kept.
    rename_desktop(f, names.annas, "desk-a2");
    g_assert_true(yd_store_prune(f->store, yd_now_ms() + 1000, 0, 0, &error));
    rename_desktop(f, names.annas, "desk-a3");
    g_autoptr(Client) old = open_stream(f, "anna", "Last-Event-ID: 1\r\n");
    g_assert_true(client_wait_for(old, "event: reset\n", SOON));
    g_autoptr(Client) bad = client_login(f, "anna");
    g_autoptr(Answer) no = client_send(bad, "GET", "/api/v1/events", "Last-Event-ID: x\r\n", NULL);
    assert_problem(no, 400, "invalid");
    names_clear(&names);
}

// How long events take from the commit to the client.
static void
test_soon(Fixture *f, gconstpointer data)
{
    Names names;
    make(f, &names);
    g_autoptr(Client) stream = open_stream(f, "anna", NULL);
    gint64 best = G_MAXINT64;
    for (guint i = 0; i < 10; i++) {
        g_autofree char *name = g_strdup_printf("desk-a-%u", i);
        g_byte_array_set_size(stream->buffer, 0);
        rename_desktop(f, names.annas, name);
        gint64 since = g_get_monotonic_time();
        g_assert_true(client_wait_for(stream, names.annas, SOON));
        best = MIN(best, g_get_monotonic_time() - since);
    }
    g_test_message("an event took %.1f ms at best", (double)best / 1000);
    g_assert_cmpint(best, <, 1000 * 1000);
    names_clear(&names);
}

static void
test_login_ends(Fixture *f, gconstpointer data)
{
    Names names;
    g_autoptr(GError) error = NULL;
    make(f, &names);
    g_autoptr(Client) out = open_stream(f, "anna", NULL);
    g_autoptr(Client) disabled = open_stream(f, "bert", NULL);
    g_autoptr(Client) other = client_new(f, "198.51.100.7");
    other->token = g_strdup(out->token);
    g_autoptr(Answer) answer = client_send(other, "POST", "/api/v1/logout", NULL, NULL);
    assert_status(answer, 204);
    g_assert_true(client_wait_for(out, "\r\n0\r\n\r\n", SOON)); // the end of the chunks
    g_autoptr(YdUser) bert = yd_store_get(f->store, &yd_user_type, names.bert, &error);
    bert->enabled = FALSE;
    yd_user_update(f->service, &f->system, bert, 0, &error);
    g_assert_no_error(error);
    g_assert_true(client_wait_for(disabled, "\r\n0\r\n\r\n", SOON));
    names_clear(&names);
}

static void
few_streams(YdApiConfig *config)
{
    config->max_streams_user = 2;
    config->heartbeat_seconds = 1;
}

static void
test_limits(Fixture *f, gconstpointer data)
{
    Names names;
    make(f, &names);
    g_autoptr(Client) one = open_stream(f, "anna", NULL);
    g_autoptr(Client) two G_GNUC_UNUSED = open_stream(f, "anna", NULL);
    g_autoptr(Client) three = client_login(f, "anna");
    g_autoptr(Answer) no = client_get(three, "/api/v1/events");
    assert_problem(no, 409, "limit");
    g_autoptr(Client) bert G_GNUC_UNUSED = open_stream(f, "bert", NULL); // others have their own
    g_assert_true(client_wait_for(one, "\n:\n\n", SOON));                // heartbeats come
    g_clear_pointer(&one, client_free);
    gboolean again = FALSE; // the place becomes free when the heartbeat finds nobody there
    for (guint i = 0; i < 500 && !again; i++) {
        g_autoptr(Answer) answer = NULL;
        g_autofree char *text = g_strdup_printf("GET /api/v1/events HTTP/1.1\r\nHost: a\r\n"
                                                "Authorization: Bearer %s\r\n\r\n",
                                                three->token);
        client_write(three, text, strlen(text));
        answer = client_read(three, TRUE);
        again = answer->status == 200;
        if (!again) {
            const char *length = answer_field(answer, "content-length");
            while (three->buffer->len < (guint)g_ascii_strtoull(length, NULL, 10))
                client_wait_for(three, "}", 100);
            g_byte_array_set_size(three->buffer, 0);
            g_usleep(20000);
        }
    }
    g_assert_true(again);
    names_clear(&names);
}

static void
one_stream_no_heartbeat(YdApiConfig *config)
{
    config->max_streams_user = 1;
    config->heartbeat_seconds = 3600;
}

// A page loaded again and again: each stream's place is free as soon as its client has closed.
static void
test_reload(Fixture *f, gconstpointer data)
{
    Names names;
    make(f, &names);
    for (guint i = 0; i < 5; i++) {
        g_autoptr(Client) client = client_login(f, "anna");
        g_autoptr(Answer) answer = NULL;
        for (guint tries = 0; tries < 500 && (!answer || answer->status != 200); tries++) {
            if (answer)
                g_usleep(20000);
            g_clear_pointer(&answer, answer_free);
            g_autoptr(Client) probe = client_new(f, NULL);
            g_autofree char *text = g_strdup_printf("GET /api/v1/events HTTP/1.1\r\nHost: a\r\n"
                                                    "Authorization: Bearer %s\r\n\r\n",
                                                    client->token);
            client_write(probe, text, strlen(text));
            answer = client_read(probe, TRUE);
        }
        assert_status(answer, 200);
    }
    names_clear(&names);
}

// Who does not read is dropped, and holds up nobody.
static void
test_slow_reader(Fixture *f, gconstpointer data)
{
    Names names;
    make(f, &names);
    g_autoptr(Client) slow = open_stream(f, "anna", NULL);
    g_autoptr(Client) quick = open_stream(f, "boss", NULL);
    int small = 4096;
    setsockopt(slow->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    for (guint i = 0; i < 6000; i++) {
        g_autofree char *name = g_strdup_printf("desk-a-%u", i);
        rename_desktop(f, names.annas, name);
        if (i % 500 == 0) { // the quick one reads
            g_byte_array_set_size(quick->buffer, 0);
            g_assert_true(client_wait_for(quick, names.annas, SOON));
        }
    }
    rename_desktop(f, names.berts, "desk-b-last");
    g_assert_true(client_wait_for(quick, names.berts, SOON));
    g_assert_true(client_closed(slow, SOON));
    names_clear(&names);
}

static gpointer
nothing(gpointer data)
{
    return NULL;
}

// deskd ends while streams are open: they end, and nothing hangs (tear-down waits for it).
static void
test_end(Fixture *f, gconstpointer data)
{
    Names names;
    make(f, &names);
    g_autoptr(Client) stream = open_stream(f, "anna", NULL);
    g_main_loop_quit(f->loop);
    g_thread_join(f->thread);
    g_main_context_push_thread_default(f->context);
    yd_api_stop(f->api, 1000);
    g_main_context_pop_thread_default(f->context);
    g_assert_true(client_wait_for(stream, "\r\n0\r\n\r\n", SOON));
    f->thread = g_thread_new("api", nothing, NULL); // for the tear-down to join
    names_clear(&names);
}

#define ADD(name, function, limits)                                                                \
    g_test_add("/api/events/" name, Fixture, (gconstpointer)(limits), fixture_set_up, function,    \
               fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("scope", test_scope, NULL);
    ADD("manager", test_manager, NULL);
    ADD("resume", test_resume, NULL);
    ADD("lost", test_lost, NULL);
    ADD("reload", test_reload, one_stream_no_heartbeat);
    ADD("soon", test_soon, NULL);
    ADD("login-ends", test_login_ends, NULL);
    ADD("limits", test_limits, few_streams);
    ADD("slow-reader", test_slow_reader, NULL);
    ADD("end", test_end, NULL);
    return g_test_run();
}
