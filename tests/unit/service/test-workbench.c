// SPDX-License-Identifier: Apache-2.0
// Templates that are installed from a medium: what each system gets, what is refused, finishing
// with a kill at each step, discarding.

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "desk-fixture.h"
#include "service/media.h"
#include "service/workbench.h"

// A ready medium as the library has it; id owned.
static char *
medium(Desk *f, const char *name, const char *label, gboolean bootable)
{
    g_autoptr(YdMedia) media = yd_media_new();
    g_autoptr(GError) error = NULL;

    media->name = g_strdup(name);
    media->state = g_strdup("ready");
    media->size_bytes = media->received_bytes = 100000;
    media->label = g_strdup(label);
    media->bootable = bootable;
    yd_store_insert(f->store, &yd_media_type, media, &error);
    g_assert_no_error(error);
    return g_strdup(media->id);
}

static gboolean
create(Desk *f, const char *name, const char *system, const char *media_id, const char *firmware,
       YdJob **ret_job, GError **error)
{
    const YdWorkbenchSpec spec = {.name = name,
                                  .os_type = system,
                                  .firmware = firmware,
                                  .media_id = media_id,
                                  .vcpus = 1,
                                  .memory_mib = 256,
                                  .disk_gib = 1};
    return yd_workbench_create(f->service, &f->admin, &spec, ret_job, error);
}

static YdTemplate *
template_of(Desk *f, const char *name)
{
    return yd_store_find(f->store, &yd_template_type, "name", name, NULL);
}

// A workbench that runs; its id, owned.
static char *
made(Desk *f, const char *name, const char *system, const char *media_id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdTemplate) template = NULL;
    YdJob *job = NULL;

    create(f, name, system, media_id, NULL, &job, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    template = template_of(f, name);
    desk_assert_state(f, template->workbench_id, "ready");
    return g_strdup(template->workbench_id);
}

static gboolean
finish(Desk *f, const YdActor *actor, const char *id, const char *notes, gboolean force,
       YdJob **ret_job, GError **error)
{
    const YdWorkbenchPublish publish = {.notes = notes, .force = force};
    return yd_workbench_finish(f->service, actor, id, &publish, ret_job, error);
}

static void
switch_off(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = NULL;

    job = yd_desktop_power_off(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

static void
test_systems(Desk *f, gconstpointer data)
{
    static const struct {
        const char *system, *os, *firmware, *without, *with; // devices without and with drivers
    } cases[] = {{"linux", "linux", "bios", "virtio", "virtio"},
                 {"windows-10", "windows", "uefi", "standard", "virtio"},
                 {"windows-old", "windows", "bios", "standard", "virtio"}};
    g_autofree char *media = medium(f, "a.iso", "A", TRUE);

    desk_run(f);
    for (guint drivers = 0; drivers < 2; drivers++) {
        g_autofree char *extra = drivers ? medium(f, "v.iso", "virtio-win-0.1.262", FALSE) : NULL;
        for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
            g_autofree char *name = g_strdup_printf("%s-%u", cases[i].system, drivers);
            g_autofree char *id = made(f, name, cases[i].system, media);
            g_autoptr(YdTemplate) template = template_of(f, name);
            g_autoptr(YdDesktop) desktop = desk_get(f, id);
            g_assert_cmpstr(template->os, ==, cases[i].os);
            g_assert_cmpstr(template->os_type, ==, cases[i].system);
            g_assert_cmpstr(template->firmware, ==, cases[i].firmware);
            g_assert_cmpstr(template->devices, ==, drivers ? cases[i].with : cases[i].without);
            g_assert_cmpstr(desktop->devices, ==, template->devices);
            g_assert_cmpstr(desktop->media_id, ==, media);
            g_assert_cmpstr(desktop->drivers_id, ==, i ? extra : NULL);
            g_assert_false(template->tpm);
            switch_off(f, id);
        }
    }
}

static void
refuse(Desk *f, const char *name, const char *system, const char *media_id, const char *firmware,
       int code, const char *text)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(create(f, name, system, media_id, firmware, NULL, &error));
    g_assert_error(error, YD_ERROR, code);
    g_assert_nonnull(strstr(error->message, text));
}

static void
test_refused(Desk *f, gconstpointer data)
{
    g_autofree char *media = medium(f, "a.iso", "A", TRUE), *dead = medium(f, "d", "D", FALSE);
    g_autofree char *swtpm = g_find_program_in_path("swtpm");
    g_autoptr(YdMedia) coming = yd_media_new();
    g_autoptr(GError) error = NULL;
    const YdWorkbenchSpec spec = {.name = "x",
                                  .os_type = "linux",
                                  .media_id = media,
                                  .vcpus = 1,
                                  .memory_mib = 256,
                                  .disk_gib = 1};

    coming->name = g_strdup("coming");
    coming->state = g_strdup("uploading");
    coming->size_bytes = 100000;
    g_assert_true(yd_store_insert(f->store, &yd_media_type, coming, &error));
    refuse(f, "x", "linux", dead, NULL, YD_ERROR_INVALID, "does not boot");
    refuse(f, "x", "linux", coming->id, NULL, YD_ERROR_STATE, "uploading");
    refuse(f, "x", "linux", "med-none", NULL, YD_ERROR_INVALID, "media_id");
    refuse(f, "x", "beos", media, NULL, YD_ERROR_INVALID, "os_type");
    refuse(f, "", "linux", media, NULL, YD_ERROR_INVALID, "name");
    refuse(f, "x", "linux", media, "coreboot", YD_ERROR_INVALID, "firmware");
    refuse(f, "x", "windows-11", media, "bios", YD_ERROR_INVALID, "uefi only");
    if (!swtpm)
        refuse(f, "x", "windows-11", media, NULL, YD_ERROR_UNAVAILABLE, "swtpm");
    g_assert_false(yd_workbench_create(f->service, &f->user, &spec, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_assert_null(template_of(f, "x")); // nothing is left of them
}

static void
test_finish_rules(Desk *f, gconstpointer data)
{
    g_autofree char *media = medium(f, "a.iso", "A", TRUE), *id = NULL, *own = desk_make(f);
    g_autoptr(GError) error = NULL;
    YdJob *job = NULL;

    desk_run(f);
    id = made(f, "fresh", "linux", media);
    g_assert_false(finish(f, &f->admin, id, NULL, FALSE, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "shut its system down"));
    g_clear_error(&error);
    g_assert_false(yd_media_delete(f->service, &f->admin, media, 0, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_assert_nonnull(strstr(error->message, "fresh"));
    g_clear_error(&error);
    switch_off(f, id);
    g_assert_false(finish(f, &f->admin, id, NULL, FALSE, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "never answered"));
    g_clear_error(&error);
    g_assert_false(finish(f, &f->admin, own, NULL, TRUE, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID); // a person's desktop stays theirs
    g_clear_error(&error);
    g_assert_false(finish(f, &f->user, id, NULL, TRUE, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);
    job = yd_desktop_delete(f->service, &f->admin, id, 0, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_assert_null(template_of(f, "fresh"));
    g_assert_false(desk_image(f, id));
    g_assert_true(yd_media_delete(f->service, &f->admin, media, 0, &error));
}

// The reconciler's look: an agent that answers once is enough.
static void
test_agent(Desk *f, gconstpointer data)
{
    g_autofree char *media = medium(f, "a.iso", "A", TRUE), *id = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

    desk_run(f);
    id = made(f, "fresh", "linux", media);
    do {
        g_clear_pointer(&desktop, yd_desktop_free);
        yd_workbench_watch(f->service);
        desktop = desk_get(f, id);
    } while (!desktop->agent_seen && g_get_monotonic_time() < until);
    g_assert_true(desktop->agent_seen);
}

// Waits until the check of the template's version has ended. Takes the template.
static void
desk_checked(Desk *f, YdTemplate *template)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdTemplateVersion) version =
        yd_store_find(f->store, &yd_template_version_type, "template_id", template->id, &error);
    g_assert_no_error(error);
    g_autoptr(YdJob) job = yd_store_find(f->store, &yd_job_type, "object_id", version->id, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(job->kind, ==, "template-check");
    desk_job_ends(f, g_steal_pointer(&job), "done");
    yd_template_free(template);
}

static void
test_finish_killed(Desk *f, gconstpointer data)
{
    static const char *const stops[] = {
        "workbench-finish:machine", "workbench-finish:machine:after",
        "workbench-finish:seal",    "workbench-finish:seal:after",
        "workbench-finish:version", "workbench-finish:version:after",
        "workbench-finish:address", "workbench-finish:address:after",
        "workbench-finish:row",     "workbench-finish:row:after"};
    g_autofree char *media = medium(f, "a.iso", "A", TRUE);

    desk_run(f);
    for (gsize i = 0; i < G_N_ELEMENTS(stops); i++) {
        g_autofree char *name = g_strdup_printf("t%u", (guint)i), *id = NULL, *path = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(YdTemplate) template = NULL;
        g_autoptr(YdTemplateVersion) version = NULL;
        YdJob *job = NULL;
        GStatBuf info;

        id = made(f, name, "linux", media);
        switch_off(f, id);
        yd_jobs_stop_at(f->service, stops[i]);
        g_assert_true(finish(f, &f->admin, id, "first", TRUE, &job, &error));
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        desk_checked(f, template_of(f, name));
        template = template_of(f, name);
        g_assert_cmpint(template->newest, ==, 1);
        g_assert_null(template->workbench_id);
        version =
            yd_store_find(f->store, &yd_template_version_type, "template_id", template->id, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(version->state, ==, "ready");
        g_assert_cmpuint(strlen(version->checksum), ==, 64);
        g_assert_cmpint(version->virtual_bytes, ==, 1 << 30);
        path = yd_storage_path(yd_service_storage(f->service), version->image);
        g_assert_cmpint(g_stat(path, &info), ==, 0);
        g_assert_cmpuint(info.st_mode & 07777, ==, 0444);
        g_assert_null(desk_get(f, id));
        g_assert_false(desk_image(f, id));
    }
}

// Rebuilding takes a template's version; a workbench has none, and its disk is the only one.
static void
test_no_rebuild(Desk *f, gconstpointer data)
{
    g_autofree char *media = medium(f, "a.iso", "A", TRUE);
    g_autoptr(GError) error = NULL;

    desk_run(f);
    g_autofree char *id = made(f, "debian", "linux", media);
    g_assert_null(yd_desktop_rebuild(f->service, &f->admin, id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "workbench"));
    desk_assert_state(f, id, "ready");
}

#define ADD(name, test) g_test_add(name, Desk, NULL, desk_set_up, test, desk_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/workbench/systems", test_systems);
    ADD("/workbench/refused", test_refused);
    ADD("/workbench/finish-rules", test_finish_rules);
    ADD("/workbench/agent", test_agent);
    ADD("/workbench/no-rebuild", test_no_rebuild);
    ADD("/workbench/finish-killed", test_finish_killed);
    return g_test_run();
}
