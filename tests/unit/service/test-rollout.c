// SPDX-License-Identifier: Apache-2.0
// Roll-outs on the fake hypervisor: who moves when, the gate, going back, kills at every step. Real
// overlays by qemu-img.
#include "desk-fixture.h"

#include <string.h>

#include "base/id.h"
#include "base/json-util.h"
#include "service/connection.h"
#include "service/desktop-private.h"
#include "service/pool.h"
#include "service/reconcile.h"
#include "service/rollout.h"
#include "service/template.h"
#include "store/store-rollouts.h"

typedef struct {
    Desk desk;
    char *template_id, *second_id; // the version 2
} Roll;

static void
add_second(Roll *r)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_autofree char *from = g_build_filename(f->directory, "images", "tplv-test.qcow2", NULL);
    g_autofree char *to = g_build_filename(f->directory, "images", "tplv-two.qcow2", NULL);
    g_autofree char *copy = g_strdup_printf("cp -p %s %s", from, to);
    g_assert_true(g_spawn_command_line_sync(copy, NULL, NULL, NULL, &error));
    g_autoptr(YdTemplateVersion) first =
        yd_store_get(f->store, &yd_template_version_type, f->version_id, &error);
    g_autoptr(YdTemplateVersion) second = yd_template_version_new();
    second->template_id = g_strdup(first->template_id);
    second->number = 2;
    second->state = g_strdup("ready");
    second->image = g_strdup("tplv-two.qcow2");
    second->virtual_bytes = first->virtual_bytes;
    g_assert_true(yd_store_insert(f->store, &yd_template_version_type, second, &error));
    r->template_id = g_strdup(first->template_id);
    r->second_id = g_strdup(second->id);
}

static void
set_up(Roll *r, gconstpointer data)
{
    desk_set_up(&r->desk, data);
    add_second(r);
}

static void
tear_down(Roll *r, gconstpointer data)
{
    g_free(r->template_id);
    g_free(r->second_id);
    desk_tear_down(&r->desk, data);
}

// The desktop of a new person, off.
static char *
make_for(Desk *f, const char *name, char **ret_user)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    YdJob *job = NULL;
    g_autofree char *user = desk_user(f, name, TRUE);
    YdActor actor = desk_actor(user, name);
    yd_desktop_derive(f->service, &actor, f->pool_id, &desktop, &job, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    if (ret_user)
        *ret_user = g_steal_pointer(&user);
    return g_strdup(desktop->id);
}

static YdRollout *
try_begin(Roll *r, const char *plan_text, GError **error)
{
    g_auto(YdRolloutPlan) plan = {0};
    Desk *f = &r->desk;
    return yd_rollout_plan_parse(plan_text, &plan, error)
               ? yd_rollout_start(f->service, &f->admin, f->pool_id, r->second_id,
                                  yd_rollout_plan_has_first(&plan) ? "staged" : "all", &plan, error)
               : NULL;
}

#define LOSS "\"replace_system_disks\":true"
#define ALL "{" LOSS "}"

static char *
begin(Roll *r, const char *plan)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdRollout) rollout = try_begin(r, plan, &error);
    g_assert_no_error(error);
    return g_strdup(rollout->id);
}

static YdRollout *
get(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdRollout *rollout = yd_store_get(f->store, &yd_rollout_type, id, &error);
    g_assert_no_error(error);
    return rollout;
}

static gboolean
is_in(Desk *f, const char *id, const char *state)
{
    g_autoptr(YdRollout) rollout = get(f, id);
    return strcmp(rollout->state, state) == 0;
}

static gboolean
is_over(Desk *f, const char *id)
{
    g_autoptr(YdRollout) rollout = get(f, id);
    g_autoptr(YdJob) job = yd_store_job_live(f->store, id, "rollout", NULL);
    return rollout->ended > 0 && !job;
}

static void
ends(Desk *f, const char *id, const char *state)
{
    for (guint i = 0; i < 4 * 60 * 5 && !is_over(f, id);
         i++) // many jobs: a busy machine takes long
        g_usleep(50 * 1000);
    g_assert_true(is_over(f, id));
    g_autoptr(YdRollout) rollout = get(f, id);
    if (strcmp(rollout->state, state) != 0)
        g_test_message("%s: %s; %s", rollout->state, rollout->reason, rollout->gate);
    g_assert_cmpstr(rollout->state, ==, state);
}

static gboolean
is_on(Desk *f, const char *desktop_id, const char *version_id)
{
    g_autoptr(YdDesktop) desktop = desk_get(f, desktop_id);
    return strcmp(desktop->template_version_id, version_id) == 0;
}

static void
assert_images(Desk *f, guint expected)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) images = yd_storage_list(yd_service_storage(f->service), &error);
    guint n = 0;
    for (guint i = 0; i < images->len; i++)
        n += g_str_has_prefix(g_ptr_array_index(images, i), "dsk-");
    g_assert_cmpuint(n, ==, expected);
}

static char *
row_state(Desk *f, const char *desktop_id)
{
    g_autoptr(YdRolloutDesktop) row = yd_store_rollout_desktop(f->store, desktop_id, NULL);
    return g_strdup(row ? row->state : "none");
}

static void
power_off(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_power_off(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

// --- all at once ---

// Those that are off move at once; one that runs is not touched before it is off.
static void
moves_what_is_off(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    YdMachineState state;
    g_autofree char *running = desk_make_ready(f);
    g_autofree char *off = make_for(f, "bert", NULL);
    g_autoptr(YdDesktop) before = desk_get(f, running);
    g_autofree char *id = begin(r, ALL);
    WAIT_FOR(is_on(f, off, r->second_id));
    g_autoptr(YdDesktop) moved = desk_get(f, off);
    g_assert_cmpstr(moved->state, ==, "off");
    g_assert_false(moved->prepared);
    g_assert_null(moved->target_version_id);
    g_autofree char *plain = g_strconcat(off, ".qcow2", NULL);
    g_assert_cmpstr(moved->image, !=, plain);
    g_assert_true(desk_image(f, off)); // kept

    WAIT_FOR(({
        g_autoptr(YdDesktop) now = desk_get(f, running);
        g_strcmp0(now->target_version_id, r->second_id) == 0;
    }));
    g_autoptr(YdDesktop) now = desk_get(f, running);
    g_assert_cmpstr(now->state, ==, "ready");
    g_assert_cmpstr(now->image, ==, before->image);
    g_assert_cmpstr(now->template_version_id, ==, f->version_id);
    g_assert_cmpint(now->started, ==, before->started);
    g_assert_true(desk_machine(f, now->uuid, &state));
    g_assert_cmpint(state, ==, YD_MACHINE_RUNNING);
    g_assert_true(is_in(f, id, "rolling"));
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
    g_assert_cmpstr(pool->template_version_id, ==, r->second_id);

    power_off(f, running);
    ends(f, id, "done");
    g_assert_true(is_on(f, running, r->second_id));
    g_autoptr(YdRollout) done = get(f, id);
    g_assert_cmpint(done->total, ==, 2);
    g_assert_cmpint(done->moved, ==, 2);
    g_assert_cmpint(done->kept, ==, 2);
    g_assert_nonnull(strstr(done->gate, "not possible here"));
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 2); // the throw-away one is gone
    assert_images(f, 4);
    g_autofree char *late = make_for(f, "carl", NULL);
    g_assert_true(is_on(f, late, r->second_id));
}

// A reboot takes the update on its way, and it is healthy afterwards.
static void
moves_at_a_reboot(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *rollout = begin(r, ALL);
    WAIT_FOR(({
        g_autoptr(YdDesktop) now = desk_get(f, id);
        now->target_version_id != NULL;
    }));
    YdJob *job = yd_desktop_reboot(f->service, &f->user, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_autoptr(YdDesktop) now = desk_get(f, id);
    g_assert_cmpstr(now->state, ==, "ready");
    g_assert_cmpstr(now->template_version_id, ==, r->second_id);
    g_assert_true(now->prepared);
    ends(f, rollout, "done");
}

// What cannot be moved is started as it is: an update keeps nobody from working.
static void
starts_without_an_update(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make_ready(f);
    g_autofree char *rollout = begin(r, ALL);
    WAIT_FOR(({
        g_autoptr(YdDesktop) now = desk_get(f, id);
        now->target_version_id != NULL;
    }));
    g_autofree char *image = g_build_filename(f->directory, "images", "tplv-two.qcow2", NULL);
    g_autofree char *away = g_build_filename(f->directory, "images", "away", NULL);
    g_assert_cmpint(rename(image, away), ==, 0);
    YdJob *job = yd_desktop_reboot(f->service, &f->user, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    desk_assert_state(f, id, "ready");
    g_assert_true(is_on(f, id, f->version_id));
    g_assert_cmpint(rename(away, image), ==, 0);
    power_off(f, id);
    ends(f, rollout, "done");
}

// --- the gate ---

static void
gate_fails(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autofree char *running = desk_make_ready(f);
    g_autofree char *off = make_for(f, "bert", NULL);
    g_autoptr(YdDesktop) before = desk_get(f, off);
    yd_fake_fail(desk_hv(f), "start", 1, YD_ERROR_INVALID); // the throw-away one's
    g_autofree char *id = begin(r, ALL);
    ends(f, id, "rolled-back");
    g_autoptr(YdRollout) rollout = get(f, id);
    g_assert_nonnull(strstr(rollout->reason, "throw-away"));
    g_assert_nonnull(strstr(rollout->gate, "\"ok\":false"));
    g_assert_cmpint(rollout->moved, ==, 0);
    g_autoptr(YdDesktop) after = desk_get(f, off);
    g_assert_cmpstr(after->image, ==, before->image);
    g_assert_null(after->target_version_id);
    desk_assert_state(f, running, "ready");
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 2);
    assert_images(f, 2);
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
    g_assert_cmpstr(pool->template_version_id, ==, f->version_id);
}

// A guest that is asked for a session has to show it.
static void
gate_sees_a_session(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    static const char *const users[] = {"yundesk-doctor", NULL};
    desk_run(f);
    g_autofree char *refused = begin(r, "{" LOSS ",\"session\":\"required\"}");
    ends(f, refused, "rolled-back");
    g_autoptr(YdRollout) rollout = get(f, refused);
    g_assert_nonnull(strstr(rollout->reason, "xrdp-sesrun"));

    yd_fake_exec_answer(desk_hv(f), 0, "ok data=0 display=10\n");
    yd_fake_fail(desk_hv(f), "set_password", 1, YD_ERROR_TIMEOUT); // a busy guest: asked again
    g_autofree char *good = begin(r, "{" LOSS ",\"session\":\"required\"}");
    WAIT_FOR(({
        g_autoptr(YdDesktop) trial =
            yd_store_find(f->store, &yd_desktop_type, "name", "yundesk-rollout", NULL);
        gboolean ready = trial && strcmp(trial->state, "ready") == 0;
        if (ready)
            yd_fake_set_users(desk_hv(f), trial->uuid, users);
        ready;
    }));
    ends(f, good, "done");
    g_autoptr(YdRollout) seen = get(f, good);
    g_assert_nonnull(strstr(seen->gate, "sees a session"));
}

// --- stages ---

// The first group moves, is tried, and shut down again; then the rest.
static void
stages(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autofree char *anna = desk_make(f);
    g_autofree char *bert = make_for(f, "bert", NULL);
    g_autofree char *plan = g_strdup_printf("{" LOSS ",\"user_ids\":[\"%s\"]}", f->user_id);
    g_autofree char *id = begin(r, plan);
    ends(f, id, "done");
    g_autofree char *first = row_state(f, anna), *rest = row_state(f, bert);
    g_assert_cmpstr(first, ==, "healthy");
    g_assert_cmpstr(rest, ==, "moved");
    WAIT_FOR(({
        g_autoptr(YdDesktop) now = desk_get(f, anna);
        strcmp(now->state, "off") == 0;
    }));
}

// Before the first group is healthy, newcomers of that group get the new version, others the old.
static void
newcomers(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_autofree char *anna = desk_make_ready(f);
    g_autofree char *lina = desk_user(f, "lina", TRUE);
    g_autofree char *plan =
        g_strdup_printf("{" LOSS ",\"user_ids\":[\"%s\",\"%s\"]}", f->user_id, lina);
    g_autofree char *id = begin(r, plan);
    WAIT_FOR(is_in(f, id, "staged"));
    g_autoptr(YdDesktop) early = NULL;
    YdActor actor = desk_actor(lina, "lina");
    YdJob *job = NULL;
    yd_desktop_derive(f->service, &actor, f->pool_id, &early, &job, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_autofree char *other = make_for(f, "otto", NULL);
    g_assert_true(is_on(f, early->id, r->second_id));
    g_assert_true(is_on(f, other, f->version_id));
    g_assert_true(is_on(f, anna, f->version_id)); // works on
    // Back: who came meanwhile goes back, too.
    yd_rollout_free(yd_rollout_back(f->service, &f->admin, id, &error));
    g_assert_no_error(error);
    ends(f, id, "rolled-back");
    g_assert_true(is_on(f, early->id, f->version_id));
    g_assert_true(is_on(f, other, f->version_id));
    desk_assert_state(f, anna, "ready");
    assert_images(f, 3);
}

// The first group is not healthy: it gets its old disks back as they were, the others never moved.
static void
first_group_fails(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autofree char *anna = desk_make_ready(f);
    g_autofree char *bert = make_for(f, "bert", NULL);
    power_off(f, anna);
    g_autoptr(YdDesktop) before = desk_get(f, anna);
    g_assert_true(before->prepared);
    yd_fake_fail(desk_hv(f), "start", 2, YD_ERROR_INVALID); // the first of the first group
    g_autofree char *plan = g_strdup_printf("{" LOSS ",\"user_ids\":[\"%s\"]}", f->user_id);
    g_autofree char *id = begin(r, plan);
    ends(f, id, "rolled-back");
    g_autoptr(YdRollout) rollout = get(f, id);
    g_assert_nonnull(strstr(rollout->reason, "Office-anna"));
    g_autoptr(YdDesktop) after = desk_get(f, anna);
    g_assert_cmpstr(after->image, ==, before->image);
    g_assert_cmpstr(after->template_version_id, ==, f->version_id);
    g_assert_cmpstr(after->certificate, ==, before->certificate);
    g_assert_cmpint(after->certificate_expires, ==, before->certificate_expires);
    g_assert_true(after->prepared);
    g_autofree char *state = row_state(f, anna), *other = row_state(f, bert);
    g_assert_cmpstr(state, ==, "back");
    g_assert_cmpstr(other, ==, "waiting");
    assert_images(f, 2);
}

// A share of three people is at least one of them.
static void
share_is_at_least_one(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autofree char *anna = desk_make(f);
    g_autofree char *bert = make_for(f, "bert", NULL);
    g_autofree char *carl = make_for(f, "carl", NULL);
    const char *all[] = {anna, bert, carl};
    g_autofree char *id = begin(r, "{" LOSS ",\"share\":1}");
    guint first = 0;
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
        g_autoptr(YdRolloutDesktop) row = yd_store_rollout_desktop(f->store, all[i], NULL);
        first += strcmp(row->stage, "first") == 0;
    }
    g_assert_cmpuint(first, ==, 1);
    ends(f, id, "done");
}

// Once most have moved, failures pause: an administrator has to weigh them.
static void
failures_pause(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_autofree char *running = desk_make_ready(f);
    g_autofree char *bert = make_for(f, "bert", NULL);
    g_autofree char *carl = make_for(f, "carl", NULL);
    g_autofree char *id = begin(r, ALL);
    WAIT_FOR(is_on(f, bert, r->second_id) && is_on(f, carl, r->second_id));
    const char *bad[] = {bert, carl};
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        yd_fake_fail(desk_hv(f), "start", 1, YD_ERROR_INVALID);
        YdJob *job = yd_desktop_start(f->service, &f->admin, bad[i], &error);
        g_assert_no_error(error);
        desk_job_ends(f, job, "failed");
    }
    WAIT_FOR(is_in(f, id, "paused"));
    g_autoptr(YdDesktop) now = desk_get(f, running);
    g_assert_null(now->target_version_id);
    yd_rollout_free(yd_rollout_resume(f->service, &f->admin, id, &error));
    g_assert_no_error(error);
    power_off(f, running);
    ends(f, id, "done");
    g_autoptr(YdRollout) rollout = get(f, id);
    g_assert_cmpint(rollout->failed, ==, 2);
}

// --- by hand ---

// Back after the end: the old disks come back; later they are gone.
static void
back_by_hand(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_autofree char *anna = desk_make_ready(f);
    power_off(f, anna);
    g_autoptr(YdDesktop) before = desk_get(f, anna);
    g_autofree char *id = begin(r, ALL);
    ends(f, id, "done");
    yd_rollout_free(yd_rollout_back(f->service, &f->admin, id, &error));
    g_assert_no_error(error);
    ends(f, id, "rolled-back");
    g_autoptr(YdDesktop) after = desk_get(f, anna);
    g_assert_cmpstr(after->image, ==, before->image);
    g_assert_cmpstr(after->certificate, ==, before->certificate);
    assert_images(f, 1);
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
    g_assert_cmpstr(pool->template_version_id, ==, f->version_id);

    g_autofree char *again = begin(r, "{" LOSS ",\"keep_hours\":1}");
    ends(f, again, "done");
    yd_rollout_tidy(f->service, yd_now_ms());
    assert_images(f, 2);
    yd_rollout_tidy(f->service, yd_now_ms() + 3601 * 1000);
    assert_images(f, 1);
}

// Old disks that are not to be kept go with the end.
static void
keeps_for_its_time(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_autofree char *anna = desk_make(f);
    g_autofree char *id = begin(r, "{" LOSS ",\"keep_hours\":0}");
    ends(f, id, "done");
    assert_images(f, 1);
    g_assert_false(desk_image(f, anna));
    g_assert_null(yd_rollout_back(f->service, &f->admin, id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "not kept any more"));
    // A desktop that goes takes what is kept of it along.
    g_clear_error(&error);
    YdJob *job = yd_desktop_delete(f->service, &f->admin, anna, 0, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    assert_images(f, 0);
}

// A desktop that is deleted in the middle leaves nothing and holds up nobody.
static void
deleted_meanwhile(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_autofree char *running = desk_make_ready(f);
    g_autofree char *bert = make_for(f, "bert", NULL);
    g_autofree char *id = begin(r, ALL);
    WAIT_FOR(is_on(f, bert, r->second_id));
    const char *all[] = {running, bert};
    for (gsize i = 0; i < G_N_ELEMENTS(all); i++) {
        YdJob *job = yd_desktop_delete(f->service, &f->admin, all[i], 0, &error);
        g_assert_no_error(error);
        desk_job_ends(f, job, "done");
    }
    ends(f, id, "done");
    yd_rollout_tidy(f->service, yd_now_ms());
    assert_images(f, 0);
}

static void
refusals(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_autofree char *anna = desk_make_ready(f);
    g_autofree G_GNUC_UNUSED char *bert = make_for(f, "bert", NULL);
    g_assert_null(try_begin(r, "{}", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_assert_nonnull(strstr(error->message, "system disks of 2 desktops"));
    g_clear_error(&error);
    g_assert_null(try_begin(r, "{\"department_id\":\"dep-nowhere\"}", &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_auto(YdRolloutPlan) plan = {0};
    g_assert_true(yd_rollout_plan_parse(ALL, &plan, &error));
    g_assert_null(
        yd_rollout_start(f->service, &f->user, f->pool_id, r->second_id, "all", &plan, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    g_assert_null(
        yd_rollout_start(f->service, &f->admin, f->pool_id, f->version_id, "all", &plan, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    g_assert_null(
        yd_rollout_start(f->service, &f->admin, f->pool_id, r->second_id, "staged", &plan, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);

    g_autofree char *id = begin(r, ALL);
    g_assert_null(try_begin(r, ALL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_EXISTS);
    g_clear_error(&error);
    g_assert_false(
        yd_template_version_delete(f->service, &f->admin, r->second_id, 0, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_clear_error(&error);
    g_assert_null(yd_rollout_resume(f->service, &f->admin, id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);

    WAIT_FOR(is_in(f, id, "rolling"));
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
    yd_set_string(&pool->template_version_id, f->version_id);
    g_assert_false(yd_pool_update(f->service, &f->admin, pool, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_clear_error(&error);
    power_off(f, anna);
    ends(f, id, "done");
    // The old disks stand on version 1.
    g_assert_false(
        yd_template_version_delete(f->service, &f->admin, f->version_id, 0, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_clear_error(&error);
    yd_rollout_tidy(f->service, yd_now_ms() + 25 * 3600 * (gint64)1000);
    YdJob *job = NULL;
    yd_template_version_delete(f->service, &f->admin, f->version_id, 0, &job, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

// --- restarts and kills ---

static void
paused_survives_a_restart(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_autofree char *running = desk_make_ready(f);
    g_autofree char *id = begin(r, ALL);
    WAIT_FOR(is_in(f, id, "rolling"));
    yd_rollout_free(yd_rollout_pause(f->service, &f->admin, id, &error));
    g_assert_no_error(error);
    yd_jobs_stop(f->service);
    desk_reopen(f);
    desk_run(f);
    g_assert_true(is_in(f, id, "paused"));
    power_off(f, running);
    YdJob *job = yd_desktop_start(f->service, &f->user, running, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_assert_true(is_on(f, running, f->version_id));
    g_assert_true(is_in(f, id, "paused"));
    power_off(f, running);
    yd_rollout_free(yd_rollout_resume(f->service, &f->admin, id, &error));
    g_assert_no_error(error);
    ends(f, id, "done");
    g_assert_true(is_on(f, running, r->second_id));
}

static void
kill_at(Roll *r, const char *where, const char *plan, const char *state)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    g_test_message("%s", where);
    yd_jobs_stop_at(f->service, where);
    desk_run(f);
    g_autofree char *id = begin(r, plan);
    for (guint i = 0; i < 20 * 120 && !yd_jobs_stopped(f->service); i++) // likewise
        g_usleep(50 * 1000);
    desk_abandoned(f);
    desk_reopen(f);
    desk_run(f);
    ends(f, id, state);
    g_assert_cmpuint(desk_count(f, &yd_desktop_type), ==, 2);
    if (strcmp(state, "done") == 0) {
        yd_rollout_free(yd_rollout_back(f->service, &f->admin, id, &error));
        g_assert_no_error(error);
        ends(f, id, "rolled-back");
    }
    assert_images(f, 2);
}

static void
survives_kills(Roll *r, gconstpointer data)
{
    static const char *const at[] = {
        "rollout:check",
        "rollout:check:after",
        "rollout:clean",
        "rollout:clean:after",
        "rollout:first",
        "rollout:first:after",
        "rollout:rest",
        "rollout:rest:after",
        "rollout:files",
        "desktop-update:move",
        "desktop-update:move:after",
    };
    Desk *f = &r->desk;
    g_autofree char *anna = desk_make_ready(f);
    g_autofree G_GNUC_UNUSED char *bert = make_for(f, "bert", NULL);
    g_autofree char *plan = g_strdup_printf("{" LOSS ",\"user_ids\":[\"%s\"]}", f->user_id);
    power_off(f, anna);
    g_autoptr(YdDesktop) before = desk_get(f, anna);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        kill_at(r, at[i], plan, "done");
        g_autoptr(YdDesktop) after = desk_get(f, anna);
        g_assert_cmpstr(after->image, ==, before->image);
        g_assert_cmpstr(after->certificate, ==, before->certificate);
    }
}

// Killed while it tries, and while it goes back.
static void
going_back_survives_kills(Roll *r, gconstpointer data)
{
    static const char *const at[] = {"rollout:back", "rollout:back:after", "rollout:files",
                                     "desktop-update:move:after"};
    Desk *f = &r->desk;
    g_autofree char *anna = desk_make(f);
    g_autofree G_GNUC_UNUSED char *bert = make_for(f, "bert", NULL);
    g_autofree char *plan = g_strdup_printf("{" LOSS ",\"user_ids\":[\"%s\"]}", f->user_id);
    g_autoptr(YdDesktop) before = desk_get(f, anna);
    for (gsize i = 0; i < G_N_ELEMENTS(at); i++) {
        yd_fake_fail(desk_hv(f), "start", 2, YD_ERROR_INVALID);
        kill_at(r, at[i], plan, "rolled-back");
        g_autoptr(YdDesktop) after = desk_get(f, anna);
        g_assert_cmpstr(after->image, ==, before->image);
        g_assert_cmpstr(after->template_version_id, ==, f->version_id);
    }
}

// --- following ---

static void
set_follow(Desk *f, const char *follow, const char *plan)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
    yd_set_string(&pool->follow, follow);
    yd_set_string(&pool->rollout, plan);
    yd_pool_update(f->service, &f->admin, pool, 0, &error);
    g_assert_no_error(error);
}

static void
follows(Roll *r, gconstpointer data)
{
    Desk *f = &r->desk;
    g_autoptr(GError) error = NULL;
    const char *way = data;
    gboolean newest = strcmp(way, "newest") == 0;
    g_autofree char *anna = desk_make(f);
    yd_rollout_watch(f->service); // pinned: nothing
    g_assert_cmpuint(desk_count(f, &yd_rollout_type), ==, 0);
    set_follow(f, way, newest ? ALL : "{" LOSS ",\"share\":50}");
    yd_rollout_watch(f->service);
    yd_rollout_watch(f->service);
    g_assert_cmpuint(desk_count(f, &yd_rollout_type), ==, 1);
    g_autoptr(YdRollout) rollout = yd_store_rollout_newest(f->store, f->pool_id, &error);
    g_assert_cmpstr(rollout->mode, ==, way);
    ends(f, rollout->id, "done");
    g_assert_true(is_on(f, anna, r->second_id));
    g_autoptr(YdRollout) done = get(f, rollout->id);
    g_assert_cmpint(done->gate == NULL, ==, newest); // nobody waits for a try
    // Taken back by hand: it does not come again by itself.
    yd_rollout_free(yd_rollout_back(f->service, &f->admin, rollout->id, &error));
    g_assert_no_error(error);
    ends(f, rollout->id, "rolled-back");
    yd_rollout_watch(f->service);
    g_assert_cmpuint(desk_count(f, &yd_rollout_type), ==, 1);
}

static void
follow_refusals(Roll *r, gconstpointer data)
{
    static const struct {
        const char *follow, *plan, *expected;
    } cases[] = {{"sometimes", NULL, "follow"},
                 {"staged", ALL, "who goes first"},
                 {"staged", "{\"share\":20}", "replace_system_disks"},
                 {"newest", NULL, "replace_system_disks"},
                 {"pinned", "{\"share\":200}", "rollout.share"}};
    Desk *f = &r->desk;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, NULL);
        yd_set_string(&pool->follow, cases[i].follow);
        yd_set_string(&pool->rollout, cases[i].plan);
        g_assert_false(yd_pool_update(f->service, &f->admin, pool, 0, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
        g_assert_nonnull(strstr(error->message, cases[i].expected));
    }
}

#define ADD(path, function) g_test_add("/rollout/" path, Roll, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("moves-what-is-off", moves_what_is_off);
    ADD("moves-at-a-reboot", moves_at_a_reboot);
    ADD("starts-without-an-update", starts_without_an_update);
    ADD("gate-fails", gate_fails);
    ADD("gate-sees-a-session", gate_sees_a_session);
    ADD("stages", stages);
    ADD("newcomers", newcomers);
    ADD("first-group-fails", first_group_fails);
    ADD("share-is-at-least-one", share_is_at_least_one);
    ADD("failures-pause", failures_pause);
    ADD("back-by-hand", back_by_hand);
    ADD("keeps-for-its-time", keeps_for_its_time);
    ADD("deleted-meanwhile", deleted_meanwhile);
    ADD("refusals", refusals);
    ADD("paused-survives-a-restart", paused_survives_a_restart);
    ADD("survives-kills", survives_kills);
    ADD("going-back-survives-kills", going_back_survives_kills);
    g_test_add("/rollout/follows-newest", Roll, "newest", set_up, follows, tear_down);
    g_test_add("/rollout/follows-staged", Roll, "staged", set_up, follows, tear_down);
    ADD("follow-refusals", follow_refusals);
    return g_test_run();
}
