// SPDX-License-Identifier: Apache-2.0
// The product's own backup as deskd prepares it: a copy of the database that was read again, and
// the plan, which says what belongs to it: sealed images with their checksums, the newest backup of
// each disk, and the disks that have none. A new machine is built from that.
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json-util.h"
#include "service/backup-private.h"
#include "storage/backup.h"
#include "store/store-images.h"

static char *
folder_of(YdService *service, const char *id)
{
    return g_build_filename(yd_service_config(service)->state_dir, "backup", id, NULL);
}

void
yd_backup_unstage(YdService *service, const char *id)
{
    static const char *const names[] = {"yundesk.db", "yundesk.db.part", "plan.json"};
    g_autofree char *folder = folder_of(service, id);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_build_filename(folder, names[i], NULL);
        unlink(path);
    }
    rmdir(folder);
}

// --- the plan ---

static gboolean
add_images(YdStore *store, json_t *images, GError **error)
{
    g_autoptr(GPtrArray) rows = yd_store_sealed_images(store, error);
    for (guint i = 0; rows && i < rows->len; i++) {
        const YdSealedImage *row = rows->pdata[i];
        if (row->checksum && !row->damage)
            json_array_append_new(images, json_pack("{s:s, s:s, s:I, s:s*}", "image", row->image,
                                                    "checksum", row->checksum, "mtime",
                                                    (json_int_t)row->mtime, "template",
                                                    row->template_name));
    }
    return rows != NULL;
}

static gboolean
add_disk(YdStore *store, const char *what, const char *id, const char *name, const char *image,
         json_t *plan, GError **error)
{
    GError *local = NULL;
    const YdBackup but = {.object_id = (char *)id, .what = (char *)what};
    g_autoptr(YdBackup) newest = yd_backup_newest(store, &but, FALSE, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    json_t *disk = json_pack("{s:s, s:s, s:s*, s:s*, s:s*, s:s*}", "what", what, "object_id", id,
                             "name", name, "image", image, "backup", newest ? newest->id : NULL,
                             "checksum", newest ? newest->checksum : NULL);
    json_array_append_new(json_object_get(plan, newest ? "disks" : "missing"), disk);
    return TRUE;
}

static gboolean
add_desktops(YdStore *store, json_t *plan, GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_desktop_type, &query, error);
    for (guint i = 0; page && i < page->records->len; i++) {
        const YdDesktop *desktop = page->records->pdata[i];
        if (!add_disk(store, "desktop", desktop->id, desktop->name, desktop->image, plan, error))
            return FALSE;
    }
    return page != NULL;
}

static gboolean
add_personal(YdStore *store, json_t *plan, GError **error)
{
    const YdQuery query = {0};
    g_autoptr(YdPage) page = yd_store_list(store, &yd_personal_disk_type, &query, error);
    for (guint i = 0; page && i < page->records->len; i++) {
        const YdPersonalDisk *disk = page->records->pdata[i];
        if (strcmp(disk->state, "ready") == 0 &&
            !add_disk(store, "personal-disk", disk->id, disk->name, disk->image, plan, error))
            return FALSE;
    }
    return page != NULL;
}

static json_t *
make_plan(YdStore *store, GError **error)
{
    g_autoptr(json_t) plan =
        json_pack("{s:i, s:[], s:[], s:[]}", "format", 1, "images", "disks", "missing");
    return add_images(store, json_object_get(plan, "images"), error) &&
                   add_desktops(store, plan, error) && add_personal(store, plan, error)
               ? g_steal_pointer(&plan)
               : NULL;
}

gboolean
yd_backup_stage(YdJobRun *run, const YdBackup *backup, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    gint64 rows = 0;
    g_autofree char *folder = folder_of(service, backup->id);
    g_autofree char *database = g_build_filename(folder, "yundesk.db", NULL);
    g_autofree char *file = g_build_filename(folder, "plan.json", NULL);
    if (g_mkdir_with_parents(folder, 0700) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE, "cannot make the folder '%s': %s",
                    folder, g_strerror(errno));
        return FALSE;
    }
    g_autoptr(json_t) plan = make_plan(store, error);
    g_autofree char *text = plan ? yd_json_text(plan) : NULL;
    if (!text ||
        !g_file_set_contents_full(file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error) ||
        !yd_store_copy(store, database, &rows, error))
        return FALSE;
    json_t *result = yd_job_run_result(run);
    json_object_set_new(result, "rows", json_integer(rows));
    json_object_set_new(result, "images",
                        json_integer((json_int_t)json_array_size(json_object_get(plan, "images"))));
    json_object_set_new(
        result, "without_backup",
        json_integer((json_int_t)json_array_size(json_object_get(plan, "missing"))));
    return TRUE;
}

// --- the images ---

typedef struct {
    YdJobRun *run;
    guint image, images;
} Share;

static gboolean
on_progress(double percent, gpointer data)
{
    const Share *share = data;
    return yd_job_run_progress(share->run, (100.0 * share->image + percent) / share->images, NULL);
}

gboolean
yd_backup_copy_images(YdJobRun *run, gboolean known, GError **error)
{
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    g_autoptr(json_t) images = json_array();
    if (!add_images(yd_job_run_store(run), images, error))
        return FALSE;
    Share share = {.run = run, .images = (guint)json_array_size(images)};
    for (; share.image < share.images; share.image++) {
        const json_t *row = json_array_get(images, share.image);
        const char *image = json_string_value(json_object_get(row, "image"));
        const char *sum = json_string_value(json_object_get(row, "checksum"));
        g_autoptr(json_t) done = yd_backup_image(storage, image, known, on_progress, &share, error);
        if (!done)
            return FALSE;
        if (g_strcmp0(json_string_value(json_object_get(done, "checksum")), sum) != 0) {
            g_set_error(
                error, YD_ERROR, YD_ERROR_INVALID,
                "the template's file '%s' is not what it was when it was sealed; verify the "
                "version (deskctl template verify)",
                image);
            return FALSE;
        }
    }
    return TRUE;
}
