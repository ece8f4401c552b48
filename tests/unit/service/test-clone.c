// SPDX-License-Identifier: Apache-2.0
// RAM images and starts from them on the fake hypervisor: the ladder, what does not fit, faults and
// kills at every step.
#include "desk-fixture.h"

#include <string.h>
#include <unistd.h>

#include "base/json-util.h"
#include "service/clone-script.h"
#include "service/ram-image.h"
#include "service/template.h"
#include "storage/ram-image.h"

static YdTemplateVersion *
version(Desk *f)
{
    g_autoptr(GError) error = NULL;
    YdTemplateVersion *now =
        yd_store_get(f->store, &yd_template_version_type, f->version_id, &error);
    g_assert_no_error(error);
    return now;
}

static void
set_instant(Desk *f)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, &error);
    pool->instant = TRUE;
    yd_store_update(f->store, &yd_pool_type, pool, &error);
    g_assert_no_error(error);
}

static YdJob *
make(Desk *f)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = NULL;
    yd_ram_make(f->service, &f->admin, f->version_id, 0, 0, &job, &error);
    g_assert_no_error(error);
    return job;
}

static void
make_ram(Desk *f)
{
    set_instant(f);
    desk_run(f);
    desk_job_ends(f, make(f), "done");
}

// Starts it and waits; what the job says of how.
static char *
start(Desk *f, const char *id, const char *state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdJob) job = yd_desktop_start(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, yd_job_copy(job), state);
    g_autoptr(YdJob) ended = yd_store_get(f->store, &yd_job_type, job->id, &error);
    return g_strdup(ended->result ? ended->result : "");
}

static void
off(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_power_off(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

static void
gone(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_delete(f->service, &f->admin, id, 0, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

static void
rebuild(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_rebuild(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

#define assert_has(text, part) g_assert_nonnull(strstr(text, part))

static guint
count_images(Desk *f, const char *part)
{
    g_autoptr(GPtrArray) images = yd_storage_list(yd_service_storage(f->service), NULL);
    guint n = 0;
    for (guint i = 0; i < images->len; i++)
        n += strstr(g_ptr_array_index(images, i), part) != NULL;
    return n;
}

static guint
count_machines(Desk *f)
{
    g_autoptr(GPtrArray) machines = yd_hypervisor_machines(desk_hv(f), NULL);
    return machines->len;
}

static void
made_and_used(Desk *f, gconstpointer data)
{
    make_ram(f);
    g_autoptr(YdTemplateVersion) now = version(f);
    g_assert_nonnull(now->ram_image);
    g_assert_cmpint(now->ram_made, >, 0);
    g_assert_cmpuint(count_machines(f), ==, 0);
    g_autofree char *id = desk_make(f);
    g_autofree char *said = start(f, id, "done");
    assert_has(said, "\"instant\"");
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_cmpstr(desktop->state, ==, "ready");
    g_assert_cmpstr(desktop->ram_image, ==, now->ram_image);
    g_assert_true(desktop->prepared);
    // its first boot was last, and nothing of the clone's way is left
    g_autofree char *pages = yd_ram_image_path(yd_service_storage(f->service), desktop->id, "save");
    g_assert_false(g_file_test(pages, G_FILE_TEST_EXISTS));
    off(f, id);
    g_autofree char *again = start(f, id, "done");
    assert_has(again, "\"cold\"");
    assert_has(again, "has been used");
}

// Each of them starts from its disk, ready all the same, and says why.
static void
ladder(Desk *f, gconstpointer data)
{
    static const struct {
        const char *verb, *reason;
    } faults[] = {{"thaw", "thaw"}, {"agent_exec", "agent_exec"}, {"attach_nic", "attach_nic"}};
    make_ram(f);
    for (gsize i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autofree char *id = desk_make(f);
        yd_fake_fail(desk_hv(f), faults[i].verb, 1, YD_ERROR_INTERNAL);
        g_autofree char *said = start(f, id, "done");
        assert_has(said, "\"cold\"");
        assert_has(said, "start_reason");
        g_autoptr(YdDesktop) desktop = desk_get(f, id);
        g_assert_cmpstr(desktop->state, ==, "ready");
        g_assert_null(desktop->ram_image);
        gone(f, id);
    }
}

static void
write_into(Desk *f, const char *suffix)
{
    g_autoptr(YdTemplateVersion) now = version(f);
    g_autofree char *path =
        yd_ram_image_path(yd_service_storage(f->service), now->ram_image, suffix);
    FILE *file = fopen(path, "r+");
    g_assert_nonnull(file);
    fputc('x', file);
    fclose(file);
}

static void
unfit(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make(f);
    g_autofree char *unwanted = start(f, id, "done");
    assert_has(unwanted, "\"cold\"");
    g_assert_null(strstr(unwanted, "start_reason"));
    rebuild(f, id);
    set_instant(f);
    g_autofree char *none = start(f, id, "done");
    assert_has(none, "no RAM image");
    desk_job_ends(f, make(f), "done");

    rebuild(f, id);
    write_into(f, "ram");
    g_autofree char *written = start(f, id, "done");
    assert_has(written, "somebody wrote to it");
    rebuild(f, id);
    desk_job_ends(f, make(f), "done"); // takes the place of the one that is spoilt
    g_assert_cmpuint(count_images(f, "-ram-"), ==, 1);
    g_autofree char *good = start(f, id, "done");
    assert_has(good, "\"instant\"");
}

static void
start_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const steps[] = {"place", "disk", "launch", "agent", "first-boot"};
    make_ram(f);
    for (gsize i = 0; i < 2 * G_N_ELEMENTS(steps); i++) {
        g_autofree char *where =
            g_strdup_printf("desktop-start:%s:%s", steps[i / 2], i % 2 ? "after" : "before");
        g_autofree char *id = desk_make(f);
        g_autoptr(GError) error = NULL;
        yd_jobs_stop_at(f->service, where);
        YdJob *job = yd_desktop_start(f->service, &f->admin, id, &error);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        g_autoptr(YdDesktop) desktop = desk_get(f, id);
        g_assert_cmpstr(desktop->state, ==, "ready");
        g_assert_nonnull(desktop->ram_image);
        gone(f, id);
    }
}

// A fall-back that was killed half way: never the memory of one moment on the disk of another.
static void
fall_back_survives_a_kill(Desk *f, gconstpointer data)
{
    static const char *const points[] = {"launch", "agent"};
    make_ram(f);
    for (gsize i = 0; i < G_N_ELEMENTS(points); i++) {
        g_autofree char *id = desk_make(f);
        g_autofree char *where = g_strdup_printf("desktop-start:%s:after", points[i]);
        g_autoptr(GError) error = NULL;
        yd_fake_fail(desk_hv(f), i ? "agent_exec" : "thaw", 1, YD_ERROR_INTERNAL);
        yd_jobs_stop_at(f->service, where);
        YdJob *job = yd_desktop_start(f->service, &f->admin, id, &error);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        g_autoptr(YdDesktop) desktop = desk_get(f, id);
        g_assert_null(desktop->ram_image);
        gone(f, id);
    }
}

static void
making_survives_kills(Desk *f, gconstpointer data)
{
    static const char *const steps[] = {"disk", "launch", "settle", "freeze", "seal", "note"};
    set_instant(f);
    desk_run(f);
    for (gsize i = 0; i < 2 * G_N_ELEMENTS(steps); i++) {
        g_autofree char *where =
            g_strdup_printf("template-ram:%s:%s", steps[i / 2], i % 2 ? "after" : "before");
        yd_jobs_stop_at(f->service, where);
        YdJob *job = make(f);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        g_autoptr(YdTemplateVersion) now = version(f);
        g_autoptr(GError) error = NULL;
        g_autoptr(json_t) image =
            yd_ram_image_look(yd_service_storage(f->service), now->ram_image, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(count_images(f, "-ram-"), ==, 1);
        g_assert_cmpuint(count_machines(f), ==, 0);
    }
}

static void
making_fails(Desk *f, gconstpointer data)
{
    static const char *const verbs[] = {"start", "freeze", "remove"};
    set_instant(f);
    desk_run(f);
    for (gsize i = 0; i < G_N_ELEMENTS(verbs) - 1; i++) {
        yd_fake_fail(desk_hv(f), verbs[i], 1, YD_ERROR_INTERNAL);
        desk_job_ends(f, make(f), "failed");
        g_autoptr(YdTemplateVersion) now = version(f);
        g_assert_null(now->ram_image);
        g_assert_nonnull(now->ram_error);
        g_assert_cmpuint(count_images(f, "-ram-"), ==, 0);
        g_assert_cmpuint(count_machines(f), ==, 0);
    }
    yd_fake_exec_answer(desk_hv(f), 1, "no\n");
    desk_job_ends(f, make(f), "failed");
    yd_fake_exec_answer(desk_hv(f), 0, "");
    desk_job_ends(f, make(f), "done");
    g_autoptr(YdTemplateVersion) good = version(f);
    g_assert_null(good->ram_error);
}

static void
deleted(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    make_ram(f);
    g_autofree char *id = desk_make(f);
    g_autofree char *said = start(f, id, "done");
    assert_has(said, "\"instant\"");
    g_assert_false(yd_ram_delete(f->service, &f->user, f->version_id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    g_assert_true(yd_ram_delete(f->service, &f->admin, f->version_id, &error));
    g_assert_cmpuint(count_images(f, "-ram-"), ==, 1); // the clone's disk lies on it
    g_assert_false(yd_ram_delete(f->service, &f->admin, f->version_id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_NOT_FOUND);
    g_clear_error(&error);
    gone(f, id);
    g_assert_true(yd_ram_sweep(f->service, f->version_id, NULL, &error));
    g_assert_cmpuint(count_images(f, "-ram-"), ==, 0);
}

static void
script(void)
{
    guint8 seed[YD_CLONE_ENTROPY_BYTES] = {0xab, 0xcd};
    g_autofree char *text = yd_clone_script(seed, "dsk-1", "52:54:0A:63:00:0C", "it's", 1234567890);
    g_assert_true(g_str_has_prefix(text, "SEED=abcd00"));
    assert_has(text, "\nDESKTOP='dsk-1'\n");
    assert_has(text, "HOST='it'\\''s'\n");
    assert_has(text, "MAC='52:54:0a:63:00:0c'\n");
    assert_has(text, "NOW=1234567890\n");
    g_autoptr(GError) error = NULL;
    int status = -1;
    g_autofree char *quoted = g_shell_quote(text);
    g_autofree char *command = g_strdup_printf("/bin/sh -n -c %s", quoted);
    g_assert_true(g_spawn_command_line_sync(command, NULL, NULL, &status, &error));
    g_assert_cmpint(status, ==, 0);
    // random numbers come before anything is made of them
    g_assert_true(strstr(text, "| reseed") < strstr(text, "random/uuid"));
}

#define ADD(name, function)                                                                        \
    g_test_add("/clone/" name, Desk, NULL, desk_set_up, function, desk_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("made-and-used", made_and_used);
    ADD("ladder", ladder);
    ADD("unfit", unfit);
    ADD("start-survives-kills", start_survives_kills);
    ADD("fall-back-survives-a-kill", fall_back_survives_a_kill);
    ADD("making-survives-kills", making_survives_kills);
    ADD("making-fails", making_fails);
    ADD("deleted", deleted);
    g_test_add_func("/clone/script", script);
    return g_test_run();
}
