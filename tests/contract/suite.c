// SPDX-License-Identifier: Apache-2.0
// The suite. Each step says what the seam promises; nothing here knows a family.
#include "suite.h"

#define PATIENCE_US (60 * G_USEC_PER_SEC)
#define POLL_US (20 * 1000)
#define ABSENT "99999999-9999-4999-8999-999999999999"

static void
on_event(YdHypervisor *hv, const char *uuid, const char *event, gpointer data)
{
    Events *events = data;
    g_mutex_lock(&events->lock);
    g_ptr_array_add(events->seen, uuid ? g_strdup_printf("%s %s", uuid, event) : g_strdup(event));
    g_cond_broadcast(&events->changed);
    g_mutex_unlock(&events->lock);
}

static gboolean
has_event(Events *events, const char *text)
{
    return g_ptr_array_find_with_equal_func(events->seen, text, g_str_equal, NULL);
}

void
wait_event(Subject *subject, const char *uuid, const char *event)
{
    Events *events = &subject->events;
    gint64 deadline = g_get_monotonic_time() + PATIENCE_US;
    g_autofree char *text = uuid ? g_strdup_printf("%s %s", uuid, event) : g_strdup(event);
    g_mutex_lock(&events->lock);
    while (!has_event(events, text))
        if (!g_cond_wait_until(&events->changed, &events->lock, deadline))
            g_error("%s: event '%s' never came", subject->uri, text);
    g_mutex_unlock(&events->lock);
}

void
forget_events(Subject *subject)
{
    g_mutex_lock(&subject->events.lock);
    g_ptr_array_set_size(subject->events.seen, 0);
    g_mutex_unlock(&subject->events.lock);
}

void
subject_open(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    gint64 deadline = g_get_monotonic_time() + PATIENCE_US;
    subject->hv = yd_hypervisor_open(subject->uri, YD_ACCEL_AUTO, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(yd_hypervisor_uri(subject->hv), ==, subject->uri);
    subject->events.seen = g_ptr_array_new_with_free_func(g_free);
    yd_hypervisor_on_event(subject->hv, on_event, &subject->events);
    while (!yd_hypervisor_alive(subject->hv) && g_get_monotonic_time() < deadline)
        g_usleep(POLL_US);
    g_assert_true(yd_hypervisor_alive(subject->hv));
    wait_event(subject, NULL, "connected");
}

void
subject_close(Subject *subject)
{
    yd_hypervisor_close(subject->hv);
    g_ptr_array_unref(subject->events.seen);
}

static YdMachineState
state_of(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    YdMachineState state = YD_MACHINE_OFF;
    yd_hypervisor_machine_state(subject->hv, subject->spec.uuid, &state, &error);
    g_assert_no_error(error);
    return state;
}

void
wait_state(Subject *subject, YdMachineState state)
{
    gint64 deadline = g_get_monotonic_time() + PATIENCE_US;
    while (state_of(subject) != state) {
        if (g_get_monotonic_time() > deadline)
            g_error("%s: state %d never came, it is %d", subject->uri, state, state_of(subject));
        g_usleep(POLL_US);
    }
}

void
start(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    yd_hypervisor_start(subject->hv, &subject->spec, &error);
    g_assert_no_error(error);
}

static void
check_facts(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    YdHostFacts *facts = yd_hypervisor_facts(subject->hv, &error);
    g_assert_no_error(error);
    g_assert_cmpint(facts->cpus, >, 0);
    g_assert_cmpint(facts->memory_mib, >, 0);
    g_assert_cmpint(facts->memory_free_mib, >, 0);
    g_assert_cmpint(facts->memory_free_mib, <=, facts->memory_mib);
    g_assert_cmpint(facts->accel, !=, YD_ACCEL_AUTO);
    g_assert_true(
        g_str_has_prefix(facts->accel_reason, facts->accel == YD_ACCEL_KVM ? "KVM: " : "TCG: "));
    g_assert_nonnull(facts->hostname);
    g_assert_nonnull(facts->cpu_model);
    yd_host_facts_free(facts);
}

static void
check_network(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    gboolean active = FALSE;
    YdNetworkSpec other = subject->network;
    YdDhcpHost host = {.mac = subject->spec.nic.mac, .ip = "10.99.0.12", .name = "one"};
    other.name = "yd-contract-2";
    g_assert_false(yd_hypervisor_network_active(subject->hv, other.name, &active, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    yd_hypervisor_network_ensure(subject->hv, &subject->network, &error);
    g_assert_no_error(error);
    yd_hypervisor_network_ensure(subject->hv, &subject->network, &error);
    g_assert_no_error(error);
    g_assert_true(
        yd_hypervisor_network_active(subject->hv, subject->network.name, &active, &error));
    g_assert_true(active);
    // its bridge is taken
    g_assert_false(yd_hypervisor_network_ensure(subject->hv, &other, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_clear_error(&error);
    for (guint i = 0; i < 2; i++) {
        yd_hypervisor_network_set_host(subject->hv, subject->network.name, &host, &error);
        g_assert_no_error(error);
    }
    g_assert_false(yd_hypervisor_network_set_host(subject->hv, other.name, &host, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
}

static void
check_absent(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    YdMachineState state;
    g_assert_false(yd_hypervisor_machine_state(subject->hv, ABSENT, &state, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(yd_hypervisor_shutdown(subject->hv, ABSENT, FALSE, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(yd_hypervisor_reboot(subject->hv, ABSENT, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_null(yd_hypervisor_screenshot(subject->hv, ABSENT, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    yd_hypervisor_power_off(subject->hv, ABSENT, &error);
    g_assert_no_error(error);
    yd_hypervisor_remove(subject->hv, ABSENT, &error);
    g_assert_no_error(error);
    g_assert_false(yd_hypervisor_pause(subject->hv, ABSENT, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    g_assert_false(yd_hypervisor_save(subject->hv, ABSENT, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    yd_hypervisor_discard_saved(subject->hv, ABSENT, &error);
    g_assert_no_error(error);
}

static const YdMachineInfo *
listed(GPtrArray *machines, const char *uuid)
{
    for (guint i = 0; i < machines->len; i++)
        if (g_strcmp0(((YdMachineInfo *)machines->pdata[i])->uuid, uuid) == 0)
            return machines->pdata[i];
    return NULL;
}

static void
check_start(Subject *subject)
{
    forget_events(subject);
    start(subject);
    wait_event(subject, subject->spec.uuid, "started");
    forget_events(subject);
    start(subject);
    g_assert_cmpint(state_of(subject), ==, YD_MACHINE_RUNNING);
    g_autoptr(GPtrArray) machines = yd_hypervisor_machines(subject->hv, NULL);
    const YdMachineInfo *info = listed(machines, subject->spec.uuid);
    g_assert_nonnull(info);
    g_assert_cmpstr(info->desktop_id, ==, subject->spec.desktop_id);
    g_assert_cmpstr(info->name, ==, subject->spec.name);
    g_assert_cmpint(info->state, ==, YD_MACHINE_RUNNING);
    g_assert_false(has_event(&subject->events, "started"));
}

static void
check_stats(Subject *subject)
{
    for (guint full = 0; full < 2; full++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) all = yd_hypervisor_stats(subject->hv, full, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(all->len, ==, 1);
        const YdMachineStats *stats = all->pdata[0];
        g_assert_cmpstr(stats->uuid, ==, subject->spec.uuid);
        g_assert_cmpint(stats->state, ==, YD_MACHINE_RUNNING);
        g_assert_cmpint(stats->time, >, 0);
        if (!full)
            continue;
        g_assert_cmpint(stats->vcpus, ==, subject->spec.vcpus);
        g_assert_cmpint(stats->memory_mib, ==, subject->spec.memory_mib);
    }
}

static void
check_spice(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    guint16 port = 0;
    if (!subject->spice)
        return;
    yd_hypervisor_spice(subject->hv, subject->spec.uuid, &port, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(port, >=, 5900);
    yd_hypervisor_set_spice_password(subject->hv, subject->spec.uuid, "a-secret",
                                     g_get_real_time() / G_USEC_PER_SEC + 60, &error);
    g_assert_no_error(error);
}

static void
check_no_agent(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    if (subject->agent)
        return;
    g_assert_false(yd_hypervisor_agent_ping(subject->hv, subject->spec.uuid, 1, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
}

static void
check_stop(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    const char *uuid = subject->spec.uuid;
    forget_events(subject);
    if (!subject->asynchronous) {
        yd_hypervisor_shutdown(subject->hv, uuid, FALSE, &error);
        g_assert_no_error(error);
        wait_event(subject, uuid, "stopped");
        g_assert_false(yd_hypervisor_shutdown(subject->hv, uuid, FALSE, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
        g_clear_error(&error);
        start(subject);
        forget_events(subject);
    }
    for (guint i = 0; i < 2; i++) {
        yd_hypervisor_power_off(subject->hv, uuid, &error);
        g_assert_no_error(error);
    }
    wait_event(subject, uuid, "stopped");
    wait_state(subject, YD_MACHINE_OFF);
    g_autoptr(GPtrArray) stats = yd_hypervisor_stats(subject->hv, TRUE, NULL);
    g_assert_cmpuint(stats->len, ==, 0);
    start(subject); // from its definition, which is kept
}

static void
check_sleep(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    const char *uuid = subject->spec.uuid;
    gboolean saved = TRUE, restored = FALSE;
    for (guint i = 0; i < 2; i++) {
        yd_hypervisor_pause(subject->hv, uuid, &error);
        g_assert_no_error(error);
        g_assert_cmpint(state_of(subject), ==, YD_MACHINE_PAUSED);
    }
    for (guint i = 0; i < 2; i++) {
        yd_hypervisor_resume(subject->hv, uuid, &error);
        g_assert_no_error(error);
        g_assert_cmpint(state_of(subject), ==, YD_MACHINE_RUNNING);
    }
    yd_hypervisor_is_saved(subject->hv, uuid, &saved, &error);
    g_assert_no_error(error);
    g_assert_false(saved);
    yd_hypervisor_pause(subject->hv, uuid, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < 2; i++) {
        yd_hypervisor_save(subject->hv, uuid, &error);
        g_assert_no_error(error);
        g_assert_cmpint(state_of(subject), ==, YD_MACHINE_OFF);
    }
    yd_hypervisor_is_saved(subject->hv, uuid, &saved, &error);
    g_assert_no_error(error);
    g_assert_true(saved);
    for (guint i = 0; i < 2; i++) {
        yd_hypervisor_restore(subject->hv, uuid, &restored, &error);
        g_assert_no_error(error);
        // libvirt's test driver keeps no memory and says so
        g_assert_true(restored || g_str_has_prefix(subject->uri, "test"));
        g_assert_cmpint(state_of(subject), ==, YD_MACHINE_RUNNING);
    }
}

// A cold start does not look at a saved image, and leaves none.
static void
check_saved_is_discarded(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    const char *uuid = subject->spec.uuid;
    gboolean saved = TRUE, restored = FALSE;
    for (guint start_it = 0; start_it < 2; start_it++) {
        yd_hypervisor_save(subject->hv, uuid, &error);
        g_assert_no_error(error);
        if (start_it)
            start(subject);
        else
            g_assert_true(yd_hypervisor_discard_saved(subject->hv, uuid, NULL));
        yd_hypervisor_is_saved(subject->hv, uuid, &saved, &error);
        g_assert_no_error(error);
        g_assert_false(saved);
        if (start_it)
            return;
        g_assert_false(yd_hypervisor_restore(subject->hv, uuid, &restored, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
        g_clear_error(&error);
        g_assert_false(yd_hypervisor_save(subject->hv, uuid, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
        g_clear_error(&error);
        g_assert_false(yd_hypervisor_pause(subject->hv, uuid, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
        g_clear_error(&error);
        start(subject);
    }
}

static void
check_remove(Subject *subject)
{
    g_autoptr(GError) error = NULL;
    YdMachineState state;
    for (guint i = 0; i < 2; i++) {
        yd_hypervisor_remove(subject->hv, subject->spec.uuid, &error);
        g_assert_no_error(error);
    }
    g_assert_false(yd_hypervisor_machine_state(subject->hv, subject->spec.uuid, &state, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    for (guint i = 0; i < 2; i++) {
        yd_hypervisor_network_clear_host(subject->hv, subject->network.name, subject->spec.nic.mac,
                                         &error);
        g_assert_no_error(error);
    }
    for (guint i = 0; i < 2; i++) {
        yd_hypervisor_network_remove(subject->hv, subject->network.name, &error);
        g_assert_no_error(error);
    }
    yd_hypervisor_network_clear_host(subject->hv, subject->network.name, subject->spec.nic.mac,
                                     &error);
    g_assert_no_error(error);
}

void
suite_run(Subject *subject)
{
    check_facts(subject);
    check_absent(subject);
    check_network(subject);
    check_start(subject);
    check_stats(subject);
    check_spice(subject);
    check_no_agent(subject);
    check_stop(subject);
    check_sleep(subject);
    check_saved_is_discarded(subject);
    check_remove(subject);
}
