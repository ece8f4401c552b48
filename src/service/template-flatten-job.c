// SPDX-License-Identifier: Apache-2.0
// The job template-flatten: a version that is built on others gets a file of its own. New disks are
// built on that; the former file stays, untouched, as long as a disk is built on it, so that no
// machine that runs notices. Killed, it is converted anew; failed, the version is as it was.

#include <string.h>

#include "base/id.h"
#include "service/jobs.h"
#include "service/template-image.h"
#include "service/template-version.h"

static YdStorage *
storage_of(YdJobRun *run)
{
    return yd_service_storage(yd_job_run_service(run));
}

// The new file is called after the job: found again after a kill.
static char *
flat_name(YdJobRun *run)
{
    return g_strdup_printf("tplv-%s.qcow2", strchr(yd_job_run_job(run)->id, '-') + 1);
}

static gboolean
is_done(const YdTemplateVersion *version, const char *flat)
{
    return version->depth <= 1 || g_strcmp0(version->image, flat) == 0;
}

// At most what all of its files take.
static gboolean
step_space(YdJobRun *run, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);
    gint64 all = 0, free_bytes = 0, needed = 0;
    g_autoptr(GPtrArray) chain =
        version ? yd_storage_chain(storage_of(run), version->image, error) : NULL;
    if (!chain || !yd_storage_space(storage_of(run), &all, &free_bytes, error))
        return FALSE;
    for (guint i = 0; i < chain->len; i++)
        needed += ((YdImageFacts *)chain->pdata[i])->allocated_bytes;
    if (needed < free_bytes || version->depth <= 1)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE,
                "flattening takes up to %" G_GINT64_FORMAT " bytes, %" G_GINT64_FORMAT
                " are free where images lie",
                needed, free_bytes);
    return FALSE;
}

static gboolean
step_convert(YdJobRun *run, GError **error)
{
    g_autofree char *flat = flat_name(run);
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, error);
    if (!version || is_done(version, flat))
        return version != NULL;
    g_autoptr(YdImageInfo) info = yd_storage_flatten(storage_of(run), version->image, flat,
                                                     yd_job_run_on_progress, run, error);
    if (!info)
        return FALSE;
    json_object_set_new(yd_job_run_result(run), "checksum", json_string(info->checksum));
    json_object_set_new(yd_job_run_result(run), "size_bytes", json_integer(info->size_bytes));
    return TRUE;
}

static gboolean
undo_convert(YdJobRun *run, GError **error)
{
    g_autofree char *flat = flat_name(run);
    g_autoptr(YdTemplateVersion) version = yd_template_version_of(run, NULL);
    if (version && g_strcmp0(version->image, flat) == 0)
        return TRUE;
    return yd_storage_delete(storage_of(run), flat, error);
}

static gboolean
step_switch(YdJobRun *run, GError **error)
{
    YdStore *store = yd_job_run_store(run);
    const json_t *result = yd_job_run_result(run);
    g_autofree char *flat = flat_name(run);
    g_autoptr(YdTemplateVersion) before = yd_template_version_of(run, error);
    if (!before || is_done(before, flat))
        return before != NULL;
    g_autoptr(GPtrArray) chain = yd_template_image_look(yd_job_run_service(run), flat, error);
    g_autoptr(YdStoreTx) tx = chain ? yd_store_tx(store, error) : NULL;
    g_autoptr(YdTemplateVersion) version = tx ? yd_template_version_of(run, error) : NULL;
    if (!version)
        return FALSE;
    const char *checksum = json_string_value(json_object_get(result, "checksum"));
    yd_set_string(&version->image, flat);
    yd_set_string(&version->checksum, checksum);
    version->size_bytes = json_integer_value(json_object_get(result, "size_bytes"));
    version->depth = 1;
    return yd_store_retire_images(store, version->id, yd_now_ms(), error) &&
           yd_template_image_note(store, version, chain, checksum, error) &&
           yd_store_update(store, &yd_template_version_type, version, error) &&
           yd_store_tx_commit(&tx, error);
}

static const YdJobStep flatten_steps[] = {
    {"space", step_space, NULL, FALSE, 1},
    {"convert", step_convert, undo_convert, FALSE, 20},
    {"switch", step_switch, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_template_flatten = {
    "template-flatten", "template-version", TRUE, flatten_steps, G_N_ELEMENTS(flatten_steps), NULL};
