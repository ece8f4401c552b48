// SPDX-License-Identifier: Apache-2.0
// The media library: pieces at the right place only, what is refused before a byte comes, what a
// kill leaves, checksum, removal.

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "model/iso-image.h"
#include "people-fixture.h"
#include "service/jobs.h"
#include "service/media.h"

#define BYTES (300 * 1024)
#define GIB ((gint64)1 << 30)

// A small ISO head followed by a pattern; owned.
static guint8 *
iso_new(void)
{
    guint8 *data = g_malloc0(BYTES);
    guint8 *primary = data + 16 * 2048;

    primary[0] = 1;
    memcpy(primary + 1, "CD001", 5);
    memcpy(primary + 40, "TEST", 4);
    memset(primary + 44, ' ', 28);
    primary[80] = BYTES / 2048;
    primary[129] = 8;
    primary[2048] = 255;
    memcpy(primary + 2049, "CD001", 5);
    for (guint i = YD_ISO_HEAD; i < BYTES; i++)
        data[i] = (guint8)(i * 7);
    return data;
}

static gboolean
create(Fixture *f, const char *name, gint64 bytes, const char *sha256, char **ret_id,
       GError **error)
{
    g_autoptr(YdMedia) media = yd_media_new();

    media->name = g_strdup(name);
    media->size_bytes = bytes;
    media->sha256 = g_strdup(sha256);
    if (!yd_media_create(f->service, &f->system, media, error))
        return FALSE;
    g_assert_cmpstr(media->state, ==, "uploading");
    if (ret_id)
        *ret_id = g_strdup(media->id);
    return TRUE;
}

static char *
made(Fixture *f, const char *name, const char *sha256)
{
    g_autoptr(GError) error = NULL;
    char *id = NULL;

    create(f, name, BYTES, sha256, &id, &error);
    g_assert_no_error(error);
    return id;
}

static gboolean
put(Fixture *f, const char *id, const guint8 *data, gint64 offset, gint64 bytes, GError **error)
{
    g_autoptr(YdMediaSink) sink =
        yd_media_sink_open(f->service, &f->system, id, offset, bytes, error);
    g_autoptr(YdMedia) media = NULL;

    if (!sink || !yd_media_sink_write(sink, data + offset, (gsize)bytes, error))
        return FALSE;
    media = yd_media_sink_end(sink, error);
    g_assert_cmpint(media->received_bytes, ==, offset + bytes);
    return TRUE;
}

static YdMedia *
load(Fixture *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    YdMedia *media = yd_media_get(f->service, &f->system, id, &error);

    g_assert_no_error(error);
    return media;
}

static char *
file_of(Fixture *f, const char *id, const char *suffix)
{
    g_autofree char *name = g_strconcat(id, suffix, NULL);

    return g_build_filename(yd_service_config(f->service)->state_dir, "media", name, NULL);
}

// Finishes the medium and gives back how it is then.
static YdMedia *
finished(Fixture *f, const char *id)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(YdJob) job = NULL, ended = NULL;

    yd_media_finish(f->service, &f->system, id, &job, &error);
    g_assert_no_error(error);
    g_assert_true(yd_jobs_start(f->service, &error));
    g_assert_true(yd_job_wait(f->service, job->id, 20000, &ended, &error));
    return load(f, id);
}

static void
test_life(Fixture *f, gconstpointer data)
{
    g_autofree guint8 *iso = iso_new();
    g_autofree char *sum = g_compute_checksum_for_data(G_CHECKSUM_SHA256, iso, BYTES);
    g_autofree char *upper = g_ascii_strup(sum, -1);
    g_autofree char *id = made(f, "debian-13.iso", upper);
    g_autofree char *path = yd_media_path(f->service, id), *part = file_of(f, id, ".part");
    g_autoptr(GError) error = NULL;
    g_autoptr(YdMedia) ready = NULL;
    GStatBuf info;

    g_assert_true(put(f, id, iso, 0, 100, &error));
    g_assert_false(put(f, id, iso, 0, 100, &error)); // not again
    fixture_assert_error(error, YD_ERROR_STATE, "100 bytes of “debian-13.iso” are here");
    g_assert_false(put(f, id, iso, 200, 100, &error)); // no hole
    fixture_assert_error(error, YD_ERROR_STATE, "not at 200");
    g_assert_false(yd_media_finish(f->service, &f->system, id, NULL, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "send the rest first");
    g_assert_null(yd_media_sink_open(f->service, &f->system, id, 100, BYTES, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "announced");
    g_assert_null(yd_media_sink_open(f->service, &f->system, id, 100, 0, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "Content-Length");
    g_assert_true(put(f, id, iso, 100, BYTES - 100, &error));
    ready = finished(f, id);
    g_assert_cmpstr(ready->state, ==, "ready");
    g_assert_cmpstr(ready->checksum, ==, sum);
    g_assert_cmpstr(ready->label, ==, "TEST");
    g_assert_cmpint(g_stat(path, &info), ==, 0);
    g_assert_cmpuint(info.st_mode & 07777, ==, 0444);
    g_assert_cmpint(info.st_size, ==, BYTES);
    g_assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
    g_assert_null(yd_media_sink_open(f->service, &f->system, id, 0, 10, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "takes no more");
    g_assert_true(yd_media_delete(f->service, &f->system, id, 0, &error));
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_cmpuint(fixture_audits(f, "media.create", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "media.finish", "ok"), ==, 1);
    g_assert_cmpuint(fixture_audits(f, "media.delete", "ok"), ==, 1);
}

static void
test_wrong_sum(Fixture *f, gconstpointer data)
{
    g_autofree guint8 *iso = iso_new();
    g_autofree char *other = g_compute_checksum_for_data(G_CHECKSUM_SHA256, iso, 10);
    g_autofree char *id = made(f, "a.iso", other);
    g_autofree char *path = yd_media_path(f->service, id), *part = file_of(f, id, ".part");
    g_autofree char *again = NULL;
    g_autoptr(YdMedia) media = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(put(f, id, iso, 0, BYTES, &error));
    media = finished(f, id);
    g_assert_cmpstr(media->state, ==, "failed");
    g_assert_nonnull(strstr(media->error, "not"));
    g_assert_nonnull(strstr(media->error, other));
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
    again = made(f, "A.iso", NULL); // takes the failed one's place
    g_assert_false(yd_store_visible(f->store, &yd_media_type, id, NULL, NULL, &error));
}

static void
test_no_iso(Fixture *f, gconstpointer data)
{
    g_autofree guint8 *zeros = g_malloc0(BYTES);
    g_autofree char *id = made(f, "zeros.iso", NULL), *part = file_of(f, id, ".part");
    g_autoptr(YdMedia) media = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_false(put(f, id, zeros, 0, BYTES, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "no ISO 9660");
    media = load(f, id);
    g_assert_cmpstr(media->state, ==, "failed");
    g_assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
}

static void
test_refused_at_once(Fixture *f, gconstpointer data)
{
    static const char *const names[] = {"", "   ", "a/b", "..\\c", "med-1", "a\nb"};
    g_autofree char *li = fixture_user(f, "li", "manager");
    g_autoptr(YdActorOwned) manager = fixture_actor(f, li);
    g_autofree char *long_name = g_strnfill(101, 'n'), *id = NULL, *folder = NULL;
    g_autoptr(YdMedia) media = yd_media_new();
    g_autoptr(GError) error = NULL;

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_assert_false(create(f, names[i], BYTES, NULL, NULL, &error));
        fixture_assert_error(error, YD_ERROR_INVALID, "name: ");
    }
    g_assert_false(create(f, long_name, BYTES, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "name: ");
    g_assert_false(create(f, "a", 0, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "size_bytes: ");
    g_assert_false(create(f, "a", -5, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "size_bytes: ");
    g_assert_false(create(f, "a", BYTES, "123", NULL, &error));
    fixture_assert_error(error, YD_ERROR_INVALID, "64 hexadecimal");
    g_assert_false(create(f, "a", 65 * GIB, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_TOO_LARGE, "max_upload");
    media->name = g_strdup("a");
    media->size_bytes = BYTES;
    g_assert_false(yd_media_create(f->service, &manager->actor, media, &error));
    fixture_assert_error(error, YD_ERROR_FORBIDDEN, "templates.write");
    id = made(f, "a", NULL);
    g_assert_false(create(f, "A", BYTES, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_EXISTS, "A");
    g_assert_null(yd_media_get(f->service, &manager->actor, id, &error));
    g_assert_nonnull(error);
}

static void
test_quota(Fixture *f, gconstpointer data)
{
    json_auto_t *changes = json_pack("{s:i}", "media_quota_gib", 1);
    g_autoptr(GError) error = NULL;
    g_autofree char *id = NULL;

    g_assert_true(yd_settings_set(f->service, &f->system, changes, &error));
    g_assert_false(create(f, "large.iso", GIB + 1, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_LIMIT, "media_quota_gib");
    // what is announced counts, whether it came or not
    g_assert_true(create(f, "most.iso", GIB - BYTES, NULL, &id, &error));
    g_assert_true(create(f, "rest.iso", BYTES, NULL, NULL, &error));
    g_assert_false(create(f, "more.iso", BYTES, NULL, NULL, &error));
    fixture_assert_error(error, YD_ERROR_LIMIT, "media_quota_gib");
    g_assert_true(yd_media_delete(f->service, &f->system, id, 0, &error));
    g_assert_true(create(f, "more.iso", BYTES, NULL, NULL, &error));
}

// The line broke while the server still waits for it: the new piece counts, the old one stops.
static void
test_second_sink(Fixture *f, gconstpointer data)
{
    g_autofree guint8 *iso = iso_new();
    g_autofree char *id = made(f, "a.iso", NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(YdMediaSink) old = yd_media_sink_open(f->service, &f->system, id, 0, BYTES, &error);

    g_assert_true(yd_media_sink_write(old, iso, 1000, &error));
    g_assert_true(put(f, id, iso, 1000, 1000, &error));
    g_assert_false(yd_media_sink_write(old, iso + 1000, 1000, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "another upload");
    g_assert_true(yd_media_delete(f->service, &f->system, id, 0, &error));
    g_assert_false(yd_media_sink_write(old, iso + 1000, 1000, &error));
    fixture_assert_error(error, YD_ERROR_STATE, "deleted");
}

static void
test_tidy(Fixture *f, gconstpointer data)
{
    g_autofree guint8 *iso = iso_new();
    g_autofree char *id = made(f, "a.iso", NULL), *part = file_of(f, id, ".part");
    g_autofree char *stray = file_of(f, "med-stray", ".iso"), *other = file_of(f, "x", ".iso");
    g_autoptr(YdMedia) media = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(put(f, id, iso, 0, 1000, &error));
    g_assert_true(
        g_file_set_contents(part, (const char *)iso, 5000, &error)); // killed before it told
    g_assert_true(g_file_set_contents(stray, "x", 1, &error));
    g_assert_true(g_file_set_contents(other, "x", 1, &error));
    yd_media_tidy(f->service, yd_now_ms());
    media = yd_store_get(f->store, &yd_media_type, id, &error);
    g_assert_cmpint(media->received_bytes, ==, 5000);
    g_assert_false(g_file_test(stray, G_FILE_TEST_EXISTS));
    g_assert_true(g_file_test(other, G_FILE_TEST_EXISTS)); // not ours
    g_assert_true(put(f, id, iso, 5000, BYTES - 5000, &error));
    yd_media_tidy(f->service, yd_now_ms() + 25 * 3600 * G_GINT64_CONSTANT(1000));
    g_assert_false(g_file_test(part, G_FILE_TEST_EXISTS));
    g_assert_false(yd_store_visible(f->store, &yd_media_type, id, NULL, NULL, &error));
}

// A deskd that is killed at any step of the check: the next one ends it.
static void
test_killed(Fixture *f, gconstpointer data)
{
    static const char *const stops[] = {"media-check:checksum", "media-check:checksum:after",
                                        "media-check:keep", "media-check:keep:after"};
    g_autofree guint8 *iso = iso_new();

    for (gsize i = 0; i < G_N_ELEMENTS(stops); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(YdJob) job = NULL, ended = NULL;
        g_autoptr(YdMedia) media = NULL;
        g_autofree char *id = made(f, stops[i], NULL);
        gint64 until = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;

        g_assert_true(put(f, id, iso, 0, BYTES, &error));
        g_assert_true(yd_media_finish(f->service, &f->system, id, &job, &error));
        yd_jobs_stop_at(f->service, stops[i]);
        g_assert_true(yd_jobs_start(f->service, &error));
        while (!yd_jobs_stopped(f->service) && g_get_monotonic_time() < until)
            g_usleep(2000);
        g_assert_true(yd_jobs_stopped(f->service));
        yd_jobs_stop(f->service);
        yd_jobs_stop_at(f->service, NULL);
        g_assert_true(yd_jobs_start(f->service, &error));
        g_assert_true(yd_job_wait(f->service, job->id, 20000, &ended, &error));
        g_assert_cmpstr(ended->state, ==, "done");
        media = load(f, id);
        g_assert_cmpstr(media->state, ==, "ready");
        yd_jobs_stop(f->service);
    }
}

#define ADD(name, test) g_test_add(name, Fixture, NULL, fixture_set_up, test, fixture_tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/media/life", test_life);
    ADD("/media/wrong-sum", test_wrong_sum);
    ADD("/media/no-iso", test_no_iso);
    ADD("/media/refused-at-once", test_refused_at_once);
    ADD("/media/quota", test_quota);
    ADD("/media/second-sink", test_second_sink);
    ADD("/media/tidy", test_tidy);
    ADD("/media/killed", test_killed);
    return g_test_run();
}
