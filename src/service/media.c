// SPDX-License-Identifier: Apache-2.0
// Media as people ask for them. Receiving bytes is media-sink.c, checking them media-job.c.

#include "service/media.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "service/change.h"
#include "service/check.h"
#include "service/media-private.h"
#include "service/settings.h"

#define NAME_MAX_CHARACTERS 100
#define SMALLEST (17 * 2048) // up to the end of the first volume descriptor
#define KEEP_MS (24 * 3600 * G_GINT64_CONSTANT(1000))
#define GIB ((gint64)1 << 30)
#define DIGEST_DIGITS 64

// ---- places ----

char *
yd_media_file(YdService *service, const char *media_id, const char *suffix)
{
    g_autofree char *name = g_strconcat(media_id, suffix, NULL);

    return g_build_filename(yd_service_config(service)->state_dir, "media", name, NULL);
}

char *
yd_media_path(YdService *service, const char *media_id)
{
    return yd_media_file(service, media_id, ".iso");
}

// QEMU's user passes through to its disks, and lists nothing.
char *
yd_media_folder(YdService *service, GError **error)
{
    g_autofree char *folder =
        g_build_filename(yd_service_config(service)->state_dir, "media", NULL);

    if (g_mkdir_with_parents(folder, 0711) == 0 && g_chmod(folder, 0711) == 0)
        return g_steal_pointer(&folder);
    g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "“%s” could not be made: %s", folder,
                g_strerror(errno));
    return NULL;
}

gint64
yd_media_part_bytes(YdService *service, const char *media_id)
{
    g_autofree char *part = yd_media_file(service, media_id, ".part");
    GStatBuf info;

    return g_stat(part, &info) == 0 ? (gint64)info.st_size : 0;
}

void
yd_media_unlink(YdService *service, const char *media_id)
{
    static const char *const suffixes[] = {".part", ".iso"};

    for (gsize i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = yd_media_file(service, media_id, suffixes[i]);
        if (g_unlink(path) != 0 && errno != ENOENT)
            g_debug("“%s” was not removed (%s), ignoring", path, g_strerror(errno));
    }
}

gboolean
yd_media_change(YdStore *store, const char *media_id, YdMediaChange change, gpointer data,
                GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdMedia) media = tx ? yd_store_get(store, &yd_media_type, media_id, error) : NULL;

    if (!media)
        return FALSE;
    change(media, data);
    return yd_store_update(store, &yd_media_type, media, error) && yd_store_tx_commit(&tx, error);
}

// ---- making ----

static gboolean
check_digest(YdMedia *record, GError **error)
{
    g_autofree char *lower = record->sha256 ? g_ascii_strdown(record->sha256, -1) : NULL;

    if (!lower || !*lower) {
        yd_set_string(&record->sha256, NULL);
        return TRUE;
    }
    if (strlen(lower) != DIGEST_DIGITS || strspn(lower, "0123456789abcdef") != DIGEST_DIGITS) {
        g_autofree char *quoted = yd_check_quote(record->sha256);
        return yd_error_invalid(error, "sha256", "%s is not 64 hexadecimal digits", quoted);
    }
    yd_set_string(&record->sha256, lower);
    return TRUE;
}

static gboolean
check_fields(YdService *service, YdMedia *record, GError **error)
{
    gint64 max = yd_service_config(service)->max_upload;

    if (!yd_check_text("name", &record->name, TRUE, NAME_MAX_CHARACTERS, FALSE, error) ||
        !check_digest(record, error))
        return FALSE;
    if (strpbrk(record->name, "/\\"))
        return yd_error_invalid(error, "name", "“%s” has a slash; give a name, not a path",
                                record->name);
    if (g_str_has_prefix(record->name, "med-"))
        return yd_error_invalid(error, "name", "“%s” looks like an id; choose another name",
                                record->name);
    if (record->size_bytes < SMALLEST)
        return yd_error_invalid(error, "size_bytes",
                                "%" G_GINT64_FORMAT " bytes are too few for an ISO image",
                                record->size_bytes);
    if (record->size_bytes <= max)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                "%" G_GINT64_FORMAT " bytes are more than max_upload (%" G_GINT64_FORMAT ")",
                record->size_bytes, max);
    return FALSE;
}

// Bytes that the library has or has promised, and of these what is still to come.
static gboolean
count_bytes(YdService *service, YdStore *store, gint64 *ret_all, gint64 *ret_coming, GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_media_type, &query, error);

    *ret_all = *ret_coming = 0;
    for (guint i = 0; page && i < page->records->len; i++) {
        const YdMedia *media = page->records->pdata[i];
        if (g_strcmp0(media->state, "failed") == 0)
            continue;
        *ret_all += media->size_bytes;
        if (g_strcmp0(media->state, "uploading") == 0)
            *ret_coming += media->size_bytes - yd_media_part_bytes(service, media->id);
    }
    return page != NULL;
}

static gboolean
check_room(YdService *service, YdStore *store, gint64 bytes, GError **error)
{
    gint64 quota = yd_settings_int(service, "media_quota_gib") * GIB;
    g_autofree char *folder = yd_media_folder(service, error);
    gint64 all = 0, coming = 0, free_bytes;
    struct statvfs info;

    if (!folder || !count_bytes(service, store, &all, &coming, error))
        return FALSE;
    if (all + bytes > quota) {
        g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                    "the medium has %" G_GINT64_FORMAT " bytes, the library %" G_GINT64_FORMAT
                    " of the %" G_GINT64_FORMAT
                    " that it may have; delete media, or raise the setting media_quota_gib",
                    bytes, all, quota);
        return FALSE;
    }
    if (statvfs(folder, &info) != 0)
        return TRUE;
    free_bytes = (gint64)info.f_bavail * (gint64)info.f_frsize - coming;
    if (free_bytes > bytes)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE,
                "the medium has %" G_GINT64_FORMAT " bytes, %" G_GINT64_FORMAT
                " are free where media lie; make room on that file system first",
                bytes, MAX(free_bytes, 0));
    return FALSE;
}

// A failed medium of that name makes room for the next try.
static gboolean
drop_failed(YdService *service, YdStore *store, const char *name, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(YdMedia) old = yd_store_find(store, &yd_media_type, "name", name, &why);

    if (!old || g_strcmp0(old->state, "failed") != 0)
        return TRUE;
    yd_media_unlink(service, old->id);
    return yd_store_delete(store, &yd_media_type, old->id, 0, error);
}

gboolean
yd_media_create(YdService *service, const YdActor *actor, YdMedia *record, GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdMedia) made = yd_change_given(&yd_media_type, record);
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    yd_set_string(&made->state, "uploading");
    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !check_fields(service, made, error) || !(tx = yd_store_tx(store, error)) ||
        !drop_failed(service, store, made->name, error) ||
        !yd_check_unique(store, &yd_media_type, "name", made->name, NULL, error) ||
        !check_room(service, store, made->size_bytes, error) ||
        !yd_store_insert(store, &yd_media_type, made, error))
        return FALSE;
    details = yd_change_made(&yd_media_type, made);
    if (!yd_service_audit(service, actor, "media.create", "media", made->id, made->name, details,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    yd_change_assign(&yd_media_type, record, made);
    return TRUE;
}

YdMedia *
yd_media_get(YdService *service, const YdActor *actor, const char *media_id, GError **error)
{
    YdMedia *media =
        yd_service_get(service, actor, YD_RIGHT_TEMPLATES_READ, &yd_media_type, media_id, error);

    if (media && g_strcmp0(media->state, "uploading") == 0)
        media->received_bytes = yd_media_part_bytes(service, media->id);
    return media;
}

// ---- finishing and deleting ----

static gboolean
check_whole(const YdMedia *media, gint64 there, GError **error)
{
    if (g_strcmp0(media->state, "checking") == 0)
        return TRUE;
    if (g_strcmp0(media->state, "uploading") != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "medium “%s” is %s, not being uploaded",
                    media->name, media->state);
        return FALSE;
    }
    if (there == media->size_bytes)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "%" G_GINT64_FORMAT " of the %" G_GINT64_FORMAT
                " bytes of “%s” came; send the rest first",
                there, media->size_bytes, media->name);
    return FALSE;
}

gboolean
yd_media_finish(YdService *service, const YdActor *actor, const char *media_id, YdJob **ret_job,
                GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdMedia) media = NULL;
    g_autoptr(YdJob) job = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(media = yd_store_get(store, &yd_media_type, media_id, error)) ||
        !check_whole(media, yd_media_part_bytes(service, media_id), error))
        return FALSE;
    yd_set_string(&media->state, "checking");
    media->received_bytes = media->size_bytes;
    if (!yd_store_update(store, &yd_media_type, media, error) ||
        !yd_service_audit(service, actor, "media.finish", "media", media_id, media->name, NULL,
                          error) ||
        !(job = yd_job_submit(service, actor, "media-check", media_id, media->name, NULL, NULL,
                              error)) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    if (ret_job)
        *ret_job = g_steal_pointer(&job);
    return TRUE;
}

// Names the first workbench that has it as one of its media.
static gboolean
check_unused(YdStore *store, const YdMedia *media, GError **error)
{
    static const char *const columns[] = {"media_id", "drivers_id"};

    for (gsize i = 0; i < G_N_ELEMENTS(columns); i++) {
        g_autoptr(GPtrArray) users =
            yd_store_all(store, &yd_desktop_type, columns[i], media->id, error);
        if (!users)
            return FALSE;
        if (users->len == 0)
            continue;
        const YdDesktop *user = users->pdata[0];
        g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                    "medium “%s” is in workbench “%s” of template “%s”; finish or discard it first",
                    media->name, user->name, user->template_name);
        return FALSE;
    }
    return TRUE;
}

gboolean
yd_media_delete(YdService *service, const YdActor *actor, const char *media_id, gint64 version,
                GError **error)
{
    YdStore *store = yd_service_store(service, error);
    g_autoptr(YdMedia) media = NULL;
    g_autoptr(YdStoreTx) tx = NULL;

    if (!store || !yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error) ||
        !(tx = yd_store_tx(store, error)) ||
        !(media = yd_store_get(store, &yd_media_type, media_id, error)) ||
        !yd_change_check_version(&yd_media_type, media, media, version, error))
        return FALSE;
    if (g_strcmp0(media->state, "checking") == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "medium “%s” is being checked; cancel the job or wait for its end",
                    media->name);
        return FALSE;
    }
    if (!check_unused(store, media, error) || !yd_media_stop_writer(service, media_id, error) ||
        !yd_store_delete(store, &yd_media_type, media_id, 0, error) ||
        !yd_service_audit(service, actor, "media.delete", "media", media_id, media->name, NULL,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    yd_media_unlink(service, media_id); // one that stays is found by yd_media_tidy
    return TRUE;
}

// ---- after kills and broken lines ----

static void
set_received(YdMedia *media, gpointer data)
{
    media->received_bytes = *(gint64 *)data;
}

// The newest sign of life of an upload, in milliseconds.
static gint64
last_sign(YdService *service, const YdMedia *media)
{
    g_autofree char *part = yd_media_file(service, media->id, ".part");
    GStatBuf info;

    return MAX(media->changed, g_stat(part, &info) == 0 ? (gint64)info.st_mtime * 1000 : 0);
}

static void
tidy_row(YdService *service, YdStore *store, const YdMedia *media, gint64 now)
{
    const YdActor system = {.role = YD_ROLE_ADMIN};
    g_autoptr(GError) error = NULL;
    gint64 there = yd_media_part_bytes(service, media->id);

    if (g_strcmp0(media->state, "uploading") != 0)
        return;
    if (last_sign(service, media) + KEEP_MS < now)
        yd_media_delete(service, &system, media->id, 0, &error);
    else if (there != media->received_bytes)
        yd_media_change(store, media->id, set_received, &there, &error);
    if (error)
        g_debug("medium %s: %s, ignoring", media->id, error->message);
}

static void
tidy_files(YdService *service, YdStore *store)
{
    g_autofree char *folder =
        g_build_filename(yd_service_config(service)->state_dir, "media", NULL);
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        const char *dot = strrchr(name, '.');
        g_autofree char *id = dot ? g_strndup(name, (gsize)(dot - name)) : NULL;
        g_autofree char *path = g_build_filename(folder, name, NULL);
        g_autoptr(GError) why = NULL;
        if (!id || !g_str_has_prefix(id, "med-") ||
            yd_store_visible(store, &yd_media_type, id, NULL, NULL, &why))
            continue;
        if (g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND))
            g_unlink(path);
    }
}

void
yd_media_tidy(YdService *service, gint64 now)
{
    g_autoptr(GError) error = NULL;
    YdStore *store = yd_service_store(service, &error);
    const YdQuery query = {0};
    g_autoptr(YdPage) page = store ? yd_store_list(store, &yd_media_type, &query, &error) : NULL;

    for (guint i = 0; page && i < page->records->len; i++)
        tidy_row(service, store, page->records->pdata[i], now);
    if (page)
        tidy_files(service, store);
    else
        g_debug("media: %s, ignoring", error->message);
}
