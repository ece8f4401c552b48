// SPDX-License-Identifier: Apache-2.0
// Checking a medium whose bytes are all here: kind and checksum, then its final name. Each step
// finds out by itself what an earlier run has done; a medium that fails says why and has no file.

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "service/media-private.h"

#define CHUNK (1024 * 1024)
#define SEALED 0444

static YdMedia *
media_of(YdJobRun *run, GError **error)
{
    return yd_store_get(yd_job_run_store(run), &yd_media_type, yd_job_run_object(run), error);
}

static gboolean
fail(GError **error, const char *what, const char *path)
{
    g_set_error(error, YD_ERROR, errno == ENOSPC ? YD_ERROR_NO_SPACE : YD_ERROR_INTERNAL,
                "%s “%s”: %s", what, path, g_strerror(errno));
    return FALSE;
}

// ---- checksum ----

static gboolean
sum_up(YdJobRun *run, int fd, const char *path, gint64 bytes, EVP_MD_CTX *sum, GError **error)
{
    g_autofree guint8 *buffer = g_malloc(CHUNK);
    gint64 done = 0;

    for (;;) {
        ssize_t n = read(fd, buffer, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(error, "cannot read", path);
        if (n == 0)
            return TRUE;
        EVP_DigestUpdate(sum, buffer, (size_t)n);
        done += n;
        if (!yd_job_run_progress(run, 100.0 * (double)done / (double)bytes, error))
            return FALSE;
    }
}

// SHA-256 in hex, owned.
static char *
checksum(YdJobRun *run, const char *path, gint64 bytes, GError **error)
{
    guint8 digest[EVP_MAX_MD_SIZE];
    guint length = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0) {
        fail(error, "cannot read", path);
        return NULL;
    }
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    EVP_DigestInit_ex(sum, EVP_sha256(), NULL);
    gboolean done = sum_up(run, fd, path, bytes, sum, error);
    EVP_DigestFinal_ex(sum, digest, &length);
    EVP_MD_CTX_free(sum);
    close(fd);
    return done ? yd_hex(digest, length) : NULL;
}

static gboolean
check_sum(const YdMedia *media, const char *found, GError **error)
{
    if (!media->sha256 || g_str_equal(media->sha256, found))
        return TRUE;
    return yd_error_invalid(error, "sha256",
                            "the file that came has %s, not %s as announced; it was changed on "
                            "its way, or the checksum belongs to another file",
                            found, media->sha256);
}

// Where the bytes are: an earlier run may have given them their final name.
static char *
place_of(YdService *service, const char *media_id)
{
    g_autofree char *final = yd_media_path(service, media_id);

    return g_file_test(final, G_FILE_TEST_EXISTS) ? g_steal_pointer(&final)
                                                  : yd_media_file(service, media_id, ".part");
}

static gboolean
check_run(YdJobRun *run, GError **error)
{
    json_t *result = yd_job_run_result(run);
    g_autoptr(YdMedia) media = media_of(run, error);
    g_autofree char *path = media ? place_of(yd_job_run_service(run), media->id) : NULL;
    g_autofree char *sum = NULL;
    YdIsoFacts facts;
    GStatBuf info;

    if (!path)
        return FALSE;
    if (g_stat(path, &info) != 0)
        return fail(error, "cannot read", path);
    if (info.st_size != media->size_bytes)
        return yd_error_invalid(error, "size_bytes",
                                "%" G_GINT64_FORMAT
                                " were announced, the file has %" G_GINT64_FORMAT,
                                media->size_bytes, (gint64)info.st_size);
    if (!yd_media_look(path, media->size_bytes, &facts, error) ||
        !(sum = checksum(run, path, media->size_bytes, error)) || !check_sum(media, sum, error))
        return FALSE;
    json_object_set_new(result, "sha256", json_string(sum));
    json_object_set_new(result, "label", json_string(facts.label));
    json_object_set_new(result, "bootable", json_boolean(facts.bootable));
    return TRUE;
}

// ---- keep ----

static gboolean
sync_path(const char *path, int flags, GError **error)
{
    int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
    gboolean done = fd >= 0 && fsync(fd) == 0;

    if (!done)
        fail(error, "cannot sync", path);
    if (fd >= 0)
        close(fd);
    return done;
}

static gboolean
keep_file(YdService *service, const char *media_id, GError **error)
{
    g_autofree char *part = yd_media_file(service, media_id, ".part");
    g_autofree char *final = yd_media_path(service, media_id);
    g_autofree char *folder = yd_media_folder(service, error);

    if (!folder)
        return FALSE;
    if (g_file_test(part, G_FILE_TEST_EXISTS)) {
        if (!sync_path(part, 0, error))
            return FALSE;
        if (g_chmod(part, SEALED) != 0 || g_rename(part, final) != 0)
            return fail(error, "cannot keep", final);
    }
    return sync_path(folder, O_DIRECTORY, error);
}

static void
set_ready(YdMedia *media, gpointer data)
{
    const json_t *result = data;
    const char *label = json_string_value(json_object_get(result, "label"));

    yd_set_string(&media->state, "ready");
    yd_set_string(&media->checksum, json_string_value(json_object_get(result, "sha256")));
    yd_set_string(&media->label, label && *label ? label : NULL);
    media->bootable = json_is_true(json_object_get(result, "bootable"));
    yd_set_string(&media->error, NULL);
}

static gboolean
keep_run(YdJobRun *run, GError **error)
{
    const char *id = yd_job_run_object(run);

    return keep_file(yd_job_run_service(run), id, error) &&
           yd_media_change(yd_job_run_store(run), id, set_ready, yd_job_run_result(run), error);
}

static void
set_failed(YdMedia *media, gpointer data)
{
    const GError *why = data;

    yd_set_string(&media->state, "failed");
    yd_set_string(&media->error, why->message);
    media->received_bytes = 0;
}

static void
check_failed(YdJobRun *run, const GError *why)
{
    const char *id = yd_job_run_object(run);
    g_autoptr(GError) error = NULL;

    if (!yd_media_change(yd_job_run_store(run), id, set_failed, (gpointer)why, &error))
        g_debug("medium %s: %s, ignoring", id, error->message);
    yd_media_unlink(yd_job_run_service(run), id);
}

static const YdJobStep check_steps[] = {
    {.name = "checksum", .run = check_run, .weight = 98},
    {.name = "keep", .run = keep_run},
};

const YdJobKind yd_job_kind_media_check = {
    .kind = "media-check",
    .object_kind = "media",
    .cancellable = TRUE,
    .steps = check_steps,
    .n_steps = G_N_ELEMENTS(check_steps),
    .failed = check_failed,
};
