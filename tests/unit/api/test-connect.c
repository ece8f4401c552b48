// SPDX-License-Identifier: Apache-2.0
// Connecting over HTTP on a fake host: ready, preparing, what a gate gets for the ticket, and
// guests whose agent hangs.
#include "api-fixture.h"

#include <unistd.h>

#include "hypervisor/fake.h"
#include "service/ca.h"
#include "service/desktop.h"

#define SOON 15000

typedef struct {
    Fixture f;
    char *host_id, *pool, *user, *desktop, *uuid;
    YdHypervisor *hv;
} World;

static char *
make_host(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    static guint count = 0;
    g_autoptr(YdHost) host = yd_host_new();
    host->name = g_strdup("local");
    host->uri = g_strdup_printf("fake:api-connect-%u", count++);
    host->state = g_strdup("up");
    host->memory_mib = host->memory_free_mib = 65536;
    host->cpus = 64;
    yd_store_insert(f->store, &yd_host_type, host, &error);
    g_assert_no_error(error);
    yd_service_open_hosts(f->service, &error);
    g_assert_no_error(error);
    return g_strdup(host->id);
}

// A person with a desktop that is ready; its machine runs on the fake host.
static void
make_ready(World *world, const char *username, char **ret_user, char **ret_desktop, char **ret_uuid)
{
    g_autoptr(GError) error = NULL;
    Fixture *f = &world->f;
    *ret_user = fixture_user(f, username, "user");
    g_autoptr(YdEntitlement) entitlement = yd_entitlement_new();
    entitlement->pool_id = g_strdup(world->pool);
    entitlement->user_id = g_strdup(*ret_user);
    yd_store_insert(f->store, &yd_entitlement_type, entitlement, &error);
    g_assert_no_error(error);
    g_autofree char *name = g_strdup_printf("desk-%s", username);
    *ret_desktop = fixture_desktop(f, world->pool, *ret_user, name);
    g_autoptr(YdDesktop) desktop = yd_store_get(f->store, &yd_desktop_type, *ret_desktop, &error);
    yd_set_string(&desktop->host_id, world->host_id);
    yd_set_string(&desktop->state, "ready");
    yd_set_string(&desktop->wanted, "on");
    desktop->prepared = TRUE;
    yd_store_update(f->store, &yd_desktop_type, desktop, &error);
    g_assert_no_error(error);
    g_autofree char *machine = g_strconcat("yd-", desktop->id, NULL);
    YdMachineSpec spec = {.uuid = desktop->uuid,
                          .name = machine,
                          .desktop_id = desktop->id,
                          .vcpus = 1,
                          .memory_mib = 64,
                          .disk = "/nowhere.qcow2",
                          .os = "linux",
                          .spice = TRUE};
    yd_hypervisor_start(world->hv, &spec, &error);
    g_assert_no_error(error);
    *ret_uuid = g_strdup(desktop->uuid);
}

static void
set_up(World *world, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    fixture_set_up(&world->f, data);
    g_autofree char *keys = yd_ca_dir(world->f.service);
    yd_ca_ensure(keys, NULL, &error);
    g_assert_no_error(error);
    world->host_id = make_host(&world->f);
    world->hv = yd_service_hypervisor(world->f.service, world->host_id, &error);
    g_assert_no_error(error);
    world->pool = fixture_pool(&world->f, "office");
    make_ready(world, "anna", &world->user, &world->desktop, &world->uuid);
}

static void
tear_down(World *world, gconstpointer data)
{
    g_free(world->host_id);
    g_free(world->pool);
    g_free(world->user);
    g_free(world->desktop);
    g_free(world->uuid);
    fixture_tear_down(&world->f, data);
}

static void
test_ready(World *world, gconstpointer data)
{
    Fixture *f = &world->f;
    g_autoptr(Client) anna = client_login(f, "anna");
    g_autofree char *path = g_strdup_printf("/api/v1/pools/%s/connections", world->pool);
    g_autoptr(Answer) answer = client_send(anna, "POST", path, NULL, "{\"protocol\":\"rdp\"}");
    assert_status(answer, 201);
    g_assert_cmpstr(answer_text(answer, "state"), ==, "ready");
    g_assert_cmpstr(answer_text(answer, "desktop_id"), ==, world->desktop);
    g_assert_cmpstr(answer_text(answer, "host"), ==, "desk.example"); // as the client called us
    g_assert_cmpstr(answer_text(answer, "username"), ==, "anna");
    const char *ticket = answer_text(answer, "ticket");
    g_assert_cmpuint(strlen(ticket), ==, 43);
    json_t *file = json_object_get(answer->json, "file");
    const char *content = json_string_value(json_object_get(file, "content"));
    g_assert_nonnull(strstr(content, "loadbalanceinfo:s:Cookie: msts="));
    g_assert_nonnull(strstr(content, ticket));
    g_assert_nonnull(strstr(content, "\r\nsignature:s:"));
    // The guest has the password that was given out, and the list of connections has no secret.
    g_autofree char *password = yd_fake_last_password(world->hv, world->uuid);
    g_assert_cmpstr(answer_text(answer, "password"), ==, password);
    g_autoptr(Answer) list = client_get(anna, "/api/v1/connections");
    g_assert_nonnull(strstr(list->body, answer_text(answer, "id")));
    g_assert_null(strstr(list->body, ticket));
    g_assert_null(strstr(list->body, password));
    g_autoptr(Answer) bad = client_send(anna, "POST", path, NULL, "{\"protocol\":\"telnet\"}");
    assert_problem(bad, 400, "invalid");
}

static void
test_preparing(World *world, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    Fixture *f = &world->f;
    g_autoptr(YdDesktop) desktop = yd_store_get(f->store, &yd_desktop_type, world->desktop, &error);
    yd_set_string(&desktop->state, "off");
    yd_store_update(f->store, &yd_desktop_type, desktop, &error);
    g_assert_no_error(error);
    g_autoptr(Client) anna = client_login(f, "anna");
    g_autofree char *path = g_strdup_printf("/api/v1/desktops/%s/connections", world->desktop);
    g_autoptr(Answer) answer = client_send(anna, "POST", path, NULL, NULL);
    assert_status(answer, 202);
    g_assert_cmpstr(answer_text(answer, "state"), ==, "preparing");
    json_t *job = json_object_get(answer->json, "job");
    g_assert_cmpstr(json_string_value(json_object_get(job, "kind")), ==, "desktop-start");
    // Asked again, the same job is told.
    g_autoptr(Answer) again = client_send(anna, "POST", path, NULL, NULL);
    assert_status(again, 202);
    g_assert_true(json_equal(json_object_get(job, "id"),
                             json_object_get(json_object_get(again->json, "job"), "id")));
}

typedef struct {
    Fixture *f;
    const char *path, *token;
    guint status;
} Hung;

static gpointer
hung_connect(gpointer data)
{
    Hung *hung = data;
    g_autoptr(Client) client = client_new(hung->f, "198.51.100.9");
    client->token = g_strdup(hung->token);
    g_autoptr(Answer) answer =
        client_send(client, "POST", hung->path, NULL, "{\"protocol\":\"rdp\"}");
    hung->status = answer->status;
    return NULL;
}

// More hung guests than the lane has threads: others log in and look at lists as ever.
static void
test_hung(World *world, gconstpointer data)
{
    Fixture *f = &world->f;
    g_autofree char *boss G_GNUC_UNUSED = fixture_user(f, "boss", "admin");
    Hung hung[12];
    GThread *threads[12];
    g_autoptr(Client) admin G_GNUC_UNUSED = client_login(f, "boss");
    g_autofree char *path = g_strdup_printf("/api/v1/pools/%s/connections", world->pool);
    g_autoptr(GPtrArray) clients = g_ptr_array_new_with_free_func((GDestroyNotify)client_free);
    for (guint i = 0; i < G_N_ELEMENTS(hung); i++) {
        g_autofree char *name = g_strdup_printf("hung%u", i);
        g_autofree char *user = NULL, *desktop = NULL, *uuid = NULL;
        make_ready(world, name, &user, &desktop, &uuid);
        yd_fake_agent_hang(world->hv, uuid, TRUE);
        Client *client = client_login(f, name);
        g_ptr_array_add(clients, client);
        hung[i] = (Hung){f, path, client->token, 0};
    }
    for (guint i = 0; i < G_N_ELEMENTS(hung); i++)
        threads[i] = g_thread_new("hung", hung_connect, &hung[i]);
    g_usleep(200 * 1000);
    gint64 since = g_get_monotonic_time();
    for (guint i = 0; i < 20; i++) {
        g_autoptr(Client) other = client_login(f, "anna");
        g_autoptr(Answer) me = client_get(other, "/api/v1/me/desktops");
        assert_status(me, 200);
    }
    gint64 took = g_get_monotonic_time() - since;
    g_test_message("20 log-ins beside hung guests took %.0f ms", (double)took / 1000);
    g_assert_cmpint(took, <, 4 * G_USEC_PER_SEC); // a single agent call would take 5 s
    for (guint i = 0; i < G_N_ELEMENTS(hung); i++) {
        g_thread_join(threads[i]);
        g_assert_cmpuint(hung[i].status, ==, 504);
    }
}

// A client that goes away while its connect waits for the guest does no harm.
static void
test_gone(World *world, gconstpointer data)
{
    Fixture *f = &world->f;
    yd_fake_agent_delay(world->hv, 300, 300);
    g_autofree char *path = g_strdup_printf("/api/v1/pools/%s/connections", world->pool);
    for (guint i = 0; i < 5; i++) {
        g_autoptr(Client) anna = client_login(f, "anna");
        g_autofree char *text =
            g_strdup_printf("POST %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n"
                            "Content-Length: 0\r\n\r\n",
                            path, anna->token);
        client_write(anna, text, strlen(text));
        g_usleep(20 * 1000); // it is on its way; now the client goes
    }
    g_autoptr(Client) after = client_login(f, "anna");
    g_autoptr(Answer) answer = client_send(after, "POST", path, NULL, NULL);
    assert_status(answer, 201);
}

#define ADD(name, function)                                                                        \
    g_test_add("/api/connect/" name, World, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("ready", test_ready);
    ADD("preparing", test_preparing);
    ADD("hung", test_hung);
    ADD("gone", test_gone);
    return g_test_run();
}
