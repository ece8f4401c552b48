// SPDX-License-Identifier: Apache-2.0
// The doctor on the fake: it names the hop that is broken, skips what hangs on it, and always takes
// its desktop away. (Its way through a real gate is tried by tests/e2e/doctor.test.mjs.)
#include "desk-fixture.h"

#include <string.h>

#include "base/json-util.h"
#include "service/doctor.h"

static void
set_up(Desk *f, gconstpointer data)
{
    desk_set_up(f, data);
    f->config.public_port = 1; // nobody listens there
    desk_reopen(f);
    desk_run(f);
}

static json_t *
examine(Desk *f, const char *state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdJob) job = yd_doctor_start(f->service, &f->admin, NULL, &error);
    g_assert_no_error(error);
    desk_job_ends(f, yd_job_copy(job), state);
    g_autoptr(YdJob) ended = yd_store_get(f->store, &yd_job_type, job->id, &error);
    json_t *result = yd_json_parse_object(ended->result, &error);
    g_assert_no_error(error);
    json_t *checks = json_incref(json_object_get(result, "checks"));
    json_decref(result);
    return checks;
}

// "ok", "failed", "skipped", or "none" when there is no such check.
static const char *
outcome(json_t *checks, const char *name)
{
    gsize i;
    json_t *check;
    json_array_foreach(checks, i, check)
    {
        if (strcmp(json_string_value(json_object_get(check, "check")), name) != 0)
            continue;
        json_t *ok = json_object_get(check, "ok");
        gboolean advised = json_is_string(json_object_get(check, "advice"));
        g_assert_cmpuint(strlen(json_string_value(json_object_get(check, "message"))), >, 0);
        g_assert_true(advised == json_is_false(ok));
        return json_is_true(ok) ? "ok" : json_is_false(ok) ? "failed" : "skipped";
    }
    return "none";
}

static void
nothing_left(Desk *f)
{
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 0);
    g_assert_cmpuint(desk_count(f, &yd_address_type), ==, 0);
    g_autoptr(GPtrArray) images = yd_storage_list(yd_service_storage(f->service), NULL);
    g_assert_cmpuint(images->len, ==, 1); // the template's
    g_autoptr(GPtrArray) machines = yd_hypervisor_machines(desk_hv(f), NULL);
    g_assert_cmpuint(machines->len, ==, 0);
}

static void
no_gate(Desk *f, gconstpointer data)
{
    static const char *const good[] = {"store",  "storage",    "libvirt", "network", "template",
                                       "create", "placement",  "dhcp",    "overlay", "machine",
                                       "agent",  "first-boot", "access",  "address", "clean"};
    g_autoptr(json_t) checks = examine(f, "done");
    for (gsize i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_cmpstr(outcome(checks, good[i]), ==, "ok");
    g_assert_cmpstr(outcome(checks, "gate-rdp"), ==, "failed");
    g_assert_cmpstr(outcome(checks, "gate-spice"), ==, "failed");
    g_assert_cmpstr(outcome(checks, "certificate"), ==, "failed");
    nothing_left(f);
}

// Each hop of the start in turn.
static void
broken_hops(Desk *f, gconstpointer data)
{
    static const struct {
        const char *verb, *check, *after;
    } cases[] = {{"network_set_host", "dhcp", "overlay"},
                 {"start", "machine", "agent"},
                 {"agent_exec", "first-boot", "access"}};
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        // The creation sets the DHCP entry as well, and passes over what a host refuses.
        guint n = strcmp(cases[i].verb, "network_set_host") == 0 ? 2 : 1;
        yd_fake_fail(desk_hv(f), cases[i].verb, n, YD_ERROR_INTERNAL);
        g_autoptr(json_t) checks = examine(f, "done");
        g_assert_cmpstr(outcome(checks, cases[i].check), ==, "failed");
        g_assert_cmpstr(outcome(checks, cases[i].after), ==, "skipped");
        g_assert_cmpstr(outcome(checks, "gate-rdp"), ==, "skipped");
        nothing_left(f);
    }
}

static void
no_host(Desk *f, gconstpointer data)
{
    yd_fake_set_alive(desk_hv(f), FALSE);
    g_autoptr(json_t) checks = examine(f, "done");
    yd_fake_set_alive(desk_hv(f), TRUE);
    g_assert_cmpstr(outcome(checks, "libvirt"), ==, "failed");
    g_assert_cmpstr(outcome(checks, "storage"), ==, "ok");
    g_assert_cmpstr(outcome(checks, "create"), ==, "skipped");
    nothing_left(f);
}

static void
no_network(Desk *f, gconstpointer data)
{
    g_autoptr(YdNetwork) network = yd_store_get(f->store, &yd_network_type, f->network_id, NULL);
    yd_set_string(&network->state, "failed");
    g_assert_true(yd_store_update(f->store, &yd_network_type, network, NULL));
    g_autoptr(json_t) checks = examine(f, "done");
    g_assert_cmpstr(outcome(checks, "network"), ==, "failed");
    g_assert_cmpstr(outcome(checks, "create"), ==, "skipped");
    nothing_left(f);
}

static void
survives_kills(Desk *f, gconstpointer data)
{
    static const char *const at[] = {"look:after",  "create",     "create:after", "start",
                                     "start:after", "gate:after", "clean",        "clean:after"};
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *where = g_strdup_printf("doctor:%s", at[i]);
        yd_jobs_stop_at(f->service, where);
        desk_run(f);
        g_autoptr(YdJob) job = yd_doctor_start(f->service, &f->admin, NULL, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, yd_job_copy(job), "done");
        nothing_left(f);
    }
}

static void
only_administrators(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_doctor_start(f->service, &f->user, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    g_assert_null(yd_doctor_start(f->service, &f->admin, "tpv-none", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
}

#define ADD(name, func) g_test_add("/doctor/" name, Desk, NULL, set_up, func, desk_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("no-gate", no_gate);
    ADD("broken-hops", broken_hops);
    ADD("no-host", no_host);
    ADD("no-network", no_network);
    ADD("survives-kills", survives_kills);
    ADD("only-administrators", only_administrators);
    return g_test_run();
}
