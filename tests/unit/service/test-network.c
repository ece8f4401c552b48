// SPDX-License-Identifier: Apache-2.0
// Virtual networks: what may be asked for, and the jobs that make and remove them on fake hosts.

#include "people-fixture.h"
#include "hypervisor/fake.h"
#include "service/jobs.h"
#include "service/network-keeper.h"
#include <string.h>

static YdHost *
add_host(Fixture *f, const char *name, const char *uri)
{
    YdHost *host = yd_host_new();
    g_autoptr(GError) error = NULL;

    host->name = g_strdup(name);
    host->uri = g_strdup(uri);
    yd_host_add(f->service, &f->system, host, &error);
    g_assert_no_error(error);
    return host;
}

static gboolean
is_on(Fixture *f, const YdHost *host, const char *name)
{
    YdHypervisor *hv = yd_service_hypervisor(f->service, host->id, NULL);
    g_autoptr(GError) error = NULL;
    gboolean active = FALSE;

    return yd_hypervisor_network_active(hv, name, &active, &error) && active;
}

static YdNetwork *
load(Fixture *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdNetwork *network = yd_store_get(f->store, &yd_network_type, id, &error);

    g_assert_no_error(error);
    return network;
}

static YdNetwork *
create(Fixture *f, const char *name, const char *cidr, YdJob **ret_job)
{
    YdNetwork *network = yd_network_new();
    g_autoptr(GError) error = NULL;

    network->name = g_strdup(name);
    network->cidr = g_strdup(cidr);
    yd_network_create(f->service, &f->system, network, ret_job, &error);
    g_assert_no_error(error);
    return network;
}

// The state in which the job ended; owned.
static char *
wait_for(Fixture *f, YdJob *job)
{
    g_autoptr(YdJob) ended = NULL;
    g_autoptr(GError) error = NULL;

    yd_job_wait(f->service, job->id, 30000, &ended, &error);
    g_assert_no_error(error);
    return g_strdup(ended->state);
}

static void
test_life(Fixture *f, gconstpointer data)
{
    g_autoptr(YdHost) one = add_host(f, "one", "fake:one");
    g_autoptr(YdHost) two = add_host(f, "two", "fake:two");
    g_autoptr(YdJob) make = NULL;
    g_autoptr(YdJob) take = NULL;
    g_autoptr(YdNetwork) network = create(f, "office", "10.50.0.0/24", &make);
    g_autofree char *name = yd_network_libvirt_name(network);
    g_autofree char *made = NULL, *taken = NULL;
    g_autoptr(YdNetwork) after = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_cmpstr(network->state, ==, "new");
    g_assert_cmpstr(network->mode, ==, "nat");
    g_assert_cmpstr(network->gateway, ==, "10.50.0.1");
    g_assert_cmpstr(network->range_first, ==, "10.50.0.2");
    g_assert_cmpstr(network->range_last, ==, "10.50.0.254");
    g_assert_cmpuint(strlen(network->bridge), <=, 15);
    g_assert_cmpstr(name, ==, "yd-office");
    g_assert_true(yd_jobs_start(f->service, &error));
    made = wait_for(f, make);
    g_assert_cmpstr(made, ==, "done");
    after = load(f, network->id);
    g_assert_cmpstr(after->state, ==, "active");
    g_assert_true(is_on(f, one, name) && is_on(f, two, name));
    g_assert_true(yd_network_ensure(f->service, one->id, after, &error)); // again: nothing to do
    g_assert_true(yd_network_delete(f->service, &f->system, network->id, 0, &take, &error));
    taken = wait_for(f, take);
    g_assert_cmpstr(taken, ==, "done");
    g_assert_false(is_on(f, one, name) || is_on(f, two, name));
    g_assert_null(yd_store_get(f->store, &yd_network_type, network->id, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, network->id);
    g_assert_cmpuint(fixture_audits(f, "network.create", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "network.delete", "ok"), ==, 1);
}

static const YdNetworkHost *
row_on(GPtrArray *rows, const YdHost *host)
{
    for (guint i = 0; i < rows->len; i++) {
        const YdNetworkHost *row = rows->pdata[i];
        if (strcmp(row->host_id, host->id) == 0)
            return row;
    }
    g_assert_not_reached();
}

static GPtrArray *
kept(Fixture *f, const YdNetwork *network)
{
    g_autoptr(GError) error = NULL;
    yd_network_keep(f->service, &error);
    g_assert_no_error(error);
    return yd_store_all(f->store, &yd_network_host_type, "network_id", network->id, &error);
}

static void
test_keeper(Fixture *f, gconstpointer data)
{
    g_autoptr(YdHost) one = add_host(f, "one", "fake:one");
    g_autoptr(YdHost) two = add_host(f, "two", "fake:two");
    g_autoptr(YdJob) make = NULL, take = NULL;
    g_autoptr(YdNetwork) network = create(f, "office", "10.50.0.0/24", &make);
    g_autofree char *name = yd_network_libvirt_name(network), *made = NULL, *taken = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) before = kept(f, network);
    g_assert_cmpuint(before->len, ==, 0); // its job is at work
    g_assert_true(yd_jobs_start(f->service, &error));
    made = wait_for(f, make);
    g_autoptr(GPtrArray) good = kept(f, network);
    g_assert_cmpuint(good->len, ==, 2);
    g_assert_cmpstr(row_on(good, one)->state, ==, "ok");
    g_assert_null(row_on(good, two)->repaired);
    // Somebody took it away on one of them.
    YdHypervisor *hv = yd_service_hypervisor(f->service, two->id, &error);
    g_assert_true(yd_hypervisor_network_remove(hv, name, &error));
    yd_fake_fail(hv, "network_ensure", 1, YD_ERROR_INTERNAL);
    g_autoptr(GPtrArray) bad = kept(f, network);
    g_assert_cmpstr(row_on(bad, two)->state, ==, "missing");
    g_assert_nonnull(row_on(bad, two)->error);
    g_assert_cmpstr(row_on(bad, one)->state, ==, "ok");
    g_autoptr(GPtrArray) again = kept(f, network);
    g_assert_cmpstr(row_on(again, two)->state, ==, "ok");
    g_assert_cmpstr(row_on(again, two)->repaired, ==, "network");
    g_assert_null(row_on(again, two)->error);
    g_assert_true(is_on(f, two, name));
    g_assert_true(yd_network_delete(f->service, &f->system, network->id, 0, &take, &error));
    taken = wait_for(f, take);
    g_autoptr(GPtrArray) gone = kept(f, network);
    g_assert_cmpuint(gone->len, ==, 0);
}

static void
test_vni(Fixture *f, gconstpointer data)
{
    static const gint64 bad[] = {-1, 16777216};
    g_autoptr(GError) error = NULL;
    for (gsize i = 0; i <= G_N_ELEMENTS(bad); i++) {
        g_autoptr(YdNetwork) network = yd_network_new();
        yd_set_string(&network->name, i == 0 ? "first" : "other");
        yd_set_string(&network->cidr, i == 0 ? "10.50.0.0/24" : "10.51.0.0/24");
        network->vni = i == 0 ? 101 : bad[i - 1];
        gboolean made = yd_network_create(f->service, &f->system, network, NULL, &error);
        g_assert_cmpint(made, ==, i == 0);
        if (i > 0)
            fixture_assert_error(error, YD_ERROR_INVALID, "vni");
        g_clear_error(&error);
    }
    g_autoptr(YdNetwork) second = yd_network_new();
    yd_set_string(&second->name, "second");
    yd_set_string(&second->cidr, "10.52.0.0/24");
    second->vni = 101;
    g_assert_false(yd_network_create(f->service, &f->system, second, NULL, &error));
    fixture_assert_error(error, YD_ERROR_EXISTS, "101");
}

static void
test_bad_fields(Fixture *f, gconstpointer data)
{
    g_autofree char *office = fixture_network(f, "office", "10.50.0.0/24");
    g_autoptr(YdNetwork) there = load(f, office);
    g_autofree char *big = g_strnfill(4096, 'a');
    g_autofree char *digits = g_strnfill(4096, '1');
    g_autoptr(GError) error = NULL;
    const struct {
        const char *name, *cidr, *gateway, *first, *last, *bridge, *mode;
        gint64 vlan;
        int code;
        const char *message;
    } bad[] = {
        {.name = NULL, .cidr = "10.51.0.0/24", .message = "name: "},
        {.name = "Büro", .cidr = "10.51.0.0/24", .message = "name: "},
        {.name = "a/b", .cidr = "10.51.0.0/24", .message = "name: "},
        {.name = "<x/>", .cidr = "10.51.0.0/24", .message = "name: "},
        {.name = "-a", .cidr = "10.51.0.0/24", .message = "name: "},
        {.name = big, .cidr = "10.51.0.0/24", .message = "name: "},
        {.name = "n", .cidr = NULL, .message = "cidr: "},
        {.name = "n", .cidr = "10.51.0.1/24", .message = "cidr: "},
        {.name = "n", .cidr = "10.51.0.0/31", .message = "cidr: "},
        {.name = "n", .cidr = "300.51.0.0/24", .message = "cidr: "},
        {.name = "n", .cidr = "fe80::/64", .message = "cidr: "},
        {.name = "n", .cidr = digits, .message = "cidr: "},
        {.name = "n", .cidr = "10.51.0.0/24\n", .message = "cidr: "},
        {.name = "n", .cidr = "10.51.0.0/24", .gateway = "10.52.0.1", .message = "gateway: "},
        {.name = "n", .cidr = "10.51.0.0/24", .gateway = big, .message = "gateway: "},
        {.name = "n", .cidr = "10.51.0.0/24", .first = "10.51.1.1", .message = "range_first: "},
        {.name = "n", .cidr = "10.51.0.0/24", .last = "10.51.0.255", .message = "range_last: "},
        {.name = "n",
         .cidr = "10.51.0.0/24",
         .first = "10.51.0.9",
         .last = "10.51.0.8",
         .message = "range"},
        {.name = "n", .cidr = "10.51.0.0/24", .mode = "bridge", .message = "mode: "},
        {.name = "n", .cidr = "10.51.0.0/24", .vlan = 4095, .message = "vlan: "},
        {.name = "n", .cidr = "10.51.0.0/24", .bridge = "0123456789abcdef", .message = "bridge: "},
        {.name = "n", .cidr = "10.51.0.0/24", .bridge = "a/b", .message = "bridge: "},
        {.name = "n",
         .cidr = "10.51.0.0/24",
         .bridge = there->bridge,
         .code = YD_ERROR_EXISTS,
         .message = "bridge: "},
        {.name = "office", .cidr = "10.51.0.0/24", .code = YD_ERROR_EXISTS, .message = "name: "},
        {.name = "n", .cidr = "10.50.0.0/24", .code = YD_ERROR_EXISTS, .message = "“office”"},
        {.name = "n", .cidr = "10.50.0.128/25", .code = YD_ERROR_EXISTS, .message = "“office”"},
        {.name = "n", .cidr = "10.0.0.0/8", .code = YD_ERROR_EXISTS, .message = "“office”"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(YdNetwork) network = yd_network_new();
        network->name = g_strdup(bad[i].name);
        network->cidr = g_strdup(bad[i].cidr);
        network->gateway = g_strdup(bad[i].gateway);
        network->range_first = g_strdup(bad[i].first);
        network->range_last = g_strdup(bad[i].last);
        network->bridge = g_strdup(bad[i].bridge);
        network->mode = g_strdup(bad[i].mode);
        network->vlan = bad[i].vlan;
        g_assert_false(yd_network_create(f->service, &f->system, network, NULL, &error));
        fixture_assert_error(error, (int)bad[i].code, bad[i].message);
    }
}

static void
test_used(Fixture *f, gconstpointer data)
{
    g_autofree char *pool_id = fixture_pool(f, "pool");
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, pool_id, NULL);
    g_autofree char *li = fixture_user(f, "li", "manager");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, li);
    g_autofree char *own = fixture_network(f, "own", "10.52.0.0/24");
    g_autofree char *department = fixture_department(f, "D1", "Ours");
    g_autoptr(YdDepartment) row = yd_store_get(f->store, &yd_department_type, department, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_false(yd_network_delete(f->service, &f->system, pool->network_id, 0, NULL, &error));
    fixture_assert_error(error, YD_ERROR_IN_USE, "1 pool(s)");
    row->network_id = g_strdup(own);
    g_assert_true(yd_department_update(f->service, &f->system, row, 0, &error));
    g_assert_false(yd_network_delete(f->service, &f->system, own, 0, NULL, &error));
    fixture_assert_error(error, YD_ERROR_IN_USE, "1 department(s)");
    g_assert_false(yd_network_delete(f->service, &actor->actor, own, 0, NULL, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "networks.write");
    g_assert_false(yd_network_delete(f->service, &f->system, "net-x", 0, NULL, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, "net-x");
}

static void
test_range(Fixture *f, gconstpointer data)
{
    g_autofree char *id = fixture_network(f, "office", "10.50.0.0/24");
    g_autofree char *pool = fixture_pool(f, "pool");
    g_autofree char *li = fixture_user(f, "li", "user");
    g_autofree char *desktop = fixture_desktop(f, pool, li, "d");
    g_autoptr(YdNetwork) network = load(f, id);
    g_autoptr(YdAddress) address = yd_address_new();
    g_autoptr(YdJob) job = NULL;
    g_autoptr(GError) error = NULL;

    address->network_id = g_strdup(id);
    address->desktop_id = g_strdup(desktop);
    address->ip = g_strdup("10.50.0.40");
    address->ip_number = (10 << 24) + (50 << 16) + 40;
    address->mac = g_strdup("52:54:0a:32:00:28");
    g_assert_true(yd_store_insert(f->store, &yd_address_type, address, &error));
    g_assert_true(yd_network_update(f->service, &f->system, network, 0, &job, &error));
    g_assert_null(job); // nothing changed
    yd_set_string(&network->range_last, "10.50.0.39");
    g_assert_false(yd_network_update(f->service, &f->system, network, 0, &job, &error));
    fixture_assert_error(error, YD_ERROR_IN_USE, "“10.50.0.40”");
    yd_set_string(&network->range_last, "10.50.0.40");
    yd_set_string(&network->cidr, "10.0.0.0/8"); // does not count
    g_assert_true(yd_network_update(f->service, &f->system, network, 0, &job, &error));
    g_assert_nonnull(job);
    g_assert_cmpstr(network->cidr, ==, "10.50.0.0/24");
    yd_set_string(&network->name, "other");
    g_assert_false(yd_network_update(f->service, &f->system, network, 0, NULL, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "name: ");
}

// One host refuses: nothing stays on any, and the row says why. A silent host is left out.
static void
test_failures(Fixture *f, gconstpointer data)
{
    g_autoptr(YdHost) one = add_host(f, "one", "fake:one");
    g_autoptr(YdHost) two = add_host(f, "two", "fake:two");
    g_autoptr(YdJob) bad = NULL;
    g_autoptr(YdJob) good = NULL;
    g_autoptr(YdNetwork) refused = create(f, "refused", "10.50.0.0/24", &bad);
    g_autoptr(YdNetwork) made = NULL;
    g_autoptr(YdNetwork) after = NULL;
    g_autofree char *bad_state = NULL, *good_state = NULL;
    g_autoptr(GError) error = NULL;

    yd_fake_fail(yd_service_hypervisor(f->service, two->id, NULL), "network_ensure", 1,
                 YD_ERROR_EXISTS);
    g_assert_true(yd_jobs_start(f->service, &error));
    bad_state = wait_for(f, bad);
    g_assert_cmpstr(bad_state, ==, "failed");
    after = load(f, refused->id);
    g_assert_cmpstr(after->state, ==, "failed");
    g_assert_nonnull(strstr(after->error, "“two”"));
    g_assert_false(is_on(f, one, "yd-refused"));

    yd_fake_set_alive(yd_service_hypervisor(f->service, two->id, NULL), FALSE);
    made = create(f, "made", "10.51.0.0/24", &good);
    good_state = wait_for(f, good);
    g_assert_cmpstr(good_state, ==, "done");
    g_clear_pointer(&after, yd_network_free);
    after = load(f, made->id);
    g_assert_cmpstr(after->state, ==, "active");
    g_assert_true(is_on(f, one, "yd-made"));
}

// Removing fails on one host: the network is there again, and says so.
static void
test_delete_fails(Fixture *f, gconstpointer data)
{
    g_autoptr(YdHost) one = add_host(f, "one", "fake:one");
    g_autoptr(YdHost) two = add_host(f, "two", "fake:two");
    g_autoptr(YdJob) make = NULL;
    g_autoptr(YdJob) take = NULL;
    g_autoptr(YdJob) again = NULL;
    g_autoptr(YdNetwork) network = create(f, "office", "10.50.0.0/24", &make);
    g_autoptr(YdNetwork) after = NULL;
    g_autofree char *a = NULL, *b = NULL, *c = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(yd_jobs_start(f->service, &error));
    a = wait_for(f, make);
    yd_fake_fail(yd_service_hypervisor(f->service, two->id, NULL), "network_remove", 1,
                 YD_ERROR_STATE);
    g_assert_true(yd_network_delete(f->service, &f->system, network->id, 0, &take, &error));
    b = wait_for(f, take);
    g_assert_cmpstr(b, ==, "failed");
    after = load(f, network->id);
    g_assert_cmpstr(after->state, ==, "failed");
    g_assert_nonnull(strstr(after->error, "could not be deleted"));
    g_assert_true(is_on(f, one, "yd-office"));
    g_assert_true(yd_network_delete(f->service, &f->system, network->id, 0, &again, &error));
    c = wait_for(f, again);
    g_assert_cmpstr(c, ==, "done");
}

// Killed at each step: the next start finishes it.
static void
test_killed(Fixture *f, gconstpointer data)
{
    static const char *const places[] = {
        "network-create:hosts:before", "network-create:hosts:after",
        "network-create:activate:before", "network-create:activate:after"};
    G_GNUC_UNUSED g_autoptr(YdHost) one = add_host(f, "one", "fake:one");

    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autofree char *name = g_strdup_printf("net%u", i);
        g_autofree char *cidr = g_strdup_printf("10.5%u.0.0/24", i);
        g_autoptr(YdJob) job = NULL;
        g_autoptr(YdNetwork) network = create(f, name, cidr, &job);
        g_autoptr(YdNetwork) after = NULL;
        g_autofree char *state = NULL;
        g_autoptr(GError) error = NULL;

        yd_jobs_stop_at(f->service, places[i]);
        g_assert_true(yd_jobs_start(f->service, &error));
        for (int n = 0; n < 3000 && !yd_jobs_stopped(f->service); n++)
            g_usleep(10000);
        g_assert_true(yd_jobs_stopped(f->service));
        yd_jobs_stop(f->service);
        yd_jobs_stop_at(f->service, NULL);
        g_assert_true(yd_jobs_start(f->service, &error));
        state = wait_for(f, job);
        g_assert_cmpstr(state, ==, "done");
        after = load(f, network->id);
        g_assert_cmpstr(after->state, ==, "active");
        yd_jobs_stop(f->service);
    }
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/network/life", test_life);
    ADD("/network/keeper", test_keeper);
    ADD("/network/vni", test_vni);
    ADD("/network/bad-fields", test_bad_fields);
    ADD("/network/used", test_used);
    ADD("/network/range", test_range);
    ADD("/network/failures", test_failures);
    ADD("/network/delete-fails", test_delete_fails);
    ADD("/network/killed", test_killed);
    return g_test_run();
}
