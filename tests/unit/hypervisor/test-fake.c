// SPDX-License-Identifier: Apache-2.0
// The fake's own promises: sharing by name, faults, hangs, delays, events.
#include "hypervisor/fake.h"

#define UUID "11111111-2222-4333-8444-555555555555"

static const YdMachineSpec spec = {
    .uuid = UUID,
    .name = "yd-dsk-1",
    .desktop_id = "dsk-1",
    .vcpus = 2,
    .memory_mib = 512,
    .disk = "/images/dsk-1.qcow2",
    .nic.mac = "52:54:0a:63:00:0c",
    .os = "linux",
    .spice = TRUE,
};

struct seen {
    GMutex lock;
    GCond changed;
    GString *text;
};

static void
on_event(YdHypervisor *hv, const char *uuid, const char *event, gpointer data)
{
    struct seen *seen = data;
    g_mutex_lock(&seen->lock);
    g_string_append_printf(seen->text, "%s;", event);
    g_cond_broadcast(&seen->changed);
    g_mutex_unlock(&seen->lock);
}

static void
wait_for(struct seen *seen, const char *text)
{
    gint64 deadline = g_get_monotonic_time() + 10 * G_USEC_PER_SEC;
    g_mutex_lock(&seen->lock);
    while (g_strcmp0(seen->text->str, text) &&
           g_cond_wait_until(&seen->changed, &seen->lock, deadline))
        ;
    g_assert_cmpstr(seen->text->str, ==, text);
    g_mutex_unlock(&seen->lock);
}

static YdHypervisor *
open_fake(const char *uri)
{
    g_autoptr(GError) error = NULL;
    YdHypervisor *hv = yd_hypervisor_open(uri, YD_ACCEL_AUTO, &error);
    g_assert_no_error(error);
    g_assert_nonnull(hv);
    return hv;
}

static void
start(YdHypervisor *hv)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(yd_hypervisor_start(hv, &spec, &error));
    g_assert_no_error(error);
}

static void
test_shared(void)
{
    YdMachineState state;
    g_autoptr(YdHypervisor) keeper = open_fake("fake:shared");
    {
        g_autoptr(YdHypervisor) hv = open_fake("fake:shared");
        start(hv);
    }
    g_assert_true(yd_hypervisor_machine_state(keeper, UUID, &state, NULL));
    g_assert_cmpint(state, ==, YD_MACHINE_RUNNING);
    g_autoptr(YdHypervisor) other = open_fake("fake:other");
    g_autoptr(GError) error = NULL;
    g_assert_false(yd_hypervisor_machine_state(other, UUID, &state, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_autoptr(GPtrArray) all = yd_hypervisor_machines(keeper, NULL);
    g_assert_cmpuint(all->len, ==, 1);
    g_assert_cmpstr(((YdMachineInfo *)all->pdata[0])->desktop_id, ==, "dsk-1");
}

static void
test_events(void)
{
    struct seen seen = {.text = g_string_new(NULL)};
    g_autoptr(YdHypervisor) hv = open_fake("fake:events");
    yd_hypervisor_on_event(hv, on_event, &seen);
    wait_for(&seen, "connected;");
    start(hv);
    start(hv); // already runs: nothing happens
    wait_for(&seen, "connected;started;");
    yd_fake_machine_ends(hv, UUID, TRUE);
    start(hv);
    g_assert_true(yd_hypervisor_shutdown(hv, UUID, TRUE, NULL));
    wait_for(&seen, "connected;started;crashed;started;stopped;");
    yd_fake_set_alive(hv, FALSE);
    g_assert_false(yd_hypervisor_alive(hv));
    yd_fake_set_alive(hv, TRUE);
    wait_for(&seen, "connected;started;crashed;started;stopped;disconnected;connected;");
    yd_hypervisor_on_event(hv, NULL, NULL);
    start(hv);
    g_clear_pointer(&hv, yd_hypervisor_close);
    wait_for(&seen, "connected;started;crashed;started;stopped;disconnected;connected;");
    g_string_free(seen.text, TRUE);
}

static void
test_faults(void)
{
    g_autoptr(YdHypervisor) hv = open_fake("fake:faults");
    g_autoptr(GError) error = NULL;
    yd_fake_fail(hv, "start", 2, YD_ERROR_LIMIT);
    start(hv);
    g_assert_true(yd_hypervisor_power_off(hv, UUID, NULL));
    g_assert_false(yd_hypervisor_start(hv, &spec, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_LIMIT);
    start(hv);
    g_clear_error(&error);
    yd_fake_fail(hv, NULL, 1, YD_ERROR_INTERNAL);
    g_assert_false(yd_hypervisor_agent_ping(hv, UUID, 1, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INTERNAL);
    g_assert_true(yd_hypervisor_agent_ping(hv, UUID, 1, NULL));
    yd_fake_set_alive(hv, FALSE);
    g_clear_error(&error);
    g_assert_false(yd_hypervisor_start(hv, &spec, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
    yd_fake_set_alive(hv, TRUE);
}

static gpointer
ping(gpointer data)
{
    g_autoptr(GError) error = NULL;
    if (yd_hypervisor_agent_ping(data, UUID, 60, &error))
        return NULL;
    return GINT_TO_POINTER(error->code + 1);
}

static void
test_agent(void)
{
    g_autoptr(YdHypervisor) hv = open_fake("fake:agent");
    g_autoptr(GError) error = NULL;
    const char *argv[] = {"/bin/sh", "-s", NULL};
    int status = -1;
    g_autofree char *output = NULL;
    start(hv);
    g_assert_true(yd_hypervisor_agent_exec(hv, UUID, argv, "echo", 1, &status, &output, NULL));
    g_assert_cmpint(status, ==, 0);
    g_assert_cmpstr(output, ==, "");
    g_autofree char *input = yd_fake_last_input(hv, UUID);
    g_assert_cmpstr(input, ==, "echo");
    g_assert_true(yd_hypervisor_agent_set_password(hv, UUID, "u", "secret", TRUE, 1, NULL));
    g_autofree char *password = yd_fake_last_password(hv, UUID);
    g_assert_cmpstr(password, ==, "secret");
    g_autofree char *address = yd_hypervisor_agent_address(hv, UUID, 1, NULL);
    g_assert_cmpstr(address, ==, "10.99.0.12");

    yd_fake_agent_hang(hv, UUID, TRUE);
    g_assert_false(yd_hypervisor_agent_ping(hv, UUID, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_TIMEOUT);
    GThread *waiting = g_thread_new("ping", ping, hv);
    yd_fake_agent_hang(hv, UUID, FALSE); // the waiting call goes on
    g_assert_null(g_thread_join(waiting));
    yd_fake_agent_hang(hv, UUID, TRUE);
    waiting = g_thread_new("ping", ping, hv);
    yd_fake_machine_ends(hv, UUID, FALSE); // or ends with its machine
    g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(waiting)), ==, YD_ERROR_STATE + 1);
}

static void
test_one_call_at_a_time(void)
{
    g_autoptr(YdHypervisor) hv = open_fake("fake:turns");
    GThread *threads[4];
    start(hv);
    yd_fake_agent_delay(hv, 20, 20);
    gint64 begun = g_get_monotonic_time();
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("ping", ping, hv);
    for (guint i = 0; i < G_N_ELEMENTS(threads); i++)
        g_assert_null(g_thread_join(threads[i]));
    g_assert_cmpint(g_get_monotonic_time() - begun, >=, 4 * 20 * 1000);
}

static void
test_networks(void)
{
    g_autoptr(YdHypervisor) hv = open_fake("fake:networks");
    g_autoptr(GError) error = NULL;
    YdNetworkSpec network = {.name = "yd-a", .bridge = "ydbr1", .gateway = "10.9.0.1"};
    YdNetworkSpec second = {.name = "yd-b", .bridge = "ydbr1", .gateway = "10.8.0.1"};
    YdDhcpHost host = {.mac = spec.nic.mac, .ip = "10.9.0.7", .name = "one"};
    YdMachineSpec machine = spec;
    gboolean active = FALSE;
    machine.nic.network = "yd-a";
    g_assert_false(yd_hypervisor_start(hv, &machine, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_true(yd_hypervisor_network_ensure(hv, &network, NULL));
    g_assert_true(yd_hypervisor_network_ensure(hv, &network, NULL));
    g_assert_false(yd_hypervisor_network_ensure(hv, &second, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_assert_true(yd_hypervisor_network_active(hv, "yd-a", &active, NULL));
    g_assert_true(active);
    g_assert_true(yd_hypervisor_network_set_host(hv, "yd-a", &host, NULL));
    g_assert_true(yd_hypervisor_start(hv, &machine, NULL));
    g_autofree char *address = yd_hypervisor_agent_address(hv, UUID, 1, NULL);
    g_assert_cmpstr(address, ==, "10.9.0.7");
    g_assert_true(yd_hypervisor_network_clear_host(hv, "yd-a", host.mac, NULL));
    g_assert_true(yd_hypervisor_network_clear_host(hv, "yd-a", host.mac, NULL));
    g_assert_true(yd_hypervisor_network_remove(hv, "yd-a", NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fake/shared", test_shared);
    g_test_add_func("/fake/events", test_events);
    g_test_add_func("/fake/faults", test_faults);
    g_test_add_func("/fake/agent", test_agent);
    g_test_add_func("/fake/one-call-at-a-time", test_one_call_at_a_time);
    g_test_add_func("/fake/networks", test_networks);
    return g_test_run();
}
