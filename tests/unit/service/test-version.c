// SPDX-License-Identifier: Apache-2.0
// Versions made from versions: workbenches side by side, publishing with a kill at each step, the
// trial boot, damaged files, flattening under desktops that use the file, deleting what is used.

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "desk-fixture.h"
#include "service/pool.h"
#include "service/settings.h"
#include "service/template-check.h"
#include "service/template-image.h"
#include "service/template.h"
#include "service/workbench.h"

// --- helpers ---

static YdTemplateVersion *
version_get(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdTemplateVersion *version = yd_store_get(f->store, &yd_template_version_type, id, &error);
    g_assert_no_error(error);
    return version;
}

static YdTemplateVersion *
version_number(Desk *f, gint64 number)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(f->store, &yd_template_version_type, &query, NULL);
    for (guint i = 0; i < page->records->len; i++) {
        const YdTemplateVersion *version = page->records->pdata[i];
        if (version->number == number)
            return yd_template_version_copy(version);
    }
    return NULL;
}

static char *
template_id(Desk *f)
{
    g_autoptr(YdTemplateVersion) version = version_get(f, f->version_id);
    return g_strdup(version->template_id);
}

static gboolean
open_on(Desk *f, const char *version_id, YdDesktop **ret_desktop, YdJob **ret_job, GError **error)
{
    g_autofree char *template = template_id(f);
    const YdWorkbenchOpen spec = {
        .template_id = template, .version_id = version_id, .vcpus = 1, .memory_mib = 128};
    return yd_workbench_open(f->service, &f->admin, &spec, ret_desktop, ret_job, error);
}

// A workbench that runs; its id, owned.
static char *
opened(Desk *f, const char *version_id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    YdJob *job = NULL;
    open_on(f, version_id, &desktop, &job, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    desk_assert_state(f, desktop->id, "ready");
    return g_strdup(desktop->id);
}

static void
switch_off(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_power_off(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
}

static char *
image_path(Desk *f, const char *image)
{
    return g_strdup_printf("%s/images/%s", f->directory, image);
}

static gboolean
io(Desk *f, const char *image, const char *command, const char *flags)
{
    g_autofree char *path = image_path(f, image);
    g_autofree char *line = g_strdup_printf("qemu-io %s -f qcow2 -c '%s' %s", flags, command, path);
    g_autofree char *output = NULL;
    int status = -1;
    g_assert_true(g_spawn_command_line_sync(line, &output, NULL, &status, NULL));
    return status == 0 && !strstr(output, "verification failed");
}

// What a person did on the workbench: 64 KiB of that byte at that place (in units of 64 KiB).
static void
change(Desk *f, const char *id, guint byte, guint place)
{
    g_autofree char *image = g_strdup_printf("%s.qcow2", id);
    g_autofree char *command = g_strdup_printf("write -q -P %u %uk 64k", byte, 64 * place);
    g_assert_true(io(f, image, command, ""));
}

static gboolean
has_change(Desk *f, const char *image, guint byte, guint place)
{
    g_autofree char *command = g_strdup_printf("read -P %u %uk 64k", byte, 64 * place);
    return io(f, image, command, "-r -U");
}

static YdJob *
publish(Desk *f, const char *id, const char *notes, gboolean shutdown)
{
    g_autoptr(GError) error = NULL;
    const YdWorkbenchPublish how = {.notes = notes, .shutdown = shutdown};
    YdJob *job = NULL;
    yd_workbench_finish(f->service, &f->admin, id, &how, &job, &error);
    g_assert_no_error(error);
    return job;
}

static void
version_ends(Desk *f, gint64 number, const char *state)
{
    g_autoptr(YdTemplateVersion) version = NULL;
    gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    do {
        g_clear_pointer(&version, yd_template_version_free);
        g_usleep(2000);
        version = version_number(f, number);
    } while ((!version || strcmp(version->state, "checking") == 0 ||
              strcmp(version->state, "importing") == 0) &&
             g_get_monotonic_time() < until);
    g_assert_nonnull(version);
    if (strcmp(version->state, state) != 0)
        g_test_message("version %d: %s", (int)number, version->error);
    g_assert_cmpstr(version->state, ==, state);
}

// The next version, published and ready; its id, owned.
static char *
next_version(Desk *f, guint byte, guint place)
{
    g_autofree char *bench = opened(f, NULL);
    g_autoptr(YdTemplateVersion) version = NULL;
    YdJob *job = NULL;
    switch_off(f, bench);
    change(f, bench, byte, place);
    job = publish(f, bench, NULL, FALSE);
    json_auto_t *args = json_loads(job->args, 0, NULL);
    g_autofree char *id = g_strdup(json_string_value(json_object_get(args, "version_id")));
    desk_job_ends(f, job, "done");
    version = version_get(f, id);
    version_ends(f, version->number, "ready");
    return g_steal_pointer(&id);
}

// Waits for jobs of that kind to end.
static void
kind_ends(Desk *f, const char *kind, const char *state)
{
    g_autoptr(GPtrArray) jobs = yd_store_all(f->store, &yd_job_type, "kind", kind, NULL);
    g_assert_cmpuint(jobs->len, >, 0);
    desk_job_ends(f, yd_job_copy(jobs->pdata[jobs->len - 1]), state);
}

static void
assert_no_desktop_like(Desk *f, const char *name)
{
    gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    gboolean there = TRUE;
    while (there && g_get_monotonic_time() < until) {
        const YdQuery query = {.search = name};
        g_autoptr(YdPage) page = yd_store_list(f->store, &yd_desktop_type, &query, NULL);
        there = page->records->len > 0;
        g_usleep(there ? 5000 : 0);
    }
    g_assert_false(there);
}

// --- workbenches ---

static void
test_side_by_side(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *template = template_id(f);
    g_autoptr(YdTemplateVersion) failed = yd_template_version_new();

    desk_run(f);
    g_autofree char *one = opened(f, NULL), *two = opened(f, f->version_id);
    g_autoptr(YdDesktop) first = desk_get(f, one), second = desk_get(f, two);
    g_autoptr(YdTemplate) record = yd_store_get(f->store, &yd_template_type, template, &error);
    g_assert_cmpint(record->workbenches, ==, 2);
    g_assert_cmpint(record->desktops, ==, 0);
    g_assert_cmpstr(first->name, !=, second->name);
    g_assert_cmpint(first->template_number, ==, 1);
    g_assert_cmpstr(first->template_id, ==, template);
    switch_off(f, one);
    switch_off(f, two);
    change(f, one, 1, 0);
    change(f, two, 2, 0);
    g_assert_true(has_change(f, first->image, 1, 0));
    g_assert_true(has_change(f, second->image, 2, 0));
    g_assert_true(has_change(f, "tplv-test.qcow2", 0, 0));
    g_assert_false(yd_template_delete(f->service, &f->admin, template, 0, &error));
    g_clear_error(&error);

    failed->template_id = g_strdup(template);
    failed->number = 7;
    failed->state = g_strdup("failed"); // an import that broke off: nothing to work on
    g_assert_true(yd_store_insert(f->store, &yd_template_version_type, failed, &error));
    g_assert_false(open_on(f, failed->id, NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    g_assert_nonnull(strstr(error->message, "without a disk"));
    g_clear_error(&error);
    g_assert_false(open_on(f, "tpv-none", NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_INVALID);
    g_clear_error(&error);
    const YdWorkbenchOpen spec = {.template_id = template};
    g_assert_false(yd_workbench_open(f->service, &f->user, &spec, NULL, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_FORBIDDEN);
    g_clear_error(&error);

    // Discarded: the other and the template stay.
    YdJob *job = yd_desktop_delete(f->service, &f->admin, one, 0, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    g_assert_false(desk_image(f, one));
    g_assert_true(desk_image(f, two));
    g_autoptr(YdTemplate) after = yd_store_get(f->store, &yd_template_type, template, &error);
    g_assert_cmpint(after->workbenches, ==, 1);
}

// --- publishing ---

static void
assert_published(Desk *f, guint number, guint byte)
{
    g_autoptr(YdTemplateVersion) version = version_number(f, number);
    g_autoptr(YdSealedImage) row = yd_store_sealed_image(f->store, version->image, NULL);
    g_autofree char *path = image_path(f, version->image);
    GStatBuf info;
    g_assert_cmpstr(version->parent_id, ==, f->version_id);
    g_assert_cmpint(version->parent_number, ==, 1);
    g_assert_cmpstr(version->author, ==, "system");
    g_assert_cmpint(version->depth, ==, 2);
    g_assert_cmpuint(strlen(version->checksum), ==, 64);
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    g_assert_cmpuint(info.st_mode & 07777, ==, 0444);
    g_assert_cmpstr(row->base, ==, "tplv-test.qcow2");
    g_assert_cmpstr(row->checksum, ==, version->checksum);
    g_assert_true(has_change(f, version->image, byte, 3));
    g_assert_true(has_change(f, "tplv-test.qcow2", 0, 3)); // the base is as it was
}

static void
test_publish_killed(Desk *f, gconstpointer data)
{
    static const char *const stops[] = {
        "workbench-finish:ask:after",     "workbench-finish:off",
        "workbench-finish:machine",       "workbench-finish:seal",
        "workbench-finish:seal:after",    "workbench-finish:version",
        "workbench-finish:version:after", "workbench-finish:address",
        "workbench-finish:row:after",     "template-check:checksum:after",
        "template-check:trial",           "template-check:trial:after",
        "template-check:boot:after",      "template-check:clean:after",
        "template-check:ready",           "template-check:ready:after"};
    desk_run(f);
    for (gsize i = 0; i < G_N_ELEMENTS(stops); i++) {
        g_autofree char *id = opened(f, f->version_id);
        g_test_message("%s", stops[i]);
        change(f, id, 65 + (guint)i, 3); // the fake machine does not hold it open
        yd_jobs_stop_at(f->service, stops[i]);
        YdJob *job = publish(f, id, "notes", TRUE);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        version_ends(f, 2 + (gint64)i, "ready");
        assert_published(f, 2 + (guint)i, 65 + (guint)i);
        g_assert_null(desk_get(f, id));
        g_assert_false(desk_image(f, id));
        assert_no_desktop_like(f, "trial");
    }
}

static void
test_two_at_once(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    const YdWorkbenchPublish how = {0};
    desk_run(f);
    g_autofree char *one = opened(f, NULL), *two = opened(f, NULL);
    g_assert_false(yd_workbench_finish(f->service, &f->admin, one, &how, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE); // it runs
    g_clear_error(&error);
    switch_off(f, one);
    switch_off(f, two);
    change(f, one, 11, 3);
    change(f, two, 22, 3);
    YdJob *first = publish(f, one, NULL, FALSE);
    YdJob *second = publish(f, two, NULL, FALSE);
    // The same one twice: refused, or gone already; never a second version of it.
    g_assert_false(yd_workbench_finish(f->service, &f->admin, one, &how, NULL, &error));
    g_assert_nonnull(error);
    g_clear_error(&error);
    desk_job_ends(f, first, "done");
    desk_job_ends(f, second, "done");
    version_ends(f, 2, "ready");
    version_ends(f, 3, "ready");
    assert_published(f, 2, 11);
    assert_published(f, 3, 22);
    g_assert_null(version_number(f, 4));
}

static void
test_trial_fails(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdTemplateVersion) failed = NULL, repaired = NULL;
    desk_run(f);
    g_autofree char *id = opened(f, NULL);
    switch_off(f, id);
    change(f, id, 33, 3);
    yd_fake_exec_answer(desk_hv(f), 1, "no such thing");
    desk_job_ends(f, publish(f, id, NULL, FALSE), "done");
    version_ends(f, 2, "failed");
    failed = version_number(f, 2);
    g_assert_nonnull(strstr(failed->error, "the trial boot failed"));
    g_assert_nonnull(strstr(failed->error, "no such thing"));
    assert_no_desktop_like(f, "trial");
    // The change is not lost: a workbench on it, a version of that.
    yd_fake_exec_answer(desk_hv(f), 0, "");
    g_autofree char *again = opened(f, failed->id);
    switch_off(f, again);
    change(f, again, 44, 4);
    desk_job_ends(f, publish(f, again, NULL, FALSE), "done");
    version_ends(f, 3, "ready");
    repaired = version_number(f, 3);
    g_assert_cmpint(repaired->depth, ==, 3);
    g_assert_true(has_change(f, repaired->image, 33, 3));
    g_assert_true(has_change(f, repaired->image, 44, 4));
    // Or it is only checked again.
    YdJob *job = yd_template_version_check(f->service, &f->admin, failed->id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    version_ends(f, 2, "ready");
    g_assert_null(yd_template_version_check(f->service, &f->admin, failed->id, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
}

// --- damage ---

static void
start_refused(Desk *f, const char *id, const char *text)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_start(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "failed");
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_assert_cmpstr(desktop->state, ==, "off");
    if (!strstr(desktop->error, text))
        g_test_message("%s", desktop->error);
    g_assert_nonnull(strstr(desktop->error, text));
}

static void
start_works(Desk *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_desktop_start(f->service, &f->admin, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    switch_off(f, id);
}

static void
verify(Desk *f, const char *version_id, const char *state)
{
    g_autoptr(GError) error = NULL;
    YdJob *job = yd_template_version_verify(f->service, &f->admin, version_id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, state);
}

static void
shell(Desk *f, const char *command)
{
    g_autofree char *line = g_strdup_printf("sh -euc 'cd %s/images; %s'", f->directory, command);
    int status = -1;
    g_assert_true(g_spawn_command_line_sync(line, NULL, NULL, &status, NULL));
    g_assert_cmpint(status, ==, 0);
}

static void
test_damage(Desk *f, gconstpointer data)
{
    static const struct {
        const char *harm, *repair, *text;
        gboolean heals; // by itself, when the file is back
    } cases[] = {{"mv tplv-test.qcow2 away", "mv away tplv-test.qcow2", "is missing", TRUE},
                 {"cp -p tplv-test.qcow2 copy; chmod u+w tplv-test.qcow2; echo >>tplv-test.qcow2",
                  "mv copy tplv-test.qcow2", "bytes, it was sealed with", FALSE},
                 {"touch -d 2020-01-01 tplv-test.qcow2", ":", "was written at 2020-01-01", FALSE},
                 {"cp -p tplv-test.qcow2 copy; chmod u+w tplv-test.qcow2; "
                  "printf x | dd of=tplv-test.qcow2 bs=1 seek=5000 conv=notrunc status=none; "
                  "touch -r copy tplv-test.qcow2",
                  "mv copy tplv-test.qcow2", "the begin of its file", FALSE}};
    g_autofree char *id = desk_make(f);
    verify(f, f->version_id, "done"); // its checksum is known from now on
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        start_works(f, id);
        shell(f, cases[i].harm);
        start_refused(f, id, cases[i].text);
        start_refused(f, id, "version 1 of “Small” is damaged");
        g_autoptr(YdTemplateVersion) seen = version_get(f, f->version_id);
        g_assert_true(cases[i].heals == !seen->damage);
        shell(f, cases[i].repair);
        if (!cases[i].heals) {
            start_refused(f, id, "is damaged"); // until somebody has read all of it
            verify(f, f->version_id, "done");
        }
        g_autoptr(YdTemplateVersion) after = version_get(f, f->version_id);
        g_assert_null(after->damage);
    }
    // Where nobody looks at each start, reading all of it finds it.
    shell(f, "cp -p tplv-test.qcow2 copy; chmod u+w tplv-test.qcow2; "
             "printf x | dd of=tplv-test.qcow2 bs=1 seek=100000 conv=notrunc status=none; "
             "touch -r copy tplv-test.qcow2");
    start_works(f, id);
    verify(f, f->version_id, "failed");
    start_refused(f, id, "another checksum");
}

static void
test_others_unharmed(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make(f);
    g_autofree char *second = next_version(f, 1, 1);
    g_autoptr(YdTemplateVersion) version = version_get(f, second);
    g_autofree char *harm = g_strdup_printf("touch -d 2020-01-01 %s", version->image);
    g_autofree char *bench = opened(f, second);
    switch_off(f, bench);
    shell(f, harm);
    start_refused(f, bench, "version 2 of “Small” is damaged");
    start_works(f, id); // on version 1
}

// --- who uses it ---

static void
test_delete(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *id = desk_make(f);
    g_autofree char *bench = opened(f, NULL);
    g_autoptr(YdDesktop) desktop = desk_get(f, id), workbench = desk_get(f, bench);
    g_assert_false(
        yd_template_version_delete(f->service, &f->admin, f->version_id, 0, NULL, &error));
    g_assert_error(error, YD_ERROR, YD_ERROR_IN_USE);
    g_assert_nonnull(strstr(error->message, "pool “Office”"));
    g_assert_nonnull(strstr(error->message, desktop->name));
    g_assert_nonnull(strstr(error->message, workbench->name));
    g_clear_error(&error);
    switch_off(f, bench);
    YdJob *job = yd_desktop_delete(f->service, &f->admin, bench, 0, &error);
    desk_job_ends(f, job, "done");

    // A version that another is built on goes; its file stays until nothing is built on it.
    g_autofree char *second = next_version(f, 5, 5), *third = next_version(f, 6, 6);
    g_autoptr(YdTemplateVersion) middle = version_get(f, second);
    g_autofree char *path = image_path(f, middle->image);
    g_assert_true(yd_template_version_delete(f->service, &f->admin, second, 0, &job, &error));
    desk_job_ends(f, job, "done");
    g_assert_null(version_number(f, 2));
    g_autoptr(YdTemplateVersion) last = version_get(f, third);
    g_assert_null(last->parent_id);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    yd_template_image_tidy(f->service, yd_now_ms() + 3600 * 1000);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_autofree char *on_third = opened(f, third); // and is still good to build on
    switch_off(f, on_third);
    job = yd_desktop_delete(f->service, &f->admin, on_third, 0, &error);
    desk_job_ends(f, job, "done");
    g_assert_true(yd_template_version_delete(f->service, &f->admin, third, 0, &job, &error));
    desk_job_ends(f, job, "done");
    yd_template_image_tidy(f->service, yd_now_ms() + 3600 * 1000);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

// --- flattening ---

static void
give_pool(Desk *f, const char *version_id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdPool) pool = yd_store_get(f->store, &yd_pool_type, f->pool_id, &error);
    yd_set_string(&pool->template_version_id, version_id);
    yd_pool_update(f->service, &f->admin, pool, 0, &error);
    g_assert_no_error(error);
}

static void
test_flatten_killed(Desk *f, gconstpointer data)
{
    static const char *const stops[] = {"template-flatten:space", "template-flatten:convert",
                                        "template-flatten:convert:after", "template-flatten:switch",
                                        "template-flatten:switch:after"};
    desk_run(f);
    for (gsize i = 0; i < G_N_ELEMENTS(stops); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *id = next_version(f, 70 + (guint)i, 7);
        g_autoptr(YdTemplateVersion) before = version_get(f, id);
        g_test_message("%s", stops[i]);
        g_assert_cmpint(before->depth, ==, 2);
        yd_jobs_stop_at(f->service, stops[i]);
        YdJob *job = yd_template_version_flatten(f->service, &f->admin, id, &error);
        g_assert_no_error(error);
        desk_abandoned(f);
        desk_reopen(f);
        desk_run(f);
        desk_job_ends(f, job, "done");
        g_autoptr(YdTemplateVersion) after = version_get(f, id);
        g_autoptr(YdSealedImage) row = yd_store_sealed_image(f->store, after->image, NULL);
        g_assert_cmpint(after->depth, ==, 1);
        g_assert_cmpstr(after->image, !=, before->image);
        g_assert_null(row->base);
        g_assert_cmpstr(row->checksum, ==, after->checksum);
        g_assert_true(has_change(f, after->image, 70 + (guint)i, 7));
        g_assert_null(yd_template_version_flatten(f->service, &f->admin, id, &error));
        g_assert_error(error, YD_ERROR, YD_ERROR_STATE);
    }
}

// The file under a disk stays, also for further starts; a rebuild moves to the new one.
static void
test_flatten_under_desktops(Desk *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    json_auto_t *changes = json_pack("{s:i}", "template_chain_max", 2);
    desk_run(f);
    g_autofree char *second = next_version(f, 8, 8);
    give_pool(f, second);
    g_autofree char *id = desk_make_ready(f); // on version 2: a chain of three
    g_autofree char *bench = opened(f, second);
    g_autoptr(YdTemplateVersion) before = version_get(f, second);
    g_autofree char *old = image_path(f, before->image);

    YdJob *job = yd_template_version_flatten(f->service, &f->admin, second, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    desk_assert_state(f, id, "ready");
    yd_template_image_tidy(f->service, yd_now_ms() + 3600 * 1000);
    g_assert_true(g_file_test(old, G_FILE_TEST_EXISTS));
    switch_off(f, id);
    start_works(f, id);

    // A workbench that was opened before is published all the same, on the file that it has.
    switch_off(f, bench);
    change(f, bench, 9, 9);
    desk_job_ends(f, publish(f, bench, NULL, FALSE), "done");
    version_ends(f, 3, "ready");
    g_autoptr(YdTemplateVersion) third = version_number(f, 3);
    g_assert_cmpint(third->depth, ==, 3);
    g_assert_true(has_change(f, third->image, 8, 8));
    g_assert_true(has_change(f, third->image, 9, 9));

    job = yd_desktop_rebuild(f->service, &f->user, id, &error);
    g_assert_no_error(error);
    desk_job_ends(f, job, "done");
    start_works(f, id);
    // Deeper than allowed: flattened by itself. Then nothing is built on the old file.
    g_assert_true(yd_settings_set(f->service, &f->admin, changes, &error));
    g_autofree char *fourth = next_version(f, 10, 10);
    kind_ends(f, "template-flatten", "done");
    g_autoptr(YdTemplateVersion) flat = version_get(f, fourth);
    g_assert_cmpint(flat->depth, ==, 1);
    for (guint place = 8; place <= 10; place++)
        g_assert_true(has_change(f, flat->image, place, place));
    g_assert_true(yd_template_version_delete(f->service, &f->admin, third->id, 0, &job, &error));
    desk_job_ends(f, job, "done");
    yd_template_image_tidy(f->service, yd_now_ms() + 3600 * 1000);
    g_assert_false(g_file_test(old, G_FILE_TEST_EXISTS));
    start_works(f, id);
}

// --- reading again, disk use ---

static void
test_scrub(Desk *f, gconstpointer data)
{
    g_autofree char *id = desk_make(f);
    yd_template_image_tidy(f->service, yd_now_ms()); // never read: due at once
    kind_ends(f, "template-verify", "done");
    g_autoptr(YdTemplateVersion) version = version_get(f, f->version_id);
    g_autoptr(YdDesktop) desktop = desk_get(f, id);
    g_autoptr(GPtrArray) jobs = NULL;
    g_assert_cmpint(version->checked, >, 0);
    g_assert_cmpint(version->disk_bytes, >, 0);
    g_assert_cmpint(version->desktops_bytes, ==, desktop->disk_bytes);
    g_assert_cmpint(desktop->disk_bytes, >, 0);
    yd_template_image_tidy(f->service, yd_now_ms());
    jobs = yd_store_all(f->store, &yd_job_type, "kind", "template-verify", NULL);
    g_assert_cmpuint(jobs->len, ==, 1); // not due again
}

#define ADD(name, test) g_test_add(name, Desk, NULL, desk_set_up, test, desk_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/version/side-by-side", test_side_by_side);
    ADD("/version/publish-killed", test_publish_killed);
    ADD("/version/two-at-once", test_two_at_once);
    ADD("/version/trial-fails", test_trial_fails);
    ADD("/version/damage", test_damage);
    ADD("/version/others-unharmed", test_others_unharmed);
    ADD("/version/delete", test_delete);
    ADD("/version/flatten-killed", test_flatten_killed);
    ADD("/version/flatten-under-desktops", test_flatten_under_desktops);
    ADD("/version/scrub", test_scrub);
    return g_test_run();
}
