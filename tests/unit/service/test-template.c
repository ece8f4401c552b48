// SPDX-License-Identifier: Apache-2.0
// Templates: importing versions with a real qemu-img, what may not be imported, uploads, removing.

#include "people-fixture.h"
#include "service/jobs.h"
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *
template_new(Fixture *f, const char *name)
{
    g_autoptr(YdTemplate) record = yd_template_new();
    g_autoptr(GError) error = NULL;

    record->name = g_strdup(name);
    yd_template_create(f->service, &f->system, record, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(record->os, ==, "linux");
    g_assert_cmpstr(record->firmware, ==, "bios");
    g_assert_cmpstr(record->access, ==, "rdp");
    return g_strdup(record->id);
}

static void
qemu_img(const char *const *words)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    g_autoptr(GError) error = NULL;
    int status;

    g_ptr_array_add(argv, (gpointer) "qemu-img");
    for (; *words; words++)
        g_ptr_array_add(argv, (gpointer)*words);
    g_ptr_array_add(argv, NULL);
    g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
                 NULL, NULL, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_cmpint(status, ==, 0);
}

// Path of a new image below the import directory; owned.
static char *
image_new(Fixture *f, const char *name, const char *size)
{
    char *path = g_build_filename(f->directory, "import", name, NULL);
    const char *const words[] = {"create", "-f", "qcow2", path, size, NULL};

    qemu_img(words);
    return path;
}

static YdTemplateVersion *
load(Fixture *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdTemplateVersion *version = yd_store_get(f->store, &yd_template_version_type, id, &error);

    g_assert_no_error(error);
    return version;
}

static YdTemplateVersion *
import(Fixture *f, const char *template_id, const char *source, YdJob **ret_job)
{
    YdTemplateVersion *version = NULL;
    g_autoptr(GError) error = NULL;

    yd_template_import(f->service, &f->system, template_id, source, "first", &version, ret_job,
                       &error);
    g_assert_no_error(error);
    g_assert_cmpstr(version->state, ==, "importing");
    return version;
}

static char *
wait_for(Fixture *f, const YdJob *job)
{
    g_autoptr(YdJob) ended = NULL;
    g_autoptr(GError) error = NULL;

    yd_job_wait(f->service, job->id, 60000, &ended, &error);
    g_assert_no_error(error);
    return g_strdup(ended->state);
}

static guint
count_images(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) names = yd_storage_list(yd_service_storage(f->service), &error);

    g_assert_no_error(error);
    return names->len;
}

static void
test_life(Fixture *f, gconstpointer data)
{
    g_autofree char *id = template_new(f, "debian");
    g_autofree char *path = image_new(f, "a.qcow2", "64M");
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdJob) take = NULL;
    g_autoptr(YdTemplateVersion) version = import(f, id, path, &job);
    g_autoptr(YdTemplateVersion) after = NULL;
    g_autofree char *state = NULL, *taken = NULL, *image = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_cmpint(version->number, ==, 1);
    g_assert_false(
        yd_template_version_delete(f->service, &f->system, version->id, 0, &take, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "cancel the job");
    g_assert_true(yd_jobs_start(f->service, &error));
    state = wait_for(f, job);
    g_assert_cmpstr(state, ==, "done");
    after = load(f, version->id);
    g_assert_cmpstr(after->state, ==, "ready");
    g_assert_cmpstr(after->format, ==, "qcow2");
    g_assert_cmpint(after->virtual_bytes, ==, 64 << 20);
    g_assert_cmpint(after->size_bytes, >, 0);
    g_assert_cmpuint(strlen(after->checksum), ==, 64);
    g_assert_cmpuint(count_images(f), ==, 1);
    image = yd_storage_path(yd_service_storage(f->service), after->image);
    g_assert_true(g_file_test(image, G_FILE_TEST_IS_REGULAR));

    g_assert_false(yd_template_delete(f->service, &f->system, id, 0, &error));
    fixture_assert_error(error, YD_ERROR_IN_USE, "1 version(s)");
    yd_set_string(&after->notes, "other notes");
    yd_set_string(&after->image, "../../etc/passwd");
    g_assert_true(yd_template_version_update(f->service, &f->system, after, 0, &error));
    g_assert_true(
        yd_template_version_delete(f->service, &f->system, version->id, 0, &take, &error));
    taken = wait_for(f, take);
    g_assert_cmpstr(taken, ==, "done");
    g_assert_cmpuint(count_images(f), ==, 0);
    g_assert_true(yd_template_delete(f->service, &f->system, id, 0, &error));
    g_assert_cmpuint(fixture_audits(f, "template.import", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "template.version.delete", "ok"), ==, 1);
}

static void
test_bad_fields(Fixture *f, gconstpointer data)
{
    G_GNUC_UNUSED g_autofree char *id = template_new(f, "debian");
    g_autofree char *big = g_strnfill(4096, 'a');
    g_autoptr(GError) error = NULL;
    const struct {
        const char *field, *value;
        int code;
    } bad[] = {
        {"name", NULL, YD_ERROR_INVALID},      {"name", "a\u202eb", YD_ERROR_INVALID},
        {"name", big, YD_ERROR_INVALID},       {"name", "a\nb", YD_ERROR_INVALID},
        {"name", "debian", YD_ERROR_EXISTS},   {"description", big, YD_ERROR_INVALID},
        {"os", "dos", YD_ERROR_INVALID},       {"os", big, YD_ERROR_INVALID},
        {"firmware", "efi", YD_ERROR_INVALID}, {"access", "vnc", YD_ERROR_INVALID},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(YdTemplate) record = yd_template_new();
        record->name = g_strdup("good");
        yd_record_set_text(record, yd_record_field(&yd_template_type, bad[i].field), bad[i].value);
        g_assert_false(yd_template_create(f->service, &f->system, record, &error));
        fixture_assert_error(error, (int)bad[i].code, bad[i].field);
    }
}

static void
test_bad_sources(Fixture *f, gconstpointer data)
{
    g_autofree char *id = template_new(f, "debian");
    g_autofree char *big = g_strnfill(5000, '/');
    g_autofree char *folder = g_build_filename(f->directory, "import", "folder", NULL);
    g_autofree char *link = g_build_filename(f->directory, "import", "link", NULL);
    g_autofree char *dots = g_build_filename(f->directory, "import", "..", "yundesk.db", NULL);
    g_autofree char *fifo = g_build_filename(f->directory, "import", "fifo", NULL);
    g_autofree char *beside = g_strconcat(f->directory, "/import-not", NULL);
    g_autofree char *none = g_build_filename(f->directory, "import", "none", NULL);
    g_autoptr(GError) error = NULL;
    const struct {
        const char *source;
        int code;
    } bad[] = {
        {NULL, YD_ERROR_INVALID},         {"", YD_ERROR_INVALID},
        {"relative", YD_ERROR_INVALID},   {"/etc/passwd", YD_ERROR_INVALID},
        {big, YD_ERROR_INVALID},          {"/\xff", YD_ERROR_INVALID},
        {folder, YD_ERROR_INVALID},       {fifo, YD_ERROR_INVALID},
        {link, YD_ERROR_INVALID},         {dots, YD_ERROR_INVALID},
        {beside, YD_ERROR_INVALID},       {none, YD_ERROR_NOT_FOUND},
        {"upl-none", YD_ERROR_NOT_FOUND}, {"upl-../../yundesk.db", YD_ERROR_NOT_FOUND},
        {"upl-\x01", YD_ERROR_NOT_FOUND},
    };

    g_assert_cmpint(g_mkdir(folder, 0700), ==, 0);
    g_assert_cmpint(symlink("/etc/passwd", link), ==, 0);
    g_assert_cmpint(mkfifo(fifo, 0600), ==, 0);
    g_assert_true(g_file_set_contents(beside, "x", 1, NULL));
    for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(yd_template_import(f->service, &f->system, id, bad[i].source, NULL, NULL,
                                          NULL, &error));
        fixture_assert_error(error, (int)bad[i].code, "");
    }
    g_assert_false(
        yd_template_import(f->service, &f->system, "tpl-x", "/x", NULL, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, "tpl-x");
}

static void
assert_failed(Fixture *f, const char *id, const char *message)
{
    g_autoptr(YdTemplateVersion) after = load(f, id);

    g_assert_cmpstr(after->state, ==, "failed");
    g_assert_null(after->image);
    if (!strstr(after->error, message))
        g_error("“%s” does not have “%s”", after->error, message);
}

// Not an image, an image with a backing file, cut off: a row that says why, and no file.
static void
test_bad_images(Fixture *f, gconstpointer data)
{
    g_autofree char *id = template_new(f, "debian");
    g_autofree char *base = image_new(f, "base.qcow2", "8M");
    g_autofree char *child = g_build_filename(f->directory, "import", "child.qcow2", NULL);
    g_autofree char *cut = image_new(f, "cut.qcow2", "8M");
    g_autofree char *empty = g_build_filename(f->directory, "import", "empty", NULL);
    const char *const words[] = {"create", "-f", "qcow2", "-b", base, "-F", "qcow2", child, NULL};
    const char *const paths[] = {child, cut, empty};
    const char *const messages[] = {"back", "", ""};
    g_autoptr(GError) error = NULL;

    qemu_img(words);
    g_assert_cmpint(truncate(cut, 40), ==, 0);
    g_assert_true(g_file_set_contents(empty, "", 0, NULL));
    g_assert_true(yd_jobs_start(f->service, &error));
    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(YdJob) job = NULL;
        g_autoptr(YdJob) take = NULL;
        g_autoptr(YdTemplateVersion) version = import(f, id, paths[i], &job);
        g_autofree char *state = wait_for(f, job);
        g_autofree char *taken = NULL;
        g_assert_cmpint(version->number, ==, 1);
        g_assert_cmpstr(state, ==, "failed");
        assert_failed(f, version->id, messages[i]);
        g_assert_cmpuint(count_images(f), ==, 0);
        g_assert_true(
            yd_template_version_delete(f->service, &f->system, version->id, 0, &take, &error));
        taken = wait_for(f, take);
        g_assert_cmpstr(taken, ==, "done");
    }
}

static void
test_cancel(Fixture *f, gconstpointer data)
{
    g_autofree char *id = template_new(f, "debian");
    g_autofree char *path = image_new(f, "a.qcow2", "8M");
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdTemplateVersion) version = import(f, id, path, &job);
    g_autofree char *state = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(yd_job_cancel(f->service, &f->system, job->id, &error)); // still queued
    assert_failed(f, version->id, "cancelled");
    state = wait_for(f, job);
    g_assert_cmpstr(state, ==, "cancelled");
    g_assert_cmpuint(count_images(f), ==, 0);
}

// Cancelled while it copies: stopped after the copy and before it is told, so that there is a file.
static void
test_cancel_copied(Fixture *f, gconstpointer data)
{
    g_autofree char *id = template_new(f, "debian");
    g_autofree char *path = image_new(f, "a.qcow2", "8M");
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdTemplateVersion) version = import(f, id, path, &job);
    g_autofree char *state = NULL;
    g_autoptr(GError) error = NULL;

    yd_jobs_stop_at(f->service, "template-import:copy:after");
    g_assert_true(yd_jobs_start(f->service, &error));
    for (int n = 0; n < 6000 && !yd_jobs_stopped(f->service); n++)
        g_usleep(10000);
    g_assert_true(yd_jobs_stopped(f->service));
    yd_jobs_stop(f->service);
    yd_jobs_stop_at(f->service, NULL);
    g_assert_cmpuint(count_images(f), ==, 1);
    g_assert_true(yd_job_cancel(f->service, &f->system, job->id, &error));
    g_assert_true(yd_jobs_start(f->service, &error));
    state = wait_for(f, job);
    g_assert_cmpstr(state, ==, "cancelled");
    assert_failed(f, version->id, "cancelled");
    g_assert_cmpuint(count_images(f), ==, 0);
}

static void
test_killed(Fixture *f, gconstpointer data)
{
    static const char *const places[] = {
        "template-import:inspect:before", "template-import:inspect:after",
        "template-import:copy:before",    "template-import:copy:after",
        "template-import:seal:before",    "template-import:seal:after",
    };
    g_autofree char *id = template_new(f, "debian");
    g_autofree char *path = image_new(f, "a.qcow2", "8M");

    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        g_autoptr(YdJob) job = NULL;
        g_autoptr(YdTemplateVersion) version = import(f, id, path, &job);
        g_autoptr(YdTemplateVersion) after = NULL;
        g_autofree char *state = NULL;
        g_autoptr(GError) error = NULL;

        yd_jobs_stop_at(f->service, places[i]);
        g_assert_true(yd_jobs_start(f->service, &error));
        for (int n = 0; n < 6000 && !yd_jobs_stopped(f->service); n++)
            g_usleep(10000);
        g_assert_true(yd_jobs_stopped(f->service));
        yd_jobs_stop(f->service);
        yd_jobs_stop_at(f->service, NULL);
        g_assert_true(yd_jobs_start(f->service, &error));
        state = wait_for(f, job);
        g_assert_cmpstr(state, ==, "done");
        after = load(f, version->id);
        g_assert_cmpstr(after->state, ==, "ready");
        g_assert_cmpint(after->number, ==, i + 1);
        g_assert_cmpuint(strlen(after->checksum), ==, 64);
        g_assert_cmpuint(count_images(f), ==, i + 1);
        yd_jobs_stop(f->service);
    }
}

static void
test_used(Fixture *f, gconstpointer data)
{
    g_autofree char *pool = fixture_pool(f, "office");
    g_autoptr(YdPool) record = yd_store_get(f->store, &yd_pool_type, pool, NULL);
    g_autofree char *li = fixture_user(f, "li", "manager");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, li);
    g_autoptr(YdTemplate) template = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autoptr(GError) error = NULL;

    g_free(fixture_desktop(f, pool, li, "d"));
    g_assert_false(yd_template_version_delete(f->service, &f->system, record->template_version_id,
                                              0, &job, &error));
    fixture_assert_error(error, YD_ERROR_IN_USE, "used by pool “office”; desktop “d”");
    g_assert_false(yd_template_version_delete(f->service, &actor->actor,
                                              record->template_version_id, 0, &job, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "templates.write");
    template = yd_store_get(f->store, &yd_template_type, record->template_id, &error);
    yd_set_string(&template->os, "windows");
    g_assert_false(yd_template_update(f->service, &f->system, template, 0, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "os: ");
}

static void
test_uploads(Fixture *f, gconstpointer data)
{
    g_autofree char *id = template_new(f, "debian");
    g_autofree char *source = image_new(f, "a.qcow2", "8M");
    g_autofree char *li = fixture_user(f, "li", "manager");
    g_autoptr(YdActorOwned) actor = fixture_actor(f, li);
    g_autofree char *token = NULL, *path = NULL, *whole = NULL, *bytes = NULL, *state = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdTemplateVersion) version = NULL;
    g_autoptr(GError) error = NULL;
    gsize length;

    g_assert_false(yd_upload_begin(f->service, &actor->actor, 10, &token, &path, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "templates.write");
    g_assert_false(yd_upload_begin(f->service, &f->system, 0, &token, &path, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "Content-Length");
    g_assert_false(
        yd_upload_begin(f->service, &f->system, ((gint64)64 << 30) + 1, &token, &path, &error));
    fixture_assert_error(error, YD_ERROR_TOO_LARGE, "max_upload");
    g_assert_true(g_file_get_contents(source, &bytes, &length, &error));
    g_assert_true(yd_upload_begin(f->service, &f->system, (gint64)length, &token, &path, &error));
    g_assert_false(yd_upload_done(f->service, &f->system, token, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, token);
    g_assert_false(yd_upload_done(f->service, &f->system, "upl-../x", &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "token");
    g_assert_true(g_file_set_contents(path, bytes, (gssize)length, &error));
    g_assert_false(yd_template_import(f->service, &f->system, id, token, NULL, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_NOT_FOUND, "finished");
    g_assert_true(yd_upload_done(f->service, &f->system, token, &error));
    version = import(f, id, token, &job);
    g_assert_true(yd_jobs_start(f->service, &error));
    state = wait_for(f, job);
    g_assert_cmpstr(state, ==, "done");
    whole = g_strdup(path);
    memcpy(strstr(whole, ".part"), ".img", 5);
    g_assert_false(g_file_test(whole, G_FILE_TEST_EXISTS)); // the job took it away
}

static void
test_upload_limits(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *last = NULL;

    for (int i = 0; i < 20; i++) {
        g_autofree char *token = NULL, *path = NULL;
        g_assert_true(yd_upload_begin(f->service, &f->system, 10, &token, &path, &error));
        g_assert_true(g_file_set_contents(path, "x", 1, &error));
        g_free(last);
        last = g_steal_pointer(&token);
    }
    g_autofree char *token = NULL, *path = NULL;
    g_assert_false(yd_upload_begin(f->service, &f->system, 10, &token, &path, &error));
    fixture_assert_error(error, YD_ERROR_LIMIT, "20 uploads");
    yd_upload_drop(f->service, last);
    yd_upload_drop(f->service, "../../x");
    g_assert_true(yd_upload_begin(f->service, &f->system, 10, &token, &path, &error));
    g_assert_true(g_file_set_contents(path, "x", 1, &error));
    yd_upload_prune(f->service, yd_now_ms());
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    yd_upload_prune(f->service, yd_now_ms() + 25 * 3600 * G_GINT64_CONSTANT(1000));
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/template/life", test_life);
    ADD("/template/bad-fields", test_bad_fields);
    ADD("/template/bad-sources", test_bad_sources);
    ADD("/template/bad-images", test_bad_images);
    ADD("/template/cancel", test_cancel);
    ADD("/template/cancel-copied", test_cancel_copied);
    ADD("/template/killed", test_killed);
    ADD("/template/used", test_used);
    ADD("/template/uploads", test_uploads);
    ADD("/template/upload-limits", test_upload_limits);
    return g_test_run();
}
