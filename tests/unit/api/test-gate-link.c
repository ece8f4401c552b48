// SPDX-License-Identifier: Apache-2.0
// The gates' socket: hello, redeem, figures, cuts, several gates, and gates that misbehave.
#include "api-fixture.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json-util.h"
#include "service/connection.h"
#include "service/gate-list.h"

#define SOON 10000

// A gate is a Client without HTTP.
static Client *
gate_new(Fixture *f, const char *name)
{
    Client *gate = g_new0(Client, 1);
    gate->buffer = g_byte_array_new();
    gate->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    g_strlcpy(address.sun_path, f->gate_socket, sizeof address.sun_path);
    g_assert_cmpint(connect(gate->fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    if (name) {
        g_autofree char *hello =
            g_strdup_printf("{\"op\":\"hello\",\"gate\":\"%s\",\"version\":1}\n", name);
        client_write(gate, hello, strlen(hello));
        g_assert_true(client_wait_for(gate, "{\"op\":\"welcome\"}\n", SOON));
        g_byte_array_set_size(gate->buffer, 0);
    }
    return gate;
}

static void
say(Client *gate, const char *line)
{
    client_write(gate, line, strlen(line));
    client_write(gate, "\n", 1);
}

// A desktop that runs on the fake host, with a connection whose ticket is known.
static char *
make_connection(Fixture *f, const char *ticket, char **ret_desktop)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *user = fixture_user(f, "anna", "user");
    g_autofree char *pool = fixture_pool(f, "office");
    g_autofree char *desktop_id = fixture_desktop(f, pool, user, "desk-a");
    g_autofree char *id = fixture_connection(f, desktop_id, user);
    g_autoptr(YdConnection) connection = yd_store_get(f->store, &yd_connection_type, id, &error);
    g_free(connection->ticket_hash);
    connection->ticket_hash = yd_token_hash(ticket);
    yd_store_update(f->store, &yd_connection_type, connection, &error);
    g_assert_no_error(error);
    *ret_desktop = g_steal_pointer(&desktop_id);
    return g_steal_pointer(&id);
}

static void
test_refuse(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) gate = gate_new(f, "gate-1");
    say(gate,
        "{\"op\":\"redeem\",\"id\":7,\"ticket\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"protocol\":\"rdp\",\"address\":\"198.51.100.7\",\"port\":50112}");
    g_assert_true(client_wait_for(gate, "\"code\":\"ticket-unknown\"", SOON));
    g_assert_true(client_wait_for(gate, "\"op\":\"refuse\",\"id\":7,", SOON));
    say(gate, "{\"op\":\"redeem\",\"id\":8}");
    g_assert_true(client_wait_for(gate, "\"op\":\"refuse\",\"id\":8,", SOON));
    say(gate, "{\"op\":\"redeem\",\"id\":\"x\",\"ticket\":7}");
    g_assert_true(client_wait_for(gate, "\"op\":\"refuse\",\"id\":0,", SOON));
    say(gate, "{\"op\":\"dance\"}"); // ignored
    say(gate, "{\"op\":\"redeem\",\"id\":9}");
    g_assert_true(client_wait_for(gate, "\"id\":9,", SOON));
}

static void
test_many_redeems(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) gate = gate_new(f, "gate-1");
    for (guint i = 1; i <= 500; i++) { // at once, without waiting
        g_autofree char *line = g_strdup_printf("{\"op\":\"redeem\",\"id\":%u,\"ticket\":\"x\","
                                                "\"protocol\":\"rdp\",\"address\":\"1.2.3.4\"}",
                                                i);
        say(gate, line);
    }
    for (guint i = 1; i <= 500; i += 83) {
        g_autofree char *id = g_strdup_printf("\"id\":%u,", i);
        g_assert_true(client_wait_for(gate, id, SOON));
    }
}

static void
test_stats(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *desktop = NULL;
    g_autofree char *id = make_connection(f, "t", &desktop);
    g_autoptr(Client) gate = gate_new(f, "gate-1");
    g_autofree char *line = g_strdup_printf(
        "{\"op\":\"stats\",\"sessions\":[7,{\"session\":3},{\"session\":\"%s\",\"sockets\":2,"
        "\"bytes_up\":123,\"bytes_down\":456,\"rtt_us\":900,\"lost\":0}]}",
        id);
    say(gate, line);
    gint64 down = 0;
    for (guint i = 0; i < 500 && down != 456; i++) {
        g_autoptr(YdConnection) now = yd_store_get(f->store, &yd_connection_type, id, &error);
        g_assert_no_error(error);
        down = now->bytes_down;
        g_usleep(10000);
    }
    g_assert_cmpint(down, ==, 456);
}

// Figures are counted in the order in which a gate says them: what the store holds never goes back,
// and nothing old comes after the last line.
static void
test_stats_order(Fixture *f, gconstpointer data)
{
    g_autofree char *desktop = NULL;
    g_autofree char *id = make_connection(f, "t", &desktop);
    g_autoptr(Client) gate = gate_new(f, "gate-1");
    enum { LINES = 400 };
    for (guint i = 1; i <= LINES; i++) {
        g_autofree char *line =
            g_strdup_printf("{\"op\":\"stats\",\"sessions\":[{\"session\":\"%s\",\"sockets\":%u,"
                            "\"bytes_up\":1,\"bytes_down\":%u,\"rtt_us\":900,\"lost\":0}]}",
                            id, i % 2 ? 2 : 0, i);
        say(gate, line);
    }
    say(gate, "{\"op\":\"redeem\",\"id\":5}"); // is not held up by them
    g_assert_true(client_wait_for(gate, "\"id\":5,", SOON));
    gint64 down = 0, until = g_get_monotonic_time() + SOON * 1000;
    while (down < LINES && g_get_monotonic_time() < until) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdConnection) now = yd_store_get(f->store, &yd_connection_type, id, &error);
        g_assert_no_error(error);
        g_assert_cmpint(now->bytes_down, >=, down);
        if (now->bytes_down > 0) {
            g_assert_cmpint(now->sockets, ==, now->bytes_down % 2 ? 2 : 0);
            g_assert_cmpstr(now->state, ==, now->sockets ? "open" : "dropped");
        }
        down = now->bytes_down;
    }
    g_assert_cmpint(down, ==, LINES);
}

// Lines that a gate said just before it went are counted as well.
static void
test_last_stats(Fixture *f, gconstpointer data)
{
    g_autofree char *desktop = NULL;
    g_autofree char *id = make_connection(f, "t", &desktop);
    {
        g_autoptr(Client) gate = gate_new(f, "gate-1");
        for (guint i = 1; i <= 20; i++) {
            g_autofree char *line = g_strdup_printf(
                "{\"op\":\"stats\",\"sessions\":[{\"session\":\"%s\",\"sockets\":%u,\"bytes_up\":1,"
                "\"bytes_down\":%u,\"rtt_us\":900,\"lost\":0}]}",
                id, i < 20 ? 2 : 0, i);
            say(gate, line);
        }
    }
    gint64 down = 0, until = g_get_monotonic_time() + SOON * 1000;
    while (down < 20 && g_get_monotonic_time() < until) {
        g_autoptr(YdConnection) now = yd_store_get(f->store, &yd_connection_type, id, NULL);
        down = now->bytes_down;
        g_usleep(1000);
    }
    g_assert_cmpint(down, ==, 20);
}

static void
test_cut(Fixture *f, gconstpointer data)
{
    g_autofree char *desktop = NULL;
    g_autofree char *id = make_connection(f, "t", &desktop);
    g_autofree char *boss G_GNUC_UNUSED = fixture_user(f, "boss", "admin");
    g_autoptr(Client) one = gate_new(f, "gate-1");
    g_autoptr(Client) two = gate_new(f, "gate-2");
    g_autoptr(Client) admin = client_login(f, "boss");
    g_autofree char *path = g_strdup_printf("/api/v1/connections/%s", id);
    gint64 since = g_get_monotonic_time();
    g_autoptr(Answer) answer = client_send(admin, "DELETE", path, NULL, NULL);
    assert_status(answer, 204);
    // No gate had it yet, so all are told.
    g_assert_true(client_wait_for(one, "\"op\":\"cut\"", SOON));
    g_test_message("the cut took %.1f ms", (double)(g_get_monotonic_time() - since) / 1000);
    g_assert_true(client_wait_for(one, id, SOON));
    g_assert_true(client_wait_for(two, id, SOON));
}

static void
test_misbehaviour(Fixture *f, gconstpointer data)
{
    static const char *const bad[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "{\"op\":\"redeem\",\"id\":1}\n",
        "{\"op\":\"hello\",\"gate\":\"x\",\"version\":2}\n",
        "{\"op\":\"hello\",\"gate\":\"\",\"version\":1}\n",
        "[]\n",
        "\xff\xfe\n",
        "{\n",
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(Client) gate = gate_new(f, NULL);
        client_write(gate, bad[i], strlen(bad[i]));
        g_assert_true(client_closed(gate, SOON));
    }
    g_autoptr(Client) endless = gate_new(f, "gate-1");
    g_autofree char *block = g_strnfill(80 * 1024, 'x');
    client_write(endless, block, 80 * 1024);
    g_assert_true(client_closed(endless, SOON));
    // In pieces, and empty lines between, is fine.
    g_autoptr(Client) slow = gate_new(f, NULL);
    const char *hello = "\n\n{\"op\":\"hello\",\"gate\":\"slow\",\"version\":1}\n";
    for (const char *at = hello; *at; at++)
        client_write(slow, at, 1);
    g_assert_true(client_wait_for(slow, "welcome", SOON));
}

static void
test_comes_and_goes(Fixture *f, gconstpointer data)
{
    {
        g_autoptr(Client) warm = gate_new(f, "gate-0");
        say(warm, "{\"op\":\"redeem\",\"id\":1}");
        g_assert_true(client_wait_for(warm, "refuse", SOON));
    }
    guint before = open_files();
    for (guint i = 0; i < 100; i++) {
        g_autoptr(Client) gate = gate_new(f, "gate-1");
        say(gate, "{\"op\":\"redeem\",\"id\":1,\"ticket\":\"x\",\"protocol\":\"rdp\",\"address\":"
                  "\"1.2.3.4\"}");
    }
    guint after = 0;
    for (guint i = 0; i < 500; i++) {
        after = open_files();
        if (after <= before + 12) // threads may have opened their stores meanwhile
            break;
        g_usleep(10000);
    }
    g_assert_cmpuint(after, <=, before + 12);
    g_autoptr(Client) last G_GNUC_UNUSED = gate_new(f, "gate-1");
}

static void
test_too_many(Fixture *f, gconstpointer data)
{
    g_autoptr(GPtrArray) gates = g_ptr_array_new_with_free_func((GDestroyNotify)client_free);
    for (guint i = 0; i < 32; i++)
        g_ptr_array_add(gates, gate_new(f, "gate"));
    g_autoptr(Client) more = gate_new(f, NULL);
    g_assert_true(client_closed(more, SOON));
}

#define ADD(name, function)                                                                        \
    g_test_add("/api/gate-link/" name, Fixture, NULL, fixture_set_up, function, fixture_tear_down)

static gboolean
list_has(Fixture *f, const char *text)
{
    g_autoptr(json_t) list = yd_gate_list_get(f->service);
    g_autofree char *all = yd_json_text(list);
    return strstr(all, text) != NULL;
}

// What a gate says of itself is shown while it is connected, and only what is known.
static void
test_about(Fixture *f, gconstpointer data)
{
    Client *gate = gate_new(f, "gate-7");
    say(gate,
        "{\"op\":\"gate\",\"version\":\"1.2\",\"state\":\"serving\",\"sessions\":3,\"sockets\":9,"
        "\"accept_failures\":41,\"tls_in_kernel\":\"many\",\"secret\":\"x\"}");
    say(gate, "{\"op\":\"redeem\",\"id\":9}");
    g_assert_true(client_wait_for(gate, "\"id\":9,", SOON));
    g_assert_true(list_has(f, "{\"name\":\"gate-7\",\"version\":\"1.2\",\"state\":\"serving\","
                              "\"sessions\":3,\"sockets\":9,\"accept_failures\":41}"));
    g_autoptr(Client) local = client_new(f, NULL);
    g_autoptr(Answer) metrics = client_get(local, "/metrics");
    g_assert_cmpuint(metrics->status, ==, 200);
    g_assert_nonnull(strstr(metrics->body, "yundesk_gate_accept_failures_total{gate=\"gate-7\","
                                           "state=\"serving\"} 41\n"));
    client_free(gate);
    for (guint i = 0; i < SOON && list_has(f, "gate-7"); i++)
        g_usleep(1000);
    g_assert_false(list_has(f, "gate-7"));
}

static gpointer
drain_on_thread(gpointer data)
{
    Fixture *f = data;
    GError *error = NULL;
    yd_gate_list_drain(f->service, &f->system, "gate-7", TRUE, 90, &error);
    return error;
}

// The order goes to the gates of that name only, and is done when they say so.
static void
test_drain(Fixture *f, gconstpointer data)
{
    g_autoptr(Client) gate = gate_new(f, "gate-7");
    g_autoptr(Client) other = gate_new(f, "gate-8");
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_gate_list_drain(f->service, &f->system, "gate-9", TRUE, -1, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    say(gate, "{\"op\":\"gate\",\"state\":\"serving\"}");
    for (guint i = 0; i < SOON && !list_has(f, "serving"); i++)
        g_usleep(1000);
    GThread *asker = g_thread_new("asker", drain_on_thread, f);
    g_assert_true(client_wait_for(gate, "{\"op\":\"drain\",\"seconds\":90}", SOON));
    say(gate, "{\"op\":\"gate\",\"state\":\"draining\"}");
    g_assert_null(g_thread_join(asker));
    say(other, "{\"op\":\"redeem\",\"id\":9}");
    g_assert_true(client_wait_for(other, "\"id\":9,", SOON));
    g_assert_null(g_strstr_len((char *)other->buffer->data, other->buffer->len, "drain"));
    // One that does not know the word is told of.
    g_clear_error(&error);
    g_assert_false(yd_gate_list_drain(f->service, &f->system, "gate-7", FALSE, -1, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_TIMEOUT);
    g_assert_nonnull(strstr(error->message, "deskgate drain"));
    // And people who are no administrators may not.
    g_clear_error(&error);
    const YdActor person = {.role = YD_ROLE_USER};
    g_assert_false(yd_gate_list_drain(f->service, &person, "gate-7", TRUE, -1, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("refuse", test_refuse);
    ADD("many-redeems", test_many_redeems);
    ADD("stats", test_stats);
    ADD("drain", test_drain);
    ADD("stats-order", test_stats_order);
    ADD("last-stats", test_last_stats);
    ADD("cut", test_cut);
    ADD("about", test_about);
    ADD("misbehaviour", test_misbehaviour);
    ADD("comes-and-goes", test_comes_and_goes);
    ADD("too-many", test_too_many);
    return g_test_run();
}
