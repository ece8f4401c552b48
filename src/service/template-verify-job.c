// SPDX-License-Identifier: Apache-2.0
// The job template-verify: reads every file that a version consists of, and those that it had
// before and that disks are still built on, and compares them with their checksums.

#include <string.h>

#include "base/id.h"
#include "service/jobs.h"
#include "service/template-image.h"

typedef struct {
    YdJobRun *run;
    guint file, files;
} Share;

static gboolean
progress(double percent, gpointer data)
{
    const Share *share = data;
    return yd_job_run_progress(share->run, (100.0 * share->file + percent) / share->files, NULL);
}

// Names of the files to read; owned by the array.
static GPtrArray *
files_of(YdJobRun *run, const YdTemplateVersion *version, GError **error)
{
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) rows = yd_store_sealed_images(yd_job_run_store(run), error);
    if (!rows)
        return NULL;
    for (guint i = 0; i < rows->len; i++) {
        const YdSealedImage *row = rows->pdata[i];
        if (g_strcmp0(row->version_id, version->id) == 0)
            g_ptr_array_add(names, g_strdup(row->image));
    }
    g_autoptr(GPtrArray) chain = yd_storage_chain(storage, version->image, NULL);
    for (guint i = 0; chain && i < chain->len; i++) {
        const char *image = ((YdImageFacts *)chain->pdata[i])->image;
        if (!g_ptr_array_find_with_equal_func(names, image, g_str_equal, NULL))
            g_ptr_array_add(names, g_strdup(image));
    }
    return g_steal_pointer(&names);
}

// What is right again is noted as it is now: put back from a backup, a file has another time.
static gboolean
note_right(YdStore *store, YdSealedImage *row, const YdImageFacts *facts, const char *checksum,
           GError **error)
{
    row->size_bytes = facts->size_bytes;
    row->mtime = facts->mtime;
    row->checked = yd_now_ms();
    yd_set_string(&row->header, facts->header);
    yd_set_string(&row->checksum, checksum);
    if (row->damage)
        return yd_template_image_set_damage(store, row, NULL, error);
    return yd_store_put_sealed_image(store, row, error);
}

// FALSE only when it could not be looked at; damage is in *ret_damage (owned), NULL: none.
static gboolean
read_file(YdJobRun *run, const char *image, Share *share, char **ret_damage, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    YdStorage *storage = yd_service_storage(yd_job_run_service(run));
    g_autoptr(YdSealedImage) row = yd_store_sealed_image(store, image, error);
    g_autoptr(GError) local = NULL;
    if (!row)
        return !error || !*error; // not noted: nothing to compare with
    if (row->checked >= yd_job_run_job(run)->created && !row->damage)
        return TRUE; // read before a kill
    g_autoptr(GPtrArray) chain = yd_storage_chain(storage, image, &local);
    const YdImageFacts *facts = chain ? chain->pdata[0] : NULL;
    g_autoptr(YdImageInfo) info = NULL;
    if (facts && !facts->damage)
        info = yd_storage_verify(storage, image, progress, share, &local);
    if (g_error_matches(local, YD_ERROR, YD_ERROR_CANCELLED) ||
        g_error_matches(local, YD_ERROR, YD_ERROR_UNAVAILABLE)) {
        g_propagate_error(error, g_steal_pointer(&local));
        return FALSE;
    }
    if (info && (!row->checksum || strcmp(row->checksum, info->checksum) == 0))
        return note_right(store, row, facts, info->checksum, error);
    *ret_damage = info ? g_strdup_printf("its file “%s” has another checksum than it was sealed "
                                         "with",
                                         image)
                       : g_strdup_printf("its file “%s” %s", image,
                                         facts && facts->damage ? facts->damage
                                         : local                ? local->message
                                                                : "cannot be read");
    return yd_template_image_set_damage(store, row, *ret_damage, error);
}

static gboolean
step_read(YdJobRun *run, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_store_get(
        yd_job_run_store(run), &yd_template_version_type, yd_job_run_object(run), error);
    g_autoptr(GPtrArray) names = version && version->image ? files_of(run, version, error) : NULL;
    g_autofree char *found = NULL;
    if (!version || (version->image && !names))
        return FALSE;
    Share share = {.run = run, .files = names ? names->len : 0};
    for (; share.file < share.files; share.file++) {
        g_autofree char *damage = NULL;
        if (!read_file(run, names->pdata[share.file], &share, &damage, error))
            return FALSE;
        if (damage && !found)
            found = g_steal_pointer(&damage);
    }
    json_object_set_new(yd_job_run_result(run), "files", json_integer(share.files));
    if (!found)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "version %" G_GINT64_FORMAT " of “%s” is damaged: %s; put it back from a backup "
                "and have it read again",
                version->number, version->template_name, found);
    return FALSE;
}

static const YdJobStep verify_steps[] = {{"read", step_read, NULL, FALSE, 1}};

const YdJobKind yd_job_kind_template_verify = {"template-verify", "template-version",         TRUE,
                                               verify_steps,      G_N_ELEMENTS(verify_steps), NULL};
