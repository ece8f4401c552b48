// SPDX-License-Identifier: Apache-2.0
// The life of desktops on the fake hypervisor: every verb, faults at every step, kills at every
// step, who may what. Real overlays by qemu-img.
#include "desk-fixture.h"

#include <string.h>

#include "base/id.h"
#include "service/desktop-private.h"
#include "service/pool.h"
#include "store/store-people.h"

#define POWER(verb, f, id)                                                                         \
    ({                                                                                             \
        g_autoptr(GError) power_error = NULL;                                                      \
        YdJob *power_job = yd_desktop_##verb(f->service, &f->user, id, &power_error);              \
        g_assert_no_error(power_error);                                                            \
        power_job;                                                                                 \
    })

static void
nothing_left(Desk *f, const char *id)
{
    YdMachineState state;
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_null(desktop);
    g_assert_false(desk_image(f, id));
    g_assert_cmpuint(desk_count(f, &yd_address_type), ==, 0);
    g_autoptr(GPtrArray) machines = yd_hypervisor_machines(desk_hv(f), NULL);
    g_assert_cmpuint(machines->len, ==, 0);
    (void)state;
}

// --- making ---

static void
derives_once(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_cmpstr(desktop->name, ==, "Office-anna");
    g_assert_cmpstr(desktop->ip, ==, "10.99.0.10");
    g_assert_cmpstr(desktop->mac, ==, "52:54:0a:63:00:0a");
    g_assert_true(desk_image(f, id));

    g_autoptr(YdDesktop) same = NULL;
    YdJob *job = (YdJob *)1;
    g_assert_true(yd_desktop_derive(f->service, &f->user, f->pool_id, &same, &job, &error));
    g_assert_null(job);
    g_assert_cmpstr(same->id, ==, id);
}

static void
derive_refusals(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    YdJob *job = NULL;
    g_autofree char *bob = desk_user(f, "bob", FALSE);
    YdActor actor = desk_actor(bob, "bob");
    g_assert_false(yd_desktop_derive(f->service, &actor, f->pool_id, &desktop, &job, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND); // not their pool: it does not exist
    g_clear_error(&error);

    g_autofree G_GNUC_UNUSED char *id = desk_make(f);
    g_autofree char *carl = desk_user(f, "carl", TRUE);
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
    pool->max_desktops = 1;
    g_assert_true(yd_store_update(f->store, &yd_pool_type, pool, NULL));
    actor = desk_actor(carl, "carl");
    g_assert_false(yd_desktop_derive(f->service, &actor, f->pool_id, &desktop, &job, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "1 desktops and has 1"));
    g_clear_error(&error);

    pool->max_desktops = 0;
    pool->enabled = FALSE;
    g_assert_true(yd_store_update(f->store, &yd_pool_type, pool, NULL));
    g_assert_false(yd_desktop_derive(f->service, &actor, f->pool_id, &desktop, &job, &error));
    g_assert_nonnull(error);
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 1);
}

// Killed at every step of a creation: there afterwards.
static void
create_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const at[] = {"address", "address:after", "dhcp", "dhcp:after",
                                     "disk",    "disk:after",    "off",  "off:after"};
    g_autoptr(GError) error = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autoptr(YdDesktop) desktop = NULL;
        YdJob *job = NULL;
        g_autofree char *where = g_strdup_printf("desktop-create:%s", at[i]);
        yd_jobs_stop_at(f->service, where);
        desk_run(f);
        yd_desktop_derive(f->service, &f->user, f->pool_id, &desktop, &job, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        desk_assert_state(f, desktop->id, "off");
        g_assert_true(desk_image(f, desktop->id));
        g_assert_cmpuint(desk_count(f, &yd_address_type), ==, 1);
        YdJob *gone = yd_desktop_delete(f->service, &f->admin, desktop->id, 0, &error);
        g_assert_no_error(error);
        desk_job_ends(f, gone, "done");
        nothing_left(f, desktop->id);
    }
}

// A creation that fails leaves nothing.
static void
failed_create_leaves_nothing(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    YdJob *job = NULL;
    g_autofree char *base = g_build_filename(f->directory, "images", "tplv-test.qcow2", NULL);
    g_autofree char *away = g_build_filename(f->directory, "away", NULL);
    g_assert_cmpint(rename(base, away), ==, 0);
    desk_run(f);
    yd_desktop_derive(f->service, &f->user, f->pool_id, &desktop, &job, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "failed");
    nothing_left(f, desktop->id);
}

static void
cancelled_create_leaves_nothing(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdJob) job = NULL;
    yd_desktop_derive(f->service, &f->user, f->pool_id, &desktop, &job, &error);
    g_assert_no_error(error);
    g_assert_true(yd_job_cancel(f->service, &f->admin, job->id, &error));
    nothing_left(f, desktop->id);
}

// --- handing out ---

static void
hands_out_to_a_department(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDepartment) department = yd_department_new();
    department->name = g_strdup("Sales");
    department->number = g_strdup("S1");
    g_assert_true(yd_store_insert(f->store, &yd_department_type, department, &error));
    g_assert_true(
        yd_pool_entitle(f->service, &f->admin, f->pool_id, department->id, NULL, NULL, &error));
    for (guint i = 0; i < 6; i++) {
        g_autofree char *name = g_strdup_printf("person%u", i);
        g_autofree char *id = desk_user(f, name, FALSE);
        g_autoptr(YdMembership) member = yd_membership_new();
        member->department_id = g_strdup(department->id);
        member->user_id = g_strdup(id);
        g_assert_true(yd_store_insert(f->store, &yd_membership_type, member, &error));
    }
    desk_run(f);
    g_autoptr(YdJob) job =
        yd_desktop_handout(f->service, &f->admin, f->pool_id, department->id, NULL, &error);
    g_assert_no_error(error);
    desk_job_ends(f, yd_job_copy(job), "done");
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 6);
    g_autoptr(GPtrArray) children =
        yd_store_all(f->store, &yd_job_type, "parent_id", job->id, &error);
    g_assert_cmpuint(children->len, ==, 6);

    // Again: everybody has one.
    YdJob *again =
        yd_desktop_handout(f->service, &f->admin, f->pool_id, department->id, NULL, &error);
    g_assert_no_error(error);
    desk_job_ends(f, again, "done");
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 6);
}

static void
handout_refusals(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *bob = desk_user(f, "bob", FALSE);
    const char *one[] = {bob, NULL};
    g_assert_null(yd_desktop_handout(f->service, &f->admin, f->pool_id, NULL, one, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_ENTITLED);
    g_assert_nonnull(strstr(error->message, "bob"));
    g_clear_error(&error);

    g_assert_null(yd_desktop_handout(f->service, &f->user, f->pool_id, NULL, one, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);

    const char *none[] = {NULL};
    g_assert_null(yd_desktop_handout(f->service, &f->admin, f->pool_id, NULL, none, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);

    // Ten addresses, eleven people.
    for (guint i = 0; i < 11; i++) {
        g_autofree char *name = g_strdup_printf("p%u", i);
        g_ptr_array_add(ids, desk_user(f, name, TRUE));
    }
    g_ptr_array_add(ids, NULL);
    g_assert_null(yd_desktop_handout(f->service, &f->admin, f->pool_id, NULL,
                                     (const char *const *)ids->pdata, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_LIMIT);
    g_assert_nonnull(strstr(error->message, "10 free addresses, 11 are needed"));
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 0);
    g_assert_cmpuint(desk_count(f, &yd_job_type), ==, 0);
}

// Ten creations killed in the middle: all there afterwards.
static void
ten_creations_and_a_kill(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < 10; i++) {
        g_autofree char *name = g_strdup_printf("p%u", i);
        g_ptr_array_add(ids, desk_user(f, name, TRUE));
    }
    g_ptr_array_add(ids, NULL);
    yd_jobs_stop_at(f->service, "desktop-create:disk:after");
    desk_run(f);
    YdJob *job = yd_desktop_handout(f->service, &f->admin, f->pool_id, NULL,
                                    (const char *const *)ids->pdata, &error);
    g_assert_no_error(error);
    desk_abandoned(f);
    desk_reopen(f);
    desk_run(f);
    desk_job_ends(f, job, "done");
    g_autoptr(GPtrArray) desktops = yd_store_all(f->store, &yd_desktop_type, "state", "off", NULL);
    g_assert_cmpuint(desktops->len, ==, 10);
    for (guint i = 0; i < desktops->len; i++)
        g_assert_true(desk_image(f, ((YdDesktop *)g_ptr_array_index(desktops, i))->id));
    g_assert_cmpuint(desk_count(f, &yd_address_type), ==, 10);
}

// --- starting ---

static void
starts(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    YdMachineState state;
    g_assert_true(desk_machine(f, desktop->uuid, &state));
    g_assert_cmpint(state, ==, YD_MACHINE_RUNNING);
    g_assert_cmpstr(desktop->host_id, ==, f->host_id);
    g_assert_cmpstr(desktop->wanted, ==, "on");
    g_assert_true(desktop->prepared);
    g_assert_cmpuint(strlen(desktop->certificate), ==, 64);
    g_assert_nonnull(strstr(desktop->placement, "host-1"));
    g_assert_cmpint(desktop->ready_at, >, 0);
    g_autofree char *script = yd_fake_last_input(desk_hv(f), desktop->uuid);
    g_assert_nonnull(strstr(script, "BEGIN CERTIFICATE"));
    g_assert_nonnull(strstr(script, "'anna'"));
    g_assert_nonnull(strstr(script, "UID_=20000"));

    g_autoptr(GError) error = NULL;
    g_assert_null(yd_desktop_start(f->service, &f->user, id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
}

static void
start_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const steps[] = {"place", "network",    "disk", "personal", "launch",
                                        "agent", "first-boot", "home", "access",   "ready"};
    g_autofree char *id = desk_make(f);
    for (gsize i = 0; i < 2 * G_N_ELEMENTS(steps); i++) {
        g_autofree char *where =
            g_strdup_printf("desktop-start:%s:%s", steps[i / 2], i % 2 ? "after" : "before");
        yd_jobs_stop_at(f->service, where);
        YdJob *job = POWER(start, f, id);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        desk_assert_state(f, id, "ready");
        desk_job_ends(f, POWER(power_off, f, id), "done");
        desk_assert_state(f, id, "off");
    }
}

// Whatever the host or the guest refuses: off again, with the reason, and the next start is good.
static void
start_faults(Desk *f, gconstpointer data)
{
    static const struct {
        const char *verb;
        YdErrorCode code;
        const char *expected;
    } faults[] = {{"start", YD_ERROR_LIMIT, "limit"},
                  {"start", YD_ERROR_UNAVAILABLE, "unavailable"},
                  {"start", YD_ERROR_INVALID, "invalid"},
                  {"network_set_host", YD_ERROR_INTERNAL, "internal"},
                  {"agent_exec", YD_ERROR_UNAVAILABLE, "unavailable"}};
    g_autofree char *id = desk_make(f);
    for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
        yd_fake_fail(desk_hv(f), faults[i].verb, 1, faults[i].code);
        g_autoptr(YdJob) job = POWER(start, f, id);
        desk_job_ends(f, yd_job_copy(job), "failed");
        g_autoptr(YdJob) ended = yd_store_get(f->store, &yd_job_type, job->id, NULL);
        g_assert_cmpstr(ended->error_code, ==, faults[i].expected);
        g_autoptr(YdDesktop) desktop = desk_get(f, id);
        YdMachineState state;
        g_assert_cmpstr(desktop->state, ==, "off");
        g_assert_cmpstr(desktop->error, ==, ended->error);
        g_assert_cmpstr(desktop->wanted, ==, "off");
        g_assert_true(!desk_machine(f, desktop->uuid, &state) || state == YD_MACHINE_OFF);
        desk_job_ends(f, POWER(start, f, id), "done");
        g_autoptr(YdDesktop) good = desk_get(f, id);
        g_assert_null(good->error);
        desk_job_ends(f, POWER(power_off, f, id), "done");
    }
}

static void
failing_first_boot(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make(f);
    yd_fake_exec_answer(desk_hv(f), 3, "useradd: no such command\n");
    g_autoptr(YdJob) job = POWER(start, f, id);
    desk_job_ends(f, yd_job_copy(job), "failed");
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_nonnull(strstr(desktop->error, "useradd: no such command"));
    g_assert_cmpstr(desktop->state, ==, "off");
    g_assert_false(desktop->prepared);
}

// A guest that keeps its identity is prepared once.
static void
prepared_once(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) before = desk_get(f, id);
    desk_job_ends(f, POWER(power_off, f, id), "done");
    g_autofree char *mark = g_strdup_printf("%s\n", id);
    yd_fake_exec_answer(desk_hv(f), 0, mark);
    desk_job_ends(f, POWER(start, f, id), "done");
    g_autoptr(YdDesktop) after = desk_get(f, id);
    g_assert_cmpstr(before->certificate, ==, after->certificate);
    g_autofree char *input = yd_fake_last_input(desk_hv(f), after->uuid);
    g_assert_null(strstr(input, "BEGIN CERTIFICATE"));
}

static gint probes; // atomic: how often the guest's port does not answer

static gboolean
probe(const YdDesktop *desktop, GError **error)
{
    if (g_atomic_int_add(&probes, -1) <= 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot connect to %s port 3389",
                desktop->ip);
    return FALSE;
}

static void
set_policy(Desk *f, const char *json)
{
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
    yd_set_string(&pool->policy, json);
    g_assert_true(yd_store_update(f->store, &yd_pool_type, pool, NULL));
}

static void
waits_for_the_guest(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make(f);
    yd_desk_set_probe(probe);
    g_atomic_int_set(&probes, 2);
    yd_fake_fail(desk_hv(f), "agent_ping", 1, YD_ERROR_TIMEOUT);
    desk_job_ends(f, POWER(start, f, id), "done");
    desk_assert_state(f, id, "ready");

    // And not for ever.
    desk_job_ends(f, POWER(power_off, f, id), "done");
    set_policy(f, "{\"ready_seconds\":30}");
    g_atomic_int_set(&probes, G_MAXINT);
    YdJob *job = POWER(start, f, id);
    WAIT_FOR(g_atomic_int_get(&probes) < G_MAXINT);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    desktop->started -= 31000; // as if that long ago
    while (!yd_store_update(f->store, &yd_desktop_type, desktop, NULL)) {
        g_clear_pointer(&desktop, yd_desktop_free);
        desktop = desk_get(f, id);
        desktop->started -= 31000;
    }
    g_autofree char *job_id = g_strdup(job->id);
    desk_job_ends(f, job, "failed");
    yd_desk_set_probe(NULL);
    g_autoptr(YdJob) ended = yd_store_get(f->store, &yd_job_type, job_id, NULL);
    g_assert_cmpstr(ended->error_code, ==, "timeout");
    g_assert_nonnull(strstr(ended->error, "port 3389"));
    desk_assert_state(f, id, "off");
}

static void
no_room(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    desktop->memory_mib = 1 << 24;
    g_assert_true(yd_store_update(f->store, &yd_desktop_type, desktop, NULL));
    g_autoptr(YdJob) job = POWER(start, f, id);
    desk_job_ends(f, yd_job_copy(job), "failed");
    g_autoptr(YdJob) ended = yd_store_get(f->store, &yd_job_type, job->id, NULL);
    g_assert_cmpstr(ended->error_code, ==, "no-room");
    g_autoptr(YdDesktop) after = desk_get(f, id);
    g_assert_cmpstr(after->state, ==, "off");
    g_assert_nonnull(strstr(after->placement, "memory"));
}

// --- stopping ---

static void
shuts_down(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    desk_job_ends(f, POWER(shutdown, f, id), "done");
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_cmpstr(desktop->state, ==, "off");
    g_assert_cmpstr(desktop->wanted, ==, "off");
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_desktop_shutdown(f->service, &f->user, id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
}

static void
shutdown_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const at[] = {"ask", "ask:after", "wait", "wait:after", "off", "off:after"};
    g_autofree char *id = desk_make_ready(f);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autofree char *where = g_strdup_printf("desktop-shutdown:%s", at[i]);
        yd_jobs_stop_at(f->service, where);
        YdJob *job = POWER(shutdown, f, id);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        desk_assert_state(f, id, "off");
        desk_job_ends(f, POWER(start, f, id), "done");
    }
}

// A hung agent: ACPI does it.
static void
shuts_down_by_acpi(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    yd_fake_agent_hang(desk_hv(f), desktop->uuid, TRUE);
    g_autoptr(YdJob) job = POWER(shutdown, f, id);
    desk_job_ends(f, yd_job_copy(job), "done");
    g_autoptr(YdJob) ended = yd_store_get(f->store, &yd_job_type, job->id, NULL);
    g_assert_nonnull(strstr(ended->result, "\"acpi\":true"));
    desk_assert_state(f, id, "off");
}

static void
reboots_with_new_hardware(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    const YdDesktopChange change = {.vcpus = 2, .memory_mib = 256};
    g_autoptr(YdDesktop) desktop = NULL;
    YdJob *job = NULL;
    yd_fake_fail(desk_hv(f), "resize", 1, YD_ERROR_STATE); // CPUs not live
    yd_desktop_change(f->service, &f->admin, id, 0, &change, &desktop, &job, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_autoptr(YdDesktop) mixed = desk_get(f, id);
    g_assert_cmpint(mixed->vcpus, ==, 1);
    g_assert_cmpint(mixed->next_vcpus, ==, 2);
    g_assert_cmpint(mixed->memory_mib, ==, 256);
    g_assert_cmpint(mixed->next_memory_mib, ==, 0);
    desk_job_ends(f, POWER(reboot, f, id), "done");
    g_autoptr(YdDesktop) after = desk_get(f, id);
    g_assert_cmpstr(after->state, ==, "ready");
    g_assert_cmpint(after->vcpus, ==, 2);
    g_assert_cmpint(after->next_vcpus, ==, 0);
}

// A start that waits for a hung guest gives way at once.
static void
power_off_ends_a_start(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make(f);
    yd_desk_set_probe(probe);
    g_atomic_int_set(&probes, G_MAXINT);
    g_autoptr(YdJob) start = POWER(start, f, id);
    WAIT_FOR(g_atomic_int_get(&probes) < G_MAXINT);
    desk_job_ends(f, POWER(power_off, f, id), "done");
    desk_job_ends(f, yd_job_copy(start), "cancelled");
    yd_desk_set_probe(NULL);
    desk_assert_state(f, id, "off");
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    YdMachineState state;
    g_assert_true(desk_machine(f, desktop->uuid, &state));
    g_assert_cmpint(state, ==, YD_MACHINE_OFF);
}

// --- disk ---

static void
rebuilds(Desk *f, gconstpointer data)
{
    static const char *const at[] = {NULL,           "stop",   "stop:after",   "version:after",
                                     "delete:after", "derive", "derive:after", "off:after"};
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autofree G_GNUC_UNUSED char *id = i == 0 ? desk_make_ready(f) : NULL;
        g_autoptr(YdDesktop) before =
            yd_store_find(f->store, &yd_desktop_type, "name", "Office-anna", NULL);
        if (i > 0)
            desk_job_ends(f, POWER(start, f, before->id), "done");
        if (at[i]) {
            g_autofree char *where = g_strdup_printf("desktop-rebuild:%s", at[i]);
            yd_jobs_stop_at(f->service, where);
        }
        YdJob *job = POWER(rebuild, f, before->id);
        if (at[i]) {
            desk_abandoned(f);
            desk_reopen(f);
            desk_run(f);
        }
        desk_job_ends(f, job, "done");
        g_autoptr(YdDesktop) after = desk_get(f, before->id);
        YdMachineState state;
        g_assert_cmpstr(after->state, ==, "off");
        g_assert_cmpstr(after->ip, ==, before->ip);
        g_assert_false(after->prepared);
        g_assert_null(after->certificate);
        g_assert_true(desk_image(f, before->id));
        g_assert_false(desk_machine(f, after->uuid, &state));
    }
}

static void
failed_rebuild_can_be_repeated(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make(f);
    g_autofree char *base = g_build_filename(f->directory, "images", "tplv-test.qcow2", NULL);
    g_autofree char *away = g_build_filename(f->directory, "away", NULL);
    g_assert_cmpint(rename(base, away), ==, 0);
    desk_job_ends(f, POWER(rebuild, f, id), "failed");
    desk_assert_state(f, id, "failed");
    g_autoptr(GError) error = NULL;
    g_assert_null(yd_desktop_start(f->service, &f->user, id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_cmpint(rename(away, base), ==, 0);
    desk_job_ends(f, POWER(rebuild, f, id), "done");
    desk_assert_state(f, id, "off");
    g_assert_true(desk_image(f, id));
}

static void
deletes(Desk *f, gconstpointer data)
{
    static const char *const at[] = {NULL,         "stop",          "stop:after", "disk",
                                     "disk:after", "address:after", "row",        "row:after"};
    g_autoptr(GError) error = NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        g_autofree char *id = desk_make_ready(f);
        if (at[i]) {
            g_autofree char *where = g_strdup_printf("desktop-delete:%s", at[i]);
            yd_jobs_stop_at(f->service, where);
        }
        YdJob *job = yd_desktop_delete(f->service, &f->admin, id, 0, &error);
        g_assert_no_error(error);
        if (at[i]) {
            desk_abandoned(f);
            desk_reopen(f);
            desk_run(f);
        }
        desk_job_ends(f, job, "done");
        nothing_left(f, id);
    }
}

static void
failed_delete_can_be_repeated(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    yd_fake_fail(desk_hv(f), "remove", 1, YD_ERROR_UNAVAILABLE);
    YdJob *job = yd_desktop_delete(f->service, &f->admin, id, 0, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "failed");
    desk_assert_state(f, id, "failed");
    job = yd_desktop_delete(f->service, &f->admin, id, 0, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    nothing_left(f, id);
}

static void
deleting_during_a_start(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make(f);
    yd_desk_set_probe(probe);
    g_atomic_int_set(&probes, G_MAXINT);
    G_GNUC_UNUSED g_autoptr(YdJob) start = POWER(start, f, id);
    WAIT_FOR(g_atomic_int_get(&probes) < G_MAXINT);
    YdJob *job = yd_desktop_delete(f->service, &f->admin, id, 0, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    yd_desk_set_probe(NULL);
    nothing_left(f, id);
}

static void
changes(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make(f);
    g_autoptr(YdDesktop) desktop = NULL;
    YdJob *job = NULL;
    YdDesktopChange change = {.vcpus = 2, .memory_mib = 192, .disk_gib = 1, .name = "Anna's desk"};
    yd_desktop_change(f->service, &f->admin, id, 0, &change, &desktop, &job, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_autoptr(YdDesktop) after = desk_get(f, id);
    g_assert_cmpstr(after->name, ==, "Anna's desk");
    g_assert_cmpint(after->vcpus, ==, 2);
    g_assert_cmpint(after->memory_mib, ==, 192);
    g_assert_cmpint(after->disk_gib, ==, 1);

    static const struct {
        YdDesktopChange change;
        YdErrorCode code;
    } bad[] = {{{.vcpus = 65}, YD_ERROR_INVALID},
               {{.vcpus = -1}, YD_ERROR_INVALID},
               {{.memory_mib = 63}, YD_ERROR_INVALID},
               {{.memory_mib = G_MAXINT64}, YD_ERROR_INVALID},
               {{.disk_gib = G_MAXINT64}, YD_ERROR_INVALID},
               {{.name = ""}, YD_ERROR_INVALID},
               {{.name = "a\nb"}, YD_ERROR_INVALID},
               {{.name = "a\xe2\x80\xae"
                         "b"},
                YD_ERROR_INVALID}};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(
            yd_desktop_change(f->service, &f->admin, id, 0, &bad[i].change, NULL, NULL, &error));
        g_assert_error(error, YD_ERROR, (int)bad[i].code);
        g_clear_error(&error);
    }
    // A disk only grows.
    change = (YdDesktopChange){.disk_gib = 3};
    yd_desktop_change(f->service, &f->admin, id, 0, &change, NULL, &job, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    change.disk_gib = 2;
    g_assert_false(yd_desktop_change(f->service, &f->admin, id, 0, &change, NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    // Two people at once.
    change = (YdDesktopChange){.name = "Other"};
    g_assert_false(yd_desktop_change(f->service, &f->admin, id, 1, &change, NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STALE);
}

// --- who may ---

static void
others_see_nothing(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *bob = desk_user(f, "bob", TRUE);
    YdActor actor = desk_actor(bob, "bob");
    YdJob *(*const verbs[])(YdService *, const YdActor *, const char *,
                            GError **) = {yd_desktop_start, yd_desktop_shutdown, yd_desktop_reboot,
                                          yd_desktop_power_off, yd_desktop_rebuild};
    for (gsize i = 0; i < G_N_ELEMENTS(verbs); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(verbs[i](f->service, &actor, id, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    }
    g_autoptr(GError) error = NULL;
    const YdDesktopChange change = {.name = "mine"};
    g_assert_null(yd_desktop_delete(f->service, &f->user, id, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    g_assert_false(yd_desktop_change(f->service, &f->user, id, 0, &change, NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    g_assert_null(yd_desktop_screenshot(f->service, &f->user, id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    G_GNUC_UNUSED g_autoptr(GBytes) picture =
        yd_desktop_screenshot(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_assert_state(f, id, "ready");
}

#define ADD(name, func) g_test_add("/desktop/" name, Desk, NULL, desk_set_up, func, desk_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("derives-once", derives_once);
    ADD("derive-refusals", derive_refusals);
    ADD("create-survives-kills", create_survives_kills);
    ADD("failed-create-leaves-nothing", failed_create_leaves_nothing);
    ADD("cancelled-create-leaves-nothing", cancelled_create_leaves_nothing);
    ADD("hands-out-to-a-department", hands_out_to_a_department);
    ADD("handout-refusals", handout_refusals);
    ADD("ten-creations-and-a-kill", ten_creations_and_a_kill);
    ADD("starts", starts);
    ADD("start-survives-kills", start_survives_kills);
    ADD("start-faults", start_faults);
    ADD("failing-first-boot", failing_first_boot);
    ADD("prepared-once", prepared_once);
    ADD("waits-for-the-guest", waits_for_the_guest);
    ADD("no-room", no_room);
    ADD("shuts-down", shuts_down);
    ADD("shutdown-survives-kills", shutdown_survives_kills);
    ADD("shuts-down-by-acpi", shuts_down_by_acpi);
    ADD("reboots-with-new-hardware", reboots_with_new_hardware);
    ADD("power-off-ends-a-start", power_off_ends_a_start);
    ADD("rebuilds", rebuilds);
    ADD("failed-rebuild-can-be-repeated", failed_rebuild_can_be_repeated);
    ADD("deletes", deletes);
    ADD("failed-delete-can-be-repeated", failed_delete_can_be_repeated);
    ADD("deleting-during-a-start", deleting_during_a_start);
    ADD("changes", changes);
    ADD("others-see-nothing", others_see_nothing);
    return g_test_run();
}
